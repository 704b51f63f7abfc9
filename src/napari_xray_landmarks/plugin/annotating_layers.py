"""What an annotation shows in the viewer: the film, its landmarks, those of another annotator, and lines between."""

from collections.abc import Mapping

import numpy as np

from ..imaging import Radiograph
from .convert import image_layer
from .films import film_of, frame_of, note, our_metadata, world_from_data
from .frames import KEY, transformed
from .labels import keep_readable, names_of
from .results import layer_id, results_of
from .styles import CLEAR, LandmarkStyle

MARKS, OTHER, DIFFERENCE = "annotation", "other annotator", "difference"
FILM = "annotated film"
MINE, PROPOSED, OTHERS = "#ffe08a", "#e69f00", "#56b4e9"
MARKED, OFFERED, HIDDEN = "marked", "proposed", ""
SMALL = (7, 13)
"""Smallest and largest diameter of a point in screen pixels: what is marked must be seen."""

CLOSE_UP = 4.0
"""Part of the film's longer side that a close-up shows is one in so many."""

Marks = Mapping[str, tuple[float, float]]


class FilmLayers:
    """One film at a time in a viewer, with one point for every landmark of the schema; unmarked ones are hidden.

    Parameters
    ----------
    viewer
        A viewer or a viewer model.
    """

    def __init__(self, viewer):
        self.viewer = viewer
        self.image = self.points = None
        self._drawn: dict[str, np.ndarray] = {}
        self._fitted_zoom = 1.0

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns) of the film."""
        return tuple(self.image.data.shape)

    @property
    def whole(self) -> bool:
        """Whether the user has left both layers in the viewer."""
        return self.image in self.viewer.layers and self.points in self.viewer.layers

    def show(self, film: Radiograph, names: tuple[str, ...]) -> None:
        """Show a film in place of the one before, in its look, and the whole of it."""
        look = self._look()
        self.clear()
        data, attributes, _ = image_layer(film)
        self.image = self.viewer.add_image(data, **attributes | look)
        note(self.image, role=FILM)
        style = _style(film.shape, MINE)
        features = {"name": list(names), "state": HIDDEN, "detected": False}
        self.points = self.viewer.add_points(
            np.zeros((len(names), 2)), name=f"{film.name} · {MARKS}", features=features, shown=False,
            **style, **frame_of(self.image),
            metadata={KEY: {"kind": MARKS, "source": film.name, "source_id": layer_id(self.image)}})
        self._drawn = {}
        keep_readable(self.viewer, self.points)
        self.viewer.layers.selection.active = self.points
        self.fit()

    def update(self, marks: Marks, proposals: Marks, prompted: str | None) -> None:
        """Bring the points up to date: marked ones are discs, proposed ones crosses, the one asked for has a ring."""
        names = names_of(self.points)
        if not names or len(names) != len(self.points.data):
            return
        data = np.array([marks.get(name, proposals.get(name, (np.nan, np.nan))) for name in names], dtype=float)
        shown, offered = np.isfinite(data).all(1), np.array([name not in marks for name in names])
        look = {"shown": shown, "symbol": np.where(offered, "cross", "disc"),
                "face_color": np.where(shown, np.where(offered, PROPOSED, MINE), CLEAR),
                "border_color": np.where(shown, np.where(np.array(names) == prompted, "white", "black"), CLEAR)}
        self.points.data[:] = np.where(shown[:, None], data, 0.0)
        for key, values in look.items():  # each of them costs a drawing
            if not np.array_equal(self._drawn.get(key), values):
                setattr(self.points, key, values if key == "shown" else values.tolist())
        self._drawn = look
        state = np.where(shown, np.where(offered, OFFERED, MARKED), HIDDEN)
        self.points.features = self.points.features.assign(state=state, detected=shown)
        self.points.selected_data = set()
        self.points.refresh()

    def fit(self) -> None:
        """Show the whole film."""
        self.viewer.reset_view()
        self._fitted_zoom = self.camera.zoom

    def look_at(self, point) -> None:
        """Bring a place of the film into the middle, closer than the whole film where the user is not closer yet."""
        self.camera.center = (0.0, *self.world(point))
        self.camera.zoom = max(self.camera.zoom, CLOSE_UP * self._fitted_zoom)

    def keep_in_sight(self, point) -> None:
        """Bring a place of the film into the middle where the canvas does not show it."""
        away = np.abs(self.world(point) - np.array(self.camera.center)[-2:])
        corners = np.array([self.world(corner) for corner in ((0, 0), self.shape)])
        if (away > 0.45 * np.ptp(corners, axis=0) * self._fitted_zoom / self.camera.zoom).any():
            self.camera.center = (0.0, *self.world(point))

    def world(self, point) -> np.ndarray:
        """(2,) place in the world of a point in the film's pixels."""
        return transformed(world_from_data(self.image), np.atleast_2d(point))[0]

    def film(self) -> Radiograph:
        """The film that is shown."""
        return film_of(self.image)

    @property
    def camera(self):
        return getattr(self.viewer, "scene", self.viewer).camera  # napari 0.9 moved it

    def show_other(self, marks: Marks, mine: Marks, who: str) -> None:
        """Show another annotator's landmarks, and lines from mine to theirs."""
        both = [(np.array(mine[n]), np.array(marks[n])) for n in marks if n in mine]
        lines = [np.stack(pair) for pair in both if np.isfinite(pair).all() and np.ptp(pair, axis=0).any()]
        there = {name: point for name, point in marks.items() if np.isfinite(point).all()}
        self._replace(OTHER, lambda **facts: self.viewer.add_points(
            np.array(list(there.values())).reshape(-1, 2), ndim=2, features={"name": list(there)},
            name=f"{self.image.name} · {who or OTHER}", **self._other_style(), **facts), there)
        self._replace(DIFFERENCE, lambda **facts: self.viewer.add_shapes(
            lines, shape_type="line", edge_color=OTHERS, edge_width=max(0.5, 0.0012 * float(np.hypot(*self.shape))),
            name=f"{self.image.name} · {DIFFERENCE}", **facts), lines)
        self.viewer.layers.move(self.viewer.layers.index(self.points), len(self.viewer.layers))
        self.viewer.layers.selection.active = self.points

    def hide_other(self) -> None:
        """Take away the other annotator's landmarks."""
        for kind in (OTHER, DIFFERENCE):
            self._remove(kind)

    def clear(self) -> None:
        """Take away all that is shown."""
        if self.image is None:
            return
        for kind in (OTHER, DIFFERENCE, MARKS):
            self._remove(kind)
        if self.image in self.viewer.layers:
            self.viewer.layers.remove(self.image)
        self.image = self.points = None

    def _replace(self, kind: str, make, anything) -> None:
        self._remove(kind)
        if anything:
            make(metadata={KEY: {"kind": kind, "source": self.image.name, "source_id": layer_id(self.image)}},
                 **frame_of(self.image))

    def _remove(self, kind: str) -> None:
        for layer in results_of(self.viewer, self.image, kind):
            self.viewer.layers.remove(layer)

    def _other_style(self) -> dict:
        return {key: value for key, value in _style(self.shape, OTHERS).items() if key != "text"}

    def _look(self) -> dict:
        if self.image is None or self.image not in self.viewer.layers:
            return {}
        return {"colormap": self.image.colormap, "gamma": self.image.gamma}


def _style(shape: tuple[int, int], colour: str) -> dict:
    style = LandmarkStyle(canvas_size_limits=SMALL).layer_kwargs(shape) | {"face_color": colour}
    return {key: value for key, value in style.items() if key not in ("face_colormap", "face_contrast_limits")}


def is_annotated_film(layer) -> bool:
    """Whether an annotation shows this layer."""
    return our_metadata(layer).get("role") == FILM
