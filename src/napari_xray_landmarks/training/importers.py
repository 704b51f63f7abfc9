"""Public data sets into the training layout. Another format is one more entry of `IMPORTERS`."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ..errors import FileError, InputError
from ..landmarks import LandmarkSet
from ..models.header import parse_json
from . import aasce, spine_masks
from .dataset import TrainingSet
from .writing import SourceFilm, write_training_set

IMAGE_ENDINGS = {".bmp", ".png", ".jpg", ".jpeg", ".tif", ".tiff", ".dcm"}
ISBI_SPACING_MM = (0.1, 0.1)
ISBI_SPLITS = {"trainingdata": "train", "test1data": "test1", "test2data": "test2"}
ISBI_LANDMARKS = (
    "sella", "nasion", "orbitale", "porion", "subspinale", "supramentale", "pogonion", "menton", "gnathion", "gonion",
    "lower incisal incision", "upper incisal incision", "upper lip", "lower lip", "subnasale", "soft tissue pogonion",
    "posterior nasal spine", "anterior nasal spine", "articulare",
)  # fmt: skip


@dataclass(frozen=True)
class Importer:
    """One public format.

    Parameters
    ----------
    name
        As in `import NAME DIR`.
    about
        The format in a line.
    films
        Gives the films of a folder, one after the other; raises FileError where it is not of this format.
    facts
        What is known of the set: name, anatomy, licence, citation, schema.
    beside
        Called with the source and the new folder, to write what the layout has no place for.
    """

    name: str
    about: str
    films: Callable[[Path], Iterator[SourceFilm]]
    facts: Mapping = field(default_factory=dict)
    beside: Callable[[Path, Path], None] | None = None


def import_training_set(name: str, source, target, *, progress=None) -> TrainingSet:
    """Bring a folder of a public format into the training layout.

    Parameters
    ----------
    name
        One of `IMPORTERS`.
    source
        The folder as it was published.
    target
        A new or empty folder.

    Raises
    ------
    InputError
        If there is no such importer.
    FileError
        If the folder is not of that format, a file in it is damaged, or the target cannot be written.
    """
    if name not in IMPORTERS:
        raise InputError(name, "is no format that can be imported", f"Formats are: {', '.join(IMPORTERS)}")
    source = Path(source)
    if not source.is_dir():
        raise FileError(source, "is no folder", "Give the folder of the data set")
    importer = IMPORTERS[name]
    written = write_training_set(target, list(importer.films(source)), about=importer.facts, progress=progress)
    if importer.beside is not None:
        importer.beside(source, written.folder)
    return written


def cephalogram_films(folder: Path) -> Iterator[SourceFilm]:
    """Films of the ISBI cephalogram challenge, or of its relatives with one JSON file an annotator."""
    if (folder / "AnnotationsByMD").is_dir():
        return isbi_films(folder)
    if list(folder.glob("*.json")) and (folder / "images").is_dir():
        return xy_json_films(folder)
    problem = "has neither AnnotationsByMD/ with RawImage/ nor images/ with JSON files of landmarks"
    raise FileError(folder, problem, "Give the folder that holds them")


def isbi_films(folder: Path) -> Iterator[SourceFilm]:
    """Films of the ISBI 2014 and 2015 challenges: RawImage/**/001.bmp and AnnotationsByMD/400_senior/001.txt.

    A text file has 19 lines `x,y` in pixels of 0.1 mm, and then the classes of eight measurements, which are left out.
    Splits are those of the challenge where the films stand in its folders.
    """
    images = _images_by_stem(folder, skip="AnnotationsByMD")
    annotators = sorted(p for p in (folder / "AnnotationsByMD").iterdir() if p.is_dir())
    marked = {a.name.rpartition("_")[2]: {p.stem: p for p in a.glob("*.txt")} for a in annotators}
    if not any(set(images) & set(files) for files in marked.values()):
        raise FileError(folder, "no image has a text file of landmarks", "Give the folder as it was published")
    for stem, image in images.items():
        landmarks = {who: read_xy_lines(files[stem]) for who, files in marked.items() if stem in files}
        split = next((ISBI_SPLITS[p.name.lower()] for p in image.parents if p.name.lower() in ISBI_SPLITS), "")
        yield SourceFilm(stem, image, landmarks, ISBI_SPACING_MM, split=split)


def xy_json_films(folder: Path) -> Iterator[SourceFilm]:
    """Films with one JSON file an annotator: {image: {landmark: [x, y]}} in pixels; the spacing is unknown."""
    images = _images_by_stem(folder / "images")
    marked = {p.stem.removeprefix("landmarks_"): read_xy_json(p) for p in sorted(folder.glob("*.json"))}
    for who, found in marked.items():
        if lost := sorted(set(found) - set(images)):
            raise FileError(folder / "images", f"the image {lost[0]!r} that {who} marked is not there", "Add it")
    for stem, image in images.items():
        yield SourceFilm(stem, image, {who: found[stem] for who, found in marked.items() if stem in found})


def read_xy_lines(path: Path) -> LandmarkSet:
    """The landmarks of one ISBI text file, in pixels.

    Raises
    ------
    FileError
        If it has not 19 lines `x,y` first.
    """
    try:
        lines = path.read_text(encoding="ascii").split()
    except (OSError, UnicodeDecodeError) as error:
        raise FileError(path, f"cannot be read as text ({error})", "Get the file again") from error
    points = []
    for number, line in enumerate(lines[: len(ISBI_LANDMARKS)], start=1):
        try:
            x, y = (float(part) for part in line.split(","))
        except ValueError:
            raise FileError(path, f"line {number} is {line[:40]!r}, not x,y", "Get the file again") from None
        points.append((y, x))
    if len(points) < len(ISBI_LANDMARKS) or not np.isfinite(points).all():
        problem = f"has {len(points)} usable landmarks of {len(ISBI_LANDMARKS)}"
        raise FileError(path, problem, "Get the file again")
    return LandmarkSet(ISBI_LANDMARKS, np.array(points))


def read_xy_json(path: Path) -> dict[str, LandmarkSet]:
    """The landmarks of each image in one annotator's file, in pixels.

    Raises
    ------
    FileError
        If it is not {image: {landmark: [x, y]}}.
    """
    try:
        table = parse_json(path.read_bytes(), "the file")
    except (OSError, ValueError) as error:
        raise FileError(path, f"cannot be read ({error})", "Get the file again") from error
    if not isinstance(table, dict) or not table:
        raise FileError(path, "is not {image: {landmark: [x, y]}}", "Give the folder as it was published")
    return {str(image): _xy_landmarks(path, image, entry) for image, entry in table.items()}


def _xy_landmarks(path: Path, image: str, entry) -> LandmarkSet:
    if not isinstance(entry, Mapping) or not entry:
        raise FileError(path, f"the image {image!r} has no landmarks", "Mark it or leave it out")
    points = []
    for name, place in entry.items():
        try:
            x, y = (float(value) for value in place)
        except (TypeError, ValueError, OverflowError):
            x = y = np.nan
        if not np.isfinite([x, y]).all():
            raise FileError(path, f"{name} of {image} is {str(place)[:40]}, not [x, y]", "Correct it or leave it out")
        points.append((y, x))
    return LandmarkSet(tuple(entry), np.array(points))


def _images_by_stem(folder: Path, skip: str = "") -> dict[str, Path]:
    if not folder.is_dir():
        raise FileError(folder, "there is no such folder", "Give the folder of the data set")
    paths = (p for p in sorted(folder.rglob("*")) if p.suffix.lower() in IMAGE_ENDINGS and skip not in p.parts)
    images: dict[str, Path] = {}
    for path in paths:
        if path.stem in images:
            raise FileError(path, f"there is another image {path.stem!r}: {images[path.stem]}", "Remove one of them")
        images[path.stem] = path
    if not images:
        raise FileError(folder, "holds no images", "Give the folder of the data set")
    return images


IMPORTERS = {
    importer.name: importer
    for importer in (
        Importer(
            "isbi-cephalogram",
            "ISBI cephalogram challenge (AnnotationsByMD/, RawImage/), or images/ and one JSON file an annotator",
            cephalogram_films,
            {"name": "cephalograms", "anatomy": "skull, lateral"},
        ),
        Importer("aasce", "AASCE 2019: images/, landmarks.csv, filenames.csv, angles.csv", aasce.aasce_films,
                 aasce.FACTS, aasce.write_beside),
        Importer("spine-masks", "images/ and masks/: label images of the vertebral bodies, whose corners are found",
                 spine_masks.spine_mask_films, spine_masks.FACTS),
        Importer("xy-json", "images/ and one JSON file an annotator: {image: {landmark: [x, y]}}", xy_json_films),
    )
}
