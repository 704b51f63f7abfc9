"""How well landmarks are found from each direction: the protocol of paper 002, as tables.

Films every few degrees over a segment of the sphere of views, 120 x 90 degrees about the front in the paper.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ..errors import FileError
from ..geometry.camera import CArm
from ..io.files import replacing
from .metrics import radial_error

if TYPE_CHECKING:
    from ..drr.scene import Scene
    from ..imaging import Radiograph
    from ..landmarks import LandmarkSet

LAO_DEG, CRAN_DEG, STEP_DEG = 60.0, 45.0, 5.0  # the paper's segment, to either side, and its step
BELIEF, ACCURATE_PX = 0.4, 15.0  # from which a landmark counts as detected, and below which as right
SOURCE_TO_ISOCENTRE_MM, SOURCE_TO_DETECTOR_MM = 750.0, 1200.0
COLUMNS = ("subject", "lao_deg", "cran_deg", "landmark", "visible", "belief", "error_px", "error_mm")


@dataclass(frozen=True, eq=False)
class ViewSphere:
    """What was found in films of V views of L landmarks.

    Parameters
    ----------
    names
        Of the landmarks.
    lao, cran : (V,) arrays
        Degrees.
    errors_px, errors_mm : (V, L) arrays
        Distance of the best guess from the truth on the detector; NaN without a truth. Millimetres are the detector's,
        as in the paper.
    belief : (V, L) array
    visible : (V, L) bool array
        Whether a landmark lies on the film.
    subjects : (V,) tuple of text
        Whose film each is.
    """

    names: tuple[str, ...]
    lao: np.ndarray
    cran: np.ndarray
    errors_px: np.ndarray
    errors_mm: np.ndarray
    belief: np.ndarray
    visible: np.ndarray
    subjects: tuple[str, ...] = ()

    def __post_init__(self):
        shape = (len(self.lao), len(self.names))
        subjects = tuple(self.subjects) or ("",) * shape[0]
        for key in ("lao", "cran", "errors_px", "errors_mm", "belief", "visible"):
            values = np.array(getattr(self, key), bool if key == "visible" else float)
            if values.shape != (shape if values.ndim == 2 else shape[:1]):
                raise ValueError(f"{key} of {shape[0]} views and {shape[1]} landmarks has shape {values.shape}")
            values.flags.writeable = False
            object.__setattr__(self, key, values)
        if len(subjects) != shape[0]:
            raise ValueError(f"{len(subjects)} subjects for {shape[0]} views")
        object.__setattr__(self, "subjects", subjects)

    def detected(self, belief: float = BELIEF) -> np.ndarray:
        """(V, L) whether each landmark that is on its film is believed in."""
        return self.visible & (self.belief >= belief)

    def summary(self, belief: float = BELIEF) -> "Summary":
        """All views and landmarks together."""
        found = self.detected(belief)
        outside = ~self.visible
        px, mm = self.errors_px[found], self.errors_mm[found]
        return Summary(int(found.sum()), _mean(mm), _sd(mm), _mean(px), _sd(px), _median(mm),
                       _share(found.sum(), self.visible.sum()), _share((px < ACCURATE_PX).sum(), len(px)),
                       _share((outside & (self.belief >= belief)).sum(), outside.sum()))

    def of(self, chosen: np.ndarray) -> "ViewSphere":
        """Some of the views: (V,) flags or numbers."""
        numbers = np.arange(len(self.lao))[chosen]
        arrays = {key: getattr(self, key)[numbers] for key in
                  ("lao", "cran", "errors_px", "errors_mm", "belief", "visible")}
        return replace(self, **arrays, subjects=tuple(self.subjects[i] for i in numbers))

    def by_view(self, belief: float = BELIEF) -> pd.DataFrame:
        """A row for each direction, of all subjects: lao_deg, cran_deg and the columns of `Summary`."""
        directions = list(dict.fromkeys(zip(self.lao.tolist(), self.cran.tolist(), strict=True)))
        own = [self.of((self.lao == lao) & (self.cran == cran)) for lao, cran in directions]
        return pd.DataFrame([{"lao_deg": lao, "cran_deg": cran, **vars(views.summary(belief))}
                             for (lao, cran), views in zip(directions, own, strict=True)])

    def by_landmark(self, belief: float = BELIEF) -> pd.DataFrame:
        """A row for each landmark, of all views."""
        return pd.DataFrame([{"landmark": name, **vars(self.landmark(name).summary(belief))} for name in self.names])

    def landmark(self, name: str) -> "ViewSphere":
        """One landmark alone."""
        i = self.names.index(name)
        arrays = {key: getattr(self, key)[:, i:i + 1] for key in ("errors_px", "errors_mm", "belief", "visible")}
        return replace(self, names=(name,), **arrays)

    def by_belief(self, edges: Sequence[float] = tuple(np.linspace(0, 1, 11))) -> pd.DataFrame:
        """A row for each range of belief: low, high, count, and mean and median error of landmarks on their films."""
        belief, px, mm = (a[self.visible] for a in (self.belief, self.errors_px, self.errors_mm))
        rows = []
        for low, high in zip(edges[:-1], edges[1:], strict=True):
            own = (belief >= low) & ((belief < high) | (high == edges[-1]))
            rows.append({"low": low, "high": high, "count": int(own.sum()), "mean_px": _mean(px[own]),
                         "mean_mm": _mean(mm[own]), "median_mm": _median(mm[own])})
        return pd.DataFrame(rows)


@dataclass(frozen=True)
class Summary:
    """Of the landmarks that lie on their films and are detected, and how many are.

    Parameters
    ----------
    count
        Landmarks that were detected.
    mean_mm, sd_mm, mean_px, sd_px, median_mm
        Of their errors, at the detector.
    recall
        Share of the landmarks on films that was detected.
    accurate
        Share of the detected ones that is less than `ACCURATE_PX` off.
    outside_believed
        Share of the landmarks outside of their films that is believed in.
    """

    count: int
    mean_mm: float
    sd_mm: float
    mean_px: float
    sd_px: float
    median_mm: float
    recall: float
    accurate: float
    outside_believed: float


def view_grid(step_deg: float = STEP_DEG, lao_deg: float = LAO_DEG, cran_deg: float = CRAN_DEG
              ) -> list[tuple[float, float]]:
    """(lao, cran) every so many degrees over the segment; 475 views as in the paper."""
    rows, columns = (np.arange(-int(reach / step_deg), int(reach / step_deg) + 1) * step_deg
                     for reach in (cran_deg, lao_deg))
    return [(float(lao), float(cran)) for cran in rows for lao in columns]


def arms_about(middle_mm, views: Sequence[tuple[float, float]]) -> Iterator[CArm]:
    """The paper's C-arm in each view of a point: 615 x 479 pixels of 0.616 mm."""
    for lao, cran in views:
        yield CArm(lao, cran, source_to_isocentre_mm=SOURCE_TO_ISOCENTRE_MM,
                   source_to_detector_mm=SOURCE_TO_DETECTOR_MM, isocentre_mm=tuple(map(float, middle_mm)))


def measure(detect: Callable[["Radiograph"], object], film_of: Callable[[CArm], "Radiograph"], landmarks: "LandmarkSet",
            arms: Sequence[CArm], *, subject: str = "", progress=None) -> ViewSphere:
    """Detect landmarks in films of one subject, and compare them with where they are.

    Parameters
    ----------
    detect
        Gives a detection with `landmarks`, of these names in this order, and perhaps `beliefs`; without them the
        landmarks' confidence counts.
    film_of
        Makes a film.
    landmarks
        In mm.
    arms
    subject
    progress
        Called as `progress(fraction, stage)`.

    Raises
    ------
    ValueError
        The detector's landmarks are others.
    """
    from ..drr.projection import project_landmarks

    rows = []
    for number, arm in enumerate(arms):
        if progress is not None:
            progress(number / len(arms), f"view {number + 1} of {len(arms)}")
        found = detect(film_of(arm))
        if found.landmarks.names != landmarks.names:
            raise ValueError("the model's landmarks are not those of the subject, in that order")
        truth = project_landmarks(landmarks, arm.camera())
        belief = getattr(found, "beliefs", None)
        rows.append((radial_error(found.landmarks.points, truth.points),
                     radial_error(found.landmarks.points, truth.points, arm.pixel_spacing_mm),
                     found.landmarks.confidence if belief is None else belief, truth.detected))
    parts = [np.array(part) for part in zip(*rows, strict=True)]
    lao, cran = (np.array([getattr(arm, key) for arm in arms]) for key in ("lao_deg", "cran_deg"))
    return ViewSphere(landmarks.names, lao, cran, *parts, (subject,) * len(rows))


def film_maker(scene: "Scene", exposure=None, seed: int = 0) -> Callable[[CArm], "Radiograph"]:
    """Makes radiographs of a scene, each with noise of its own."""
    from ..drr.simulate import simulate

    def film(arm: CArm) -> "Radiograph":
        own = [seed, *(int(round(10 * a)) % 3600 for a in (arm.lao_deg, arm.cran_deg))]
        return simulate(scene, arm, exposure, rng=np.random.default_rng(own))

    return film


def joined(spheres: Sequence[ViewSphere]) -> ViewSphere:
    """Several subjects as one."""
    arrays = {key: np.concatenate([getattr(s, key) for s in spheres]) for key in
              ("lao", "cran", "errors_px", "errors_mm", "belief", "visible")}
    return ViewSphere(spheres[0].names, **arrays, subjects=sum((s.subjects for s in spheres), ()))


def table_of(sphere: ViewSphere) -> pd.DataFrame:
    """A row for each view and landmark, with `COLUMNS`; inverse of `sphere_of`."""
    views, count = len(sphere.lao), len(sphere.names)
    columns = (np.repeat(sphere.subjects, count), np.repeat(sphere.lao, count), np.repeat(sphere.cran, count),
               np.tile(sphere.names, views), sphere.visible.ravel(), sphere.belief.ravel(), sphere.errors_px.ravel(),
               sphere.errors_mm.ravel())
    return pd.DataFrame(dict(zip(COLUMNS, columns, strict=True)))


def sphere_of(table: pd.DataFrame) -> ViewSphere:
    """The views of a table."""
    names = tuple(dict.fromkeys(table["landmark"]))
    first = table.iloc[::len(names)]
    grids = [table[key].to_numpy().reshape(-1, len(names)) for key in ("error_px", "error_mm", "belief", "visible")]
    return ViewSphere(names, first["lao_deg"].to_numpy(), first["cran_deg"].to_numpy(), *grids,
                      tuple("" if s != s else str(s) for s in first["subject"]))


def write_view_sphere(path, sphere: ViewSphere) -> None:
    """Keep it as a CSV file."""
    with replacing(Path(path)) as temporary:
        table_of(sphere).to_csv(temporary, index=False, lineterminator="\n")


def read_view_sphere(path) -> ViewSphere:
    """What `write_view_sphere` wrote.

    Raises
    ------
    FileError
        It cannot be read, or is something else.
    """
    try:
        return sphere_of(pd.read_csv(path))
    except OSError as error:
        raise FileError(path, f"cannot be read ({error.strerror})", "Check the path") from error
    except (KeyError, ValueError) as error:
        raise FileError(path, "holds no views of landmarks", "Give a table of `xray-landmarks`' view sphere") from error


def _mean(values: np.ndarray) -> float:
    return float(np.mean(values)) if len(values) else float("nan")


def _median(values: np.ndarray) -> float:
    return float(np.median(values)) if len(values) else float("nan")


def _sd(values: np.ndarray) -> float:
    return float(np.std(values)) if len(values) else float("nan")


def _share(part, whole) -> float:
    return float(part / whole) if whole else float("nan")
