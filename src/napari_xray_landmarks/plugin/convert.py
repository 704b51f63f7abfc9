"""Our nouns to layer data tuples and back (no napari import): axis order, scale, affine, units, metadata.

Images are here; landmarks and contours are in `marks`, and can be had from here too.
"""

import re
from collections.abc import Sequence
from itertools import permutations

import numpy as np

from ..errors import InputError
from ..imaging import UNKNOWN_SPACING, Radiograph, Volume, contrast_limits
from .frames import KEY, LayerData, layer_name, metadata_of, mm_from_data, spacing_of, world_from_data
from .marks import (
    FILM_AXES,
    VOLUME_AXES,
    contours_in_pixels,
    contours_in_world,
    contours_layer,
    landmarks_in_pixels,
    landmarks_in_world,
    landmarks_layer,
)

__all__ = [
    "KEY", "LayerData", "contours_in_pixels", "contours_in_world", "contours_layer", "film_from_layer", "frames_layer",
    "image_layer", "landmarks_in_pixels", "landmarks_in_world", "landmarks_layer", "metadata_of", "volume_from_layer",
]

_LABELS_NAME = re.compile(r"(?i)(?:^|[^a-z])(?:labels?|seg(?:mentations?)?|masks?)(?:$|[^a-z])|labelmap|segmentation")
_MOST_LABELS = 256


def image_layer(image: Radiograph | Volume) -> LayerData:
    """An image as an Image layer, or as a Labels layer where it is a label image."""
    if isinstance(image, Radiograph):
        data, frame, notes = image.pixels, _film_frame(image), _image_notes(image)
    else:
        axes = world_axes(image.world_from_voxel)
        data, frame = image.voxels.transpose(axes), _volume_frame(image.world_from_voxel[:, [*axes, 3]])
        notes = {**_image_notes(image), "stored_axes": axes}
    attributes = {"name": image.name, **frame, "metadata": {KEY: notes}}
    if is_label_image(image):
        return _label_data(data), attributes, "labels"
    return data, {**attributes, "contrast_limits": contrast_limits(image), "colormap": "gray", "rgb": False}, "image"


def frames_layer(frames: Sequence[Radiograph]) -> LayerData:
    """The frames of one fluoroscopy run as one Image layer with a slider; `film_from_layer` takes one out again."""
    first = frames[0]
    data = np.stack([frame.pixels for frame in frames])
    ranges = np.array([contrast_limits(frame) for frame in frames])
    flat = _film_frame(first)
    notes = {**_image_notes(first), "frame_count": len(frames)}
    notes["header"] = {k: v for k, v in notes["header"].items() if k not in ("frame", "frame_count")}
    return data, {
        "name": re.sub(r" · frame 1 of \d+$", "", first.name),
        "scale": (1.0, *flat["scale"]),
        "units": (flat["units"][0], *flat["units"]),
        "axis_labels": ("frame", *FILM_AXES),
        "metadata": {KEY: notes},
        "contrast_limits": (float(ranges[:, 0].min()), float(ranges[:, 1].max())),
        "colormap": "gray",
        "rgb": False,
    }, "image"


def _film_frame(film: Radiograph) -> dict:
    unit = "pixel" if film.spacing_mm is None else "mm"
    frame = {"scale": tuple(film.scale.tolist()), "units": (unit, unit), "axis_labels": FILM_AXES}
    placed = film.header.get("world_from_pixel")
    if placed is not None:
        frame["affine"] = np.asarray(placed) @ np.diag([*1 / film.scale, 1.0])
    return frame


def world_axes(world_from_voxel: np.ndarray) -> tuple[int, int, int]:
    """The data axis that runs most along each of superior, posterior, left.

    napari slices along world axes and takes the data axis of the same number to lie along them, so a coronal or
    sagittal volume is shown with its axes in this order.
    """
    along = np.abs(world_from_voxel[:3, :3]) / np.linalg.norm(world_from_voxel[:3, :3], axis=0)
    return max(permutations(range(3)), key=lambda axes: sum(along[world, axis] for world, axis in enumerate(axes)))


def _volume_frame(world_from_data_: np.ndarray) -> dict:
    scale = spacing_of(world_from_data_)
    affine = world_from_data_ @ np.diag([*1 / scale, 1.0])
    frame = {"scale": tuple(scale.tolist()), "units": ("mm",) * 3, "axis_labels": VOLUME_AXES}
    if np.array_equal(affine[:3, :3], np.eye(3)):
        return {**frame, "translate": tuple(affine[:3, 3].tolist())}
    return {**frame, "affine": affine}


def _image_notes(image: Radiograph | Volume) -> dict:
    header = dict(image.header)
    notes = {"file": header.pop("file", ""), "header": header}
    if isinstance(image, Volume):
        return {**notes, "modality": image.modality}
    return {**notes, "spacing_source": image.spacing_source, "spacing_mm": image.spacing_mm,
            "detector_spacing_mm": image.detector_spacing_mm, "display_range": image.display_range}


def is_label_image(image: Radiograph | Volume) -> bool:
    """Whole numbers, not negative, few different ones, in something that is called labels, segmentation or mask."""
    data = image.pixels if isinstance(image, Radiograph) else image.voxels
    if not _LABELS_NAME.search(image.name) or data.dtype.kind not in "iufb":
        return False
    low, high = float(data.min()), float(data.max())
    if not (low >= 0 and high < 2**31):
        return False
    values = np.unique(data)
    return len(values) <= _MOST_LABELS and bool((values == np.floor(values)).all())


def _label_data(data: np.ndarray) -> np.ndarray:
    return data if data.dtype.kind in "iu" else data.astype(np.uint8 if data.max() < 256 else np.int32)


def film_from_layer(data, attributes: dict, *, frame: int | None = None) -> Radiograph:
    """The radiograph in an image layer as the user left it; inverse of `image_layer` and `frames_layer`.

    Parameters
    ----------
    data, attributes
        As `layer.as_layer_data_tuple()` gives them.
    frame
        Which one of a fluoroscopy run.

    Raises
    ------
    InputError
        If the layer is not one 2D grey image.
    """
    pixels = _array(data, attributes)
    if pixels.ndim == 3 and frame is not None:
        pixels = pixels[frame]
    if pixels.ndim != 2:
        raise InputError(layer_name(attributes), f"is {pixels.ndim}D, not one radiograph", "Take one 2D image")
    notes = metadata_of(attributes)
    matrix = mm_from_data(attributes, 2)
    spacing = None if matrix is None else _near(spacing_of(matrix), notes.get("spacing_mm"))
    placed = world_from_data(attributes, 2) if matrix is None else matrix
    header = _header(notes)
    header.pop("world_from_pixel", None)
    if not np.allclose(placed, np.diag([*(spacing or (1.0, 1.0)), 1.0]), rtol=1e-9, atol=1e-12):
        header["world_from_pixel"] = placed.tolist()
    source = notes.get("spacing_source") or "layer scale"
    source = UNKNOWN_SPACING if spacing is None else "layer scale" if source == UNKNOWN_SPACING else source
    return Radiograph(pixels, spacing, source, notes.get("detector_spacing_mm"), notes.get("display_range"),
                      layer_name(attributes), header)


def volume_from_layer(data, attributes: dict) -> Volume:
    """The volume in an image or labels layer as the user left it; inverse of `image_layer`.

    World units that are not lengths count as mm.

    Raises
    ------
    InputError
        If the layer is not one 3D grey image, or its transform is singular.
    """
    voxels = _array(data, attributes)
    if voxels.ndim != 3:
        raise InputError(layer_name(attributes), f"is {voxels.ndim}D, not one volume", "Take one 3D image")
    matrix = mm_from_data(attributes, 3)
    matrix = world_from_data(attributes, 3) if matrix is None else matrix
    notes = metadata_of(attributes)
    axes = np.argsort(notes.get("stored_axes") or (0, 1, 2)).tolist()
    voxels, matrix = voxels.transpose(axes), matrix[:, [*axes, 3]]
    try:
        return Volume(voxels, matrix, layer_name(attributes), notes.get("modality", ""), _header(notes))
    except ValueError as error:
        raise InputError(layer_name(attributes), str(error), "Reset the layer's transform") from error


def _array(data, attributes: dict) -> np.ndarray:
    if attributes.get("multiscale"):
        data = data[0]
    if attributes.get("rgb"):
        raise InputError(layer_name(attributes), "is a colour (RGB) image", "Split its channels and take one")
    return np.asarray(data)


def _header(notes: dict) -> dict:
    header = dict(notes.get("header") or {})
    return {"file": notes["file"], **header} if notes.get("file") else header


def _near(spacing: np.ndarray, noted) -> tuple[float, ...]:
    """The noted spacing where the layer still has it to rounding, otherwise the layer's."""
    if noted is not None and np.allclose(spacing, noted, rtol=1e-12, atol=0):
        return tuple(float(s) for s in noted)
    return tuple(float(s) for s in spacing)
