"""A choice of model, grouped by anatomy and method, with what each was trained on and how exact it is."""

import warnings
from collections.abc import Callable

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QComboBox, QFileDialog, QHBoxLayout, QLabel, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from ...errors import InputError, listed
from ...models.header import metric_in_words
from ..session import events
from .combos import narrow
from .connections import Connections
from .messages import complain

_FIRST = ("pelvis-ap", "proximal-femur-ap", "knee-mr")


class ModelCombo(QWidget):
    """Lists the bundled and the user's own models, and opens model files.

    The chosen entry is `header`; `path` is what `models.load_model` takes.

    Parameters
    ----------
    task
        What the models must be able to do, "detect" or "segment"; of "shape" models no film is asked for.
    why_not
        Says of a header why the model does not serve, None where it does; by default a model serves that can do
        the task.
    """

    changed = Signal(object)

    def __init__(self, parent=None, task: str = "detect", why_not: Callable[[object], str | None] | None = None):
        super().__init__(parent)
        self._task, self._why_not = task, why_not or self._why_not_the_task
        self._entries: list[tuple[str, object]] = []
        self._last: dict[Callable, str | None] = {}
        self.combo = narrow(QComboBox(self))
        self.combo.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.open_button = QPushButton("File…", self)
        self.open_button.setToolTip("Open model file…: a .safetensors model that you trained or were given")
        self.about = QLabel(self)
        self.about.setWordWrap(True)
        label = QLabel("Model", self)
        label.setBuddy(self.combo)
        row = QHBoxLayout()
        row.addWidget(label)
        row.addWidget(self.combo, 1)
        row.addWidget(self.open_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(row)
        column.addWidget(self.about)
        self._opened: dict[str, object] = {}
        self.combo.currentIndexChanged.connect(self._on_chosen)
        self.open_button.clicked.connect(self._choose_file)
        self._ties = Connections(self)
        self._ties.to(events.models_changed, self.refresh)
        self.refresh()

    @property
    def header(self):
        """The chosen model's header, or None where there is no model."""
        chosen = self.combo.currentData()
        return chosen[1] if chosen else None

    @property
    def path(self) -> str | None:
        """Name or file of the chosen model."""
        chosen = self.combo.currentData()
        return chosen[0] if chosen else None

    def refresh(self) -> None:
        """List the models anew; damaged files are named in one line and left out."""
        from ...models import list_models

        with warnings.catch_warnings(record=True) as damaged:
            warnings.simplefilter("always")
            self._entries = [(header.name, header) for header in list_models()]
        self._list(self.path)
        for warning in damaged:
            complain(InputError("model", str(warning.message)))

    def serve(self, why_not: Callable[[object], str | None]) -> None:
        """List the models that serve for something else, such as volumes; the one chosen for it before comes back."""
        if why_not != self._why_not:
            before, self._why_not = self._why_not, why_not
            self._last[before] = self.path
            self._list(self._last.get(why_not, self.path))

    def _list(self, chosen: str | None) -> None:
        entries = [(path, header) for path, header in (*self._entries, *self._opened.items())
                   if self._why_not(header) is None]
        self.combo.blockSignals(True)
        self.combo.clear()
        for heading in sorted({_heading(header) for _, header in entries}):
            self._add_heading(heading)
            for path, header in entries:
                if _heading(header) == heading:
                    self.combo.addItem(header.name, (path, header))
                    about = describe(header, self._task)
                    self.combo.setItemData(self.combo.count() - 1, about, Qt.ItemDataRole.ToolTipRole)
        self.combo.blockSignals(False)
        self.choose(chosen)

    def choose(self, path: str | None) -> None:
        """Choose a model by its name or file; else one of the user's own, else the one that the samples are for."""
        from ...models.registry import BUNDLED_FOLDER, find_models

        rows = {self.combo.itemData(i)[0]: i for i in range(self.combo.count()) if self.combo.itemData(i)}
        files = find_models()
        own = [name for name in rows if name in files and files[name].parent != BUNDLED_FOLDER]
        preferred = [name for name in (path, *own, *_FIRST, *rows) if name in rows]
        self.combo.setCurrentIndex(rows[preferred[0]] if preferred else -1)
        self._on_chosen()

    def open_file(self, path: str) -> None:
        """Add a model file to the list and choose it; a file that is no model is refused in one line."""
        from ...models import read_model_header

        try:
            header = read_model_header(path)
            if (reason := self._why_not(header)) is not None:
                raise InputError(path, reason, "Open another model")
        except InputError as error:
            complain(error)
            return
        self._opened[path] = header
        self.refresh()
        self.choose(path)

    def _why_not_the_task(self, header) -> str | None:
        return None if self._task in header.tasks else f"cannot {self._task}, only {' and '.join(header.tasks)}"

    def _choose_file(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "Open model file", "", "Models (*.safetensors)")
        if path:
            self.open_file(path)

    def _add_heading(self, text: str) -> None:
        self.combo.addItem(text, None)
        self.combo.model().item(self.combo.count() - 1).setEnabled(False)

    def _on_chosen(self, *_) -> None:
        header = self.header
        nothing = "No models yet: train one, or open a model file."
        self.about.setText(describe(header, self._task) if header else nothing)
        self.changed.emit(header)


def describe(header, task: str = "detect") -> str:
    """One line: landmarks, what the model was trained on, how exact it is at a task."""
    training = header.training
    structures = [str(structure["name"]) for structure in header.extra.get("structures", ())]
    parts = [listed(structures, 6) if structures else f"{len(header.landmarks)} landmarks"]
    films = training.get("films") or training.get("images")
    data = training.get("data") or training.get("dataset")
    if films or data:
        parts.append("trained on " + _films_of(films, str(data or "")))
    keys = [f"mean_point_to_curve_{unit}" for unit in ("mm", "px")] if task == "segment" else []
    key = next((key for key in keys if key in header.metrics), None)
    exact = metric_in_words(key, header.metrics[key]) if key else header.accuracy
    parts += [exact] if exact else []
    return ", ".join(parts) + "."


def _films_of(count, data: str) -> str:
    """"200 films of phantoms", "7040 simulated films of an atlas"; what a card tells further is left to it."""
    data = data.partition(";")[0].partition(" (")[0]
    if not count or not data:
        return data or f"{count} films"
    return f"{count} {data}" if "films of" in data else f"{count} films of {data}"


def _heading(header) -> str:
    return f"{header.anatomy} · {header.method.replace('-', ' ')}"
