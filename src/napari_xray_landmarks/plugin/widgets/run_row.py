"""The button that runs and becomes Cancel, with a progress bar that names the stage."""

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QProgressBar, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from .jobs import Job, Work
from .messages import complain


class RunRow(QWidget):
    """Runs one job at a time.

    Parameters
    ----------
    caption
        What the button says while nothing runs.
    """

    pressed = Signal()

    def __init__(self, caption: str, parent=None):
        super().__init__(parent)
        self._caption = caption
        self.job = Job(self)
        self.button = QPushButton(caption, self)
        self.bar = QProgressBar(self)
        self.bar.setRange(0, 1000)
        self.bar.setVisible(False)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.button)
        column.addWidget(self.bar)
        self.button.clicked.connect(self._on_click)
        self.job.progressed.connect(self._on_progress)
        self.job.failed.connect(complain)
        self.job.ended.connect(self._on_ended)

    def start(self, work: Work) -> None:
        """Run work(progress) beside the window."""
        self.bar.setValue(0)
        self.bar.setFormat("starting")
        self.bar.setVisible(True)
        self.button.setText("Cancel")
        self.job.start(work)

    def _on_click(self) -> None:
        if not self.job.running:
            self.pressed.emit()
            return
        self.job.cancel()
        self.bar.setFormat("stopping")

    def _on_progress(self, fraction: float, stage: str) -> None:
        self.bar.setValue(round(1000 * min(max(fraction, 0.0), 1.0)))
        self.bar.setFormat(f"{stage} · %p %")

    def _on_ended(self) -> None:
        self.bar.setVisible(False)
        self.button.setText(self._caption)
        self.layout().activate()
        self.updateGeometry()
