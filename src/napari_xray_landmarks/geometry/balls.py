"""Circles and spheres through points: algebraic fits in closed form, and the geometric one.

The algebraic fits minimise sum_i w_i (a |x_i|^2 + b . x_i + c)^2. They differ in what they hold constant: a (Kasa 1976;
paper 001's Eq. 4), which shrinks circles of which only an arc is seen; |b|^2 - 4 a c (Pratt 1987); or the mean squared
gradient (Taubin 1991). The geometric fit minimises the squared distances (Eq. 3), from Taubin's.
"""

import numpy as np
from scipy.linalg import eig

METHODS = ("algebraic", "pratt", "taubin", "geometric")


def fit_ball(points, weights=None, method: str = "geometric") -> tuple[np.ndarray, float, np.ndarray]:
    """Centre, radius and their covariance of the circle or sphere through points.

    Parameters
    ----------
    points : (N, D) array
        N > D.
    weights : (N,) array, optional
        Inverse variances, up to a factor; those of weight 0 do not count.
    method
        One of `METHODS`.

    Returns
    -------
    centre : (D,) array
    radius : float
    covariance : (D + 1, D + 1) array
        Of centre and radius, from the scatter of the points; zero where they are just enough.

    Raises
    ------
    ValueError
        Too few points, points on a line (in space: a plane), or an option that will not do.
    """
    points, weights = _checked(points, weights, method)
    mean = np.average(points, axis=0, weights=weights)
    scale = np.sqrt(np.average(((points - mean) ** 2).sum(1), weights=weights))
    near, roots = (points - mean) / (scale or 1.0), np.sqrt(weights / weights.mean())
    spread = np.linalg.svd(roots[:, None] * near, compute_uv=False)[-1]
    if scale == 0 or spread < 1e-9 * np.sqrt(len(near)):
        raise ValueError(f"a {'circle' if len(mean) == 2 else 'sphere'} cannot be fitted to points on a "
                         f"{'line' if len(mean) == 2 else 'plane'}")
    centre, radius = _ALGEBRAIC[method](near, roots)
    if method == "geometric":
        from scipy.optimize import least_squares

        fit = least_squares(lambda p: roots * _off(near, p[:-1], p[-1]), np.r_[centre, radius], method="lm")
        centre, radius = fit.x[:-1], abs(fit.x[-1])
    covariance = _covariance(near, roots, centre, radius)
    return centre * scale + mean, float(radius * scale), covariance * scale**2


def _checked(points, weights, method: str) -> tuple[np.ndarray, np.ndarray]:
    points = np.asarray(points, dtype=float)
    if points.ndim != 2 or points.shape[1] not in (2, 3):
        raise ValueError(f"points must be (N, 2) or (N, 3), got shape {points.shape}")
    if method not in METHODS:
        raise ValueError(f"method must be one of {', '.join(METHODS)}, got {method!r}")
    weights = np.ones(len(points)) if weights is None else np.asarray(weights, float)
    if weights.shape != (len(points),) or not (weights >= 0).all():
        raise ValueError(f"weights must be {len(points)} non-negative numbers")
    points, weights = points[weights > 0], weights[weights > 0]
    if len(points) <= points.shape[1]:
        what, least = ("circle", 3) if points.shape[1] == 2 else ("sphere", 4)
        raise ValueError(f"a {what} needs at least {least} points, got {len(points)}")
    return points, weights


def _kasa(near: np.ndarray, roots: np.ndarray) -> tuple[np.ndarray, float]:
    design = np.column_stack([near, np.ones(len(near))])
    answer = np.linalg.lstsq(roots[:, None] * design, -roots * (near**2).sum(1), rcond=None)[0]
    return _ball(np.r_[1.0, answer])


def _pratt(near: np.ndarray, roots: np.ndarray) -> tuple[np.ndarray, float]:
    design = roots[:, None] * np.column_stack([(near**2).sum(1), near, np.ones(len(near))])
    held = np.eye(design.shape[1])
    held[[0, -1], [0, -1]], held[[0, -1], [-1, 0]] = 0.0, -2.0
    values, vectors = eig(design.T @ design / len(near), held)
    values = np.where(np.isfinite(values), values.real, np.inf)
    return _ball(vectors[:, np.argmin(np.where(values >= -1e-12, values, np.inf))].real)


def _taubin(near: np.ndarray, roots: np.ndarray) -> tuple[np.ndarray, float]:
    squares = (near**2).sum(1)  # their weighted mean is 1
    design = np.column_stack([(squares - 1.0) / 2.0, near])
    a, *b = np.linalg.svd(roots[:, None] * design, full_matrices=False)[2][-1]
    return _ball(np.r_[a / 2, b, -a / 2])


_ALGEBRAIC = {"algebraic": _kasa, "pratt": _pratt, "taubin": _taubin, "geometric": _taubin}


def _ball(coefficients: np.ndarray) -> tuple[np.ndarray, float]:
    """Centre and radius of a |x|^2 + b . x + c = 0."""
    a, b, c = coefficients[0], coefficients[1:-1], coefficients[-1]
    centre = -b / (2 * a)
    return centre, float(np.sqrt(max(centre @ centre - c / a, 0.0)))


def _off(points: np.ndarray, centre: np.ndarray, radius: float) -> np.ndarray:
    return np.linalg.norm(points - centre, axis=1) - radius


def _covariance(near: np.ndarray, roots: np.ndarray, centre: np.ndarray, radius: float) -> np.ndarray:
    away = near - centre
    jacobian = roots[:, None] * np.column_stack(
        [-away / np.maximum(np.linalg.norm(away, axis=1), 1e-12)[:, None], -np.ones(len(near))])
    spare = len(near) - jacobian.shape[1]
    variance = (roots**2 @ _off(near, centre, radius) ** 2) / spare if spare else 0.0
    return variance * np.linalg.pinv(jacobian.T @ jacobian)
