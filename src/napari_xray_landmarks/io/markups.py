"""3D Slicer markups (`.mrk.json`): points as landmarks, curves as contours.

Positions are written as LPS millimetres. Those of a radiograph lie in the plane where 3D Slicer puts a film without a
position, (column, row, 0); where the spacing is unknown they are pixels, and `coordinateUnits` says so.
"""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from math import isfinite, nan

import numpy as np

from ..errors import FileError
from ..landmarks import Contour, LandmarkSet
from .files import read_text, replacing, stem
from .frames import RAS_FROM_LPS, lps_from_world, world_from_lps

SCHEMA = ("https://raw.githubusercontent.com/slicer/slicer/master/Modules/Loadable/Markups/Resources/Schema/"
          "markups-schema-v1.0.3.json#")
PIXELS = ["{pixels}", "UCUM", "pixels"]
_CURVES = ("Curve", "ClosedCurve")
_CONFIDENCE = re.compile(r"confidence\s*[=:]?\s*([0-9.eE+-]+)")
_NOT_DETECTED = "not detected"
_FLAT_MM = 1e-6
_OURS = "xrayLandmarks"


@dataclass(frozen=True, eq=False)
class Markup:
    """One markup of a file, its positions in LPS.

    Parameters
    ----------
    kind
        "Fiducial", "Curve", "ClosedCurve", "Line", ...
    name
        Displayed name, may be empty.
    points_lps : (N, 3) array
        NaN where a control point has no position.
    labels, descriptions
        One a control point.
    unit
        "mm" or "px".
    planar
        Whether the points lie on a radiograph; None where the file does not say.
    """

    kind: str
    name: str
    points_lps: np.ndarray
    labels: tuple[str, ...]
    descriptions: tuple[str, ...]
    unit: str = "mm"
    planar: bool | None = None


def describe(confidence: float, detected: bool) -> str:
    """A control point's description; inverse of `confidence_and_detected`."""
    parts = [f"confidence={float(confidence)!r}"] if isfinite(confidence) else []
    return "; ".join(parts + ([] if detected else [_NOT_DETECTED]))


def confidence_and_detected(description: str) -> tuple[float, bool]:
    """What `describe` wrote; (nan, True) for any other text."""
    found = _CONFIDENCE.search(description)
    try:
        confidence = float(found.group(1)) if found else nan
    except ValueError:
        confidence = nan
    return (confidence if 0 <= confidence <= 1 else nan), _NOT_DETECTED not in description


def read_landmarks(path) -> LandmarkSet:
    """All point lists of a `.mrk.json` as one set; 2D (row, column) where they lie on a radiograph.

    Raises
    ------
    FileError
        If the file holds no point list, repeats a name, or is damaged.
    """
    lists = [m for m in read_markups(path) if m.kind == "Fiducial"]
    if not lists:
        raise FileError(path, "holds no point list", "Curves are opened as contours")
    return landmark_set(path, lists)


def landmark_set(path, lists: list[Markup]) -> LandmarkSet:
    """The control points of `lists` as one set, in the file's order."""
    if len({m.unit for m in lists}) > 1:
        raise FileError(path, "mixes point lists in mm and in pixels", "Save them apart")
    labels = [label for m in lists for label in m.labels]
    twice = sorted({n for n in labels if labels.count(n) > 1})
    if twice:
        raise FileError(path, f"has landmarks twice: {', '.join(twice)}", "Give each point its own name")
    points_lps = np.concatenate([m.points_lps for m in lists])
    points = world_from_lps(points_lps, 2 if _is_planar(lists) else 3)
    values = [confidence_and_detected(d) for m in lists for d in m.descriptions]
    confidence = [confidence for confidence, _ in values]
    detected = np.array([detected for _, detected in values], dtype=bool) & np.isfinite(points).all(1)
    return LandmarkSet(labels, points, confidence, detected, lists[0].unit)


def _is_planar(markups: list[Markup]) -> bool:
    if any(m.planar is not None for m in markups):
        return all(m.planar for m in markups)
    third = np.concatenate([m.points_lps for m in markups])[:, 2]
    third = third[np.isfinite(third)]
    return third.size > 0 and bool((np.abs(third) <= _FLAT_MM).all())


def write_landmarks(path, landmarks: LandmarkSet, *, image_name: str = "", spacing_mm=None) -> None:
    """Write one point list; in pixels where neither the landmarks nor `spacing_mm` give millimetres."""
    landmarks = landmarks if spacing_mm is None else landmarks.in_mm(spacing_mm)
    descriptions = [describe(c, d) for c, d in zip(landmarks.confidence, landmarks.detected, strict=True)]
    write_markups(path, [_markup("Fiducial", image_name or stem(path), landmarks, landmarks.names, descriptions)])


def read_contours(path) -> list[Contour]:
    """The curves of a `.mrk.json`.

    Raises
    ------
    FileError
        If there is none, or one has too few points.
    """
    found = contours(path, read_markups(path))
    if not found:
        raise FileError(path, "holds no curve", "Point lists are opened as landmarks")
    return found


def contours(path, markups: Iterable[Markup]) -> list[Contour]:
    """The curves among some markups."""
    return [_contour(path, m) for m in markups if m.kind in _CURVES]


def _contour(path, curve: Markup) -> Contour:
    known = np.isfinite(curve.points_lps).all(1)
    values = [confidence_and_detected(d) for d, k in zip(curve.descriptions, known, strict=True) if k]
    confidence, found = np.array([c for c, _ in values]), all(detected for _, detected in values)
    points = world_from_lps(curve.points_lps[known], 2 if _is_planar([curve]) else 3)
    names = None if curve.labels == _numbered(curve.name, len(known)) else tuple(np.array(curve.labels)[known])
    try:
        return Contour(points, curve.name or "contour", curve.kind == "ClosedCurve", curve.unit,
                       None if np.isnan(confidence).all() else confidence, names, found)
    except ValueError as error:
        raise FileError(path, f"curve {curve.name!r}: {error}", "Draw it again") from error


def write_contours(path, outlines: Iterable[Contour], *, spacing_mm=None) -> None:
    """Write one (closed) curve a contour; inverse of `read_contours`."""
    write_markups(path, [curve(outline, spacing_mm) for outline in outlines])


def write_outlines(path, outlines: Iterable[Contour], centres: LandmarkSet, remarks: Iterable[str], *,
                   spacing_mm=None) -> None:
    """Write one (closed) curve a contour, and the point list "centres" where there is one.

    Parameters
    ----------
    path
    outlines
    centres
        Of the circles and ellipses among them, by name.
    remarks
        What stands in each centre's description behind the confidence, such as "radius=23.4 mm".
    spacing_mm
        (row, column), or None where all is to be written in pixels.
    """
    lists = [curve(outline, spacing_mm) for outline in outlines]
    if len(centres):
        points = centres if spacing_mm is None else centres.in_mm(spacing_mm)
        descriptions = ["; ".join(filter(None, (describe(c, d), remark)))
                        for c, d, remark in zip(points.confidence, points.detected, remarks, strict=True)]
        lists.append(_markup("Fiducial", "centres", points, points.names, descriptions))
    write_markups(path, lists)


def curve(contour: Contour, spacing_mm=None) -> Markup:
    """A contour as a curve whose control points are labelled by their landmarks, or by their number."""
    if spacing_mm is not None and contour.unit == "px":
        contour = replace(contour, points=contour.points * np.asarray(spacing_mm), unit="mm")
    confidence = [nan] * len(contour.points) if contour.confidence is None else contour.confidence
    labels = contour.names or _numbered(contour.name, len(contour.points))
    return _markup("ClosedCurve" if contour.closed else "Curve", contour.name, contour, labels,
                   [describe(c, contour.found) for c in confidence])


def _numbered(name: str, count: int) -> tuple[str, ...]:
    return tuple(f"{name or 'point'}-{i + 1}" for i in range(count))


def _markup(kind: str, name: str, shape: LandmarkSet | Contour, labels, descriptions) -> Markup:
    return Markup(kind, name, lps_from_world(shape.points), tuple(labels), tuple(descriptions), shape.unit,
                  shape.points.shape[1] == 2)


def write_markups(path, markups: Iterable[Markup]) -> None:
    """Write a `.mrk.json` by 3D Slicer's schema, coordinate system LPS."""
    document = {"@schema": SCHEMA, "markups": [_markup_json(m) for m in markups]}
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(document, indent=1, allow_nan=False, ensure_ascii=False), encoding="utf-8")


def _markup_json(markup: Markup) -> dict:
    points = zip(markup.points_lps, markup.labels, markup.descriptions, strict=True)
    return {
        "type": markup.kind,
        "name": markup.name,
        "coordinateSystem": "LPS",
        "coordinateUnits": "mm" if markup.unit == "mm" else PIXELS,
        "locked": False,
        "labelFormat": "%N-%d",
        _OURS: {"planar": bool(markup.planar)},
        "controlPoints": [
            {
                "id": str(i + 1),
                "label": label,
                "description": description,
                "position": [float(v) for v in point] if np.isfinite(point).all() else [0.0, 0.0, 0.0],
                "selected": True,
                "locked": False,
                "visibility": True,
                "positionStatus": "defined" if np.isfinite(point).all() else "undefined",
            }
            for i, (point, label, description) in enumerate(points)
        ],
    }


def read_markups(path) -> list[Markup]:
    """Every markup of a `.mrk.json`, LPS or RAS.

    Raises
    ------
    FileError
        If it is not Slicer's JSON, or a position, unit or coordinate system cannot be understood.
    """
    text = read_text(path)
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise FileError(path, f"is not JSON ({error})", "Export it again from 3D Slicer") from error
    entries = document.get("markups") if isinstance(document, dict) else None
    if not isinstance(entries, list) or not entries or not all(isinstance(e, dict) for e in entries):
        raise FileError(path, "is not a markups file: it has no list 'markups'", "Export it again from 3D Slicer")
    return [_read_markup(path, entry, i) for i, entry in enumerate(entries)]


def _read_markup(path, entry: dict, index: int) -> Markup:
    name = str(entry.get("name") or "")
    unit, factor = _unit(path, entry.get("coordinateUnits", "mm"))
    sign = sign_of(path, "coordinateSystem", entry.get("coordinateSystem", "LPS"))
    controls = entry.get("controlPoints") or []
    if not isinstance(controls, list) or not all(isinstance(c, dict) for c in controls):
        raise FileError(path, f"markup {index + 1}: 'controlPoints' is not a list of points", "Export it again")
    positions = [_position(path, c, f"markup {index + 1}, point {i + 1}") for i, c in enumerate(controls)]
    points = np.array(positions, dtype=float).reshape(-1, 3) * sign * factor
    labels = tuple(str(c.get("label") or "") or f"{name or 'point'}-{i + 1}" for i, c in enumerate(controls))
    ours = entry.get(_OURS)
    planar = ours.get("planar") if isinstance(ours, dict) else None
    planar = planar if isinstance(planar, bool) else None
    if planar and (np.abs(points[np.isfinite(points).all(1), 2]) > _FLAT_MM).any():
        planar = False
    descriptions = tuple(str(c.get("description") or "") for c in controls)
    return Markup(str(entry.get("type", "Fiducial")), name, points, labels, descriptions, unit, planar)


def _position(path, control: dict, where: str) -> list[float]:
    if control.get("positionStatus", "defined") not in ("defined", "preview"):
        return [nan, nan, nan]
    position = control.get("position")
    numbers = isinstance(position, list) and len(position) == 3 and all(
        isinstance(v, int | float) and not isinstance(v, bool) for v in position)
    try:
        if numbers and all(isfinite(v) for v in position):
            return [float(v) for v in position]
    except OverflowError:
        pass
    raise FileError(path, f"{where}: position is {str(position)[:80]}, not three finite numbers", "Correct the file")


def _unit(path, unit) -> tuple[str, float]:
    code = unit[0] if isinstance(unit, list) and unit else unit
    known = {"mm": ("mm", 1.0), "um": ("mm", 1e-3), "cm": ("mm", 10.0), "m": ("mm", 1000.0), PIXELS[0]: ("px", 1.0)}
    if not isinstance(code, str) or code not in known:
        raise FileError(path, f"coordinateUnits is {unit!r}", "Save it in mm")
    return known[code]


def sign_of(path, key: str, system) -> np.ndarray:
    """(3,) signs that take positions in a file's coordinate system to LPS; FileError where it is another one."""
    known = {"LPS": np.ones(3), "1": np.ones(3), "RAS": RAS_FROM_LPS, "0": RAS_FROM_LPS}
    if str(system).upper() not in known:
        raise FileError(path, f"{key} is {system!r}", "Save it as LPS or RAS")
    return known[str(system).upper()]
