"""The sacrum and the lower lumbar vertebrae."""

import math
from dataclasses import dataclass

import numpy as np

from .parameters import PelvisParameters
from .solids import Solid, capsule, sacrum_plate, vertebral_body

SACRAL_SLOPE = math.radians(40)


@dataclass(frozen=True, eq=False)
class Sacrum:
    """A sacrum's solid in the pelvis frame, its upper end, and starting points for its landmarks."""

    solid: Solid
    base: np.ndarray
    points: dict[str, np.ndarray]


def sacrum(parameters: PelvisParameters, rng) -> Sacrum:
    """A sacrum bent through three points of the midline: base, greatest depth, tip."""
    q, g = parameters, parameters.size
    scale = g * np.array([q.height, q.depth])
    base, back, tip = (np.array(p) * scale + sd * rng.standard_normal(2)
                       for p, sd in (((98, 26), 1.5), ((57, 79), 2.0), ((2, 82), 2.0)))
    centre, radius = _circle(base, back, tip)
    start = math.atan2(base[0] - centre[0], base[1] - centre[1])
    length = (start - math.atan2(tip[0] - centre[0], tip[1] - centre[1])) * radius
    half_width = q.sacral_width_mm * g * q.width

    def along(fraction, out=0.0, left=0.0):
        a = start - fraction * length / radius
        return np.array([centre[0] + (radius + out) * math.sin(a), centre[1] + (radius + out) * math.cos(a), left])

    top = np.append(base, 0.0)
    rows = [sacrum_plate(centre, radius, start, length, (half_width, 7 * g), (15 * g, 4 * g), 1.0, (23 * g, 4)),
            vertebral_body(top + np.array([-6, 5, 0]) * g, 25 * g, 16 * g, 11 * g, -SACRAL_SLOPE, 0.1, 6)]
    for side in (1, -1):
        rows.append(capsule(top + np.array([-6, 6, 16 * side]) * g, top + np.array([-22, 15, 45 * side]) * g,
                            11 * g, 10.5 * g, 14))
        rows.append(capsule(top + np.array([0, 26, 21 * side]) * g, top + np.array([18, 22, 22 * side]) * g,
                            6 * g, 5 * g, 6))
    for f in (0.12, 0.30, 0.48, 0.64):
        rows.append(capsule(along(f, 10 * g * (1 - f)), along(f, (24 - 14 * f) * g), 5 * g, 3 * g, 5))
    rows.append(capsule(along(0.98), along(1.12, -4), 6 * g, 4 * g, 3))
    points = {"promontory": top + np.array([-6, -15, 0]) * g, "tip": along(1.0)}
    return Sacrum(Solid(np.array(rows)), top, points)


def lumbar(parameters: PelvisParameters, base: np.ndarray, count: int, rng) -> list[Solid]:
    """`count` vertebrae from L5 upwards, on a sacrum whose base is at `base` of the pelvis frame."""
    g = parameters.size
    centre, vertebrae = base + np.array([19, -9, 0]) * g, []
    for i in range(count):
        lean = -np.deg2rad(parameters.lordosis_deg) + 0.2 * i
        height, width, depth = (m * g + sd * g * np.clip(rng.standard_normal(), -2, 2)
                                for m, sd in ((13.5, 0.6), (26, 1), (17.5, 0.8)))
        vertebrae.append(_vertebra(centre, lean, width, depth, height, g, i))
        centre = centre + np.array([37, -9 + 5.5 * i, 0]) * g
    return vertebrae


def _vertebra(centre, lean, width, depth, height, g, level) -> Solid:
    cos, sin = math.cos(lean), math.sin(lean)

    def at(superior, posterior, left):
        turned = (cos * superior - sin * posterior, sin * superior + cos * posterior, left)
        return centre + np.array(turned) * g

    rows = [vertebral_body(centre, width, depth, height, lean)]
    for side in (1, -1):
        pedicle, facets = (16 if level == 0 else 15) * side, (20 if level == 0 else 17) * side
        rows += [
            capsule(at(7, 12, pedicle), at(5, 27, pedicle + side), 4.6 * g, 4.2 * g, 2),
            capsule(at(2, 12, pedicle), at(1, 27, pedicle + side), 4.6 * g, 4.2 * g, 3),
            capsule(at(3, 24, facets), at(6, 28, (42 if level else 38) * side), 5 * g, 3 * g, 4),
            capsule(at(13, 27, facets), at(2, 31, facets), 5 * g, 4.5 * g, 3),
            capsule(at(2, 31, facets), at(-17, 33, facets + side), 4.5 * g, 5.2 * g, 3),
            capsule(at(-2, 32, 15 * side), at(-5, 43, 0), 4.2 * g, 3.5 * g, 4),
            capsule(at(-10, 33, 14 * side), at(-13, 43, 0), 4.2 * g, 3.5 * g, 4),
        ]
    rows += [capsule(at(-5, 43, 0), at(-9, 65, 0), 3.2 * g, 3.6 * g, 3),
             capsule(at(-13, 43, 0), at(-20, 64, 0), 3.2 * g, 4.2 * g, 4)]
    return Solid(np.array(rows))


def _circle(a, b, c):
    """Centre and radius of the circle through three points of the plane."""
    centre = np.linalg.solve(2 * np.array([b - a, c - a]), [b @ b - a @ a, c @ c - a @ a])
    return centre, float(np.linalg.norm(a - centre))
