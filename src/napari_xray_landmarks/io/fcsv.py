"""3D Slicer's older point lists (`.fcsv`)."""

import csv
import io
import re
from math import isfinite

import numpy as np

from ..errors import FileError
from ..landmarks import LandmarkSet
from .files import read_text, replacing
from .frames import lps_from_world
from .markups import Markup, describe, landmark_set, sign_of

COLUMNS = ("id", "x", "y", "z", "ow", "ox", "oy", "oz", "vis", "sel", "lock", "label", "desc", "associatedNodeID")
_HEADER = re.compile(r"#\s*([\w ]+?)\s*=\s*(.*?)\s*$")


def read_landmarks(path) -> LandmarkSet:
    """The points of an `.fcsv`; versions that name no coordinate system are RAS, as Slicer reads them.

    Raises
    ------
    FileError
        If it is not a point list, is in voxels (IJK), or repeats a name.
    """
    text = read_text(path)
    header = _header(text)
    if not ({"coordinatesystem", "columns"} & set(header)) and "fiducial" not in text[:200].lower():
        raise FileError(path, "is not a markups point list: it has no header", "Export it again from 3D Slicer")
    columns = [c.strip() for c in header.get("columns", ",".join(COLUMNS)).split(",")]
    missing = {"x", "y", "z", "label"} - set(columns)
    if missing:
        raise FileError(path, f"has no column {', '.join(sorted(missing))}", "Export it again from 3D Slicer")
    body = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    try:
        rows = list(csv.reader(io.StringIO("\n".join(body)), strict=True))
    except csv.Error as error:
        raise FileError(path, f"cannot be read as a table ({error})", "Export it again from 3D Slicer") from error
    if not rows:
        raise FileError(path, "holds no point", "Export it again from 3D Slicer")
    return landmark_set(path, [_markup(path, header, columns, rows)])


def _header(text: str) -> dict[str, str]:
    found = (_HEADER.match(line) for line in text.splitlines() if line.startswith("#"))
    return {m.group(1).strip().lower(): m.group(2) for m in found if m}


def _markup(path, header: dict, columns: list[str], rows: list[list[str]]) -> Markup:
    sign = sign_of(path, "CoordinateSystem", header.get("coordinatesystem", "RAS"))
    points, labels, descriptions = [], [], []
    for i, row in enumerate(rows):
        cells = dict(zip(columns, row, strict=False))
        points.append(_position(path, cells, i + 1))
        labels.append(cells.get("label") or f"point-{i + 1}")
        descriptions.append(cells.get("desc") or "")
    unit = "px" if header.get("coordinateunits", "mm") == "px" else "mm"
    planar = {"true": True, "false": False}.get(header.get("planar", ""))
    return Markup("Fiducial", "", np.array(points) * sign, tuple(labels), tuple(descriptions), unit, planar)


def _position(path, cells: dict, number: int) -> list[float]:
    try:
        position = [float(cells[axis]) for axis in "xyz"]
    except (KeyError, ValueError) as error:
        raise FileError(path, f"point {number} has no position", "Correct the file") from error
    if not all(isfinite(v) for v in position):
        raise FileError(path, f"point {number}: position is {position}", "Correct the file")
    return position


def write_landmarks(path, landmarks: LandmarkSet, *, image_name: str = "", spacing_mm=None) -> None:
    """Write an `.fcsv` in LPS; points without a position cannot be in it and are refused."""
    landmarks = landmarks if spacing_mm is None else landmarks.in_mm(spacing_mm)
    unknown = [n for n, p in zip(landmarks.names, landmarks.points, strict=True) if not np.isfinite(p).all()]
    if unknown:
        raise FileError(path, f"an .fcsv cannot hold points without a position: {', '.join(unknown)}",
                        "Save as .mrk.json or .csv")
    broken = [n for n in landmarks.names if "\n" in n or "\r" in n]
    if broken:
        raise FileError(path, f"an .fcsv cannot hold names with line breaks: {broken}", "Rename them")
    planar = landmarks.points.shape[1] == 2
    with replacing(path) as temporary, open(temporary, "w", newline="", encoding="utf-8") as file:
        file.write("# Markups fiducial file version = 4.11\n# CoordinateSystem = LPS\n")
        file.write(f"# coordinateUnits = {landmarks.unit}\n# planar = {str(planar).lower()}\n")
        file.write(f"# columns = {','.join(COLUMNS)}\n")
        writer = csv.writer(file, lineterminator="\n")
        for i, point in enumerate(lps_from_world(landmarks.points)):
            description = describe(landmarks.confidence[i], landmarks.detected[i])
            writer.writerow([i + 1, *(repr(float(v)) for v in point), 0, 0, 0, 1, 1, 1, 0, landmarks.names[i],
                             description, ""])
