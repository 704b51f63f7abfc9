"""Vertebral corners in the window: the curves of a Points layer, and the layers that show them."""

import numpy as np

from ..errors import InputError
from ..landmarks import LandmarkSet
from ..spine.cobb import CURVES, Curvature, measure
from ..spine.drawing import draw, outlines
from ..spine.masks import vertebrae_of_labels
from ..spine.uncertainty import with_confidences
from ..spine.vertebrae import BY_COUNT, Vertebrae, corner_of, has_corners, landmarks_of, vertebrae_of
from .films import frame_of, note, our_metadata, set_frame, spacing_of, world_from_data
from .marks import landmarks_layer, point_names
from .results import layer_id, results_of

LINES, BODIES = "cobb lines", "vertebrae"
COLOURS = dict(zip(CURVES, ("#56b4e9", "#e69f00", "#00c896"), strict=True))
PLAIN = "#cc79a7"
CLEAR = "#00000000"
LINE_WIDTH = 0.05  # of an endplate's length
TEXT_SIZE = 12


def why_not_corners(layer) -> str | None:
    """Why a layer cannot hold vertebral corners; "" for layers that are no points at all, None where it can."""
    if type(layer).__name__ != "Points":
        return ""
    if layer.ndim != 2:
        return f"{layer.ndim}D points, not those of a film"
    if not has_corners(_names(layer)):
        return "no vertebral corners: they are called T1-top-left ..., or are 68 or 72 in order"
    return None


def why_not_labels(layer) -> str | None:
    """Why a layer cannot hold the masks of vertebrae; "" where it is no Labels layer, None where it can."""
    if type(layer).__name__ != "Labels":
        return ""
    return None if layer.ndim == 2 else f"{layer.ndim}D labels, not those of a film"


def vertebrae_in(layer) -> Vertebrae:
    """The vertebral bodies that a Points layer's corners give; those that cannot be are left out with a note.

    Raises
    ------
    InputError
        If they are no spine.
    """
    landmarks = corners_in(layer)
    spacing = spacing_of(layer) or _scale(layer)
    found = vertebrae_of(landmarks, spacing_mm=spacing, subject=layer.name, lenient=True)
    return with_confidences(found, landmarks)


def curves_in(layer) -> Curvature:
    """PT, MT and TL/L of a Points layer; raises as `vertebrae_in`."""
    return measure(vertebrae_in(layer))


def corners_in(layer) -> LandmarkSet:
    """The landmarks of a Points layer in its own data coordinates."""
    points, count = np.array(layer.data, dtype=float), len(layer.data)
    shown = np.broadcast_to(np.asarray(layer.shown, dtype=bool), count)
    points[~shown] = np.nan
    confidence = np.array(layer.features["confidence"], float) if "confidence" in layer.features else None
    detected = np.array(layer.features["detected"], bool) if "detected" in layer.features else np.ones(count, bool)
    try:
        return LandmarkSet(_names(layer), points, confidence, detected & shown)
    except ValueError as error:
        raise InputError(layer.name, str(error), "Rename them in the layer's features") from error


def show_lines(viewer, layer, curvature: Curvature):
    """Draw the curves of a Points layer over it, in the layer that is there or a new one."""
    shapes, kinds, colours, texts = [], [], [], []
    for drawing in draw(curvature):
        shapes += [*drawing.endplates, *drawing.perpendiculars, drawing.arc, drawing.text_at + [[0, 0], [0, 1e-3]]]
        kinds += ["line"] * 4 + ["path", "line"]
        colours += [COLOURS[drawing.curve.name]] * 5 + [CLEAR]
        texts += [""] * 5 + [drawing.text]
    return _show(viewer, layer, LINES, "Cobb angles", curvature.vertebrae, (shapes, kinds, colours, texts))


def show_bodies(viewer, layer, curvature: Curvature):
    """Draw the vertebral bodies of a Points layer, end vertebrae in the colour of their curve."""
    vertebrae = curvature.vertebrae
    colours = dict.fromkeys(vertebrae.levels, PLAIN)
    for curve in curvature.curves:
        colours |= {level: COLOURS[curve.name] for level in (curve.upper, curve.lower) if curve.there}
    shapes = list(outlines(vertebrae))
    drawn = shapes, ["polygon"] * len(shapes), list(colours.values()), list(vertebrae.levels)
    return _show(viewer, layer, BODIES, "vertebrae", vertebrae, drawn)


def outline_bodies(viewer, layer) -> None:
    """Draw the vertebral bodies of landmarks that were just found; nothing where they are no spine."""
    if why_not_corners(layer) is None and any(corner_of(name) for name in _names(layer)):
        try:
            show_bodies(viewer, layer, curves_in(layer))
        except InputError:
            hide(viewer, layer, BODIES)


def hide(viewer, layer, kind: str) -> None:
    """Take away what was drawn for a Points layer."""
    for shown in results_of(viewer, layer, kind):
        viewer.layers.remove(shown)


def place(viewer, layer) -> None:
    """Bring what was drawn for a Points layer into its frame as it is now."""
    for kind in (LINES, BODIES):
        for shown in results_of(viewer, layer, kind):
            set_frame(shown, layer)


def corners_of_labels(viewer, labels):
    """Add the corners of the vertebral bodies in a 2D Labels layer as a Points layer in its frame.

    Raises
    ------
    InputError
        If the bodies cannot be found or named.
    """
    vertebrae = vertebrae_of_labels(np.asarray(labels.data), subject=labels.name, spacing_mm=spacing_of(labels))
    data, attributes, _ = landmarks_layer(landmarks_of(vertebrae), f"{labels.name} · corners")
    attributes |= frame_of(labels)
    layer = viewer.add_points(data, **attributes)
    note(layer, kind="corners", source=labels.name, source_id=layer_id(labels), notes=list(vertebrae.notes))
    return layer


def corners_of_levels(layer, levels) -> set[int]:
    """Which points of a layer are corners of these vertebrae."""
    names = _names(layer)
    places = [corner_of(name) for name in names]
    if not any(places):
        places = [(level, 0) for level in BY_COUNT[len(names)] for _ in range(4)]
    return {i for i, found in enumerate(places) if found and found[0] in levels}


def _show(viewer, layer, kind: str, title: str, vertebrae: Vertebrae, drawn):
    shapes, kinds, colours, texts = drawn
    existing = results_of(viewer, layer, kind)
    if not shapes:
        hide(viewer, layer, kind)
        return None
    if existing and len(existing[-1].data) != len(shapes):
        hide(viewer, layer, kind)
        existing = []
    features = {"label": np.array(texts, dtype=object)}
    if existing:
        _update(existing[-1], shapes, colours, features)
        if not np.array_equal(world_from_data(existing[-1]), world_from_data(layer)):
            set_frame(existing[-1], layer)
        return existing[-1]
    active = viewer.layers.selection.active
    width = LINE_WIDTH * vertebrae.width / float(np.mean(vertebrae.spacing))
    text = {"string": "{label}", "size": TEXT_SIZE if kind == LINES else TEXT_SIZE - 3, "anchor": "center",
            "color": _text_colours(colours)}
    shown = viewer.add_shapes(shapes, shape_type=kinds, edge_color=colours, face_color="transparent", edge_width=width,
                              name=f"{_title(layer)} · {title}", features=features, text=text, **frame_of(layer))
    note(shown, kind=kind, source=layer.name, source_id=layer_id(layer), colours=colours)
    _below(viewer, shown, layer)
    viewer.layers.selection.active = active
    return shown


def _update(shown, shapes, colours: list[str], features) -> None:
    """Bring a drawing up to date; what stays as it is costs nothing, since this runs while a corner is dragged."""
    moved = [i for i, (old, new) in enumerate(zip(shown.data, shapes, strict=True)) if not np.array_equal(old, new)]
    if moved:
        for i in moved:  # napari has no public way to move one shape; its own tools do it so
            shown._data_view.edit(i, np.asarray(shapes[i], dtype=float))
        shown.refresh()
    if list(shown.features["label"]) != list(features["label"]):
        shown.features = features
    if our_metadata(shown).get("colours") != colours:
        shown.edge_color = colours
        shown.text.color = _text_colours(colours)
        note(shown, colours=colours)


def _text_colours(colours: list[str]) -> list[str]:
    """A text's colour: that of the shape before it where its own shape is clear."""
    return [before if own == CLEAR else own for own, before in zip(colours, [PLAIN, *colours], strict=False)]


def _below(viewer, shown, layer) -> None:
    """Let the corners stay on top, so that they can be dragged."""
    at, of = viewer.layers.index(shown), viewer.layers.index(layer)
    if at > of:
        viewer.layers.move(at, of)


def _title(layer) -> str:
    return layer.name.partition(" · ")[0]


def _names(layer) -> tuple[str, ...]:
    return point_names({"features": layer.features}, len(layer.data))


def _scale(layer) -> tuple[float, float]:
    return tuple(float(abs(s)) for s in layer.scale[-2:])
