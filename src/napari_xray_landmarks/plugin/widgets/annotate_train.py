"""Train a method on the films that are annotated, and use the model at once."""

from pathlib import Path

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QComboBox, QHBoxLayout, QLabel, QLineEdit, QPushButton, QVBoxLayout, QWidget

from ...errors import InputError
from ..annotating import Annotating
from ..annotating_training import Training, fitting, of_films, request_for
from ..session import events
from .annotate_pictures import TrainingPlot
from .combos import narrow
from .dock import Fold, note_in, set_note
from .form import SettingsForm
from .messages import ask, complain, tell
from .run_row import RunRow

GO_ON, ANEW, REPLACE = "Go on", "Begin anew", "Replace it"
GROUP = "training"


class TrainPanel(QWidget):
    """Trains in a process of its own: the window stays free, Cancel ends it at once, and the next goes on from there.

    Signals
    -------
    trained(str)
        The name of the new model.
    """

    trained = Signal(str)
    _said = Signal(str)

    def __init__(self, parent=None):
        super().__init__(parent)
        self.work: Annotating | None = None
        self.form: SettingsForm | None = None
        self._training: Training | None = None
        self._reasons: dict[str, str] = {}
        self.recipe = narrow(QComboBox(self))
        self.recipe.setAccessibleName("method")
        self.why = note_in(self)
        self.name = QLineEdit(self)
        self.name.setAccessibleName("name of the model")
        self.options = Fold("Options", QWidget(self), parent=self)
        self.run = RunRow("Train", self)
        self.plot = TrainingPlot(self)
        self.stage, self.answer = note_in(self), note_in(self)
        self.use = QPushButton("Propose landmarks with it", self)
        self.use.setToolTip("Take the new model under Start from a model, in the tab Annotate")
        self.use.setVisible(False)
        self._lay_out()
        self.recipe.currentIndexChanged.connect(self._on_recipe)
        self.name.textChanged.connect(lambda _: self._enable())
        self.run.pressed.connect(self.start)
        self.run.job.done.connect(self._on_trained)
        self.run.job.cancelled.connect(self._on_cancelled)
        self.run.job.ended.connect(self._enable)
        self._said.connect(self._on_said)
        self.destroyed.connect(_Ending(self.__dict__))

    def show_work(self, work: Annotating) -> None:
        """Train on another training set."""
        self.work = work
        self.name.setText(work.store.folder.name)
        self.refresh()

    def refresh(self) -> None:
        """See anew which methods fit what is marked by now."""
        if self.run.job.running:
            return
        self._reasons = self._fitting()
        chosen = self.recipe.currentData()
        self.recipe.blockSignals(True)
        self.recipe.clear()
        for name, reason in self._reasons.items():
            self.recipe.addItem(f"{name.replace('-', ' ')}{' (does not fit)' if reason else ''}", name)
        if chosen in self._reasons:
            self.recipe.setCurrentIndex(list(self._reasons).index(chosen))
        self.recipe.blockSignals(False)
        self._on_recipe()

    @property
    def output(self) -> Path:
        """The file of the model."""
        from ...models import models_folder

        return models_folder() / f"{self.name.text().strip()}.safetensors"

    def start(self) -> None:
        """Train, or go on with a training that was stopped."""
        try:
            self.work.store.save()
            if not self._may_begin():
                return
            self.output.parent.mkdir(parents=True, exist_ok=True)
            self._training = Training(request_for(self.recipe.currentData(), self.work.store, self.output,
                                                  self.form.value))
        except (InputError, OSError) as error:
            complain(error)
            return
        training, said = self._training, self._said
        self.plot.begin()
        set_note(self.answer, "")
        self.use.setVisible(False)
        self._model = self.name.text().strip()
        self.run.start(lambda progress: training.run(progress, said.emit))
        self._enable()

    def _may_begin(self) -> bool:
        """Ask before a model is replaced, and what to do with a training that was stopped."""
        run = self.output.with_suffix(".run")
        if run.is_dir():
            answer = ask(self, "Train", f"A training of “{self.name.text().strip()}” was stopped. Go on with it? That "
                                        "needs the same marks and options as before.", (GO_ON, ANEW))
            if answer == ANEW:
                import shutil

                shutil.rmtree(run, ignore_errors=True)
            return answer is not None
        if self.output.exists():
            question = f"There is a model “{self.name.text().strip()}”."
            return ask(self, "Train", question, (REPLACE,)) is not None
        return True

    def _on_said(self, stage: str) -> None:
        self.plot.add_stage(stage)
        set_note(self.stage, stage)

    def _on_trained(self, metrics: dict) -> None:
        from ...models.header import metric_in_words

        set_note(self.stage, "")
        key = next((key for key in metrics if key.startswith("mean")), None)
        exact = f": {metric_in_words(key, metrics[key])} on films left out" if key else ""
        set_note(self.answer, f"“{self._model}” is trained{exact}. It stands in Detect landmarks now.")
        self.use.setVisible(True)
        events.models_changed.emit()
        tell(f"{self._model} is trained{exact}")
        self.trained.emit(self._model)

    def _on_cancelled(self) -> None:
        set_note(self.stage, "")
        kept = self._training.run_folder.is_dir()
        set_note(self.answer, "Stopped. Train goes on from there." if kept else "Stopped.")

    def _on_recipe(self, *_) -> None:
        from ...models.methods import METHODS
        from ...training.recipes import RECIPES

        name = self.recipe.currentData()
        if name is None:
            return
        set_note(self.why, self._reasons[name].capitalize() + "." if self._reasons[name] else RECIPES[name].about + ".")
        settings = METHODS[RECIPES[name].method].settings_class()()
        self.form = SettingsForm(settings, (GROUP,), parent=self)
        self.options.set_inside(self.form)
        self._enable()

    def _enable(self) -> None:
        fits = self.work is not None and self._reasons.get(self.recipe.currentData(), "none") == ""
        text = self.name.text().strip()
        named = bool(text) and text.isprintable() and not set(text) & set('/\\:*?"<>|') and not text.startswith(".")
        self.run.button.setEnabled((fits and named) or self.run.job.running)
        for widget in (self.recipe, self.name, self.options):
            widget.setEnabled(not self.run.job.running)

    def _fitting(self) -> dict[str, str]:
        from ...training import read_training_set

        if not self.work.store.annotators:
            return dict.fromkeys(of_films(), "mark some films first")
        try:
            self.work.store.save()
            return fitting(read_training_set(self.work.store.folder))
        except (InputError, OSError) as error:
            return dict.fromkeys(of_films(), str(error))

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 4, 0, 0)
        for caption, widget in (("Method", self.recipe), ("Name", self.name)):
            label, row = QLabel(caption, self), QHBoxLayout()
            label.setBuddy(widget)
            row.addWidget(label)
            row.addWidget(widget, 1)
            column.addLayout(row)
            if widget is self.recipe:
                column.addWidget(self.why)
        for widget in (self.options, self.run, self.plot, self.stage, self.answer, self.use):
            column.addWidget(widget)
        column.addStretch(1)


class _Ending:
    """Ends the process of a training whose dock is closed."""

    def __init__(self, state: dict):
        self._state = state

    def __call__(self, *_):
        if training := self._state.get("_training"):
            training.stop()
