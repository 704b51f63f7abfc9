"""How far off Cobb angles are, as in the AASCE challenge (Wang et al., Medical Image Analysis 72:102115, 2021).

Angles of films come as (N, A) arrays in degrees, one row a film.
"""

import numpy as np


def smape(predicted_deg, true_deg) -> float:
    """Symmetric mean absolute percentage error: each film's sum of errors by its sum of both angles; their mean in %.

    A film of which all angles are 0 in both counts as 0.
    """
    predicted, true = _pair(predicted_deg, true_deg)
    errors, sums = np.abs(predicted - true).sum(1), (np.abs(predicted) + np.abs(true)).sum(1)
    return float(100 * np.mean(np.where(sums > 0, errors / np.where(sums > 0, sums, 1.0), 0.0)))


def circular_mean_absolute_error(predicted_deg, true_deg) -> float:
    """CMAE in degrees: the circular mean of the absolute errors of all angles of all films."""
    predicted, true = _pair(predicted_deg, true_deg)
    errors = np.deg2rad(np.abs(predicted - true))
    return float(np.rad2deg(np.arctan2(np.sin(errors).mean(), np.cos(errors).mean())))


def _pair(predicted_deg, true_deg) -> tuple[np.ndarray, np.ndarray]:
    predicted, true = np.atleast_2d(np.asarray(predicted_deg, float)), np.atleast_2d(np.asarray(true_deg, float))
    if predicted.shape != true.shape or not predicted.size:
        raise ValueError(f"angles must be two arrays of one shape, got {predicted.shape} and {true.shape}")
    if not (np.isfinite(predicted).all() and np.isfinite(true).all()):
        raise ValueError("angles must be finite: leave films without an angle out, and say so")
    return predicted, true
