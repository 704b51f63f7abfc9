"""What is known of a film's pose: an estimate from landmarks, and the noun that files hold."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np

from .camera import Camera, CArm
from .pose_errors import in_arm
from .views import arm_from_camera

MIN_LANDMARKS = 6
"""Fewer leave no room to tell a wrong landmark from a right one."""


class DegeneratePose(ValueError):
    """The landmarks do not fix a pose, or none explains them; the reason in one line."""


@dataclass(frozen=True, eq=False)
class PoseEstimate:
    """A camera that landmarks were fitted with, and how well.

    Parameters
    ----------
    camera
    inliers : (N,) bool array
        The landmarks that the pose rests on.
    residuals_px : (N,) array
        Distance of every landmark on the film from its projection; NaN where it has no place, or is not seen.
    residual_px
        Root mean square of those of the inliers.
    covariance : (6, 6) array, or None
        Of (turn rad, shift mm) about `centre_mm`, as `Camera.moved` takes them.
    centre_mm : (3,) array
        Middle of the landmarks.
    """

    camera: Camera
    inliers: np.ndarray
    residuals_px: np.ndarray
    residual_px: float
    covariance: np.ndarray | None
    centre_mm: np.ndarray

    def __post_init__(self):
        for key, kind in (("inliers", bool), ("residuals_px", float), ("centre_mm", float)):
            object.__setattr__(self, key, _frozen(getattr(self, key), kind))
        if self.inliers.shape != self.residuals_px.shape or self.inliers.ndim != 1 or self.centre_mm.shape != (3,):
            raise ValueError(f"inliers and residuals_px must have one value a landmark and centre_mm three, got shapes "
                             f"{self.inliers.shape}, {self.residuals_px.shape} and {self.centre_mm.shape}")
        if not 0 <= self.residual_px < np.inf:
            raise ValueError(f"residual_px must be a finite distance, got {self.residual_px}")
        if self.covariance is not None:
            object.__setattr__(self, "covariance", checked_covariance(self.covariance))

    @property
    def inlier_count(self) -> int:
        return int(self.inliers.sum())

    def describe(self) -> str:
        """Inliers, residual and uncertainty in one line."""
        spread = ""
        if self.covariance is not None:
            turn, shift = standard_deviations(self.covariance)
            spread = f", ± {turn:.2f}° and ± {shift:.2f} mm"
        return f"{self.inlier_count} of {len(self.inliers)} landmarks, residual {self.residual_px:.2f} px{spread}"


@dataclass(frozen=True, eq=False)
class Pose:
    """A film's pose in a CT, as files keep it.

    Parameters
    ----------
    arm
        Where the film was taken from, in the CT's world.
    residual_px
        Root mean square over `used_landmarks`; None only for a pose that never rested on landmarks.
    used_landmarks
        Names of the inliers.
    covariance : (6, 6) array, or None
        Of (turn rad, shift mm) about `arm.isocentre_mm`.
    similarity
        Of the film and the rendered CT, after registration.
    provenance
        How it came about: method, version, sources; values that JSON holds.
    """

    arm: CArm
    residual_px: float | None
    used_landmarks: tuple[str, ...] = ()
    covariance: np.ndarray | None = None
    similarity: float | None = None
    provenance: Mapping = field(default_factory=dict)

    def __post_init__(self):
        if self.residual_px is None:
            if self.similarity is None or self.used_landmarks:
                raise ValueError("a pose needs residual_px: only one that was registered without landmarks has none")
        elif not 0 <= self.residual_px < np.inf:
            raise ValueError(f"residual_px must be a finite distance, got {self.residual_px}")
        names = tuple(str(name) for name in self.used_landmarks)
        if len(set(names)) != len(names):
            raise ValueError(f"used_landmarks names one twice: {', '.join(names)}")
        if self.similarity is not None and not np.isfinite(self.similarity):
            raise ValueError(f"similarity must be finite, got {self.similarity}")
        object.__setattr__(self, "used_landmarks", names)
        if self.covariance is not None:
            object.__setattr__(self, "covariance", checked_covariance(self.covariance))
        object.__setattr__(self, "provenance", MappingProxyType(dict(self.provenance)))


def pose_of_estimate(estimate: PoseEstimate, names, source_to_isocentre_mm: float | None = None,
                     provenance: Mapping | None = None) -> Pose:
    """What to keep of an estimate.

    Parameters
    ----------
    estimate
    names
        Of the N landmarks.
    source_to_isocentre_mm
        Where the isocentre lies along the beam; at the depth of the landmarks' middle where left out.
    provenance

    Raises
    ------
    ValueError
        No C-arm has the camera's detector.
    """
    distance = source_to_isocentre_mm or float(in_arm(estimate.camera, estimate.centre_mm)[2])
    arm = arm_from_camera(estimate.camera, distance)
    covariance = None if estimate.covariance is None else covariance_about(estimate.covariance, estimate.centre_mm,
                                                                           arm.isocentre_mm)
    used = tuple(name for name, inlier in zip(names, estimate.inliers, strict=True) if inlier)
    return Pose(arm, estimate.residual_px, used, covariance, None, provenance or {})


def covariance_about(covariance, centre_mm, other_mm) -> np.ndarray:
    """The covariance of a motion (turn, shift) about another centre: there the shift is s + w x (other - centre)."""
    apart = np.asarray(other_mm, float) - np.asarray(centre_mm, float)
    change = np.eye(6)
    change[3:, :3] = -cross_matrix(apart)
    return change @ np.asarray(covariance, float) @ change.T


def standard_deviations(covariance) -> tuple[float, float]:
    """Degrees and mm along the worst axis of turn and of shift."""
    turn, shift = (np.sqrt(max(np.linalg.eigvalsh(block)[-1], 0.0)) for block in
                   (covariance[:3, :3], covariance[3:, 3:]))
    return float(np.rad2deg(turn)), float(shift)


def cross_matrix(vectors) -> np.ndarray:
    """(..., 3, 3) matrices [v]x with [v]x u = v x u."""
    x, y, z = np.moveaxis(np.asarray(vectors, float), -1, 0)
    zero = np.zeros_like(x)
    return np.stack([zero, -z, y, z, zero, -x, -y, x, zero], axis=-1).reshape(*zero.shape, 3, 3)


def checked_covariance(covariance) -> np.ndarray:
    """A read-only (6, 6) copy; ValueError where it is no covariance."""
    covariance = _frozen(covariance, float)
    if covariance.shape != (6, 6) or not np.isfinite(covariance).all():
        raise ValueError(f"covariance must be 6 x 6 finite numbers, got shape {covariance.shape}")
    sd = np.sqrt(np.maximum(np.diag(covariance), np.finfo(float).tiny))
    scaled = covariance / np.outer(sd, sd)
    if not np.allclose(scaled, scaled.T, atol=1e-6) or np.linalg.eigvalsh(scaled)[0] < -1e-6:
        raise ValueError("covariance must be symmetric and have no negative eigenvalue")
    return covariance


def _frozen(values, kind) -> np.ndarray:
    values = np.array(values, dtype=kind)
    values.flags.writeable = False
    return values
