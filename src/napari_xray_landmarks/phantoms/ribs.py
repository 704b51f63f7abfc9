"""The rib cage: a surface that follows the spine, twelve pairs of ribs on it, clavicles and sternum."""

from dataclasses import dataclass

import numpy as np

from .solids import Solid, capsule
from .thoracolumbar_parameters import SpineParameters

RIBS = 12
# Half width and half depth of the cage at the level of each vertebra, C7 to L1, in mm.
HALF_WIDTH = (46.0, 60.0, 79.0, 92.0, 101.0, 108.0, 115.0, 121.0, 126.0, 129.0, 130.0, 128.0, 124.0, 119.0)
HALF_DEPTH = (24.0, 30.0, 40.0, 49.0, 56.0, 62.0, 67.0, 71.0, 75.0, 78.0, 79.0, 79.0, 78.0, 76.0)
BEHIND_MM = 27.0  # from a body's centre to the most posterior ribs, less the body's depth
DROP_MM = (38.0, 62.0, 80.0, 94.0, 106.0, 116.0, 124.0, 130.0, 132.0, 128.0, 150.0, 160.0)
LINEAR = (0.0, 0.05, 0.08, 0.1, 0.14, 0.2, 0.26, 0.34, 0.42, 0.5, 0.8, 0.95)  # share of the drop that begins at once
LAST_DEG = (150.0, 148.0, 146.0, 143.0, 140.0, 138.0, 135.0, 128.0, 120.0, 112.0, 72.0, 42.0)
HEIGHT_MM = (3.0, 4.0, 4.2, 4.4, 4.6, 4.7, 4.8, 4.8, 4.6, 4.4, 4.0, 3.4)  # half, of a rib's cross-section
FOLLOWS = 0.45  # share of the spine's sideways shift that the cage takes part in
SQUARENESS = 0.9


@dataclass(frozen=True, eq=False)
class Cage:
    """Cross-sections of the rib cage, one a level, from the top downwards: superellipses turned about the long axis.

    Parameters
    ----------
    height_mm, behind_mm, left_mm, half_width_mm, half_depth_mm, turn_rad : (N,) arrays
        Where each lies (its centre) and its shape; a positive turn brings its front to the right.
    """

    height_mm: np.ndarray
    behind_mm: np.ndarray
    left_mm: np.ndarray
    half_width_mm: np.ndarray
    half_depth_mm: np.ndarray
    turn_rad: np.ndarray

    def at(self, height_mm) -> np.ndarray:
        """(5, ...) behind, left, half width, half depth, turn at these heights."""
        height = -np.asarray(height_mm, float)
        return np.array([np.interp(height, -self.height_mm, values) for values in
                         (self.behind_mm, self.left_mm, self.half_width_mm, self.half_depth_mm, self.turn_rad)])

    def point(self, height_mm: float, around_rad: float, side: int) -> np.ndarray:
        """The point of the surface at a height, so far round from the back (0) to the front (pi) of one side."""
        behind, left, width, depth, turn = self.at(height_mm)
        sin, cos = np.sin(around_rad), np.cos(around_rad)
        x = side * width * sin**SQUARENESS
        y = depth * np.sign(cos) * abs(cos) ** SQUARENESS
        return np.array([height_mm, behind + y * np.cos(turn) - x * np.sin(turn),
                         left + y * np.sin(turn) + x * np.cos(turn)])


def cage(q: SpineParameters, centres_mm, depths_mm, rotations_deg) -> Cage:
    """The cage about vertebrae C7 to L1 with these centres (14, 3), half depths and axial rotations."""
    centres = np.asarray(centres_mm)
    width = np.array(HALF_WIDTH) * q.size * q.chest_width
    depth = np.array(HALF_DEPTH) * q.size * q.chest_depth
    behind = centres[:, 1] + np.asarray(depths_mm) + BEHIND_MM * q.size - depth
    middle = centres[:, 2].mean()
    return Cage(centres[:, 0], behind, middle + FOLLOWS * (centres[:, 2] - middle), width, depth,
                q.rib_hump * np.deg2rad(rotations_deg))


def rib(shape: Cage, q: SpineParameters, number: int, side: int, head, tubercle, tilt_deg: float) -> Solid:
    """One rib.

    Parameters
    ----------
    shape, q
    number
        0 for the first.
    side
        +1 left, -1 right.
    head, tubercle : (3,) arrays
        Where it touches the body and the transverse process.
    tilt_deg
        Of its vertebra in the coronal plane, which spreads the ribs of the convex side.
    """
    line = np.vstack([head, tubercle, _course(shape, q, number, side, np.asarray(tubercle, float), tilt_deg)])
    g = q.size
    half = np.full(len(line), HEIGHT_MM[number] * g)
    half[:2] = 2.8 * g, 3.2 * g
    half[-1] *= 0.8
    thick = 2.5 * g
    rows = []
    for way in (1, -1):
        ends = line + np.outer(way * np.maximum(half - thick, 0.3), [1.0, 0.0, 0.0])
        rows += [capsule(a, b, thick, thick, 1.5) for a, b in zip(ends, ends[1:], strict=False)]
    return Solid(np.array(rows))


def _course(shape: Cage, q: SpineParameters, number: int, side: int, tubercle, tilt_deg: float) -> np.ndarray:
    """(N, 3) points of a rib on the cage, from behind its tubercle to its front end."""
    _, left, width, _, _ = shape.at(tubercle[0])
    beside = max(side * (tubercle[2] - left), 8.0) + 9.0 * q.size
    first = np.arcsin(min(beside / width, 0.9) ** (1 / SQUARENESS))
    last = np.deg2rad(LAST_DEG[number])
    points = []
    for around in np.linspace(first, max(last, first + 0.2), 15 if number < 10 else 8):
        smooth, linear = (1 - np.cos(around - first)) / 2, (around - first) / np.pi
        gone = DROP_MM[number] * q.rib_slope * q.size * (LINEAR[number] * linear + (1 - LINEAR[number]) * smooth)
        spread = 0.5 * np.tan(np.deg2rad(tilt_deg)) * side * min(width * np.sin(around) - beside, 50.0)
        points.append(shape.point(tubercle[0] - gone - spread - 1.5, around, side))
    return np.array(points)


def clavicle(shape: Cage, q: SpineParameters, side: int, rng: np.random.Generator) -> Solid:
    """A clavicle, from the manubrium outwards and a little up."""
    g = q.size
    top = shape.height_mm[3] + rng.uniform(-10, 10) * g
    behind, left, width, depth, _ = shape.at(top)
    rise = rng.uniform(8, 34) * g
    front = behind - depth - 4 * g
    line = np.array([
        (top, front + 2 * g, left + side * 14 * g),
        (top + 0.18 * rise + 4 * g, front - 3 * g, left + side * 40 * g),
        (top + 0.45 * rise + 5 * g, front + 4 * g, left + side * 75 * g),
        (top + 0.80 * rise + 3 * g, front + 26 * g, left + side * 115 * g),
        (top + rise, front + 34 * g, left + side * 145 * g),
    ])
    radii = np.array([8.0, 5.6, 5.2, 5.2, 6.5]) * g
    return Solid(np.array([capsule(a, b, r, s, 4) for a, b, r, s in
                           zip(line, line[1:], radii, radii[1:], strict=False)]))


def sternum(shape: Cage, q: SpineParameters) -> Solid:
    """Manubrium and body as rows of rods side by side."""
    g = q.size
    heights = shape.height_mm[3] + np.array([2.0, -38.0, -125.0]) * g
    rows = []
    for out in (-1.0, -0.35, 0.35, 1.0):
        ends = []
        for height, half in zip(heights, (20.0, 12.0, 15.0), strict=True):
            behind, left, _, depth, _ = shape.at(height)
            ends.append((height, behind - depth - 2 * g, left + out * half * g))
        rows += [capsule(a, b, 5.5 * g, 5.0 * g, 4) for a, b in zip(ends, ends[1:], strict=False)]
    return Solid(np.array(rows))
