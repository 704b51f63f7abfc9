"""Whether a film is of the size that a C-arm's detector has."""

import numpy as np

from ..errors import InputError
from ..geometry.camera import CArm
from ..geometry.film_arm import TOLERANCE
from ..imaging import Radiograph


def in_film_pixels(radiograph: Radiograph, arm: CArm, subject: str = "") -> CArm:
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
    if abs(grow[0] / grow[1] - 1) > TOLERANCE and np.abs(size - have * grow.mean()).max() > 1:
        raise InputError(subject, f"has {have[0]:g} x {have[1]:g} pixels, and the pose's detector "
                         f"{size[0]:g} x {size[1]:g}: of another shape", "Give the whole film that the pose is of")
    spacing = np.array(arm.pixel_spacing_mm) * grow
    own = radiograph.detector_spacing_mm
    if own is not None and np.abs(spacing / own - 1).max() > TOLERANCE:
        raise InputError(subject, f"its pixels are {own[0]:.4g} x {own[1]:.4g} mm at the detector, and by the pose "
                         f"{spacing[0]:.4g} x {spacing[1]:.4g} mm", "Give a film and its own geometry")
    return arm if (have == size).all() else arm.in_pixels(radiograph.shape)
