"""The similarity of film and rendering while a pose is refined; light enough to repaint with every step."""

from qtpy.QtCore import QPointF, QRectF, QSize, Qt, Signal
from qtpy.QtGui import QColor, QPainter, QPen, QPolygonF
from qtpy.QtWidgets import QSizePolicy, QWidget

LINE = "#56b4e9"
CAPTION = 16


class SimilarityPlot(QWidget):
    """The best similarity so far at each resolution, over the poses tried; resolutions are not to be compared.

    Signals
    -------
    stepped(object)
        A `registration.result.Step`; may be emitted from any thread, and is then drawn.
    """

    stepped = Signal(object)

    def __init__(self, parent=None):
        super().__init__(parent)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("similarity of film and rendering while the pose is refined")
        self.setToolTip("Best similarity so far, over the better poses found; each resolution from coarse to fine has "
                        "its own scale")
        self.levels: dict[int, list[float]] = {}
        self.stepped.connect(self.add)

    def sizeHint(self) -> QSize:
        return QSize(280, 84)

    def begin(self) -> None:
        """Start anew."""
        self.levels = {}
        self.update()

    def add(self, step) -> None:
        """Draw one more step."""
        values = self.levels.setdefault(int(step.level), [])
        values.append(max(float(step.similarity), values[-1] if values else float("-inf")))
        self.update()

    def show_history(self, history) -> None:
        """Draw a registration's steps."""
        self.levels = {}
        for step in history:
            self.add(step)

    def curve(self, level: int) -> list[tuple[float, float]]:
        """A resolution's line as x in [0, 1] of the whole plot and y in [0, 1] of its own scale."""
        order = sorted(self.levels)
        values, share = self.levels[level], 1 / len(order)
        low, high = min(values), max(values)
        span = (high - low) or 1.0
        left, step = order.index(level) * share, share / max(len(values) - 1, 1)
        return [(left + i * step, (v - low) / span if high > low else 0.5) for i, v in enumerate(values)]

    def paintEvent(self, event):
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        ink = self.palette().text().color()
        faint = QColor(ink.red(), ink.green(), ink.blue(), 70)
        area = QRectF(4, CAPTION, self.width() - 8, self.height() - 2 * CAPTION)
        painter.setPen(QPen(faint))
        painter.drawLine(area.bottomLeft(), area.bottomRight())
        painter.setPen(ink)
        if not self.levels:
            painter.drawText(area, Qt.AlignmentFlag.AlignCenter, "similarity")
            return
        font = painter.font()
        font.setPointSizeF(font.pointSizeF() * 0.85)
        painter.setFont(font)
        width = area.width() / len(self.levels)
        for i, level in enumerate(sorted(self.levels)):
            box = QRectF(area.left() + i * width, area.top(), width, area.height())
            self._paint_level(painter, area, box, level, ink, faint)

    def _paint_level(self, painter: QPainter, area: QRectF, box: QRectF, level: int, ink, faint) -> None:
        if box.left() > area.left() + 1:
            painter.setPen(QPen(faint, 1, Qt.PenStyle.DotLine))
            painter.drawLine(box.topLeft(), box.bottomLeft())
        values = self.levels[level]
        painter.setPen(ink)
        painter.drawText(QRectF(box.left(), 0, box.width(), CAPTION), Qt.AlignmentFlag.AlignCenter,
                         f"{values[-1]:.3f}")
        painter.drawText(QRectF(box.left(), box.bottom() + 1, box.width(), CAPTION), Qt.AlignmentFlag.AlignCenter,
                         f"resolution {level + 1}" if box.width() > 70 else str(level + 1))
        painter.setPen(QPen(QColor(LINE), 2))
        points = [QPointF(area.left() + x * area.width(), area.bottom() - 2 - y * (area.height() - 4))
                  for x, y in self.curve(level)]
        painter.drawPolyline(QPolygonF(points)) if len(points) > 1 else painter.drawPoint(points[0])
