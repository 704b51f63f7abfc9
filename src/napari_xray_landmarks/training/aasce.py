"""The AASCE data set (SpineWeb 16) as it was published: films, `landmarks.csv`, `filenames.csv` and `angles.csv`."""

import csv
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from ..errors import FileError
from ..landmarks import LandmarkSet, vertebral_corners
from ..spine.aasce import BODIES, LEVELS, corners_from_fractions, corrected
from .writing import SourceFilm

NAMES = vertebral_corners(levels=LEVELS)
FACTS = {
    "name": "AASCE 2019", "anatomy": "spine", "licence": "research use; attribute SpineWeb dataset 16",
    "citation": "Wu et al., Automatic landmark estimation for adolescent idiopathic scoliosis assessment using "
                "BoostNet, MICCAI 2017",
    "schema": {"pairs": list(zip(NAMES[::2], NAMES[1::2], strict=True))},
}  # fmt: skip
ANGLE_COLUMNS = ("pt_deg", "mt_deg", "tll_deg")
_PATIENT = re.compile(r"-(\d+) ?[A-Z]\b")


def aasce_films(folder: Path) -> Iterator[SourceFilm]:
    """The films with the corners of T1 to L5 in pixels; a patient is the number before the letter of a film's name.

    What the annotators got wrong is put right or left out, see `spine.aasce.corrected` and `corrections.csv`. The
    folder may hold one table of landmarks, or one for each of the challenge's parts.
    """
    for path, corners, _, _ in _marked(folder):
        points = LandmarkSet(NAMES, corners.reshape(-1, 2))
        yield SourceFilm(path.stem, path, {"": points}, subject=patient_of(path.name))


def write_beside(folder: Path, target: Path) -> None:
    """Write `angles.csv` (as published, largest first) and `corrections.csv` into a set that was imported."""
    angles, notes = [("image", *ANGLE_COLUMNS)], [("image", "correction")]
    for path, _, own_angles, found in _marked(folder):
        name = path.stem + path.suffix.lower()
        angles += [(name, *own_angles)] if own_angles else []
        notes += [(name, note) for note in found]
    for file, rows in (("angles.csv", angles), ("corrections.csv", notes)):
        with open(target / file, "w", newline="", encoding="utf-8") as stream:
            csv.writer(stream, lineterminator="\n").writerows(rows)


def patient_of(name: str) -> str:
    """The patient that a film's name tells, "162" for "sunhl-1th-02-Jan-2017-162 A AP.jpg"; "" where it tells none."""
    found = _PATIENT.search(name)
    return found.group(1) if found else ""


def _marked(folder: Path) -> Iterator[tuple[Path, np.ndarray, list[str], tuple[str, ...]]]:
    """(image, corners, published angles, corrections) of every film."""
    tables = sorted(p.parent for p in Path(folder).rglob("landmarks.csv") if (p.parent / "filenames.csv").is_file())
    if not tables:
        raise FileError(folder, "has no landmarks.csv with filenames.csv beside it", "Give the folder as published")
    images = {p.name: p for p in sorted(Path(folder).rglob("*.jpg"))}
    for table in tables:
        names = [row[0].strip() for row in _rows(table / "filenames.csv")]
        fractions = _numbers(table / "landmarks.csv", len(names), 8 * BODIES)
        given = (table / "angles.csv").is_file()
        angles = [[text.strip() for text in row] for row in _rows(table / "angles.csv")] if given else []
        if given:
            _numbers(table / "angles.csv", len(names), len(ANGLE_COLUMNS))
        for i, (name, row) in enumerate(zip(names, fractions, strict=True)):
            if name not in images:
                raise FileError(table / "filenames.csv", f"line {i + 1} names {name!r}, which is not there", "Add it")
            shape = _shape(images[name])
            corners, notes = corrected(corners_from_fractions(row, shape), shape)
            yield images[name], corners, angles[i] if given else [], notes


def _rows(path: Path) -> list[list[str]]:
    try:
        with open(path, newline="", encoding="utf-8-sig") as stream:
            return [row for row in csv.reader(stream, strict=True) if any(cell.strip() for cell in row)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise FileError(path, f"cannot be read ({error})", "Get the file again") from error


def _numbers(path: Path, rows: int, columns: int) -> np.ndarray:
    """(rows, columns) finite numbers of a table without a header."""
    table = _rows(path)
    if len(table) != rows:
        raise FileError(path, f"has {len(table)} rows and filenames.csv {rows}", "Get the files again")
    values = np.empty((rows, columns))
    for i, row in enumerate(table):
        try:
            values[i] = [float(cell) for cell in row]
        except ValueError:
            values[i] = np.nan
        if not np.isfinite(values[i]).all():
            raise FileError(path, f"line {i + 1} has not {columns} numbers", "Get the file again")
    return values


def _shape(path: Path) -> tuple[int, int]:
    """Rows and columns of a film, from its header alone."""
    try:
        with Image.open(path) as image:
            return image.height, image.width
    except (OSError, ValueError) as error:
        raise FileError(path, f"is no image ({error})", "Get the file again") from error
