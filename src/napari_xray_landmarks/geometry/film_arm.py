"""The C-arm that a film's header describes, and where it contradicts another."""

from math import isfinite

from ..imaging import Radiograph
from .camera import CArm

TOLERANCE = 0.02
"""By which headers and calibrations differ in practice."""

_DISTANCE = ("source_to_detector_mm", "distance_source_to_detector")
_ISOCENTRE = ("source_to_isocentre_mm", "distance_source_to_patient")
_LAO, _CRAN = ("lao_deg", "positioner_primary_angle"), ("cran_deg", "positioner_secondary_angle")
ISOCENTRE_SHARE = 0.625  # of the way to the detector, where a header does not tell the isocentre: 750 of 1200 mm


def arm_of_film(film: Radiograph) -> CArm:
    """The C-arm of a film's header: distances, pixels at the detector, angles (0 where it does not tell them).

    Raises
    ------
    ValueError
        The header does not tell the distance of the source, or the pixels at the detector.
    """
    distance, pixel = _number(film, _DISTANCE), film.detector_spacing_mm
    missing = [name for name, value in (("DistanceSourceToDetector", distance), ("ImagerPixelSpacing", pixel))
               if not value]
    if missing:
        raise ValueError(f"its header has no {' and no '.join(missing)}")
    isocentre = _number(film, _ISOCENTRE) or ISOCENTRE_SHARE * distance
    return CArm(_number(film, _LAO) or 0.0, _number(film, _CRAN) or 0.0, 0.0, isocentre, distance, pixel, film.shape)


def tells_view(film: Radiograph) -> bool:
    """Whether the header has the angles of the view."""
    return _number(film, _LAO) is not None and _number(film, _CRAN) is not None


def contradictions(arm: CArm, film: Radiograph) -> list[str]:
    """In words with both values, where a C-arm's intrinsics differ from those of a film's header by more than 2 %."""
    said = []
    if tuple(arm.size_px) != tuple(film.shape):
        said.append(f"{' x '.join(map(str, arm.size_px))} pixels, and the film has {' x '.join(map(str, film.shape))}")
    values = [("source to detector", arm.source_to_detector_mm, _number(film, _DISTANCE))]
    if film.detector_spacing_mm is not None:
        values += [(f"pixel {way}", *pair) for way, pair in zip(
            ("down", "across"), zip(arm.pixel_spacing_mm, film.detector_spacing_mm, strict=True), strict=True)]
    return said + [f"{what} {value:.5g} mm, and the header says {header:.5g} mm" for what, value, header in values
                   if header and abs(value - header) > TOLERANCE * header]


def _number(film: Radiograph, keys) -> float | None:
    """The first of a header's values that is a finite number."""
    values = (film.header.get(key) for key in keys)
    return next((float(v) for v in values if isinstance(v, int | float) and isfinite(v)), None)
