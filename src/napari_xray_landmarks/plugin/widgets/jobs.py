"""Long work beside the window: one cancellable job, and a live job of which only the newest counts."""

import threading
from collections.abc import Callable

from napari.qt.threading import FunctionWorker
from qtpy.QtCore import QObject, Signal

from ...errors import Cancelled

Work = Callable[[Callable[[float, str], None]], object]


class Job(QObject):
    """Runs one piece of work in a thread; what it does to layers happens afterwards, in the window's own thread.

    Signals
    -------
    progressed(float, str)
        Part done in [0, 1], and the stage's name.
    done(object)
        What the work returned.
    failed(object)
        The exception that ended it.
    cancelled()
        The user stopped it.
    ended()
        After any of the three.
    """

    progressed = Signal(float, str)
    done = Signal(object)
    failed = Signal(object)
    cancelled = Signal()
    ended = Signal()

    def __init__(self, parent=None):
        super().__init__(parent)
        self._worker = None
        self._stop = threading.Event()

    @property
    def running(self) -> bool:
        return self._worker is not None

    def start(self, work: Work) -> None:
        """Run `work(progress)` beside the window. One at a time: a second start is a programming error."""
        if self.running:
            raise RuntimeError("this job is already running")
        self._stop = stop = threading.Event()
        self._worker = FunctionWorker(self._run, work, stop)
        self._worker.returned.connect(self._finish)
        self._worker.start()

    def cancel(self) -> None:
        """Ask the work to stop at its next report of progress; its result is thrown away."""
        self._stop.set()

    def _run(self, work: Work, stop: threading.Event):
        def progress(fraction: float, stage: str) -> None:
            worker = self._worker
            if stop.is_set() or (worker is not None and worker.abort_requested):  # cancelled, or napari closes
                raise Cancelled
            _emit(self.progressed, float(fraction), str(stage))

        try:
            return "done", work(progress)
        except Cancelled:
            return "cancelled", None
        except Exception as error:  # the window's edge: whatever went wrong becomes a message, not a dead thread
            return "failed", error

    def _finish(self, outcome) -> None:
        kind, value = outcome
        stopped, self._worker = self._stop.is_set(), None
        if stopped or kind == "cancelled":
            self.cancelled.emit()
        elif kind == "failed":
            self.failed.emit(value)
        else:
            self.done.emit(value)
        self.ended.emit()


class LiveJob(QObject):
    """Work that a slider or a dragged point asks for again and again: the newest request wins, older ones are dropped.

    Parameters
    ----------
    prepare
        Called in the window's own thread when the work can start; looks at how things stand by then and returns
        (tag, work), or None where nothing is left to do.

    Signals
    -------
    done(object, object)
        (tag, what the work returned).
    failed(object)
        The exception that ended it.
    """

    done = Signal(object, object)
    failed = Signal(object)

    def __init__(self, prepare: Callable[[], tuple[object, Callable[[], object]] | None], parent=None):
        super().__init__(parent)
        self._prepare = prepare
        self._asked = False
        self._job = Job(self)
        self._job.done.connect(lambda result: self.done.emit(*result))
        self._job.failed.connect(self.failed)
        self._job.ended.connect(self._next)

    @property
    def busy(self) -> bool:
        return self._job.running or self._asked

    def request(self) -> None:
        """Do the work as soon as the run before it has ended."""
        self._asked = True
        if not self._job.running:
            self._next()

    def drop(self) -> None:
        """Forget what was asked for, and throw away what runs."""
        self._asked = False
        self._job.cancel()

    def _next(self) -> None:
        if not self._asked:
            return
        self._asked = False
        prepared = self._prepare()
        if prepared is not None:
            tag, work = prepared
            self._job.start(lambda _progress: (tag, work()))


def _emit(signal, *values) -> None:
    try:
        signal.emit(*values)
    except RuntimeError:  # the dock was closed while its work ran
        raise Cancelled from None
