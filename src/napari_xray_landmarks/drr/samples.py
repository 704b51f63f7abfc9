"""The innermost loops: add what the rays of a tile find in one slice to the tile's sums.

Each takes the flat values behind the slice's start, the offsets from one p and one q to the next, the (4, N) lines
(p in the middle slice, p per slice, q, q per slice), the slice counted from the middle, the largest p and q, which keep
samples beside the volume on its border of zeros, how many lines count, a (7, 2 `LANES`) float32 array to work in, and
the (channels, N) sums; N is a multiple of `LANES`.

So many samples at a time, as many as a compiler unrolls: their places are worked out, then the values are fetched one
by one, then they are interpolated; the first and the last with vector instructions.
"""

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

LANES = 64


@intrinsic
def _bits(typing, value):
    """The bits of a float32 as an int32."""
    def build(context, builder, signature, arguments):
        return builder.bitcast(arguments[0], ir.IntType(32))
    return types.int32(types.float32), build


@njit(fastmath=True, cache=True, error_model="numpy", inline="always")
def _fetch(plane, steps, lines, k, ends, i, near, far, fp, fq, offset):
    """Of the samples from line `i` on: pairs of values along p, their next along q, and how far p and q are from them.

    Two values beside each other in memory are read as one, hence the branch.
    """
    p_line, p_step, q_line, q_step = lines[0, i:], lines[1, i:], lines[2, i:], lines[3, i:]
    for c in range(LANES):
        p = min(max(p_line[c] + k * p_step[c], np.float32(0)), ends[0])
        q = min(max(q_line[c] + k * q_step[c], np.float32(0)), ends[1])
        m, n = np.int32(p), np.int32(q)
        offset[c] = m * steps[0] + n * steps[1]
        fp[c], fq[c] = p - np.float32(m), q - np.float32(n)
    if steps[0] == 1:
        _read(plane, offset, np.uint64(1), np.uint64(steps[1]), near, far)
    else:
        _read(plane, offset, np.uint64(steps[0]), np.uint64(steps[1]), near, far)


@njit(fastmath=True, cache=True, error_model="numpy", inline="always")
def _read(plane, offset, along_p, along_q, near, far):
    """Read the four values about each sample. Offsets are unsigned: numba takes care of negative ones, at a cost."""
    for c in range(LANES):
        o = np.uint64(offset[c])
        near[2 * c], near[2 * c + 1] = plane[o], plane[o + along_p]
        far[2 * c], far[2 * c + 1] = plane[o + along_q], plane[o + along_q + along_p]


@njit(fastmath=True, cache=True, error_model="numpy", inline="always")
def _only(value, number):
    """A value of one material, zero of another."""
    return value if _bits(value) & np.int32(7) == number else np.float32(0)


@njit(fastmath=True, cache=True, error_model="numpy", inline="always")
def _bilinear(a, b, d, e, fp, fq):
    """Between a and its next along p, b, and the two next along q, d and e."""
    top = a + fp * (b - a)
    return top + fq * (d + fp * (e - d) - top)


@njit(fastmath=True, cache=True, error_model="numpy")
def add_values(plane, steps, lines, k, ends, count, work, sums):
    """Add the bilinear samples."""
    near, far, fp, fq, offset = work[0], work[1], work[2], work[3], work[4].view(np.int32)
    for i in range(0, count, LANES):
        _fetch(plane, steps, lines, k, ends, i, near, far, fp, fq, offset)
        total = sums[0, i:]
        for c in range(LANES):
            total[c] += _bilinear(near[2 * c], near[2 * c + 1], far[2 * c], far[2 * c + 1], fp[c], fq[c])


@njit(fastmath=True, cache=True, error_model="numpy")
def add_materials(plane, steps, lines, k, ends, count, work, sums):
    """Add the bilinear samples of all materials to channel 0, of each other one alone to its own."""
    near, far, fp, fq, offset = work[0], work[1], work[2], work[3], work[4].view(np.int32)
    for i in range(0, count, LANES):
        _fetch(plane, steps, lines, k, ends, i, near, far, fp, fq, offset)
        total, some = sums[0, i:], np.int32(0)
        for c in range(LANES):
            a, b, d, e = near[2 * c], near[2 * c + 1], far[2 * c], far[2 * c + 1]
            total[c] += _bilinear(a, b, d, e, fp[c], fq[c])
            some |= _bits(a) | _bits(b) | _bits(d) | _bits(e)
        some &= np.int32(7)
        for m in range(1, len(sums)):
            if some & m != m:  # it is in none of these samples
                continue
            number, own = np.int32(m), sums[m, i:]
            for c in range(LANES):
                own[c] += _bilinear(_only(near[2 * c], number), _only(near[2 * c + 1], number),
                                    _only(far[2 * c], number), _only(far[2 * c + 1], number), fp[c], fq[c])


@njit(fastmath=True, cache=True, error_model="numpy")
def add_gradients(plane, steps, lines, k, ends, count, work, sums):
    """Add the samples, their derivatives to p, to p times k, to q, to q times k."""
    near, far, fp, fq, offset = work[0], work[1], work[2], work[3], work[4].view(np.int32)
    for i in range(0, count, LANES):
        _fetch(plane, steps, lines, k, ends, i, near, far, fp, fq, offset)
        total, across, down = sums[0, i:], work[5], work[6]
        for c in range(LANES):
            a, b, d, e = near[2 * c], near[2 * c + 1], far[2 * c], far[2 * c + 1]
            across_top, across_bottom = b - a, e - d
            top = a + fp[c] * across_top
            down[c] = d + fp[c] * across_bottom - top
            across[c] = across_top + fq[c] * (across_bottom - across_top)
            total[c] += top + fq[c] * down[c]
        _add_moments(across, k, sums[1, i:], sums[2, i:])
        _add_moments(down, k, sums[3, i:], sums[4, i:])


@njit(fastmath=True, cache=True, error_model="numpy", inline="always")
def _add_moments(values, k, sums, moments):
    """In a loop of its own: the fewer arrays a loop has, the fewer tests whether they overlap."""
    for c in range(LANES):
        sums[c] += values[c]
        moments[c] += k * values[c]


@njit(fastmath=True, cache=True, error_model="numpy")
def chain(sums, line, start, along, motions, row, column):
    """Turn a pixel's sums into the derivatives to the six motions, in units of slices.

    Parameters
    ----------
    sums : (7,) array
        The sums of f, of its derivatives to p, to p times k, to q, to q times k, then f where the ray starts and where
        it ends. Replaced by the sum of f and the derivatives.
    line : (4,) array
        p in the middle slice, p per slice, q, q per slice.
    start, along
        The source's slice counted from the middle, and how many slices there are from it to the detector.
    motions : (6, 3, 4) array
        How each motion changes the matrix from (row, column, 1) to a ray and, in the last column, the source.
    """
    f, f_start, f_end = sums[0], sums[5], sums[6]
    to_p, to_q = sums[1], sums[3]
    turn_p, turn_q = (sums[2] - start * to_p) / along, (sums[4] - start * to_q) / along
    sign = 1.0 if along > 0 else -1.0
    for m in range(6):
        ray_p = motions[m, 0, 0] * row + motions[m, 0, 1] * column + motions[m, 0, 2]
        ray_q = motions[m, 1, 0] * row + motions[m, 1, 1] * column + motions[m, 1, 2]
        ray_along = motions[m, 2, 0] * row + motions[m, 2, 1] * column + motions[m, 2, 2]
        source_p, source_q, source_along = motions[m, 0, 3], motions[m, 1, 3], motions[m, 2, 3]
        change = to_p * (source_p - line[1] * source_along) + turn_p * (ray_p - line[1] * ray_along)
        change += to_q * (source_q - line[3] * source_along) + turn_q * (ray_q - line[3] * ray_along)
        change += sign * (f_end * (source_along + ray_along) - f_start * source_along)
        sums[1 + m] = change - f * ray_along / along
