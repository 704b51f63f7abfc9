"""The outline of a shape's shadow on a detector."""

import math
from collections.abc import Sequence
from functools import partial

import numpy as np
from numba import njit, prange
from skimage.measure import find_contours

from ..geometry.camera import Camera
from .field_bone import least_field_distance, node_from_world, world_corners
from .knee_fields import DISTANCE, Field
from .solids import Solid, combine, primitive

STEP_PX, COARSE = 2, 4


def silhouette(shape: Solid | Field, camera: Camera) -> list[np.ndarray]:
    """Outlines of a shape's shadow; see `joint_silhouette`."""
    return joint_silhouette((shape,), camera)


def joint_silhouette(shapes: Sequence[Solid | Field], camera: Camera) -> list[np.ndarray]:
    """Outlines of the shadow of shapes together, each (N, 2) in px, the longest first; holes are outlines too.

    They are where the least distance to the shapes along a ray is zero, to a small part of a pixel. Those that leave
    the detector are cut at its edge.
    """
    corners = [_corners(shape) for shape in shapes]
    shadow = camera.project(np.concatenate(corners))
    low = np.clip(np.floor(shadow.min(0)) - 4, 0, np.array(camera.size_px) - 1).astype(int)
    high = np.clip(np.ceil(shadow.max(0)) + 4, 0, np.array(camera.size_px) - 1).astype(int)
    if (high - low < 2 * STEP_PX).any():
        return []
    rows, columns = (np.append(np.arange(a, b, STEP_PX), b).astype(float) for a, b in zip(low, high, strict=True))
    least = np.min([_coarse_to_fine(_ray_distances(shape, box, camera), rows, columns, camera)
                    for shape, box in zip(shapes, corners, strict=True)], axis=0)
    outlines = [np.stack([np.interp(o[:, 0], np.arange(len(rows)), rows),
                          np.interp(o[:, 1], np.arange(len(columns)), columns)], 1)
                for o in find_contours(least, 0.0)]
    return sorted(outlines, key=len, reverse=True)


def _corners(shape: Solid | Field) -> np.ndarray:
    """(8, 3) world corners of a box that holds a shape."""
    if isinstance(shape, Field):
        return world_corners(shape)
    return np.stack(np.meshgrid(*shape.bounds_mm().T, indexing="ij"), -1).reshape(-1, 3)


def _ray_distances(shape: Solid | Field, corners: np.ndarray, camera: Camera):
    """A function of rows, columns and which rays are wanted, that gives their least distances to the shape."""
    if isinstance(shape, Field):
        distances = shape.values[DISTANCE]
        return partial(least_field_distance, distances, node_from_world(shape), camera.source_mm, camera.ray_from_px)
    to_body = shape.body_from_world
    source = to_body[:3, :3] @ camera.source_mm + to_body[:3, 3]
    rays = np.ascontiguousarray(to_body[:3, :3] @ camera.ray_from_px)
    box = corners @ to_body[:3, :3].T + to_body[:3, 3]
    args = shape.rows, shape.polygon, shape.spheres(), source, rays
    return lambda rows, columns, wanted: _least_distance(*args, rows, columns, box.min(0), box.max(0), wanted)


def _coarse_to_fine(distances, rows, columns, camera: Camera) -> np.ndarray:
    """Least distance along each ray: everywhere on a coarse grid, and finely where that may change its sign."""
    mm_per_px = np.linalg.norm(camera.column_step_mm)
    coarse_rows, coarse_columns = rows[::COARSE], columns[::COARSE]
    every = np.ones((len(coarse_rows), len(coarse_columns)), bool)
    coarse = distances(coarse_rows, coarse_columns, every)
    spread = np.repeat(np.repeat(coarse, COARSE, 0), COARSE, 1)[: len(rows), : len(columns)]
    near = np.abs(spread) < 1.1 * COARSE * STEP_PX * mm_per_px
    return np.where(near, distances(rows, columns, near), spread)


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
