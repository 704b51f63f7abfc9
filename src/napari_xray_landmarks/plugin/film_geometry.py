"""How a film in a layer was taken, as far as its layer tells: detector and source for a pose, and the true pose."""

from dataclasses import dataclass

import numpy as np

from ..geometry.camera import CArm
from ..geometry.film_arm import ISOCENTRE_SHARE, arm_of_film, tells_view
from ..geometry.views import view_of_arm
from ..options import check_options, option
from .films import film_of, our_metadata


@dataclass(frozen=True)
class Intrinsics:
    """Where the source stands before the detector; each field's metadata holds label, help, ends and unit."""

    source_to_detector_mm: float = option(1200.0, "Distance along the beam (DistanceSourceToDetector)", low=200.0,
                                          high=3000.0, unit="mm", label="source to detector")
    pixel_row_mm: float = option(0.616, "Size of a pixel at the detector, from top to bottom (ImagerPixelSpacing)",
                                 low=0.02, high=5.0, log=True, unit="mm", label="pixel, down")
    pixel_column_mm: float = option(0.616, "Size of a pixel at the detector, from left to right (ImagerPixelSpacing)",
                                    low=0.02, high=5.0, log=True, unit="mm", label="pixel, across")
    below_middle_px: float = option(0.0, "Where the central beam meets the detector, below its middle", low=-1500.0,
                                    high=1500.0, unit="px", label="beam below middle")
    right_of_middle_px: float = option(0.0, "Where the central beam meets the detector, to the right of its middle",
                                       low=-1500.0, high=1500.0, unit="px", label="beam right of middle")

    def __post_init__(self):
        check_options(self)

    def arm(self, size_px: tuple[int, int]) -> CArm:
        """A C-arm with this source and detector, in no particular pose."""
        centre = (np.asarray(size_px) - 1) / 2 + (self.below_middle_px, self.right_of_middle_px)
        return CArm(source_to_isocentre_mm=ISOCENTRE_SHARE * self.source_to_detector_mm,
                    source_to_detector_mm=self.source_to_detector_mm,
                    pixel_spacing_mm=(self.pixel_row_mm, self.pixel_column_mm), size_px=tuple(size_px),
                    centre_px=tuple(centre.tolist()))

    def describe(self) -> str:
        """In one short line."""
        pixel = f"{self.pixel_row_mm:.4g}"
        if self.pixel_column_mm != self.pixel_row_mm:
            pixel += f" × {self.pixel_column_mm:.4g}"
        return f"{self.source_to_detector_mm:.5g} mm, pixels of {pixel} mm"


@dataclass(frozen=True, eq=False)
class FilmGeometry:
    """What a film's layer tells of its geometry.

    Parameters
    ----------
    intrinsics
        None where the layer does not tell them.
    missing
        What it lacks, in words.
    source_to_isocentre_mm
        Where known.
    view
        The C-arm by the header, where that has the view's angles; only its turn means anything.
    truth
        The C-arm that took it, for a film that we made.
    """

    intrinsics: Intrinsics | None = None
    missing: str = ""
    source_to_isocentre_mm: float | None = None
    view: CArm | None = None
    truth: CArm | None = None


def geometry_of(layer) -> FilmGeometry:
    """What an image layer tells of how it was taken."""
    film, truth = film_of(layer), _truth(our_metadata(layer))
    if truth is not None and truth.size_px == film.shape:
        return FilmGeometry(_of_arm(truth), "", truth.source_to_isocentre_mm, truth, truth)
    try:
        arm = arm_of_film(film)
        return FilmGeometry(_of_arm(arm), "", arm.source_to_isocentre_mm, arm if tells_view(film) else None)
    except ValueError as error:
        return FilmGeometry(None, str(error))


def arm_of_document(document) -> CArm:
    """The C-arm of a geometry's keys, as `io.geometry.geometry_document` gives them.

    Raises
    ------
    KeyError, ValueError, TypeError
        A key is missing or is no number.
    """
    left, posterior, superior = (float(v) for v in document["isocentre_mm"])
    return CArm(*(float(document[key]) for key in ("lao_deg", "cran_deg", "roll_deg", "source_to_isocentre_mm",
                                                   "source_to_detector_mm")),
                tuple(float(v) for v in document["pixel_spacing_mm"]), tuple(int(n) for n in document["size_px"]),
                (superior, posterior, left), tuple(float(v) for v in document["centre_px"]))


def describe_view(arm: CArm) -> str:
    """The angles of a C-arm in words, to a tenth of a degree."""
    name = view_of_arm(arm)
    return name if abs(arm.roll_deg) < 0.05 else f"{name}, roll {arm.roll_deg:.1f}°"


def _truth(notes: dict) -> CArm | None:
    try:
        return arm_of_document(notes["geometry"])
    except (KeyError, TypeError, ValueError):
        return None


def _of_arm(arm: CArm) -> Intrinsics:
    middle = (np.asarray(arm.size_px) - 1) / 2
    off = np.zeros(2) if arm.centre_px is None else np.asarray(arm.centre_px) - middle
    return Intrinsics(arm.source_to_detector_mm, *arm.pixel_spacing_mm, *off.tolist())
