"""Ties between a viewer's events and a dock that end with the dock."""


class Connections:
    """Connects callbacks to napari's events until the widget is destroyed.

    A viewer outlives its docks: without this, a closed dock's callbacks would touch deleted widgets.
    """

    def __init__(self, widget):
        self._pairs = pairs = []
        widget.destroyed.connect(lambda *_: _disconnect(pairs))

    def to(self, emitter, callback) -> None:
        """Connect a callback to an event emitter."""
        emitter.connect(callback)
        self._pairs.append((emitter, callback))

    def clear(self) -> None:
        """Disconnect everything."""
        _disconnect(self._pairs)


def _disconnect(pairs: list) -> None:
    while pairs:
        emitter, callback = pairs.pop()
        try:
            emitter.disconnect(callback)
        except (ValueError, RuntimeError):  # already gone
            continue
