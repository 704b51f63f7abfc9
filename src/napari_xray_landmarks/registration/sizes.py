"""Whether a film is of the size that a C-arm's detector has."""

from dataclasses import replace

import numpy as np

from ..errors import InputError
from ..geometry.camera import CArm
from ..imaging import Radiograph

AGREE = 0.02  # of a length, that film and geometry may differ by


def arm_of_film(radiograph: Radiograph, arm: CArm, subject: str = "") -> CArm:
    """The C-arm with the film's pixels: the same detector, in as many as the film has.

    Parameters
    ----------
    radiograph
    arm
        Its detector must be of the film's shape, and of its size in mm where the film tells the spacing at the
        detector.
    subject
        What to name in an error message; by default the film.

    Raises
    ------
    InputError
        The film contradicts the geometry.
    """
    subject = subject or radiograph.name
    size, have = np.array(arm.size_px, float), np.array(radiograph.shape, float)
    grow = size / have
    if abs(grow[0] / grow[1] - 1) > AGREE and np.abs(size - have * grow.mean()).max() > 1:
        raise InputError(subject, f"has {have[0]:g} x {have[1]:g} pixels, and the pose's detector "
                         f"{size[0]:g} x {size[1]:g}: of another shape", "Give the whole film that the pose is of")
    spacing = np.array(arm.pixel_spacing_mm) * grow
    own = radiograph.detector_spacing_mm
    if own is not None and np.abs(spacing / own - 1).max() > AGREE:
        raise InputError(subject, f"its pixels are {own[0]:.4g} x {own[1]:.4g} mm at the detector, and by the pose "
                         f"{spacing[0]:.4g} x {spacing[1]:.4g} mm", "Give a film and its own geometry")
    if (have == size).all():
        return arm
    centre = arm.centre_px and tuple(float((c + 0.5) / g - 0.5) for c, g in zip(arm.centre_px, grow, strict=True))
    return replace(arm, size_px=radiograph.shape, pixel_spacing_mm=tuple(spacing.tolist()), centre_px=centre)
