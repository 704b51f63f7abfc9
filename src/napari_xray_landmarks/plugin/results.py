"""Results as ordinary layers: landmarks and response images of a radiograph, updated in place."""

from dataclasses import asdict

import numpy as np

from .. import __version__
from ..spine.vertebrae import CORNERS, corner_of
from .films import film_of, frame_of, note, our_metadata, set_frame, world_from_data
from .frames import KEY
from .labels import keep_readable, names_of
from .styles import BY_HAND, LandmarkStyle, ResponseStyle, symbols

LANDMARKS = "landmarks"
RESPONSE = "response"


def landmarks_name(image_name: str) -> str:
    """What the landmark layer of an image is called."""
    return f"{image_name} · landmarks"


def response_name(image_name: str, landmark: str) -> str:
    """What the response image of a landmark is called."""
    return f"{image_name} · response: {landmark}"


def results_of(viewer, image, kind: str) -> list:
    """Our layers of one kind that were made from an image."""
    return [layer for layer in viewer.layers
            if our_metadata(layer).get("kind") == kind and our_metadata(layer).get("source_id") == layer_id(image)]


def landmarks_of(viewer, image):
    """The landmark layer of an image, or None."""
    found = results_of(viewer, image, LANDMARKS)
    return found[-1] if found else None


def image_of(viewer, layer):
    """The image that a result was made from, or None where it is gone."""
    source = our_metadata(layer).get("source_id")
    return next((other for other in viewer.layers if layer_id(other) == source), None)


def is_landmarks(layer) -> bool:
    """Whether a layer holds landmarks that we found."""
    return type(layer).__name__ == "Points" and our_metadata(layer).get("kind") == LANDMARKS


def show_landmarks(viewer, image, landmarks, *, model: str, version: str, settings):
    """Put landmarks over an image, into the layer that is there or a new one.

    Parameters
    ----------
    landmarks : LandmarkSet
        In the image's pixels.
    model, version
        Which model found them; kept as provenance with the settings.

    Returns
    -------
    napari.layers.Points
    """
    film, layer = film_of(image), landmarks_of(viewer, image)
    landmarks = landmarks.in_px(film.scale)
    if layer is None or names_of(layer) != landmarks.names:
        style = _kept_style(layer) or LandmarkStyle().layer_kwargs(film.shape)
        if layer is not None:
            viewer.layers.remove(layer)
        layer = viewer.add_points(
            _drawable(landmarks), name=landmarks_name(image.name), features=_features(landmarks),
            symbol=symbols(landmarks.detected), **style, **frame_of(image))
        _show_only(layer, np.isfinite(landmarks.points).all(1))
        keep_readable(viewer, layer)
    else:
        update_landmarks(layer, landmarks)
    note(layer, kind=LANDMARKS, source=image.name, source_id=layer_id(image), model=model, model_version=version,
         settings=asdict(settings), package_version=__version__)
    mark_placed(layer)
    return layer


def update_landmarks(layer, landmarks, by_hand=(), *, keep=()) -> None:
    """Move a landmark layer's points in place; size, colours, text and selection stay the user's.

    Parameters
    ----------
    landmarks : LandmarkSet
        In pixels, with the layer's names in the layer's order.
    by_hand
        Names of points that a user placed: no confidence, a ring in their own colour.
    keep
        Indices of points that a user is holding: they are not touched.
    """
    points, features = _drawable(landmarks), _features(landmarks)
    placed = np.isin(landmarks.names, list(by_hand))
    features.loc[placed, ["confidence", "detected"]] = [np.nan, True]
    move = np.setdiff1d(np.arange(len(points)), list(keep))
    mark_by_hand(layer, placed)
    changed = np.asarray(layer.features["detected"], dtype=bool) != np.asarray(features["detected"], dtype=bool)
    if changed.any():
        symbol = np.array(symbols(features["detected"]), dtype=object)
        layer.symbol = [new if c else str(old) for c, new, old in zip(changed, symbol, layer.symbol, strict=True)]
    layer.data[move] = points[move]
    mark_placed(layer)
    shown = np.isfinite(landmarks.points).all(1)
    if (shown != layer.shown).any():
        _show_only(layer, shown)
    layer.features = layer.features.assign(**{c: features[c].to_numpy() for c in ("confidence", "detected")})
    layer.refresh()


def _show_only(layer, shown: np.ndarray) -> None:
    """Show these points. napari draws all of a film's: the others lose their rings, and have no confidence to be
    coloured by."""
    layer.shown = shown
    colours = np.array(layer.border_color)
    colours[:, 3] = shown
    layer.border_color = colours


def mark_by_hand(layer, placed: np.ndarray) -> None:
    """Ring the points that a user placed in their own colour, and unring those that were released."""
    ringed = np.asarray(our_metadata(layer).get("by_hand") or np.zeros(len(placed)), dtype=bool)
    if len(ringed) != len(placed) or (ringed == placed).all():
        return
    colours = np.array(layer.border_color)
    colours[placed] = _rgba(BY_HAND)
    colours[ringed & ~placed] = _rgba(LandmarkStyle().border)
    layer.border_color = colours
    note(layer, by_hand=placed.tolist())


def mark_placed(layer) -> None:
    """Take the points as they stand as known: only what is moved from now on counts as moved by hand."""
    note(layer, placed_px=np.array(layer.data).tolist())


def moved_by_hand(layer, tolerance_px: float = 1e-3) -> dict[str, tuple[float, float]]:
    """Landmarks that a user moved since we last placed them, in the image's pixels."""
    placed = our_metadata(layer).get("placed_px")
    names = names_of(layer)
    if placed is None or np.shape(placed) != layer.data.shape or len(names) != len(layer.data):
        return {}
    distance = np.abs(np.asarray(layer.data) - np.asarray(placed)).max(1)
    return {names[i]: tuple(float(v) for v in layer.data[i]) for i in np.flatnonzero(distance > tolerance_px)}


def show_response(viewer, image, landmark: str, response, *, layer=None):
    """Show a landmark's response image over the radiograph, in a given layer, its own one, or a new one.

    Parameters
    ----------
    response : Response
        `values` and `image_from_response`, (3, 3), acting on (row, column, 1).
    """
    values = np.asarray(response.values, dtype=np.float32)
    name = response_name(image.name, landmark)
    if layer is None:
        layer = next((r for r in results_of(viewer, image, RESPONSE) if our_metadata(r)["landmark"] == landmark), None)
    top = float(values.max()) or 1.0
    affine = world_from_data(image) @ np.asarray(response.image_from_response)
    facts = {"kind": RESPONSE, "source": image.name, "source_id": layer_id(image), "landmark": landmark,
             "image_from_response": np.asarray(response.image_from_response).tolist()}
    if layer is None or layer not in viewer.layers:
        layer = viewer.add_image(values, name=name, affine=affine, units=tuple(image.units),
                                 axis_labels=tuple(image.axis_labels), contrast_limits=(0.0, top),
                                 metadata={KEY: facts},  # from the start, or docks would take it for a film
                                 **ResponseStyle().layer_kwargs())
        _below_landmarks(viewer, image, layer)
    else:
        layer.data = values
        if layer.name != name:
            layer.name = name
        if not np.array_equal(layer.affine.affine_matrix, affine):
            layer.affine = affine
        layer.contrast_limits_range = (0.0, top)
        layer.contrast_limits = (0.0, top)
    note(layer, **facts)
    return layer


def place_results(viewer, image) -> None:
    """Bring every result of an image into the image's frame as it is now."""
    for layer in viewer.layers:
        notes = our_metadata(layer)
        if notes.get("source_id") != layer_id(image) or layer is image:
            continue
        if notes.get("kind") == RESPONSE:
            layer.affine = world_from_data(image) @ np.asarray(notes["image_from_response"])
            layer.units = tuple(image.units)
        else:
            set_frame(layer, image)


def _below_landmarks(viewer, image, layer) -> None:
    """Put a response image below all that is drawn over the image."""
    ours = [other for other in viewer.layers if our_metadata(other).get("source_id") == layer_id(image)]
    drawn = [other for other in ours if type(other).__name__ in ("Points", "Shapes")]
    lowest = min((viewer.layers.index(other) for other in drawn), default=len(viewer.layers))
    if lowest < viewer.layers.index(layer):
        viewer.layers.move(viewer.layers.index(layer), lowest)


def _kept_style(layer) -> dict | None:
    """The look of a landmark layer that must be made anew because its landmarks are others."""
    if layer is None or len(layer.data) == 0:
        return None
    style = LandmarkStyle().layer_kwargs((1, 1))
    style["size"] = float(np.median(layer.size))
    style["text"] = {**style["text"], "size": layer.text.size, "visible": layer.text.visible,
                     "anchor": str(layer.text.anchor)}
    return {**style, "face_colormap": layer.face_colormap, "opacity": layer.opacity, "visible": layer.visible}


def _drawable(landmarks) -> np.ndarray:
    return np.nan_to_num(np.array(landmarks.points, dtype=float))


def _features(landmarks):
    import pandas as pd

    confidence = np.where(np.isfinite(landmarks.points).all(1), landmarks.confidence, np.nan)
    table = pd.DataFrame({"name": list(landmarks.names), "confidence": confidence,
                          "detected": np.array(landmarks.detected)})
    places = [corner_of(name) for name in landmarks.names]
    if places and all(places):
        table["vertebra"], table["corner"] = [level for level, _ in places], [CORNERS[i] for _, i in places]
    return table


def _rgba(colour: str) -> np.ndarray:
    from napari.utils.colormaps.standardize_color import transform_color

    return transform_color(colour)[0]


def layer_id(layer) -> str:
    """What a layer is known by while napari runs, whatever it is renamed to."""
    return str(layer.unique_id)
