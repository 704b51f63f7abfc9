"""A small window with how well landmarks are found from each direction, from a saved table."""

from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import QComboBox, QFileDialog, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from ...errors import InputError
from .dock import note_in, set_note
from .messages import complain
from .sliders import NumberSlider

ALL = "all landmarks"
SIZE = (900, 460)
SOON_MS = 120


class ViewSphereWindow(QWidget):
    """Plots over the sphere of views, of all landmarks or of one."""

    def __init__(self, parent=None):
        super().__init__(parent, Qt.WindowType.Window)
        self.setWindowTitle("View sphere")
        self.sphere = None
        self.plots: dict = {}
        self.open_button = QPushButton("Open table…", self)
        self.open_button.setToolTip("A view-sphere.csv that an evaluation wrote")
        self.landmark, self.plot = QComboBox(self), QComboBox(self)
        self.landmark.setAccessibleName("landmark")
        self.plot.setAccessibleName("what is plotted")
        self.landmark.setToolTip("All landmarks together, or one of them")
        self.plot.setToolTip("Share within 15 px, mean error and share found; belief in each landmark; belief against "
                             "error")
        self.belief = NumberSlider(0.0, 1.0, parent=self)
        self.belief.setAccessibleName("belief")
        self.belief.setToolTip("Belief from which a landmark counts as found")
        label = QLabel("Belief", self)
        label.setBuddy(self.belief.slider)
        row = QHBoxLayout()
        for widget in (self.open_button, self.landmark, self.plot, label, self.belief):
            row.addWidget(widget)
        self.said = note_in(self)
        self.column = QVBoxLayout(self)
        self.column.addLayout(row)
        self.column.addWidget(self.said)
        self.canvas = QWidget(self)
        self.column.addWidget(self.canvas, 1)
        self.resize(*SIZE)
        self.open_button.clicked.connect(self._choose)
        self.landmark.currentIndexChanged.connect(lambda _: self._draw())
        self.plot.currentIndexChanged.connect(lambda _: self._draw())
        self._soon = QTimer(self, singleShot=True, interval=SOON_MS)  # a slider moves faster than a plot is drawn
        self._soon.timeout.connect(self._draw)
        self.belief.changed.connect(lambda _: self._soon.start())
        self._enable()

    def open(self, path: str) -> bool:
        """Show the views of a table; one that is none is refused in one line."""
        from ...evaluation.view_sphere import BELIEF, read_view_sphere

        try:
            sphere = read_view_sphere(path)
        except InputError as error:
            complain(error)
            return False
        self.sphere = None
        self.landmark.clear()
        self.landmark.addItems([ALL, *sphere.names])
        self.plot.clear()
        self.plot.addItems(["by view", "belief in each landmark", "belief against error"])
        self.belief.set_value(BELIEF)
        self.sphere = sphere
        self._enable()
        self._draw()
        return True

    def _draw(self) -> None:
        """Draw the chosen plot anew."""
        if self.sphere is None:
            return
        from matplotlib.backends.backend_qtagg import FigureCanvasQTAgg

        from ...evaluation.view_sphere_plots import belief_against_error, landmark_belief, view_accuracy

        chosen = self.landmark.currentText()
        sphere = self.sphere if chosen == ALL else self.sphere.landmark(chosen)
        belief = self.belief.value
        makers = (lambda: view_accuracy(sphere, belief), lambda: landmark_belief(sphere),
                  lambda: belief_against_error(sphere, belief))
        canvas = FigureCanvasQTAgg(makers[max(self.plot.currentIndex(), 0)]())
        self.column.replaceWidget(self.canvas, canvas)
        self.canvas.hide()
        self.canvas.deleteLater()
        self.canvas = canvas
        set_note(self.said, in_words(sphere.summary(belief), belief))

    def _enable(self) -> None:
        for widget in (self.landmark, self.plot, self.belief):
            widget.setEnabled(self.sphere is not None)

    def _choose(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "Open a view sphere", "", "Table (*.csv)")
        if path:
            self.open(path)


def in_words(summary, belief: float) -> str:
    """What a summary says, in one line."""
    return (f"Belief of {belief:.2g} or more: {100 * summary.recall:.1f} % of the landmarks on the films found, error "
            f"{summary.mean_mm:.1f} ± {summary.sd_mm:.1f} mm at the detector, {100 * summary.accurate:.1f} % of the "
            "found ones right.")
