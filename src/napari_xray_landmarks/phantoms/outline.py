"""The silhouette of a solid on a detector, and the landmarks on the proximal femur's."""

import math

import numpy as np
from numba import njit, prange
from skimage.measure import find_contours

from ..geometry.camera import Camera
from .femur import Femur
from .schemas import OUTLINE_ANCHORS, SCHEMAS
from .solids import Solid, combine, primitive

STEP_PX, COARSE = 2, 4


def silhouette(solid: Solid, camera: Camera) -> list[np.ndarray]:
    """Outlines of a solid's shadow, each (N, 2) in px, the longest first; holes are outlines too.

    They are where the least distance to the solid along a ray is zero, to a small part of a pixel. Those that leave
    the detector are cut at its edge.
    """
    corners = np.stack(np.meshgrid(*solid.bounds_mm().T, indexing="ij"), -1).reshape(-1, 3)
    shadow = camera.project(corners)
    low = np.clip(np.floor(shadow.min(0)) - 4, 0, np.array(camera.size_px) - 1).astype(int)
    high = np.clip(np.ceil(shadow.max(0)) + 4, 0, np.array(camera.size_px) - 1).astype(int)
    if (high - low < 2 * STEP_PX).any():
        return []
    rows, columns = (np.append(np.arange(a, b, STEP_PX), b).astype(float) for a, b in zip(low, high, strict=True))
    to_body = solid.body_from_world
    source = to_body[:3, :3] @ camera.source_mm + to_body[:3, 3]
    rays = np.ascontiguousarray(to_body[:3, :3] @ camera.ray_from_px)
    box = corners @ to_body[:3, :3].T + to_body[:3, 3]
    mm_per_px = np.linalg.norm(camera.column_step_mm)
    least = _least_distances(solid, source, rays, rows, columns, (box.min(0), box.max(0)), mm_per_px)
    outlines = [np.stack([np.interp(o[:, 0], np.arange(len(rows)), rows),
                          np.interp(o[:, 1], np.arange(len(columns)), columns)], 1)
                for o in find_contours(least, 0.0)]
    return sorted(outlines, key=len, reverse=True)


def _least_distances(solid: Solid, source, rays, rows, columns, box_mm, mm_per_px: float) -> np.ndarray:
    """Least distance along each ray: everywhere on a coarse grid, and finely where that may change its sign."""
    coarse_rows, coarse_columns = rows[::COARSE], columns[::COARSE]
    every = np.ones((len(coarse_rows), len(coarse_columns)), bool)
    args = solid.rows, solid.polygon, solid.spheres(), source, rays
    coarse = _least_distance(*args, coarse_rows, coarse_columns, *box_mm, every)
    spread = np.repeat(np.repeat(coarse, COARSE, 0), COARSE, 1)[: len(rows), : len(columns)]
    near = np.abs(spread) < 1.1 * COARSE * STEP_PX * mm_per_px
    return np.where(near, _least_distance(*args, rows, columns, *box_mm, near), spread)


@njit(parallel=True, fastmath=True, cache=True)
def _least_distance(table, polygon, spheres, source, rays, rows, columns, low, high, wanted):
    """(H, W) least signed distance to the solid along each wanted ray within a box, all in the body's frame."""
    out = np.full((len(rows), len(columns)), 100.0)
    for n in prange(len(rows) * len(columns)):
        a, b = n // len(columns), n % len(columns)
        if not wanted[a, b]:
            continue
        ray = rays[:, 0] * rows[a] + rays[:, 1] * columns[b] + rays[:, 2]
        ray /= math.sqrt((ray**2).sum())
        start, end = 0.0, 1e9
        for i in range(3):
            if abs(ray[i]) > 1e-9:
                t0, t1 = (low[i] - source[i]) / ray[i], (high[i] - source[i]) / ray[i]
                start, end = max(start, min(t0, t1)), min(end, max(t0, t1))
        near = _rows_near(spheres, source, ray)
        t, least = start, 100.0
        while t < end:
            x, d = source + t * ray, 1e6
            for i in near:
                d = combine(d, primitive(table, i, polygon, x[0], x[1], x[2]), table, i)
            least = min(least, d)
            t += max(0.9 * abs(d), 1.0)
        out[a, b] = least
    return out


@njit(fastmath=True, cache=True)
def _rows_near(spheres, source, ray):
    """The rows whose bounding spheres come within 25 mm of a ray: no other can make the distance small."""
    near = np.empty(len(spheres), np.int64)
    count = 0
    for n in range(len(spheres)):
        a, b, c = spheres[n, 0] - source[0], spheres[n, 1] - source[1], spheres[n, 2] - source[2]
        along = a * ray[0] + b * ray[1] + c * ray[2]
        reach = spheres[n, 3] + 25.0
        if a * a + b * b + c * c - along * along < reach * reach:
            near[count] = n
            count += 1
    return near[:count]


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
    centre, top, below, *trochanters = camera.project(np.array([
        femur.head_centre, femur.shaft_top, femur.shaft_top - 100 * femur.shaft, *trochanters]))
    up, neck = _unit(top - below), _unit(centre - top)
    level = camera.project((femur.points["lesser trochanter"] - below_lesser_mm * femur.shaft)[None])[0]
    line = _cut_shaft(silhouette(femur.solid, camera), level, up, neck)
    radius = femur.head_radius_mm * camera.magnification(femur.head_centre) / np.linalg.norm(camera.column_step_mm)
    across = _unit(up - (up @ neck) * neck)
    at = {"shaft-medial": 0, "shaft-lateral": len(line) - 1}
    for name, way in (("head-medial", neck), ("head-superior", across), ("head-inferior", -across)):
        at[name] = int(np.argmin(np.linalg.norm(line - centre - radius * way, axis=1)))
    middle = 0.5 * (centre + top)
    near_neck = np.abs((line - middle) @ neck) < 0.6 * radius
    for name, way in (("neck-superior", 1), ("neck-inferior", -1)):
        off = way * ((line - middle) @ across)
        at[name] = int(np.argmin(np.where(near_neck & (off > 0), off, np.inf)))
    for name, point in zip(("greater-trochanter", "lesser-trochanter"), trochanters, strict=True):
        at[name] = int(np.argmin(np.linalg.norm(line - point, axis=1)))
    lateral = slice(at["greater-trochanter"], at["shaft-lateral"])
    sideways = _unit((neck @ up) * up - neck)
    at["trochanter-lateral"] = lateral.start + int(np.argmax(line[lateral] @ sideways))
    return line, _spread(line, [at[name] for name, _ in OUTLINE_ANCHORS])


def _cut_shaft(outlines: list[np.ndarray], level: np.ndarray, up: np.ndarray, neck: np.ndarray) -> np.ndarray:
    """The part of the outline above a level on the shaft's axis, from its medial to its lateral end."""
    if not outlines:
        raise ValueError("the femur does not lie on the detector")
    line = _resampled(outlines[0])
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


def _resampled(line: np.ndarray, step_px: float = 0.5) -> np.ndarray:
    along = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))])
    at = np.linspace(0, along[-1], max(int(along[-1] / step_px), 3))
    return np.stack([np.interp(at, along, line[:, i]) for i in (0, 1)], 1)


def _spread(line: np.ndarray, anchors: list[int]) -> np.ndarray:
    """The anchors and, between each and the next, its number of points at equal distances along the line."""
    along = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))])
    if (np.diff(anchors) <= 0).any():
        raise ValueError(f"the femur's landmarks are not in order on its outline: {anchors}")
    stops = []
    for (_, between), a, b in zip(OUTLINE_ANCHORS, anchors, [*anchors[1:], anchors[-1]], strict=True):
        stops += list(np.linspace(along[a], along[b], between + 2)[: between + 1])
    assert len(stops) == len(SCHEMAS["proximal-femur"].names) - 1
    return np.stack([np.interp(stops, along, line[:, i]) for i in (0, 1)], 1)


def _unit(vector: np.ndarray) -> np.ndarray:
    return vector / np.linalg.norm(vector)
