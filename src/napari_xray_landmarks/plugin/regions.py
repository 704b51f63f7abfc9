"""Conformal regions of landmarks as ellipses over an image, in a layer of their own (no Qt)."""

import numpy as np

from .films import film_of, frame_of, note
from .results import landmarks_of, layer_id, results_of
from .styles import ContourStyle

REGIONS = "regions"
COLOUR = "#56b4e9"


def show_regions(viewer, image, landmarks, header, placed=()) -> object | None:
    """Draw the region of each landmark below the landmarks; the layer of an earlier detection is replaced.

    Parameters
    ----------
    viewer, image
    landmarks : LandmarkSet
        In the image's pixels.
    header : models.ModelHeader
        Of the model that found them. Nothing is drawn where it has no regions, or has them in mm and the spacing is
        unknown.
    placed
        Names of landmarks that a user placed: they need no region.

    Returns
    -------
    layer
        A Shapes layer; None where nothing is drawn.
    """
    for layer in results_of(viewer, image, REGIONS):
        viewer.layers.remove(layer)
    if "regions" not in header.extra:
        return None
    from ..evaluation.calibration import regions_in

    film, regions = film_of(image), regions_in(header)
    if regions is None or (regions.unit == "mm" and film.spacing_mm is None):
        return None
    scale = film.scale if regions.unit == "mm" else np.ones(2)
    shown = [(name, point) for name, point in zip(landmarks.names, landmarks.points, strict=True)
             if name in regions.matrices and name not in placed and np.isfinite(point).all()]
    if not shown:
        return None
    shapes = [corners(point, regions.matrices[name] / np.outer(scale, scale)) for name, point in shown]
    layer = viewer.add_shapes(
        shapes, shape_type="ellipse", name=f"{image.name} · {100 * regions.coverage:g} % regions", edge_color=COLOUR,
        face_color="transparent", edge_width=0.5 * ContourStyle().width_px(film.shape),
        features={"name": [name for name, _ in shown]}, **frame_of(image))
    note(layer, kind=REGIONS, source=image.name, source_id=layer_id(image), coverage=regions.coverage,
         films=regions.films)
    marks = landmarks_of(viewer, image)
    if marks is not None:
        viewer.layers.move(viewer.layers.index(layer), viewer.layers.index(marks))
        viewer.layers.selection.active = marks
    return layer


def corners(point, matrix) -> np.ndarray:
    """(4, 2) corners of the turned box about the ellipse (x - p)ᵀ A⁻¹ (x - p) <= 1, as napari takes one."""
    values, axes = np.linalg.eigh(np.asarray(matrix, float))
    along, across = (np.sqrt(values) * axes).T
    return np.asarray(point, float) + np.array([-along - across, along - across, along + across, across - along])
