"""Which layers are to be seen for a while, and what the user had chosen before."""

from weakref import WeakKeyDictionary


class SlicesInView:
    """Which slices are seen, and which part of them."""

    def __init__(self, viewer):
        self._viewer, self._camera = viewer, getattr(viewer, "scene", viewer).camera  # napari 0.9 moved it
        self._point, self._centre, self._zoom = viewer.dims.point, self._camera.center, self._camera.zoom

    def restore(self) -> None:
        """Bring them back after space was seen: napari goes to the middle slice."""
        self._viewer.dims.set_point(range(len(self._point)), self._point)
        self._camera.center, self._camera.zoom = self._centre, self._zoom


class Visibility:
    """Hides and shows layers, and takes that back; what the user changed meanwhile stays."""

    def __init__(self, viewer):
        self._viewer = viewer
        self._before: WeakKeyDictionary = WeakKeyDictionary()

    def change(self, hidden=(), seen=()) -> None:
        """Hide some layers and show others, remembering how they were."""
        for layers, visible in ((hidden, False), (seen, True)):
            for layer in layers:
                if layer in self._viewer.layers and layer.visible != visible:
                    self._before.setdefault(layer, layer.visible)
                    layer.visible = visible

    def restore(self, layers=None) -> None:
        """Bring layers back to how they were before; all of them without `layers`."""
        for layer in list(self._before) if layers is None else layers:
            if layer in self._before:
                layer.visible = self._before.pop(layer)
