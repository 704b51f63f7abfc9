"""DICOM files and folders: projections as radiographs, CT, MR and PET slices as volumes."""

import os
from collections.abc import Callable, Iterable
from pathlib import Path

from ...errors import FileError
from ...imaging import Radiograph, Volume
from ..files import is_dicom, looks_like_dicom, stem
from .header import code, facts, number, read_dataset, value
from .pixels import frame_count, read_film, require_pixels
from .series import slices, stacks, volume
from .spacing import radiograph_spacing

FOLDER_LIMIT = 50_000
"""How many files a folder may have, so that nobody waits for a home directory."""

_SLICE_MODALITIES = ("CT", "MR", "PT")
_SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
_NO_IMAGES = ("SEG", "RTDOSE", "RTSTRUCT", "RTPLAN", "SR", "PR", "KO", "REG", "ECG", "HD", "DOC")

Image = Radiograph | Volume


def read_file(path) -> list[Image]:
    """The images of one DICOM file: a radiograph a frame, or the volume of its slice or slices.

    Raises
    ------
    FileError
        If it is not DICOM, holds no image, or is damaged.
    """
    path = Path(path)
    dataset = read_dataset(path)
    _require_image(path, dataset)
    if not _is_slice(dataset):
        return _radiographs(path, dataset)
    found = stacks(slices(path, dataset))
    names = _numbered(stem(path), len(found))
    return [volume(path, stack, name) for stack, name in zip(found, names, strict=True)]


def read_folder(folder, *, on_error: Callable[[FileError], None] | None = None) -> list[Image]:
    """Every image in a folder and the folders in it: one volume a series, one radiograph a film.

    Parameters
    ----------
    folder
        Files that are not DICOM, or hold no image, are passed over.
    on_error
        Called with the error of each bad series, which is then left out; by default the first one is raised.

    Raises
    ------
    FileError
        If there is no DICOM image, or none that can be read.
    """
    folder = Path(folder)
    return read_files(folder, dicom_files(folder), on_error=on_error)


def dicom_files(folder, counts: Callable[[Path], bool] = looks_like_dicom) -> list[Path]:
    """The DICOM files of a folder and the folders in it, by name; hidden ones are passed over."""
    found, count = [], 0
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(f for f in folders if not f.startswith("."))
        count += len(names)
        if count > FOLDER_LIMIT:
            raise FileError(folder, f"has more than {FOLDER_LIMIT} files", "Open the folder of one study")
        paths = (Path(parent, name) for name in sorted(names) if not name.startswith("."))
        found += [path for path in paths if counts(path)]
    return found


def film_files(folder) -> list[Path]:
    """The DICOM files of a folder, and of the folders in it, that are radiographs or, damaged, may have been some."""
    return [path for path in dicom_files(folder, is_dicom) if _may_be_film(path)]


def _may_be_film(path: Path) -> bool:
    try:
        dataset = read_dataset(path)
    except FileError:
        return True
    return _has_image(dataset) and not _is_slice(dataset)


def read_files(subject, paths: Iterable[Path], *, on_error: Callable[[FileError], None] | None = None) -> list[Image]:
    """The images in some DICOM files, series by series, as `read_folder` does; errors name `subject`."""
    failures: list[FileError] = []

    def attempt(read, *arguments) -> list:
        try:
            return read(*arguments)
        except FileError as error:
            if on_error is None:
                raise
            failures.append(error)
            on_error(error)
            return []

    films, series = [], {}
    for path in paths:
        for dataset in attempt(lambda p: [read_dataset(p)], path):
            if not _has_image(dataset):
                continue
            if _is_slice(dataset):
                series.setdefault(str(value(dataset, "SeriesInstanceUID")), []).append((path, dataset))
            else:
                films.append((path, dataset))
    images = [image for members in series.values() for image in attempt(_volumes, subject, members, len(series) > 1)]
    images += [image for path, dataset in films for image in attempt(_radiographs, path, dataset)]
    if not images:
        raise failures[-1] if failures else FileError(subject, "holds no DICOM image", "Give the folder of a series")
    return images


def _volumes(subject, members: list[tuple], several: bool) -> list[Volume]:
    planes = [plane for path, dataset in members for plane in slices(path, dataset)]
    found = stacks(planes)
    first = members[0][1]
    series_number = number(first, "SeriesNumber")
    name = stem(subject)
    if several:
        which = f" {series_number:g}" if series_number is not None else ""
        name = f"{name} · {code(first, 'Modality')} series{which}"
    label = f"{subject} ({code(first, 'Modality')} series of {len(planes)} slices)" if several else subject
    return [volume(label, stack, n) for stack, n in zip(found, _numbered(name, len(found)), strict=True)]


def _numbered(name: str, count: int) -> list[str]:
    return [name] if count == 1 else [f"{name} · {i + 1}" for i in range(count)]


def _require_image(path, dataset) -> None:
    modality = code(dataset, "Modality")
    if modality in _NO_IMAGES:
        raise FileError(path, f"is a DICOM {modality} object, not an image", "Give an image or a series")
    require_pixels(path, dataset)


def _has_image(dataset) -> bool:
    return code(dataset, "Modality") not in _NO_IMAGES and number(dataset, "Rows") is not None


def _is_slice(dataset) -> bool:
    """Whether it is a plane of a volume; a CT's localizer and a secondary capture are projections and pictures."""
    if code(dataset, "Modality") not in _SLICE_MODALITIES:
        return False
    localizer = code(dataset, "Modality") == "CT" and "LOCALIZER" in code(dataset, "ImageType")
    return not localizer and not str(value(dataset, "SOPClassUID") or "").startswith(_SECONDARY_CAPTURE)


def _radiographs(path, dataset) -> list[Radiograph]:
    """One radiograph a frame."""
    _require_image(path, dataset)
    film = read_film(path, dataset)
    spacing = radiograph_spacing(dataset)
    header = {"file": Path(path).name, **facts(dataset), **film.header}
    if spacing.note:
        header["spacing_note"] = spacing.note
    count = frame_count(dataset)
    if count != len(film.frames):
        raise FileError(path, f"claims {count} frames and holds {len(film.frames)}", "Export it again")
    names = [stem(path)] if count == 1 else [f"{stem(path)} · frame {i + 1} of {count}" for i in range(count)]
    own = [{}] if count == 1 else [{"frame": i + 1, "frame_count": count} for i in range(count)]
    return [
        Radiograph(frame, spacing.spacing_mm, spacing.source, spacing.detector_mm, film.display_range, name,
                   {**header, **extra})
        for frame, name, extra in zip(film.frames, names, own, strict=True)
    ]
