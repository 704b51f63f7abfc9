"""Where rays cross closed surfaces: triangles drawn over a grid of rays, the crossings of each ray kept by depth.

A ray through an edge that two triangles share crosses exactly one of them, so it leaves a closed surface as often as it
enters, and what overlaps counts once.
"""

import numpy as np
from numba import njit

HOLE = 1000  # surfaces of what is cut out weigh this


def spans(grid: np.ndarray, faces: np.ndarray, enters: float, shape: tuple[int, int], weights: np.ndarray):
    """The pieces of each ray that lie in a solid.

    Parameters
    ----------
    grid : (N, 3) array
        Of each vertex the row and column of the ray through it, and its depth: any number that is linear over every
        triangle as seen in rows and columns.
    faces : (M, 3) int array
    enters
        Sign of the area, (column - first column) x (row - first row), of a triangle through which rays enter.
    shape
        Rows and columns of the grid.
    weights : (M,) int array
        1, or HOLE for surfaces of what is cut out.

    Returns
    -------
    first : (rows * columns + 1,) int array
        Where each ray's pieces begin.
    pieces : (K, 2) float array
        Depths of their ends.
    """
    grid, faces = np.ascontiguousarray(grid, np.float64), np.ascontiguousarray(faces, np.int64)
    counts = np.zeros(shape[0] * shape[1] + 1, np.int64)
    nothing = np.empty(0)
    _draw(grid, faces, enters, shape[0], shape[1], weights, counts, True, nothing, np.empty(0, np.int64))
    starts = np.zeros_like(counts)
    np.cumsum(counts[:-1], out=starts[1:])
    depth, change = np.empty(starts[-1]), np.empty(starts[-1], np.int64)
    _draw(grid, faces, enters, shape[0], shape[1], weights, starts[:-1].copy(), False, depth, change)
    first, pieces = np.zeros_like(starts), np.empty((starts[-1] // 2 + 1, 2))
    _join(starts, depth, change, first, pieces)
    return first, pieces[: first[-1]]


@njit(cache=True, error_model="numpy")
def _draw(grid, faces, enters, rows, columns, weights, cursor, counting, depth, change):
    """Count the crossings of each ray, or write them at its cursor."""
    for f in range(len(faces)):
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        r0, c0, r1, c1, r2, c2 = grid[a, 0], grid[a, 1], grid[b, 0], grid[b, 1], grid[c, 0], grid[c, 1]
        area = (c1 - c0) * (r2 - r0) - (r1 - r0) * (c2 - c0)
        if area == 0:
            continue
        slope_r = ((grid[b, 2] - grid[a, 2]) * -(c2 - c0) + (grid[c, 2] - grid[a, 2]) * (c1 - c0)) / area
        slope_c = ((grid[b, 2] - grid[a, 2]) * (r2 - r0) - (grid[c, 2] - grid[a, 2]) * (r1 - r0)) / area
        sign = 1 if area > 0 else -1
        way = weights[f] if area * enters > 0 else -weights[f]
        for r in range(max(0, int(np.ceil(min(r0, r1, r2)))), min(rows - 1, int(np.floor(max(r0, r1, r2)))) + 1):
            for q in range(max(0, int(np.ceil(min(c0, c1, c2)))), min(columns - 1, int(np.floor(max(c0, c1, c2)))) + 1):
                if (_side(r0, c0, r1, c1, r, q) == sign and _side(r1, c1, r2, c2, r, q) == sign
                        and _side(r2, c2, r0, c0, r, q) == sign):
                    at = r * columns + q
                    if not counting:
                        depth[cursor[at]] = grid[a, 2] + slope_r * (r - r0) + slope_c * (q - c0)
                        change[cursor[at]] = way
                    cursor[at] += 1


@njit(cache=True, error_model="numpy", inline="always")
def _side(ra, ca, rb, cb, r, c):
    """On which side of an edge a point lies; the two triangles at an edge never agree, not even on a point of it."""
    if ra < rb or (ra == rb and ca < cb):
        return 1 if (cb - ca) * (r - ra) - (rb - ra) * (c - ca) >= 0 else -1
    return -1 if (ca - cb) * (r - rb) - (ra - rb) * (c - cb) >= 0 else 1


@njit(cache=True, error_model="numpy")
def _join(starts, depth, change, first, pieces):
    """Sort each ray's crossings and keep the ends of what is inside a solid and outside every hole."""
    count = 0
    for ray in range(len(starts) - 1):
        low, high = starts[ray], starts[ray + 1]
        order = np.argsort(depth[low:high])
        inside, begin = 0, 0.0
        for i in order:
            before = 0 < inside < HOLE
            inside += change[low + i]
            after = 0 < inside < HOLE
            if after and not before:
                begin = depth[low + i]
            elif before and not after:
                pieces[count, 0], pieces[count, 1] = begin, depth[low + i]
                count += 1
        first[ray + 1] = count
