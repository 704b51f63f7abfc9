"""A file or a folder, typed, dropped or chosen."""

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QFileDialog, QHBoxLayout, QLabel, QLineEdit, QPushButton, QWidget


class PathRow(QWidget):
    """A line for a path with the buttons File… and Folder….

    Parameters
    ----------
    caption
        What is asked for.
    tip
        What it may be.
    """

    changed = Signal(str)

    def __init__(self, caption: str, tip: str, parent=None):
        super().__init__(parent)
        self._caption = caption
        self.line = QLineEdit(self)
        self.line.setToolTip(tip)
        self.line.setPlaceholderText("file or folder")
        label = QLabel(caption, self)
        label.setBuddy(self.line)
        self.file_button, self.folder_button = QPushButton("File…", self), QPushButton("Folder…", self)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(label)
        row.addWidget(self.line, 1)
        for button, choose in ((self.file_button, self._choose_file), (self.folder_button, self._choose_folder)):
            button.setAccessibleName(f"{caption}: {button.text()}")
            button.clicked.connect(choose)
            row.addWidget(button)
        self.line.textChanged.connect(self.changed)

    @property
    def value(self) -> str:
        """The path, without blanks and quotes around it."""
        return self.line.text().strip().strip('"')

    def _choose_file(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, self._caption, self.value)
        if path:
            self.line.setText(path)

    def _choose_folder(self) -> None:
        path = QFileDialog.getExistingDirectory(self, self._caption, self.value)
        if path:
            self.line.setText(path)
