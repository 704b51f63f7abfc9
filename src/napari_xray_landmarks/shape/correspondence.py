"""Points in correspondence on the bones of several masks: a reference's surface, registered to every subject."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from ..errors import InputError, listed
from ..imaging import Volume
from ..mesh import Mesh
from .bone_masks import BoneMask, bone_mask
from .bone_masks import mirrored as mirror_of
from .correspondence_settings import CorrespondenceSettings
from .distance_maps import DistanceMap
from .even_surface import even_surface
from .reference import reference_of
from .subjects import SubjectReport, as_lines, coarse, coarse_map, points_of, registered
from .workers import results

MIRROR = np.array([1.0, 1.0, -1.0])


@dataclass(frozen=True, eq=False)
class Correspondences:
    """The same points on every bone.

    Parameters
    ----------
    names
        Of the K subjects that were kept, in order.
    kept : (K,) array
        Their numbers among all masks.
    points : (K, N, 3) array
        In mm in each subject's own world.
    faces : (T, 3) array
        Triangles between the points, outwards in `shapes`.
    mirrored : (K,) boolean array
        Which ones are of the other side.
    reference
        The number, among those kept, of the one on whose surface the points were chosen.
    report
        One for every mask, those that were left out too.
    """

    names: tuple[str, ...]
    kept: np.ndarray
    points: np.ndarray
    faces: np.ndarray
    mirrored: np.ndarray
    reference: int
    report: tuple[SubjectReport, ...]

    @property
    def shapes(self) -> np.ndarray:
        """(K, N, 3) points, those of the other side mirrored: shapes of one and the same bone."""
        return np.where(self.mirrored[:, None, None], MIRROR, 1.0) * self.points


def correspond(masks: Sequence[Volume | Callable[[], Volume]], names: Sequence[str], *,
               settings: CorrespondenceSettings | None = None, mirrored=None, rng: np.random.Generator | None = None,
               progress: Callable | None = None, run=None, stage: str = "correspondence", workers: int = 1,
               scheduler: str | None = None) -> Correspondences:
    """Bring the bones of several masks into correspondence (paper 004, 3.1 and 3.2).

    The reference is the mask with the highest mean overlap with all others after affine registration. Each subject is
    registered to it, affine and then by diffeomorphic demons, and points on the reference's surface are carried over.
    A subject that cannot be used, or whose registration does not hold, is left out; the report says so.

    Parameters
    ----------
    masks
        Not zero in the bone; or functions without arguments that read one, for more than the memory holds.
    names
        One a mask.
    settings
    mirrored : (K,) boolean array, optional
        Which are of the other side: those are mirrored first.
    rng
        Where the first point lies.
    progress
        Called as `progress(fraction, stage)`; may raise `errors.Cancelled`.
    run
        A `training.runs.TrainingRun`, to go on where an earlier attempt stopped.
    stage
        What the names of its stages begin with.
    workers
        Processes over subjects.
    scheduler
        HOST:PORT of a Dask scheduler in their place.

    Raises
    ------
    InputError
        Fewer than two subjects can be used, or the bone is too small for so many points.
    """
    settings, rng = settings or CorrespondenceSettings(), rng or np.random.default_rng(0)
    flags = np.zeros(len(masks), bool) if mirrored is None else np.asarray(mirrored, bool)
    if not len(masks) == len(names) == len(flags):
        raise ValueError(f"{len(masks)} masks, {len(names)} names and {len(flags)} sides do not go together")
    report = progress or (lambda fraction, stage="": None)
    work = _Work(run, stage, workers, scheduler)
    sources = [_source(mask, bool(flag)) for mask, flag in zip(masks, flags, strict=True)]
    found = work.each("bone", coarse, {i: (source,) for i, source in enumerate(sources)},
                      lambda f: report(0.15 * f, "reading masks"))
    usable = [i for i in sorted(found) if "problem" not in found[i]]
    _require_two(names, found, usable)
    chosen = work.once("reference", lambda: _chosen([found[i] for i in usable],
                                                    lambda f: report(0.15 + 0.15 * f, "choosing the reference")))
    index, back = int(chosen["index"]), np.linalg.inv(chosen["maps"][int(chosen["index"])])
    reference = usable[index]
    bone = sources[reference]()
    surface = _surface(work, bone.distances, names[reference], settings.points, rng)
    jobs = {i: (sources[i], bone, surface, chosen["maps"][n] @ back, settings)
            for n, i in enumerate(usable) if i != reference}
    done = work.each("fit", registered, jobs, lambda f: report(0.3 + 0.7 * f, "registration"))
    points = {i: points_of(done[i]) if i in done else surface.vertices for i in usable}
    kept = np.array([i for i in usable if points[i] is not None])
    judged = tuple(_report(names[i], flags[i], found[i], done.get(i), i == reference) for i in range(len(masks)))
    if len(kept) < 2:
        reasons = listed([f"{names[i]} {judged[i].notes[-1]}" for i in done], 2, "; ")
        raise InputError(names[reference], f"no other mask could be registered to it: {reasons}",
                         "Check the masks, or change the settings")
    own = np.stack([points[i] * (MIRROR if flags[i] else 1.0) for i in kept])
    return Correspondences(tuple(names[i] for i in kept), kept, own, surface.faces, flags[kept],
                           int(np.flatnonzero(kept == reference)[0]), judged)


def bone_of(read: Callable[[], Volume], mirrored: bool) -> BoneMask:
    """The bone of one mask, mirrored where it is of the other side."""
    volume = read()
    return bone_mask(mirror_of(volume) if mirrored else volume)


def _source(mask: Volume | Callable[[], Volume], mirrored: bool) -> Callable[[], BoneMask]:
    """What reads it, also in another process: headers do not go there."""
    if callable(mask):
        return partial(bone_of, mask, mirrored)
    return partial(bone_of, partial(Volume, mask.voxels, mask.world_from_voxel, mask.name), mirrored)


@dataclass(frozen=True)
class _Work:
    """Work that is kept in a run as it is done, over all subjects or once."""

    run: object
    stage: str
    workers: int
    scheduler: str | None

    def once(self, name: str, compute: Callable) -> dict[str, np.ndarray]:
        return compute() if self.run is None else self.run.stage(f"{self.stage}-{name}", compute)

    def each(self, name: str, function: Callable, jobs: Mapping, progress: Callable) -> dict:
        """{key: arrays} of every job, those of an earlier attempt among them."""
        kept = {key: self.run.kept(self._of(name, key)) for key in jobs} if self.run else {}
        done = {key: arrays for key, arrays in kept.items() if arrays is not None}
        left = {key: job for key, job in jobs.items() if key not in done}
        progress(len(done) / max(len(jobs), 1))
        for key, arrays in results(function, left, workers=self.workers, scheduler=self.scheduler):
            done[key] = self.run.keep(self._of(name, key), arrays) if self.run else arrays
            progress(len(done) / len(jobs))
        return done

    def _of(self, name: str, key) -> str:
        return f"{self.stage}-{name}-{key}"


def _chosen(found: Sequence[Mapping], progress: Callable) -> dict[str, np.ndarray]:
    boxes = np.array([arrays["bounds_mm"] for arrays in found])
    index, overlaps, maps = reference_of([coarse_map(arrays) for arrays in found], boxes, progress)
    return {"index": np.array(index), "overlaps": overlaps, "maps": maps}


def _surface(work: _Work, distances: DistanceMap, name: str, count: int, rng: np.random.Generator) -> Mesh:
    def compute() -> dict[str, np.ndarray]:
        try:
            mesh = even_surface(distances, count, rng)
        except ValueError as error:
            raise InputError(name, str(error), "Ask for fewer with --set points=N") from error
        return {"vertices": mesh.vertices, "faces": mesh.faces}

    return Mesh(**work.once("surface", compute), name=name)


def _require_two(names: Sequence[str], found: Mapping, usable: Sequence[int]) -> None:
    if len(usable) < 2:
        problems = [as_lines(found[i]["problem"])[0] for i in sorted(found) if i not in usable]
        reason = f" ({problems[0]})" if problems else ""
        raise InputError(names[0] if names else "masks", f"{len(usable)} of {len(names)} masks can be used{reason}",
                         "Correspondences need at least two subjects")


def _report(name: str, mirrored: bool, found: Mapping, done: Mapping | None, is_reference: bool) -> SubjectReport:
    if "problem" in found:
        return SubjectReport(name, False, mirrored=bool(mirrored), notes=as_lines(found["problem"]))
    notes = as_lines(found["notes"])
    common = {"mirrored": bool(mirrored), "voxel_mm": float(found["voxel_mm"]), "cut": float(found["cut"])}
    if is_reference:
        return SubjectReport(name, True, True, overlap=1.0, smallest_jacobian=1.0, registered_median_mm=0.0,
                             registered_p95_mm=0.0, median_mm=0.0, p95_mm=0.0, notes=notes, **common)
    return SubjectReport(
        name, points_of(done) is not None, False, overlap=float(done["overlap"]), folds=int(done["folds"]),
        smallest_jacobian=float(done["jacobian"]), registered_median_mm=float(done["before"][0]),
        registered_p95_mm=float(done["before"][1]), median_mm=float(done["after"][0]), p95_mm=float(done["after"][1]),
        notes=(*notes, *as_lines(done["notes"])), **common)
