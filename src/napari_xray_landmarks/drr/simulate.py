"""A radiograph of a scene."""

import numpy as np

from ..geometry.camera import CArm
from ..imaging import Radiograph
from .collimation import Collimation, field
from .detector import detect, develop
from .exposure import Exposure
from .scene import Scene
from .transmission import transmission

GREY_LEVELS = 4095


def simulate(scene: Scene, arm: CArm, exposure: Exposure | None = None, *, collimation: Collimation | None = None,
             rng: np.random.Generator | None = None) -> Radiograph:
    """A radiograph as an X-ray tube of many energies and a noisy detector would take it.

    Parameters
    ----------
    scene
    arm
        Where from, and the detector.
    exposure
        Beam, detector and processing.
    collimation
        None exposes the whole detector.
    rng
        Source of the noise; None for that of seed 0.

    Returns
    -------
    Radiograph
        12 bits, denser is brighter; the spacing is that in the isocentre, `detector_spacing_mm` that of the arm.
    """
    exposure = (exposure or Exposure()).for_pixels(arm.pixel_spacing_mm)
    rng = np.random.default_rng(0) if rng is None else rng
    passed = transmission(scene.line_integrals(arm.camera()), scene.materials, exposure)
    opened = None if collimation is None else field(collimation, arm.size_px, arm.pixel_spacing_mm)
    blanked = collimation is None or collimation.blanked
    grey = develop(detect(passed, exposure, rng, opened), passed, exposure, opened, blanked)
    return radiograph(np.round(grey * GREY_LEVELS).astype(np.uint16), arm, scene.name, kvp=exposure.kvp)


def radiograph(pixels: np.ndarray, arm: CArm, name: str, **header) -> Radiograph:
    """A radiograph of these pixels with the arm's spacing, angles and distances, and further header values."""
    magnification = arm.source_to_detector_mm / arm.source_to_isocentre_mm
    spacing = tuple(s / magnification for s in arm.pixel_spacing_mm)
    return Radiograph(
        pixels, spacing, f"ImagerPixelSpacing / magnification {magnification:.3f}", tuple(arm.pixel_spacing_mm),
        name=name, header={
            "lao_deg": arm.lao_deg, "cran_deg": arm.cran_deg, "roll_deg": arm.roll_deg,
            "source_to_detector_mm": arm.source_to_detector_mm,
            "source_to_isocentre_mm": arm.source_to_isocentre_mm, **header})
