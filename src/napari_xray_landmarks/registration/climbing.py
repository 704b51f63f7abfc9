"""Uphill on the similarity: damped Gauss-Newton steps of the camera (Levenberg-Marquardt)."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from ..geometry.camera import Camera
from .similarities import Likeness

DAMPING, LEAST_DAMPING, MOST_DAMPING = 1e-2, 1e-5, 1e4
EASIER, HARDER = 0.2, 6.0
LONGEST_TURN, LONGEST_MM = np.deg2rad(6.0), 25.0


@dataclass(frozen=True, eq=False)
class Climb:
    """Where a climb ended.

    Parameters
    ----------
    camera
    likeness
        There, with its derivatives.
    settled
        Whether it ended because the image no longer moved, and not for want of steps.
    """

    camera: Camera
    likeness: Likeness
    settled: bool


def climb(evaluate: Callable[[Camera], Likeness], camera: Camera, centre_mm, *, iterations: int, tolerance_px: float,
          visit: Callable[[Camera, Likeness], None] = lambda camera, likeness: None) -> Climb:
    """The nearest pose of greatest similarity.

    Parameters
    ----------
    evaluate
        The similarity at a pose and its derivatives to the turn in rad and shift in mm of `Camera.moved`.
    camera
        Where to start.
    centre_mm : (3,) array
        What it turns about.
    iterations
        Most evaluations.
    tolerance_px
        Motion of the image, in pixels of this camera, below which it is done.
    visit
        Called with each pose that is better than those before; may raise to stop.
    """
    best, damping = evaluate(camera), DAMPING
    visit(camera, best)
    for _ in range(iterations - 1):
        step = damped_step(best, damping)
        moved = camera.moved(step[:3], step[3:], centre_mm)
        if image_motion(step, camera, centre_mm) < tolerance_px:
            return Climb(camera, best, True)
        there = evaluate(moved)
        if there.value > best.value:
            camera, best, damping = moved, there, max(damping * EASIER, LEAST_DAMPING)
            visit(camera, best)
        else:
            damping *= HARDER
            if damping > MOST_DAMPING:
                return Climb(camera, best, True)
    return Climb(camera, best, False)


def damped_step(likeness: Likeness, damping: float) -> np.ndarray:
    """(6,) the motion, each parameter damped by its own curvature (Marquardt 1963); no longer than allowed."""
    diagonal = np.diag(likeness.hessian)
    scale = np.sqrt(np.where(diagonal > 0, diagonal, 1.0))
    scaled = likeness.hessian / np.outer(scale, scale) + damping * np.eye(len(scale))
    step = np.linalg.lstsq(scaled, likeness.gradient / scale, rcond=None)[0] / scale
    excess = max(np.linalg.norm(step[:3]) / LONGEST_TURN, np.linalg.norm(step[3:]) / LONGEST_MM, 1.0)
    return step / excess


def image_motion(motion, camera: Camera, centre_mm, around_mm: float = 50.0) -> float:
    """How far the image of what lies about the centre moves, in pixels: the largest of six points."""
    around = np.concatenate([np.eye(3), -np.eye(3)]) * around_mm + np.asarray(centre_mm, float)
    moved = camera.moved(motion[:3], motion[3:], centre_mm).project(around)
    return float(np.nan_to_num(np.linalg.norm(moved - camera.project(around), axis=1), nan=np.inf).max())


def motion_between(start: Camera, camera: Camera, centre_mm) -> np.ndarray:
    """(6,) turn in rad and shift in mm with which `start.moved` is `camera`."""
    turn = camera.ray_from_px @ np.linalg.inv(start.ray_from_px)
    turn = Rotation.from_matrix(turn)
    centre = np.asarray(centre_mm, float)
    shift = camera.source_mm - centre - turn.apply(start.source_mm - centre)
    return np.concatenate([turn.as_rotvec(), shift])
