"""Files to the nouns and back: images, landmarks, contours, tables.

Importing this room imports no heavy library; each reader imports its own when it is first used.
"""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from ..errors import FileError, listed
from ..imaging import Radiograph, Volume
from ..landmarks import Contour, LandmarkSet
from . import fcsv, markups, tables
from .files import (
    PICTURE_SUFFIXES,
    VOLUME_SUFFIXES,
    is_dicom,
    require_file,
    stem,
    suffix,
)
from .tables import Detections, read_detections, write_detections

__all__ = [
    "Detections",
    "load_image",
    "load_images",
    "load_landmarks",
    "read_contours",
    "read_detections",
    "save_landmarks",
    "write_contours",
    "write_detections",
    "write_labels",
    "write_volume",
]

LANDMARK_SUFFIXES = (".mrk.json", ".fcsv", ".csv")


def load_images(path, *, spacing_mm=None,
                on_error: Callable[[FileError], None] | None = None) -> list[Radiograph | Volume]:
    """Every image of a file, a series folder, or a folder of several series.

    A multi-frame radiograph (a fluoroscopy run) gives one radiograph a frame.

    Parameters
    ----------
    path
        DICOM (file or folder), NIfTI, NRRD, MetaImage, PNG, JPEG or TIFF.
    spacing_mm
        (row, column) pixel spacing of radiographs, where the caller knows better than the file.
    on_error
        Called with the error of each bad series of a folder, which is then left out; by default the first one is
        raised.

    Raises
    ------
    FileError
        If there is nothing to read, or it cannot be read.
    """
    path = Path(path)
    if os.path.isdir(path):
        from .dicom import read_folder

        images = read_folder(path, on_error=on_error)
    else:
        images = _load_file(require_file(path))
    if spacing_mm is None:
        return images
    return [_with_spacing(path, image, spacing_mm) for image in images]


def _load_file(path: Path) -> list[Radiograph | Volume]:
    ending = suffix(path)
    if is_dicom(path):
        from .dicom import read_file

        return read_file(path)
    if ending in VOLUME_SUFFIXES:
        from .volumes import read_volume_file

        return [read_volume_file(path)]
    if ending in PICTURE_SUFFIXES:
        from .pictures import read_picture

        return [read_picture(path)]
    raise FileError(path, "is not an image that can be opened",
                    "Give DICOM, NIfTI, NRRD, MHA, PNG, JPEG or TIFF")


def _with_spacing(path: Path, image: Radiograph | Volume, spacing_mm) -> Radiograph | Volume:
    if isinstance(image, Volume):
        return image
    try:
        return replace(image, spacing_mm=tuple(spacing_mm), spacing_source="given")
    except (ValueError, TypeError) as error:
        raise FileError(path, str(error), "Give row and column spacing in mm") from error


def load_image(path, *, spacing_mm=None) -> Radiograph | Volume:
    """The one image of a file or series folder.

    Raises
    ------
    FileError
        If there are several.
    """
    images = load_images(path, spacing_mm=spacing_mm)
    if len(images) > 1:
        names = listed((image.name for image in images), 4)
        raise FileError(path, f"holds {len(images)} images ({names})", "Give the file or folder of one")
    return images[0]


def load_landmarks(path, *, image: str | None = None) -> LandmarkSet:
    """The landmarks of a `.mrk.json`, an `.fcsv` (both in mm where known) or a `.csv` (in pixels).

    Parameters
    ----------
    path
        The file.
    image
        Which image's, where a `.csv` holds those of several.

    Raises
    ------
    FileError
        If it is damaged, of another kind, repeats a name, or holds several images and none is named.
    """
    ending = suffix(path)
    if ending in (".mrk.json", ".json"):
        return markups.read_landmarks(path)
    if ending == ".fcsv":
        return fcsv.read_landmarks(path)
    if ending != ".csv":
        raise _unknown_landmark_file(path)
    images = read_detections(path)
    if image is None and len(images) == 1:
        return next(iter(images.values())).landmarks
    if image not in images:
        named = f", none named {image!r}" if image is not None else ""
        raise FileError(path, f"holds landmarks of {len(images)} images ({listed(images, 4)}){named}",
                        "Name one of them")
    return images[image].landmarks


def save_landmarks(path, landmarks: LandmarkSet, *, image_name: str = "", spacing_mm=None) -> None:
    """Write `.mrk.json`, `.fcsv` or `.csv`, by the extension; inverse of `load_landmarks`.

    Parameters
    ----------
    path
        The file, replaced when the new one is whole.
    landmarks
        In px or mm.
    image_name
        What the table calls the image; the file's own name by default.
    spacing_mm
        The image's (row, column) spacing, from which the unit that is missing is computed.

    Raises
    ------
    FileError
        If the format cannot hold the points, or the target cannot be written.
    """
    ending = suffix(path)
    image_name = image_name or stem(path)
    _require_fits(path, landmarks, spacing_mm)
    if ending == ".mrk.json":
        markups.write_landmarks(path, landmarks, image_name=image_name, spacing_mm=spacing_mm)
    elif ending == ".fcsv":
        fcsv.write_landmarks(path, landmarks, image_name=image_name, spacing_mm=spacing_mm)
    elif ending == ".csv":
        write_detections(path, [tables.detections(path, image_name, landmarks, spacing_mm)])
    else:
        raise _unknown_landmark_file(path)


def _require_fits(path, shape: LandmarkSet | Contour, spacing_mm) -> None:
    axes = shape.points.shape[1]
    if spacing_mm is not None and shape.unit == "px" and len(spacing_mm) != axes:
        raise FileError(path, f"its points have {axes} coordinates and the spacing {len(spacing_mm)}",
                        "Give the spacing of their own image")


def _unknown_landmark_file(path) -> FileError:
    return FileError(path, f"is no landmark file (extension {suffix(path)!r})",
                     f"Use one of {', '.join(LANDMARK_SUFFIXES)}")


def read_contours(path) -> list[Contour]:
    """The outlines of a `.mrk.json` or `.csv`, those of all its images."""
    if suffix(path) == ".csv":
        return [contour for contours in tables.read_contours(path).values() for contour in contours]
    return markups.read_contours(path)


def write_contours(path, contours, *, image_name: str = "", spacing_mm=None) -> None:
    """Write outlines as `.mrk.json` curves or a `.csv`; inverse of `read_contours`."""
    if suffix(path) == ".csv":
        tables.write_contours(path, contours, image_name=image_name or stem(path), spacing_mm=spacing_mm)
    elif suffix(path) == ".mrk.json":
        contours = list(contours)
        for contour in contours:
            _require_fits(path, contour, spacing_mm)
        markups.write_contours(path, contours, spacing_mm=spacing_mm)
    else:
        raise FileError(path, f"cannot hold contours (extension {suffix(path)!r})", "Use .mrk.json or .csv")


def write_labels(path, labels, film: Radiograph) -> None:
    """Write a label image in its film's frame: `.nii.gz`, `.nii`, `.nrrd` or `.mha` with the spacing, or `.png`."""
    if suffix(path) != ".png":
        write_volume(path, replace(film, pixels=labels))
        return
    from .pictures import write_png

    write_png(path, labels)


def write_volume(path, volume: Volume | Radiograph) -> None:
    """Write `.nii.gz`, `.nii`, `.nrrd` or `.mha` with the same pixels, type and geometry."""
    from .volumes import write_volume as write

    write(path, volume)
