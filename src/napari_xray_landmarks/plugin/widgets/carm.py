"""Simulate C-arm: a CT in, the film of any view live in the dock, and as a layer or a DICOM file."""

from pathlib import Path

from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QCheckBox, QComboBox, QFileDialog, QLabel, QPushButton

from ...drr.exposure import EXPOSURES
from ...errors import InputError
from ...geometry.views import view_name
from ..arm_drawing import hide_arm, hide_arms, is_drawn, look_from_the_front, show_arm
from ..simulating import (
    film_layers,
    film_of_patient,
    landmarks_of_layer,
    middle_of,
    preview_of,
    read_patient,
    why_not_a_ct,
    why_not_labels,
    why_not_landmarks,
)
from .arm_form import ArmForm
from .connections import Connections
from .dock import Dock, set_note
from .film_view import FilmView
from .jobs import Job, LiveJob
from .layer_combo import LayerCombo
from .messages import complain, tell

SAMPLES = ("pelvis-ct",)
SETTLE_MS = 250
DRAW_MS = 120  # layers in space take longer to change than a film to be shown: not with every preview
PLACED = ("scale", "translate", "rotate", "shear", "affine", "units")


class SimulateCArm(Dock):
    """The dock "Simulate C-arm"."""

    def __init__(self, napari_viewer):
        super().__init__(napari_viewer, "Open a CT to simulate its radiographs, or try a sample.", SAMPLES)
        self.patient, self.picture = None, None
        self.ct = self.add(LayerCombo(self.viewer, "CT", why_not_a_ct))
        self.labels = self.add(LayerCombo(self.viewer, "Labels", why_not_labels))
        self.landmarks = self.add(LayerCombo(self.viewer, "Landmarks", why_not_landmarks))
        self.said = self.add_note()
        self.view = self.add(FilmView(self))
        self.form = self.add(ArmForm(self))
        self.exposure = QComboBox(self)
        self.exposure.addItems(list(EXPOSURES))
        self.exposure.setToolTip("A film on a bucky table, or a frame of fluoroscopy: dose, beam, scatter, processing")
        self.add_row(QLabel("Exposure"), self.exposure, stretch=(0, 1))
        self.with_landmarks, self.with_outlines, self.with_arm = (
            QCheckBox(text, self) for text in ("Landmarks", "Outlines", "C-arm"))
        self.with_arm.setToolTip("Draw source, rays and detector beside the CT, in the 3D view")
        self.space_button = QPushButton("See in 3D", self)
        for box in (self.with_landmarks, self.with_outlines, self.with_arm):
            box.setChecked(True)
        self.add_row(self.with_landmarks, self.with_outlines, self.with_arm, self.space_button)
        self.numbers = self.add_note()
        self.add_button, self.save_button = QPushButton("Add to layers", self), QPushButton("Save DICOM…", self)
        self.add_row(self.add_button, self.save_button)
        self._start_jobs()
        self._connect()
        self._on_ct(self.ct.value)

    def _start_jobs(self) -> None:
        self._then, self._drawn, self._middle = None, None, None
        self._reading = LiveJob(self._prepare_reading, self)
        self._reading.done.connect(self._on_read)
        self._reading.failed.connect(self._on_unreadable)
        self._filming = LiveJob(self._prepare_picture, self)  # one at a time: films and previews share the processors
        self._filming.done.connect(self._on_picture)
        self._filming.failed.connect(self._on_no_picture)
        self._saving = Job(self)
        self._saving.done.connect(lambda path: tell(f"Saved {path.name}"))
        self._saving.failed.connect(complain)
        self._moving = QTimer(self, singleShot=True, interval=SETTLE_MS)
        self._moving.timeout.connect(self._on_still)
        self._arm_soon = QTimer(self, singleShot=True, interval=DRAW_MS)
        self._arm_soon.timeout.connect(self._draw_arm)

    def _connect(self) -> None:
        self._ct_ties, self._mark_ties = Connections(self), Connections(self)
        self.ct.changed.connect(self._on_ct)
        self.labels.changed.connect(self.read)
        self.landmarks.changed.connect(self._on_landmarks)
        self.form.changed.connect(self.refresh)
        self.form.released.connect(self.settle)
        self.view.turned.connect(self.form.turn)
        self.view.released.connect(self.settle)
        self.exposure.currentTextChanged.connect(self.refresh)
        self.with_landmarks.toggled.connect(self.refresh)
        self.with_outlines.toggled.connect(self.refresh)
        self.with_arm.toggled.connect(self._draw_arm)
        self.space_button.clicked.connect(self._see_in_space)
        self.add_button.clicked.connect(lambda: self._with_film(self._add))
        self.save_button.clicked.connect(self._choose_file)
        viewer = self.viewer
        self._ties.at_end(lambda: hide_arms(viewer))

    @property
    def busy(self) -> bool:
        """Whether a CT is being read, a picture made, or something moves."""
        return self._reading.busy or self._filming.busy or self._moving.isActive()

    def read(self, *_) -> None:
        """Read the chosen CT and labels anew, beside the window."""
        self.patient = self._middle = self._then = None
        self._filming.drop()
        self._reading.request()
        self._enable()

    def refresh(self, *_) -> None:
        """Show the view as it stands: at once as a preview, as a whole film when nothing moves any more."""
        self._moving.start(SETTLE_MS)
        self._filming.request()

    def settle(self) -> None:
        """Make the whole film now."""
        self._moving.start(0)

    def _on_still(self) -> None:
        if self.form.held:
            self._moving.start(SETTLE_MS)
        else:
            self._filming.request()

    def _prepare_reading(self):
        ct, labels = self.ct.value, self.labels.value
        if ct is None:
            return None
        data = ct.as_layer_data_tuple(), None if labels is None else labels.as_layer_data_tuple()
        set_note(self.said, f"Reading {ct.name} …")
        return ct, lambda: read_patient(*data)

    def _on_read(self, ct, patient) -> None:
        if ct is self.ct.value and not self._reading.busy:
            self.patient = patient
            set_note(self.said, "\n".join(patient.notes))
            self._enable()
            self.refresh()

    def _on_unreadable(self, error) -> None:
        if not self._reading.busy:
            self.view.show_picture(None)
            set_note(self.said, f"⚠ {error}")
        if not isinstance(error, InputError | ValueError):
            complain(error)

    def _prepare_picture(self):
        """A preview while anything moves, the whole film afterwards; nothing where the C-arm cannot stand so."""
        if self.patient is None:
            return None
        try:
            marks = landmarks_of_layer(self.landmarks.value)
            if self._middle is None:  # and stays, whichever landmark is dragged
                self._middle = middle_of(self.patient, marks)
            arm = self.form.value.arm(self._middle)
        except (InputError, ValueError) as error:
            self._then = None
            set_note(self.numbers, f"⚠ {error}")
            self._enable(False)
            return None
        make = preview_of if self._moving.isActive() else film_of_patient
        marks = marks if self.with_landmarks.isChecked() else None
        patient, exposure = self.patient, EXPOSURES[self.exposure.currentText()]
        outlined = self.with_outlines.isChecked()
        return patient, lambda: make(patient, arm, marks, outlined, exposure)

    def _on_picture(self, patient, picture) -> None:
        if patient is not self.patient:
            return
        self.picture = picture
        self.view.show_picture(picture)
        if picture.film is not None:
            self._draw_arm()
        elif not self._arm_soon.isActive():
            self._arm_soon.start()
        self._enable()
        set_note(self.numbers, describe(picture, self.form.value))
        if picture.film is not None and self._then is not None:
            then, self._then = self._then, None
            then()

    def _on_no_picture(self, error) -> None:
        self._then = None
        complain(error)

    def _see_in_space(self) -> None:
        self.with_arm.setChecked(True)
        look_from_the_front(self.viewer)

    def _draw_arm(self, *_) -> None:
        """Draw the C-arm of the picture, or take it away; one that the user removed stays away."""
        ct, wanted = self.ct.value, self.with_arm.isChecked()
        if self._drawn is not None and (self._drawn is not ct or not wanted):
            hide_arm(self.viewer, self._drawn)
            self._drawn = None
        if ct is None or self.picture is None or not wanted:
            return
        if self._drawn is ct and not is_drawn(self.viewer, ct):
            self.with_arm.setChecked(False)
            return
        show_arm(self.viewer, ct, self.picture.arm, self.picture.grey)
        self._drawn = ct

    def _with_film(self, then) -> None:
        """Do something with the whole film of the view as it stands, which may still have to be made."""
        if self.picture is not None and self.picture.film is not None and not self.busy:
            then()
            return
        self._then = then
        self.settle()

    def _add(self) -> None:
        from napari.layers import Layer

        film, *about = (Layer.create(*data) for data in film_layers(self.picture, self.patient))
        for layer in (film, *about):
            self.viewer.add_layer(layer)
        self.viewer.layers.selection.active = film
        tell(f"Added {film.name}")

    def _choose_file(self) -> None:
        settings = self.form.value
        start = f"{self.ct.value.name} {view_name(settings.lao_deg, settings.cran_deg)}.dcm".replace("/", "-")
        path, _ = QFileDialog.getSaveFileName(self, "Save the film", start, "DICOM (*.dcm)")
        if path:
            self.save(path)

    def save(self, path: str) -> None:
        """Write the film of the view as it stands as DICOM, and its geometry beside it as .json."""
        path = Path(path if path.lower().endswith(".dcm") else f"{path}.dcm")
        self._with_film(lambda: self._saving.running or self._saving.start(lambda _: _write(path, self.picture)))

    def _on_ct(self, ct) -> None:
        self._ct_ties.clear()
        for name in () if ct is None else ("data", *PLACED):
            self._ct_ties.to(getattr(ct.events, name), self.read)
        self.picture = None
        self.view.show_picture(None)
        for note in (self.said, self.numbers):
            set_note(note, "")
        self._draw_arm()
        self._on_landmarks(self.landmarks.value)
        self.read()

    def _on_landmarks(self, layer) -> None:
        self._mark_ties.clear()
        self._middle = None
        for name in () if layer is None else ("data", "features", *PLACED):
            self._mark_ties.to(getattr(layer.events, name), self.refresh)
        self._enable()
        self.refresh()

    def _on_layers(self, event=None) -> None:
        super()._on_layers(event)
        self.empty.setVisible(all(why_not_a_ct(layer) is not None for layer in self.viewer.layers))

    def _enable(self, can_stand: bool = True) -> None:
        there = self.patient is not None
        for widget in (self.add_button, self.save_button):
            widget.setEnabled(there and can_stand)
        for widget in (self.view, self.form, self.exposure, self.with_arm, self.space_button):
            widget.setEnabled(there)
        for combo, box in ((self.labels, self.with_outlines), (self.landmarks, self.with_landmarks)):
            combo.setVisible(bool(combo.choices))
            box.setVisible(bool(combo.choices))


def describe(picture, settings) -> str:
    """A picture's view in numbers, and the pixels of its film."""
    arm = picture.arm
    mm = settings.pixel_mm * settings.source_to_isocentre_mm / settings.source_to_detector_mm
    parts = [view_name(round(arm.lao_deg, 1), round(arm.cran_deg, 1)),
             f"{settings.rows} × {settings.columns} pixels of {mm:.3g} mm in the isocentre"]
    if picture.landmarks is not None:
        parts.append(f"{int(picture.landmarks.detected.sum())} of {len(picture.landmarks)} landmarks on the film")
    if picture.blank:
        parts.append("⚠ the beam misses the CT")
    return ", ".join(parts)


def _write(path: Path, picture) -> Path:
    from ...io.dicom.writing import write_dx
    from ...io.geometry import save_geometry

    write_dx(path, picture.film, picture.arm)
    save_geometry(path.with_suffix(".json"), picture.arm)
    return path
