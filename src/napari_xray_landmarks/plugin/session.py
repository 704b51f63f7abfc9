"""What napari's layers cannot hold: the live detection behind a landmark layer, from which tuning re-solves."""

from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

from psygnal import Signal

from ..imaging import Radiograph

_LIVE: WeakKeyDictionary = WeakKeyDictionary()


@dataclass
class Live:
    """The state of one landmark layer while napari runs.

    Parameters
    ----------
    model
        The loaded model.
    film
        The radiograph that was searched.
    detection
        What the method found, with the subshapes that re-solve.
    settings
        The settings that the points on the screen were solved with, by subshape number.
    corrections
        Landmarks that a user placed, (row, column) in the image's pixels.
    """

    model: object
    film: Radiograph
    detection: object
    settings: dict[int, object]
    corrections: dict[str, tuple[float, float]] = field(default_factory=dict)


class _Events:
    remembered = Signal(object)
    models_changed = Signal()


events = _Events()


def remember(layer, live: Live) -> None:
    """Keep a detection for as long as its layer lives, and tell who tunes it (`events.remembered`)."""
    _LIVE[layer] = live
    events.remembered.emit(layer)


def recall(layer) -> Live | None:
    """The detection behind a layer; None where it was read from a file or found in another session."""
    return _LIVE.get(layer)
