"""Ties between a viewer and a dock that end with the dock."""

from collections.abc import Callable


class Connections:
    """Connects callbacks to napari's events until the widget is destroyed.

    A viewer outlives its docks: without this, a closed dock's callbacks would touch deleted widgets.
    """

    def __init__(self, widget):
        self._undo: list[Callable[[], object]] = []
        widget.destroyed.connect(_Ending(self._undo))

    def to(self, emitter, callback) -> None:
        """Connect a callback to an event emitter."""
        emitter.connect(callback)
        self.at_end(lambda: emitter.disconnect(callback))

    def at_end(self, action: Callable[[], object]) -> None:
        """Do something when the widget is gone."""
        self._undo.append(action)

    def clear(self) -> None:
        """End all ties now."""
        _Ending(self._undo)()


class _Ending:
    """Undoes ties. An instance's attributes may be gone already where garbage collection takes the widget."""

    def __init__(self, undo: list):
        self.undo = undo

    def __call__(self, *_):
        undo = self.__dict__.get("undo") or []
        while undo:
            action = undo.pop()
            try:
                action()
            except (ValueError, RuntimeError, NameError):  # gone already
                continue
