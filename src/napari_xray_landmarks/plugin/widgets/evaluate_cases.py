"""The worst cases as thumbnails that can be clicked, or opened with Enter."""

from qtpy.QtCore import QSize, Qt, Signal
from qtpy.QtGui import QIcon, QPixmap
from qtpy.QtWidgets import QLabel, QListWidget, QListWidgetItem, QVBoxLayout, QWidget

EDGE = 92
HEIGHT = 136


class CaseGallery(QWidget):
    """A row of pictures that scrolls sideways.

    Signals
    -------
    opened(str)
        The name of the image that was clicked, or chosen with Enter.
    """

    opened = Signal(str)

    def __init__(self, parent=None):
        super().__init__(parent)
        caption = QLabel("Worst cases: true in blue, predicted in amber", self)
        self.list = QListWidget(self)
        self.list.setViewMode(QListWidget.ViewMode.IconMode)
        self.list.setFlow(QListWidget.Flow.LeftToRight)
        self.list.setWrapping(False)
        self.list.setMovement(QListWidget.Movement.Static)
        self.list.setIconSize(QSize(EDGE, EDGE))
        self.list.setFixedHeight(HEIGHT)
        self.list.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.list.setAccessibleName("worst cases; Enter opens one in the viewer")
        caption.setBuddy(self.list)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addWidget(caption)
        column.addWidget(self.list)
        self.list.itemClicked.connect(self._open)
        self.list.itemActivated.connect(self._open)

    @property
    def count(self) -> int:
        """How many there are."""
        return self.list.count()

    def show_cases(self, pictures) -> None:
        """Show (image, text, PNG) of each, the worst first."""
        self.list.clear()
        for image, text, png in pictures:
            pixmap = QPixmap()
            pixmap.loadFromData(png)
            item = QListWidgetItem(QIcon(pixmap), image)
            item.setToolTip(f"{image}: {text}. Click to open it in the viewer")
            item.setData(Qt.ItemDataRole.UserRole, image)
            item.setSizeHint(QSize(EDGE + 12, EDGE + 24))
            self.list.addItem(item)

    def _open(self, item) -> None:
        self.opened.emit(item.data(Qt.ItemDataRole.UserRole))
