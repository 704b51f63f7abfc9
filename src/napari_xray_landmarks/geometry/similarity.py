"""Similarity transforms of the plane: rotation, one scale, translation, no reflection.

A transform is a (3, 3) matrix that acts on (row, column, 1), named for both ends, target first: `image_from_model`.
Angles are positive from the row axis towards the column axis: on a film, which shows rows downwards and columns to the
right, that is anticlockwise.
"""

import numpy as np


def similarity_from_points(source, target, weights=None) -> np.ndarray:
    """The similarity that takes `source` to `target` with the least weighted squared error (Umeyama 1991).

    Parameters
    ----------
    source, target : (N, 2) arrays
        Corresponding points, N >= 2; a pair with a NaN in it does not count.
    weights : (N,) array, optional
        Non-negative; equal where left out.

    Returns
    -------
    (3, 3) array, target_from_source

    Raises
    ------
    ValueError
        The shapes differ, a weight is negative, or fewer than two distinct source points count.
    """
    source, target = np.asarray(source, float), np.asarray(target, float)
    if source.shape != target.shape or source.ndim != 2 or source.shape[1] != 2:
        raise ValueError(f"source and target must be (N, 2) and alike, got {source.shape} and {target.shape}")
    weights = np.ones(len(source)) if weights is None else np.array(weights, float)
    if weights.shape != (len(source),) or not (weights >= 0).all():
        raise ValueError(f"weights must be {len(source)} non-negative numbers, got {weights.tolist()}")
    known = np.isfinite(source).all(1) & np.isfinite(target).all(1) & (weights > 0)
    z, w, weights = _complex(source[known]), _complex(target[known]), weights[known]
    if len(z) < 2 or np.ptp(source[known], axis=0).max() == 0:
        raise ValueError(f"a similarity needs two distinct points, got {source[known].tolist()}")
    weights = weights / weights.sum()
    z_mean, w_mean = weights @ z, weights @ w
    turn = (weights * np.conj(z - z_mean)) @ (w - w_mean) / (weights @ np.abs(z - z_mean) ** 2)
    return _matrix(turn, w_mean - turn * z_mean)


def similarity(scale: float = 1.0, angle_deg: float = 0.0, translation=(0.0, 0.0)) -> np.ndarray:
    """(3, 3) matrix that scales, turns, then moves; inverse of `decompose`."""
    return _matrix(scale * np.exp(1j * np.deg2rad(angle_deg)), complex(*map(float, translation)))


def decompose(matrix) -> tuple[float, float, np.ndarray]:
    """Scale, angle in degrees in (-180, 180], and (2,) translation; inverse of `similarity`."""
    matrix = np.asarray(matrix, float)
    turn = complex(matrix[0, 0], matrix[1, 0])
    return abs(turn), float(np.rad2deg(np.angle(turn))), matrix[:2, 2].copy()


def apply(matrix, points) -> np.ndarray:
    """`points` (..., 2), in (row, column) order, taken through a (3, 3) similarity or affine matrix."""
    matrix = np.asarray(matrix, float)
    return np.asarray(points, float) @ matrix[:2, :2].T + matrix[:2, 2]


def invert(matrix) -> np.ndarray:
    """`source_from_target` for a `target_from_source`."""
    scale, angle_deg, translation = decompose(matrix)
    if scale == 0:
        raise ValueError("a similarity of scale 0 has no inverse")
    turn = np.exp(-1j * np.deg2rad(angle_deg)) / scale
    return _matrix(turn, -turn * complex(*translation))


def _complex(points: np.ndarray) -> np.ndarray:
    return points[:, 0] + 1j * points[:, 1]


def _matrix(turn: complex, shift: complex) -> np.ndarray:
    return np.array([[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag], [0, 0, 1]])
