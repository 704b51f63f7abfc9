"""Similarity transforms of the plane, and their fit to points, also in space: rotation, one scale, translation.

A transform is a (3, 3) matrix that acts on (row, column, 1), named for both ends, target first: `image_from_model`.
Angles are positive from the row axis towards the column axis: on a film, which shows rows downwards and columns to the
right, that is anticlockwise.
"""

import numpy as np


def similarity_from_points(source, target, weights=None, *, scaled: bool = True, reflect: bool = False) -> np.ndarray:
    """The similarity that takes `source` to `target` with the least weighted squared error (Umeyama 1991).

    Parameters
    ----------
    source, target : (N, D) arrays
        Corresponding points in the plane or in space, N >= D; a pair with a NaN in it does not count.
    weights : (N,) array, optional
        Non-negative; equal where left out.
    scaled
        False keeps the size: a rigid motion.
    reflect
        Whether it may mirror.

    Returns
    -------
    (D + 1, D + 1) array, target_from_source

    Raises
    ------
    ValueError
        The shapes differ, a weight is negative, or the source points that count do not fix a rotation: fewer than two
        distinct ones in the plane, all on a line in space.
    """
    source, target = np.asarray(source, float), np.asarray(target, float)
    if source.shape != target.shape or source.ndim != 2 or source.shape[1] not in (2, 3):
        raise ValueError(f"source and target must be (N, 2) or (N, 3) and alike, got {source.shape} and {target.shape}")
    weights = np.ones(len(source)) if weights is None else np.array(weights, float)
    if weights.shape != (len(source),) or not (weights >= 0).all():
        raise ValueError(f"weights must be {len(source)} non-negative numbers, got {weights.tolist()}")
    known = np.isfinite(source).all(1) & np.isfinite(target).all(1) & (weights > 0)
    source, target, weights = source[known], target[known], weights[known]
    if np.linalg.matrix_rank(source - source[:1]) < source.shape[1] - 1:
        raise ValueError(f"a similarity needs {source.shape[1]} distinct points, not in a line, got {source.tolist()}")
    weights = weights / weights.sum()
    source_mean, target_mean = weights @ source, weights @ target
    near, far = source - source_mean, target - target_mean
    turn, trace = rotation_of((weights[:, None] * far).T @ near, reflect)
    matrix = np.eye(len(turn) + 1)
    matrix[:-1, :-1] = turn * (trace / (weights @ (near**2).sum(1)) if scaled else 1.0)
    matrix[:-1, -1] = target_mean - matrix[:-1, :-1] @ source_mean
    return matrix


def rotation_of(cross, reflect: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """The rotations R with the largest trace of R^T C, and those traces (Kabsch, Umeyama 1991).

    Parameters
    ----------
    cross : (..., D, D) array
        C, sums of target times source coordinates, both centred.
    reflect
        Whether R may mirror.
    """
    u, sizes, v = np.linalg.svd(cross)
    signs = np.ones_like(sizes)
    if not reflect:
        signs[..., -1] = np.where(np.linalg.det(u @ v) > 0, 1.0, -1.0)
    return (u * signs[..., None, :]) @ v, (sizes * signs).sum(-1)


def similarity(scale: float = 1.0, angle_deg: float = 0.0, translation=(0.0, 0.0)) -> np.ndarray:
    """(3, 3) matrix that scales, turns, then moves; inverse of `decompose`."""
    return _matrix(scale * np.exp(1j * np.deg2rad(angle_deg)), complex(*map(float, translation)))


def decompose(matrix) -> tuple[float, float, np.ndarray]:
    """Scale, angle in degrees in (-180, 180], and (2,) translation; inverse of `similarity`."""
    matrix = np.asarray(matrix, float)
    turn = complex(matrix[0, 0], matrix[1, 0])
    return abs(turn), float(np.rad2deg(np.angle(turn))), matrix[:2, 2].copy()


def apply(matrix, points) -> np.ndarray:
    """`points` (..., D), in array order, taken through a (D + 1, D + 1) similarity or affine matrix."""
    matrix = np.asarray(matrix, float)
    return np.asarray(points, float) @ matrix[:-1, :-1].T + matrix[:-1, -1]


def invert(matrix) -> np.ndarray:
    """`source_from_target` for a `target_from_source`."""
    scale, angle_deg, translation = decompose(matrix)
    if scale == 0:
        raise ValueError("a similarity of scale 0 has no inverse")
    turn = np.exp(-1j * np.deg2rad(angle_deg)) / scale
    return _matrix(turn, -turn * complex(*translation))


def _matrix(turn: complex, shift: complex) -> np.ndarray:
    return np.array([[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag], [0, 0, 1]])
