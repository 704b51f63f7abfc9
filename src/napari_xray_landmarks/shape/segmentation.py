"""What a segmentation of a radiograph gives: outlines of bones, circles of femoral heads, maps of confidence."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from ..geometry.similarity import apply, decompose, similarity_from_points
from ..imaging import Response
from ..landmarks import Contour

if TYPE_CHECKING:
    from .fitted import FittedShape

NEAR, FEWEST = 1.3, 4
"""Which vertices a head's circle follows: those within so many radii of its centre, and never fewer."""


@dataclass(frozen=True, eq=False)
class BoneContour:
    """The outline of one bone in one film.

    Parameters
    ----------
    contour
        In px, closed; its N vertices are the landmarks of the shape model, in order, with a confidence each.
    names
        Landmark name of each vertex.
    displacement_px : (N, 2) array
        Each vertex minus that of the mean shape in the same pose.
    bone
        "femur-left", ...
    view
        "ap", "lateral", ...; "" where the model does not tell.
    outlier_px : (N,) array, optional
        How far the film's evidence at a vertex lies off the shape: large where an implant or something else hides it.
    drawn : (N,) bool array, optional
        Whether the edge from a vertex to the next is bone; False where it only closes the contour, as across a shaft.
    fitted
        The shape model in this pose: what sliders and corrections act on.
    confidence
        Calibrated probability that the outline is right, in [0, 1].
    found
        Whether it is sure enough to be shown as a result.
    reason
        Why not, in a line.
    """

    contour: Contour
    names: tuple[str, ...]
    displacement_px: np.ndarray
    bone: str
    view: str = ""
    outlier_px: np.ndarray | None = None
    drawn: np.ndarray | None = None
    fitted: "FittedShape | None" = None
    confidence: float = float("nan")
    found: bool = True
    reason: str = ""

    def __post_init__(self):
        count = len(self.contour.points)
        if self.contour.unit != "px" or not self.contour.closed:
            raise ValueError(f"the outline of {self.bone} must be closed and in px")
        if len(self.names) != count:
            raise ValueError(f"{len(self.names)} names for the {count} vertices of {self.bone}")
        displacement = _values(self.displacement_px, (count, 2), "displacement_px")
        outlier = None if self.outlier_px is None else _values(self.outlier_px, (count,), "outlier_px")
        drawn = np.ones(count, bool) if self.drawn is None else _values(self.drawn, (count,), "drawn", bool)
        if self.confidence < 0 or self.confidence > 1:
            raise ValueError(f"confidence must lie in [0, 1], got {self.confidence}")
        for key, value in (("displacement_px", displacement), ("outlier_px", outlier), ("drawn", drawn)):
            object.__setattr__(self, key, value)
        object.__setattr__(self, "names", tuple(self.names))

    @property
    def points_px(self) -> np.ndarray:
        """(N, 2) vertices, (row, column)."""
        return self.contour.points

    def with_shape(self, fitted: "FittedShape") -> "BoneContour":
        """The same bone with its shape fitted otherwise: by a correction, or by hand."""
        points = fitted.points_px
        return replace(self, contour=replace(self.contour, points=points), displacement_px=points - fitted.mean_px,
                       fitted=fitted)


@dataclass(frozen=True)
class HeadCircle:
    """The outline of a femoral head as a circle or an ellipse.

    Parameters
    ----------
    name
        "femoral-head-left", ...
    centre_px
        (row, column).
    semi_axes_px
        Equal for a circle; the first one lies along `angle_deg`.
    angle_deg
        From the row axis towards the column axis.
    confidence
        Calibrated, in [0, 1].
    found
        Whether it is sure enough to be shown as a result.
    reason
        Why not, in a line.
    """

    name: str
    centre_px: tuple[float, float]
    semi_axes_px: tuple[float, float]
    angle_deg: float = 0.0
    confidence: float = float("nan")
    found: bool = True
    reason: str = ""

    def __post_init__(self):
        if len(self.centre_px) != 2 or len(self.semi_axes_px) != 2 or not min(self.semi_axes_px) > 0:
            raise ValueError(f"{self.name} needs a centre and two positive semi-axes, got {self.centre_px} and "
                             f"{self.semi_axes_px}")
        if self.confidence < 0 or self.confidence > 1:
            raise ValueError(f"confidence must lie in [0, 1], got {self.confidence}")

    @property
    def radius_px(self) -> float:
        """Geometric mean of the semi-axes."""
        return float(np.sqrt(self.semi_axes_px[0] * self.semi_axes_px[1]))

    def following(self, before_px: np.ndarray, after_px: np.ndarray) -> "HeadCircle":
        """The circle moved as the vertices around it are.

        Parameters
        ----------
        before_px, after_px : (N, 2) arrays
            All vertices of the bone; those around the circle count, by the similarity that moves them.
        """
        distance = np.linalg.norm(np.asarray(before_px) - self.centre_px, axis=1)
        near = distance <= max(NEAR * max(self.semi_axes_px), np.sort(distance)[:FEWEST][-1])
        after_from_before = similarity_from_points(np.asarray(before_px)[near], np.asarray(after_px)[near])
        scale, angle_deg, _ = decompose(after_from_before)
        row, column = apply(after_from_before, self.centre_px)
        return replace(self, centre_px=(float(row), float(column)), angle_deg=self.angle_deg + angle_deg,
                       semi_axes_px=(scale * self.semi_axes_px[0], scale * self.semi_axes_px[1]))

    def outline_px(self, count: int = 72) -> np.ndarray:
        """(count, 2) points on it, (row, column)."""
        turn, own = np.deg2rad(self.angle_deg), np.linspace(0, 2 * np.pi, count, endpoint=False)
        along, across = self.semi_axes_px[0] * np.cos(own), self.semi_axes_px[1] * np.sin(own)
        axes = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
        return np.asarray(self.centre_px) + np.column_stack([along, across]) @ axes


@dataclass(frozen=True, eq=False)
class Segmentation:
    """What was found in one film.

    Parameters
    ----------
    bones
    circles
    maps
        Confidence maps and response images by name.
    """

    bones: tuple[BoneContour, ...] = ()
    circles: tuple[HeadCircle, ...] = ()
    maps: Mapping[str, Response] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        """What to call each bone, then each circle: its own name, numbered where it comes again."""
        given = [*(bone.bone for bone in self.bones), *(circle.name for circle in self.circles)]
        return tuple(f"{n}-{given[:i].count(n) + 1}" if n in given[:i] else n for i, n in enumerate(given))

    @property
    def found(self) -> bool:
        """Whether anything was found."""
        return any(part.found for part in (*self.bones, *self.circles))


def _values(array, shape: tuple[int, ...], what: str, dtype=float) -> np.ndarray:
    array = np.array(array, dtype=dtype)
    if array.shape != shape:
        raise ValueError(f"{what} must have shape {shape}, got {array.shape}")
    array.flags.writeable = False
    return array
