"""Landmarks that a user places by hand: noticing them while they are dragged, and taking them back."""

from collections.abc import Callable

from .results import mark_placed, moved_by_hand, names_of
from .session import Live

UNDO_KEY = "Control-Z"


class Corrections:
    """Watches one landmark layer; what its user moves becomes a constraint of the solver.

    Parameters
    ----------
    layer
        The landmark layer.
    live
        Its detection; `live.corrections` is kept up to date.
    on_change
        Called with the names of the landmarks whose constraint appeared, moved or went.
    """

    def __init__(self, layer, live: Live, on_change: Callable[[set[str]], None]):
        self.layer, self.live, self._on_change = layer, live, on_change
        self._history: list = []
        layer.events.data.connect(self._on_data)
        layer.events.features.connect(self._on_moved)
        layer.bind_key(UNDO_KEY, lambda _: self.undo(), overwrite=True)

    def close(self) -> None:
        """Watch no longer."""
        self.layer.events.data.disconnect(self._on_data)
        self.layer.events.features.disconnect(self._on_moved)
        self.layer.bind_key(UNDO_KEY, None)

    @property
    def can_undo(self) -> bool:
        return bool(self._history)

    def undo(self) -> None:
        """Take back the last drag or release."""
        if self._history:
            self._restore(self._history.pop())

    def keep_state(self) -> None:
        """Let undo come back to how things stand now."""
        self._history.append(self._state())

    def release(self, names=None) -> None:
        """Give landmarks back to the solver; all without `names`."""
        names = set(self.live.corrections if names is None else names) & set(self.live.corrections)
        if names:
            self.keep_state()
            self._become({n: p for n, p in self.live.corrections.items() if n not in names})

    def take_moved(self) -> set[str]:
        """Turn what was moved since we last wrote the layer into corrections; their names."""
        moved = moved_by_hand(self.layer)
        if moved:
            self.live.corrections = {**self.live.corrections, **moved}
            mark_placed(self.layer)
        return set(moved)

    def _state(self):
        return dict(self.live.corrections)

    def _restore(self, state) -> None:
        self._become(state)

    def _become(self, corrections: dict) -> None:
        before = self.live.corrections
        changed = {n for n in {*before, *corrections} if before.get(n) != corrections.get(n)}
        self.live.corrections = dict(corrections)
        names = names_of(self.layer)
        for name, point in corrections.items():
            self.layer.data[names.index(name)] = point
        mark_placed(self.layer)
        self.layer.refresh()
        self._on_change(changed)

    def _on_data(self, event) -> None:
        if str(getattr(event.action, "value", event.action)) == "changing":
            self.keep_state()
        else:
            self._on_moved()

    def _on_moved(self, event=None) -> None:
        if len(names_of(self.layer)) != len(self.layer.data):
            return
        moved = self.take_moved()
        if moved:
            self._on_change(moved)
