"""What docks share that run a model on images: the image, the model, its options, and the button."""

from collections.abc import Callable
from dataclasses import fields
from functools import partial

from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QPushButton, QWidget

from ...errors import InputError
from ..films import film_of, spacing_of, why_not_a_film
from ..settings import model_settings, with_preferences
from ..solving import Search
from .dock import Dock, Fold, set_note
from .form import SettingsForm
from .layer_combo import LayerCombo
from .messages import ask, complain
from .model_combo import ModelCombo

KEEP, REPLACE = "Keep mine", "Replace them"
FIXED = "training"
SOON_MS = 150


class ModelDock(Dock):
    """A dock that runs a model. Subclasses add `run` and `all_button` among their own rows, then call `connect_run`.

    Parameters
    ----------
    napari_viewer, invitation, samples
        As in `Dock`.
    task
        What the models must be able to do: "detect" or "segment".
    groups
        Groups of options that the form shows; None for all but those that training fixed.
    why_not
        Says of a layer why it does not serve, as for `LayerCombo`; by default radiographs serve.
    """

    title = ""  # of questions

    def __init__(self, napari_viewer, invitation: str, samples: tuple[str, ...] | None = None, *, task: str,
                 groups: tuple[str, ...] | None = None, why_not: Callable[[object], str | None] | None = None):
        super().__init__(napari_viewer, invitation, samples)
        self._groups = groups
        self.form: SettingsForm | None = None
        self.image = self.add(LayerCombo(self.viewer, "Image", why_not or _why_not))
        self.frame_note = self.add_note()
        self.model = self.add(ModelCombo(self, task))
        self.options = self.add(Fold("Options", QWidget(self)))
        self._soon = QTimer(self, singleShot=True, interval=SOON_MS)

    def button_for_all(self, tip: str) -> QPushButton:
        """What runs the model on every open radiograph."""
        button = QPushButton("Use on all open images", self)
        button.setToolTip(tip)
        return button

    def connect_run(self, search: Callable[[list], None], done: Callable) -> None:
        """Let `run` and `all_button` call search(images), and `done` have the outcome; show what is chosen."""
        self._soon.timeout.connect(self._on_frame)
        self.image.changed.connect(self._on_image)
        self.model.changed.connect(self._on_model)
        self.run.pressed.connect(lambda: search([self.image.value]))
        self.all_button.clicked.connect(lambda: search(self.alike))
        self.run.job.done.connect(done)
        self.run.job.ended.connect(self._enable)
        self._on_model(self.model.header)
        self._on_image(self.image.value)

    @property
    def settings(self):
        """The options as they stand in the form; None without a model."""
        return self.form.value if self.form else None

    @property
    def alike(self) -> list:
        """Every open image on which the chosen model can run as on the chosen image."""
        return self.image.choices

    def search(self, image, own) -> Search:
        """What there is to search in an image; InputError where it cannot be read."""
        return Search(image, film_of(image), own)

    def start(self, work: Callable, mine: dict, question: str) -> None:
        """Run a model on images; corrections made by hand are kept or replaced as the user says.

        Parameters
        ----------
        work
            Called as work(searches, model, settings, progress) beside the window.
        mine
            The user's corrections by image.
        question
            What there is by hand, in a sentence; "" where there is nothing to lose.
        """
        if question:
            answer = ask(self, self.title, question, (KEEP, REPLACE))
            if answer is None:
                return
            if answer == REPLACE:
                mine = dict.fromkeys(mine, {})
        try:
            searches = [self.search(image, own) for image, own in mine.items()]
        except (InputError, ValueError) as error:
            complain(error)
            return
        self.run.start(partial(work, searches, self.model.path, self.settings))
        self._enable()

    def _on_image(self, image) -> None:
        """Another image was chosen."""
        raise NotImplementedError

    def _on_frame(self) -> None:
        """The image was calibrated, or moved."""
        raise NotImplementedError

    def _say_frame(self) -> None:
        image, text = self.image.value, ""
        if image is not None and spacing_of(image) is None:
            text = "No pixel spacing: results in pixels. The dock Calibrate spacing gives millimetres."
        set_note(self.frame_note, text)

    def _on_model(self, header) -> None:
        self.form = None if header is None else self._form_of(header)
        self.options.set_inside(self.form or QWidget(self))
        self.options.setVisible(self.form is not None)
        self._enable()

    def _form_of(self, header) -> SettingsForm:
        settings = model_settings(header)
        try:
            settings = with_preferences(settings)
        except InputError as error:
            complain(error)
        groups = dict.fromkeys(f.metadata.get("group") for f in fields(settings))
        return SettingsForm(settings, self._groups or tuple(g for g in groups if g != FIXED), parent=self)

    def _enable(self) -> None:
        ready = self.image.value is not None and self.model.header is not None
        running = self.run.job.running
        self.run.button.setEnabled(ready or running)
        self.all_button.setEnabled(ready and not running)
        self.all_button.setVisible(len(self.alike) > 1)


def _why_not(layer) -> str | None:
    reason = why_not_a_film(layer)
    return "" if reason in ("not an image", "a result, not a film") else reason
