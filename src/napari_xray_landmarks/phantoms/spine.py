"""The sacrum and the lower lumbar vertebrae."""

import math
from dataclasses import dataclass

import numpy as np

from .parameters import PelvisParameters
from .solids import Solid, capsule, ellipsoid, sacrum_plate, vertebral_body


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
                       for p, sd in (((90, 36), 1.5), ((38, 90), 2.0), ((-16, 74), 2.0)))
    centre, radius = _circle(base, back, tip)
    start = math.atan2(base[0] - centre[0], base[1] - centre[1])
    length = (start - math.atan2(tip[0] - centre[0], tip[1] - centre[1])) * radius
    half_width = q.sacral_width_mm * g * q.width

    def along(fraction, out=0.0, left=0.0):
        a = start - fraction * length / radius
        return np.array([centre[0] + (radius + out) * math.sin(a), centre[1] + (radius + out) * math.cos(a), left])

    top = np.append(base, 0.0)
    rows = [sacrum_plate(centre, radius, start, length, (half_width, 7 * g), (17 * g, 4 * g), 1.0, (21 * g, 0.85)),
            ellipsoid(top + np.array([-10, 5, 0]) * g, np.array([15, 15, 26]) * g, 8)]
    for side in (1, -1):
        rows.append(capsule(top + np.array([-10, 10, 14 * side]) * g, top + np.array([-20, 24, 44 * side]) * g,
                            13 * g, 11 * g, 14))
    for f in (0.12, 0.30, 0.48, 0.64):
        rows.append(capsule(along(f, 10 * g * (1 - f)), along(f, (24 - 14 * f) * g), 5 * g, 3 * g, 5))
    rows.append(capsule(along(0.98), along(1.12, -4), 6 * g, 4 * g, 3))
    points = {"promontory": top + np.array([2, -10, 0]) * g, "tip": along(1.0)}
    return Sacrum(Solid(np.array(rows)), top, points)


def lumbar(parameters: PelvisParameters, base: np.ndarray, count: int, rng) -> list[Solid]:
    """`count` vertebrae from L5 upwards, on a sacrum whose base is at `base` of the pelvis frame."""
    g = parameters.size
    centre, vertebrae = base + np.array([18, -1, 0]) * g, []
    for i in range(count):
        lean = -np.deg2rad(parameters.lordosis_deg) + 0.2 * i
        height, width, depth = (m * g + sd * g * np.clip(rng.standard_normal(), -2, 2)
                                for m, sd in ((13.5, 0.6), (25, 1), (17.5, 0.8)))
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
        rows += [
            capsule(at(4, 12, 15 * side), at(3, 26, 16 * side), 5 * g, 5 * g, 3),
            capsule(at(3, 24, 16 * side), at(5, 28, (42 if level else 38) * side), 5 * g, 3.5 * g, 4),
            capsule(at(12, 28, 17 * side), at(-14, 32, 18 * side), 5.5 * g, 5 * g, 4),
            capsule(at(-2, 32, 15 * side), at(-6, 42, 0), 5 * g, 4.5 * g, 5),
        ]
    rows.append(capsule(at(-4, 44, 0), at(-12, 64, 0), 3.5 * g, 4.5 * g, 4))
    return Solid(np.array(rows))


def _circle(a, b, c):
    """Centre and radius of the circle through three points of the plane."""
    centre = np.linalg.solve(2 * np.array([b - a, c - a]), [b @ b - a @ a, c @ c - a @ a])
    return centre, float(np.linalg.norm(a - centre))
