"""Line integrals on the CPU by Joseph's method: one in-plane bilinear sample per slice along the dominant axis.

The image is made tile by tile, so that what a tile needs of the volume stays in the cache. Between two slices the
volume is taken as linear, so a ray may begin or end anywhere between them: slice k then weighs the integral of the
triangle about k over the ray's length. Coordinates are voxels, one more for the border of zeros in front.
"""

import numpy as np
from numba import njit, prange

from .samples import LANES, add_gradients, add_materials, add_values, chain

TILE = (16, 64)
MOST = 1024  # rays of a tile
SMALL_TILE = (8, 8)  # `LANES` rays, where those of neighbouring pixels follow different axes
VALUES, MATERIALS, GRADIENTS = 0, 1, 2


@njit(parallel=True, fastmath=True, cache=True, error_model="numpy")
def integrate(mode, flat, shape, steps, source, rays, rays_mm, motions, ends, tiles, out):
    """Line integrals through the pixels of some tiles, in value times mm.

    Parameters
    ----------
    mode
        VALUES: one channel; MATERIALS: that of all, then one for each but the first; GRADIENTS: the line integral and
        its six derivatives.
    flat, steps
        From `PreparedVolume.layout`.
    shape, source, rays : (3,) ints, (3,), (3, 3) float64 arrays
        Voxels, the source, and the matrix from (row, column, 1) to the vector from the source to a pixel, in the
        order (p, q, slice).
    rays_mm : (3, 3) float64 array
        The same matrix in mm.
    motions : (6, 3, 4) float64 array
        How each motion changes `rays` and, in the last column, `source`; read where gradients are asked for.
    ends
        Whether rays end at the detector.
    tiles : (N, 4) int array
        First row and column, and how many of each, of the tiles to fill; at most `TILE`.
    out : (channels, rows, columns) float32 array
    """
    channels = len(out)
    for t in prange(len(tiles)):
        r0, c0, rows, columns = tiles[t, 0], tiles[t, 1], tiles[t, 2], tiles[t, 3]
        lines = np.empty((4, MOST), np.float32)
        reach = np.empty(MOST, np.float64)
        total = np.zeros((channels, MOST), np.float32)
        _aim(source, rays, shape[2] // 2, ends, r0, c0, rows, columns, lines, reach)
        _sum_tile(mode, flat, shape, steps, source[2], lines, reach, rows, columns, total)
        for i in range(rows * columns):
            r, c = r0 + i // columns, c0 + i % columns
            row, column = np.float64(r), np.float64(c)
            along = _component(rays, 2, row, column)
            squares = 0.0
            for n in range(3):
                squares += _component(rays_mm, n, row, column) ** 2
            step_mm = np.sqrt(squares) / abs(along)
            if mode == 2:
                chain(total[:, i], lines[:, i], source[2] - shape[2] // 2, along, motions, row, column)
            for channel in range(channels):
                out[channel, r, c] = total[channel, i] * step_mm


@njit(fastmath=True, cache=True, error_model="numpy")
def _component(rays, i, row, column):
    value = rays[i, 0] * row + rays[i, 1] * column + rays[i, 2]
    return value if i < 2 or abs(value) > 1e-9 else 1e-9


@njit(fastmath=True, cache=True, error_model="numpy")
def _aim(source, rays, middle, ends, r0, c0, rows, columns, lines, reach):
    """Where a tile's rays cross the middle slice, how far they move per slice, and the slice that they end in.

    Row by row; further rays make their number a multiple of `LANES`.
    """
    for i in range((rows * columns + LANES - 1) // LANES * LANES):
        row, column = np.float64(r0 + i // columns), np.float64(c0 + i % columns)
        along = _component(rays, 2, row, column)
        p, q = _component(rays, 0, row, column) / along, _component(rays, 1, row, column) / along
        lines[0, i] = source[0] + (middle - source[2]) * p + 1.0
        lines[1, i] = p
        lines[2, i] = source[1] + (middle - source[2]) * q + 1.0
        lines[3, i] = q
        reach[i] = source[2] + along if ends else np.copysign(1e9, along)


@njit(fastmath=True, cache=True, error_model="numpy")
def _sum_tile(mode, flat, shape, steps, start, lines, reach, rows, columns, total):
    """Add every slice that the tile's rays cross."""
    count = rows * columns
    corners = (0, columns - 1, count - columns, count - 1)
    near, far = reach[0], reach[0]
    for i in corners:
        near, far = min(near, reach[i]), max(far, reach[i])
    low, high, part_low, part_high = span(start, near, far)
    bounded = near >= start or far <= start  # otherwise rays go to both sides, farther than the corners tell
    scratch = np.zeros(total.shape, np.float32)
    bounds, work = np.empty(4, np.float32), np.empty((7, 2 * LANES), np.float32)
    p_end, q_end = np.float32(shape[0] + 1), np.float32(shape[1] + 1)
    in_plane = (np.int32(steps[0]), np.int32(steps[1]))
    for k in range(max(0, low), min(shape[2], high)):
        kf = np.float32(k - shape[2] // 2)
        _bound(lines, corners, kf, bounds)
        if bounded and (bounds[1] <= 0 or bounds[0] >= p_end or bounds[3] <= 0 or bounds[2] >= q_end):
            continue
        plane = flat[(k + 1) * steps[2]:]
        partial = k < part_low or k >= part_high
        target = scratch if partial else total
        if partial:
            scratch[:] = 0
        if mode == 0:
            add_values(plane, in_plane, lines, kf, (p_end, q_end), count, work, target)
        elif mode == 1:
            add_materials(plane, in_plane, lines, kf, (p_end, q_end), count, work, target)
        else:
            add_gradients(plane, in_plane, lines, kf, (p_end, q_end), count, work, target)
        if partial:
            _weigh(mode, start - k, reach, k, count, scratch, total)


@njit(fastmath=True, cache=True, error_model="numpy")
def span(start, near, far):
    """The slices from the first to the last that counts, and those of them that count in full for every ray.

    Rays begin in slice `start` and end in slices from `near` to `far`. Two half-open ranges.
    """
    first, last = min(start, near), max(start, far)
    if near >= start:
        full_low, full_high = start, near
    elif far <= start:
        full_low, full_high = far, start
    else:  # rays to both sides
        full_low, full_high = start, start
    limit = 1e8
    return (int(np.ceil(max(first, -limit) - 1)), int(np.floor(min(last, limit) + 1)) + 1,
            np.ceil(max(full_low, -limit) + 1), np.floor(min(full_high, limit) - 1) + 1)


@njit(fastmath=True, cache=True, error_model="numpy")
def _bound(lines, corners, k, bounds):
    """The least and largest p and q of a tile in slice k: those of its corners."""
    bounds[0] = bounds[2] = np.float32(1e30)
    bounds[1] = bounds[3] = np.float32(-1e30)
    for i in corners:
        p, q = lines[0, i] + k * lines[1, i], lines[2, i] + k * lines[3, i]
        bounds[0], bounds[1] = min(bounds[0], p), max(bounds[1], p)
        bounds[2], bounds[3] = min(bounds[2], q), max(bounds[3], q)


@njit(fastmath=True, cache=True, error_model="numpy")
def _weigh(mode, start, reach, k, count, part, total):
    """Add a slice that does not count in full: the source (at `start` from it) or the detector is next to it."""
    for i in range(count):
        end = reach[i] - k
        weight = np.float32(abs(ramp(end) - ramp(start)))
        if mode == 2:
            f = part[0, i]
            total[5, i] += f * np.float32(max(0.0, 1 - abs(start)))
            total[6, i] += f * np.float32(max(0.0, 1 - abs(end)))
        for channel in range(5 if mode == 2 else len(total)):
            total[channel, i] += weight * part[channel, i]


@njit(fastmath=True, cache=True, error_model="numpy")
def ramp(x):
    """The integral of the triangle about 0 up to x."""
    x = min(max(x, -1.0), 1.0)
    return 0.5 * (1 + x) ** 2 if x < 0 else 1 - 0.5 * (1 - x) ** 2
