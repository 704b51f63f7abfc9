"""The work of the dock: read the CT, estimate the poses of films one after the other, and follow moved landmarks."""

from functools import partial
from weakref import WeakKeyDictionary

from qtpy.QtCore import QObject, Signal

from ...errors import InputError
from ...geometry.pose import MIN_LANDMARKS
from ..film_geometry import geometry_of
from ..films import film_of
from ..pose_layers import landmarks_on_film, marks_of_film
from ..posing import Estimation, estimated
from ..registering import ReadCT, read_ct
from ..settings import model_settings
from ..simulating import landmarks_of_layer
from ..solving import Search, detect_in
from .jobs import LiveJob
from .pose_inputs import PoseInputs

ANY_VIEW = "view-invariant"

class PoseWork(QObject):
    """Works beside the window; of what is asked for again and again only the newest counts.

    Parameters
    ----------
    viewer
    inputs
        Which layers.

    Signals
    -------
    read()
        The CT can be used.
    unreadable(object)
        Why it cannot.
    estimated(object, object, object, object, bool)
        Film, CT, `Pose`, `LandmarkPairs`, and whether it was asked for by name and does not follow a landmark.
    refused(object)
        Why a film has no pose.
    """

    read = Signal()
    unreadable = Signal(object)
    estimated = Signal(object, object, object, object, bool)
    refused = Signal(object)

    def __init__(self, viewer, inputs: PoseInputs, parent=None):
        super().__init__(parent)
        self._viewer, self._inputs = viewer, inputs
        self.ct: ReadCT | None = None
        self.least_confidence = 0.0
        self._waiting: list = []
        self._following = None
        self._made_from: WeakKeyDictionary = WeakKeyDictionary()
        self._reading = LiveJob(self._prepare_reading, self)
        self._reading.done.connect(self._on_read)
        self._reading.failed.connect(self._on_unreadable)
        self._estimating = LiveJob(self._prepare_estimate, self)
        self._estimating.done.connect(self._on_estimated)
        self._estimating.failed.connect(self._on_refused)

    @property
    def busy(self) -> bool:
        return self._reading.busy or self._estimating.busy or bool(self._waiting)

    def read_again(self) -> None:
        """Read the chosen CT."""
        self.ct = None
        self._reading.request()

    def estimate(self, films: list) -> None:
        """Estimate the poses of films, one after the other, as soon as the CT is read."""
        self._waiting = list(films)
        if self.ct is None and not self._reading.busy:
            self._reading.request()  # to be told again why it cannot be read
        self._estimating.request()

    def changed(self, film) -> bool:
        """Whether a film's landmarks or detector are others than those that its estimate was made from."""
        if film not in self._made_from or self.ct is None:
            return False
        try:
            return basis_of(self.estimation(film)) != self._made_from[film]
        except (InputError, ValueError):
            return True

    def forget(self, film) -> None:
        """A film's pose comes from elsewhere."""
        self._made_from.pop(film, None)

    def follow(self, film) -> None:
        """Estimate a film's pose again because its landmarks were moved."""
        self._following = film
        self._estimating.request()

    def _prepare_reading(self):
        layer = self._inputs.ct.value
        if layer is None:
            return None
        data = layer.as_layer_data_tuple()
        return layer, lambda: read_ct(*data[:2])

    def _on_read(self, layer, ct: ReadCT) -> None:
        if layer is self._inputs.ct.value and not self._reading.busy:
            self.ct = ct
            self.read.emit()
            self._estimating.request()

    def _on_unreadable(self, error) -> None:
        if not self._reading.busy:
            self._waiting.clear()
            self.unreadable.emit(error)

    def _prepare_estimate(self):
        """The next film that waits, or the one whose landmarks were moved; later, where the CT is not read yet."""
        self._waiting = [film for film in self._waiting if film in self._viewer.layers]
        if self.ct is None or not (self._waiting or self._following in self._viewer.layers):
            return None
        asked = bool(self._waiting)
        film = self._waiting.pop(0) if asked else self._following
        self._following = None
        try:
            task = self.estimation(film)
        except (InputError, ValueError) as error:
            self._on_refused(error)
            return None
        return (film, self._inputs.ct.value, asked, basis_of(task)), lambda: estimated(task)

    def estimation(self, film) -> Estimation:
        """What is known of a film; of one that is not the chosen one, by its own landmarks and header.

        Raises
        ------
        InputError
            There are no landmarks.
        """
        inputs, chosen = self._inputs, film is self._inputs.film.value
        marks = inputs.on_film.value if chosen else marks_of_film(self._viewer, film)
        if marks is None:
            raise InputError(film.name, "has no landmarks", "Find them with Detect landmarks, or place them")
        geometry = inputs.geometry_of_film if chosen else geometry_of(film)
        intrinsics, trusted = (inputs.intrinsics, inputs.trusted) if chosen else (geometry.intrinsics, True)
        in_space = landmarks_of_layer(inputs.in_space.value)
        if in_space is None:
            raise InputError(film.name, "there are no landmarks in space", "Open the CT's landmarks, or place them")
        return Estimation(film_of(film), geometry, intrinsics, trusted, landmarks_on_film(marks, film), in_space,
                          inputs.in_space.value.name, self.ct.volume, self.least_confidence)

    def detection(self, film):
        """work(progress) that finds a film's landmarks, with the model that knows most of those in space.

        Raises
        ------
        InputError
            No model knows enough of them, or the layer is no film.
        """
        from ...models import list_models

        wanted = set(landmarks_of_layer(self._inputs.in_space.value).names)
        known = [(len(wanted & set(header.landmarks)), header.method == ANY_VIEW, header) for header in
                 list_models("detect")]
        count, _, header = max(known, key=lambda entry: (entry[0], entry[1]), default=(0, False, None))
        if count < MIN_LANDMARKS:
            raise InputError(film.name, f"no model knows {MIN_LANDMARKS} of the landmarks in space",
                             "Place them by hand, or train a model for them")
        return partial(detect_in, [Search(film, film_of(film))], header.name, model_settings(header))

    def _on_estimated(self, asked, found) -> None:
        film, ct, clicked, basis = asked
        if film in self._viewer.layers and ct is self._inputs.ct.value:
            self._made_from[film] = basis
            self.estimated.emit(film, ct, *found, clicked)
        self._next()

    def _on_refused(self, error) -> None:
        self.refused.emit(error)
        self._next()

    def _next(self) -> None:
        if self._waiting:
            self._estimating.request()


def basis_of(task: Estimation) -> tuple:
    """What an estimate rests on, to be compared."""
    marks = tuple((m.names, m.points.tobytes(), m.detected.tobytes()) for m in (task.on_film, task.in_space))
    return *marks, task.intrinsics, task.trusted, task.least_confidence
