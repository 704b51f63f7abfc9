"""Whether two ways of measuring agree: limits of agreement, equivalence, correlation."""

from dataclasses import dataclass

import numpy as np
from scipy import stats

_WITHIN = 1.96  # standard deviations, 95 % of normal differences


@dataclass(frozen=True)
class Agreement:
    """How a measurement differs from a reference (Bland and Altman, Lancet 327:307, 1986).

    Parameters
    ----------
    bias
        Mean difference, measured less reference.
    low, high
        Limits of agreement: 95 % of the differences lie between them, if they are normal.
    correlation
        Pearson's; NaN where either does not vary. It says nothing of agreement by itself.
    count
        Pairs.
    """

    bias: float
    low: float
    high: float
    correlation: float
    count: int


@dataclass(frozen=True)
class Equivalence:
    """Two one-sided t tests that the mean difference lies within a margin (Schuirmann 1987).

    Parameters
    ----------
    mean_difference, margin
        In the unit of the measurement.
    p
        The larger of the two; below 0.05 the two are equivalent within the margin.
    """

    mean_difference: float
    margin: float
    p: float


def agreement(measured, reference) -> Agreement:
    """Limits of agreement and correlation of two equally long lists of numbers; pairs with a NaN do not count.

    Raises
    ------
    ValueError
        If they differ in length, or fewer than two pairs are left.
    """
    first, second = _pairs(measured, reference)
    difference = first - second
    bias, spread = float(difference.mean()), float(difference.std(ddof=1))
    varies = first.std() > 0 and second.std() > 0
    r = float(np.corrcoef(first, second)[0, 1]) if varies else float("nan")
    return Agreement(bias, bias - _WITHIN * spread, bias + _WITHIN * spread, r, len(first))


def equivalence(measured, reference, margin: float) -> Equivalence:
    """Whether the mean of two equally long lists of independent numbers differs by less than `margin` either way.

    Raises
    ------
    ValueError
        If the margin is not positive, the lists differ in length, or fewer than two pairs are left.
    """
    if not margin > 0:
        raise ValueError(f"margin must be positive, got {margin}")
    first, second = _pairs(measured, reference)
    difference = first - second
    if difference.std() == 0:
        return Equivalence(float(difference[0]), margin, 0.0 if abs(difference[0]) < margin else 1.0)
    above = stats.ttest_1samp(difference, -margin, alternative="greater").pvalue
    below = stats.ttest_1samp(difference, margin, alternative="less").pvalue
    return Equivalence(float(difference.mean()), margin, float(max(above, below)))


def _pairs(measured, reference) -> tuple[np.ndarray, np.ndarray]:
    first, second = np.asarray(measured, float).ravel(), np.asarray(reference, float).ravel()
    if first.shape != second.shape:
        raise ValueError(f"there must be as many measurements as references, got {len(first)} and {len(second)}")
    known = np.isfinite(first) & np.isfinite(second)
    if known.sum() < 2:
        raise ValueError(f"agreement needs two pairs of numbers, got {int(known.sum())}")
    return first[known], second[known]
