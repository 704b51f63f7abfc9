"""Tune solver: every move of a slider and every dragged landmark re-solves exactly, and shows at once."""

from dataclasses import replace

import numpy as np
from qtpy.QtWidgets import QCheckBox, QComboBox, QLabel, QPushButton

from ..films import spacing_of
from ..results import image_of, is_landmarks, names_of, show_response
from ..session import events, recall
from ..settings import forget_preferences, preferences_used, presets, save_preferences, solver_fields
from ..solving import owner, warm_up
from .combos import narrow
from .connections import Connections
from .dock import Dock, Fold, set_note
from .export import ExportRow
from .form import SettingsForm
from .jobs import Job
from .layer_combo import LayerCombo
from .messages import complain, tell
from .redetect import Redetect
from .resolver import Resolver
from .term_plot import TermPlot

SOLVER = ("solver",)


class TuneSolver(Dock):
    """The dock "Tune solver"."""

    def __init__(self, napari_viewer):
        super().__init__(napari_viewer, "Open a radiograph and detect its landmarks; then tune how they are found.")
        self.resolver: Resolver | None = None
        self.form: SettingsForm | None = None
        self._response_layer = None
        self._starts: dict[int, dict] = {}
        self.layer = self.add(LayerCombo(self.viewer, "Landmarks", _why_not))
        self.trouble = self.add_note()
        self.redetect = self.add(Redetect(self.viewer, self))
        self._build_choice()
        self._build_weights()
        self._build_answer()
        self.warm_up = Job(self)
        self._build_uses()
        self._selection_ties = Connections(self)
        self.layer.changed.connect(self._on_layer)
        self._ties.to(events.remembered, self._on_remembered)
        self._on_layer(self.layer.value)

    @property
    def number(self) -> int:
        """The subshape that is tuned."""
        return max(self.subshape.currentIndex(), 0)

    @property
    def landmark(self) -> str:
        """The landmark whose response image is shown."""
        return self.response_of.currentText()

    def _build_choice(self) -> None:
        self.subshape, self.response_of = narrow(QComboBox(self)), narrow(QComboBox(self))
        self.subshape_row = self.add_row(QLabel("Subshape", self), self.subshape, stretch=(0, 1))
        self.show_response = QCheckBox("Response of", self)
        self.show_response.setToolTip("Show where the votes for this landmark fall")
        self.show_response.setChecked(True)
        self.response_of.setAccessibleName("landmark of the response image")
        self.response_row = self.add_row(self.show_response, self.response_of, stretch=(0, 1))
        self.subshape.currentIndexChanged.connect(self._on_subshape)
        self.response_of.currentTextChanged.connect(lambda _: self._paint_response())
        self.show_response.toggled.connect(lambda _: self._paint_response())

    def _build_weights(self) -> None:
        self.preset = QComboBox(self)
        self.preset.setToolTip("Set all sliders at once")
        self.preset.setPlaceholderText("your own mix")
        self.preset_row = self.add_row(QLabel("Preset", self), self.preset, stretch=(0, 1))
        self.preset.textActivated.connect(self.apply_preset)
        self.weights = self.add(Fold("Weights", QLabel(self), open=True))

    def _build_answer(self) -> None:
        self.terms = self.add(TermPlot(self))
        self.said = self.add_note()
        self.hand_note = self.add_note()
        self.undo_button = QPushButton("Undo", self)
        self.undo_button.setToolTip("Take back the last drag or release")
        self.release_button = QPushButton("Release", self)
        self.release_button.setToolTip("Give the selected landmarks back to the solver")
        self.release_all_button = QPushButton("Release all", self)
        self.hand_row = self.add_row(self.undo_button, self.release_button, self.release_all_button)
        self.undo_button.clicked.connect(lambda: self.resolver.corrections.undo())
        self.release_button.clicked.connect(self._on_release)
        self.release_all_button.clicked.connect(lambda: self.resolver.corrections.release())

    def _build_uses(self) -> None:
        self.film_button = QPushButton("Use on whole film", self)
        self.film_button.setToolTip("Solve every subshape of this film with these weights")
        self.all_button = QPushButton("Use on all open images", self)
        self.all_button.setToolTip("Solve every film that has landmarks with these weights")
        self.uses = self.add_row(self.film_button, self.all_button)
        self.save_button = QPushButton("Save as my default", self)
        self.save_button.setToolTip("Every detection starts with these weights: File > Preferences > X-ray Landmarks")
        self.forget_button = QPushButton("Forget my default", self)
        self.forget_button.setToolTip("Every detection starts with its model's own weights again")
        self.saves = self.add_row(self.save_button, self.forget_button)
        self.export = self.add(ExportRow(self.viewer, self))
        self.film_button.clicked.connect(lambda: self._use_on([self.layer.value]))
        self.all_button.clicked.connect(lambda: self._use_on(self.layer.choices))
        self.save_button.clicked.connect(lambda: self._keep(save_preferences, self.form.value))
        self.forget_button.clicked.connect(lambda: self._keep(forget_preferences))

    def apply_preset(self, name: str) -> None:
        """Set the sliders to a preset and solve; only the solver's settings change."""
        preset = self._presets()[name]
        settings = replace(self.form.value, **{f: getattr(preset, f) for f in solver_fields(preset)})
        self.form.set_value(settings)
        self._on_form(settings)

    def _presets(self) -> dict:
        return presets(self.resolver.live.model.header)

    def _on_remembered(self, layer) -> None:
        """Go on with a landmark layer that was just found, or found anew."""
        self.layer.refresh()
        if layer is self.layer.value:
            self._on_layer(layer)
        elif layer in self.layer.choices:
            self.layer.set_value(layer)

    def _on_layer(self, layer) -> None:
        if self.resolver is not None:
            self.resolver.close()
            self.resolver.deleteLater()
            self.resolver = None
        self._selection_ties.clear()
        self._starts, self._response_layer = {}, None
        live = recall(layer) if layer is not None else None
        parts = (self.subshape_row, self.response_row, self.preset_row, self.weights, self.terms, self.said,
                 self.hand_row, self.uses, self.saves, self.export)
        for part in parts:
            part.setVisible(live is not None)
        self.redetect.set_layer(layer if live is None else None)
        set_note(self.trouble, _trouble(layer, live))
        if live is not None:
            self._start(layer, live)

    def _start(self, layer, live) -> None:
        self.resolver = Resolver(layer, live, self)
        self.resolver.solved.connect(self._on_solved)
        self.resolver.failed.connect(complain)
        self.resolver.corrected.connect(self._on_corrected)
        self.export.set_layer(layer)
        self.forget_button.setEnabled(preferences_used())
        self.preset.clear()
        self.preset.addItems(list(self._presets()))
        self.form = SettingsForm(live.settings[0], SOLVER, parent=self)
        self.form.changed.connect(self._on_form)
        self.weights.set_inside(self.form)
        self.subshape.blockSignals(True)
        self.subshape.clear()
        for i, subshape in enumerate(live.detection.subshapes):
            self.subshape.addItem(f"{i + 1}: {', '.join(subshape.names)}")
        self.subshape.blockSignals(False)
        self._selection_ties.to(layer.selected_data.events.items_changed, self._on_selected)
        self.viewer.layers.selection.active = layer
        layer.mode = "select"  # so that a landmark can be dragged at once
        self._on_subshape()
        self._say_by_hand()
        if not self.warm_up.running:
            self.warm_up.start(lambda _: warm_up(live))

    def _on_subshape(self, *_) -> None:
        if self.resolver is None:
            return
        live = self.resolver.live
        self.form.set_value(live.settings[self.number])
        self._name_preset(self.form.value)
        self.response_of.blockSignals(True)
        self.response_of.clear()
        self.response_of.addItems(list(live.detection.subshapes[self.number].names))
        self.response_of.blockSignals(False)
        self.subshape.setToolTip(self.subshape.currentText())
        self.resolver.request([self.number])

    def _on_selected(self, *_) -> None:
        """Follow the point that the user selects."""
        layer = self.layer.value
        names = names_of(layer)
        chosen = [names[i] for i in layer.selected_data if i < len(names)]
        if len(chosen) != 1 or len(names) != len(self.resolver.live.detection.landmarks):
            return
        number = owner(self.resolver.live, chosen[0])
        if number != self.number:
            self.subshape.setCurrentIndex(number)
        self.response_of.setCurrentText(chosen[0])

    def _on_form(self, settings) -> None:
        self._name_preset(settings)
        self.resolver.request([self.number], settings)

    def _name_preset(self, settings) -> None:
        """Show the preset that the sliders stand at, if any."""
        stand = [getattr(settings, f) for f in solver_fields(settings)]
        names = [name for name, p in self._presets().items() if [getattr(p, f) for f in solver_fields(p)] == stand]
        if self.preset.currentText() not in names:
            self.preset.setCurrentIndex(self.preset.findText(names[0]) if names else -1)

    def _on_solved(self, estimates, seconds: float) -> None:
        estimate = estimates.get(self.number)
        if estimate is None:
            return
        start = self._starts.setdefault(self.number, dict(estimate.terms))
        self.terms.show_terms(estimate.terms, start)
        self.terms.setVisible(bool(estimate.terms))
        set_note(self.said, f"Residual {estimate.residual:.0e} · {100 * estimate.isolated_share:.1f} % isolated patches"
                            f" · shown in {1000 * seconds:.0f} ms")
        self._paint_response()

    def _paint_response(self) -> None:
        if self.resolver is None:
            return
        image = image_of(self.viewer, self.layer.value)
        estimate = self.resolver.estimates.get(self.number)
        if self._response_layer is not None and self._response_layer in self.viewer.layers:
            self._response_layer.visible = self.show_response.isChecked()
        if image is None or estimate is None or not self.show_response.isChecked():
            return
        names = self.resolver.live.detection.subshapes[self.number].names
        if self.landmark not in names:
            return
        active = self.viewer.layers.selection.active
        response = estimate.responses[names.index(self.landmark)]
        self._response_layer = show_response(self.viewer, image, self.landmark, response, layer=self._response_layer)
        if self.viewer.layers.selection.active is not active:
            self.viewer.layers.selection.active = active

    def _on_corrected(self, names) -> None:
        if len(names) == 1 and owner(self.resolver.live, *names) != self.number:
            self.subshape.setCurrentIndex(owner(self.resolver.live, *names))
        self._say_by_hand()

    def _say_by_hand(self) -> None:
        live, image = self.resolver.live, image_of(self.viewer, self.layer.value)
        spacing = spacing_of(image) if image is not None else None
        found = live.detection.landmarks
        parts = []
        for name, point in live.corrections.items():
            distance = np.linalg.norm((np.array(point) - found[name]) * (spacing or (1, 1)))
            parts.append(f"{name} ({distance:.1f} {'mm' if spacing else 'px'} moved)")
        text = f"By hand: {', '.join(parts)}." if parts else "Drag a landmark: the others of its subshape follow."
        set_note(self.hand_note, text)
        self.undo_button.setEnabled(self.resolver.corrections.can_undo)
        self.release_button.setEnabled(bool(parts))
        self.release_all_button.setEnabled(bool(parts))

    def _on_release(self) -> None:
        layer = self.layer.value
        names = names_of(layer)
        self.resolver.corrections.release([names[i] for i in layer.selected_data])

    def _use_on(self, layers) -> None:
        settings = self.form.value
        done = 0
        for layer in layers:
            live = recall(layer)
            if live is None or live.model.header.method != self.resolver.live.model.header.method:
                continue
            resolver = self.resolver if layer is self.layer.value else Resolver(layer, live, self)
            if resolver is not self.resolver:
                resolver.solved.connect(lambda *_, r=resolver: (r.close(), r.deleteLater()))
                resolver.failed.connect(complain)
            resolver.request(range(len(live.detection.subshapes)), settings)
            done += 1
        tell(f"Solving {done} film{'s' if done != 1 else ''} with these weights")

    def _keep(self, change, *settings) -> None:
        try:
            change(*settings)
        except ValueError as error:
            complain(error)
        self.forget_button.setEnabled(preferences_used())


def _why_not(layer) -> str | None:
    return None if is_landmarks(layer) else ""


def _trouble(layer, live) -> str:
    if layer is None:
        return "No landmarks yet: run Detect landmarks first."
    if live is None:
        return "These landmarks come from a file or another session: detect them again to tune them."
    return ""
