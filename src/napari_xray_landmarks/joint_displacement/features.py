"""Two-level histograms of oriented gradients of square patches, from integral histograms (paper 000, section 4).

A patch is divided into 4 x 4 cells. Level 1 is one block of 2 x 2 cells over the whole patch (each the sum of four
small cells), level 2 is 2 x 2 blocks of 2 x 2 small cells. (1 + 4) blocks x 4 cells x 18 bins = 360 values.
"""

import numba
import numpy as np
from scipy.ndimage import gaussian_filter

BINS = 18
CELLS = 4
FEATURE_LENGTH = (1 + 4) * 4 * BINS
SMOOTHING_PX = 1.0
_FLOOR = 1e-6  # keeps the norm of an empty block finite, relative to the image's mean gradient


def integral_histograms(image: np.ndarray) -> np.ndarray:
    """One integral image an orientation bin, of the gradient magnitude.

    Parameters
    ----------
    image : (rows, columns) array

    Returns
    -------
    (rows + 1, columns + 1, 18) int32 array
        Entry (r, c, b) sums bin b over the pixels above and left of (r, c). Magnitudes are relative to their mean, so
        that the features do not depend on the film's contrast, in steps of `quantum`: differences of whole numbers are
        exact, those of float32 are noise where a large film is flat.
    """
    smooth = gaussian_filter(np.asarray(image, dtype=np.float32), SMOOTHING_PX, mode="nearest")
    by_row, by_column = np.gradient(smooth)
    scale = np.hypot(by_row, by_column).mean(dtype=np.float64) * quantum(smooth.shape)
    return _integrate(by_row, by_column, np.float32(1.0 / scale if scale > 0 else 0.0))


def quantum(shape: tuple[int, int]) -> float:
    """Mean gradient magnitudes per step of the integral histograms of a film: its whole sum just fits int32."""
    return shape[0] * shape[1] / (0.99 * 2**31)


@numba.njit(cache=True, fastmath=True, nogil=True)
def _integrate(by_row, by_column, scale):
    rows, columns = by_row.shape
    out = np.zeros((rows + 1, columns + 1, BINS), np.int32)
    row_sum = np.zeros(BINS, np.float64)
    for r in range(rows):
        row_sum[:] = 0.0
        for c in range(columns):
            gr, gc = by_row[r, c], by_column[r, c]
            magnitude = np.sqrt(gr * gr + gc * gc) * scale
            position = np.arctan2(gr, gc) * (BINS / (2 * np.pi))
            if position < 0:
                position += BINS
            low = int(position)
            fraction = position - low
            low = low % BINS
            row_sum[low] += magnitude * (1 - fraction)
            row_sum[(low + 1) % BINS] += magnitude * fraction
            for b in range(BINS):
                out[r + 1, c + 1, b] = out[r, c + 1, b] + np.int64(row_sum[b] + 0.5)
    return out


def patch_features(integral: np.ndarray, centres_px: np.ndarray, cell_px: int) -> np.ndarray:
    """HoG features of square patches; the cost does not depend on the patches' size.

    Parameters
    ----------
    integral : (rows + 1, columns + 1, 18) array
        From `integral_histograms`.
    centres_px : (K, 2) integer array
        (row, column) of the patches' centres. What lies outside the image counts as flat.
    cell_px
        Side of the smallest cell; a patch is four of them wide.

    Returns
    -------
    (K, 360) float32 array
        Every block has unit length (or nearly zero where the image is flat).
    """
    centres = np.ascontiguousarray(centres_px, dtype=np.int64)
    rows, columns = integral.shape[0] - 1, integral.shape[1] - 1
    floor = _FLOOR * (2 * cell_px) ** 2 / quantum((rows, columns))
    return _describe(integral, centres, cell_px, np.float32(floor))


@numba.njit(cache=True, fastmath=True, nogil=True)
def _normalise(block, floor):
    total = np.float32(0)
    for value in block.flat:
        total += value * value
    norm = np.float32(1) / (np.sqrt(total) + floor)
    block *= norm


@numba.njit(cache=True, fastmath=True, nogil=True)
def _describe(integral, centres, cell, floor):
    rows, columns = integral.shape[0] - 1, integral.shape[1] - 1
    out = np.empty((centres.shape[0], FEATURE_LENGTH), np.float32)
    for k in range(centres.shape[0]):
        cells = np.empty((CELLS, CELLS, BINS), np.float32)
        for i in range(CELLS):
            r0 = min(max(centres[k, 0] + (i - 2) * cell, 0), rows)
            r1 = min(max(centres[k, 0] + (i - 1) * cell, 0), rows)
            for j in range(CELLS):
                c0 = min(max(centres[k, 1] + (j - 2) * cell, 0), columns)
                c1 = min(max(centres[k, 1] + (j - 1) * cell, 0), columns)
                for b in range(BINS):
                    right = integral[r1, c1, b] - integral[r0, c1, b]
                    cells[i, j, b] = right - integral[r1, c0, b] + integral[r0, c0, b]
        blocks = out[k].reshape(5, 2, 2, BINS)
        for i in range(2):
            for j in range(2):
                for b in range(BINS):
                    blocks[0, i, j, b] = (cells[2 * i, 2 * j, b] + cells[2 * i + 1, 2 * j, b]
                                          + cells[2 * i, 2 * j + 1, b] + cells[2 * i + 1, 2 * j + 1, b])
                blocks[1 + 2 * i + j] = cells[2 * i:2 * i + 2, 2 * j:2 * j + 2]
        for n in range(5):
            _normalise(blocks[n], floor)
    return out
