"""Calibrate spacing: a line of known length or a marker ball gives an image its millimetres."""

import numpy as np
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QComboBox, QDoubleSpinBox, QLabel, QPushButton

from ...errors import InputError
from ..films import frame_of, note, our_metadata, spacing_of
from ..results import layer_id, place_results, results_of
from ..spacing import (
    Calibration,
    calibrate,
    describe_spacing,
    from_ball,
    from_line,
    layer_shape,
    why_not_calibrated,
)
from .connections import Connections
from .dock import Dock, set_note
from .layer_combo import LayerCombo
from .messages import tell

LINE, BALL = "Line of known length", "Marker ball"
KNOWN_MM = {LINE: 100.0, BALL: 25.4}
HINTS = {
    LINE: "Drag along something of known length, a ruler or a plate. The last line counts.",
    BALL: "Click on the ball: its outline is found by itself. Or drag a circle along it.",
}
KIND, COLOUR = "calibration", "#ffd166"


class CalibrateSpacing(Dock):
    """The dock "Calibrate spacing"."""

    def __init__(self, napari_viewer):
        super().__init__(napari_viewer, "Open a radiograph to give its pixels a size in millimetres.")
        self._calibration: Calibration | None = None
        self._before = None
        self.image = self.add(LayerCombo(self.viewer, "Image", why_not_calibrated))
        self.now = self.add_note()
        self.measure = QComboBox(self)
        self.measure.addItems([LINE, BALL])
        self.known = QDoubleSpinBox(self)
        self.known.setRange(0.1, 5000.0)
        self.known.setDecimals(2)
        self.known.setSuffix(" mm")
        self.known.setValue(KNOWN_MM[LINE])
        self.add_row(QLabel("Measure"), self.measure)
        self.known_label = QLabel("Its length")
        self.add_row(self.known_label, self.known)
        self.draw_button = QPushButton("Draw the line", self)
        self.click_button = QPushButton("Click on the ball", self)
        self.click_button.setCheckable(True)
        self.add_row(self.draw_button, self.click_button)
        self.hint = self.add_note(HINTS[LINE])
        self.answer = self.add_note()
        self.set_button = QPushButton("Set spacing", self)
        self.undo_button = QPushButton("Undo", self)
        self.add_row(self.set_button, self.undo_button)
        self._soon = QTimer(self, singleShot=True, interval=60)
        self._soon.timeout.connect(self.preview)
        self._shape_ties = Connections(self)
        self._connect()
        self._on_measure(LINE)
        self._on_image(self.image.value)

    def _connect(self) -> None:
        self.image.changed.connect(self._on_image)
        self.measure.currentTextChanged.connect(self._on_measure)
        self.known.valueChanged.connect(lambda _: self._soon.start())
        self.draw_button.clicked.connect(self._on_draw)
        self.click_button.toggled.connect(self._listen)
        self.set_button.clicked.connect(self._on_set)
        self.undo_button.clicked.connect(self._on_undo)
        viewer, hear = self.viewer, self._on_click
        self._ties.at_end(lambda: _forget(viewer, hear))

    def shapes(self, *, make: bool = False):
        """The layer that marks are drawn on, or None."""
        image = self.image.value
        found = results_of(self.viewer, image, KIND) if image is not None else []
        if found or not make or image is None:
            return found[-1] if found else None
        width = max(1.0, 0.003 * float(np.hypot(*layer_shape(image))))
        layer = self.viewer.add_shapes(name=f"{image.name} · calibration", ndim=2, edge_color=COLOUR, edge_width=width,
                                       face_color="transparent", **frame_of(image))
        note(layer, kind=KIND, source=image.name, source_id=layer_id(image))
        self._watch(layer)
        return layer

    def preview(self) -> None:
        """Work out the spacing from the last mark, and say it or say what is wrong."""
        self._calibration, layer = None, self.shapes()
        text = ""
        if layer is not None and len(layer.data):
            try:
                self._calibration = self._measured(layer)
                text = self._describe(self._calibration)
            except InputError as error:
                text = f"⚠ {error}"
        set_note(self.answer, text)
        self.set_button.setEnabled(self._calibration is not None)

    def _measured(self, layer) -> Calibration:
        image, corners, known = self.image.value, np.asarray(layer.data[-1]), self.known.value()
        kind = str(layer.shape_type[-1])
        if self.measure.currentText() == LINE:
            if kind != "line":
                raise InputError(image.name, f"the last mark is a {kind}", "Draw a line")
            return from_line(image, corners[0], corners[1], known)
        if kind != "ellipse":
            raise InputError(image.name, f"the last mark is a {kind}", "Click on the ball or draw a circle along it")
        size = np.ptp(corners, axis=0)
        if size.max() > 1.5 * max(size.min(), 1e-9):
            raise InputError(image.name, f"the circle is {size[0]:.0f} × {size[1]:.0f} px, not round",
                             "Draw it along the ball's outline")
        return from_ball(image, corners.mean(0), known, float(size.mean() / 2))[0]

    def _describe(self, calibration: Calibration) -> str:
        row, column = calibration.spacing_mm
        size = f"{row:.4g}" if abs(row - column) < 1e-6 * row else f"{row:.4g} × {column:.4g}"
        text = f"{size} ± {calibration.relative_sd * row:.1g} mm per pixel\n({calibration.how})"
        before = spacing_of(self.image.value)
        return text + (f"\n{row / before[0]:.3f} of the spacing now" if before else "")

    def _on_draw(self) -> None:
        layer = self.shapes(make=True)
        if layer is not None:
            self.viewer.layers.selection.active = layer
            layer.mode = "add_line" if self.measure.currentText() == LINE else "add_ellipse"

    def _listen(self, listen: bool) -> None:
        _forget(self.viewer, self._on_click)
        if listen:
            self.viewer.mouse_drag_callbacks.append(self._on_click)

    def _on_click(self, viewer, event) -> None:
        image = self.image.value
        self.click_button.setChecked(False)
        if image is None:
            return
        near = np.asarray(image.world_to_data(event.position), dtype=float)[-2:]
        try:
            circle = from_ball(image, near, self.known.value())[1]
        except InputError as error:
            set_note(self.answer, f"⚠ {error}")
            return
        (row, column), r = circle.centre, circle.radius
        box = [[row - r, column - r], [row - r, column + r], [row + r, column + r], [row + r, column - r]]
        self.shapes(make=True).add_ellipses(np.array(box))
        self._soon.start()

    def _on_set(self) -> None:
        image = self.image.value
        self._before = (image, np.array(image.scale), tuple(image.units), our_metadata(image))
        calibrate(self.viewer, image, self._calibration)
        self._refresh_frame(f"{image.name}: {self._describe(self._calibration).splitlines()[0]}")

    def _on_undo(self) -> None:
        (image, scale, units, notes), self._before = self._before, None
        image.scale, image.units = scale, units
        note(image, **{"spacing_source": None, "calibration": None, **notes})
        place_results(self.viewer, image)
        self._refresh_frame(f"{image.name}: spacing as it was")

    def _refresh_frame(self, message: str) -> None:
        self.viewer.reset_view()
        self.undo_button.setEnabled(self._before is not None)
        set_note(self.now, describe_spacing(self.image.value))
        self.preview()
        tell(message)

    def _on_image(self, image) -> None:
        for widget in (self.draw_button, self.click_button, self.measure, self.known):
            widget.setEnabled(image is not None)
        self.undo_button.setEnabled(self._before is not None and self._before[0] is image)
        set_note(self.now, describe_spacing(image) if image is not None else "")
        if (layer := self.shapes()) is not None:
            self._watch(layer)
        self.preview()

    def _on_measure(self, measure: str) -> None:
        self.known.setValue(KNOWN_MM[measure])
        self.known_label.setText("Its length" if measure == LINE else "Its diameter")
        self.draw_button.setText("Draw the line" if measure == LINE else "Draw a circle")
        self.click_button.setVisible(measure == BALL)
        self.click_button.setChecked(False)
        set_note(self.hint, HINTS[measure])
        self.preview()

    def _watch(self, layer) -> None:
        self._shape_ties.clear()
        self._shape_ties.to(layer.events.data, self._on_drawn)

    def _on_drawn(self, event=None) -> None:
        self._soon.start()


def _forget(viewer, callback) -> None:
    if callback in viewer.mouse_drag_callbacks:
        viewer.mouse_drag_callbacks.remove(callback)
