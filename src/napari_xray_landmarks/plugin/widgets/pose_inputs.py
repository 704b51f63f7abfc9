"""What a pose needs: a film, a CT, landmarks on both, and the detector; shown as known, editable, or to be found."""

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QCheckBox, QPushButton, QVBoxLayout, QWidget

from ...errors import InputError
from ...geometry.film_arm import contradictions
from ..film_geometry import FilmGeometry, Intrinsics, geometry_of
from ..films import film_of, why_not_a_film
from ..pose_layers import marks_of_film, why_not_marks
from ..simulating import why_not_a_ct, why_not_landmarks
from .connections import Connections
from .dock import Fold, note_in, set_note
from .form import SettingsForm
from .layer_combo import LayerCombo

PLACED = ("scale", "translate", "rotate", "shear", "affine", "units")
WATCHED = ("data", "features", *PLACED)


class PoseInputs(QWidget):
    """The four layers and the detector.

    Signals
    -------
    film_changed(object)
        Another film was chosen, or none.
    ct_changed(object)
        Another CT was chosen, or the chosen one lies elsewhere.
    moved()
        Landmarks were changed, on the film or in space.
    """

    film_changed = Signal(object)
    ct_changed = Signal(object)
    moved = Signal()

    def __init__(self, viewer, parent=None):
        super().__init__(parent)
        self._viewer = viewer
        self.geometry_of_film = FilmGeometry()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        self.film = LayerCombo(viewer, "Film", _why_not_film)
        self.ct = LayerCombo(viewer, "CT", why_not_a_ct)
        self.on_film = LayerCombo(viewer, "On the film", why_not_marks)
        self.in_space = LayerCombo(viewer, "In space", why_not_landmarks)
        self.on_film.setToolTip("Landmarks on this film: detected, placed by hand, or opened")
        self.in_space.setToolTip("The same landmarks in the CT: a 3D Points layer with names, or an opened .mrk.json")
        for combo in (self.film, self.on_film, self.ct, self.in_space):
            column.addWidget(combo)
        self._build_detector(column)
        self._film_ties, self._ct_ties, self._mark_ties = (Connections(self) for _ in range(3))
        self.film.changed.connect(self._on_film)
        self.ct.changed.connect(self._on_ct)
        self.on_film.changed.connect(self._on_marks)
        self.in_space.changed.connect(self._on_marks)
        self._on_film(self.film.value)
        self._on_ct(self.ct.value)

    def _build_detector(self, column: QVBoxLayout) -> None:
        inside = QWidget(self)
        rows = QVBoxLayout(inside)
        rows.setContentsMargins(0, 0, 0, 0)
        self.form = SettingsForm(Intrinsics(), parent=inside)
        self.unknown = QCheckBox("Find the detector too (DLT)", inside)
        self.unknown.setToolTip("From the landmarks alone, by the direct linear transformation: for films without "
                                "geometry. They must not lie in a plane")
        self.distrusted = QCheckBox("The header is wrong: take these values", inside)
        self.distrusted.setToolTip("Neither these values nor the view that is found need to be those of the header")
        self.reset_button = QPushButton("Take the header's values", inside)
        for widget in (self.form, self.unknown, self.distrusted, self.reset_button):
            rows.addWidget(widget)
        self.detector = Fold("Detector", inside, parent=self)
        self.detector_note = note_in(self)
        column.addWidget(self.detector)
        column.addWidget(self.detector_note)
        self.form.changed.connect(self._on_detector)
        self.unknown.toggled.connect(self._on_detector)
        self.distrusted.toggled.connect(self._on_detector)
        self.reset_button.clicked.connect(self._take_header)

    @property
    def intrinsics(self) -> Intrinsics | None:
        """As they stand in the form; None where they are to be found."""
        return None if self.unknown.isChecked() else self.form.value

    @property
    def trusted(self) -> bool:
        """Whether the film's header is right."""
        return not self.distrusted.isChecked()

    @property
    def complete(self) -> bool:
        """Whether all four layers are there."""
        return None not in (self.film.value, self.ct.value, self.on_film.value, self.in_space.value)

    @property
    def lacking(self) -> str:
        """Which layer is missing, and how to come by it."""
        if self.film.value is None:
            return "Open a radiograph."
        if self.ct.value is None:
            return "Open the CT of this patient."
        if self.in_space.value is None:
            return "Open the CT's landmarks (.mrk.json), or place them in a 3D Points layer with names."
        if self.on_film.value is None:
            return "Find this film's landmarks with Detect landmarks, or place them in a Points layer with names."
        return ""

    def _take_header(self) -> None:
        self.distrusted.setChecked(False)
        self.form.set_value(self.geometry_of_film.intrinsics)
        self._on_detector()

    def _on_film(self, film) -> None:
        self._film_ties.clear()
        for name in () if film is None else PLACED:
            self._film_ties.to(getattr(film.events, name), self._on_moved)
        self._read_detector(film)
        own = None if film is None else marks_of_film(self._viewer, film)
        if own is not None and own in self.on_film.choices:
            self.on_film.set_value(own)
        self._on_marks()
        self.film_changed.emit(film)

    def _read_detector(self, film) -> None:
        try:
            self.geometry_of_film = FilmGeometry() if film is None else geometry_of(film)
        except (InputError, ValueError):  # a film that was changed into something else
            self.geometry_of_film = FilmGeometry()
        self.form.set_value(self.geometry_of_film.intrinsics or Intrinsics())
        for box, on in ((self.unknown, self.geometry_of_film.intrinsics is None), (self.distrusted, False)):
            box.blockSignals(True)
            box.setChecked(on)
            box.blockSignals(False)
        self._say_detector()

    def _on_detector(self, *_) -> None:
        self._say_detector()
        self.moved.emit()

    def _say_detector(self) -> None:
        geometry, film, unknown = self.geometry_of_film, self.film.value, self.unknown.isChecked()
        own = self.form.value
        self.form.setEnabled(not unknown)
        self.distrusted.setVisible(geometry.intrinsics is not None)
        self.reset_button.setVisible(geometry.intrinsics not in (None, own))
        self.detector.button.setText(f"Detector: {'to be found' if unknown else own.describe()}")
        text = ""
        if film is not None and unknown and geometry.missing:
            text = f"{film.name}: {geometry.missing}. Enter what you know, or let the landmarks tell (DLT)."
        elif film is not None and not unknown and self.trusted and why_not_a_film(film) is None:
            radiograph = film_of(film)
            text = "; ".join(contradictions(own.arm(radiograph.shape), radiograph))
            text = f"⚠ Contradicts the header: {text}." if text else ""
        set_note(self.detector_note, text)

    def _on_ct(self, ct) -> None:
        self._ct_ties.clear()
        for name in () if ct is None else ("data", *PLACED):
            self._ct_ties.to(getattr(ct.events, name), self._on_ct_moved)
        self.ct_changed.emit(ct)

    def _on_ct_moved(self, event=None) -> None:
        self.ct_changed.emit(self.ct.value)

    def _on_marks(self, layer=None) -> None:
        self._mark_ties.clear()
        for layer in (self.on_film.value, self.in_space.value):
            for name in () if layer is None else WATCHED:
                self._mark_ties.to(getattr(layer.events, name), self._on_moved)
        self.moved.emit()

    def _on_moved(self, event=None) -> None:
        self.moved.emit()


def _why_not_film(layer) -> str | None:
    reason = why_not_a_film(layer)
    silent = reason is None or layer.ndim != 2 or reason in ("not an image", "a result, not a film")
    return reason if reason is None else "" if silent else reason
