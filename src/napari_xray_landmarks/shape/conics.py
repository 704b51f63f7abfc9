"""Circles, ellipses and spheres through points, with one interface: a femoral head's outline, or its surface in CT."""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import eig
from scipy.optimize import least_squares

from ..geometry import balls

LEAST_POINTS = {"circle": 3, "ellipse": 5, "sphere": 4}
ELLIPSE_METHODS = ("algebraic", "geometric")


@dataclass(frozen=True, eq=False)
class Conic:
    """A circle, an ellipse or a sphere.

    Parameters
    ----------
    kind
        "circle", "ellipse" or "sphere".
    centre : (D,) array
        In array order.
    semi_axes : (D,) array
        All alike but for an ellipse, whose longer one is the first.
    angle_deg
        Of the first axis, from the row axis towards the column axis, in (-90, 90].
    covariance : (P, P) array
        Of the centre and the radius; of an ellipse's centre, semi-axes and angle in radians.
    inliers : (N,) bool array
        Which points it was fitted to.
    scatter
        Root mean square distance of those points, by their weights.
    """

    kind: str
    centre: np.ndarray
    semi_axes: np.ndarray
    angle_deg: float
    covariance: np.ndarray
    inliers: np.ndarray
    scatter: float

    @property
    def radius(self) -> float:
        """Geometric mean of the semi-axes."""
        return float(np.prod(self.semi_axes) ** (1 / len(self.semi_axes)))

    @property
    def sd(self) -> np.ndarray:
        """(P,) standard deviations of the parameters, in the order of the covariance."""
        return np.sqrt(np.diag(self.covariance))

    def off(self, points) -> np.ndarray:
        """(N,) distances of points, negative inside."""
        points = np.asarray(points, float)
        if self.kind != "ellipse":
            return np.linalg.norm(points - self.centre, axis=1) - self.semi_axes[0]
        return _ellipse_off(points, self.centre, self.semi_axes, np.deg2rad(self.angle_deg))

    def outline(self, count: int = 72) -> np.ndarray:
        """(count, 2) points on a circle or an ellipse."""
        own = np.linspace(0, 2 * np.pi, count, endpoint=False)
        local = np.column_stack([np.cos(own), np.sin(own)]) * self.semi_axes[:2]
        return self.centre + local @ _axes(np.deg2rad(self.angle_deg))


def fit(points, kind: str = "circle", *, weights=None, method: str = "geometric") -> Conic:
    """The circle, ellipse or sphere through points with the least squares.

    Parameters
    ----------
    points : (N, D) array
        D = 2, for a sphere 3.
    kind
        "circle", "ellipse" or "sphere".
    weights : (N,) array, optional
        Confidence of each point.
    method
        For circles and spheres one of `geometry.balls.METHODS`; for ellipses "algebraic" (Halir and Flusser 1998) or
        "geometric", the distances themselves.

    Raises
    ------
    ValueError
        Too few points, points that fix no such curve, or an option that will not do.
    """
    points = _points(points, kind)
    weights = np.ones(len(points)) if weights is None else np.asarray(weights, float)
    if kind == "ellipse":
        centre, axes, angle, covariance = _fit_ellipse(points, weights, method)
    else:
        centre, radius, covariance = balls.fit_ball(points, weights, method)
        axes, angle = np.full(len(centre), radius), 0.0
    found = Conic(kind, centre, axes, float(np.rad2deg(angle)), covariance, weights > 0, 0.0)
    scatter = np.sqrt(np.average(found.off(points) ** 2, weights=weights))
    return Conic(kind, centre, axes, found.angle_deg, covariance, found.inliers, float(scatter))


def fit_robustly(points, kind: str = "circle", *, band: float, weights=None, method: str = "geometric",
                 trials: int = 300, seed: int = 0) -> Conic | None:
    """The one that most points lie on (RANSAC, Fischler and Bolles 1981), fitted to those.

    Parameters
    ----------
    points, kind, weights, method
        As in `fit`.
    band
        How far from it a point may lie, in the points' unit.
    trials
        How often to try a few points, at most.
    seed
        Of their choice.

    Returns
    -------
    Conic or None
        None where no trial has as many points on it as it takes to fit it.
    """
    from skimage.measure import ransac

    points = _points(points, kind)
    if not band > 0:
        raise ValueError(f"the band must be positive, got {band}")
    weights = np.ones(len(points)) if weights is None else np.asarray(weights, float)
    used = np.flatnonzero(weights > 0)
    if len(used) < LEAST_POINTS[kind]:
        raise ValueError(f"{kind} needs at least {LEAST_POINTS[kind]} points, got {len(used)}")
    _, on = ransac(points[used], _TRIALS[kind], LEAST_POINTS[kind], band, max_trials=trials,
                   rng=np.random.default_rng(seed))
    if on is None or np.count_nonzero(on) < LEAST_POINTS[kind]:
        return None
    inliers = np.zeros(len(points), bool)
    inliers[used[on]] = True
    try:
        for _ in range(3):
            found = fit(points, kind, weights=weights * inliers, method=method)
            inliers = (np.abs(found.off(points)) < band) & (weights > 0)
    except ValueError:
        return None
    return found


def _points(points, kind: str) -> np.ndarray:
    if kind not in LEAST_POINTS:
        raise ValueError(f"kind must be one of {', '.join(LEAST_POINTS)}, got {kind!r}")
    points, dimension = np.asarray(points, float), 3 if kind == "sphere" else 2
    if points.ndim != 2 or points.shape[1] != dimension or not np.isfinite(points).all():
        raise ValueError(f"a {kind} needs finite points (N, {dimension}), got shape {points.shape}")
    return points


class _Trial:
    """What RANSAC tries, for scikit-image: fitted algebraically, which takes the least time."""

    kind = "circle"

    def estimate(self, points: np.ndarray) -> bool:
        try:
            self.found = fit(points, self.kind, method="algebraic")
        except ValueError:
            return False
        return True

    @classmethod
    def from_estimate(cls, points: np.ndarray):
        trial = cls()
        return trial if trial.estimate(points) else None

    def residuals(self, points: np.ndarray) -> np.ndarray:
        return self.found.off(points)


_TRIALS = {kind: type(f"_{kind.title()}Trial", (_Trial,), {"kind": kind}) for kind in LEAST_POINTS}


def _fit_ellipse(points: np.ndarray, weights: np.ndarray, method: str):
    """Centre, semi-axes, angle, and their covariance."""
    if method not in ELLIPSE_METHODS:
        raise ValueError(f"method must be one of {', '.join(ELLIPSE_METHODS)} for an ellipse, got {method!r}")
    if weights.shape != (len(points),) or not (weights >= 0).all():
        raise ValueError(f"weights must be {len(points)} non-negative numbers")
    points, weights = points[weights > 0], weights[weights > 0]
    if len(points) < LEAST_POINTS["ellipse"]:
        raise ValueError(f"an ellipse needs at least 5 points, got {len(points)}")
    mean = np.average(points, axis=0, weights=weights)
    scale = np.sqrt(np.average(((points - mean) ** 2).sum(1), weights=weights)) or 1.0
    near, roots = (points - mean) / scale, np.sqrt(weights / weights.mean())
    numbers = _direct_ellipse(near, roots)
    if method == "geometric":
        numbers = least_squares(lambda p: roots * _off(near, p), numbers, method="trf", x_scale="jac").x
    centre, axes, angle = numbers[:2], np.abs(numbers[2:4]), numbers[4]
    if axes[0] < axes[1]:
        axes, angle = axes[::-1], angle + np.pi / 2
    angle = np.pi / 2 - (np.pi / 2 - angle) % np.pi
    covariance = _covariance(near, roots, np.r_[centre, axes, angle])
    units = np.array([scale] * 4 + [1.0])
    return centre * scale + mean, axes * scale, angle, covariance * np.outer(units, units)


def _direct_ellipse(points: np.ndarray, roots: np.ndarray) -> np.ndarray:
    """(5,) centre, semi-axes and angle of the least-squares fit that is an ellipse for sure (Halir and Flusser)."""
    x, y = points.T
    curved = roots[:, None] * np.column_stack([x * x, x * y, y * y])
    straight = roots[:, None] * np.column_stack([x, y, np.ones(len(x))])
    normal = straight.T @ straight
    if np.linalg.cond(normal) > 1e12:
        raise ValueError("an ellipse cannot be fitted to points on a line")
    to_straight = -np.linalg.solve(normal, straight.T @ curved)
    reduced = curved.T @ curved + curved.T @ straight @ to_straight
    values, vectors = eig(np.array([[0, 0, 0.5], [0, -1, 0], [0.5, 0, 0]]) @ reduced)
    vectors = vectors.real
    positive = 4 * vectors[0] * vectors[2] - vectors[1] ** 2 > 1e-12
    if not positive.any():
        raise ValueError("no ellipse goes through these points")
    a, b, c = vectors[:, positive][:, np.abs(values[positive]).argmin()]
    return _from_coefficients(a, b, c, *(to_straight @ [a, b, c]))


def _from_coefficients(a, b, c, d, e, f) -> np.ndarray:
    """Centre, semi-axes and angle of a x^2 + b x y + c y^2 + d x + e y + f = 0."""
    quadratic = np.array([[a, b / 2], [b / 2, c]])
    centre = -0.5 * np.linalg.solve(quadratic, [d, e])
    level = centre @ quadratic @ centre - f
    sizes, turn = np.linalg.eigh(quadratic / level)
    if (sizes <= 0).any():
        raise ValueError("no ellipse goes through these points")
    return np.r_[centre, 1 / np.sqrt(sizes), np.arctan2(turn[1, 0], turn[0, 0])]


def _off(points: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    return _ellipse_off(points, numbers[:2], np.abs(numbers[2:4]), numbers[4])


def _axes(angle: float) -> np.ndarray:
    """(2, 2) unit vectors along the axes, one a row."""
    return np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])


def _ellipse_off(points: np.ndarray, centre: np.ndarray, axes: np.ndarray, angle: float) -> np.ndarray:
    """Distances from an ellipse, negative inside, by the circles that touch it (Chatfield 2017)."""
    local = (points - centre) @ _axes(angle).T
    place, on = np.abs(local), np.full_like(local, np.sqrt(0.5))
    bend = np.array([axes[0] ** 2 - axes[1] ** 2, axes[1] ** 2 - axes[0] ** 2]) / axes
    for _ in range(8):
        middle = bend * on**3
        reach = np.linalg.norm(axes * on - middle, axis=1)
        way = place - middle
        length = np.maximum(np.linalg.norm(way, axis=1), 1e-300)
        on = np.clip((way * (reach / length)[:, None] + middle) / axes, 0, 1)
        on /= np.maximum(np.linalg.norm(on, axis=1), 1e-300)[:, None]
    away = np.linalg.norm(place - axes * on, axis=1)
    return np.where(((local / axes) ** 2).sum(1) < 1, -away, away)


def _covariance(points: np.ndarray, roots: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    steps = 1e-5 * np.eye(len(numbers))
    jacobian = np.column_stack([roots * (_off(points, numbers + s) - _off(points, numbers - s)) / 2e-5 for s in steps])
    spare = len(points) - len(numbers)
    variance = ((roots * _off(points, numbers)) ** 2).sum() / spare if spare else 0.0
    return variance * np.linalg.pinv(jacobian.T @ jacobian)
