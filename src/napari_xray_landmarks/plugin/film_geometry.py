"""How a film in a layer was taken, as far as its layer tells: detector and source for a pose, and the true pose."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields

import numpy as np

from ..errors import InputError
from ..geometry.camera import Camera, CArm
from ..geometry.views import view_name
from ..options import check_options, option
from .films import film_of, our_metadata

ISOCENTRE_SHARE = 0.625  # of the way from source to detector, as in the usual C-arm: 750 of 1200 mm
TOLERANCE = 0.02  # by which headers and calibrations differ in practice
DISTANCES = ("source_to_detector_mm", "distance_source_to_detector")
PIXEL = ("pixel_row_mm", "pixel_column_mm")
ISOCENTRES = ("source_to_isocentre_mm", "distance_source_to_patient")


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

    def camera(self, size_px: tuple[int, int]) -> Camera:
        """A camera with this source and detector, in no particular pose."""
        centre = (np.asarray(size_px) - 1) / 2 + (self.below_middle_px, self.right_of_middle_px)
        arm = CArm(source_to_isocentre_mm=ISOCENTRE_SHARE * self.source_to_detector_mm,
                   source_to_detector_mm=self.source_to_detector_mm,
                   pixel_spacing_mm=(self.pixel_row_mm, self.pixel_column_mm), size_px=tuple(size_px),
                   centre_px=tuple(centre.tolist()))
        return arm.camera()

    def describe(self) -> str:
        """In one short line."""
        pixel = f"{self.pixel_row_mm:.4g}"
        if self.pixel_column_mm != self.pixel_row_mm:
            pixel += f" × {self.pixel_column_mm:.4g}"
        return f"{self.source_to_detector_mm:.5g} mm, pixels of {pixel} mm"


@dataclass(frozen=True)
class FilmGeometry:
    """What a film's layer tells of its geometry.

    Parameters
    ----------
    known
        Values of `Intrinsics` by name.
    missing
        What the layer does not tell, in words; nothing where the intrinsics are known.
    source_to_isocentre_mm
        Where known.
    truth
        The C-arm that took it, for a film that we made.
    """

    known: Mapping[str, float]
    missing: tuple[str, ...] = ()
    source_to_isocentre_mm: float | None = None
    truth: CArm | None = None

    @property
    def intrinsics(self) -> Intrinsics:
        """Those that are known, and usual values for the others."""
        return Intrinsics(**self.known)


def geometry_of(layer) -> FilmGeometry:
    """What an image layer tells of how it was taken."""
    film, truth = film_of(layer), _truth(our_metadata(layer))
    if truth is not None and truth.size_px == film.shape:
        return FilmGeometry(asdict(_of_arm(truth)), (), truth.source_to_isocentre_mm, truth)
    known, missing = {}, []
    for values, what in ((_named(("source_to_detector_mm",), (_length(film.header, DISTANCES),)), "source to detector"),
                         (_named(PIXEL, film.detector_spacing_mm or (None, None)), "pixel size at the detector")):
        try:
            Intrinsics(**values)
            known |= values
        except (TypeError, ValueError):
            missing.append(what)
    return FilmGeometry(known, tuple(missing), _length(film.header, ISOCENTRES))


def contradictions(intrinsics: Intrinsics | CArm, known: Mapping[str, float]) -> list[str]:
    """In words, where intrinsics differ by more than `TOLERANCE` from what the header gives."""
    labels = {field.name: field.metadata["label"] for field in fields(Intrinsics)}
    values = asdict(intrinsics) | (_named(PIXEL, intrinsics.pixel_spacing_mm) if isinstance(intrinsics, CArm) else {})
    return [f"{labels[name]} {values[name]:.5g} mm, not {known[name]:.5g} mm"
            for name in ("source_to_detector_mm", *PIXEL)
            if name in known and abs(values[name] - known[name]) > TOLERANCE * known[name]]


def require_agreement(subject: str, intrinsics: Intrinsics | CArm, known: Mapping[str, float]) -> None:
    """Refuse intrinsics that contradict the header.

    Raises
    ------
    InputError
        It names the film and each value.
    """
    if said := contradictions(intrinsics, known):
        raise InputError(subject, f"the detector contradicts the film's header: {'; '.join(said)}",
                         "Take the header's values, or say that the header is wrong")


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
    name = view_name(round(arm.lao_deg, 1) + 0.0, round(arm.cran_deg, 1) + 0.0)
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


def _named(names, values) -> dict[str, float]:
    return dict(zip(names, values, strict=True))


def _length(header, keys) -> float | None:
    """The first of a header's values that is a length."""
    values = (header.get(key) for key in keys)
    return next((float(v) for v in values if isinstance(v, int | float) and np.isfinite(v) and v > 0), None)
