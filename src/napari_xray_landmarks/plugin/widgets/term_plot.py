"""What each term of the objective comes to, as bars on a logarithmic axis; light enough to repaint with every move."""

import math

from qtpy.QtCore import QPointF, QRectF, QSize, Qt
from qtpy.QtGui import QColor, QPainter, QPen
from qtpy.QtWidgets import QSizePolicy, QWidget

BAR, MARK = "#56b4e9", "#e69f00"
DECADES = 7


class TermPlot(QWidget):
    """One bar a term; a mark shows where the term stood when tuning began."""

    ROW = 19

    def __init__(self, parent=None):
        super().__init__(parent)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("value of each term of the objective")
        self.setToolTip("Value of each weighted term of the objective, on a logarithmic axis; the mark is its value "
                        "when tuning of this subshape began")
        self.terms: dict[str, float] = {}
        self.start: dict[str, float] = {}

    def sizeHint(self) -> QSize:
        return QSize(280, self.ROW * max(len(self.terms), 4) + 6)

    def show_terms(self, terms, start=None) -> None:
        """Draw these values; `start` are the marks, kept where it is None."""
        rows = len(self.terms)
        self.terms = {str(name): float(value) for name, value in terms.items()}
        if start is not None:
            self.start = {str(name): float(value) for name, value in start.items()}
        if len(self.terms) != rows:
            self.updateGeometry()
        self.update()

    def share(self, value: float) -> float:
        """How long a value's bar is, in [0, 1]."""
        top = max([*self.terms.values(), *self.start.values(), 1e-300])
        if value <= 0:
            return 0.0
        return min(max(1 + math.log10(value / top) / DECADES, 0.0), 1.0)

    def paintEvent(self, event):
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        ink = self.palette().text().color()
        measure = painter.fontMetrics()
        left = max([measure.horizontalAdvance(name) for name in self.terms], default=0) + 8
        right = measure.horizontalAdvance("8.88e+88") + 10
        width = max(self.width() - left - right, 20)
        for i, (name, value) in enumerate(self.terms.items()):
            top = 3 + i * self.ROW
            row = QRectF(0, top, self.width(), self.ROW)
            painter.setPen(ink)
            painter.drawText(row, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, name)
            text = "off" if value == 0 else f"{value:.2e}"
            painter.drawText(row, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, text)
            painter.fillRect(QRectF(left, top + 4, width, self.ROW - 8), QColor(ink.red(), ink.green(), ink.blue(), 28))
            painter.fillRect(QRectF(left, top + 4, width * self.share(value), self.ROW - 8), QColor(BAR))
            if (begin := self.start.get(name, 0.0)) > 0:
                x = left + width * self.share(begin)
                painter.setPen(QPen(QColor(MARK), 2))
                painter.drawLine(QPointF(x, top + 2), QPointF(x, top + self.ROW - 2))
