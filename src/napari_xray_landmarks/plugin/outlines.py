"""Outlines as ordinary layers: contours and circles, their vertices, and a label image; updated in place."""

from dataclasses import asdict, replace

import numpy as np

from .. import __version__
from ..landmarks import LandmarkSet
from ..shape.measures import outlying
from ..shape.segmentation import HeadCircle, Segmentation
from .films import film_of, frame_of, note, our_metadata, spacing_of
from .labels import keep_readable, names_of
from .marks import vertex_notes
from .reshaping import vertex_names, vertices_of
from .results import layer_id, mark_placed, results_of, update_landmarks
from .styles import HEAD, NOT_FOUND, ColourBy, ContourStyle, LandmarkStyle, outline_colour, symbols

CONTOUR, VERTICES, LABELS = "contour", "vertices", "labels"


def contour_of(viewer, image):
    """The Shapes layer with an image's outlines, or None."""
    return _last(results_of(viewer, image, CONTOUR))


def vertices_layer_of(viewer, image):
    """The Points layer with the vertices of an image's outlines, or None."""
    return _last(results_of(viewer, image, VERTICES))


def labels_of(viewer, image):
    """The Labels layer of an image's outlines, or None."""
    return _last(results_of(viewer, image, LABELS))


def _last(layers: list):
    return layers[-1] if layers else None


def show_segmentation(viewer, image, segmentation: Segmentation, *, model: str, version: str, settings) -> None:
    """Put outlines over an image, into the layers that are there or new ones; what no longer exists is removed."""
    facts = {"source": image.name, "source_id": layer_id(image), "model": model, "model_version": version,
             "settings": asdict(settings), "package_version": __version__}
    contour, vertices = contour_of(viewer, image), vertices_layer_of(viewer, image)
    names = list(segmentation.names)
    if contour is not None and list(contour.features["name"]) != names:
        viewer.layers.remove(contour)
        contour = None
    if vertices is not None and names_of(vertices) != vertex_names(segmentation):
        viewer.layers.remove(vertices)
        vertices = None
    if names and contour is None:
        contour = _add_contour(viewer, image, segmentation)
    if segmentation.bones and vertices is None:
        vertices = _add_vertices(viewer, image, segmentation)
    for layer, kind in ((contour, CONTOUR), (vertices, VERTICES)):
        if layer is not None:
            note(layer, kind=kind, **facts)
    update_segmentation(viewer, image, segmentation)


def update_segmentation(viewer, image, segmentation: Segmentation, by_hand=()) -> None:
    """Move an image's outlines and vertices in place; widths, sizes and colours that a user chose stay.

    Parameters
    ----------
    segmentation
        With the bones and circles that the layers have.
    by_hand
        Names of vertices that a user placed: they are not touched.
    """
    contour, vertices = contour_of(viewer, image), vertices_layer_of(viewer, image)
    spacing = spacing_of(image)
    if contour is not None and len(contour.data) == len(segmentation.bones) + len(segmentation.circles):
        contour.data = _shapes(segmentation)
        contour.features = _shape_features(segmentation, spacing)
        _colour_found(contour, segmentation)
        kept = [replace(b.contour, name=name, names=b.names)
                for b, name in zip(segmentation.bones, segmentation.names, strict=False)]
        note(contour, vertices=vertex_notes(kept), placed_px=[np.array(b.points_px) for b in segmentation.bones])
    if vertices is not None and len(vertices.data) == len(vertex_names(segmentation)):
        marks = vertices_set(segmentation)
        features = vertex_features(segmentation, spacing)
        vertices.features = vertices.features.assign(**{c: features[c].to_numpy() for c in features})
        update_landmarks(vertices, marks, by_hand, keep=[marks.names.index(n) for n in by_hand if n in marks.names])


def vertices_set(segmentation: Segmentation) -> LandmarkSet:
    """The vertices of all bones as landmarks, in px."""
    names = vertex_names(segmentation)
    if not names:
        return LandmarkSet((), np.empty((0, 2)))
    confidence = [np.full(len(b.names), b.confidence) if b.contour.confidence is None else b.contour.confidence
                  for b in segmentation.bones]
    found = np.repeat([b.found for b in segmentation.bones], [len(b.names) for b in segmentation.bones])
    return LandmarkSet(names, np.concatenate([b.points_px for b in segmentation.bones]), np.concatenate(confidence),
                       found)


def vertex_features(segmentation: Segmentation, spacing):
    """A row a vertex: landmark number, name, bone, confidence, displacement and outlier in mm (or px)."""
    import pandas as pd

    marks, scale = vertices_set(segmentation), np.asarray(spacing or (1.0, 1.0))
    size = float(np.sqrt(scale.prod()))
    bones = segmentation.bones
    off = [np.zeros(len(b.names)) if b.outlier_px is None else size * b.outlier_px for b in bones]
    return pd.DataFrame({
        "number": [i + 1 for bone in bones for i in range(len(bone.names))],
        "name": list(marks.names),
        "bone": [bone.bone for bone in bones for _ in bone.names],
        "confidence": np.array(marks.confidence),
        "detected": np.array(marks.detected),
        "displacement": np.concatenate([np.linalg.norm(b.displacement_px * scale, axis=1) for b in bones]),
        "outlier": np.concatenate(off),
        "is_outlier": np.concatenate([outlying(b) for b in bones]),
    })


def colour_vertices(layer, by: ColourBy) -> float:
    """Colour the vertices by one of their features; the value at the end of the colours."""
    values = np.asarray(layer.features[by.column], dtype=float)
    top = by.top or max(float(np.nanmax(values, initial=0.0)), 1e-3)
    if our_metadata(layer).get("coloured_by") != by.column:
        layer.face_color = by.column
        layer.face_colormap = by.colormap
        note(layer, coloured_by=by.column)
    if layer.face_contrast_limits != (0.0, top):
        layer.face_contrast_limits = (0.0, top)
    return top


def show_labels(viewer, image, labels: np.ndarray) -> None:
    """Put a label image in the image's frame below the outlines, into the layer that is there or a new one."""
    layer = labels_of(viewer, image)
    if layer is not None:
        layer.data = labels
        return
    active = viewer.layers.selection.active
    layer = viewer.add_labels(labels, name=f"{image.name} · labels", opacity=0.35, **frame_of(image))
    note(layer, kind=LABELS, source=image.name, source_id=layer_id(image))
    viewer.layers.move(viewer.layers.index(layer), viewer.layers.index(image) + 1)
    viewer.layers.selection.active = active


def _shapes(segmentation: Segmentation) -> list:
    polygons = [(np.array(bone.points_px), "polygon") for bone in segmentation.bones]
    return polygons + [(_box(circle), "ellipse") for circle in segmentation.circles]


def _box(circle: HeadCircle) -> np.ndarray:
    """(4, 2) corners of the box around an ellipse, by which napari knows it."""
    turn = np.deg2rad(circle.angle_deg)
    along = circle.semi_axes_px[0] * np.array([np.cos(turn), np.sin(turn)])
    across = circle.semi_axes_px[1] * np.array([-np.sin(turn), np.cos(turn)])
    return np.asarray(circle.centre_px) + np.array([-along - across, along - across, along + across, across - along])


def _shape_features(segmentation: Segmentation, spacing):
    """A row a shape: what it is, the numbers of a circle, and what stands beside it."""
    import pandas as pd

    from ..shape.measures import measures

    rows = measures(segmentation, spacing)
    texts = ["not found" if not m.found else "" if m.kind == "contour" else f"r = {m.radius:.1f} {m.unit}"
             for m in rows]
    unit = rows[0].unit if rows else "px"
    return pd.DataFrame({
        "name": [m.structure for m in rows], "view": [m.view for m in rows],
        "confidence": [m.confidence for m in rows], "found": [m.found for m in rows],
        f"centre_row_{unit}": [m.centre[0] for m in rows], f"centre_column_{unit}": [m.centre[1] for m in rows],
        f"radius_{unit}": [m.radius for m in rows], "text": texts,
    })


def _colours(segmentation: Segmentation) -> list[str]:
    return [outline_colour(bone.bone, bone.found) for bone in segmentation.bones] + [
        HEAD if circle.found else NOT_FOUND for circle in segmentation.circles]


def _colour_found(layer, segmentation: Segmentation) -> None:
    """Turn outlines grey, or their own colour again, where what is known of them changed."""
    found = [part.found for part in (*segmentation.bones, *segmentation.circles)]
    if our_metadata(layer).get("found") != found:
        if "found" in our_metadata(layer):
            layer.edge_color = _colours(segmentation)
        note(layer, found=found)


def _add_contour(viewer, image, segmentation: Segmentation):
    style, shape = ContourStyle(), film_of(image).shape
    shapes, colours = _shapes(segmentation), _colours(segmentation)
    return viewer.add_shapes(
        [data for data, _ in shapes], shape_type=[kind for _, kind in shapes], name=f"{image.name} · contour",
        features=_shape_features(segmentation, spacing_of(image)), edge_color=colours, face_color="transparent",
        edge_width=style.width_px(shape), opacity=1.0,
        text={"string": "{text}", "size": style.text_size, "color": HEAD, "anchor": "center"}, **frame_of(image))


def _add_vertices(viewer, image, segmentation: Segmentation):
    marks, shape = vertices_set(segmentation), film_of(image).shape
    style = LandmarkStyle().layer_kwargs(shape)
    gaps = [np.linalg.norm(np.roll(b.points_px, -1, axis=0) - b.points_px, axis=1) for b in segmentation.bones]
    style["size"] = min(style["size"], max(1.0, 0.7 * float(np.median(np.concatenate(gaps)))))
    style["canvas_size_limits"] = (6, 16)
    style["text"] = {**style["text"], "visible": False}
    layer = viewer.add_points(
        np.array(marks.points), name=f"{image.name} · vertices", symbol=symbols(marks.detected),
        features=vertex_features(segmentation, spacing_of(image)), shown=np.ones(len(marks), bool), **style,
        **frame_of(image))
    keep_readable(viewer, layer)
    mark_placed(layer)
    return layer


def bone_of_vertex(segmentation: Segmentation, name: str) -> int:
    """Number of the bone that a vertex belongs to."""
    index = vertex_names(segmentation).index(name)
    return next(n for n in range(len(segmentation.bones)) if index < vertices_of(segmentation, n).stop)
