"""The answer of a segmentation: its numbers as a table, and what each vertex says, as bars and as colours."""

import numpy as np
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QComboBox, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from ...shape.measures import measures
from ..films import our_metadata
from ..labels import names_of
from ..outlines import colour_vertices
from ..styles import COLOURED_BY
from .answers import ConfidencePlot, CopyTable
from .combos import narrow


class MeasuresTable(CopyTable):
    """One row a number: structure, what, how much."""

    def __init__(self, parent=None):
        super().__init__(3, "Lengths in mm where the film's pixel spacing is known. Displacement: mean distance of "
                            "the vertices from the mean shape", parent)

    def show_segmentation(self, segmentation, spacing) -> None:
        """Show the numbers of every outline and circle."""
        rows = [(m.structure, what, how_much) for m in measures(segmentation, spacing)
                for what, how_much in m.in_words()]
        self.show_rows(("structure", "measure", "value"), rows)


class VertexColours(QWidget):
    """Which feature the vertices are coloured by, and that feature as bars with the legend of the colours."""

    chosen = Signal(str)

    def __init__(self, parent=None):
        super().__init__(parent)
        self._layer, self._unit = None, "px"
        self.combo = narrow(QComboBox(self))
        self.combo.setObjectName("vertex-colours")
        for by in COLOURED_BY:
            self.combo.addItem(by.caption, by)
        self.combo.setToolTip("Confidence; distance from the mean shape's vertex; how far the film disagrees")
        label = QLabel("Vertices coloured by", self)
        label.setBuddy(self.combo)
        self.plot = ConfidencePlot(self)
        row = QHBoxLayout()
        row.addWidget(label)
        row.addWidget(self.combo, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(row)
        column.addWidget(self.plot)
        self.combo.currentIndexChanged.connect(self._paint)
        self.plot.chosen.connect(self.chosen)

    def set_layer(self, layer, unit: str) -> None:
        """Which vertices; None for none. `unit` is that of their displacement."""
        self._layer, self._unit = layer, unit
        if layer is None:
            return
        column = our_metadata(layer).get("coloured_by")
        wanted = next((i for i, by in enumerate(COLOURED_BY) if by.column == column), self.combo.currentIndex())
        self.combo.blockSignals(True)
        self.combo.setCurrentIndex(wanted)
        self.combo.blockSignals(False)
        self._paint()

    def _paint(self, *_) -> None:
        if self._layer is None:
            return
        by = self.combo.currentData()
        top = colour_vertices(self._layer, by)
        caption = by.caption if by.top is not None else self._unit
        values = np.asarray(self._layer.features[by.column], dtype=float)
        self.plot.show_values(names_of(self._layer), values, top=top, colormap=by.colormap, caption=caption)
