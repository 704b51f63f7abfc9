"""The signed distance to a closed surface on a grid, and which triangle is nearest."""

import math
from dataclasses import dataclass

import numpy as np
from numba import njit, prange

from ..mesh import Mesh

SLAB = 8  # planes that one thread fills
BAND_VOXELS = 1.75  # half width of the band about the surface in which distances are exact
MARGIN_VOXELS = 2
SWEEPS = 4
OFF_GRID = (1.37e-5, 2.71e-5)  # voxels that rays lie off the voxels' centres: no vertex of a made-up mesh is there
NONE = -1


@dataclass(frozen=True, eq=False)
class DistanceField:
    """Signed distances in a box of voxels; negative inside.

    Parameters
    ----------
    distance_mm : (planes, rows, columns) float32 array
        `far_mm` outside of the band about the surface, its negative deeper than that inside.
    triangle : (planes, rows, columns) int32 array
        Number of the nearest triangle; -1 where the distance is not known.
    first : (3,) array
        The grid's voxel that is the box's first one.
    """

    distance_mm: np.ndarray
    triangle: np.ndarray
    first: np.ndarray


def distance_field(mesh: Mesh, origin_mm, spacing_mm, shape, *, depth_mm: float) -> DistanceField | None:
    """The distance to a closed surface from the voxels of a straight grid.

    Near the surface it is exact. From there inwards each voxel takes the nearest among the triangles that are nearest
    to its neighbours. Inside is where the surface winds round the voxel, seen along the grid's last axis.

    Parameters
    ----------
    mesh
        Closed, from `drr.repair.solid_surface`.
    origin_mm, spacing_mm : (3,) arrays
        World position of voxel (0, 0, 0), and the spacing.
    shape
        Of the grid.
    depth_mm
        How far inside the distance is wanted.

    Returns
    -------
    field
        The part of the grid that holds the mesh; None where the mesh lies outside of the grid.
    """
    origin, spacing = np.asarray(origin_mm, float), np.asarray(spacing_mm, float)
    corners = (mesh.corners - origin) / spacing
    low = np.floor(corners.min((0, 1)) - MARGIN_VOXELS).astype(int)
    high = np.ceil(corners.max((0, 1)) + MARGIN_VOXELS).astype(int) + 1
    first, last = np.maximum(low, 0), np.minimum(high, shape)
    if (last <= first).any():
        return None
    size = tuple(last - first)
    corners = corners - first
    inside = np.zeros(size, np.int8)
    _count_windings(corners, mesh.faces, inside)
    band = BAND_VOXELS * spacing.max()
    squared, triangle = np.full(size, np.inf, np.float32), np.full(size, NONE, np.int32)
    triangles_mm = corners * spacing
    _measure_band(triangles_mm, spacing, band, squared, triangle)
    far = max(depth_mm, band)
    _measure_inwards(triangles_mm, spacing, far, inside, squared, triangle)
    distance = np.sqrt(np.minimum(squared, far * far))
    np.negative(distance, out=distance, where=inside > 0)
    return DistanceField(distance, triangle, first)


@njit(parallel=True, cache=True)
def _count_windings(corners, faces, inside):
    """How often the surface winds round each voxel centre; rays run along the last axis."""
    planes, rows, columns = inside.shape
    for slab in prange((planes + SLAB - 1) // SLAB):
        from_plane, to_plane = slab * SLAB, min(planes, slab * SLAB + SLAB)
        for t in range(len(corners)):
            _add_crossings(corners[t], faces[t], inside, from_plane, to_plane)
        for k in range(from_plane, to_plane):
            for j in range(rows):
                count = 0
                for i in range(columns):
                    count += inside[k, j, i]
                    inside[k, j, i] = count


@njit(cache=True)
def _add_crossings(corners, numbers, inside, from_plane, to_plane):
    """Add where rays pass through a triangle: +1 at the first voxel behind it where they go in, -1 where out."""
    a, b, c = corners[0], corners[1], corners[2]
    k0 = max(from_plane, int(math.floor(min(a[0], b[0], c[0]))))
    k1 = min(to_plane - 1, int(math.floor(max(a[0], b[0], c[0]))))
    j0 = max(0, int(math.floor(min(a[1], b[1], c[1]))))
    j1 = min(inside.shape[1] - 1, int(math.floor(max(a[1], b[1], c[1]))))
    for k in range(k0, k1 + 1):
        for j in range(j0, j1 + 1):
            at, across = k + OFF_GRID[0], j + OFF_GRID[1]
            u = _side(b, c, numbers[1], numbers[2], at, across)
            v = _side(c, a, numbers[2], numbers[0], at, across)
            w = _side(a, b, numbers[0], numbers[1], at, across)
            total = u + v + w
            if (u > 0) != (v > 0) or (v > 0) != (w > 0) or total == 0:
                continue
            i = max(int(math.ceil((u * a[2] + v * b[2] + w * c[2]) / total)), 0)
            if i < inside.shape[2]:
                inside[k, j, i] += -1 if total > 0 else 1


@njit(inline="always")
def _side(p, q, number_p, number_q, k, j):
    """On which side of an edge a ray passes: the same number, but for its sign, for both of its triangles.

    So no ray slips through between them.
    """
    if number_p < number_q:
        return (p[0] - k) * (q[1] - j) - (p[1] - j) * (q[0] - k)
    return -((q[0] - k) * (p[1] - j) - (q[1] - j) * (p[0] - k))


@njit(parallel=True, fastmath=True, cache=True)
def _measure_band(corners, spacing, band, squared, triangle):
    """Exact squared distances to every triangle from the voxels within `band` mm of it."""
    planes, rows, columns = squared.shape
    limit = band * band
    for slab in prange((planes + SLAB - 1) // SLAB):
        from_plane, to_plane = slab * SLAB, min(planes, slab * SLAB + SLAB)
        for t in range(len(corners)):
            a, b, c = corners[t, 0], corners[t, 1], corners[t, 2]
            k0 = max(from_plane, int((min(a[0], b[0], c[0]) - band) / spacing[0]))
            k1 = min(to_plane - 1, int((max(a[0], b[0], c[0]) + band) / spacing[0]) + 1)
            if k1 < k0:
                continue
            j0 = max(0, int((min(a[1], b[1], c[1]) - band) / spacing[1]))
            j1 = min(rows - 1, int((max(a[1], b[1], c[1]) + band) / spacing[1]) + 1)
            i0 = max(0, int((min(a[2], b[2], c[2]) - band) / spacing[2]))
            i1 = min(columns - 1, int((max(a[2], b[2], c[2]) + band) / spacing[2]) + 1)
            for k in range(k0, k1 + 1):
                for j in range(j0, j1 + 1):
                    for i in range(i0, i1 + 1):
                        d = _squared_distance(corners, t, k * spacing[0], j * spacing[1], i * spacing[2])
                        if d < squared[k, j, i] and d < limit:
                            squared[k, j, i], triangle[k, j, i] = d, t


@njit(cache=True)
def _measure_inwards(corners, spacing, far, inside, squared, triangle):
    """Carry the nearest triangles from the band inwards, in sweeps up and down."""
    planes, rows, columns = squared.shape
    limit = far * far
    fixed = squared < np.inf
    for sweep in range(SWEEPS):
        way = 1 - 2 * (sweep % 2)
        for kk in range(1, planes - 1):
            k = kk if way > 0 else planes - 1 - kk
            for jj in range(1, rows - 1):
                j = jj if way > 0 else rows - 1 - jj
                for ii in range(1, columns - 1):
                    i = ii if way > 0 else columns - 1 - ii
                    if inside[k, j, i] <= 0 or fixed[k, j, i]:
                        continue
                    s, p, l = k * spacing[0], j * spacing[1], i * spacing[2]  # noqa: E741
                    best, nearest = squared[k, j, i], triangle[k, j, i]
                    for t in (triangle[k - way, j, i], triangle[k, j - way, i], triangle[k, j, i - way],
                              triangle[k - way, j - way, i], triangle[k - way, j, i + way],
                              triangle[k - way, j + way, i], triangle[k, j - way, i + way]):
                        if t != NONE and t != nearest:
                            d = _squared_distance(corners, t, s, p, l)
                            if d < best and d < limit:
                                best, nearest = d, t
                    squared[k, j, i], triangle[k, j, i] = best, nearest


@njit(fastmath=True, cache=True)
def _squared_distance(corners, t, s, p, l):  # noqa: E741
    """From a point to a triangle, after Ericson, Real-Time Collision Detection (2005), 5.1.5."""
    ax, ay, az = corners[t, 0, 0] - s, corners[t, 0, 1] - p, corners[t, 0, 2] - l
    bx, by, bz = corners[t, 1, 0] - s, corners[t, 1, 1] - p, corners[t, 1, 2] - l
    cx, cy, cz = corners[t, 2, 0] - s, corners[t, 2, 1] - p, corners[t, 2, 2] - l
    ux, uy, uz, vx, vy, vz = bx - ax, by - ay, bz - az, cx - ax, cy - ay, cz - az
    d1, d2 = -(ux * ax + uy * ay + uz * az), -(vx * ax + vy * ay + vz * az)
    d3, d4 = -(ux * bx + uy * by + uz * bz), -(vx * bx + vy * by + vz * bz)
    d5, d6 = -(ux * cx + uy * cy + uz * cz), -(vx * cx + vy * cy + vz * cz)
    va, vb, vc = d3 * d6 - d5 * d4, d5 * d2 - d1 * d6, d1 * d4 - d3 * d2
    f, g = 0.0, 0.0  # the nearest point is a + f u + g v
    if d1 <= 0 and d2 <= 0:
        pass
    elif d3 >= 0 and d4 <= d3:
        f = 1.0
    elif d6 >= 0 and d5 <= d6:
        g = 1.0
    elif vc <= 0 and d1 >= 0 and d3 <= 0:
        f = d1 / (d1 - d3)
    elif vb <= 0 and d2 >= 0 and d6 <= 0:
        g = d2 / (d2 - d6)
    elif va <= 0 and d4 >= d3 and d5 >= d6:
        g = (d4 - d3) / (d4 - d3 + d5 - d6)
        f = 1.0 - g
    else:
        total = va + vb + vc
        f, g = vb / total, vc / total
    x, y, z = ax + f * ux + g * vx, ay + f * uy + g * vy, az + f * uz + g * vz
    return x * x + y * y + z * z
