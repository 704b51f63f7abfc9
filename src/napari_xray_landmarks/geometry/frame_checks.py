"""Signs that landmarks on a film and in a CT are not in the frames that they are taken for."""

import numpy as np

from .camera import Camera
from .pnp import WIDEST, estimate_pose
from .pose import DegeneratePose, PoseEstimate
from .pose_errors import arm_axes

MIRROR = np.array([1.0, 1.0, -1.0])
RAS_READ_AS_LPS = np.array([1.0, -1.0, -1.0])
FAR_BETTER = 4.0  # times the mean squared residual
LIKE_DEG, UNLIKE_DEG = 45.0, 135.0
FLIPPED_DEG, FLIPPED_LIKE = 30.0, 1 / 3  # least turn of a flipped film, and what of it its mirror image may have
BEYOND_DEG = 90.0  # from the known view: no patient lies so


def checked_pose(points_px, points_mm, camera: Camera, *, weights=None,
                 rng: np.random.Generator | None = None) -> PoseEstimate:
    """`estimate_pose`, refused too where the mirror image fits far better, or the patient is behind the detector.

    Parameters
    ----------
    points_px, points_mm, camera, weights, rng
        As for `estimate_pose`; the camera's detector must be where it is.

    Raises
    ------
    DegeneratePose
        With the reason.
    """
    found, refused = None, None
    try:
        found = estimate_pose(points_px, points_mm, camera, weights=weights, rng=rng)
    except DegeneratePose as error:
        refused = error
    if said := looks_mirrored(points_px, points_mm, camera, found, weights=weights):
        raise DegeneratePose(said)
    if found is None:
        raise refused
    if (magnification := found.camera.magnification(found.centre_mm)) < 1:
        raise DegeneratePose(f"the landmarks would stand behind the detector, {1 / magnification:.3g} times as far "
                             "from the source: the detector's sizes or the unit of the CT's landmarks are wrong")
    return found


def looks_mirrored(points_px, points_mm, camera: Camera, found: PoseEstimate | None, *, weights=None,
                   rng: np.random.Generator | None = None) -> str:
    """In words, whether landmarks fit far better when left and right are exchanged; empty where they do not.

    So they do where a film is shown flipped, one axis has the wrong sign, or two axes are exchanged.

    Parameters
    ----------
    points_px, points_mm, camera, weights, rng
        As for `estimate_pose`.
    found
        What it gave, or None where it refused.
    """
    try:
        other = estimate_pose(points_px, np.asarray(points_mm) * MIRROR, camera, weights=weights, rng=rng)
    except DegeneratePose:
        return ""
    widest = WIDEST * float(np.hypot(*camera.size_px))
    if found is not None and _off(other, widest) * FAR_BETTER > _off(found, widest):
        return ""
    fit = "do not fit" if found is None else f"fit {found.inlier_count} of {len(found.inliers)}"
    return (f"the landmarks {fit}, and mirrored they fit {other.inlier_count} of {len(other.inliers)} with a residual "
            f"of {other.residual_px:.2f} px: the film is flipped, left and right are exchanged, or an axis of the CT's "
            "landmarks has the wrong sign")


def _off(estimate: PoseEstimate, widest: float) -> float:
    """Mean squared residual, cut off at the largest tolerance."""
    known = ~np.isnan(estimate.residuals_px)
    return float((np.minimum(estimate.residuals_px[known], widest) ** 2).mean()) + 1e-12


def looks_turned(found: Camera, nominal: Camera) -> str:
    """In words, whether landmarks seem to be RAS read as LPS, or the reverse; empty where not.

    Changing the signs of left and posterior is half a turn about the body's axis: the residual cannot tell it. What
    tells it is a pose that is opposite to the view that the film is known to show.

    Parameters
    ----------
    found
        The camera estimated.
    nominal
        The view as geometry or header tell it.
    """
    turn = arm_axes(found) @ arm_axes(nominal).T
    as_given, exchanged = _angle_deg(turn), _angle_deg(RAS_READ_AS_LPS[:, None] * turn)
    if as_given < UNLIKE_DEG or exchanged > LIKE_DEG:
        return ""
    return (f"the pose found is {as_given:.0f}° from the film's known view, and {exchanged:.0f}° if left and posterior "
            "change their signs: this looks like RAS read as LPS, or the reverse")


def contradicts_view(found: Camera, nominal: Camera) -> str:
    """In words, what is wrong where a pose cannot be that of the view which the film is known to show; else empty.

    A pelvis is its own mirror image, or nearly so: landmarks of a flipped film fit as well as before, from the other
    side, and so do landmarks with all names of left and right exchanged, from behind.

    Parameters
    ----------
    found, nominal
        As for `looks_turned`.
    """
    if said := looks_turned(found, nominal):
        return said
    axes, known = arm_axes(found), arm_axes(nominal)
    as_given, mirrored = _angle_deg(axes @ known.T), _angle_deg(_mirrored(axes) @ known.T)
    said = f"the pose found is {as_given:.0f}° from the film's known view"
    if as_given > FLIPPED_DEG and mirrored < FLIPPED_LIKE * as_given:
        return f"{said}, and its mirror image {mirrored:.0f}°: the film may be flipped, left for right"
    if as_given > BEYOND_DEG:
        return f"{said}: the names of left and right may be exchanged, or the view is that of another film"
    return ""


def _mirrored(axes: np.ndarray) -> np.ndarray:
    """Axes of the arm that takes the mirrored film of a patient who is his own mirror image."""
    return MIRROR[:, None] * axes * (1.0, -1.0, 1.0)


def _angle_deg(turn: np.ndarray) -> float:
    return float(np.rad2deg(np.arccos(np.clip((np.trace(turn) - 1) / 2, -1, 1))))
