"""The answer in numbers: a table that can be copied, a plot of confidence, and the legend of the points."""

from collections.abc import Sequence

import numpy as np
from napari.utils.colormaps import ensure_colormap
from qtpy.QtCore import QPointF, QRectF, QSize, Qt, Signal
from qtpy.QtGui import QBrush, QColor, QGuiApplication, QLinearGradient, QPainter, QPen
from qtpy.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QPushButton,
    QSizePolicy,
    QTableWidget,
    QTableWidgetItem,
    QToolTip,
    QVBoxLayout,
    QWidget,
)

from ..styles import BY_HAND, CONFIDENCE_COLORMAP


class CopyTable(QWidget):
    """Rows of texts that can be copied with one click; a chosen row is announced by its first cell.

    Parameters
    ----------
    columns
        How many.
    tip
        What the cells mean.
    """

    chosen = Signal(str)

    def __init__(self, columns: int, tip: str, parent=None):
        super().__init__(parent)
        self.table = QTableWidget(0, columns, self)
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.verticalHeader().setVisible(False)
        self.table.verticalHeader().setDefaultSectionSize(20)
        self.table.setTabKeyNavigation(False)
        self.table.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.table.setWordWrap(False)
        self.table.setToolTip(tip)
        self.table.setAccessibleName(tip)
        header = self.table.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self.table.setMinimumHeight(96)
        self.table.setMaximumHeight(150)
        self.copy_button = QPushButton("Copy as table", self)
        self.copy_button.clicked.connect(self.copy)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.table)
        column.addWidget(self.copy_button)
        self.table.itemSelectionChanged.connect(self._on_selected)

    def show_rows(self, header: Sequence[str], rows: Sequence[Sequence[str]], colours: Sequence = ()) -> None:
        """Show these rows; all columns but the first one to the right, the first one with a swatch of its colour."""
        self.table.blockSignals(True)
        self.table.setHorizontalHeaderLabels(list(header))
        self.table.setRowCount(len(rows))
        for i, row in enumerate(rows):
            for j, text in enumerate(row):
                item = QTableWidgetItem(text)
                item.setToolTip(text)
                if not j and len(colours):
                    item.setData(Qt.ItemDataRole.DecorationRole, QColor.fromRgbF(*(float(c) for c in colours[i])))
                if j:
                    item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
                self.table.setItem(i, j, item)
        self.table.blockSignals(False)

    def text(self) -> str:
        """The table with tabs between columns."""
        columns = range(self.table.columnCount())
        lines = ["\t".join(self.table.horizontalHeaderItem(j).text() for j in columns)]
        lines += ["\t".join(self.table.item(i, j).text() for j in columns) for i in range(self.table.rowCount())]
        return "\n".join(lines)

    def copy(self) -> None:
        """Put the table on the clipboard."""
        QGuiApplication.clipboard().setText(self.text())

    def _on_selected(self) -> None:
        row = self.table.currentRow()
        if row >= 0:
            self.chosen.emit(self.table.item(row, 0).text())


class LandmarkTable(CopyTable):
    """Landmarks with position and confidence."""

    def __init__(self, parent=None):
        super().__init__(4, "Confidence from 0 to 1; ? marks a best guess, hand a point that you placed", parent)

    def show_points(self, names, points, confidence, detected, unit: str) -> None:
        """List points that are already in `unit`; without confidence a point was placed by hand."""
        sure = ["hand" if np.isnan(c) else f"{c:.2f}" + ("" if d else " ?")
                for c, d in zip(confidence, detected, strict=True)]
        rows = [(name, f"{row:.1f}", f"{column:.1f}", s)
                for name, (row, column), s in zip(names, points, sure, strict=True)]
        self.show_rows(("landmark", f"row {unit}", f"col {unit}", "conf."), rows)


class ConfidencePlot(QWidget):
    """One bar a landmark, coloured as its point is; below it what the marks on the image mean."""

    chosen = Signal(str)
    MARGIN, LEGEND = 4, 20

    def __init__(self, parent=None):
        super().__init__(parent)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setMouseTracking(True)
        self._names, self._confidence = (), np.empty(0)
        self._map, self._top, self._caption = ensure_colormap(CONFIDENCE_COLORMAP), 1.0, "confidence"
        self.setAccessibleName("confidence of each landmark")

    def sizeHint(self) -> QSize:
        return QSize(280, 84)

    def show_confidence(self, names, confidence) -> None:
        """Draw these landmarks."""
        self.show_values(names, confidence)

    def show_values(self, names, values, *, top: float = 1.0, colormap: str = CONFIDENCE_COLORMAP,
                    caption: str = "confidence") -> None:
        """Draw other values of these landmarks, from 0 to `top`, in the colours that the image has for them."""
        self._names, self._top, self._caption = tuple(names), float(top), caption
        self._confidence, self._map = np.asarray(values, dtype=float) / self._top, ensure_colormap(colormap)
        self.setAccessibleName(f"{caption} of each landmark")
        self.update()

    def colour(self, confidence: float) -> QColor:
        """The colour of a value as a part of the largest one, as on the image."""
        return QColor.fromRgbF(*(float(c) for c in self._map.map(np.array([confidence]))[0]))

    def paintEvent(self, event):
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        area = self._area()
        ink = self.palette().text().color()
        painter.setPen(QPen(QColor(ink.red(), ink.green(), ink.blue(), 70)))
        painter.drawLine(area.bottomLeft(), area.bottomRight())
        width = area.width() / max(len(self._names), 1)
        for i, value in enumerate(self._confidence):
            by_hand = np.isnan(value)
            height = area.height() * (1.0 if by_hand else max(float(value), 0.02))
            bar = QRectF(area.left() + i * width + 0.5, area.bottom() - height, max(min(width - 1, 28.0), 1.0), height)
            painter.setPen(QPen(QColor(BY_HAND), 1.5) if by_hand else Qt.PenStyle.NoPen)
            painter.setBrush(Qt.BrushStyle.NoBrush if by_hand else QBrush(self.colour(value)))
            painter.drawRect(bar)
        self._paint_legend(painter, ink)

    def mouseMoveEvent(self, event):
        i = self._at(event.position())
        if i is None:
            QToolTip.hideText()
            return
        value = self._confidence[i]
        sure = "placed by hand" if np.isnan(value) else f"{value * self._top:.2f} {self._caption}"
        QToolTip.showText(event.globalPosition().toPoint(), f"{self._names[i]}: {sure}", self)

    def mousePressEvent(self, event):
        if (i := self._at(event.position())) is not None:
            self.chosen.emit(self._names[i])

    def _area(self) -> QRectF:
        return QRectF(self.MARGIN, self.MARGIN, self.width() - 2 * self.MARGIN,
                      self.height() - self.LEGEND - 2 * self.MARGIN)

    def _at(self, position) -> int | None:
        area = self._area()
        if not self._names or not area.contains(position):
            return None
        return min(int((position.x() - area.left()) / area.width() * len(self._names)), len(self._names) - 1)

    def _paint_legend(self, painter: QPainter, ink: QColor) -> None:
        font = painter.font()
        font.setPointSizeF(font.pointSizeF() * 0.85)
        painter.setFont(font)
        measure = painter.fontMetrics()
        base, x, middle = self.height() - 5.0, float(self.MARGIN), self.height() - 10.0
        painter.setPen(ink)
        painter.drawText(QPointF(x, base), "0")
        x += measure.horizontalAdvance("0 ")
        gradient = QLinearGradient(x, 0, x + 44, 0)
        for stop in np.linspace(0, 1, 9):
            gradient.setColorAt(float(stop), self.colour(stop))
        painter.fillRect(QRectF(x, middle - 4, 44, 8), QBrush(gradient))
        x += 48
        for text in (f"{self._top:.3g} {self._caption}", "+ best guess"):
            painter.drawText(QPointF(x, base), text)
            x += measure.horizontalAdvance(f"{text}   ")
        painter.setPen(QPen(QColor(BY_HAND), 2))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawEllipse(QPointF(x + 4, middle), 4, 4)
        painter.setPen(ink)
        painter.drawText(QPointF(x + 12, base), "by hand")
