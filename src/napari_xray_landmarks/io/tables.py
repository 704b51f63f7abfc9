"""Tables: the detections CSV and the contours CSV, several images a file."""

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from math import isfinite, isnan, nan

import numpy as np

from ..errors import FileError
from ..landmarks import Contour, LandmarkSet
from .files import read_text, replacing

DETECTION_COLUMNS = ("image", "landmark", "row_px", "column_px", "row_mm", "column_mm", "confidence", "detected")
CONTOUR_COLUMNS = ("image", "contour", "closed", "vertex", "row_px", "column_px", "row_mm", "column_mm", "confidence",
                   "landmark", "found")
_NEEDED_DETECTION = {"image", "landmark", "row_px", "column_px"}
_NEEDED_CONTOUR = {"image", "contour", "vertex", "row_px", "column_px"}
_LONGEST_HEADER = 10_000


@dataclass(frozen=True, eq=False)
class Detections:
    """The landmarks of one image, as a row of the detections CSV names it.

    Parameters
    ----------
    image
        The image's name.
    landmarks
        In pixels.
    spacing_mm
        (row, column) spacing behind the mm columns, or None where they are empty.
    """

    image: str
    landmarks: LandmarkSet
    spacing_mm: tuple[float, float] | None = None

    def __post_init__(self):
        if self.landmarks.unit != "px" or self.landmarks.points.shape[1] != 2:
            raise ValueError(f"detections of {self.image!r} must be 2D and in px, got unit {self.landmarks.unit!r}, "
                             f"shape {self.landmarks.points.shape}")


def write_detections(path, rows: Iterable[Detections] | Mapping[str, Detections]) -> None:
    """Write the detections CSV (`image,landmark,row_px,...`); the mm columns are empty where the spacing is unknown.

    Parameters
    ----------
    path
        The `.csv` file, replaced when the new one is whole.
    rows
        One `Detections` an image, or the dictionary that `read_detections` gives.
    """
    lines = []
    for image in rows.values() if isinstance(rows, Mapping) else rows:
        marks = image.landmarks
        for name, point, confidence, detected in zip(marks.names, marks.points, marks.confidence, marks.detected,
                                                     strict=True):
            lines.append([image.image, name, *_coordinates(point, image.spacing_mm), number(confidence),
                          truth(detected)])
    write_table(path, DETECTION_COLUMNS, lines)


def read_detections(path) -> dict[str, Detections]:
    """The detections CSV, one entry an image, in the file's order.

    `row_mm`, `column_mm`, `confidence` and `detected` may be missing, so that a training set's `landmarks.csv` of one
    annotator reads as well.

    Raises
    ------
    FileError
        If a column is missing, a number cannot be read, or a landmark stands twice for one image.
    """
    images: dict[str, list[tuple]] = {}
    for line, row in _read(path, _NEEDED_DETECTION, "a detections table"):
        point = [_number(path, line, row, key) for key in ("row_px", "column_px")]
        point_mm = [_number(path, line, row, key) for key in ("row_mm", "column_mm")]
        confidence = _number(path, line, row, "confidence")
        detected = _truth(path, line, row, "detected", default=all(isfinite(v) for v in point))
        images.setdefault(row["image"], []).append((row["landmark"], point, point_mm, confidence, detected))
    return {image: _detections(path, image, rows) for image, rows in images.items()}


def _detections(path, image: str, rows: list[tuple]) -> Detections:
    names, points, points_mm, confidence, detected = zip(*rows, strict=True)
    _refuse_duplicates(path, names, image)
    try:
        marks = LandmarkSet(names, points, confidence, detected)
    except ValueError as error:
        raise FileError(path, f"image {image!r}: {error}", "Correct the table") from error
    return Detections(image, marks, _spacing(np.array(points), np.array(points_mm)))


def _refuse_duplicates(path, names, image: str) -> None:
    twice = sorted({n for n in names if names.count(n) > 1})
    if twice:
        raise FileError(path, f"image {image!r} has landmarks twice: {', '.join(twice)}",
                        "Keep one row a landmark (and one annotator a file)")


def _spacing(points_px, points_mm) -> tuple[float, float] | None:
    """mm per pixel of each axis; None where the table does not tell."""
    known = np.isfinite(points_px) & np.isfinite(points_mm) & (np.abs(points_px) > 1e-6)
    if not known.any(0).all():
        return None
    ratios = [_ratio(points_mm[known[:, axis], axis], points_px[known[:, axis], axis]) for axis in range(2)]
    return tuple(ratios) if all(isfinite(r) and r > 0 for r in ratios) else None


def _ratio(numbers, divisors) -> float:
    """The shortest decimal that gives `numbers` exactly when `divisors` are multiplied by it, or the best quotient."""
    far = np.argmax(np.abs(divisors))
    quotient = numbers[far] / divisors[far]
    rounded = [float(f"{quotient:.{digits}g}") for digits in (3, 6, 9, 12, 15, 16)]
    return next((r for r in rounded if np.array_equal(divisors * r, numbers)), float(quotient))


def write_contours(path, contours: Iterable[Contour], *, image_name: str = "", spacing_mm=None) -> None:
    """Write outlines, one row a vertex; inverse of `read_contours`.

    Raises
    ------
    FileError
        If a contour is 3D, or in mm while the spacing is unknown.
    """
    write_contours_of_all(path, [(image_name, contours, spacing_mm)])


def write_contours_of_all(path, images: Iterable[tuple[str, Iterable[Contour], tuple[float, float] | None]]) -> None:
    """As `write_contours`, for the (image name, outlines, spacing_mm) of several images."""
    lines = [line for image, contours, spacing_mm in images for contour in contours
             for line in _contour_lines(path, image, contour, spacing_mm)]
    write_table(path, CONTOUR_COLUMNS, lines)


def _contour_lines(path, image: str, contour: Contour, spacing_mm) -> list[list]:
    points = pixels(path, contour, spacing_mm)
    confidence = [nan] * len(points) if contour.confidence is None else contour.confidence
    names = [""] * len(points) if contour.names is None else contour.names
    return [[image, contour.name, truth(contour.closed), vertex, *_coordinates(point, spacing_mm),
             number(confidence[vertex]), names[vertex], truth(contour.found)] for vertex, point in enumerate(points)]


def read_contours(path) -> dict[str, list[Contour]]:
    """The contours CSV in pixels, by image; vertices are ordered by their number."""
    groups: dict[tuple[str, str], list[tuple]] = {}
    for line, row in _read(path, _NEEDED_CONTOUR, "a contours table"):
        point = [_number(path, line, row, key) for key in ("row_px", "column_px")]
        vertex, confidence = _number(path, line, row, "vertex"), _number(path, line, row, "confidence")
        closed, found = (_truth(path, line, row, key, default=True) for key in ("closed", "found"))
        values = vertex, point, closed, confidence, (row.get("landmark") or "").strip(), found
        groups.setdefault((row["image"], row["contour"]), []).append(values)
    images: dict[str, list[Contour]] = {}
    for (image, name), rows in groups.items():
        images.setdefault(image, []).append(_contour(path, name, sorted(rows, key=lambda row: row[0])))
    return images


def _contour(path, name: str, rows: list[tuple]) -> Contour:
    _, points, closed, confidence, names, found = zip(*rows, strict=True)
    try:
        return Contour(points, name, closed[0], "px", None if all(map(isnan, confidence)) else np.array(confidence),
                       names if any(names) else None, all(found))
    except ValueError as error:
        raise FileError(path, f"contour {name!r}: {error}", "Correct the table") from error


def columns_of(path) -> set[str]:
    """The columns that the first line of a table names, without reading more; OSError where it cannot be opened."""
    with open(path, encoding="utf-8-sig", errors="replace", newline="") as file:
        first = file.readline(_LONGEST_HEADER)
    return {cell.strip() for cell in next(csv.reader([first]), [])}


def contour_spacings(path) -> dict[str, tuple[float, float] | None]:
    """(row, column) spacing behind the mm columns of a contours CSV, by image; None where they are empty."""
    points: dict[str, list[list[float]]] = {}
    for line, row in _read(path, _NEEDED_CONTOUR, "a contours table"):
        cells = [_number(path, line, row, key) for key in ("row_px", "column_px", "row_mm", "column_mm")]
        points.setdefault(row["image"], []).append(cells)
    tables = {image: np.array(cells) for image, cells in points.items()}
    return {image: _spacing(table[:, :2], table[:, 2:]) for image, table in tables.items()}


def pixels(path, shape: LandmarkSet | Contour, spacing_mm) -> np.ndarray:
    """(N, 2) points in pixels, or the FileError that says why a table cannot hold them."""
    if shape.points.shape[1] != 2:
        raise FileError(path, "a .csv holds points of radiographs and these are 3D", "Save them as .mrk.json")
    if shape.unit == "px":
        return shape.points
    if spacing_mm is None:
        raise FileError(path, "a .csv needs pixels, and these points are in mm of an image whose spacing is not known",
                        "Save them as .mrk.json, or give the spacing")
    return shape.points / np.asarray(spacing_mm, dtype=float)


def detections(path, image: str, landmarks: LandmarkSet, spacing_mm) -> Detections:
    """`landmarks` as an entry of the table at `path`."""
    points = pixels(path, landmarks, spacing_mm)
    return Detections(image, replace(landmarks, points=points, unit="px"),
                      None if spacing_mm is None else tuple(float(s) for s in spacing_mm))


def _coordinates(point_px, spacing_mm) -> list[str]:
    point_mm = (nan, nan) if spacing_mm is None else np.asarray(point_px) * np.asarray(spacing_mm)
    return [number(v) for v in (*point_px, *point_mm)]


def number(value) -> str:
    """A cell with a number; empty where there is none."""
    return repr(float(value)) if isfinite(value) else ""


def truth(value) -> str:
    """A cell that says yes or no."""
    return "true" if value else "false"


def write_table(path, columns, lines) -> None:
    """Write a `.csv` of one header and these lines of cells; the file appears when it is whole."""
    with replacing(path) as temporary, open(temporary, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(lines)


def _read(path, needed: set[str], what: str) -> list[tuple[int, dict]]:
    """(line number, row) of every row that is not blank."""
    reader = csv.DictReader(io.StringIO(read_text(path), newline=""), strict=True)
    try:
        missing = needed - {str(name).strip() for name in reader.fieldnames or ()}
        if missing:
            raise FileError(path, f"is not {what}: it has no column {', '.join(sorted(missing))}",
                            f"Its first line must name {', '.join(sorted(needed))}")
        reader.fieldnames = [name.strip() for name in reader.fieldnames]
        rows = [(reader.line_num, row) for row in reader]
    except csv.Error as error:
        raise FileError(path, f"line {reader.line_num}: {error}", "Export it again") from error
    for line, row in rows:
        absent = sorted(key for key in needed if row.get(key) is None)
        if absent or None in row:
            raise FileError(path, f"line {line} has {'no ' + absent[0] if absent else 'too many cells'}",
                            "Correct the table")
    return rows


def _number(path, line: int, row: dict, key: str) -> float:
    text = (row.get(key) or "").strip()
    if not text:
        return nan
    try:
        value = float(text)
    except ValueError as error:
        raise FileError(path, f"line {line}: {key} is {text!r}, not a number", "Correct the table") from error
    if not isfinite(value):
        raise FileError(path, f"line {line}: {key} is {text!r}", "Leave the cell empty where nothing is known")
    return value


def _truth(path, line: int, row: dict, key: str, *, default: bool) -> bool:
    text = (row.get(key) or "").strip().lower()
    if text not in ("", "true", "false", "1", "0"):
        raise FileError(path, f"line {line}: {key} is {text!r}", "Write true or false")
    return default if not text else text in ("true", "1")
