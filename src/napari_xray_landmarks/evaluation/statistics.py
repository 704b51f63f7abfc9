"""What a set of errors amounts to: table rows, paired tests, intervals, reliability."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .metrics import finite


@dataclass(frozen=True)
class TableRow:
    """One row of the paper's Table 1.

    Parameters
    ----------
    images
        How many there are.
    success_rate
        Share of images that did not fail.
    median, minimum, maximum, mean, standard_deviation
        Of the errors of the images that did not fail; the deviation is the sample's (n - 1).
    """

    images: int
    success_rate: float
    median: float
    minimum: float
    maximum: float
    mean: float
    standard_deviation: float


def table_row(image_errors, *, failure_above: float | None = None) -> TableRow:
    """The paper's table row of one error an image.

    Parameters
    ----------
    image_errors : (N,) array
        Infinite where an image has no result; NaN where it has no truth, which leaves it out.
    failure_above
        An image with a greater error failed. None: only one without a result did. (The paper's authors told failures
        by eye.)
    """
    errors = np.asarray(image_errors, dtype=float)
    errors = errors[~np.isnan(errors)]
    limit = np.finfo(float).max if failure_above is None else failure_above
    good = errors[errors <= limit]
    if not good.size:
        return TableRow(len(errors), 0.0 if errors.size else np.nan, *[np.nan] * 5)
    deviation = float(good.std(ddof=1)) if good.size > 1 else np.nan
    numbers = (np.median(good), good.min(), good.max(), good.mean())
    return TableRow(len(errors), good.size / errors.size, *map(float, numbers), deviation)


@dataclass(frozen=True)
class PairedTest:
    """Whether one method is better than another on the same images.

    Parameters
    ----------
    count
        Pairs that both have.
    mean_difference
        Of first minus second: negative where the first has the smaller errors.
    wilcoxon_p, t_p
        Two-sided p-values of Wilcoxon's signed rank test and the paired t-test; NaN with fewer than two pairs.
    """

    count: int
    mean_difference: float
    wilcoxon_p: float
    t_p: float


def paired_test(first, second) -> PairedTest:
    """Compare two methods' errors of the same images, in the same order.

    Parameters
    ----------
    first, second : (N,) array
        Pairs in which either is not finite are left out.

    Raises
    ------
    ValueError
        If the lengths differ.
    """
    from scipy.stats import ttest_rel, wilcoxon

    first, second = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    if first.shape != second.shape or first.ndim != 1:
        raise ValueError(f"paired errors must be two lists of one length, got {first.shape} and {second.shape}")
    both = np.isfinite(first) & np.isfinite(second)
    first, second = first[both], second[both]
    difference = first - second
    if len(difference) < 2:
        return PairedTest(len(difference), float(difference.mean()) if len(difference) else np.nan, np.nan, np.nan)
    if np.ptp(difference) <= 1e-12 * max(1.0, np.abs(first).max()):
        same = abs(difference[0]) <= 1e-12 * max(1.0, np.abs(first).max())
        t_p = 1.0 if same else 0.0
    else:
        t_p = float(ttest_rel(first, second).pvalue)
    wilcoxon_p = float(wilcoxon(difference).pvalue) if difference.any() else 1.0
    return PairedTest(len(difference), float(difference.mean()), wilcoxon_p, t_p)


def bootstrap_interval(
    values, *, clusters: Sequence | None = None, level: float = 0.95, resamples: int = 2000, seed: int = 0
) -> tuple[float, float]:
    """Percentile interval of the mean.

    Parameters
    ----------
    values : (N,) array
        Those that are not finite are left out.
    clusters : (N,) sequence, optional
        What belongs together, such as the image or subject of each landmark: whole clusters are drawn, because errors
        in one image are not independent. None draws single values.
    level
        Share of the distribution that the interval holds.
    resamples
        How many samples are drawn.
    seed
        The same seed gives the same interval.

    Returns
    -------
    low, high
        NaN where there are fewer than two clusters.
    """
    values = np.asarray(values, dtype=float).ravel()
    known = np.isfinite(values)
    labels = np.arange(len(values)) if clusters is None else np.asarray(clusters)
    _, label = np.unique(labels[known], return_inverse=True)
    count = np.bincount(label).astype(float)
    if len(count) < 2:
        return (float("nan"), float("nan"))
    total = np.bincount(label, weights=values[known])
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(len(count), np.full(len(count), 1 / len(count)), size=resamples)
    means = (drawn @ total) / (drawn @ count)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return (float(low), float(high))


@dataclass(frozen=True)
class ReliabilityBin:
    """Landmarks of like confidence.

    Parameters
    ----------
    low, high
        The confidences that it holds, `low` to below `high` (the last one with 1).
    count
        How many landmarks.
    mean_confidence, mean_error, share_within
        Of them; `share_within` is the part with an error within the threshold.
    """

    low: float
    high: float
    count: int
    mean_confidence: float
    mean_error: float
    share_within: float


@dataclass(frozen=True)
class Reliability:
    """What a confidence is worth.

    Parameters
    ----------
    threshold
        The error that counts as right.
    bins
        Those that hold landmarks.
    calibration_error
        Mean gap of confidence and share within the threshold, over landmarks: 0 where the confidence is exactly the
        probability to be right.
    rank_correlation
        Spearman's, of confidence and error: -1 where the order is perfect, NaN where it is undefined.
    """

    threshold: float
    bins: tuple[ReliabilityBin, ...]
    calibration_error: float
    rank_correlation: float


def reliability(confidence, errors, threshold: float, *, bins: int = 10) -> Reliability | None:
    """Compare confidences with errors; None where no landmark has both.

    Parameters
    ----------
    confidence : (N,) array
        In [0, 1]; NaN where there is none.
    errors : (N,) array
    threshold
        The error that counts as right.
    bins
        Equal parts of [0, 1].
    """
    from scipy.stats import spearmanr

    confidence, errors = np.asarray(confidence, dtype=float).ravel(), np.asarray(errors, dtype=float).ravel()
    both = np.isfinite(confidence) & np.isfinite(errors)
    confidence, errors = confidence[both], errors[both]
    if not both.any():
        return None
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    found = []
    for i in np.unique(place):
        here = place == i
        numbers = confidence[here].mean(), errors[here].mean(), (errors[here] <= threshold).mean()
        found.append(ReliabilityBin(i / bins, (i + 1) / bins, int(here.sum()), *map(float, numbers)))
    gap = sum(b.count * abs(b.mean_confidence - b.share_within) for b in found) / len(errors)
    ordered = np.ptp(confidence) > 0 and np.ptp(errors) > 0
    correlation = float(spearmanr(confidence, errors).statistic) if ordered else float("nan")
    return Reliability(threshold, tuple(found), float(gap), correlation)


def summary(errors, thresholds: Sequence[float], *, clusters: Sequence | None = None, seed: int = 0) -> dict:
    """Count, missing, mean with its 95 % interval, median, deviation, extremes, 95th percentile and detection rates.

    Parameters
    ----------
    errors : (N,) array
        From `metrics.radial_error`.
    thresholds
        For the detection rates, in the errors' unit.
    clusters, seed
        As in `bootstrap_interval`.
    """
    from .metrics import detection_rate

    errors = np.asarray(errors, dtype=float).ravel()
    good = finite(errors)
    low, high = bootstrap_interval(errors, clusters=clusters, seed=seed)
    names = ("mean", "mean_low", "mean_high", "median", "sd", "min", "max", "p95")
    if good.size:
        sd = good.std(ddof=1) if good.size > 1 else np.nan
        numbers = (good.mean(), low, high, np.median(good), sd, good.min(), good.max(), np.quantile(good, 0.95))
    else:
        numbers = (np.nan,) * len(names)
    rates = detection_rate(errors, thresholds)
    return {
        "count": int((~np.isnan(errors)).sum()),
        "missing": int(np.isinf(errors).sum()),
        **dict(zip(names, map(float, numbers), strict=True)),
        **{f"within_{t:g}": float(rate) for t, rate in zip(thresholds, rates, strict=True)},
    }
