"""Two or more films of one patient: a point seen in all, and where a point of one may be in another."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .camera import Camera

MIN_ANGLE_DEG = 2.0
_ROUNDS = 20


@dataclass(frozen=True, eq=False)
class Triangulated:
    """A point in space.

    Parameters
    ----------
    point_mm : (3,) array
    residuals_px : (C,) array
        Distance from its projection in each film; NaN where it was not seen.
    covariance : (3, 3) array
        In mm^2, from the uncertainty of the pixels.
    """

    point_mm: np.ndarray
    residuals_px: np.ndarray
    covariance: np.ndarray

    @property
    def residual_px(self) -> float:
        """Root mean square over the films."""
        return float(np.sqrt(np.nanmean(self.residuals_px**2)))


def triangulate(cameras: Sequence[Camera], points_px, *, sd_px=1.0) -> Triangulated:
    """The point whose projections are nearest to its places on two or more films.

    The midpoint of the rays is refined on the reprojection error by Gauss and Newton's steps (Hartley and Zisserman,
    Multiple View Geometry, 12.2 to 12.3).

    Parameters
    ----------
    cameras
    points_px : (C, 2) array
        (row, column) in each film; NaN where it is not seen.
    sd_px : float or (C,) array
        Standard deviation of each coordinate.

    Raises
    ------
    ValueError
        Fewer than two films show it, the films are seen from the same side, or the rays meet behind a source.
    """
    points = np.asarray(points_px, float)
    if points.shape != (len(cameras), 2):
        raise ValueError(f"one (row, column) a film is needed, got shape {points.shape} for {len(cameras)} films")
    seen = np.isfinite(points).all(1)
    if seen.sum() < 2:
        raise ValueError(f"a point must be marked in two films, and is in {int(seen.sum())}")
    roots = 1 / np.broadcast_to(np.asarray(sd_px, float), len(points))[seen]
    if not (np.isfinite(roots) & (roots > 0)).all():
        raise ValueError(f"sd_px must be positive, got {sd_px}")
    shown = [camera for camera, here in zip(cameras, seen, strict=True) if here]
    point = _between_rays(shown, points[seen])
    for _ in range(_ROUNDS):
        off, jacobian = _linearised(shown, points[seen], roots, point)
        step = np.linalg.lstsq(jacobian, off, rcond=None)[0]
        point = point + step
        if np.linalg.norm(step) < 1e-9 * (1 + np.linalg.norm(point)):
            break
    residuals = np.array([np.linalg.norm(camera.project(point) - at) for camera, at in zip(cameras, points,
                                                                                         strict=True)])
    if np.isnan(residuals[seen]).any():
        raise ValueError("the rays meet behind a source: the point is marked at different places of the patient")
    return Triangulated(point, residuals, np.linalg.inv(jacobian.T @ jacobian))


def _between_rays(cameras: Sequence[Camera], points: np.ndarray) -> np.ndarray:
    """The point with the least squared distance to all rays."""
    rays = np.array([c.ray_from_px @ np.append(p, 1.0) for c, p in zip(cameras, points, strict=True)])
    rays /= np.linalg.norm(rays, axis=1, keepdims=True)
    widest = np.rad2deg(np.arccos(np.clip(np.abs(rays @ rays.T).min(), -1, 1)))
    if widest < MIN_ANGLE_DEG:
        raise ValueError(f"the films see the point from the same side: its rays are {widest:.1f}° apart, and need "
                         f"{MIN_ANGLE_DEG:g}°")
    across = np.eye(3) - rays[:, :, None] * rays[:, None]
    sources = np.array([c.source_mm for c in cameras])
    return np.linalg.solve(across.sum(0), (across @ sources[..., None]).sum(0)[:, 0])


def _linearised(cameras, points, roots, point) -> tuple[np.ndarray, np.ndarray]:
    """Weighted residuals (2 C,) and what a mm of the point changes of its projections (2 C, 3)."""
    off, jacobian = [], []
    for camera, at, root in zip(cameras, points, roots, strict=True):
        matrix = camera.detector_px_from_world
        row, column, depth = matrix @ np.append(point, 1.0)
        place = np.array([row, column]) / depth
        off.append(root * (at - place))
        jacobian.append(root * (matrix[:2, :3] - place[:, None] * matrix[2, :3]) / depth)
    return np.concatenate(off), np.concatenate(jacobian)


def epipolar_line(camera: Camera, point_px, other: Camera) -> np.ndarray | None:
    """Where in `other` the ray through a pixel of `camera` is seen.

    Parameters
    ----------
    camera
    point_px : (2,) array
        (row, column).
    other

    Returns
    -------
    (2, 2) array or None
        (row, column) of both ends on the film, the one nearer to `camera`'s source first; None where it misses it.
    """
    ray = camera.ray_from_px @ np.append(np.asarray(point_px, float), 1.0)
    matrix = other.detector_px_from_world
    start, along = matrix @ np.append(camera.source_mm, 1.0), matrix[:, :3] @ ray  # homogeneous, start + s along
    rows, columns = other.size_px
    # on the film where all of these are positive: each is a linear function of s
    inside = np.array([[1, 0, 0.5], [-1, 0, rows - 0.5], [0, 1, 0.5], [0, -1, columns - 0.5], [0, 0, 1]])
    constant, slope = inside @ start, inside @ along
    with np.errstate(divide="ignore", invalid="ignore"):
        crossing = -constant / slope
    first = max(crossing[slope > 0], default=0.0)
    last = min(crossing[slope < 0], default=np.inf)
    first = max(first, 0.0)
    if (constant[slope == 0] < 0).any() or not first < last:
        return None
    ends = np.stack([start + first * along, along if np.isinf(last) else start + last * along])
    return ends[:, :2] / ends[:, 2:] if (ends[:, 2] > 0).all() else None
