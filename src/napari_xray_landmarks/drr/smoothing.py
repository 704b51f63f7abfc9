"""Wide Gaussian filters, fast."""

import numpy as np
from scipy.ndimage import gaussian_filter

FINE_PX = 2.0  # the standard deviation in cells of the grid that a wide filter works on is at least this


def wide_gaussian(image: np.ndarray, sigma_px: float) -> np.ndarray:
    """A Gaussian filter whose cost falls with its width: on means of squares of pixels, and linear between them.

    Parameters
    ----------
    image : (rows, columns) array
    sigma_px
        Standard deviation; beyond the edge the image goes on as it ends.

    Returns
    -------
    (rows, columns) float32 array
    """
    image = np.asarray(image, np.float32)
    cell = min(int(sigma_px / FINE_PX), max(1, min(image.shape) // 4))
    if cell < 2:
        return gaussian_filter(image, sigma_px, mode="nearest")
    rows, columns = (-(-n // cell) for n in image.shape)
    padded = np.pad(image, ((0, rows * cell - image.shape[0]), (0, columns * cell - image.shape[1])), mode="edge")
    small = padded.reshape(rows, cell, columns, cell).mean((1, 3), dtype=np.float32)
    # the means and the lines between them blur too: what is left is for the filter
    variance = max((sigma_px / cell) ** 2 - 1 / 12 - 1 / 6, 0.01)
    small = gaussian_filter(small, np.sqrt(variance), mode="nearest")
    return between_cells(small, cell, image.shape)


def between_cells(values: np.ndarray, cell: int, shape: tuple[int, int]) -> np.ndarray:
    """An image of this shape, linear between the (rows, columns) values in the middles of its cells.

    No product with a matrix of weights: the threads of BLAS would wait for those of the kernels before.
    """
    return _along_rows(_along_rows(values, cell, shape[0]).T, cell, shape[1]).T


def _along_rows(values: np.ndarray, cell: int, pixels: int) -> np.ndarray:
    last = len(values) - 1
    at = np.clip((np.arange(pixels) + 0.5) / cell - 0.5, 0, last)
    first = at.astype(int)
    part = (at - first).astype(np.float32)[:, None]
    return values[first] * (1 - part) + values[np.minimum(first + 1, last)] * part
