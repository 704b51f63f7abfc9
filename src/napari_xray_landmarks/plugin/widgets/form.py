"""A form generated from a settings dataclass: each field's metadata gives its help, unit, ends, scale and choices."""

from dataclasses import Field, fields, replace

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QCheckBox, QComboBox, QGridLayout, QLabel, QWidget

from .sliders import NumberSlider

_SHORT = {"degrees": "°"}
_SYMBOLS = {"alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ"}


class SettingsForm(QWidget):
    """One row for each field of the chosen groups; the other fields keep their values.

    Parameters
    ----------
    settings
        A frozen dataclass whose fields carry `metadata` (help, unit, low, high, log, choices, group).
    groups
        Groups of fields to show, in the order of the dataclass; None shows all.
    """

    changed = Signal(object)

    def __init__(self, settings, groups: tuple[str, ...] | None = None, parent=None):
        super().__init__(parent)
        self._settings = settings
        self.editors: dict[str, QWidget] = {}
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setVerticalSpacing(2)
        grid.setColumnStretch(1, 1)
        shown = [f for f in fields(settings) if groups is None or f.metadata.get("group") in groups]
        for row, field in enumerate(shown):
            self._add_row(grid, row, field)
        self.set_value(settings)

    @property
    def value(self):
        """The settings as they stand in the form."""
        return self._settings

    def set_value(self, settings) -> None:
        """Show other settings without announcing them."""
        self._settings = settings
        for name, editor in self.editors.items():
            value = getattr(settings, name)
            if isinstance(editor, NumberSlider):
                editor.set_value(value)
                continue
            editor.blockSignals(True)
            if isinstance(editor, QCheckBox):
                editor.setChecked(value)
            else:
                editor.setCurrentText(str(value))
            editor.blockSignals(False)

    def _add_row(self, grid: QGridLayout, row: int, field: Field) -> None:
        editor = _editor(field, self)
        label = QLabel(caption(field), self)
        label.setBuddy(editor.slider if isinstance(editor, NumberSlider) else editor)
        tip = tooltip(field)
        for widget in (label, editor):
            widget.setToolTip(tip)
        editor.setAccessibleName(f"{field.name}: {tip}")
        grid.addWidget(label, row, 0, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        grid.addWidget(editor, row, 1)
        self.editors[field.name] = editor
        if isinstance(editor, NumberSlider):
            editor.changed.connect(lambda value, f=field: self._set(f, value))
        elif isinstance(editor, QCheckBox):
            editor.toggled.connect(lambda value, f=field: self._set(f, value))
        else:
            editor.currentTextChanged.connect(lambda value, f=field: self._set(f, value))

    def _set(self, field: Field, value) -> None:
        kind = type(getattr(self._settings, field.name))
        self._settings = replace(self._settings, **{field.name: kind(value)})
        self.changed.emit(self._settings)


def caption(field: Field) -> str:
    """A field's short name in the form."""
    return field.metadata.get("label") or _SYMBOLS.get(field.name) or field.name.replace("_", " ")


def tooltip(field: Field) -> str:
    """What a field does, in plain words, with its unit."""
    unit = field.metadata.get("unit")
    return field.metadata.get("help", field.name) + (f" [{unit}]" if unit else "")


def _editor(field: Field, parent: QWidget) -> QWidget:
    meta, default = field.metadata, field.default
    if meta.get("choices"):
        combo = QComboBox(parent)
        combo.addItems([str(c) for c in meta["choices"]])
        return combo
    if isinstance(default, bool):
        return QCheckBox(parent)
    if isinstance(default, int | float) and meta.get("low") is not None and meta.get("high") is not None:
        integer, log = isinstance(default, int), bool(meta.get("log"))
        off = log and not integer and not meta.get("unit") and default < meta["high"]  # a weight: zero switches it off
        return NumberSlider(meta["low"], meta["high"], log=log, integer=integer, off=off,
                            unit=_SHORT.get(meta.get("unit"), meta.get("unit", "")), parent=parent)
    raise TypeError(f"no form for the option {field.name!r} of type {type(default).__name__}")
