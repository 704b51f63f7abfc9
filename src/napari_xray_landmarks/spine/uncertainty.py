"""How sure an angle is: from the corners' confidences or covariances to standard deviations in degrees.

A landmark's confidence is the probability that it lies within `TOLERANCE` of the truth. With an error that is normal
and alike in all directions that gives its standard deviation. A corner without a confidence was placed by a person:
people repeat an angle between given end vertebrae within 3.8 degrees in 95 % of the cases (Morrissy et al., J Bone
Joint Surg Am 72:320, 1990).

Found corners do not err alone: where both ends of an endplate are too high, its tilt is right. What a corner shares
with its neighbour is left out of its covariance.
"""

import numpy as np

from ..landmarks import LandmarkSet
from .vertebrae import BY_COUNT, CORNERS, Vertebrae, corner_of, with_covariance

TOLERANCE = 0.1  # of the mean endplate's length
SHARED = 0.78  # of a found corner's variance; learnt on the angles of the first of five folds of the AASCE films
SUREST, LEAST_SURE = 0.999, 0.01
HAND_ANGLE_SD_DEG = 3.8 / 1.96
HAND_SD = float(np.tan(np.deg2rad(HAND_ANGLE_SD_DEG / np.sqrt(2))) / np.sqrt(2))  # of an endplate's length, a corner


def corner_sd(confidence, width: float) -> np.ndarray:
    """Standard deviation of corners along either axis, in the unit of `width`.

    The distance from the truth is Rayleigh distributed: P(distance < r) = 1 - exp(-r² / 2 sd²).

    Parameters
    ----------
    confidence : (...) array
        In [0, 1]; NaN for a corner that a person placed.
    width
        Mean length of an endplate.
    """
    confidence = np.asarray(confidence, dtype=float)
    sure = np.clip(np.nan_to_num(confidence, nan=0.5), LEAST_SURE, SUREST)
    found = TOLERANCE * width / np.sqrt(-2 * np.log(1 - sure))
    return np.where(np.isfinite(confidence), found, HAND_SD * width)


def with_confidences(vertebrae: Vertebrae, landmarks: LandmarkSet) -> Vertebrae:
    """The same bodies with covariances from the confidences of the landmarks that they came from.

    Of found corners only what they do not share with their neighbours (`SHARED`).
    """
    by_name = {corner_of(name): c for name, c in zip(landmarks.names, landmarks.confidence, strict=True)}
    if set(by_name) == {None}:  # by their order
        keys = [(level, corner) for level in BY_COUNT[len(landmarks)] for corner in range(4)]
        by_name = dict(zip(keys, landmarks.confidence, strict=True))
    confidence = [[by_name.get((level, corner), np.nan) for corner in range(len(CORNERS))]
                  for level in vertebrae.levels]
    own = np.where(np.isfinite(confidence), 1 - SHARED, 1.0)
    variance = own * corner_sd(confidence, vertebrae.width) ** 2
    return with_covariance(vertebrae, variance[..., None, None] * np.diag(1 / np.asarray(vertebrae.spacing) ** 2))


def with_corner_sd(vertebrae: Vertebrae, sd_px: float) -> Vertebrae:
    """The same bodies with one standard deviation for every corner and axis."""
    if not 0 <= sd_px < np.inf:
        raise ValueError(f"sd_px must not be negative, got {sd_px}")
    return with_covariance(vertebrae, sd_px**2 * np.eye(2))


def angle_sd_deg(vertebrae: Vertebrae, a: int, b: int) -> float:
    """Standard deviation of the angle between the upper endplate of body a and the lower one of body b.

    To first order: a tilt varies by nᵀ (C_left + C_right) n / w², with the endplate's normal n and length w. NaN where
    no covariances are known.
    """
    if vertebrae.covariance_px is None:
        return float("nan")
    scale = np.asarray(vertebrae.spacing)
    variance = 0.0
    for body, (left, right) in ((a, (0, 1)), (b, (2, 3))):
        plate = vertebrae.corners[body, right] - vertebrae.corners[body, left]
        width = np.linalg.norm(plate)
        normal = np.array([plate[1], -plate[0]]) / width
        spread = (vertebrae.covariance_px[body, left] + vertebrae.covariance_px[body, right]) * np.outer(scale, scale)
        variance += normal @ spread @ normal / width**2
    return float(np.rad2deg(np.sqrt(variance)))


def drawn(vertebrae: Vertebrae, draws: int, rng: np.random.Generator) -> np.ndarray:
    """(draws, V, 4, 2) corners in pixels, as they may lie by their covariances; the Monte Carlo way to an uncertainty.

    Raises
    ------
    ValueError
        If no covariances are known.
    """
    if vertebrae.covariance_px is None:
        raise ValueError("the corners have no covariances")
    root = np.linalg.cholesky(vertebrae.covariance_px + 1e-12 * np.eye(2))
    noise = rng.standard_normal((draws, *vertebrae.corners_px.shape))
    return vertebrae.corners_px + np.einsum("vkij,nvkj->nvki", root, noise)
