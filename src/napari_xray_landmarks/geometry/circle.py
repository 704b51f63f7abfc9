"""Circles: the fit to points, and a marker ball's outline in a radiograph."""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter, map_coordinates

from .balls import fit_ball

RAYS = 180
MIN_RADIUS_PX = 4.0


@dataclass(frozen=True)
class Circle:
    """A circle in (row, column) order.

    Parameters
    ----------
    centre
        (row, column).
    radius
        In the same unit.
    radius_sd
        Standard deviation of the radius from the scatter of the points about the circle.
    """

    centre: tuple[float, float]
    radius: float
    radius_sd: float = 0.0


def fit_circle(points, weights=None, method: str = "geometric") -> Circle:
    """Circle through points: by default Taubin's algebraic fit, refined on the distances themselves.

    Parameters
    ----------
    points : (N, 2) array
        At least three points that do not lie on a line.
    weights, method
        As in `balls.fit_ball`.

    Raises
    ------
    ValueError
        Too few points, or points on a line.
    """
    points = np.asarray(points, dtype=float)
    if points.ndim != 2 or points.shape[1] != 2:
        raise ValueError(f"a circle needs at least 3 points (N, 2), got shape {points.shape}")
    (row, column), radius, covariance = fit_ball(points, weights, method)
    return Circle((float(row), float(column)), radius, float(np.sqrt(covariance[2, 2])))


def find_ball(pixels, near, radius: float | None = None, *, seed: int = 0) -> Circle | None:
    """The outline of a marker ball: the circle that the strongest edges around a point agree on.

    Parameters
    ----------
    pixels : (rows, columns) array
        The ball may be brighter or darker than what surrounds it.
    near : (row, column)
        A point inside the ball, its centre at best.
    radius
        About how large it is, in pixels; without it anything up to a sixth of the image's shorter side is tried.

    Returns
    -------
    Circle or None
        In pixels; None where no circle explains at least half of the edges.
    """
    centre, guess = np.asarray(near, dtype=float), radius
    best = None
    for _ in range(3):
        low, high = (0.6 * guess, 1.5 * guess) if guess else (MIN_RADIUS_PX / 2, min(np.shape(pixels)) / 6)
        found = [_agreed(edges, seed) for edges in _edges(pixels, centre, low, high)]
        circle, agreement = max(found, key=lambda pair: pair[1])
        if circle is None or agreement < 0.5 or circle.radius < MIN_RADIUS_PX:
            return best
        best, centre, guess = circle, np.array(circle.centre), circle.radius
    return best


def _edges(pixels, centre: np.ndarray, low: float, high: float) -> list[np.ndarray]:
    """(RAYS, 2) strongest falling and strongest rising edge on each ray from the centre."""
    angle = np.arange(RAYS) * (2 * np.pi / RAYS)
    direction = np.stack([np.sin(angle), np.cos(angle)], 1)
    distance = np.arange(low, high, 0.5)
    at = centre[None, :, None] + direction[:, :, None] * distance[None, None]
    corner = np.floor(np.clip(at.min((0, 2)) - 4, 0, None)).astype(int)
    end = np.ceil(at.max((0, 2)) + 5).astype(int)
    window = gaussian_filter(np.asarray(pixels[corner[0]:end[0], corner[1]:end[1]], dtype=float), 1.0)
    if min(window.shape, default=0) < 3 or len(distance) < 5:
        return [np.empty((0, 2))]
    inside = np.stack([at[:, 0] - corner[0], at[:, 1] - corner[1]])
    slope = np.gradient(map_coordinates(window, inside, order=1, mode="nearest"), axis=1)
    return [centre + direction * _peak(sign * slope, distance)[:, None] for sign in (-1, 1)]


def _peak(values: np.ndarray, distance: np.ndarray) -> np.ndarray:
    """Where each row of values has its maximum, to a fraction of a step by a parabola."""
    i = np.clip(values.argmax(1), 1, values.shape[1] - 2)
    rows = np.arange(len(values))
    left, middle, right = values[rows, i - 1], values[rows, i], values[rows, i + 1]
    bend = left - 2 * middle + right
    shift = np.where(bend < 0, 0.5 * (left - right) / np.where(bend < 0, bend, 1), 0.0)
    return distance[i] + np.clip(shift, -1, 1) * (distance[1] - distance[0])


def _agreed(points: np.ndarray, seed: int) -> tuple[Circle | None, float]:
    """The circle that most edges lie on (RANSAC), and the share of edges that do."""
    rng = np.random.default_rng(seed)
    best, count = None, 0
    for _ in range(200 if len(points) >= 3 else 0):
        try:
            circle = fit_three(points[rng.choice(len(points), 3, replace=False)])
        except ValueError:
            continue
        on = _on(points, circle)
        if on.sum() > count:
            best, count = on, int(on.sum())
    if best is None or count < 10:
        return None, 0.0
    circle = fit_circle(points[best])
    on = _on(points, circle)
    return (fit_circle(points[on]), float(on.mean())) if on.sum() >= 10 else (None, 0.0)


def fit_three(points: np.ndarray) -> Circle:
    """The circle through three points.

    Raises
    ------
    ValueError
        The points lie on a line.
    """
    a, b, c = np.asarray(points, dtype=float)
    matrix = 2 * np.array([b - a, c - a])
    if abs(np.linalg.det(matrix)) < 1e-9:
        raise ValueError("three points on a line")
    centre = np.linalg.solve(matrix, [b @ b - a @ a, c @ c - a @ a])
    return Circle((float(centre[0]), float(centre[1])), float(np.linalg.norm(a - centre)))


def _on(points: np.ndarray, circle: Circle) -> np.ndarray:
    return np.abs(np.linalg.norm(points - circle.centre, axis=1) - circle.radius) < max(1.0, 0.03 * circle.radius)
