"""The answer of a volume's segmentation: its structures as a table, and a bar that says what colours mean."""

import numpy as np
from napari.utils.colormaps import ensure_colormap
from qtpy.QtCore import QPointF, QRectF, QSize
from qtpy.QtGui import QBrush, QColor, QLinearGradient, QPainter
from qtpy.QtWidgets import QSizePolicy, QWidget

from ...shape.volume_measures import VolumeMeasures, volume_measures
from ..volume_layers import colours_of
from .answers import CopyTable

HEADER = ("structure", "found", "ml", "thick mm")
TIP = ("Found: its confidence, from 0 to 1. Volume in ml; thickness of cartilage in mm, its mean over the surface that "
       "it covers. Choose a row to go to the structure and paint it")


class StructureTable(CopyTable):
    """One row a structure: found, confidence, volume, and of cartilage the mean thickness."""

    def __init__(self, parent=None):
        super().__init__(len(HEADER), TIP, parent)

    def show_segmentation(self, found) -> None:
        """Show the structures of a volume's segmentation, each with the colour of its label."""
        colours = colours_of(found.structures)
        rows = [_row(one) for one in volume_measures(found)]
        self.show_rows(HEADER, rows, [colours[structure.label] for structure in found.structures])


def _row(of: VolumeMeasures) -> tuple[str, ...]:
    structure = of.structure
    sure = "yes" if np.isnan(structure.confidence) else f"{structure.confidence:.2f}"
    volume = f"{structure.volume_ml:.1f}" if structure.found else ""
    mean = "" if of.thickness is None or np.isnan(of.thickness.mean_mm) else f"{of.thickness.mean_mm:.2f}"
    return structure.name, sure if structure.found else "no", volume, mean


def in_words(found) -> str:
    """How much was found, and why what is missing is missing."""
    count = sum(structure.found for structure in found.structures)
    lines = [f"{count} of {len(found.structures)} structures found."]
    told = [note.rstrip(".") for note in found.notes]
    lines += [f"{s.name} was not found: {s.reason}." for s in found.structures
              if not s.found and not any(s.name in note for note in told)]
    return "\n".join([*lines, *(f"{note}." for note in told)])


class ColourBar(QWidget):
    """The colours of a surface from 0 to a largest value, with its unit."""

    MARGIN, BAR = 4, 10

    def __init__(self, parent=None):
        super().__init__(parent)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._map, self._top, self._caption, self._least = ensure_colormap("plasma"), 1.0, "", "0"

    def sizeHint(self) -> QSize:
        return QSize(200, self.BAR + self.fontMetrics().height() + 3 * self.MARGIN)

    def show_colours(self, colormap, top: float, caption: str, least: str = "0") -> None:
        """Show a colour map that ends at `top`; `caption` is what it stands for with its unit, `least` what 0 is."""
        self._map, self._top, self._caption, self._least = ensure_colormap(colormap), float(top), caption, least
        text = f"{caption}: {least} to {top:.3g}"
        self.setAccessibleName(text)
        self.setToolTip(text)
        self.update()

    def paintEvent(self, event):
        painter = QPainter(self)
        bar = QRectF(self.MARGIN, self.MARGIN, self.width() - 2 * self.MARGIN, self.BAR)
        gradient = QLinearGradient(bar.left(), 0, bar.right(), 0)
        for stop in np.linspace(0, 1, 65):
            colour = self._map.map(np.array([stop]))[0]
            gradient.setColorAt(float(stop), QColor.fromRgbF(*(float(c) for c in colour)))
        painter.fillRect(bar, QBrush(gradient))
        painter.setPen(self.palette().text().color())
        measure, base = painter.fontMetrics(), bar.bottom() + painter.fontMetrics().ascent() + self.MARGIN
        top = f"{self._top:.3g}"
        painter.drawText(QPointF(bar.left(), base), self._least)
        painter.drawText(QPointF(bar.right() - measure.horizontalAdvance(top), base), top)
        width = measure.horizontalAdvance(self._caption)
        painter.drawText(QPointF(bar.center().x() - width / 2, base), self._caption)
