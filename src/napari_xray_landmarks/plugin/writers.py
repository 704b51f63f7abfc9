"""Writers for napari: Points, Shapes, Labels, Image and Surface layers to the files of the field.

Errors are raised as OSError: napari takes a ValueError, which our own errors are, for "no writer found".
"""

from collections.abc import Callable
from functools import wraps
from pathlib import Path

from ..errors import FileError, InputError
from ..io.files import stem, suffix
from .frames import layer_name, metadata_of, world_from_data


def _one_line(write: Callable[..., None]) -> Callable[..., list[str]]:
    """Give napari the list of files that it wants, and errors that it shows."""

    @wraps(write)
    def writer(path: str, *layers) -> list[str]:
        try:
            write(path, *layers)
        except InputError as error:
            raise OSError(str(error)) from error
        return [str(path)]

    return writer


@_one_line
def write_points(path: str, data, attributes: dict) -> None:
    """A Points layer as `.mrk.json` or `.fcsv` (its world, LPS) or `.csv` (pixels of its image, and mm)."""
    from ..io import save_landmarks
    from .marks import landmarks_in_pixels, landmarks_in_world

    if suffix(path) == ".csv":
        landmarks, spacing_mm = landmarks_in_pixels(data, attributes, world_from_image=_world_from_image(attributes))
        save_landmarks(path, landmarks, image_name=image_name(path, attributes), spacing_mm=spacing_mm)
    else:
        save_landmarks(path, landmarks_in_world(data, attributes), image_name=layer_name(attributes))


@_one_line
def write_points_of_all(path: str, layers) -> None:
    """Points layers of several images as one `.csv`, as `detect` writes it."""
    from ..io import write_detections
    from ..io.tables import detections
    from .marks import landmarks_in_pixels

    write_detections(path, [detections(path, name, *landmarks_in_pixels(data, attributes, world_from_image=world))
                            for name, data, attributes, world in _by_image(path, layers)])


@_one_line
def write_shapes_of_all(path: str, layers) -> None:
    """Shapes layers of several images as one `.csv`, as `segment` writes it."""
    from ..io.tables import write_contours_of_all
    from .marks import contours_in_pixels

    write_contours_of_all(path, [(name, *contours_in_pixels(data, attributes, world_from_image=world))
                                 for name, data, attributes, world in _by_image(path, layers)])


def _by_image(path, layers) -> list[tuple]:
    """(image's name, data, attributes, affine of the image) of each layer."""
    found = [(image_name(attributes["name"], attributes), data, attributes, _world_from_image(attributes))
             for data, attributes, _ in layers]
    names = [name for name, *_ in found]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise FileError(path, f"two of the layers belong to {twice!r}", "Select one layer an image")
    return found


@_one_line
def write_shapes(path: str, data, attributes: dict) -> None:
    """A Shapes layer as curves in `.mrk.json` (its world, LPS) or as a `.csv` (pixels of its image, and mm).

    The markups of circles and ellipses have a point list with their centres, whose descriptions tell their radii.
    """
    from ..io import write_contours
    from ..io.markups import write_outlines
    from ..shape.measures import centres
    from .marks import circles_in_world, contours_in_pixels, contours_in_world

    if suffix(path) == ".csv":
        contours, spacing_mm = contours_in_pixels(data, attributes, world_from_image=_world_from_image(attributes))
        write_contours(path, contours, image_name=image_name(path, attributes), spacing_mm=spacing_mm)
    else:
        write_outlines(path, contours_in_world(data, attributes), *centres(circles_in_world(data, attributes)))


@_one_line
def write_image(path: str, data, attributes: dict) -> None:
    """An Image or Labels layer as `.nii.gz`, `.nii`, `.nrrd` or `.mha`, where the user left it."""
    from ..io import write_volume
    from .convert import film_from_layer, volume_from_layer

    layer = data[0] if attributes.get("multiscale") else data
    flat = getattr(layer, "ndim", 2) == 2 or attributes.get("rgb")
    write_volume(path, film_from_layer(data, attributes) if flat else volume_from_layer(data, attributes))


@_one_line
def write_surface(path: str, data, attributes: dict) -> None:
    """A Surface layer as `.vtk`, `.ply`, `.stl`, `.obj` or `.off` in LPS, where the user left it."""
    from ..io.meshes import write_mesh
    from .surfaces import surface_from_layer

    write_mesh(path, surface_from_layer(data, attributes))


def image_name(path, attributes: dict) -> str:
    """What a table calls the image that a layer belongs to."""
    notes = metadata_of(attributes)
    return str(notes.get("image") or notes.get("source") or Path(stem(path)).name)


def _world_from_image(attributes: dict):
    """The affine of the image that a result was made from, where a viewer still shows it."""
    source_id = metadata_of(attributes).get("source_id")
    if source_id is None:
        return None
    from napari import current_viewer

    viewer = current_viewer()
    for layer in viewer.layers if viewer is not None else ():
        if str(layer.unique_id) == source_id:
            return world_from_data(layer.as_layer_data_tuple()[1], 2)
    return None
