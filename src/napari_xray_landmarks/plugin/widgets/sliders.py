"""A slider and a number that show the same value, linear or logarithmic, with "off" where zero switches a term off."""

import math

from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QValidator
from qtpy.QtWidgets import QDoubleSpinBox, QHBoxLayout, QSizePolicy, QSlider, QSpinBox, QWidget

STEPS = 400


class NumberSlider(QWidget):
    """One number in [low, high].

    Parameters
    ----------
    low, high
        Ends of the slider. With `log`, low must be positive.
    log
        Equal steps of the slider multiply the value.
    integer
        Only whole numbers.
    off
        The left end of a logarithmic slider is 0, shown as "off".
    unit
        Shown behind the number.
    """

    changed = Signal(float)

    def __init__(self, low, high, *, log=False, integer=False, off=False, unit="", parent=None):
        super().__init__(parent)
        if not low < high or (log and low <= 0):
            raise ValueError(f"a {'log ' if log else ''}slider cannot run from {low} to {high}")
        self.low, self.high, self.log, self.integer, self.off = low, high, log, integer, off
        self.slider = _Slider(Qt.Orientation.Horizontal, self)
        self.slider.setRange(0, high - low if integer and not log and high - low < STEPS else STEPS)
        self.slider.setMinimumWidth(60)
        self.number = _Whole(self) if integer else _Number(self, log, low if off else None)
        self.number.setRange(0 if off else low, high)
        self.number.setKeyboardTracking(False)
        if unit:
            self.number.setSuffix(f" {unit}")
        self.number.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.number.setFixedWidth(self.number.fontMetrics().horizontalAdvance("0.000888") + 44
                                  + self.number.fontMetrics().horizontalAdvance(unit))
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.slider, 1)
        row.addWidget(self.number)
        self.slider.valueChanged.connect(self._from_slider)
        self.number.valueChanged.connect(self._from_number)

    @property
    def value(self) -> float | int:
        return self.number.value()

    def setAccessibleName(self, name: str) -> None:
        """Let screen readers call both parts by a name."""
        super().setAccessibleName(name)
        self.slider.setAccessibleName(name)
        self.number.setAccessibleName(name)

    def set_value(self, value: float) -> None:
        """Show a value without announcing it."""
        self.number.blockSignals(True)
        self.number.setValue(int(round(value)) if self.integer else float(value))
        self.number.blockSignals(False)
        self._place_slider()

    def position(self, value: float) -> int:
        """The slider's position of a value; inverse of `value_at` up to a step."""
        top = self.slider.maximum()
        if self.off and value <= 0:
            return 0
        if not self.log:
            return round(top * (value - self.low) / (self.high - self.low))
        share = math.log(max(value, self.low) / self.low) / math.log(self.high / self.low)
        return max(round(top * share), 1) if self.off else round(top * share)

    def value_at(self, position: int) -> float:
        """The value at a slider's position."""
        top = self.slider.maximum()
        if self.off and position == 0:
            return 0.0
        if not self.log:
            return self.low + (self.high - self.low) * position / top
        return self.low * (self.high / self.low) ** (position / top)

    def _from_slider(self, position: int) -> None:
        value = self.value_at(position)
        value = int(round(value)) if self.integer else float(f"{value:.3g}")
        if value == self.value:
            return
        self.number.blockSignals(True)
        self.number.setValue(value)
        self.number.blockSignals(False)
        self.changed.emit(float(self.value))

    def _from_number(self, value) -> None:
        self._place_slider()
        self.changed.emit(float(value))

    def _place_slider(self) -> None:
        self.slider.blockSignals(True)
        self.slider.setValue(self.position(self.value))
        self.slider.blockSignals(False)


class _Slider(QSlider):
    """A slider that leaves the wheel to the scrolling dock until it has the focus."""

    def wheelEvent(self, event):
        super().wheelEvent(event) if self.hasFocus() else event.ignore()


class _Whole(QSpinBox):
    def wheelEvent(self, event):
        super().wheelEvent(event) if self.hasFocus() else event.ignore()


class _Number(QDoubleSpinBox):
    """A number with three significant digits whose arrows multiply on a logarithmic scale."""

    def __init__(self, parent, log: bool, off_below: float | None):
        super().__init__(parent)
        self._log, self._off_below = log, off_below
        self.setDecimals(6)
        if not log:
            self.setStepType(QDoubleSpinBox.StepType.AdaptiveDecimalStepType)

    def textFromValue(self, value):
        return "off" if self._off_below is not None and value == 0 else f"{value:.3g}"

    def valueFromText(self, text):
        text = text.removesuffix(self.suffix()).strip()
        try:
            return 0.0 if text == "off" else float(text)
        except ValueError:
            return self.value()

    def validate(self, text, position):
        typed = text.removesuffix(self.suffix()).strip()
        if self._off_below is not None and "off".startswith(typed):
            state = QValidator.State.Acceptable if typed == "off" else QValidator.State.Intermediate
            return state, text, position
        if not set(typed) <= set("0123456789.,eE+-"):
            return QValidator.State.Invalid, text, position
        try:
            fits = self.minimum() <= float(typed) <= self.maximum()
        except ValueError:
            fits = False
        return QValidator.State.Acceptable if fits else QValidator.State.Intermediate, text, position

    def stepBy(self, steps):
        if not self._log:
            return super().stepBy(steps)
        value = self.value()
        if value == 0:
            value = self._off_below if steps > 0 else 0.0
        else:
            value = value * 1.25**steps
            if self._off_below is not None and value < self._off_below * 0.999:
                value = 0.0
        self.setValue(value)

    def wheelEvent(self, event):
        super().wheelEvent(event) if self.hasFocus() else event.ignore()
