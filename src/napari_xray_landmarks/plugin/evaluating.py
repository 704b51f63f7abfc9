"""Evaluation in the window: layers as predictions and truths, and a case shown as layers (no Qt)."""

from pathlib import Path

import numpy as np

from ..errors import InputError
from ..imaging import Radiograph
from .convert import volume_from_layer
from .films import note, our_metadata, spacing_of
from .marks import contours_in_world, landmarks_in_world
from .styles import LandmarkStyle

KINDS = {"Points": "landmarks", "Shapes": "contours", "Labels": "labels"}
TRUE_COLOUR, PREDICTED_COLOUR = "#56b4e9", "#ffb000"
SHOWN = "evaluated"
MOST_NAMES = 40


def why_not_evaluated(layer) -> str | None:
    """Why a layer cannot be compared, in a few words; None where it can, "" where nobody would expect it."""
    kind = KINDS.get(type(layer).__name__)
    if kind is None or SHOWN in our_metadata(layer):
        return ""
    if kind != "labels" and layer.ndim != 2:
        return f"{layer.ndim}D {kind}: those of one film can be compared"
    if kind == "labels" and layer.ndim not in (2, 3):
        return f"{layer.ndim}D labels"
    return "empty" if kind != "labels" and not len(layer.data) else None


def compare_layers(predicted, truth):
    """Evaluate one layer against another; a function of what they hold now, which may run beside the window.

    Parameters
    ----------
    predicted, truth
        Points, Shapes or Labels layers, both of one kind; compared in the world.

    Returns
    -------
    work
        Gives the `Comparison` when it is called, and for landmarks an `Evaluation`.

    Raises
    ------
    InputError
        They are of different kinds, or one is in mm and the other in pixels.
    """
    kinds = [KINDS[type(layer).__name__] for layer in (predicted, truth)]
    if predicted is truth or kinds[0] != kinds[1]:
        problem = "is compared with itself" if predicted is truth else f"holds {kinds[0]}, and {truth.name} {kinds[1]}"
        raise InputError(predicted.name, problem, "Choose two layers of a kind")
    tuples = [layer.as_layer_data_tuple()[:2] for layer in (predicted, truth)]
    names = Path(predicted.name), Path(truth.name)
    if kinds[0] == "labels":
        spacings = [spacing_of(layer) if layer.ndim == 2 else None for layer in (predicted, truth)]
        sides = [_labels(data, attributes, spacing)
                 for (data, attributes), spacing in zip(tuples, spacings, strict=True)]
        return lambda: _compare_labels(*sides, *names)
    return (_landmarks_work if kinds[0] == "landmarks" else _contours_work)(tuples, names)


def _landmarks_work(tuples, names):
    from ..evaluation.evaluation import evaluate_marked
    from ..evaluation.matching import TRUTH, Marked

    sides = [landmarks_in_world(*one) for one in tuples]
    _check_units(names, [side.unit for side in sides])
    found, known = ({names[1].name: Marked(names[1].name, {TRUTH: side})} for side in sides)
    return lambda: evaluate_marked(found, known, *names)


def _contours_work(tuples, names):
    from ..evaluation.contours import Outlined, compare_contours

    sides = [contours_in_world(*one) for one in tuples]
    _check_units(names, [side[0].unit for side in sides])
    found, known = ({names[1].name: Outlined(names[1].name, tuple(side))} for side in sides)
    return lambda: compare_contours(found, known, predicted=names[0], truth=names[1])


def _check_units(names, units) -> None:
    if units[0] != units[1]:
        raise InputError(names[0].name, f"is in {units[0]}, and {names[1].name} in {units[1]}",
                         "Calibrate the spacing of both, or of neither")


def _labels(data, attributes: dict, spacing_mm):
    pixels = data[0] if attributes.get("multiscale") else data
    if np.ndim(pixels) == 3:
        return volume_from_layer(data, attributes)
    source = "unknown" if spacing_mm is None else "given"
    return Radiograph(np.asarray(pixels), spacing_mm, source, name=attributes["name"])


def _compare_labels(predicted, truth, predicted_name: Path, truth_name: Path):
    from ..evaluation.labels import compare_labels

    image = truth_name.name
    return compare_labels({image: predicted}, {image: truth}, predicted=predicted_name, truth=truth_name)


def show_case(viewer, case) -> list:
    """Show one image of an evaluation in the viewer: the film, true and predicted places. Earlier ones of it go.

    Parameters
    ----------
    viewer
    case
        An `evaluation.cases.Case`.

    Returns
    -------
    layers
        Those that were added.
    """
    for layer in [layer for layer in viewer.layers if our_metadata(layer).get(SHOWN) == case.image]:
        viewer.layers.remove(layer)
    frame = {"units": ("pixel", "pixel"), "scale": (case.aspect, 1.0)}
    added = []
    if case.pixels is not None:
        added.append(viewer.add_image(case.pixels, name=case.image, **frame))
    size = float(np.hypot(*np.ptp(case.places, axis=0))) if len(case.places) > 1 else 100.0
    shape = case.pixels.shape if case.pixels is not None else (size, size)
    for title, colour, points, curves in (("true", TRUE_COLOUR, case.true_points, case.true_curves),
                                          ("predicted", PREDICTED_COLOUR, case.predicted_points,
                                           case.predicted_curves)):  # fmt: skip
        if curves:
            added.append(viewer.add_shapes(list(curves), shape_type="path", edge_color=colour, face_color="transparent",
                                           edge_width=max(0.8, 0.004 * float(np.hypot(*shape))),
                                           name=f"{case.image} · {title}", **frame))
        if points:
            added.append(_add_points(viewer, points, f"{case.image} · {title}", colour, shape, frame))
    for layer in added:
        note(layer, **{SHOWN: case.image})
    viewer.reset_view()
    return added


def _add_points(viewer, points, name: str, colour: str, shape, frame: dict):
    style = LandmarkStyle().layer_kwargs(shape)
    look = {key: style[key] for key in ("size", "canvas_size_limits", "text")}
    look["text"] = {**look["text"], "color": colour, "visible": colour == TRUE_COLOUR and len(points) <= MOST_NAMES}
    return viewer.add_points(np.array(list(points.values())), features={"name": list(points)}, name=name,
                             face_color="transparent" if colour == TRUE_COLOUR else colour, border_color=colour,
                             border_width=0.15, symbol="o" if colour == TRUE_COLOUR else "cross", **look, **frame)


def place_in(layer, name: str):
    """World position of the landmark or outline of that name in a layer; None where there is none."""
    if type(layer).__name__ not in ("Points", "Shapes") or "name" not in layer.features:
        return None
    rows = np.flatnonzero(layer.features["name"].astype(str) == name)
    if not len(rows):
        return None
    return np.asarray(layer.data_to_world(np.atleast_2d(layer.data[rows[0]]).mean(axis=0)), float)
