"""Radiographs as napari shows them: which layers can serve, and the radiograph in one of them."""

import numpy as np

from ..imaging import Radiograph
from .convert import film_from_layer
from .frames import KEY, metadata_of, mm_per_unit


def why_not_a_film(layer) -> str | None:
    """Why landmarks cannot be sought in that layer, in a few plain words; None where they can."""
    if type(layer).__name__ != "Image":
        return "not an image"
    if layer.rgb:
        return "a colour (RGB) image: split it into channels and take one"
    if layer.ndim != 2:
        return f"{layer.ndim}D: a radiograph is one 2D image"
    if is_result(layer):
        return "a result, not a film"
    return None


def is_result(layer) -> bool:
    """Whether we made this layer from another one."""
    return "source" in our_metadata(layer)


def our_metadata(layer) -> dict:
    """What we noted about that layer; empty where it is not ours."""
    return metadata_of({"metadata": layer.metadata})


def note(layer, **facts) -> None:
    """Add facts to what we noted about that layer."""
    layer.metadata = {**layer.metadata, KEY: {**our_metadata(layer), **facts}}


def spacing_of(layer) -> tuple[float, float] | None:
    """(row, column) spacing in mm, or None where the layer's units are pixels."""
    factors = mm_per_unit({"units": layer.units}, layer.ndim)
    if factors is None:
        return None
    spacing = np.linalg.norm(world_from_data(layer)[:2, :2], axis=0) * factors[-2:]
    return tuple(float(s) for s in spacing)


def film_of(layer) -> Radiograph:
    """The radiograph in an image layer, with its spacing where the units are lengths.

    Raises
    ------
    InputError
        The layer is not one 2D grey image; see `why_not_a_film`.
    """
    data, attributes, _ = layer.as_layer_data_tuple()
    return film_from_layer(data, attributes)


def world_from_data(layer) -> np.ndarray:
    """(3, 3) matrix of a 2D layer: acts on data (row, column, 1) and gives world (row, column, 1)."""
    corners = [np.asarray(layer.data_to_world(p), dtype=float)[-2:] for p in ((0.0, 0.0), (1.0, 0.0), (0.0, 1.0))]
    matrix = np.eye(3)
    matrix[:2, 0], matrix[:2, 1], matrix[:2, 2] = corners[1] - corners[0], corners[2] - corners[0], corners[0]
    return matrix


def frame_of(layer) -> dict:
    """The world frame of a layer, as arguments of a new layer whose data are in the same pixels."""
    return {
        "scale": np.array(layer.scale),
        "translate": np.array(layer.translate),
        "rotate": np.array(layer.rotate),
        "shear": np.array(layer.shear),
        "affine": np.array(layer.affine.affine_matrix),
        "units": tuple(layer.units),
        "axis_labels": tuple(layer.axis_labels),
    }


def frame_in_mm(layer) -> dict:
    """Arguments of a new layer whose data are mm of the world of a layer in space, whatever its own unit of length."""
    factors = mm_per_unit({"units": layer.units}, 3)
    return {"scale": np.ones(3) if factors is None else 1 / factors, "units": tuple(layer.units),
            "axis_labels": tuple(layer.axis_labels)}


def set_frame(layer, source) -> None:
    """Put a layer whose data are in the source's pixels into the source's world frame."""
    for key, value in frame_of(source).items():
        setattr(layer, key, value)
