"""The femur's outline in films from any side, with vertices in correspondence.

Shapes are in millimetres and those of a left femur: the right one's are mirrored. A shape runs from the shaft's medial
side over the lesser trochanter, neck and head to the lateral side; the edge from its last vertex to the first crosses
the shaft.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from ..landmarks import Contour
from ..shape import conics
from .films import drawn

# Each anchor and how many vertices lie between it and the next, at equal distances along the outline.
ANCHORS = (("shaft-medial", 5), ("upper-shaft-medial", 5), ("lesser-trochanter", 8), ("head-inferior", 5),
           ("head-medial", 5), ("head-superior", 10), ("greater-trochanter", 11), ("upper-shaft-lateral", 5),
           ("shaft-lateral", 0))
SHAFT_MM, UPPER_SHAFT_MM = 70.0, 25.0  # below the lesser trochanter
HEAD_DEG = 70.0  # how far from the neck's axis the head's anchors lie
FAR_MM = 14.0  # an anchor farther off the outline than this is not on it
VIEWS = {"oblique-medial": (-90.0, -25.0), "ap": (-25.0, 25.0), "oblique-lateral": (25.0, 90.0)}  # LAO, left femur
MIRROR = np.array([1.0, -1.0])


def names() -> tuple[str, ...]:
    """A name for each vertex of a shape with its shaft."""
    found = []
    for (name, between), following in zip(ANCHORS, [*ANCHORS[1:], ANCHORS[-1]], strict=True):
        found += [name, *(f"{name}-to-{following[0]}-{i + 1}" for i in range(between))]
    return tuple(found)


NAMES = names()
SHORT = slice(NAMES.index("upper-shaft-medial"), NAMES.index("upper-shaft-lateral") + 1)  # without the shaft
HEAD = slice(NAMES.index("head-inferior"), NAMES.index("head-superior") + 1)


@dataclass(frozen=True, eq=False)
class Shape:
    """One femur's outline.

    Parameters
    ----------
    points_mm : (N, 2) array
        Of `NAMES`, or of those of `SHORT` where the film does not show enough of the shaft.
    view
        One of `VIEWS`; "" where the film does not tell.
    has_shaft
    """

    points_mm: np.ndarray
    view: str
    has_shaft: bool


def view_of(lao_deg: float | None, side: str) -> str:
    """The view of a femur of a side; "" without an angle."""
    if lao_deg is None:
        return ""
    own = lao_deg if side == "left" else -lao_deg
    return next((view for view, (low, high) in VIEWS.items() if low <= own < high), "")


def shape_of(contours: Sequence[Contour], marks_px: np.ndarray, size_px, pixel_mm: float, lao_deg: float | None = None
             ) -> Shape | None:
    """The shape of the femur that has these marks; None where the film does not show all of its upper end.

    Parameters
    ----------
    contours
        Of the film, px: "femur-left", "femoral-head-left" and the like.
    marks_px : (3, 2) array
        Centre of the head, tips of the greater and the lesser trochanter.
    size_px
        Of the film.
    pixel_mm
    lao_deg
        Angle of the view.
    """
    circle, side = _circle_at(contours, marks_px[0])
    line = None if circle is None else _open_line(contours, side, size_px)
    if line is None or not np.isfinite(marks_px).all():
        return None
    mirror = np.array([1.0, 1.0]) if side == "left" else MIRROR
    line, marks, centre = (np.asarray(p, float) * mirror * pixel_mm for p in (line, marks_px, circle.centre))
    return _shape(line, marks, centre, circle.radius * pixel_mm, view_of(lao_deg, side))


def _circle_at(contours: Sequence[Contour], centre_px):
    """The head's circle at a place, and its side; (None, "") where there is none."""
    for contour in contours:
        if contour.name.startswith("femoral-head-") and len(contour.points) > 8:
            circle = conics.fit(contour.points)
            if np.hypot(*(np.array(circle.centre) - centre_px)) < 0.25 * circle.radius:
                return circle, contour.name.rpartition("-")[2]
    return None, ""


def _open_line(contours: Sequence[Contour], side: str, size_px) -> np.ndarray | None:
    """A femur's outline from where it enters the film to where it leaves it; None where it does so not just once."""
    lines = [drawn(c.points, size_px) for c in contours if c.name == f"femur-{side}"]
    lines = [line for line in lines if len(line) > 100]
    if len(lines) != 1:
        return None
    steps = np.linalg.norm(lines[0] - np.roll(lines[0], 1, axis=0), axis=1)
    breaks = np.flatnonzero(steps > 2.0)
    return np.roll(lines[0], -breaks[0], axis=0) if len(breaks) == 1 else None


def _shape(line: np.ndarray, marks: np.ndarray, centre: np.ndarray, radius: float, view: str) -> Shape | None:
    """The shape of an open outline, in the frame of a left femur; None where an anchor is missing or out of order."""
    _, greater, lesser = marks
    neck = _unit(centre - (greater + lesser) / 2)
    if (line[0] - line[-1]) @ (centre - greater) < 0:
        line = line[::-1]
    top = _nearest(line, centre + radius * neck)
    below = _shaft_levels(line, (greater + lesser) / 2, lesser, top)
    if below is None:
        return None
    (upper_medial, upper_lateral), ends = below
    anchors = [upper_medial,
               upper_medial + _nearest(line[upper_medial:top], lesser),
               _nearest(line[:top], centre + radius * _turned(neck, HEAD_DEG)), top,
               top + _nearest(line[top:], centre + radius * _turned(neck, -HEAD_DEG)),
               top + _nearest(line[top:upper_lateral], greater), upper_lateral]
    targets = [None, lesser, None, None, None, greater, None]
    far = [t is not None and np.hypot(*(line[i] - t)) > FAR_MM for i, t in zip(anchors, targets, strict=True)]
    if any(far) or (np.diff(anchors) <= 3).any():
        return None
    if ends is None:
        return Shape(_spread(line, anchors, ANCHORS[1:-1]), view, False)
    return Shape(_spread(line, [ends[0], *anchors, ends[1]], ANCHORS), view, True)


def _shaft_levels(line: np.ndarray, middle: np.ndarray, lesser: np.ndarray, top: int):
    """Where the outline crosses the two levels below the lesser trochanter, (medial, lateral) each.

    None without the upper one; the second is None without the lower one.
    """
    up = _unit(middle - (line[0] + line[-1]) / 2)
    for _ in range(2):
        upper = _crossing(line, lesser - UPPER_SHAFT_MM * up, up, top)
        lower = _crossing(line, lesser - SHAFT_MM * up, up, top)
        if upper is None:
            return None
        ends = (0, len(line) - 1) if lower is None else lower
        axis = line[list(upper)].mean(0) - line[list(ends)].mean(0)
        up = _unit(axis) if np.hypot(*axis) > 10 else up
    return upper, lower


def _crossing(line: np.ndarray, level: np.ndarray, up: np.ndarray, top: int) -> tuple[int, int] | None:
    above = (line - level) @ up > 0
    if above[0] or above[-1] or not above[top]:
        return None
    return int(np.flatnonzero(~above[:top])[-1]), top + int(np.flatnonzero(~above[top:])[0])


def _spread(line: np.ndarray, at: Sequence[int], anchors) -> np.ndarray:
    """The anchors and, between each and the next, its number of points at equal distances along the outline."""
    along = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))])
    stops = [along[at[-1]]]
    for (_, between), a, b in reversed(list(zip(anchors, at[:-1], at[1:], strict=False))):
        stops = [*np.linspace(along[a], along[b], between + 2)[:-1], *stops]
    return np.stack([np.interp(stops, along, line[:, i]) for i in (0, 1)], 1)


def _nearest(line: np.ndarray, point: np.ndarray) -> int:
    return int(cKDTree(line).query(point)[1]) if len(line) else 0


def _turned(vector: np.ndarray, degrees: float) -> np.ndarray:
    """Turned from the row axis towards the column axis."""
    cos, sin = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    return np.array([cos * vector[0] - sin * vector[1], sin * vector[0] + cos * vector[1]])


def _unit(vector: np.ndarray) -> np.ndarray:
    return vector / np.linalg.norm(vector)
