"""A film in a dock: grey values, the outlines of bones and landmarks, painted as fast as they come."""

import numpy as np
from qtpy.QtCore import QPointF, QRectF, QSize, Qt, Signal
from qtpy.QtGui import QColor, QImage, QPainter, QPen, QPolygonF
from qtpy.QtWidgets import QSizePolicy, QToolTip, QWidget

LANDMARK, OUTLINE = "#ffe08a", "#56b4e9"
NEAR = 8.0  # screen pixels
DEGREES_PER_PIXEL = 0.4


class FilmView(QWidget):
    """Shows one picture as large as there is room, in its own proportions.

    Signals
    -------
    turned(float, float)
        Degrees of LAO and CRAN by which the mouse was dragged.
    released()
        The mouse let go after a drag.
    """

    turned = Signal(float, float)
    released = Signal()

    def __init__(self, parent=None):
        super().__init__(parent)
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setSizePolicy(policy)
        self.setMouseTracking(True)
        self.setCursor(Qt.CursorShape.SizeAllCursor)
        self.setAccessibleName("simulated film")
        self.setToolTip("Drag to turn the C-arm; point at a landmark for its name")
        self.picture = None
        self._image, self._at = None, None

    def sizeHint(self) -> QSize:
        return QSize(320, 250)

    def show_picture(self, picture) -> None:
        """Paint a `Picture`; None clears."""
        self.picture = picture
        self._image = None
        if picture is not None:
            grey = np.ascontiguousarray(picture.grey)
            rows, columns = grey.shape
            self._image = QImage(grey.tobytes(), columns, rows, columns, QImage.Format.Format_Grayscale8).copy()
        self.update()

    def area(self) -> QRectF:
        """Where the picture is painted."""
        if self._image is None:
            return QRectF(self.rect())
        spacing = self.picture.arm.pixel_spacing_mm
        width, height = self._image.width() * spacing[1], self._image.height() * spacing[0]
        scale = min(self.width() / width, self.height() / height)
        return QRectF((self.width() - width * scale) / 2, (self.height() - height * scale) / 2, width * scale,
                      height * scale)

    def on_screen(self, points_px) -> np.ndarray:
        """(N, 2) x and y in this widget of (row, column) points of the picture."""
        area, size = self.area(), np.array(self.picture.grey.shape)
        shares = (np.asarray(points_px, dtype=float) + 0.5) / size
        return shares[:, ::-1] * (area.width(), area.height()) + (area.left(), area.top())

    def paintEvent(self, event):
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor("black"))
        if self._image is None:
            return
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.drawImage(self.area(), self._image)
        painter.setClipRect(self.area())
        painter.setPen(QPen(QColor(OUTLINE), 1.2))
        for contour in self.picture.contours:
            painter.drawPolygon(QPolygonF([QPointF(x, y) for x, y in self.on_screen(contour.points)]))
        painter.setPen(QPen(QColor("black"), 1))
        painter.setBrush(QColor(LANDMARK))
        for x, y in self._marks()[1]:
            painter.drawEllipse(QPointF(x, y), 3.5, 3.5)

    def _marks(self) -> tuple[list[str], np.ndarray]:
        """Names and places of the landmarks on the film."""
        marks = self.picture.landmarks if self.picture is not None else None
        if marks is None or not marks.detected.any():
            return [], np.empty((0, 2))
        names = [name for name, there in zip(marks.names, marks.detected, strict=True) if there]
        return names, self.on_screen(marks.points[marks.detected])

    def name_at(self, x: float, y: float) -> str:
        """The landmark that is painted there, or nothing."""
        names, places = self._marks()
        away = np.hypot(*(places - (x, y)).T) if names else np.empty(0)
        return names[int(away.argmin())] if names and away.min() <= NEAR else ""

    def mousePressEvent(self, event):
        self._at = event.position() if event.button() == Qt.MouseButton.LeftButton else None

    def mouseMoveEvent(self, event):
        if self._at is None:
            name = self.name_at(event.position().x(), event.position().y())
            QToolTip.showText(event.globalPosition().toPoint(), name or self.toolTip(), self)
            return
        step, self._at = event.position() - self._at, event.position()
        self.turned.emit(-DEGREES_PER_PIXEL * step.x(), DEGREES_PER_PIXEL * step.y())

    def mouseReleaseEvent(self, event):
        if self._at is not None:
            self._at = None
            self.released.emit()
