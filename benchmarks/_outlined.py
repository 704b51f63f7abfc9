"""Films with the true outlines of their bones, spoilt films, and films that do not show the bone at all."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from _page import DATA
from napari_xray_landmarks.io import load_image
from napari_xray_landmarks.joint_displacement.reliability import spoilt
from napari_xray_landmarks.phantoms import film as phantom_film
from napari_xray_landmarks.shape.distances import point_to_curve

SPOILT = ("mirrored", "inverted", "cut through the bone")
SPOIL_EVERY = 5
SPINE, SPINES = "spine, phantom", range(2000, 2008)
REAL = {"skull, real": "cephalograms/images/*", "spine, real": "aasce/images/*", "chest, real": "dicom-films/RG1*",
        "lower leg, real": "dicom-films/RG3*", "angiogram, real": "dicom-films/XA1*"}
REAL_FILMS = 8  # of each kind


@dataclass(frozen=True, eq=False)
class OutlinedFilm:
    """A film and the true outlines in it, by bone, with whether each is closed.

    `kind` is "film", how it was spoilt, or what it shows instead. `compared`: whether the forest searches it too.
    """

    kind: str
    number: int
    pixels: np.ndarray
    spacing_mm: tuple[float, float] | None
    curves_px: Mapping[str, tuple[np.ndarray, bool]] = field(default_factory=dict)
    has_implant: bool = False

    @property
    def compared(self) -> bool:
        return self.kind == "film"

    def error_mm(self, bone) -> float:
        """Mean distance of an outline's vertices from the bone's true one; infinite where the film has none."""
        if bone.bone not in self.curves_px:
            return float("inf")
        curve, closed = self.curves_px[bone.bone]
        return float(point_to_curve(bone.points_px * self.spacing_mm, curve * self.spacing_mm, closed=closed).mean())


def phantom_inputs(name: str, subject: int) -> Iterator[OutlinedFilm]:
    """A subject's film; of every fifth subject also spoilt in each way."""
    made = phantom_film(name, subject)
    curves = {c.name: (np.asarray(c.points), c.closed) for c in made.contours}
    pixels, spacing = made.radiograph.pixels, made.radiograph.spacing_mm
    yield OutlinedFilm("film", subject, pixels, spacing, curves, made.has_implant)
    if subject % SPOIL_EVERY:
        return
    ends = np.cumsum([len(points) for points, _ in curves.values()])[:-1]
    together = np.concatenate([points for points, _ in curves.values()])
    worse = spoilt(pixels, together, np.random.default_rng(subject))
    for kind, (spoiled, moved) in zip(SPOILT, worse, strict=True):
        parts = zip(np.split(moved, ends), curves.items(), strict=True)
        own = {bone: (part, closed) for part, (bone, (_, closed)) in parts}
        own = {_mirrored(bone, own): curve for bone, curve in own.items()} if kind == SPOILT[0] else own
        yield OutlinedFilm(kind, subject, spoiled, spacing, own, made.has_implant)


def _mirrored(bone: str, bones: Mapping) -> str:
    """What a bone is in a mirrored film: the other side's, where the film shows both."""
    other = bone.replace("left", "RIGHT").replace("right", "left").replace("RIGHT", "right")
    return other if other in bones else bone


def foreign_kinds() -> list[str]:
    """Films of other bones: phantom spines, and real films where they are on this machine."""
    return [SPINE, *(kind for kind, pattern in REAL.items() if any(DATA.glob(pattern)))]


def foreign_inputs(kind: str) -> Iterator[OutlinedFilm]:
    """The films of one of `foreign_kinds`."""
    if kind == SPINE:
        for subject in SPINES:
            made = phantom_film("spine", subject).radiograph
            yield OutlinedFilm(kind, subject, made.pixels, made.spacing_mm)
        return
    for number, path in enumerate(sorted(DATA.glob(REAL[kind]))[:REAL_FILMS]):
        film = load_image(path)
        yield OutlinedFilm(kind, number, film.pixels, film.spacing_mm)
