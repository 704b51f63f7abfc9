"""The innermost loops: add what the rays of a tile find in one slice to the tile's sums.

Each takes the flat values behind the slice's start, the offsets from one p and one q to the next, the (4, 16, 64) lines
(p in the middle slice, p per slice, q, q per slice), the slice counted from the middle, the bounds that keep samples
beside the volume on its border of zeros, the tile's size, and the (channels, 16, 64) sums.
"""

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic


@intrinsic
def _bits(typing, value):
    """The bits of a float32 as an int32."""
    def build(context, builder, signature, arguments):
        return builder.bitcast(arguments[0], ir.IntType(32))
    return types.int32(types.float32), build


@njit(fastmath=True, cache=True, error_model="numpy", inline="always")
def _neighbours(plane, p, q, steps):
    """The four values about a point, and how far it is from the first of them along p and q.

    Offsets are unsigned: numba takes care of negative ones, which costs half as much again.
    """
    i, j = np.int32(p), np.int32(q)
    o = i * steps[0] + j * steps[1]
    right, below, both = np.uint32(o + steps[0]), np.uint32(o + steps[1]), np.uint32(o + steps[0] + steps[1])
    return plane[np.uint32(o)], plane[right], plane[below], plane[both], p - np.float32(i), q - np.float32(j)


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
def add_values(plane, steps, lines, k, inside, p_end, q_end, rows, columns, sums):
    """Add the bilinear samples; `inside` tells that none needs the bounds."""
    zero = np.float32(0)
    for r in range(rows):
        p_line, p_step, q_line, q_step, total = lines[0, r], lines[1, r], lines[2, r], lines[3, r], sums[0, r]
        if inside:
            for c in range(columns):
                p, q = p_line[c] + k * p_step[c], q_line[c] + k * q_step[c]
                a, b, d, e, fp, fq = _neighbours(plane, p, q, steps)
                total[c] += _bilinear(a, b, d, e, fp, fq)
        else:
            for c in range(columns):
                p = min(max(p_line[c] + k * p_step[c], zero), p_end)
                q = min(max(q_line[c] + k * q_step[c], zero), q_end)
                a, b, d, e, fp, fq = _neighbours(plane, p, q, steps)
                total[c] += _bilinear(a, b, d, e, fp, fq)


@njit(fastmath=True, cache=True, error_model="numpy")
def add_materials(plane, steps, lines, k, p_end, q_end, rows, columns, work, sums):
    """Add the bilinear samples of all materials to channel 0, of each other one alone to its own."""
    zero = np.float32(0)
    v00, v01, v10, v11, fps, fqs = work[0], work[1], work[2], work[3], work[4], work[5]
    for r in range(rows):
        p_line, p_step, q_line, q_step, total = lines[0, r], lines[1, r], lines[2, r], lines[3, r], sums[0, r]
        for c in range(columns):
            p = min(max(p_line[c] + k * p_step[c], zero), p_end)
            q = min(max(q_line[c] + k * q_step[c], zero), q_end)
            a, b, d, e, fp, fq = _neighbours(plane, p, q, steps)
            v00[c], v01[c], v10[c], v11[c], fps[c], fqs[c] = a, b, d, e, fp, fq
            total[c] += _bilinear(a, b, d, e, fp, fq)
        some, common = _materials_of(v00, v01, v10, v11, columns)
        if some == common:  # one material in all the row
            if 0 < some < len(sums):
                own = sums[some, r]
                for c in range(columns):
                    own[c] += _bilinear(v00[c], v01[c], v10[c], v11[c], fps[c], fqs[c])
            continue
        for m in range(1, len(sums)):
            number, own = np.int32(m), sums[m, r]
            if some & m != m:  # it is nowhere in this row
                continue
            for c in range(columns):
                own[c] += _bilinear(_only(v00[c], number), _only(v01[c], number), _only(v10[c], number),
                                    _only(v11[c], number), fps[c], fqs[c])


@njit(fastmath=True, cache=True, error_model="numpy")
def _materials_of(v00, v01, v10, v11, columns):
    """The bits that any, and that all, of the materials in a row have; in a loop of its own, which is quicker."""
    some, common = np.int32(0), np.int32(7)
    for c in range(columns):
        some |= _bits(v00[c]) | _bits(v01[c]) | _bits(v10[c]) | _bits(v11[c])
        common &= _bits(v00[c]) & _bits(v01[c]) & _bits(v10[c]) & _bits(v11[c])
    return some & np.int32(7), common


@njit(fastmath=True, cache=True, error_model="numpy")
def add_gradients(plane, steps, lines, k, p_end, q_end, rows, columns, sums):
    """Add the samples, their derivatives to p, to p times k, to q, to q times k."""
    zero = np.float32(0)
    for r in range(rows):
        p_line, p_step, q_line, q_step = lines[0, r], lines[1, r], lines[2, r], lines[3, r]
        total, to_p, to_pk, to_q, to_qk = sums[0, r], sums[1, r], sums[2, r], sums[3, r], sums[4, r]
        for c in range(columns):
            p = min(max(p_line[c] + k * p_step[c], zero), p_end)
            q = min(max(q_line[c] + k * q_step[c], zero), q_end)
            a, b, d, e, fp, fq = _neighbours(plane, p, q, steps)
            across_top, across_bottom = b - a, e - d
            top = a + fp * across_top
            down = d + fp * across_bottom - top
            across = across_top + fq * (across_bottom - across_top)
            total[c] += top + fq * down
            to_p[c] += across
            to_pk[c] += k * across
            to_q[c] += down
            to_qk[c] += k * down


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
