"""Light on surfaces in space. napari lights them from behind where the camera's axes make a mirror image of its own."""

from weakref import WeakSet

import numpy as np

USUAL = ("towards", "down", "right")
_LIT: WeakSet = WeakSet()


def light_from_the_camera(viewer) -> None:
    """Keep the light on surfaces behind the viewer's shoulder, however the camera's axes run.

    Without a window, or where napari's canvas is built otherwise, everything stays as it is.
    """
    camera = getattr(viewer, "scene", viewer).camera  # napari 0.9 moved it
    if viewer in _LIT or not _visuals(viewer) or not hasattr(camera.events, "view_direction"):
        return
    _LIT.add(viewer)

    def turn(event=None) -> None:
        if viewer.dims.ndisplay == 3 and is_mirrored(camera.orientation):
            view, up = (np.array(direction[::-1]) for direction in (camera.view_direction, camera.up_direction))
            for layer, visual in _visuals(viewer).items():
                if type(layer).__name__ == "Surface":
                    visual._light_direction = view - up - np.cross(up, view)
                    visual._on_view_direction_change()

    for emitter in (camera.events.view_direction, camera.events.orientation, viewer.dims.events.ndisplay,
                    viewer.layers.events.inserted):
        emitter.connect(turn, position="last")  # after the canvas has set its own
    turn()


def is_mirrored(orientation) -> bool:
    """Whether a camera shows the mirror image of what napari shows at first."""
    return sum(str(one) != usual for one, usual in zip(orientation, USUAL, strict=True)) % 2 == 1


def _visuals(viewer) -> dict:
    """What the canvas draws, by layer; empty without a window."""
    canvas = getattr(getattr(getattr(viewer, "window", None), "_qt_viewer", None), "canvas", None)
    return getattr(canvas, "layer_to_visual", {})
