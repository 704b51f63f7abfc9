"""Small pictures of the dock Annotate and train: where the next landmark may be, and how a training goes."""

import numpy as np
from qtpy.QtCore import QPointF, QRectF, QSize, Qt
from qtpy.QtGui import QColor, QImage, QPainter, QPen, QPolygonF
from qtpy.QtWidgets import QSizePolicy, QWidget

from ...imaging import Radiograph, contrast_limits
from ..annotating_layers import MINE, PROPOSED
from ..annotating_training import values_in

SIDE = 120
LINES = {"loss": "#56b4e9", "validation": "#e69f00", "error": "#e69f00"}
CAPTION = 16


class PlacePicture(QWidget):
    """The film, small, with the marks that are there and a ring where the next landmark may be."""

    def __init__(self, parent=None):
        super().__init__(parent)
        self.setFixedSize(SIDE, SIDE)
        self.setAccessibleName("where the next landmark may be")
        self.setToolTip("A ring where the next landmark may be, by the films that are marked or by the model; dots are "
                        "what is marked in this film")
        self._picture: QImage | None = None
        self._shape = (1, 1)
        self.marks: list[tuple[float, float]] = []
        self.place: tuple[float, float] | None = None

    def show_film(self, film: Radiograph) -> None:
        """Show another film."""
        step = max(1, max(film.shape) // (2 * SIDE))
        low, high = contrast_limits(film)
        grey = np.clip((np.nan_to_num(film.pixels[::step, ::step].astype(float)) - low) / (high - low), 0, 1)
        grey = np.ascontiguousarray(np.round(255 * grey), dtype=np.uint8)
        self._picture = QImage(grey.tobytes(), grey.shape[1], grey.shape[0], grey.shape[1],
                               QImage.Format.Format_Grayscale8).copy()
        self._shape = film.shape
        self.show_places([], None)

    def show_places(self, marks, place) -> None:
        """Show marks and the place that is expected, (row, column) in the film's pixels."""
        self.marks = [tuple(m) for m in marks if np.isfinite(m).all()]
        self.place = None if place is None else tuple(float(v) for v in place)
        self.update()

    def paintEvent(self, event):
        if self._picture is None:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        scale = min(self.width() / self._shape[1], self.height() / self._shape[0])
        size = QRectF(0, 0, self._shape[1] * scale, self._shape[0] * scale)
        size.moveCenter(QRectF(self.rect()).center())
        painter.drawImage(size, self._picture)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(MINE))
        for row, column in self.marks:
            painter.drawEllipse(size.topLeft() + QPointF(column, row) * scale, 1.6, 1.6)
        if self.place is not None:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(QColor(PROPOSED), 2))
            painter.drawEllipse(size.topLeft() + QPointF(self.place[1], self.place[0]) * scale, 8, 8)


class TrainingPlot(QWidget):
    """What a training tells as it goes on, loss and validation, each over its own scale."""

    def __init__(self, parent=None):
        super().__init__(parent)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("loss and validation of the training")
        self.setToolTip("Loss, and the error on films that the training left out, from the beginning to now; each has "
                        "a scale of its own, from zero to its largest value")
        self.curves: dict[str, list[float]] = {}
        self.units: dict[str, str] = {}
        self._stage = ""

    def sizeHint(self) -> QSize:
        return QSize(280, 110)

    def begin(self) -> None:
        """Start anew."""
        self.curves, self.units, self._stage = {}, {}, ""
        self.update()

    def add_stage(self, stage: str) -> None:
        """Draw the values of one more stage; a stage that is told twice counts once."""
        if stage == self._stage:
            return
        self._stage = stage
        for name, (value, unit) in values_in(stage).items():
            self.curves.setdefault(name, []).append(value)
            self.units[name] = unit
        self.update()

    def points(self, name: str) -> list[tuple[float, float]]:
        """A curve as x in [0, 1] of the training until now, and y in [0, 1] of its largest value."""
        values = self.curves[name]
        top = max(values) or 1.0
        return [(i / max(len(values) - 1, 1), v / top) for i, v in enumerate(values)]

    def paintEvent(self, event):
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        ink = self.palette().text().color()
        area = QRectF(4, CAPTION + 2, self.width() - 8, self.height() - CAPTION - 6)
        painter.setPen(QPen(QColor(ink.red(), ink.green(), ink.blue(), 70)))
        painter.drawLine(area.bottomLeft(), area.bottomRight())
        painter.setPen(ink)
        if not self.curves:
            painter.drawText(area, Qt.AlignmentFlag.AlignCenter, "loss and validation")
            return
        left = area.left()
        for name, values in self.curves.items():
            painter.setPen(QPen(QColor(LINES[name]), 2))
            line = [QPointF(area.left() + x * area.width(), area.bottom() - y * area.height())
                    for x, y in self.points(name)]
            painter.drawPolyline(QPolygonF(line)) if len(line) > 1 else painter.drawEllipse(line[0], 2, 2)
            unit = self.units[name]
            text = f"{name} {values[-1]:.3g}{' ' + unit if unit else ''}"
            painter.drawText(QPointF(left, CAPTION - 4), text)
            left += painter.fontMetrics().horizontalAdvance(text + "    ")
