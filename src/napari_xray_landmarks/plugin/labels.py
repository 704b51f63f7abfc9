"""Names on the screen: where landmarks crowd, as many as can be read; zooming in or selecting a point brings others."""

import numpy as np

from .films import world_from_data
from .frames import transformed

CHARACTER, LINE = 0.95, 1.7
"""Width of a character and height of a line in screen pixels, for each point of the text's size."""


def names_of(layer) -> tuple[str, ...]:
    """Landmark names of a Points layer, one a point."""
    return tuple(str(n) for n in layer.features["name"]) if "name" in layer.features else ()


def readable(points: np.ndarray, corners: np.ndarray, sizes: np.ndarray, first=()) -> np.ndarray:
    """Which names can be written without covering one another; those that cover fewest points go before the others.

    Parameters
    ----------
    points, corners : (N, 2) arrays
        Each point and the upper left corner of its name in screen pixels; NaN where there is none.
    sizes : (N, 2) array
        (height, width) of each name.
    first
        Indices of names that go before all others.

    Returns
    -------
    (N,) bool array
    """
    ends = corners + sizes
    covered = ((points > corners[:, None]) & (points < ends[:, None])).all(2).sum(1)
    written = np.zeros(len(points), dtype=bool)
    for i in sorted(np.flatnonzero(np.isfinite(corners).all(1)), key=lambda i: (i not in first, covered[i])):
        written[i] = not ((corners[written] < ends[i]) & (ends[written] > corners[i])).all(1).any()
    return written


def keep_readable(viewer, layer) -> None:
    """Choose a landmark layer's names anew whenever the zoom, its points or its selection change."""
    camera = getattr(viewer, "scene", viewer).camera  # napari 0.9 moved it

    def choose(event=None) -> None:
        if layer in viewer.layers:
            _write_readable(layer, camera.zoom)
        else:
            camera.events.zoom.disconnect(choose)

    camera.events.zoom.connect(choose)
    layer.events.data.connect(choose)
    layer.events.features.connect(choose)
    layer.selected_data.events.items_changed.connect(choose)
    choose()


def _write_readable(layer, zoom: float) -> None:
    names = np.array(names_of(layer), dtype=object)
    if len(names) != len(layer.data):
        return
    sizes = layer.text.size * np.array([(LINE, CHARACTER * len(name)) for name in names]).reshape(-1, 2)
    world_from_layer = world_from_data(layer)
    points = zoom * transformed(world_from_layer, layer.data)
    corners = zoom * transformed(world_from_layer, layer.data + layer.text.translation) - sizes * (1, 0)
    corners[~layer.shown] = np.nan
    texts = np.where(readable(points, corners, sizes, set(layer.selected_data)), names, "")
    if not np.array_equal(texts, layer.text.values):
        layer.text.string = texts.tolist()
