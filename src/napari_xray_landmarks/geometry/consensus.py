"""Random sample consensus without a threshold to set (a contrario: Moisan and Stival 2004; Moisan et al., IPOL 2012).

A model is judged by its number of false alarms: how many models one would expect to agree as well with as many of the
points, had these been strewn over the film at random.
"""

from functools import lru_cache

import numpy as np
from scipy.special import gammaln

BY_CHANCE = -2.0
"""log10 of the false alarms above which an agreement proves nothing: one chance in a hundred."""

FINEST_PX = 0.25
"""Nobody places a landmark better; keeps points that fit exactly from meaning everything."""


def false_alarms(residuals_px: np.ndarray, size_px: tuple[int, int], minimal: int, solutions: int,
                 widest_px: float) -> tuple[np.ndarray, np.ndarray]:
    """How probably each model is there by chance, and the tolerance at which that is least.

    Parameters
    ----------
    residuals_px : (K, N) array
        Distances of N points from their projections by K models; NaN where a model does not show a point.
    size_px
        (rows, columns).
    minimal, solutions
        Points in a sample, and models that one gives.
    widest_px
        No tolerance is larger.

    Returns
    -------
    alarms : (K,) array
        log10 of the number of false alarms; inf where not even `minimal + 1` points are within `widest_px`.
    tolerances_px : (K,) array
    """
    far = np.sort(np.where(residuals_px <= widest_px, np.maximum(residuals_px, FINEST_PX), np.inf), axis=1)[:, minimal:]
    chance = np.minimum(np.log10(np.pi / np.prod(size_px)) + 2 * np.log10(far), 0.0)
    alarms = _log_tests(residuals_px.shape[1], minimal, solutions) + np.arange(1, far.shape[1] + 1) * chance
    alarms[np.isinf(far)] = np.inf
    least = alarms.argmin(1)[:, None]
    return np.take_along_axis(alarms, least, 1)[:, 0], np.take_along_axis(far, least, 1)[:, 0]


@lru_cache
def _log_tests(count: int, minimal: int, solutions: int) -> np.ndarray:
    """log10 of the number of tests for minimal + 1, ..., `count` inliers."""
    k = np.arange(minimal + 1, count + 1)
    return (np.log(solutions * (count - minimal)) + _log_choose(count, k) + _log_choose(k, minimal)) / np.log(10)


def _log_choose(n, k):
    return gammaln(n + 1) - gammaln(np.asarray(k) + 1) - gammaln(np.asarray(n) - k + 1)


def samples(weights: np.ndarray, minimal: int, count: int, rng: np.random.Generator) -> np.ndarray:
    """(count, minimal) indices of different points in each row, drawn by their weights (Gumbel's trick)."""
    keys = np.log(weights) + rng.gumbel(size=(count, len(weights)))
    return np.argpartition(keys, -minimal, axis=1)[:, -minimal:]
