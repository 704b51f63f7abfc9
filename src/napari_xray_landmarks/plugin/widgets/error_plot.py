"""The share of items within each error, as steps; light enough to paint at once."""

import numpy as np
from qtpy.QtCore import QPointF, QRectF, QSize, Qt
from qtpy.QtGui import QColor, QPainter, QPen, QPolygonF
from qtpy.QtWidgets import QSizePolicy, QWidget

LINE = "#56b4e9"
LEFT, BELOW, ABOVE = 48, 32, 8


class ErrorPlot(QWidget):
    """Cumulative shares of one measure over its values."""

    def __init__(self, parent=None):
        super().__init__(parent)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.values, self.count, self.caption, self.thresholds = np.empty(0), 0, "", ()
        self.show_values(np.empty(0), "")

    def sizeHint(self) -> QSize:
        return QSize(280, 130)

    def show_values(self, values, caption: str, thresholds=()) -> None:
        """Draw these; infinite ones count as never reached, NaN do not count."""
        values = np.asarray(values, float)
        values = values[~np.isnan(values)]
        self.values, self.count = np.sort(values[np.isfinite(values)]), len(values)
        self.caption, self.thresholds = caption, tuple(thresholds)
        self.setAccessibleName(f"share of items within each {caption or 'error'}")
        self.setToolTip(f"Share of all items with a {caption or 'error'} up to each value; dotted: "
                        f"{', '.join(f'{t:g}' for t in self.thresholds) or 'nothing'}")
        self.update()

    @property
    def end(self) -> float:
        """The value at the right end."""
        known = [float(np.quantile(self.values, 0.98))] if len(self.values) else []
        return 1.05 * max([*known, *self.thresholds[:1], 1e-9])

    def share_within(self, value: float) -> float:
        """Part of all items with at most that value."""
        return float(np.searchsorted(self.values, value, side="right") / self.count) if self.count else 0.0

    def paintEvent(self, event):
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        ink = self.palette().text().color()
        pale = QColor(ink.red(), ink.green(), ink.blue(), 70)
        area = QRectF(LEFT, ABOVE, self.width() - LEFT - 10, self.height() - ABOVE - BELOW)
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        for share in (0.0, 0.5, 1.0):
            y = area.bottom() - share * area.height()
            painter.setPen(pale)
            painter.drawLine(QPointF(area.left(), y), QPointF(area.right(), y))
            painter.setPen(ink)
            painter.drawText(QRectF(0, y - 8, LEFT - 4, 16), right, f"{100 * share:.0f} %")
        self._paint_below(painter, area, ink)
        if len(self.values):
            painter.setPen(QPen(QColor(LINE), 2))
            painter.drawPolyline(QPolygonF(self._steps(area)))

    def _paint_below(self, painter: QPainter, area: QRectF, ink: QColor) -> None:
        painter.setPen(QPen(ink, 1, Qt.PenStyle.DotLine))
        for threshold in (t for t in self.thresholds if t <= self.end):
            x = area.left() + threshold / self.end * area.width()
            painter.drawLine(QPointF(x, area.top()), QPointF(x, area.bottom()))
        painter.setPen(ink)
        for part, align in ((0, Qt.AlignmentFlag.AlignLeft), (1, Qt.AlignmentFlag.AlignRight)):
            painter.drawText(QRectF(area.left(), area.bottom() + 2, area.width(), 15), align, f"{part * self.end:.3g}")
        painter.drawText(QRectF(area.left(), area.bottom() + 14, area.width(), 16), Qt.AlignmentFlag.AlignHCenter,
                         self.caption)

    def _steps(self, area: QRectF) -> list[QPointF]:
        xs = np.repeat(np.minimum(self.values / self.end, 1.0), 2)
        shares = np.arange(len(self.values) + 1) / self.count
        ys = np.column_stack([shares[:-1], shares[1:]]).ravel()
        points = zip([0.0, *xs], [0.0, *ys], strict=True)
        return [QPointF(area.left() + x * area.width(), area.bottom() - y * area.height()) for x, y in points]
