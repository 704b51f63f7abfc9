"""The pixel spacing of a radiograph, and how far it can be trusted.

`PixelSpacing` may be calibrated to the patient; `ImagerPixelSpacing` is always at the detector, where everything is
larger by the magnification (source to detector over source to patient).
"""

from dataclasses import dataclass

import numpy as np

from ...imaging import UNKNOWN_SPACING
from .header import code, number, numbers

_PLAUSIBLE_MM = (1e-3, 20.0)
_PLAUSIBLE_MAGNIFICATION = (1.0, 5.0)
_SAME = 1e-6


@dataclass(frozen=True)
class Spacing:
    """(row, column) spacing that measurements use, where it comes from, and the one at the detector."""

    spacing_mm: tuple[float, float] | None = None
    source: str = UNKNOWN_SPACING
    detector_mm: tuple[float, float] | None = None
    note: str = ""


def radiograph_spacing(dataset) -> Spacing:
    """The spacing by the header's own statements; unknown where they are missing, zero or not finite."""
    pixel = _pair(dataset, "PixelSpacing")
    imager = _pair(dataset, "ImagerPixelSpacing")
    kind = code(dataset, "PixelSpacingCalibrationType")
    if pixel and (kind or (imager and not np.allclose(pixel, imager, rtol=_SAME))):
        how = kind or "ImagerPixelSpacing differs"
        return Spacing(pixel, f"PixelSpacing, calibrated ({how})", imager)
    if imager:
        return _from_detector(dataset, "ImagerPixelSpacing", imager)
    if pixel == (1.0, 1.0) and (number(dataset, "SamplesPerPixel") or 1) > 1:
        return Spacing(note="PixelSpacing of exactly 1 mm in a colour picture is a converter's filler: not used")
    if pixel:
        note = "PixelSpacing is exactly 1 mm, which converters write when they know none: check it"
        return Spacing(pixel, "PixelSpacing", None, note if pixel == (1.0, 1.0) else "")
    scanned = _pair(dataset, "NominalScannedPixelSpacing")
    if scanned:
        return _from_detector(dataset, "NominalScannedPixelSpacing", scanned)
    return Spacing()


def _from_detector(dataset, keyword: str, detector_mm: tuple[float, float]) -> Spacing:
    factor, how = magnification(dataset)
    if factor is None:
        note = "lengths are those at the detector, larger than in the patient"
        return Spacing(detector_mm, f"{keyword}, at the detector (no magnification given)", detector_mm, note)
    spacing = tuple(s / factor for s in detector_mm)
    return Spacing(spacing, f"{keyword} / {how}", detector_mm)


def magnification(dataset) -> tuple[float | None, str]:
    """How much larger the detector shows things, and which elements say so; (None, "") where none does."""
    estimated = number(dataset, "EstimatedRadiographicMagnificationFactor")
    if estimated is not None and _within(estimated, _PLAUSIBLE_MAGNIFICATION):
        return estimated, f"EstimatedRadiographicMagnificationFactor {estimated:g}"
    detector, patient = number(dataset, "DistanceSourceToDetector"), number(dataset, "DistanceSourceToPatient")
    if detector and patient and patient > 0 and _within(detector / patient, _PLAUSIBLE_MAGNIFICATION):
        factor = detector / patient
        return factor, (f"magnification {factor:.4g} (DistanceSourceToDetector {detector:g} / "
                        f"DistanceSourceToPatient {patient:g})")
    return None, ""


def _pair(dataset, keyword: str) -> tuple[float, float] | None:
    pair = numbers(dataset, keyword)
    return pair if len(pair) == 2 and all(_within(v, _PLAUSIBLE_MM) for v in pair) else None


def _within(number_: float, limits: tuple[float, float]) -> bool:
    return limits[0] <= number_ <= limits[1]
