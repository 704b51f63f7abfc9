"""Landmarks on a film before a camera of known intrinsics, and the refinement of several poses of it at once.

A pose is R, t with the ray R (x - centre) + t from the source towards x, in the axes of the camera that it began with.
"""

from dataclasses import dataclass

import numpy as np

from .camera import Camera
from .pose import cross_matrix

_DAMPING, _STEPS, _STILL = 1e-4, 20, 1e-6  # rad, and mm of a metre
_UNSEEN = 1e12  # px^2, for what has no projection
_EYE = np.eye(6)
_UNITS = np.array([1, 1, 1, 1e3, 1e3, 1e3])
_NEAREST = 1e-3  # share of the way to the detector: what lies nearer to the source, or behind it, is not seen


@dataclass(frozen=True, eq=False)
class Sighting:
    """Landmarks in pairs.

    Parameters
    ----------
    points_px : (N, 2) array
    points_mm : (N, 3) array
    weights : (N,) array
        Inverse variances up to a factor; their mean is 1.
    camera
        Its detector relative to its source is what counts.
    centre_mm : (3,) array
        What poses turn about.
    """

    points_px: np.ndarray
    points_mm: np.ndarray
    weights: np.ndarray
    camera: Camera
    centre_mm: np.ndarray

    def __post_init__(self):
        object.__setattr__(self, "px_from_ray", np.linalg.inv(self.camera.ray_from_px))
        object.__setattr__(self, "near_mm", self.points_mm - self.centre_mm)
        object.__setattr__(self, "turning", cross_matrix(self.near_mm))

    def __len__(self) -> int:
        return len(self.points_px)

    def rays(self) -> np.ndarray:
        """(N, 3) vectors from the source to the landmarks' pixels."""
        return np.column_stack([self.points_px, np.ones(len(self))]) @ self.camera.ray_from_px.T

    def residuals(self, turns: np.ndarray, shifts: np.ndarray) -> np.ndarray:
        """(K, N) distances in px of the landmarks from their projections; NaN where one is behind the source."""
        off, _ = self._off(turns, shifts)
        return np.sqrt((off**2).sum(-1))

    def _off(self, turns, shifts) -> tuple[np.ndarray, np.ndarray]:
        rows = (self.px_from_ray @ turns).reshape(-1, 3) @ self.near_mm.T  # one product for all poses
        places = rows.reshape(len(turns), 3, -1) + (shifts @ self.px_from_ray.T)[..., None]
        depth = np.where(places[:, 2] > _NEAREST, places[:, 2], np.nan)
        off = places[:, :2] / depth[:, None] - self.points_px.T
        return off.transpose(0, 2, 1), depth

    def linearised(self, turns, shifts) -> tuple[np.ndarray, np.ndarray]:
        """(K, N, 2) residuals, (K, N, 2, 6) their change with (turn rad, shift mm) of the camera about the centre."""
        off, depth = self._off(turns, shifts)
        matrix = self.px_from_ray @ turns
        place = (off + self.points_px)[..., None]
        by_point = (matrix[:, None, :2] - place * matrix[:, None, 2:]) / depth[..., None, None]
        return off, np.concatenate([by_point @ self.turning, -by_point], axis=-1)

    def camera_of(self, turn: np.ndarray, shift: np.ndarray) -> Camera:
        """The camera of a pose."""
        old = self.camera
        row, column, corner = (turn.T @ v for v in (old.row_step_mm, old.column_step_mm, old.corner_mm - old.source_mm))
        source = self.centre_mm - turn.T @ shift
        return Camera(source, source + corner, row, column, old.size_px)


def refine(sighting: Sighting, turns, shifts, weights, scales_px, steps: int = _STEPS) -> tuple[np.ndarray, np.ndarray]:
    """The nearest poses of least sum of w c^2 log(1 + (r / c)^2), by Levenberg and Marquardt's steps.

    The loss is Cauchy's: a residual r far beyond its scale c hardly pulls. All poses are refined at once.

    Parameters
    ----------
    sighting
    turns, shifts : (K, 3, 3) and (K, 3) arrays
        Where to begin.
    weights : (N,) or (K, N) array
        Zero leaves a landmark out.
    scales_px : (K,) array
        c of each pose.
    steps
        At most.

    Returns
    -------
    turns, shifts
    """
    weights = np.broadcast_to(weights, (len(turns), len(sighting)))
    squared = np.asarray(scales_px, float)[:, None] ** 2
    damping = np.full(len(turns), _DAMPING)
    off, jacobian = sighting.linearised(turns, shifts)
    cost = _cost(off, weights, squared)
    for _ in range(steps):
        step = _step(off, jacobian, weights, squared, damping)
        tried = _moved(turns, shifts, step)
        tried_off, tried_jacobian = sighting.linearised(*tried)
        tried_cost = _cost(tried_off, weights, squared)
        better = tried_cost <= cost
        turns, shifts, off, jacobian, cost = (
            np.where(better.reshape(-1, *[1] * (new.ndim - 1)), new, old) for new, old in
            ((tried[0], turns), (tried[1], shifts), (tried_off, off), (tried_jacobian, jacobian), (tried_cost, cost)))
        damping = np.maximum(damping * np.where(better, 0.1, 10.0), 1e-12)
        if (np.abs(step) < _STILL * _UNITS).all():
            break
    return turns, shifts


def _cost(off, weights, squared) -> np.ndarray:
    far = (off**2).sum(-1)
    return (weights * squared * np.log1p(np.where(far < _UNSEEN, far, _UNSEEN) / squared)).sum(1)


def _step(off, jacobian, weights, squared, damping) -> np.ndarray:
    """(K, 6) damped steps of the reweighted least squares."""
    seen = np.isfinite(off).all(-1)
    off, jacobian = np.where(seen[..., None], off, 0.0), np.where(seen[..., None, None], jacobian, 0.0)
    pull = np.repeat(weights * seen / (1 + (off**2).sum(-1) / squared), 2, axis=1)
    rows = jacobian.reshape(len(off), -1, 6)
    weighted = (rows * pull[..., None]).transpose(0, 2, 1)
    normal, gradient = weighted @ rows, weighted @ off.reshape(len(off), -1, 1)
    sizes = np.einsum("kii->ki", normal)
    damped = normal + _EYE * (damping[:, None] * sizes + 1e-12 * sizes.max(1, keepdims=True) + 1e-300)[:, None]
    return -np.linalg.solve(damped, gradient)[..., 0]


def _moved(turns, shifts, step) -> tuple[np.ndarray, np.ndarray]:
    """Poses after the camera turned about the centre (Cayley's rotation), then shifted."""
    half = -step[:, :3] / 2
    cross = cross_matrix(half)
    back = turns + turns @ (cross + cross @ cross) * (2 / (1 + (half**2).sum(1)))[:, None, None]
    return back, shifts - (back @ step[:, 3:, None])[..., 0]
