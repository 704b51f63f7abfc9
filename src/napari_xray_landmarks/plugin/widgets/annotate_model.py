"""Start from a model: it proposes landmarks, a person accepts or corrects them; the seconds that this saves."""

from functools import partial

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QCheckBox, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from ..annotating import UNTOUCHED, Annotating, paces, paces_in_words
from ..annotating_films import propose
from .dock import note_in, set_note
from .messages import complain, tell
from .model_combo import ModelCombo
from .run_row import RunRow


class ModelPanel(QWidget):
    """Runs a model on films that are annotated."""

    proposed = Signal()

    def __init__(self, parent=None):
        super().__init__(parent)
        self.work: Annotating | None = None
        self.model = ModelCombo(self, "detect")
        self.everywhere = QCheckBox("In all untouched films", self)
        self.everywhere.setToolTip("Search every film without marks now, so that it is ready when you come to it")
        self.run = RunRow("Propose landmarks", self)
        self.accept = QPushButton("Accept this film", self)
        self.accept.setToolTip("Take the model's places for all landmarks without a mark (Shift+Return)")
        self.accept.setEnabled(False)
        self.pace = note_in(self)
        row = QHBoxLayout()
        row.addWidget(self.everywhere)
        row.addWidget(self.accept)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.model)
        column.addWidget(self.run)
        column.addLayout(row)
        column.addWidget(self.pace)
        self.run.pressed.connect(self._start)
        self.run.job.done.connect(self._on_found)
        self.accept.clicked.connect(lambda: self.work.accept_all())
        self.model.changed.connect(lambda header: self._enable())

    def show_work(self, work: Annotating) -> None:
        """Propose in another training set."""
        self.work = work
        self.refresh()

    def refresh(self) -> None:
        """Bring it up to date."""
        self.accept.setEnabled(bool(self.work.open_proposals))
        set_note(self.pace, paces_in_words(paces(self.work)))
        self._enable()

    def _enable(self) -> None:
        ready = self.work is not None and bool(self.work.names) and self.model.header is not None
        self.run.button.setEnabled(ready or self.run.job.running)

    def _start(self) -> None:
        work = self.work
        films = [work.film]
        if self.everywhere.isChecked():
            films += [f for f in work.store.films if work.state(f.name) == UNTOUCHED and f != work.film
                      and f.name not in work.proposals]
        self._asked = work
        self.run.start(partial(propose, films, work.names, self.model.path))

    def _on_found(self, outcome) -> None:
        found, model, failures = outcome
        for error in failures:
            complain(error)
        if self._asked is not self.work or not found:  # another folder was opened meanwhile
            return
        self.work.propose(found, model)
        count = sum(map(len, found.values()))
        tell(f"{model}: {count} landmarks proposed in {len(found)} film{'s' * (len(found) != 1)}")
        self.proposed.emit()
