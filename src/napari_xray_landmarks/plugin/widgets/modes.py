"""A slider a mode: a bone's shape model explored by hand, on top of the film or in space."""

import numpy as np
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QComboBox, QGridLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from .sliders import NumberSlider

MOST, LIMIT = 8, 3.0


class ModeSliders(QWidget):
    """The first modes of one bone's shape model, in standard deviations.

    Parameters
    ----------
    reset
        What the button says that takes back what was moved.

    Signals
    -------
    grasped()
        A slider is about to be moved.
    moved(int, object)
        (number of the bone, all its deviations) as the sliders stand.
    released(int)
        The bone's shape is to be as it was before it was moved: to fit the film again.
    chosen(int)
        Number of the bone that the sliders move from now on.
    """

    grasped = Signal()
    moved = Signal(int, object)
    released = Signal(int)
    chosen = Signal(int)

    def __init__(self, parent=None, reset: str = "Reset to fit"):
        super().__init__(parent)
        self._fits: list = []
        self.sliders: list[NumberSlider] = []
        self.bone = QComboBox(self)
        self.bone.setAccessibleName("bone")
        self.bone.setToolTip("The bone whose shape the sliders move")
        self.reset_button = QPushButton(reset, self)
        self.reset_button.setToolTip("The shape fits the film again; vertices that you placed stay where they are")
        self._grid = QGridLayout()
        self._grid.setVerticalSpacing(2)
        self._grid.setColumnStretch(1, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.bone)
        column.addLayout(self._grid)
        column.addWidget(self.reset_button)
        self.bone.currentIndexChanged.connect(self._on_bone)
        self.bone.currentIndexChanged.connect(lambda _: self.chosen.emit(self.number))
        self.reset_button.clicked.connect(lambda: self.released.emit(self.number))

    @property
    def number(self) -> int:
        """Of the bone that the sliders move, among all of the segmentation."""
        return self.bone.currentData() if self.bone.count() else 0

    @property
    def deviations(self) -> np.ndarray:
        """Of all modes, as the sliders stand."""
        deviations = np.array(self._fitted().deviations)
        deviations[:len(self.sliders)] = [slider.value for slider in self.sliders]
        return deviations

    def choose(self, number: int) -> None:
        """Let the sliders move another bone's shape."""
        if (row := self.bone.findData(number)) >= 0:
            self.bone.setCurrentIndex(row)

    def show_shapes(self, segmentation) -> None:
        """Put the sliders where a segmentation's shapes stand, without announcing it."""
        self.show_fits([(i, b.bone, b.fitted) for i, b in enumerate(segmentation.bones) if b.fitted is not None])

    def show_fits(self, fits: list[tuple]) -> None:
        """Put the sliders where shapes stand, without announcing it: (number, name, what has `model`, `deviations`)."""
        same = [(i, name) for i, name, _ in fits] == [(i, name) for i, name, _ in self._fits]
        self._fits = fits
        if not same:
            self.bone.blockSignals(True)
            self.bone.clear()
            for i, name, _ in fits:
                self.bone.addItem(name, i)
            self.bone.blockSignals(False)
            self.bone.setVisible(len(fits) > 1)
        self._on_bone()

    def _fitted(self):
        return next((fitted for i, _, fitted in self._fits if i == self.number), None)

    def _on_bone(self, *_) -> None:
        fitted = self._fitted()
        deviations = [] if fitted is None else fitted.deviations[:MOST]
        if len(deviations) != len(self.sliders):
            self._build(len(deviations))
        for slider, value in zip(self.sliders, deviations, strict=True):
            if not slider.slider.isSliderDown():
                slider.set_value(float(np.clip(value, -LIMIT, LIMIT)))

    def _build(self, count: int) -> None:
        while (item := self._grid.takeAt(0)) is not None:
            item.widget().deleteLater()
        self.sliders = []
        for i in range(count):
            slider = NumberSlider(-LIMIT, LIMIT, parent=self)
            label = QLabel(f"mode {i + 1}", self)
            label.setBuddy(slider.slider)
            share = self._share(i)
            tip = f"Mode {i + 1} of the shape, in standard deviations from the mean" + (
                f"; {100 * share:.0f} % of how shapes differ" if share is not None else "")
            for widget in (label, slider):
                widget.setToolTip(tip)
            slider.setAccessibleName(tip)
            slider.slider.sliderPressed.connect(self.grasped)
            slider.changed.connect(self._on_moved)
            self._grid.addWidget(label, i, 0)
            self._grid.addWidget(slider, i, 1)
            self.sliders.append(slider)

    def _share(self, mode: int) -> float | None:
        variances = self._fitted().model.variances
        return float(variances[mode] / variances.sum()) if variances.sum() > 0 else None

    def _on_moved(self, _value) -> None:
        if not any(slider.slider.isSliderDown() for slider in self.sliders):
            self.grasped.emit()  # by the keyboard, or a number that was typed
        self.moved.emit(self.number, self.deviations)
