"""The live part of tuning: whatever changes, the newest state is solved beside the window and shown at once."""

import time

from qtpy.QtCore import QObject, Signal

from ..corrections import Corrections
from ..results import names_of, update_landmarks
from ..session import Live
from ..solving import merged, owners, shown, solve
from .jobs import LiveJob


class Resolver(QObject):
    """Keeps one landmark layer in step with its settings and its user's corrections.

    Signals
    -------
    solved(object, float)
        (estimates by subshape number, seconds from the request to the points on the screen).
    corrected(object)
        Names of landmarks that were dragged, or given back.
    failed(object)
        The exception that ended a solve; the layer is as it was.
    """

    solved = Signal(object, float)
    corrected = Signal(object)
    failed = Signal(object)

    def __init__(self, layer, live: Live, parent=None):
        super().__init__(parent)
        self.layer, self.live = layer, live
        self.estimates: dict[int, object] = {}
        self._due: dict[int, object] = {}
        self._since = 0.0
        self._job = LiveJob(self._prepare, self)
        self._job.done.connect(self._on_solved)
        self._job.failed.connect(self.failed)
        self.corrections = Corrections(layer, live, self._on_corrected)
        self.corrections.take_moved()

    @property
    def busy(self) -> bool:
        return self._job.busy

    def close(self) -> None:
        """Watch the layer no longer, and drop what runs."""
        self.corrections.close()
        self._job.drop()

    def request(self, numbers, settings=None) -> None:
        """Solve these subshapes again, with new settings or as they stand.

        Parameters
        ----------
        numbers
            Of the subshapes.
        settings
            For all of them; None keeps each one's own.
        """
        if not self._due:
            self._since = time.perf_counter()
        for number in numbers:
            self._due[number] = settings or self._due.get(number) or self.live.settings[number]
        self._job.request()

    def _prepare(self):
        if not self._due:
            return None
        due, self._due = self._due, {}
        since, self._since = self._since, time.perf_counter()
        corrections = dict(self.live.corrections)
        live = self.live

        def work():
            return {number: solve(live, number, settings, corrections) for number, settings in due.items()}

        return (due, since), work

    def _on_solved(self, tag, estimates) -> None:
        due, since = tag
        self.live.settings.update(due)
        self.estimates.update(estimates)
        if len(names_of(self.layer)) == len(self.layer.data) == len(self.live.detection.landmarks):
            landmarks = merged(shown(self.layer), estimates, self.live)
            held = [landmarks.names.index(n) for n in self.live.corrections]
            update_landmarks(self.layer, landmarks, self.live.corrections, keep=held)
        self.solved.emit(estimates, time.perf_counter() - since)

    def _on_corrected(self, names: set[str]) -> None:
        self.request(owners(self.live, names))
        self.corrected.emit(names)
