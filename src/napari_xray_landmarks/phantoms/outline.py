"""The landmarks on the outline of the proximal femur."""

import numpy as np

from ..geometry.camera import Camera
from .femur import Femur
from .polyline import farthest, nearest, resampled, spread
from .schemas import OUTLINE_ANCHORS
from .silhouette import silhouette


def femur_outline(femur: Femur, trochanters, camera: Camera, below_lesser_mm: float = 45.0):
    """The femur's whole outline, and its 32 landmarks in order, both (N, 2) in px.

    The outline runs from the medial side of the shaft over the head to the lateral side, cut `below_lesser_mm` below
    the lesser trochanter across the shaft. Landmarks on it: `head-medial` in the direction of the neck's axis from the
    head's centre, `head-superior` and `head-inferior` across it; `neck-superior` and `neck-inferior` where it comes
    nearest to the neck's axis; `greater-trochanter` and `lesser-trochanter` nearest to the projections of their tips,
    which `trochanters` gives in the world; `trochanter-lateral` farthest from the shaft's axis below the greater one.

    Raises
    ------
    ValueError
        The proximal femur does not lie on the detector.
    """
    centre, top, below = camera.project(np.array([femur.head_centre, femur.shaft_top,
                                                  femur.shaft_top - 100 * femur.shaft]))
    up, neck = _unit(top - below), _unit(centre - top)
    level = camera.project((femur.points["lesser trochanter"] - below_lesser_mm * femur.shaft)[None])[0]
    line = _cut_shaft(silhouette(femur.solid, camera), level, up, neck)
    at = {"shaft-medial": 0, "shaft-lateral": len(line) - 1} | proximal_anchors(line, femur, trochanters, camera,
                                                                                         len(line) - 1)
    return line, spread(line, [at[name] for name, _ in OUTLINE_ANCHORS], [count for _, count in OUTLINE_ANCHORS])


def proximal_anchors(line: np.ndarray, femur: Femur, trochanters, camera: Camera, end: int | None = None
                     ) -> dict[str, int]:
    """Index of each anatomical landmark of the proximal femur on an outline that passes its head before its trochanter.

    See `femur_outline`; `end` is the index up to which the shaft goes on from the greater trochanter.
    """
    centre, top, below, *trochanters = camera.project(np.array([
        femur.head_centre, femur.shaft_top, femur.shaft_top - 100 * femur.shaft, *trochanters]))
    up, neck = _unit(top - below), _unit(centre - top)
    radius = femur.head_radius_mm * camera.magnification(femur.head_centre) / np.linalg.norm(camera.column_step_mm)
    across = _unit(up - (up @ neck) * neck)
    at = {}
    for name, way in (("head-medial", neck), ("head-superior", across), ("head-inferior", -across)):
        at[name] = nearest(line, centre + radius * way)
    middle = 0.5 * (centre + top)
    near_neck = np.abs((line - middle) @ neck) < 0.6 * radius
    for name, way in (("neck-superior", 1), ("neck-inferior", -1)):
        off = way * ((line - middle) @ across)
        at[name] = int(np.argmin(np.where(near_neck & (off > 0), off, np.inf)))
    for name, point in zip(("greater-trochanter", "lesser-trochanter"), trochanters, strict=True):
        at[name] = nearest(line, point)
    sideways = _unit((neck @ up) * up - neck)
    at["trochanter-lateral"] = farthest(line, sideways, at["greater-trochanter"], end)
    return at


def _cut_shaft(outlines: list[np.ndarray], level: np.ndarray, up: np.ndarray, neck: np.ndarray) -> np.ndarray:
    """The part of the outline above a level on the shaft's axis, from its medial to its lateral end."""
    if not outlines:
        raise ValueError("the femur does not lie on the detector")
    line = resampled(outlines[0])
    above = (line - level) @ up > 0
    if above.all() or not above.any():
        raise ValueError("the femur's shaft does not lie on the detector")
    if np.allclose(line[0], line[-1]):
        start = int(np.argmin(above))
        line, above = np.roll(line, -start, 0), np.roll(above, -start)
    first = int(np.argmax(above))
    last = first + int(np.argmin(above[first:])) if not above[first:].all() else len(line)
    part = line[first:last]
    return part if (part[0] - part[-1]) @ neck > 0 else part[::-1]


def _unit(vector: np.ndarray) -> np.ndarray:
    return vector / np.linalg.norm(vector)
