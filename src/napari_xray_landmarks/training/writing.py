"""Write a training set in its layout; the inverse of `tables.read_training_set`."""

import csv
import json
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from ..errors import FileError
from ..imaging import Radiograph
from ..io import write_contours
from ..io.files import looks_like_dicom
from ..landmarks import Contour, LandmarkSet
from .dataset import SINGLE_ANNOTATOR, TrainingSet
from .films import load_film
from .tables import ABOUT_FILE, read_training_set

COPIED_PICTURES = {".png", ".jpg", ".jpeg", ".tif", ".tiff"}
COPIED_ENDINGS = COPIED_PICTURES | {".dcm", ".dicom", ".ima", ""}


@dataclass(frozen=True, eq=False)
class SourceFilm:
    """A film to put into a training set.

    Parameters
    ----------
    name
        The name of its file without an ending.
    image
        A file, copied as it is where the layout knows its kind (DICOM without who the patient is) and otherwise stored
        as PNG, or a radiograph.
    landmarks
        Landmarks in pixels by annotator; the name "" where there is only one.
    spacing_mm
        (row, column) distance of pixel centres, or None where unknown; a radiograph brings its own.
    subject, split
        As in `images.csv`; empty where unknown.
    contours
        Outlines in pixels.
    """

    name: str
    image: Path | Radiograph
    landmarks: Mapping[str, LandmarkSet]
    spacing_mm: tuple[float, float] | None = None
    subject: str = ""
    split: str = ""
    contours: tuple[Contour, ...] = field(default=())

    def __post_init__(self):
        if isinstance(self.image, Radiograph) and self.spacing_mm is None:
            object.__setattr__(self, "spacing_mm", self.image.spacing_mm)
        for landmarks in self.landmarks.values():
            if landmarks.unit != "px":
                raise ValueError(f"the landmarks of {self.name} are in {landmarks.unit}, not in px")


def write_training_set(
    folder, films: Iterable[SourceFilm], *, about: Mapping | None = None, progress=None
) -> TrainingSet:
    """Write films one after the other, and the whole set or nothing of it.

    Parameters
    ----------
    folder
        Must not exist yet, or be empty.
    films
        May be a generator; each film is written before the next one is made.
    about
        name, anatomy, licence, citation and schema of the set, where they are known.
    progress
        Called as `progress(fraction, stage)`; may raise `errors.Cancelled`.

    Raises
    ------
    FileError
        If the folder is there already or cannot be written, the same name comes twice, or a text is no Unicode.
    """
    folder = Path(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise FileError(folder, "is there already", "Choose a new or empty folder")
    partial = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        (partial / "images").mkdir(parents=True)
        if not _write_films(partial, films, progress):
            raise FileError(folder, "there are no films to write", "Check where they come from")
        if about:
            (partial / ABOUT_FILE).write_text(json.dumps(dict(about), indent=1), encoding="utf-8")
        if folder.exists():
            folder.rmdir()
        partial.rename(folder)
    except OSError as error:
        raise FileError(folder, f"cannot be written ({error.strerror})", "Choose a writable folder") from error
    except UnicodeEncodeError as error:
        raise FileError(folder, f"cannot hold a text that is no Unicode: {error.object[error.start:error.end]!r}",
                        "Rename it") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return read_training_set(folder)


def _write_films(folder: Path, films: Iterable[SourceFilm], progress) -> int:
    """Write images and tables under `folder`; gives the number of films."""
    total = len(films) if hasattr(films, "__len__") else 0
    seen: set[str] = set()
    with (
        open(folder / "landmarks.csv", "w", newline="", encoding="utf-8") as landmarks_file,
        open(folder / "images.csv", "w", newline="", encoding="utf-8") as images_file,
    ):
        points, images = csv.writer(landmarks_file), csv.writer(images_file)
        points.writerow(("image", "landmark", "row_px", "column_px", "annotator"))
        images.writerow(("image", "spacing_mm", "subject", "split"))
        for i, film in enumerate(films):
            if film.name in seen:
                raise FileError(folder.name, f"two films are called {film.name!r}", "Rename one of them")
            seen.add(film.name)
            if progress is not None:
                progress(i / total if total else 0.0, f"writing {film.name}")
            name = write_image(folder / "images", film)
            images.writerow(image_row(name, film))
            points.writerows(point_rows(name, film.landmarks))
            if film.contours:
                (folder / "contours").mkdir(exist_ok=True)
                write_contours(folder / "contours" / f"{film.name}.mrk.json", list(film.contours))
    return len(seen)


def image_row(image: str, film: SourceFilm) -> tuple[str, str, str, str]:
    """A film's row of `images.csv`."""
    return image, _spacing_text(film.spacing_mm), film.subject or film.name, film.split


def point_rows(image: str, landmarks: Mapping[str, LandmarkSet]):
    """Rows of `landmarks.csv`; a landmark without a place keeps its row with empty numbers."""
    for annotator, marked in (landmarks or {SINGLE_ANNOTATOR: LandmarkSet((), np.empty((0, 2)))}).items():
        for name, point in zip(marked.names, marked.points.tolist(), strict=True):
            yield (image, name, *(repr(v) if np.isfinite(v) else "" for v in point), annotator)


def write_image(folder: Path, film: SourceFilm) -> str:
    """Store a film's image in a folder, copied or as PNG or TIFF; gives its file name."""
    if isinstance(film.image, Path) and film.image.suffix.lower() in COPIED_ENDINGS:
        path = folder / (film.name + film.image.suffix.lower())
        if looks_like_dicom(film.image):
            from ..io.dicom.anonymous import copy_without_patient

            copy_without_patient(film.image, path)
        else:
            shutil.copyfile(film.image, path)
        return path.name
    image, ending = _storable(film.image if isinstance(film.image, Radiograph) else load_film(film.image))
    image.save(folder / (film.name + ending))
    return film.name + ending


def _storable(radiograph: Radiograph) -> tuple[Image.Image, str]:
    """An 8- or 16-bit PNG for whole numbers that fit, a TIFF of 32-bit floating-point numbers otherwise."""
    pixels = radiograph.pixels
    if pixels.dtype.kind in "biu" and 0 <= pixels.min() and pixels.max() <= 65535:
        return Image.fromarray(pixels.astype(np.uint8 if pixels.max() <= 255 else np.uint16)), ".png"
    if not np.isfinite(pixels).all():
        raise FileError(radiograph.name, "some pixels are NaN or infinite", "Replace them with numbers first")
    return Image.fromarray(pixels.astype(np.float32)), ".tiff"


def _spacing_text(spacing_mm: tuple[float, float] | None) -> str:
    if spacing_mm is None:
        return ""
    row, column = map(float, spacing_mm)
    return repr(row) if row == column else f"{row!r} {column!r}"
