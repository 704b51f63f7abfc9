"""Spine curvature: the corners of vertebrae in, Cobb angles out, live while a corner is dragged."""

from pathlib import Path

from qtpy.QtCore import QTimer
from qtpy.QtGui import QBrush, QColor
from qtpy.QtWidgets import QCheckBox, QFileDialog, QPushButton

from ...errors import InputError
from ...spine.cobb import CURVES, Curvature, Curve
from ...spine.table import change_row, row, write_curves
from ..films import our_metadata
from ..spine import (
    BODIES,
    COLOURS,
    LINES,
    corners_of_labels,
    corners_of_levels,
    curves_in,
    hide,
    place,
    show_bodies,
    show_lines,
    why_not_corners,
    why_not_labels,
)
from .answers import CopyTable
from .connections import Connections
from .dock import Dock, Fold, set_note
from .layer_combo import LayerCombo
from .messages import complain, tell
from .spine_compare import CompareFilms

HEADER = ("curve", "angle", "end vertebrae", "apex", "convex")
TIP = ("Between the upper endplate of the upper end vertebra and the lower endplate of the lower one; ± is the "
       "standard deviation from the corners' confidences. Left and right are those of the film.")
NO_CORNERS = "No vertebral corners yet: find them with a spine model in Detect landmarks, or open a table of them."
TABLE_HEIGHT = 92  # a header and three rows
FRAME_EVENTS = ("scale", "translate", "rotate", "shear", "affine", "units")


class SpineCurvature(Dock):
    """The dock "Spine curvature"."""

    def __init__(self, napari_viewer):
        super().__init__(napari_viewer, "Open the corners of vertebrae to measure a spine's curves, or try a sample.",
                         ("spine",))
        self.curvature: Curvature | None = None
        self.corners = self.add(LayerCombo(self.viewer, "Corners", why_not_corners))
        self.trouble = self.add_note()
        self._build_labels()
        self.said = self.add_note()
        self.table = self.add(CopyTable(len(HEADER), TIP, self))
        self.table.table.setFixedHeight(TABLE_HEIGHT)
        self.hint = self.add_note("Drag a corner: the angles follow.")
        self._build_drawing()
        self.comparison = CompareFilms(self)
        self.compare = self.add(Fold("Compare films", self.comparison))
        self.export_button = self.add(QPushButton("Export…", self))
        self.export_button.setToolTip("Save the angles as a table (CSV): this film's, or those of the compared films")
        self._connect()
        self._on_corners(self.corners.value)

    def _build_labels(self) -> None:
        self.labels = self.add(LayerCombo(self.viewer, "Masks", why_not_labels))
        self.labels_button = self.add(QPushButton("Find the corners of these masks", self))
        self.labels_button.setToolTip("The corners of the vertebral bodies in a Labels layer, as a Points layer")

    def _build_drawing(self) -> None:
        self.with_lines = QCheckBox("Draw angles", self)
        self.with_lines.setToolTip("Endplate lines, perpendiculars and angles on the film")
        self.with_bodies = QCheckBox("Draw vertebrae", self)
        self.with_bodies.setToolTip("The vertebral bodies, end vertebrae in the colour of their curve")
        for box in (self.with_lines, self.with_bodies):
            box.setChecked(True)
        self.drawing = self.add_row(self.with_lines, self.with_bodies)

    def _connect(self) -> None:
        self._soon = QTimer(self, singleShot=True, interval=10)
        self._soon.timeout.connect(self.update_curves)
        self._corner_ties = Connections(self)
        self.corners.changed.connect(self._on_corners)
        self.labels.changed.connect(lambda _: self._show_labels())
        self.labels_button.clicked.connect(self.find_corners)
        self.with_lines.toggled.connect(lambda _: self.update_curves())
        self.with_bodies.toggled.connect(lambda _: self.update_curves())
        self.compare.button.toggled.connect(lambda _: self._show_comparison())
        self.comparison.changed.connect(self._show_comparison)
        self.export_button.clicked.connect(self._choose_file)
        self.table.chosen.connect(self._show_curve)
        self._ties.to(self.viewer.layers.events.removed, self._on_removed)

    def update_curves(self) -> None:
        """Measure the corners as they lie now, and show and draw what comes out."""
        layer, trouble = self.corners.value, ""
        self.curvature = None
        if layer is not None:
            try:
                self.curvature = curves_in(layer)
                trouble = "; ".join(self.curvature.vertebrae.notes)
            except InputError as error:
                trouble = str(error)
        set_note(self.trouble, NO_CORNERS if layer is None else f"⚠ {trouble}." if trouble else "")
        self._show_answer()
        self._draw(layer)
        self._show_comparison()

    def find_corners(self) -> None:
        """Make a Points layer of the corners of the chosen masks."""
        try:
            made = corners_of_labels(self.viewer, self.labels.value)
        except InputError as error:
            complain(error)
            return
        missed = our_metadata(made).get("notes")
        tell(f"{made.name}: {len(made.data)} corners" + (f"; {len(missed)} bodies need a look" if missed else ""))

    def save(self, path: str) -> None:
        """Write the table of this film, or of the compared films; errors are told in one line."""
        compared = self.compare.button.isChecked() and len(self.comparison.films) > 1
        if compared:
            films, curves, days = self.comparison.films, self.comparison.curvatures, self.comparison.dates
        else:
            films, curves, days = [self.corners.value], [self.curvature], [None]
        rows = [row(film.name, c, day=day) for film, c, day in zip(films, curves, days, strict=True)]
        if compared:
            rows = [[*cells, *change_row(change)] for cells, change in zip(rows, self.comparison.changes, strict=True)]
        try:
            write_curves(path, rows, compared=compared, notes=["; ".join(c.vertebrae.notes) for c in curves])
        except InputError as error:
            complain(error)
            return
        tell(f"Saved {Path(path).name}")

    def _show_answer(self) -> None:
        found = self.curvature
        for widget in (self.said, self.table, self.hint, self.drawing, self.export_button):
            widget.setVisible(found is not None)
        if found is None:
            return
        self.table.show_rows(HEADER, [_cells(curve) for curve in found.curves])
        for i, curve in enumerate(CURVES):
            self.table.table.item(i, 0).setForeground(QBrush(QColor(COLOURS[curve])))
        largest = f"{found.largest.name} {found.largest.angle_deg:.1f}°" if found.largest.there else "no curve"
        verdict = found.verdict[0].upper() + found.verdict[1:]
        set_note(self.said, f"{verdict}: {largest}. {len(found.vertebrae)} vertebrae, {found.vertebrae.describe()}.")

    def _draw(self, layer) -> None:
        if layer is None or self.curvature is None:
            return
        for box, kind, show in ((self.with_bodies, BODIES, show_bodies), (self.with_lines, LINES, show_lines)):
            if box.isChecked():
                show(self.viewer, layer, self.curvature)
            else:
                hide(self.viewer, layer, kind)

    def _show_comparison(self) -> None:
        self.compare.setVisible(len(self.corners.choices) > 1)
        if self.compare.button.isChecked():
            self.comparison.show_layers(list(reversed(self.corners.choices)))

    def _show_curve(self, name: str) -> None:
        """Select the corners of a curve's end vertebrae."""
        layer, curve = self.corners.value, self.curvature[name]
        layer.selected_data = corners_of_levels(layer, (curve.upper, curve.lower))
        self.viewer.layers.selection.active = layer

    def _show_labels(self) -> None:
        for widget in (self.labels, self.labels_button):
            widget.setVisible(self.labels.value is not None)

    def _on_corners(self, layer) -> None:
        self._corner_ties.clear()
        if layer is not None:
            for emitter in (layer.events.data, layer.events.features, layer.selected_data.events.items_changed):
                self._corner_ties.to(emitter, self._on_moved)
            for name in FRAME_EVENTS:
                self._corner_ties.to(getattr(layer.events, name), self._on_frame)
            layer.mode = "select"  # so that a corner can be dragged at once
        self._show_labels()
        self.update_curves()

    def _on_moved(self, event=None) -> None:
        if not self._soon.isActive():
            self._soon.start()

    def _on_frame(self, event=None) -> None:
        place(self.viewer, self.corners.value)
        self._on_moved()

    def _on_removed(self, event) -> None:
        for kind in (LINES, BODIES):
            hide(self.viewer, event.value, kind)
        self._show_labels()

    def _choose_file(self) -> None:
        start = self.corners.value.name.replace(" · ", "-").replace("/", "-") + "-curves.csv"
        path, _ = QFileDialog.getSaveFileName(self, "Export curves", start, "Table (*.csv)")
        if path:
            self.save(path if path.lower().endswith(".csv") else f"{path}.csv")


def _cells(curve: Curve) -> tuple[str, ...]:
    if not curve.there:
        return curve.name, "0°" if curve.angle_deg == 0 else "not shown", "–", "–", "–"
    spread = f" ± {curve.sd_deg:.1f}°" if curve.sd_deg == curve.sd_deg else ""
    return curve.name, f"{curve.angle_deg:.1f}°{spread}", f"{curve.upper} to {curve.lower}", curve.apex, curve.convex
