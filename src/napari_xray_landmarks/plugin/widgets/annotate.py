"""Annotate and train: films in, a training set and a model out; nothing that was marked is ever lost."""

import getpass
from functools import partial
from pathlib import Path

from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import (
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QSizePolicy,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from ...errors import InputError
from ..annotating import Annotating
from ..annotating_films import make_sample, prepare
from .annotate_canvas import FilmCanvas
from .annotate_compare import ComparePanel
from .annotate_film import FilmPanel
from .annotate_model import ModelPanel
from .annotate_train import TrainPanel
from .dock import Dock, Fold, note_in, set_note
from .messages import complain
from .run_row import RunRow

INVITATION = "Open a folder of films to mark landmarks in them and train a model on them, or try a sample."
LOOK_AGAIN_MS = 1000


class AnnotateAndTrain(Dock):
    """The dock "Annotate and train"."""

    work: Annotating | None = None

    def __init__(self, napari_viewer):
        super().__init__(napari_viewer, INVITATION)
        self._begin_with()
        self.where = self.add_note()
        self.where.setTextFormat(Qt.TextFormat.PlainText)
        self.where.setStyleSheet("font-weight: bold;")
        self.close_button = QPushButton("Close folder", self)
        self.tabs = self.add(QTabWidget(self))
        self.film, self.model = FilmPanel(self), ModelPanel(self)
        self.compare, self.train = ComparePanel(self), TrainPanel(self)
        self.canvas = FilmCanvas(self.viewer, self.film, self)
        self._fill_tabs()
        self.saved = self.add_note()
        self.add(self.close_button)
        self._watch = QTimer(self, interval=LOOK_AGAIN_MS)
        self._connect()
        self._on_layers()

    def open_folder(self, folder) -> None:
        """Open a folder of films, or a training set, under the name that was typed."""
        self.opening.start(partial(prepare, folder))

    def open_sample(self) -> None:
        """Make the sample's films, the first time, and open them."""
        self.opening.start(make_sample)

    def open_set(self, folder: Path) -> None:
        """Open a training set."""
        from ...training.annotations import open_annotations

        self.close_folder()
        try:
            store = open_annotations(folder, self.annotator.text())
        except (InputError, OSError) as error:
            complain(error)
            return
        self.work = work = Annotating(store)
        work.marked.connect(self._on_marked)
        work.turned.connect(self._on_turned)
        work.prompts.connect(self._on_prompt)
        set_note(self.where, Path(folder).name + (f" · {store.annotator}" if store.annotator else ""))
        for panel in (self.film, self.model, self.compare, self.train):
            panel.show_work(work)
        self.schema.button.setChecked(not work.names)
        self._say_schema()
        self._on_layers()
        self.canvas.show_work(work)
        self._watch.start()

    def close_folder(self) -> None:
        """Save, and close what is open."""
        if self.work is None:
            return
        self._watch.stop()
        work, self.work = self.work, None
        try:
            work.close()
        except (InputError, OSError) as error:
            complain(error)
        self.canvas.show_work(None)
        self._on_layers()

    def set_schema(self, schema) -> None:
        """Take other landmarks, and ask for the first without a mark."""
        try:
            self.work.store.set_schema(schema)
        except (InputError, OSError) as error:
            complain(error)
            return
        self._say_schema()
        for panel in (self.film, self.model, self.compare, self.train):
            panel.refresh()
        self.canvas.show_film(anew=True)
        self.work.choose(next((name for name in self.work.names if name not in self.work.marks), None))

    def _begin_with(self) -> None:
        """The empty state: whose marks, a folder, or a sample."""
        self.annotator = QLineEdit(_user(), self)
        self.annotator.setToolTip("Whose marks these are: it stands beside each of them, so that two people can mark "
                                  "the same films. May be empty.")
        label = QLabel("Your name", self)
        label.setBuddy(self.annotator)
        row = QHBoxLayout()
        row.addWidget(label)
        row.addWidget(self.annotator, 1)
        self.opening = RunRow("Open folder…", self)
        self.empty.open_button.setVisible(False)
        self.empty.sample_button.clicked.disconnect()
        self.empty.sample_button.clicked.connect(self.open_sample)
        self.empty.layout().insertLayout(1, row)
        self.empty.layout().insertWidget(2, self.opening)

    def _fill_tabs(self) -> None:
        page = QWidget(self)
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        self.start = Fold("Start from a model", self.model, parent=page)
        inside = QWidget(page)
        line = QHBoxLayout(inside)
        line.setContentsMargins(0, 0, 0, 0)
        self.schema_said = note_in(inside)
        self.schema_button = QPushButton("Choose…", inside)
        self.schema_button.setToolTip("Names and order, left and right, subshapes: from a model, an anatomy, or new")
        line.addWidget(self.schema_said, 1)
        line.addWidget(self.schema_button)
        self.schema = Fold("Landmarks", inside, parent=page)
        for widget in (self.film, self.start, self.schema):
            column.addWidget(widget)
        column.addStretch(1)
        for caption, widget in (("Annotate", page), ("Compare", self.compare), ("Train", self.train)):
            self.tabs.addTab(widget, caption)
        self._fit_tab(0)

    def _connect(self) -> None:
        self.opening.pressed.connect(self._choose_folder)
        self.opening.job.done.connect(self._on_prepared)
        self.close_button.clicked.connect(self.close_folder)
        self.schema_button.clicked.connect(self._edit_schema)
        self.tabs.currentChanged.connect(self._on_tab)
        self.compare.shown.connect(self._show_other)
        self.canvas.shown.connect(self._show_other)
        self.train.use.clicked.connect(self._use_model)
        self._watch.timeout.connect(self._look_again)
        self._ties.at_end(_Closing(self.__dict__))

    def _on_layers(self, event=None) -> None:
        self.empty.setVisible(self.work is None)
        self.body.setVisible(self.work is not None)

    def _choose_folder(self) -> None:
        if folder := QFileDialog.getExistingDirectory(self, "Open a folder of films"):
            self.open_folder(folder)

    def _on_prepared(self, outcome) -> None:
        folder, failures = outcome
        for error in failures[:3]:
            complain(error)
        self.open_set(folder)

    def _on_turned(self) -> None:
        self.film.refresh()
        self.model.refresh()
        self.canvas.show_film()
        self._on_marked(self.work.image)

    def _on_marked(self, image: str) -> None:
        self.film.refresh()
        self.model.refresh()
        if image == self.work.image:
            self.canvas.refresh()
            if self.tabs.currentWidget() is self.compare or self.compare.other is not None:
                self.compare.refresh()
                self._show_other()

    def _on_prompt(self) -> None:
        self.film.refresh_prompt()
        self.canvas.refresh()
        self.canvas.prompt()

    def _show_other(self) -> None:
        self.canvas.show_other(self.compare.other)

    def _fit_tab(self, index: int) -> None:
        """Let the tabs be as high as the one that is shown."""
        for i in range(self.tabs.count()):
            vertical = QSizePolicy.Policy.Preferred if i == index else QSizePolicy.Policy.Ignored
            self.tabs.widget(i).setSizePolicy(QSizePolicy.Policy.Preferred, vertical)

    def _on_tab(self, index: int) -> None:
        self._fit_tab(index)
        if self.work is not None:
            panel = (self.film, self.compare, self.train)[index]
            panel.read_again() if panel is self.compare else panel.refresh()

    def _edit_schema(self) -> None:
        from .annotate_schema import SchemaDialog

        dialog = SchemaDialog(self.work.store.schema, self)
        if dialog.exec():
            self.set_schema(dialog.schema)

    def _say_schema(self) -> None:
        from .annotate_schema import summary

        schema = self.work.store.schema
        set_note(self.schema_said, summary(schema) if schema.names else "Say first which landmarks there are.")

    def _use_model(self) -> None:
        self.tabs.setCurrentIndex(0)
        self.start.button.setChecked(True)
        self.model.model.choose(self.train.name.text().strip())

    def _look_again(self) -> None:
        """Say whether everything is on the disk."""
        store = self.work.store
        set_note(self.saved, f"NOT SAVED: {store.problem}. It is tried again." if store.problem else
                 "Saved." if store.saved else "Saving…")


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # nobody is logged in, as in some containers
        return ""


class _Closing:
    """Saves and lets go of the folder when the dock is closed."""

    def __init__(self, state: dict):
        self._state = state

    def __call__(self, *_):
        if work := self._state.get("work"):
            self._state["work"] = None
            try:
                work.close()
            except (InputError, OSError):  # the journal has it
                return
