"""The mouse and the keys on a film that is being annotated."""

from collections.abc import Callable, Mapping

import numpy as np

from .films import world_from_data
from .frames import transformed
from .labels import names_of

REACH = 9.0
"""Screen pixels within which the mouse takes hold of a point."""
STILL = 4.0
"""Screen pixels that the mouse may move in a click."""

KEYS = {
    "Backspace": "take_back", "Control-Z": "undo", "Control-Shift-Z": "redo", "Control-Y": "redo",
    "Enter": "accept", "Shift-Enter": "accept_all", "X": "skip", "N": "next_landmark", "P": "previous_landmark",
    "PageDown": "next_film", "PageUp": "previous_film",
}
"""What each key does, by napari's names; Return is Enter too."""
ARROWS = {"Up": (-1, 0), "Down": (1, 0), "Left": (0, -1), "Right": (0, 1)}
"""(rows, columns) that each arrow moves the landmark by that is asked for."""
FAR = 0.01
"""Part of the film's longer side that an arrow moves it by with Shift; without, it is a pixel."""


class Clicks:
    """A click places, a drag from a point moves it, a drag from elsewhere moves the film.

    Parameters
    ----------
    layer
        The points.
    camera
        The viewer's, for the size of a screen pixel.
    place
        Called with a click's (row, column) in the film's pixels.
    move
        Called as `move(name, (row, column))` where a point was let go.
    nudge
        Called as `nudge(rows, columns, far)` for an arrow; far with Shift.
    actions
        What each of `KEYS` does.
    """

    def __init__(self, layer, camera, place: Callable, move: Callable, nudge: Callable,
                 actions: Mapping[str, Callable[[], None]]):
        self.layer, self._camera, self._place, self._move = layer, camera, place, move
        layer.mode = "pan_zoom"
        layer.mouse_drag_callbacks.append(self._on_press)
        layer.mouse_move_callbacks.append(self._on_hover)
        for key, action in KEYS.items():
            layer.bind_key(key, lambda _, act=actions[action]: act(), overwrite=True)
        for key, by in ARROWS.items():
            layer.bind_key(key, lambda _, by=by: nudge(*by, False), overwrite=True)
            layer.bind_key(f"Shift-{key}", lambda _, by=by: nudge(*by, True), overwrite=True)

    def nearest(self, position) -> int | None:
        """The point under the mouse, at a place in the world; None where there is none."""
        shown = np.flatnonzero(self.layer.shown)
        if not len(shown):
            return None
        world = transformed(world_from_data(self.layer), np.asarray(self.layer.data)[shown])
        away = np.linalg.norm(world - np.asarray(position)[-2:], axis=1) * self._camera.zoom
        return int(shown[away.argmin()]) if away.min() <= REACH else None

    def _on_hover(self, layer, event) -> None:
        """Let the camera be while the mouse is over a point, or a drag would move both."""
        if layer.mode == "pan_zoom":
            layer.mouse_pan = self.nearest(event.position) is None

    def _on_press(self, layer, event):
        if layer.mode != "pan_zoom" or event.button != 1 or event.modifiers:
            return
        start = np.array(event.position)[-2:]
        held, dragged = self.nearest(start), False
        if held is not None:
            layer.mouse_pan = False
        yield
        while event.type == "mouse_move":
            here = np.array(event.position)[-2:]
            dragged |= np.linalg.norm(here - start) * self._camera.zoom > STILL
            if held is not None and dragged:
                layer.data[held] = self._in_film(event)
                layer.refresh()
            yield
        layer.mouse_pan = True
        if held is not None and dragged:
            self._move(names_of(layer)[held], tuple(self._in_film(event)))
        elif not dragged:
            self._place(self._in_film(event))

    def _in_film(self, event) -> np.ndarray:
        return np.asarray(self.layer.world_to_data(event.position), dtype=float)[-2:]
