"""Read and check the tables of a training set."""

import csv
import io
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from ..errors import FileError
from ..io.files import read_text
from ..models.header import parse_json, schema_from
from .dataset import SINGLE_ANNOTATOR, Film, TrainingSet

POINT_COLUMNS = ("row_px", "column_px")
REQUIRED_COLUMNS = ("image", "landmark", *POINT_COLUMNS)
ABOUT_FILE = "about.json"
NOT_FILMS = {".csv", ".json", ".txt", ".md", ".db", ".ini"}


def read_training_set(folder) -> TrainingSet:
    """Read the tables of a training set; no image is opened yet, see `validate`.

    Parameters
    ----------
    folder
        Holds `images/`, `landmarks.csv` and perhaps `images.csv`, `contours/`, `masks/`.

    Raises
    ------
    FileError
        If a table is missing, damaged, names an unknown image, names a landmark twice in one image, or puts one
        subject into two splits.
    """
    folder = Path(folder)
    paths = _image_files(folder / "images")
    where = folder / "landmarks.csv"
    table = read_marked_points(where)
    table["image"] = known_images(where, table, paths)
    _refuse_duplicates(where, table)
    films = _films(folder, paths)
    about, names = read_about(folder, tuple(table["landmark"].unique()))
    annotators = tuple(table["annotator"].unique())
    points = np.full((len(annotators), len(films), len(names), 2), np.nan)
    at = tuple(
        table[column].map({key: i for i, key in enumerate(keys)}).to_numpy()
        for column, keys in (("annotator", annotators), ("image", [f.name for f in films]), ("landmark", names))
    )
    points[at] = table[list(POINT_COLUMNS)].to_numpy()
    return TrainingSet(folder, films, names, annotators, points, about)


def read_films(folder) -> tuple[Film, ...]:
    """The films of a training set in the order of their names, whether or not anything is marked in them.

    Raises
    ------
    FileError
        If there are none, or `images.csv` is damaged.
    """
    folder = Path(folder)
    return _films(folder, _image_files(folder / "images"))


def read_about(folder, marked: tuple[str, ...] = ()) -> tuple[dict, tuple[str, ...]]:
    """What `about.json` says, and the names of all landmarks: those that it lists, then others that are marked.

    Raises
    ------
    FileError
        If it is damaged.
    """
    path = Path(folder) / ABOUT_FILE
    if not path.exists():
        return {}, marked
    try:
        about = parse_json(path.read_bytes(), "it")
        if not isinstance(about, dict):
            raise ValueError("it is no JSON object")
        if bad := [k for k in ("name", "anatomy", "licence", "citation") if not isinstance(about.get(k, ""), str)]:
            raise ValueError(f"{bad[0]} is no text")
        listed = about.get("landmarks", [])
        if not isinstance(listed, list) or not all(isinstance(name, str) and name.strip() for name in listed):
            raise ValueError("landmarks is no list of names")
        names = tuple(dict.fromkeys([*listed, *marked]))
        schema_from(about.get("schema", {}), about.get("anatomy", ""), names)
    except (OSError, ValueError) as error:
        raise FileError(path, f"cannot be used: {error}", "Correct or remove it") from error
    return about, names


def read_marked_points(path) -> pd.DataFrame:
    """A table of marked points: image, landmark, row_px, column_px, annotator ("" where it has none) and its lines.

    Raises
    ------
    FileError
        If a column is missing, a number cannot be read, or an annotator marked a landmark twice in one image.
    """
    path = Path(path)
    table = _read_table(path, REQUIRED_COLUMNS)
    if "annotator" not in table:
        table["annotator"] = SINGLE_ANNOTATOR
    table = _with_numbers(path, table)
    _refuse_duplicates(path, table)
    return table


def _image_files(folder: Path) -> dict[str, Path]:
    if not folder.is_dir():
        raise FileError(folder, "there is no such folder", "Put the films of the training set there")
    found = sorted(p for p in folder.iterdir() if p.is_file() and not p.name.startswith("."))
    paths = {p.name: p for p in found if p.suffix.lower() not in NOT_FILMS}
    if not paths:
        raise FileError(folder, "it holds no images", "Put PNG, JPEG, TIFF or DICOM films there")
    return paths


def _read_table(path: Path, required: tuple[str, ...]) -> pd.DataFrame:
    """The table as stripped text, with `line`, where each row stands in the file."""
    if not path.is_file():
        raise FileError(path, "there is no such file", f"It needs the columns {','.join(required)}")
    reader = csv.reader(io.StringIO(read_text(path), newline=""), strict=True)
    try:
        rows = [([cell.strip() for cell in row], reader.line_num) for row in reader if any(row)]
    except csv.Error as error:
        raise FileError(path, f"line {reader.line_num}: {error}", "Save it as comma-separated UTF-8") from error
    header = rows[0][0] if rows else []
    if missing := [column for column in required if column not in header]:
        found = ",".join(header)
        raise FileError(path, f"has no column {missing[0]!r} (it has {found})", f"It needs {','.join(required)}")
    if len(set(header)) < len(header) or len(rows) == 1:
        raise FileError(path, "has no rows" if len(rows) == 1 else "has a column twice", "Correct the table")
    width = len(header)
    for row, line in rows[1:]:
        if len(row) < width or any(row[width:]):
            raise FileError(path, f"line {line} has {len(row)} cells, the first line {width}", "Correct the line")
    table = pd.DataFrame([row[:width] for row, _ in rows[1:]], columns=header, dtype=object)
    table["line"] = [line for _, line in rows[1:]]
    return table


def known_images(where: Path, table: pd.DataFrame, paths: Iterable[str]) -> pd.Series:
    """The image column as file names: a name without its ending will do where only one file has it.

    Raises
    ------
    FileError
        Naming the line, if an image is none of these files or may be several.
    """
    by_stem = defaultdict(list)
    for name in paths:
        by_stem[Path(name).stem].append(name)
    meaning = {stem: names[0] for stem, names in by_stem.items() if len(names) == 1} | {name: name for name in paths}
    known = table["image"].map(meaning)
    if known.isna().any():
        row = table[known.isna()].iloc[0]
        problem = f"line {row['line']} names the image {row['image']!r}, which is not in images/"
        if len(by_stem.get(row["image"], ())) > 1:
            problem = f"line {row['line']} names the image {row['image']!r}, and several files are called so"
        raise FileError(where, problem, "Correct the name, or add the film")
    return known


def _with_numbers(where: Path, table: pd.DataFrame) -> pd.DataFrame:
    """Points as numbers; both empty (or NaN) means that the landmark was left out."""
    if (empty := table["landmark"] == "").any():
        raise FileError(where, f"line {table['line'][empty].iloc[0]} names no landmark", "Name it")
    blank = table[list(POINT_COLUMNS)].isin(["", "nan", "NaN", "NA"])
    for column in POINT_COLUMNS:
        numbers = pd.to_numeric(table[column], errors="coerce").astype(float)
        bad = ~np.isfinite(numbers) & ~blank.all(axis=1)
        if bad.any():
            row = table[bad].iloc[0]
            problem = f"line {row['line']}: {column} of {row['landmark']!r} in {row['image']} is {row[column]!r}"
            raise FileError(where, problem, "Give a number of pixels, or leave both columns empty")
        table[column] = numbers
    return table


def _refuse_duplicates(where: Path, table: pd.DataFrame) -> None:
    twice = table.duplicated(["image", "landmark", "annotator"])
    if twice.any():
        row = table[twice].iloc[0]
        by = f" by {row['annotator']}" if row["annotator"] else ""
        problem = f"line {row['line']} gives {row['landmark']!r} in {row['image']}{by} a second time"
        raise FileError(where, problem, "Keep one row for each landmark of an image and annotator")


def _films(folder: Path, paths: dict[str, Path]) -> tuple[Film, ...]:
    where = folder / "images.csv"
    films = {name: Film(name, path, subject=name) for name, path in paths.items()}
    if not where.exists():
        return tuple(films.values())
    table = _read_table(where, ("image",))
    table["image"] = known_images(where, table, paths)
    if (twice := table.duplicated("image")).any():
        row = table[twice].iloc[0]
        raise FileError(where, f"line {row['line']} names {row['image']!r} a second time", "Keep one row an image")
    for row in table.to_dict("records"):
        name = row["image"]
        spacing = _spacing(where, row)
        films[name] = Film(name, paths[name], spacing, row.get("subject") or name, row.get("split", ""))
    _refuse_crossing_subjects(where, films.values())
    return tuple(films.values())


def _spacing(where: Path, row: dict) -> tuple[float, float] | None:
    """One number, or row and column spacing with a space between; empty means unknown."""
    text = row.get("spacing_mm", "")
    if not text:
        return None
    try:
        values = [float(part) for part in text.split()]
    except ValueError:
        values = []
    if len(values) not in (1, 2) or not all(np.isfinite(v) and v > 0 for v in values):
        problem = f"line {row['line']}: the spacing of {row['image']} is {text!r}"
        raise FileError(where, problem, "Give millimetres a pixel, such as 0.1, or leave it empty where unknown")
    return (values[0], values[-1])


def _refuse_crossing_subjects(where: Path, films) -> None:
    splits = defaultdict(set)
    for film in films:
        splits[film.subject] |= {film.split} - {""}
    for subject, found in splits.items():
        if len(found) > 1:
            names = " and ".join(repr(split) for split in sorted(found))
            problem = f"the subject {subject!r} has films in the splits {names}"
            raise FileError(where, problem, "Keep all films of one subject in one split")
