"""Evaluate: predicted against true landmarks, contours, labels, angles or poses, from layers or from files."""

from pathlib import Path

import numpy as np
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QComboBox, QFileDialog, QPushButton

from ...errors import InputError
from ..evaluating import compare_layers, place_in, show_case, why_not_evaluated
from .answers import CopyTable
from .dock import Dock, set_note
from .error_plot import ErrorPlot
from .evaluate_cases import CaseGallery
from .evaluate_inputs import PathRow
from .layer_combo import LayerCombo
from .messages import complain, tell
from .run_row import RunRow

LAYERS, FILES = "layers", "files or folders"
BY_ITEM, BY_IMAGE = "each item", "each image"
TIP = "Means over what was found; n counts all, and those that were missed, invented or beyond a limit as failed."
INVITATION = "Compare what was predicted with what is true: choose files below, or open both as layers."
MOST_ROWS = 500


class Evaluate(Dock):
    """The dock "Evaluate"."""

    def __init__(self, napari_viewer):
        super().__init__(napari_viewer, INVITATION)
        self.found = None
        self._of_layers: tuple = ()
        self.where = self._combo((LAYERS, FILES), "What is compared: two layers, or files and folders on the disk")
        self.add(self.where)
        self._build_inputs()
        self.trouble = self.add_note()
        self.run = self.add(RunRow("Evaluate", self))
        self.said = self.add_note()
        self.plot = self.add(ErrorPlot(self))
        self.shown_by = self._combo((BY_ITEM, BY_IMAGE), "What a row of the table is")
        self.measure = self._combo((), "Which measure the plot and the table of items show")
        self.choices = self.add_row(self.measure, self.shown_by)
        self.table = self.add(CopyTable(4, TIP, self))
        self.gallery = self.add(CaseGallery(self))
        self.export_button = self.add(QPushButton("Export report…", self))
        self.export_button.setToolTip("One page with plots, tables and worst cases, which needs no network; and the "
                                      "tables as CSV")
        self._connect()
        self.where.setCurrentText(LAYERS if len(self.viewer.layers) else FILES)
        self._on_layers()
        self._on_where()
        self._show_answer()

    def _combo(self, texts, tip: str) -> QComboBox:
        combo = QComboBox(self)
        combo.addItems(list(texts))
        combo.setToolTip(tip)
        combo.setAccessibleName(tip)
        return combo

    def _build_inputs(self) -> None:
        self.predicted_layer = self.add(LayerCombo(self.viewer, "Predicted", why_not_evaluated))
        self.true_layer = self.add(LayerCombo(self.viewer, "Truth", why_not_evaluated))
        self.predicted_path = self.add(PathRow("Predicted", "What a command or an annotator wrote", self))
        self.true_path = self.add(PathRow("Truth", "A data set's folder, or a file or folder of the same kind", self))

    def _connect(self) -> None:
        self.where.currentTextChanged.connect(lambda _: self._on_where())
        for widget in (self.predicted_layer, self.true_layer, self.predicted_path, self.true_path):
            widget.changed.connect(lambda _: self._check())
        self.run.pressed.connect(self.evaluate)
        self.run.job.done.connect(self._on_found)
        self.shown_by.currentTextChanged.connect(lambda _: self._show_table())
        self.measure.currentIndexChanged.connect(lambda _: self._show_measure())
        self.table.chosen.connect(self._go_to)
        self.gallery.opened.connect(self.open_case)
        self.export_button.clicked.connect(self._choose_folder)

    def _on_layers(self, event=None) -> None:
        """Files can be compared with nothing open: the column always shows."""
        self.empty.setVisible(not len(self.viewer.layers))
        self.body.setVisible(True)

    def _on_where(self) -> None:
        layers = self.where.currentText() == LAYERS
        for widget in (self.predicted_layer, self.true_layer):
            widget.setVisible(layers)
        for widget in (self.predicted_path, self.true_path):
            widget.setVisible(not layers)
        self._check()

    def _check(self) -> None:
        """Say what is missing, and let it run where nothing is."""
        if self.where.currentText() == LAYERS:
            if len(self.true_layer.choices) > 1 and self.predicted_layer.value is self.true_layer.value:
                other = next(one for one in self.true_layer.choices if one is not self.predicted_layer.value)
                self.true_layer.set_value(other)
                return
            ready = len(self.true_layer.choices) > 1
            missing = "" if ready else "Open two layers of landmarks, contours or labels, or choose files."
        else:
            ready = bool(self.predicted_path.value and self.true_path.value)
            missing = "" if ready else "Choose what was predicted, and the truth."
        set_note(self.trouble, missing)
        self.run.button.setEnabled(ready or self.run.job.running)

    def evaluate(self) -> None:
        """Compare what is chosen, beside the window."""
        self._of_layers = ()
        if self.where.currentText() == FILES:
            predicted, truth = self.predicted_path.value, self.true_path.value
            self.run.start(lambda progress: _of_files(predicted, truth, progress))
            return
        layers = self.predicted_layer.value, self.true_layer.value
        try:
            work = compare_layers(*layers)
        except InputError as error:
            complain(error)
            return
        self._of_layers = layers
        self.run.start(lambda progress: _with_pictures(work(), progress))

    def _on_found(self, answer) -> None:
        self.found, pictures = answer
        comparison = self.comparison
        self.measure.blockSignals(True)
        self.measure.clear()
        self.measure.addItems([m.heading for m in comparison.measures])
        self.measure.blockSignals(False)
        self.measure.setVisible(len(comparison.measures) > 1)
        self.shown_by.setItemText(0, f"each {comparison.item}")
        self.gallery.show_cases(pictures)
        self._show_answer()
        self._check()

    @property
    def comparison(self):
        """The `evaluation.comparison.Comparison` that is shown; None before the first."""
        return getattr(self.found, "comparison", self.found)

    def _show_answer(self) -> None:
        there = self.found is not None
        for widget in (self.said, self.plot, self.choices, self.table, self.export_button):
            widget.setVisible(there)
        self.gallery.setVisible(there and self.gallery.count > 0)
        if not there:
            return
        from ...evaluation.comparison_page import sentences

        found = self.comparison
        lines = [text[0].upper() + text[1:] for text in sentences(found)]
        notes = [f"⚠ {text}" for text in found.notes]
        set_note(self.said, "\n".join(f"{line}." for line in [*lines, *notes]))
        self._show_measure()

    def _show_measure(self) -> None:
        measure = self.comparison.measures[max(self.measure.currentIndex(), 0)]
        thresholds = () if measure.more_is_better else self.comparison.thresholds.get(measure.unit, ())
        self.plot.show_values(self.comparison.values[measure.key], measure.heading, thresholds)
        self._show_table()

    def _show_table(self) -> None:
        found, measure = self.comparison, self.comparison.measures[max(self.measure.currentIndex(), 0)]
        if self.shown_by.currentIndex() == 1:
            rows = [(r["image"], _number(r[measure.key]), str(r["failed"]), str(r["worst"]))
                    for r in found.by_image.head(MOST_ROWS).to_dict("records")]
            self.table.show_rows(("image", measure.unit or measure.title, "failed", f"worst {found.item}"), rows)
        else:
            table = found.table[found.table["measure"] == measure.key]
            rows = [(r[found.item], _number(r["mean"]), _number(r["median"]), f"{r['count']}/{r['failed']}")
                    for r in table.to_dict("records")]
            self.table.show_rows((found.item, f"mean {measure.unit}", "median", "n/failed"), rows)

    def _go_to(self, name: str) -> None:
        """A row was chosen: open that image, or go to that landmark of the layers."""
        if self.shown_by.currentIndex() == 1 and not self._of_layers:
            self.open_case(name)
        for layer in self._of_layers:
            place = place_in(layer, name) if layer in self.viewer.layers else None
            if place is not None and np.isfinite(place).all():
                getattr(self.viewer, "scene", self.viewer).camera.center = (0.0, *place[-2:])
                return

    def open_case(self, image: str) -> None:
        """Show an image of the evaluation in the viewer; those of layers are there, and come to the fore."""
        if self._of_layers:
            for layer in self._of_layers:
                layer.visible = True
            self.viewer.layers.selection = {layer for layer in self._of_layers if layer in self.viewer.layers}
            self.viewer.reset_view()
            return
        if self.comparison.case is not None:
            show_case(self.viewer, self.comparison.case(image))

    def _choose_folder(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Folder for the report")
        if folder:
            self.export(folder)

    def export(self, folder: str) -> Path | None:
        """Write the report; its page, or None where that failed (told in one line)."""
        from ...evaluation import write_report

        self.setCursor(Qt.CursorShape.WaitCursor)
        try:
            page = write_report(self.found, folder)
        except InputError as error:
            complain(error)
            return None
        finally:
            self.unsetCursor()
        tell(f"Saved {page.name} and its tables in {Path(folder).name}")
        return page


def _number(value: float) -> str:
    return f"{value:.2f}" if np.isfinite(value) else "–"


def _of_files(predicted: str, truth: str, progress):
    from ...evaluation import evaluate

    progress(0.05, "comparing")
    found = evaluate(predicted, truth, progress=lambda part, image: progress(0.05 + 0.5 * part, image))
    return _with_pictures(found, progress)


def _with_pictures(found, progress):
    """What was found, and (image, text, PNG) of the worst cases."""
    from ...evaluation.cases import drawing, thumbnail

    comparison, pictures = getattr(found, "comparison", found), []
    worst = comparison.worst() if comparison.case is not None else []
    for number, (image, text) in enumerate(worst):
        progress(0.6 + 0.4 * number / len(worst), "drawing the worst cases")
        pictures.append((image, text, thumbnail(drawing(comparison.case(image), 600), 140)))
    return found, pictures
