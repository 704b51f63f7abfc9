"""Where simulated films are taken from: random views in given ranges, and what a mirrored film means."""

import re
from dataclasses import dataclass, replace

import numpy as np

from ..errors import InputError
from ..geometry.camera import CArm
from ..landmarks import LandmarkSet, other_side


@dataclass(frozen=True)
class ViewRanges:
    """What views are drawn from, each uniformly.

    Parameters
    ----------
    lao_deg, cran_deg, roll_deg
        (lowest, highest) angle.
    source_to_isocentre_mm, source_to_detector_mm
        (lowest, highest) distance.
    translation_mm
        How far the isocentre may lie off the middle of the landmarks, along (superior, posterior, left).
    size_px, pixel_spacing_mm
        Of the detector, (rows, columns).
    flipped
        Share of the films that are mirrored, left with right.

    Raises
    ------
    ValueError
        An empty range, or an isocentre that may lie behind the detector.
    """

    lao_deg: tuple[float, float] = (-60.0, 60.0)
    cran_deg: tuple[float, float] = (-45.0, 45.0)
    roll_deg: tuple[float, float] = (-5.0, 5.0)
    source_to_isocentre_mm: tuple[float, float] = (650.0, 850.0)
    source_to_detector_mm: tuple[float, float] = (1150.0, 1250.0)
    translation_mm: tuple[float, float, float] = (40.0, 20.0, 40.0)
    size_px: tuple[int, int] = (479, 615)
    pixel_spacing_mm: tuple[float, float] = (0.616, 0.616)
    flipped: float = 0.5

    def __post_init__(self):
        for key in ("lao_deg", "cran_deg", "roll_deg", "source_to_isocentre_mm", "source_to_detector_mm"):
            low, high = getattr(self, key)
            if not -np.inf < low <= high < np.inf:
                raise ValueError(f"{key} must be (lowest, highest), got {(low, high)}")
        if not 0 < self.source_to_isocentre_mm[0] or self.source_to_isocentre_mm[1] >= self.source_to_detector_mm[0]:
            raise ValueError(f"the isocentre, {self.source_to_isocentre_mm} mm from the source, must always be before "
                             f"the detector, {self.source_to_detector_mm} mm from it")
        if not 0 <= self.flipped <= 1:
            raise ValueError(f"flipped must be a share, got {self.flipped}")

    def draw(self, middle_mm, rng: np.random.Generator) -> CArm:
        """A random view about a point."""
        angles = [rng.uniform(*r) for r in (self.lao_deg, self.cran_deg, self.roll_deg)]
        distances = [rng.uniform(*r) for r in (self.source_to_isocentre_mm, self.source_to_detector_mm)]
        reach = np.asarray(self.translation_mm, float)
        isocentre = np.asarray(middle_mm, float) + rng.uniform(-reach, reach)
        return CArm(*angles, *distances, self.pixel_spacing_mm, self.size_px, tuple(isocentre.tolist()))


def mirrored_arm(arm: CArm) -> CArm:
    """The view of the mirrored patient, left for right, whose film is the mirrored film; its own inverse."""
    superior, posterior, left = arm.isocentre_mm
    centre = None if arm.centre_px is None else (arm.centre_px[0], arm.size_px[1] - 1 - arm.centre_px[1])
    return replace(arm, lao_deg=-arm.lao_deg, roll_deg=-arm.roll_deg, isocentre_mm=(superior, posterior, -left),
                   centre_px=centre)


def mirrored_landmarks(landmarks: LandmarkSet) -> LandmarkSet:
    """The mirrored patient's landmarks in mm: a left one lies where the right one was, mirrored; its own inverse.

    Raises
    ------
    InputError
        A landmark's other side is missing.
    """
    names = landmarks.names
    if lone := [n for n in names if other_side(n) not in names]:
        raise InputError(f"landmark {lone[0]!r}", f"has no partner {other_side(lone[0])!r}, and cannot be mirrored",
                         "Set the share of flipped films to 0")
    order = [names.index(other_side(name)) for name in names]
    return replace(landmarks, points=landmarks.points[order] * (1.0, 1.0, -1.0),
                   confidence=landmarks.confidence[order], detected=landmarks.detected[order])


def without_lone_sides(landmarks: LandmarkSet) -> LandmarkSet:
    """The landmarks of one side alone, as of a single femur, without that side in their names: a mirror may show them.

    Those that have both sides stay as they are.
    """
    names = landmarks.names
    short = tuple(n if other_side(n) in names else re.sub(r"-(left|right)$", "", n) for n in names)
    return replace(landmarks, names=short) if len(set(short)) == len(short) else landmarks
