"""`pose`: where films were taken from, from landmarks on them and in the CT."""

from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import FileError, InputError, listed
from .arms import parse_size
from .inputs import file_stems
from .jobs import RETRIES, Hands, Job, Made, RetriesOption, SchedulerOption, WorkersOption, run_jobs
from .manifest import key_of
from .options import Device, DeviceOption, QuietOption, SeedOption
from .posing import Facts, facts_of_film, facts_of_geometry, pose_of
from .reporting import for_each, say

if TYPE_CHECKING:
    from ..io.tables import Detections
    from ..landmarks import LandmarkSet

ENDING = ".json"


def pose(
    points_2d: Annotated[
        Path, typer.Argument(metavar="POINTS2D.csv", help="A table of `detect`, of one film or more.")
    ],
    points_3d: Annotated[
        Path, typer.Argument(metavar="POINTS3D.mrk.json", help="The same landmarks in the CT; .fcsv too.")
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="POSE.json", help="A file; of several films a folder.")
    ],
    geometry: Annotated[
        Path | None,
        typer.Option("--geometry", metavar="G.json", help="Source and detector of the C-arm: one for all films, or a "
                     "folder with one named like each film."),
    ] = None,
    film: Annotated[
        Path | None,
        typer.Option("--film", metavar="FILM.dcm", help="The film: its header is checked against the geometry, or "
                     "taken for it."),
    ] = None,
    unknown_intrinsics: Annotated[
        bool, typer.Option("--unknown-intrinsics", help="Find the distance of the source and the foot of the beam too "
                           "(DLT); needs landmarks in all three directions.")
    ] = False,
    size: Annotated[
        str | None, typer.Option("--size", metavar="ROWSxCOLUMNS", help="Of the film, where neither geometry nor film "
                                 "tells it.")
    ] = None,
    min_confidence: Annotated[
        float, typer.Option("--min-confidence", metavar="0..1", help="Detections below do not count.")
    ] = 0.7,
    image: Annotated[
        str | None, typer.Option("--image", metavar="NAME", help="Which film of the table; by default all.")
    ] = None,
    any_view: Annotated[
        bool, typer.Option("--any-view", help="The geometry's angles mean nothing: do not compare the pose with them.")
    ] = False,
    workers: WorkersOption = 1,
    scheduler: SchedulerOption = None,
    retries: RetriesOption = RETRIES,
    quiet: QuietOption = False,
    device: DeviceOption = Device.auto,
    seed: SeedOption = None,
) -> int:
    """Estimate the pose of films in a CT from landmarks; of several films, a bad one is reported and skipped.

    Wrong landmarks are left out. Each pose comes with its residual, the landmarks that it rests on and its covariance;
    where the landmarks do not fix it, none is written.
    """
    if not 0 <= min_confidence <= 1:
        raise InputError(f"--min-confidence {min_confidence:g}", "is no confidence", "Give a number from 0 to 1")
    films, ct = _films(points_2d, image), _landmarks_in_space(points_3d)
    targets = _targets(output, list(films))
    _require_facts(geometry, film, size, unknown_intrinsics, len(films))
    asked = Asked(points_2d, points_3d, geometry, film, size, unknown_intrinsics, min_confidence, any_view, seed or 0)
    if (hands := Hands(workers, scheduler, retries)).several and len(films) > 1:
        jobs = [Job(f"{points_2d}: {name}", asked.key_of(name, one.landmarks, ct), posed,
                    (targets[name].name, asked.absolute(), name, one.landmarks, ct)) for name, one in films.items()]
        ended = run_jobs(jobs, output, hands, title="Pose", quiet=quiet)
        say(f"Written: {len(ended.parts)} poses into {output}", quiet)
        return 0 if ended.whole else 1

    def work(name: str, _) -> tuple[str, Made]:
        targets[name].parent.mkdir(parents=True, exist_ok=True)
        return name, posed(targets[name].parent, targets[name].name, asked, name, films[name].landmarks, ct)

    found, failures = for_each(films, work, title="Pose", quiet=quiet)
    for name, made in found:
        for line in (*made.lines, f"Written: {targets[name]}"):
            say(line, quiet)
    return 1 if failures else 0


@dataclass(frozen=True)
class Asked:
    """What the command was asked for, besides the landmarks: files, and how they are used."""

    points_2d: Path
    points_3d: Path
    geometry: Path | None
    film: Path | None
    size: str | None
    unknown_intrinsics: bool
    min_confidence: float
    any_view: bool
    seed: int

    def absolute(self) -> "Asked":
        """With paths that other processes find."""
        paths = {f.name: getattr(self, f.name) for f in fields(self)}
        return replace(self, **{key: path.absolute() for key, path in paths.items() if isinstance(path, Path)})

    def key_of(self, name: str, landmarks: "LandmarkSet", ct: "LandmarkSet") -> str:
        """Of one film, for the manifest; other films of the table do not matter."""
        files = [key_of(path) for path in (self.geometry, self.film) if path is not None]
        points = [(s.names, s.points.tolist(), s.confidence.tolist(), s.detected.tolist()) for s in (landmarks, ct)]
        return key_of(self.points_3d, "pose", name, files, points, self.size, self.unknown_intrinsics,
                      self.min_confidence, self.any_view, self.seed)


def posed(folder: Path, target: str, asked: Asked, name: str, landmarks: "LandmarkSet", ct: "LandmarkSet") -> Made:
    """Estimate the pose of one film and write it into a folder."""
    from ..io.poses import save_pose

    facts = _facts(name, asked.geometry, asked.film, asked.size, asked.unknown_intrinsics)
    found = pose_of(f"{asked.points_2d}: {name}", asked.points_3d, landmarks, ct, facts, seed=asked.seed,
                    compare=not asked.any_view, min_confidence=asked.min_confidence,
                    unknown_intrinsics=asked.unknown_intrinsics)
    save_pose(folder / target, found)
    return Made((f"{name}: {found.provenance['summary']}",))


def _films(path: Path, image: str | None) -> "dict[str, Detections]":
    """The landmarks of each film of a table, or of the one that is named."""
    from ..io import read_detections

    if path.suffix.lower() != ".csv":
        raise FileError(path, "is no table of landmarks on films", "Give the .csv that `detect` wrote")
    films = read_detections(path)
    if not films:
        raise FileError(path, "holds no landmark", "Detect some first")
    if image is None:
        return films
    if image not in films:
        raise FileError(path, f"has no image {image!r}, but {listed(films, 4)}", "Name one of them with --image")
    return {image: films[image]}


def _landmarks_in_space(path: Path) -> "LandmarkSet":
    from ..io import load_landmarks

    if path.suffix.lower() == ".csv":
        raise FileError(path, "holds points of films", "Give the CT's landmarks, as .mrk.json or .fcsv")
    landmarks = load_landmarks(path)
    if landmarks.points.shape[1] != 3 or landmarks.unit != "mm":
        raise FileError(path, "holds points of a film", "Give the CT's landmarks, in mm")
    return landmarks


def _targets(output: Path, names: list[str]) -> dict[str, Path]:
    """Where the pose of each film goes."""
    if output.suffix.lower() == ENDING and not output.is_dir():
        if len(names) > 1:
            raise InputError(output, f"holds one pose, but there are {len(names)} films ({listed(names, 4)})",
                             "Give a folder, or name one with --image")
        return {names[0]: output}
    if output.exists() and not output.is_dir():
        raise InputError(output, "is a file, not a folder", "Choose another name")
    return {name: output / f"{stem}_pose{ENDING}" for name, stem in zip(names, file_stems(names), strict=True)}


def _require_facts(geometry: Path | None, film: Path | None, size: str | None, unknown: bool, count: int) -> None:
    """Refuse options that do not tell enough, or more than can be true."""
    if geometry is None and film is None and (size is None or not unknown):
        raise InputError("--geometry", "is missing: source and detector must be known", "Give --geometry G.json or "
                         "--film FILM.dcm, or --unknown-intrinsics with --size ROWSxCOLUMNS")
    if size is not None and (geometry or film):
        raise InputError(f"--size {size}", "is given besides --geometry or --film, which tell it", "Leave it out")
    if film is not None and count > 1:
        raise InputError(film, f"is one film, but there are landmarks of {count}", "Name one with --image")


def _facts(name: str, geometry: Path | None, film: Path | None, size: str | None, unknown: bool) -> Facts:
    """What is known of how one film was taken."""
    if size is not None:
        return Facts(parse_size(size))
    if geometry is not None and geometry.is_dir():
        from ..io.files import stem

        geometry = geometry / f"{stem(Path(name).name)}{ENDING}"
    if geometry is None:
        return facts_of_film(film, not unknown)
    return facts_of_geometry(geometry, film)
