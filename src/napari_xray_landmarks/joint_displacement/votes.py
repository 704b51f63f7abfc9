"""From votes to response images, and from response images to landmarks (paper 000, section 2.4)."""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter

_PEAK_RADIUS = 2.5  # bandwidths around a peak whose votes count as its mass
_FLOOR = 1e-4  # of the highest response, so that a prior can reach where nobody voted


@dataclass(frozen=True, eq=False)
class Density:
    """Kernel density of one landmark's votes on the level's pixel grid.

    Parameters
    ----------
    values : (rows, columns) float32 array
        Share of the votes' weight in each pixel, smoothed; sums to at most 1.
    origin_px : (2,) integer array
        Level pixel of the first entry.
    bandwidth
        Standard deviation of the kernel in level pixels.
    """

    values: np.ndarray
    origin_px: np.ndarray
    bandwidth: float

    def peak(self, log_prior: np.ndarray | None = None) -> np.ndarray:
        """(2,) level pixel of the highest value, to sub-pixel precision.

        Parameters
        ----------
        log_prior : (rows, columns) array, optional
            Added to the logarithm of the density.
        """
        score = np.log(self.values + _FLOOR * max(float(self.values.max()), 1e-30))
        if log_prior is not None:
            score = score + log_prior
        at = np.unravel_index(int(score.argmax()), score.shape)
        return self.origin_px + np.array(at) + _parabola(score, at)

    def towards(self, point: np.ndarray, sigma: float) -> "Density":
        """The density times a Gaussian around a (2,) level pixel, on a window that holds it, with the same total."""
        low = np.minimum(self.origin_px, np.floor(point - 3 * sigma).astype(int))
        end = np.maximum(self.origin_px + self.values.shape, np.ceil(point + 3 * sigma).astype(int) + 1)
        first = self.origin_px - low
        values = np.full(tuple(int(n) for n in end - low), _FLOOR * float(self.values.max()), np.float32)
        rows, columns = self.values.shape
        values[first[0]:first[0] + rows, first[1]:first[1] + columns] += self.values
        distance2 = (((np.arange(n) + o - p) ** 2) for n, o, p in zip(values.shape, low, point, strict=True))
        by_row, by_column = (np.exp(-d / (2 * sigma**2)).astype(np.float32) for d in distance2)
        values *= by_row[:, None] * by_column
        return Density(values * (float(self.values.sum()) / max(float(values.sum()), 1e-30)), low, self.bandwidth)

    def mass(self, point: np.ndarray) -> float:
        """Share of the votes' weight within 2.5 bandwidths of a (2,) level pixel: 0 to 1."""
        radius = _PEAK_RADIUS * self.bandwidth
        row, column = np.asarray(point) - self.origin_px
        rows, columns = np.ogrid[: self.values.shape[0], : self.values.shape[1]]
        near = (rows - row) ** 2 + (columns - column) ** 2 <= radius**2
        return float(np.clip(self.values[near].sum(), 0, 1))


def density(positions: np.ndarray, weights: np.ndarray, low: np.ndarray, high: np.ndarray, bandwidth: float) -> Density:
    """Kernel density estimate of votes: a histogram and a Gaussian filter, not a sum per pixel.

    Parameters
    ----------
    positions : (V, 2) array
        Level pixels voted for.
    weights : (V,) array
        Non-negative.
    low, high : (2,) integer arrays
        First and last pixel of the result; votes beyond are lost, but count in the total.
    bandwidth
        Standard deviation of the kernel in level pixels.
    """
    shape = tuple(int(n) for n in high - low + 1)
    values = np.zeros(shape, np.float32)
    weights = np.asarray(weights, dtype=np.float64)
    total = float(weights.sum())
    if total > 0:
        _spread(values, np.asarray(positions, dtype=np.float64) - low, weights / total)
        values = gaussian_filter(values, bandwidth, mode="constant", truncate=3.0)
    return Density(values, np.asarray(low), bandwidth)


def _spread(values: np.ndarray, at: np.ndarray, weights: np.ndarray) -> None:
    """Add each vote to its four nearest pixels, bilinearly."""
    corner = np.floor(at).astype(np.int64)
    part = at - corner
    rows, columns = values.shape
    flat = np.zeros(rows * columns)
    for i in (0, 1):
        for j in (0, 1):
            r, c = corner[:, 0] + i, corner[:, 1] + j
            inside = (r >= 0) & (r < rows) & (c >= 0) & (c < columns)
            share = weights * np.abs(1 - i - part[:, 0]) * np.abs(1 - j - part[:, 1])
            flat += np.bincount((r * columns + c)[inside], share[inside], rows * columns)
    values += flat.reshape(rows, columns).astype(np.float32)


def _parabola(score: np.ndarray, at: tuple[int, int]) -> np.ndarray:
    """Offset of the vertex of the parabola through the highest pixel and its neighbours, one axis at a time."""
    offset = np.zeros(2)
    for axis in (0, 1):
        if 0 < at[axis] < score.shape[axis] - 1:
            step = np.eye(2, dtype=int)[axis]
            before, here, after = score[tuple(at - step)], score[at], score[tuple(at + step)]
            curvature = before - 2 * here + after
            if curvature < 0:
                offset[axis] = np.clip(0.5 * (before - after) / curvature, -0.5, 0.5)
    return offset
