"""A choice among the layers that fit, which says why the others do not."""

from collections.abc import Callable

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QComboBox, QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from .combos import narrow
from .connections import Connections


class LayerCombo(QWidget):
    """Lists a viewer's layers that fit; a layer that is opened later is chosen at once.

    Parameters
    ----------
    viewer
        A viewer or a viewer model.
    caption
        What is asked for.
    why_not
        Says why a layer does not fit, None where it does. Layers for which it says "" are passed over in silence.
    """

    changed = Signal(object)

    def __init__(self, viewer, caption: str, why_not: Callable[[object], str | None], parent=None):
        super().__init__(parent)
        self._viewer, self._why_not = viewer, why_not
        self._layers: list = []
        self._chosen = None
        self.combo = narrow(QComboBox(self))
        self.combo.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.note = QLabel(self)
        self.note.setWordWrap(True)
        self.note.setVisible(False)
        label = QLabel(caption, self)
        label.setBuddy(self.combo)
        row = QHBoxLayout()
        row.addWidget(label)
        row.addWidget(self.combo, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(row)
        column.addWidget(self.note)
        self.combo.currentIndexChanged.connect(self._on_chosen)
        self._connections = Connections(self)
        events = viewer.layers.events
        self._connections.to(events.inserted, self._on_inserted)
        self._connections.to(events.removed, self._on_listed)
        self._connections.to(events.reordered, self._on_listed)
        for layer in viewer.layers:
            self._connections.to(layer.events.name, self._on_listed)
        self.refresh()
        active = viewer.layers.selection.active
        if active in self._layers:
            self.set_value(active)

    @property
    def value(self):
        """The chosen layer, or None where none fits."""
        return self._chosen

    @property
    def choices(self) -> list:
        """Every layer that fits, in the order of the combo."""
        return list(self._layers)

    def set_value(self, layer) -> None:
        """Choose a layer that fits."""
        self.combo.setCurrentIndex(self._layers.index(layer))

    def refresh(self) -> None:
        """List the layers anew; the chosen one stays chosen while it fits."""
        before = self._chosen
        reasons = {layer: self._why_not(layer) for layer in self._viewer.layers}
        self._layers = [layer for layer in reversed(self._viewer.layers) if reasons[layer] is None]
        self.combo.blockSignals(True)
        self.combo.clear()
        self.combo.addItems([layer.name for layer in self._layers])
        self._chosen = before if before in self._layers else (self._layers[0] if self._layers else None)
        if self._chosen is not None:
            self.combo.setCurrentIndex(self._layers.index(self._chosen))
        self.combo.blockSignals(False)
        self._explain({layer.name: reason for layer, reason in reasons.items() if reason})
        if self._chosen is not before:
            self.changed.emit(self._chosen)

    def _explain(self, reasons: dict[str, str]) -> None:
        lines = [f"{name}: {reason}." for name, reason in list(reasons.items())[:2]]
        if len(reasons) > 2:
            lines.append(f"… and {len(reasons) - 2} more layers that do not fit.")
        self.note.setText("\n".join(lines))
        self.note.setVisible(bool(lines))

    def _on_chosen(self, index: int) -> None:
        self._chosen = self._layers[index] if index >= 0 else None
        self.changed.emit(self._chosen)

    def _on_listed(self, event=None) -> None:
        self.refresh()

    def _on_inserted(self, event) -> None:
        self._connections.to(event.value.events.name, self._on_listed)
        self.refresh()
        if event.value in self._layers:
            self.set_value(event.value)
