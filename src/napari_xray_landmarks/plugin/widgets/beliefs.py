"""Belief maps in Detect landmarks: a threshold that acts at once, and each landmark's belief stage by stage."""

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QCheckBox, QComboBox, QGridLayout, QLabel, QPushButton, QSlider, QWidget

from ..beliefs import apply_threshold, belief_layer, beliefs_of, show_belief, stage_count, threshold_of
from ..labels import names_of
from .combos import narrow
from .sliders import NumberSlider
from .view_sphere import ViewSphereWindow

READ = "as read"


class BeliefMaps(QWidget):
    """Shows and thresholds the beliefs behind the landmarks of one film."""

    def __init__(self, viewer, parent=None):
        super().__init__(parent)
        self._viewer, self._image, self._layer = viewer, None, None
        self.threshold = NumberSlider(0.0, 1.0, parent=self)
        self.threshold.setAccessibleName("belief from which a landmark counts as detected")
        self.threshold.setToolTip("Belief from which a landmark counts as detected; acts at once")
        self.shown = QCheckBox("Belief in", self)
        self.shown.setToolTip("Where the network believes a landmark to be, as an image over the film")
        self.landmark = narrow(QComboBox(self))
        self.landmark.setAccessibleName("landmark of the belief map")
        self.stage = QSlider(Qt.Orientation.Horizontal, self)
        self.stage.setPageStep(1)
        self.stage.setAccessibleName("stage of the network")
        self.stage.setToolTip("The belief of each stage, from first to last, and that which landmarks are read from")
        self.stage_label = QLabel(self)
        label = QLabel("Threshold", self)
        label.setBuddy(self.threshold.slider)
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        for row, (left, right) in enumerate(((label, self.threshold), (self.shown, self.landmark),
                                             (self.stage_label, self.stage))):
            grid.addWidget(left, row, 0)
            grid.addWidget(right, row, 1)
        self.sphere_button = QPushButton("View sphere…", self)
        self.sphere_button.setToolTip("How well such a model finds landmarks from each direction, from a saved table")
        grid.addWidget(self.sphere_button, 3, 0, 1, 2)
        grid.setColumnStretch(1, 1)
        self.sphere_button.clicked.connect(self._show_sphere)
        self.threshold.changed.connect(self._on_threshold)
        self.shown.toggled.connect(lambda _: self._show())
        self.landmark.currentTextChanged.connect(lambda _: self._show())
        self.stage.valueChanged.connect(lambda _: self._show())
        self.setVisible(False)

    def set_layer(self, image, layer) -> None:
        """Which film and landmark layer; hidden where the layer's method has no beliefs."""
        detection, same = beliefs_of(layer), layer is self._layer
        self._image, self._layer = image, layer
        self.setVisible(detection is not None)
        if detection is None:
            return
        self.threshold.set_value(threshold_of(layer))
        stages = stage_count(detection)
        for widget in (self.stage, self.stage_label):
            widget.setVisible(stages > 0)
        if not same or self.stage.maximum() != stages or self.landmark.count() != len(names_of(layer)):
            self._fill(layer, stages)
        if belief_layer(self._viewer, image) is not None or self.shown.isChecked():
            self._show()

    def choose(self, landmark: str) -> None:
        """Show the belief in one landmark, where beliefs are shown."""
        self.landmark.setCurrentText(landmark)

    def _fill(self, layer, stages: int) -> None:
        for widget in (self.landmark, self.stage):
            widget.blockSignals(True)
        before = self.landmark.currentText()
        self.landmark.clear()
        self.landmark.addItems(list(names_of(layer)))
        self.landmark.setCurrentText(before)
        self.stage.setRange(0, stages)
        self.stage.setValue(stages)
        for widget in (self.landmark, self.stage):
            widget.blockSignals(False)

    def _on_threshold(self, value: float) -> None:
        if self._layer in self._viewer.layers:
            apply_threshold(self._layer, value)

    def _show(self) -> None:
        """Bring the belief map up to date, or take it away."""
        detection, number = beliefs_of(self._layer), self.stage.value()
        last = detection is not None and number == stage_count(detection)
        self.stage_label.setText(f"Stage: {READ}" if last else f"Stage: {number + 1}")
        if detection is None or self._image not in self._viewer.layers:
            return
        existing = belief_layer(self._viewer, self._image)
        if not self.shown.isChecked():
            if existing is not None:
                self._viewer.layers.remove(existing)
            return
        active = self._viewer.layers.selection.active
        show_belief(self._viewer, self._image, detection, self.landmark.currentText(), None if last else number)
        self._viewer.layers.selection.active = active

    def _show_sphere(self) -> None:
        self._sphere = ViewSphereWindow(self)
        self._sphere.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._sphere.show()
