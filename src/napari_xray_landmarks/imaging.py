"""The images that everything else works on: a radiograph (2D) and a volume (3D).

Arrays are (row, column) or (plane, row, column). The world frame of a radiograph is its own plane: (row, column) times
the pixel spacing. The world frame of a volume is LPS with the axes in array order, (superior, posterior, left), in mm.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np

from .errors import InputError

UNKNOWN_SPACING = "unknown"
LEAST_VOXELS = 4
_SHOWN_PERCENT, _LOOKED_AT = (0.5, 99.5), 1_000_000
_MOST_LABELS = 16  # an image has more grey values


def _frozen(array, ndim: int, what: str) -> np.ndarray:
    array = np.asarray(array)
    if array.ndim != ndim:
        raise ValueError(f"{what} must have {ndim} axes, got shape {array.shape}")
    if 0 in array.shape:
        raise ValueError(f"{what} is empty, shape {array.shape}")
    view = array.view()
    view.flags.writeable = False
    return view


@dataclass(frozen=True, eq=False)
class Radiograph:
    """A single X-ray projection.

    Parameters
    ----------
    pixels : (rows, columns) array
        Grey values; brighter is denser on a normal film (MONOCHROME1 is inverted on reading).
    spacing_mm
        (row, column) distance of pixel centres that measurements use, or None where no trustworthy one is known.
    spacing_source
        Where `spacing_mm` comes from: a DICOM keyword with the magnification used, "calibrated", or "unknown".
    detector_spacing_mm
        (row, column) spacing at the detector (ImagerPixelSpacing), where the header gives it.
    display_range
        (low, high) grey values of the header's VOI window, if any.
    name
        What to call the image in a layer list or table; never a patient's identity.
    header
        Facts about the acquisition that identify nobody (view angles, distances, photometric interpretation).
    """

    pixels: np.ndarray
    spacing_mm: tuple[float, float] | None = None
    spacing_source: str = UNKNOWN_SPACING
    detector_spacing_mm: tuple[float, float] | None = None
    display_range: tuple[float, float] | None = None
    name: str = "radiograph"
    header: Mapping = field(default_factory=dict)

    def __post_init__(self):
        object.__setattr__(self, "pixels", _frozen(self.pixels, 2, "a radiograph's pixels"))
        for key in ("spacing_mm", "detector_spacing_mm"):
            if (spacing := getattr(self, key)) is not None:
                object.__setattr__(self, key, _positive(spacing, 2, key))
        if self.spacing_mm is None and self.spacing_source != UNKNOWN_SPACING:
            raise ValueError(f"spacing_source is {self.spacing_source!r} but spacing_mm is None")
        object.__setattr__(self, "header", MappingProxyType(dict(self.header)))

    @property
    def shape(self) -> tuple[int, int]:
        return self.pixels.shape

    @property
    def unit(self) -> str:
        """"mm" where the spacing is known, otherwise "px"."""
        return "px" if self.spacing_mm is None else "mm"

    @property
    def scale(self) -> np.ndarray:
        """(2,) world units per pixel: the spacing, or ones where it is unknown."""
        return np.ones(2) if self.spacing_mm is None else np.array(self.spacing_mm)


@dataclass(frozen=True, eq=False)
class Volume:
    """A CT, MR or label volume on a regular, possibly oblique grid.

    Parameters
    ----------
    voxels : (planes, rows, columns) array
    world_from_voxel : (4, 4) array
        Acts on (plane, row, column, 1) and gives (superior, posterior, left, 1) in mm.
    name
        What to call the volume; never a patient's identity.
    modality
        "CT", "MR", "labels" or "" when unknown.
    header
        Facts that identify nobody.
    """

    voxels: np.ndarray
    world_from_voxel: np.ndarray = field(default_factory=lambda: np.eye(4))
    name: str = "volume"
    modality: str = ""
    header: Mapping = field(default_factory=dict)

    def __post_init__(self):
        object.__setattr__(self, "voxels", _frozen(self.voxels, 3, "a volume's voxels"))
        matrix = np.array(self.world_from_voxel, dtype=float)
        if matrix.shape != (4, 4) or not np.isfinite(matrix).all() or not np.array_equal(matrix[3], [0, 0, 0, 1]):
            raise ValueError(f"world_from_voxel must be a finite 4x4 affine, got {matrix.tolist()}")
        if abs(np.linalg.det(matrix[:3, :3])) < 1e-12:
            raise ValueError(f"world_from_voxel is singular: {matrix.tolist()}")
        matrix.flags.writeable = False
        object.__setattr__(self, "world_from_voxel", matrix)
        object.__setattr__(self, "header", MappingProxyType(dict(self.header)))

    @property
    def shape(self) -> tuple[int, int, int]:
        return self.voxels.shape

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        """Distance of voxel centres along planes, rows and columns."""
        return tuple(float(s) for s in np.linalg.norm(self.world_from_voxel[:3, :3], axis=0))


def contrast_limits(image: Radiograph | Volume) -> tuple[float, float]:
    """Grey values to show as black and white: the header's window, or all but the most extreme finite ones."""
    film = isinstance(image, Radiograph)
    window = image.display_range if film else image.header.get("display_range")
    if window is None:
        data = (image.pixels if film else image.voxels).reshape(-1)
        data = data[:: max(1, data.size // _LOOKED_AT)]
        data = data[np.isfinite(data)]
        window = np.percentile(data, _SHOWN_PERCENT) if data.size else (0.0, 1.0)
    low, high = (float(v) for v in window)
    return (low, high) if high > low else (low, low + 1.0)


def _positive(values, count: int, what: str) -> tuple[float, ...]:
    values = tuple(float(v) for v in values)
    if len(values) != count or not all(np.isfinite(v) and v > 0 for v in values):
        raise ValueError(f"{what} must be {count} positive numbers, got {values}")
    return values


def check_film(radiograph: Radiograph, least_px: int = 1, shows: str = "an anatomy") -> None:
    """Refuse a film that shows nothing.

    Parameters
    ----------
    radiograph
    least_px
        A film with a shorter side is too small ...
    shows
        ... to show this.

    Raises
    ------
    InputError
        If the film is constant, not finite or too small.
    """
    low, high = float(np.min(radiograph.pixels)), float(np.max(radiograph.pixels))
    if not (np.isfinite(low) and np.isfinite(high)):
        raise InputError(radiograph.name, "some pixels are NaN or infinite", "Replace them with numbers first")
    if low == high:
        raise InputError(radiograph.name, f"all pixels have the value {low:g}", "Open another image")
    if min(radiograph.shape) < least_px:
        size = " x ".join(map(str, radiograph.shape))
        raise InputError(radiograph.name, f"{size} pixels are too small to show {shows}", "Use a larger film")


def check_volume(volume: Volume, shows: str = "an anatomy") -> None:
    """Refuse a volume that shows nothing; plane by plane, so that nothing of its size is allocated.

    Parameters
    ----------
    volume
    shows
        What it would have to show.

    Raises
    ------
    InputError
        If the volume is constant, not finite, thinner than `LEAST_VOXELS` voxels, or of labels.
    """
    voxels = volume.voxels
    size = " x ".join(map(str, volume.shape))
    if min(volume.shape) < LEAST_VOXELS:
        raise InputError(volume.name, f"{size} voxels are too few to show {shows}", "Use a larger volume")
    if voxels.dtype.kind not in "biuf":
        raise InputError(volume.name, f"its voxels are of type {voxels.dtype}", "Convert them to numbers")
    ends = np.array([(plane.min(), plane.max()) for plane in voxels], float)
    if not np.isfinite(ends).all():
        raise InputError(volume.name, "some voxels are NaN or infinite", "Replace them with numbers first")
    if ends[:, 0].min() == ends[:, 1].max():
        raise InputError(volume.name, f"all voxels have the value {ends[0, 0]:g}", "Open another volume")
    if volume.modality == "labels" or _is_of_labels(voxels):
        raise InputError(volume.name, "holds labels, not an image", "Give the MR or CT that they were drawn in")


def _is_of_labels(voxels: np.ndarray) -> bool:
    """Whether voxels take few whole numbers only."""
    seen: set = set()
    for plane in voxels:
        if len(seen) > _MOST_LABELS or (plane.dtype.kind == "f" and (plane != np.round(plane)).any()):
            return False
        seen.update(np.unique(plane).tolist())
    return len(seen) <= _MOST_LABELS


@dataclass(frozen=True, eq=False)
class Response:
    """Where in a film something may be: a landmark, an outline.

    Parameters
    ----------
    values : (rows, columns) float32 array
        Of the response image: the share of a landmark's votes in each pixel, or an outline's probability.
    image_from_response : (3, 3) array
        Takes its (row, column, 1) to pixels of the film.
    """

    values: np.ndarray
    image_from_response: np.ndarray
