"""A film's pose in the window: kept with the film's layer, and shown as rendering, edges, projections and residuals."""

from weakref import WeakKeyDictionary

import numpy as np

from ..geometry.pose import Pose
from ..landmarks import LandmarkSet
from .films import frame_of, note, our_metadata, set_frame, world_from_data
from .frames import KEY
from .marks import landmarks_in_pixels
from .posing import Residual
from .registering import Rendered
from .results import LANDMARKS, image_of, layer_id, results_of
from .styles import LandmarkStyle

DRR, EDGES, PROJECTED, LINES = "drr", "drr edges", "projected landmarks", "residuals"
OVERLAY, CHECKERBOARD = "overlay", "checkerboard"
USED, DROPPED = "#56b4e9", "#d55e00"
EDGE_COLOURS = ((0.94, 0.89, 0.26, 0.0), (0.94, 0.89, 0.26, 1.0))  # clear, yellow
POSE = ("pose", "pose_ct", "pose_ct_id")
SQUARES = 8  # of the checkerboard, along the longer side
_POSES: WeakKeyDictionary = WeakKeyDictionary()
NAMES = {DRR: "DRR", EDGES: "DRR edges", PROJECTED: "projected landmarks", LINES: "residuals"}


def why_not_marks(layer) -> str | None:
    """Why a layer cannot be the landmarks on a film; "" for layers that nobody would ask about."""
    if type(layer).__name__ != "Points" or layer.ndim != 2:
        return ""
    kind = our_metadata(layer).get("kind")
    return None if kind in (None, LANDMARKS, "corners") and "name" in layer.features else ""


def marks_of_film(viewer, film):
    """The landmark layer that belongs to a film; None where none says so."""
    fitting = [layer for layer in reversed(viewer.layers) if why_not_marks(layer) is None]
    for layer in fitting:
        notes = our_metadata(layer)
        if notes.get("source_id") == layer_id(film) or notes.get("source") == film.name:
            return layer
    stem = film.name.rpartition(".")[0] or film.name
    named = (layer for layer in fitting if str(our_metadata(layer).get("image", layer.name)).startswith(stem))
    return next(named, None)


def landmarks_on_film(layer, film) -> LandmarkSet:
    """The landmarks of a Points layer in the pixels of a film's layer."""
    data, attributes, _ = layer.as_layer_data_tuple()
    return landmarks_in_pixels(data, attributes, world_from_image=world_from_data(film))[0]


def keep_pose(film, ct, pose: Pose | None) -> None:
    """Keep a pose with its film's layer, beside the CT that it is in; None forgets it."""
    from ..io.poses import pose_document

    if pose is None:
        _POSES.pop(film, None)
        film.metadata = {**film.metadata, KEY: {k: v for k, v in our_metadata(film).items() if k not in POSE}}
    else:
        _POSES[film] = pose
        note(film, pose=pose_document(pose), pose_ct=ct.name, pose_ct_id=layer_id(ct))


def pose_of_film(film, ct) -> Pose | None:
    """The pose of a film in a CT, where it has one."""
    return _POSES.get(film) if our_metadata(film).get("pose_ct_id") == layer_id(ct) else None


def posed_films(viewer, ct) -> list:
    """The films that have a pose in a CT, in the order of the layer list."""
    return [layer for layer in viewer.layers if pose_of_film(layer, ct) is not None]


def show_rendered(viewer, film, rendered: Rendered, look: str, *, opacity: float, with_drr: bool,
                  with_edges: bool) -> None:
    """Put a rendering and its edges over a film, into the layers that are there or new ones, or take them away."""
    seen = rendered.comparison
    affine = world_from_data(film) @ rendered.film_from_rendered
    if with_drr:
        grey = seen.checkerboard(SQUARES) if look == CHECKERBOARD else seen.drr
        _show_image(viewer, film, DRR, grey, affine, contrast_limits=tuple(film.contrast_limits), opacity=opacity,
                    colormap="gray")
    if with_edges:
        _show_image(viewer, film, EDGES, seen.edges.astype(np.float32), affine, contrast_limits=(0.0, 1.0),
                    colormap=_clear_to_yellow())
    hide(viewer, film, *[kind for kind, wanted in ((DRR, with_drr), (EDGES, with_edges)) if not wanted])


def _show_image(viewer, film, kind: str, values, affine, **style) -> None:
    found = results_of(viewer, film, kind)
    if found:
        layer = found[-1]
        layer.data = values
        if not np.array_equal(layer.affine.affine_matrix, affine):
            layer.affine = affine
        return
    active = viewer.layers.selection.active
    notes = {"kind": kind, "source": film.name, "source_id": layer_id(film)}
    layer = viewer.add_image(values, name=f"{film.name} · {NAMES[kind]}", affine=affine, units=tuple(film.units),
                             axis_labels=tuple(film.axis_labels), blending="translucent_no_depth",
                             metadata={KEY: notes}, **style)
    _right_above(viewer, film, layer)
    viewer.layers.selection.active = active


def show_residuals(viewer, film, residuals: tuple[Residual, ...]) -> None:
    """Draw each landmark's projection and a line to its place on the film, dropped ones in a colour of their own."""
    residuals = [r for r in residuals if np.isfinite(r.projected_px).all()]
    projected = np.array([r.projected_px for r in residuals]).reshape(-1, 2)
    places = np.array([r.place_px for r in residuals]).reshape(-1, 2)
    vectors = np.stack([places, projected - places], axis=1)
    colours = [USED if r.used else DROPPED for r in residuals]
    lines, points = (next(iter(results_of(viewer, film, kind)), None) for kind in (LINES, PROJECTED))
    if lines is None or points is None or len(points.data) != len(residuals):
        hide(viewer, film, LINES, PROJECTED)
        _add_residuals(viewer, film, residuals, vectors, projected, colours)
        return
    lines.data, points.data = vectors, projected
    lines.edge_color, points.border_color = colours, colours
    points.features = _features(residuals)
    for layer in (lines, points):
        if not np.array_equal(world_from_data(layer), world_from_data(film)):
            set_frame(layer, film)


def _add_residuals(viewer, film, residuals, vectors, projected, colours) -> None:
    if not len(residuals):
        return
    active, style = viewer.layers.selection.active, LandmarkStyle().layer_kwargs(film.data.shape)
    for kind in (LINES, PROJECTED):
        common = {"name": f"{film.name} · {NAMES[kind]}", **frame_of(film), "blending": "translucent_no_depth",
                  "metadata": {KEY: {"kind": kind, "source": film.name, "source_id": layer_id(film)}}}
        if kind == LINES:
            viewer.add_vectors(vectors, edge_color=colours, edge_width=style["size"] / 3, vector_style="line", **common)
        else:
            viewer.add_points(projected, size=1.5 * style["size"], symbol="disc", face_color="transparent",
                              border_color=colours, border_width=0.12, features=_features(residuals),
                              canvas_size_limits=style["canvas_size_limits"], **common)
    viewer.layers.selection.active = active


def _features(residuals):
    import pandas as pd

    return pd.DataFrame({"name": [r.name for r in residuals], "residual_px": [r.px for r in residuals],
                         "used": [r.used for r in residuals]})


def layers_of_film(viewer, film) -> list:
    """A film's layer with all that lies on it."""
    own = [layer for layer in viewer.layers if our_metadata(layer).get("source_id") == layer_id(film)]
    marks = marks_of_film(viewer, film)
    return [film, *own, *([marks] if marks is not None and marks not in own else [])]


def hide(viewer, film, *kinds: str) -> None:
    """Take layers of these kinds away that show a film's pose."""
    for kind in kinds:
        for layer in results_of(viewer, film, kind):
            viewer.layers.remove(layer)


def orphans(viewer) -> list:
    """Layers that show the pose of a film that is gone."""
    return [layer for layer in viewer.layers
            if our_metadata(layer).get("kind") in NAMES and image_of(viewer, layer) is None]


def _right_above(viewer, film, layer) -> None:
    """Put a rendering over its film and below whatever is drawn on it; edges go over the rendering."""
    at, wanted = viewer.layers.index(layer), viewer.layers.index(film) + 1
    if our_metadata(layer)["kind"] == EDGES:
        wanted += len(results_of(viewer, film, DRR))
    if wanted < at:
        viewer.layers.move(at, wanted)


def _clear_to_yellow():
    from napari.utils.colormaps import Colormap

    return Colormap(EDGE_COLOURS, name="edges")

