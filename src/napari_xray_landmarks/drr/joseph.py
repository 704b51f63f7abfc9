"""Line integrals on the CPU by Joseph's method: one in-plane bilinear sample per slice along the dominant axis."""

import numpy as np
from numba import njit, prange


def padded_slabs(voxels: np.ndarray, axis: int) -> np.ndarray:
    """The volume as float32 slices along `axis`, with a zero border of one voxel in front and two behind in plane."""
    slices = np.moveaxis(voxels, axis, 0)
    count, rows, columns = slices.shape
    padded = np.zeros((count, rows + 3, columns + 3), dtype=np.float32)
    padded[:, 1:-2, 1:-2] = slices
    return padded


@njit(parallel=True, fastmath=True, cache=True, error_model="numpy")
def sum_along_rays(slabs, p_start, p_step, q_start, q_step, first, last, out):
    """Sum slices `first` to `last` along rays that cross slice k at column p_start + k p_step, row q_start + k q_step.

    Parameters
    ----------
    slabs : (slices, rows + 3, columns + 3) float32 array
        From `padded_slabs`.
    p_start, p_step, q_start, q_step : (H, W) float32 arrays
        In voxels, the border not counted.
    out : (H, W) float32 array
        Filled with the sums of the samples.
    """
    rows, columns, stride = slabs.shape[1] - 3, slabs.shape[2] - 3, slabs.shape[2]
    height, width = out.shape
    tiles_down, tiles_across = (height + 15) // 16, (width + 63) // 64
    one, zero = np.float32(1), np.float32(0)
    p_end, q_end = np.float32(columns), np.float32(rows)
    for tile in prange(tiles_down * tiles_across):
        r0, c0 = (tile // tiles_across) * 16, (tile % tiles_across) * 64
        r1, c1 = min(r0 + 16, height), min(c0 + 64, width)
        total = np.zeros((16, 64), np.float32)
        for k in range(first, last):
            kf = np.float32(k)
            if _misses(p_start, p_step, q_start, q_step, r0, r1 - 1, c0, c1 - 1, kf, p_end, q_end):
                continue
            flat = slabs[k].ravel()
            for r in range(r0, r1):
                for c in range(c0, c1):
                    p = min(max(p_start[r, c] + kf * p_step[r, c] + one, zero), p_end + one)
                    q = min(max(q_start[r, c] + kf * q_step[r, c] + one, zero), q_end + one)
                    i, j = np.int32(p), np.int32(q)
                    fp, fq = p - np.float32(i), q - np.float32(j)
                    o = j * np.int32(stride) + i
                    top = flat[o] + fp * (flat[o + 1] - flat[o])
                    bottom = flat[o + stride] + fp * (flat[o + stride + 1] - flat[o + stride])
                    total[r - r0, c - c0] += top + fq * (bottom - top)
        for r in range(r0, r1):
            for c in range(c0, c1):
                out[r, c] = total[r - r0, c - c0]


@njit(fastmath=True, cache=True, inline="always")
def _misses(p_start, p_step, q_start, q_step, r0, r1, c0, c1, k, p_end, q_end):
    """Whether the tile's four corner rays all pass slice k on the same side of the volume."""
    p_low, p_high, q_low, q_high = np.float32(1e30), np.float32(-1e30), np.float32(1e30), np.float32(-1e30)
    for r in (r0, r1):
        for c in (c0, c1):
            p, q = p_start[r, c] + k * p_step[r, c], q_start[r, c] + k * q_step[r, c]
            p_low, p_high, q_low, q_high = min(p_low, p), max(p_high, p), min(q_low, q), max(q_high, q)
    return p_high <= -1 or p_low >= p_end or q_high <= -1 or q_low >= q_end
