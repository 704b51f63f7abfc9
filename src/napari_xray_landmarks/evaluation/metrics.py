"""How far off points and shapes are. Everything is in the unit of what comes in, and says nothing about units."""

from collections.abc import Sequence

import numpy as np

from ..shape.distances import point_to_curve


def radial_error(predicted, truth, spacing=(1.0, 1.0)) -> np.ndarray:
    """Distance of each predicted point from the true one.

    Parameters
    ----------
    predicted, truth : (..., 2) array
    spacing
        Units per pixel along rows and columns; ones leave pixels.

    Returns
    -------
    error : (...) array
        NaN where there is no truth, infinite where there is a truth and no prediction.
    """
    predicted, truth = np.asarray(predicted, dtype=float), np.asarray(truth, dtype=float)
    known, found = np.isfinite(truth).all(axis=-1), np.isfinite(predicted).all(axis=-1)
    difference = np.where((known & found)[..., None], predicted, 0.0) - np.where((known & found)[..., None], truth, 0.0)
    error = np.hypot(difference[..., 0] * spacing[0], difference[..., 1] * spacing[1])
    return np.where(known, np.where(found, error, np.inf), np.nan)


def mean_radial_error(errors) -> float:
    """Mean of the errors of points that were predicted; NaN where there are none."""
    errors = finite(errors)
    return float(errors.mean()) if errors.size else float("nan")


def detection_rate(errors, thresholds: Sequence[float]) -> np.ndarray:
    """Share of true points that were predicted within each threshold (inclusive); a missing prediction is a miss.

    Parameters
    ----------
    errors : (...) array
        From `radial_error`.
    thresholds : (T,) sequence

    Returns
    -------
    rate : (T,) array
        In [0, 1]; NaN where there is no truth at all.
    """
    errors = np.asarray(errors, dtype=float)
    errors = errors[~np.isnan(errors)]
    if not errors.size:
        return np.full(len(thresholds), np.nan)
    return (errors[:, None] <= np.asarray(thresholds, dtype=float)).mean(axis=0)


def success_rate(shape_errors, failure_above: float) -> float:
    """Share of shapes whose error is at most `failure_above`; one without a prediction fails."""
    return float(detection_rate(shape_errors, [failure_above])[0])


def shape_error(vertices, curve, *, closed: bool = True) -> float:
    """Mean point-to-curve distance of a shape's vertices: the paper's error of one image."""
    return float(point_to_curve(vertices, curve, closed=closed).mean())


def finite(values) -> np.ndarray:
    """The finite ones, flat."""
    values = np.asarray(values, dtype=float).ravel()
    return values[np.isfinite(values)]
