"""The tables of a training set that is being annotated: marks, times, and rows replaced among those of others."""

import csv
import io
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ..errors import FileError
from ..io.files import read_text, replacing
from .dataset import Film
from .tables import known_images, read_marked_points

TABLE, TIMES = "landmarks.csv", "times.csv"
COLUMNS = ("image", "landmark", "row_px", "column_px", "annotator")
TIME_COLUMNS = ("image", "annotator", "seconds", "started_from")

Marks = dict[str, tuple[float, float]]
"""(row, column) in pixels by landmark; NaN where the annotator could not see it; unmarked landmarks are missing."""


@dataclass(frozen=True)
class FilmTime:
    """How long somebody worked on a film, and the model whose landmarks it started from; "" for none."""

    seconds: float
    started_from: str = ""


def read_marks(folder: Path, films: tuple[Film, ...]) -> dict[str, dict[str, Marks]]:
    """Marks by annotator and film; none where there is no table, or one without rows."""
    path = folder / TABLE
    if not path.exists() or not _rows_of(path)[1]:
        return {}
    table = read_marked_points(path)
    table["image"] = known_images(path, table, [film.name for film in films])
    marks: dict[str, dict[str, Marks]] = {}
    rows = table[["annotator", "image", "landmark", "row_px", "column_px"]].itertuples(index=False)
    for who, image, landmark, row, column in rows:
        marks.setdefault(who, {}).setdefault(image, {})[landmark] = (float(row), float(column))
    return marks


def marked_names(folder: Path) -> tuple[str, ...]:
    """Landmarks that are marked in a training set, in the order of their first rows."""
    path = folder / TABLE
    return tuple(read_marked_points(path)["landmark"].unique()) if path.exists() and _rows_of(path)[1] else ()


def read_times(folder: Path) -> dict[tuple[str, str], FilmTime]:
    """Times by film and annotator; rows that make no sense are left out, since nothing depends on them."""
    path, times = folder / TIMES, {}
    for row in _rows_of(path)[1] if path.exists() else []:
        try:
            seconds = float(row["seconds"])
        except (KeyError, ValueError, TypeError):
            continue
        if math.isfinite(seconds):
            times[row.get("image", ""), row.get("annotator", "")] = FilmTime(seconds, row.get("started_from", ""))
    return times


def merge_rows(path: Path, columns: tuple[str, ...], rows: list[dict],
               is_mine: Callable[[Mapping[str, str]], bool]) -> None:
    """Replace those rows of a table that are mine; all others, and columns of others, stay as they are."""
    found, kept = _rows_of(path) if path.exists() else ((), [])
    if found and (missing := [c for c in columns[:4] if c not in found and c != "annotator"]):
        raise FileError(path, f"has no column {missing[0]!r} any more", "Put it back")
    header = [*found, *(c for c in columns if c not in found)]
    others = [row for row in kept if not is_mine(row)]
    if not rows and len(others) == len(kept):
        return
    with replacing(path) as temporary, open(temporary, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, header, restval="")
        writer.writeheader()
        writer.writerows(others + rows)


def _rows_of(path: Path) -> tuple[tuple[str, ...], list[dict]]:
    """A table's header and rows as texts."""
    reader = csv.reader(io.StringIO(read_text(path), newline=""), strict=True)
    try:
        header, *rows = [[cell.strip() for cell in row] for row in reader if any(row)] or [[]]
    except csv.Error as error:
        raise FileError(path, f"line {reader.line_num}: {error}", "Save it as comma-separated UTF-8") from error
    return tuple(header), [dict(zip(header, row, strict=False)) for row in rows]
