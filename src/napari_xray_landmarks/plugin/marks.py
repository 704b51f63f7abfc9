"""Landmarks and contours to layer data tuples and back (no napari import): features, frames, units."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ..errors import InputError
from ..landmarks import Contour, LandmarkSet
from .frames import (
    KEY,
    LayerData,
    layer_name,
    metadata_of,
    mm_from_data,
    mm_per_unit,
    spacing_of,
    transformed,
    world_from_data,
)
from .styles import CLEAR, CONFIDENCE_COLORMAP, LandmarkStyle, symbols

FILM_AXES, VOLUME_AXES = ("row", "column"), ("superior", "posterior", "left")
_ELLIPSE_POINTS = 64
PLAIN = "#ffe08a"


def landmarks_layer(landmarks: LandmarkSet, name: str, *, spacing_mm=None, notes: dict | None = None) -> LayerData:
    """Landmarks as a Points layer: names as text, confidence as colour.

    Parameters
    ----------
    landmarks
        In px, shown at `spacing_mm` where that is known, or in mm of the world.
    name
        The layer's.
    spacing_mm
        (row, column) spacing of their image.
    notes
        Further facts for the layer's metadata, such as the file.
    """
    ndim = landmarks.points.shape[1]
    known = np.isfinite(landmarks.points).all(1)
    points = np.where(known[:, None], landmarks.points, 0.0)
    in_mm = landmarks.unit == "mm" or spacing_mm is not None
    style = LandmarkStyle().layer_kwargs(_extent(points[known]))
    style["text"] = {**style["text"], "translation": [0.0] * ndim}
    if not np.isfinite(landmarks.confidence).any() or np.isfinite(landmarks.confidence[~known]).any():
        style["face_color"] = [_colour(c) if k else CLEAR for k, c in zip(known, landmarks.confidence, strict=True)]
        style.pop("face_colormap"), style.pop("face_contrast_limits")
    style["border_color"] = [style["border_color"] if k else CLEAR for k in known]
    attributes = {
        "name": name,
        **_shape_frame(ndim, landmarks.unit, spacing_mm),
        "features": {"name": np.array(landmarks.names, dtype=object), "confidence": np.array(landmarks.confidence),
                     "detected": np.array(landmarks.detected)},
        "symbol": symbols(landmarks.detected),
        "shown": known,
        "metadata": {KEY: {"pixels": landmarks.unit == "px", "in_mm": in_mm, **(notes or {})}},
        **style,
    }
    if not len(landmarks):
        for key in ("features", "symbol", "shown", "text", "border_color", "face_color"):
            attributes.pop(key)
    return points, attributes, "points"


def _colour(confidence: float):
    if not np.isfinite(confidence):
        return PLAIN
    from matplotlib import colormaps

    return colormaps[CONFIDENCE_COLORMAP](float(confidence))


def _shape_frame(ndim: int, unit: str, spacing_mm) -> dict:
    in_mm = unit == "mm" or spacing_mm is not None
    scale = tuple(float(s) for s in spacing_mm) if unit == "px" and spacing_mm is not None else (1.0,) * ndim
    return {"scale": scale, "units": ("mm" if in_mm else "pixel",) * ndim,
            "axis_labels": FILM_AXES if ndim == 2 else VOLUME_AXES}


def _extent(points: np.ndarray) -> tuple[float, float]:
    """Height and width of an image in which these points may lie; a volume's are laid flat."""
    if len(points) < 2:
        return 400.0, 400.0
    size = np.maximum(1.5 * np.ptp(points, axis=0), 1.0)
    return float(size[0]), float(np.linalg.norm(size[1:]))


def landmarks_in_world(data, attributes: dict) -> LandmarkSet:
    """The landmarks of a Points layer in its world, mm where the units are lengths, as the user left them.

    Raises
    ------
    InputError
        If names repeat or the layer is neither 2D nor 3D.
    """
    points = _points(data, attributes)
    ndim = points.shape[1]
    matrix = mm_from_data(attributes, ndim)
    unit = "px" if matrix is None else "mm"
    matrix = world_from_data(attributes, ndim) if matrix is None else matrix
    return _landmark_set(transformed(matrix, points), attributes, unit)


def landmarks_in_pixels(data, attributes: dict, *, world_from_image=None) -> tuple[LandmarkSet, tuple | None]:
    """The landmarks of a 2D Points layer in its image's pixels, and the image's spacing in mm where it is known.

    Parameters
    ----------
    data, attributes
        As `layer.as_layer_data_tuple()` gives them.
    world_from_image : (3, 3) array
        The image layer's own affine. Without it, a layer that we made is taken to lie in its image's frame, and any
        other one's image to lie at the world's origin with the layer's own spacing.

    Raises
    ------
    InputError
        If the layer is not 2D, names repeat, or the pixels cannot be known.
    """
    points = _points(data, attributes)
    if points.shape[1] != 2:
        raise InputError(layer_name(attributes), "holds 3D points, which have no pixel of a radiograph",
                         "Save them as .mrk.json")
    return (_landmark_set(_in_pixels(points, attributes, world_from_image), attributes, "px"),
            _spacing_mm(attributes, world_from_image))


def _in_pixels(points, attributes: dict, world_from_image) -> np.ndarray:
    notes = metadata_of(attributes)
    world_from_points = world_from_data(attributes, 2)
    if world_from_image is None:
        if notes.get("pixels") is False:
            raise InputError(layer_name(attributes), "holds points in mm, and the spacing of their image is not known",
                             "Save them as .mrk.json")
        if "source" in notes:
            return np.asarray(points, dtype=float)
        world_from_image = np.diag([*spacing_of(world_from_points), 1.0])
    return transformed(np.linalg.inv(world_from_image) @ world_from_points, points)


def _spacing_mm(attributes: dict, world_from_image) -> tuple[float, float] | None:
    factors = mm_per_unit(attributes, 2)
    if factors is None:
        return None
    matrix = world_from_data(attributes, 2) if world_from_image is None else np.asarray(world_from_image)
    spacing = spacing_of(np.diag([*factors, 1.0]) @ matrix)
    return tuple(float(s) for s in spacing)


def _points(data, attributes: dict) -> np.ndarray:
    points = np.array(data, dtype=float) if len(data) else np.empty((0, int(attributes.get("ndim", 2))))
    if points.shape[1] not in (2, 3):
        raise InputError(layer_name(attributes), f"holds {points.shape[1]}D points", "Use 2D or 3D points")
    shown = np.broadcast_to(np.asarray(attributes.get("shown", True), dtype=bool), len(points))
    points[~shown & ~_column(attributes, "detected", True, len(points)).astype(bool)] = np.nan
    return points


def _landmark_set(points: np.ndarray, attributes: dict, unit: str) -> LandmarkSet:
    confidence = _column(attributes, "confidence", np.nan, len(points)).astype(float)
    detected = _column(attributes, "detected", True, len(points)).astype(bool)
    names = point_names(attributes, len(points))
    try:
        return LandmarkSet(names, points, np.where((confidence >= 0) & (confidence <= 1), confidence, np.nan), detected,
                           unit)
    except ValueError as error:
        raise InputError(layer_name(attributes), str(error), "Rename them in the layer's features") from error


def point_names(attributes: dict, count: int) -> tuple[str, ...]:
    """The feature "name" (or "label") of each point; points without one are called by their number."""
    features = attributes.get("features")
    key = next((k for k in ("name", "label") if features is not None and k in features), None)
    given = [None] * count if key is None else list(features[key])[:count]
    texts = ["" if g is None or (isinstance(g, float) and np.isnan(g)) else str(g) for g in given]
    return tuple(text or f"point-{i + 1}" for i, text in enumerate(texts))


def _column(attributes: dict, key: str, fill, count: int) -> np.ndarray:
    features = attributes.get("features")
    values = list(features[key]) if features is not None and key in features else []
    values = [fill if v is None or (isinstance(v, float) and np.isnan(v)) else v for v in values[:count]]
    return np.array([*values, *[fill] * (count - len(values))], dtype=object)


def contours_layer(contours: Sequence[Contour], name: str, *, spacing_mm=None, notes: dict | None = None) -> LayerData:
    """Outlines as a Shapes layer: closed ones as polygons, open ones as paths."""
    ndim = contours[0].points.shape[1] if contours else 2
    return [np.array(c.points) for c in contours], {
        "name": name,
        **_shape_frame(ndim, contours[0].unit if contours else "px", spacing_mm),
        "shape_type": ["polygon" if c.closed else "path" for c in contours],
        "features": {"name": np.array([c.name for c in contours], dtype=object),
                     "found": np.array([c.found for c in contours])},
        "face_color": "transparent",
        "edge_color": "#ffe08a",
        "edge_width": max(0.5, 0.003 * float(np.linalg.norm(_extent(np.concatenate([c.points for c in contours]))))
                          ) if contours else 1.0,
        "metadata": {KEY: {"pixels": bool(contours) and contours[0].unit == "px", "vertices": vertex_notes(contours),
                           **(notes or {})}},
    }, "shapes"


def vertex_notes(contours: Sequence[Contour]) -> dict:
    """What is known of each outline's vertices, which a Shapes layer has no place for: by the outline's name."""
    return {c.name: {"names": c.names, "confidence": None if c.confidence is None else np.array(c.confidence)}
            for c in contours if c.names is not None or c.confidence is not None}


def contours_in_world(data, attributes: dict) -> list[Contour]:
    """The outlines of a Shapes layer in its world, as the user left them."""
    found = []
    for contour in _contours(data, attributes):
        ndim = contour.points.shape[1]
        matrix = mm_from_data(attributes, ndim)
        unit = "px" if matrix is None else "mm"
        matrix = world_from_data(attributes, ndim) if matrix is None else matrix
        found.append(replace(contour, points=transformed(matrix, contour.points), unit=unit))
    return found


def circles_in_world(data, attributes: dict) -> list:
    """The numbers (`shape.measures.Measures`) of the circles and ellipses of a 2D Shapes layer, in its world."""
    from ..shape.measures import ellipse_measures

    matrix = mm_from_data(attributes, 2)
    unit = "px" if matrix is None else "mm"
    matrix = world_from_data(attributes, 2) if matrix is None else matrix
    names, kinds, found = _about_shapes(data, attributes)
    sure = _column(attributes, "confidence", np.nan, len(data)).astype(float)
    circles = []
    for corners, name, kind, is_found, confidence in zip(data, names, kinds, found, sure, strict=True):
        corners = transformed(matrix, corners) if kind == "ellipse" and np.shape(corners)[1] == 2 else ()
        if len(corners):
            half = np.array([corners[1] - corners[0], corners[3] - corners[0]]).T / 2
            circles.append(ellipse_measures(name, corners.mean(0), half, unit, found=is_found, confidence=confidence))
    return circles


def _about_shapes(data, attributes: dict) -> tuple[list[str], list[str], list[bool]]:
    """Name and kind of each shape, and whether it was found."""
    kinds = attributes.get("shape_type", "polygon")
    kinds = [str(k) for k in ([kinds] * len(data) if isinstance(kinds, str) else kinds)]
    names = [f"contour-{n[6:]}" if n.startswith("point-") else n for n in point_names(attributes, len(data))]
    return names, kinds, [bool(f) for f in _column(attributes, "found", True, len(data))]


def contours_in_pixels(data, attributes: dict, *, world_from_image=None) -> tuple[list[Contour], tuple | None]:
    """The outlines of a 2D Shapes layer in its image's pixels; as `landmarks_in_pixels`."""
    contours = _contours(data, attributes)
    if any(c.points.shape[1] != 2 for c in contours):
        raise InputError(layer_name(attributes), "holds 3D shapes, which have no pixel of a radiograph",
                         "Save them as .mrk.json")
    return ([replace(c, points=_in_pixels(c.points, attributes, world_from_image)) for c in contours],
            _spacing_mm(attributes, world_from_image))


def _contours(data, attributes: dict) -> list[Contour]:
    notes = metadata_of(attributes).get("vertices") or {}
    found = []
    for vertices, name, kind, is_found in zip(data, *_about_shapes(data, attributes), strict=True):
        vertices = np.asarray(vertices, dtype=float)
        if kind == "ellipse":
            vertices = _ellipse(vertices)
        own = {key: value for key, value in (notes.get(name) or {}).items() if np.shape(value) == (len(vertices),)}
        try:
            found.append(Contour(vertices, name, kind not in ("path", "line"), found=is_found, **own))
        except ValueError as error:
            raise InputError(layer_name(attributes), f"{name}: {error}", "Draw it with more points") from error
    return found


def _ellipse(corners: np.ndarray) -> np.ndarray:
    """Vertices on the ellipse that napari draws in a box of four corners."""
    centre, half_1, half_2 = corners.mean(0), (corners[1] - corners[0]) / 2, (corners[3] - corners[0]) / 2
    angles = np.linspace(0, 2 * np.pi, _ELLIPSE_POINTS, endpoint=False)[:, None]
    return centre + np.cos(angles) * half_1 + np.sin(angles) * half_2
