"""How far one pose is from another: turn and shift of the patient before the C-arm, and what that does to targets."""

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from .camera import Camera


@dataclass(frozen=True)
class PoseError:
    """Of the patient in the C-arm's frame, whose origin is the source.

    Parameters
    ----------
    rotation_deg
        Angle of the turn from one to the other.
    translation_mm
        Distance between the places of the patient's centre.
    """

    rotation_deg: float
    translation_mm: float


@dataclass(frozen=True, eq=False)
class TargetErrors:
    """How far targets are off.

    Parameters
    ----------
    projected_mm : (N,) array
        Across the beam, scaled to the isocentre's depth; its mean is the projected mTRE (van de Kraats et al. 2005).
    px : (N,) array
        On the film.
    spatial_mm : (N,) array
        In the C-arm's frame, along the beam too; its mean is the mTRE.
    """

    projected_mm: np.ndarray
    px: np.ndarray
    spatial_mm: np.ndarray

    @property
    def mtre_mm(self) -> float:
        """Mean projected error at the isocentre."""
        return float(self.projected_mm.mean())


def arm_axes(camera: Camera) -> np.ndarray:
    """(3, 3) rotation: down and across the film, and along the beam, in columns; of a slanted detector the nearest."""
    steps = np.stack([camera.row_step_mm, camera.column_step_mm], axis=1)
    u, _, v = np.linalg.svd(steps / np.linalg.norm(steps, axis=0), full_matrices=False)
    down, across = (u @ v).T
    beam = np.cross(down, across)
    return np.stack([down, across, beam * np.sign(beam @ (camera.corner_mm - camera.source_mm))], axis=1)


def in_arm(camera: Camera, points_mm) -> np.ndarray:
    """(..., 3) points of the patient's world in mm (down, across, beam) from the source."""
    return (np.asarray(points_mm, float) - camera.source_mm) @ arm_axes(camera)


def pose_error(camera: Camera, reference: Camera, centre_mm) -> PoseError:
    """How differently the patient stands before the two.

    Parameters
    ----------
    camera, reference
    centre_mm : (3,) array
        The patient's centre, such as the isocentre or the middle of the landmarks.
    """
    turn = arm_axes(camera).T @ arm_axes(reference)
    apart = in_arm(camera, centre_mm) - in_arm(reference, centre_mm)
    return PoseError(float(np.rad2deg(Rotation.from_matrix(_proper(turn)).magnitude())), float(np.linalg.norm(apart)))


def _proper(turn: np.ndarray) -> np.ndarray:
    if np.linalg.det(turn) < 0:
        raise ValueError("one of the two films is mirrored: no rotation leads from one pose to the other")
    return turn


def target_errors(camera: Camera, reference: Camera, points_mm, isocentre_mm=None) -> TargetErrors:
    """Errors of points that a pose maps otherwise than the reference does.

    Parameters
    ----------
    camera, reference
    points_mm : (N, 3) array
    isocentre_mm : (3,) array, optional
        At whose depth (by the reference) projected errors are measured; the points' middle where left out.
    """
    points = np.asarray(points_mm, float)
    off = camera.project(points) - reference.project(points)
    magnification = reference.magnification(points.mean(0) if isocentre_mm is None else isocentre_mm)
    on_film_mm = off @ np.stack([reference.row_step_mm, reference.column_step_mm])
    apart = in_arm(camera, points) - in_arm(reference, points)
    return TargetErrors(np.linalg.norm(on_film_mm, axis=1) / magnification, np.linalg.norm(off, axis=1),
                        np.linalg.norm(apart, axis=1))
