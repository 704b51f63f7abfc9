"""Brings a landmark layer of another session back to life: the same model and settings once more."""

from functools import partial

from qtpy.QtWidgets import QVBoxLayout, QWidget

from ..films import film_of, our_metadata
from ..results import image_of
from ..settings import model_settings
from ..solving import Search, detect_in, show_search
from .messages import complain
from .run_row import RunRow


class Redetect(QWidget):
    """A Detect button that shows only where it is needed."""

    def __init__(self, viewer, parent=None):
        super().__init__(parent)
        self.viewer, self._layer = viewer, None
        self.run = RunRow("Detect again", self)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.run)
        self.run.pressed.connect(self._start)
        self.run.job.done.connect(self._on_found)

    def set_layer(self, layer) -> None:
        """The landmark layer to detect again; None hides the button."""
        self._layer = layer
        image = image_of(self.viewer, layer) if layer is not None else None
        self.setVisible(image is not None and bool(our_metadata(layer).get("model")))

    def _start(self) -> None:
        from ...models import find_models, read_model_header

        notes = our_metadata(self._layer)
        image = image_of(self.viewer, self._layer)
        try:
            header = read_model_header(find_models().get(notes["model"], notes["model"]))
            settings = type(model_settings(header))(**notes["settings"])
            search = Search(image, film_of(image))
        except (ValueError, TypeError) as error:
            complain(error)
            return
        self.run.start(partial(detect_in, [search], notes["model"], settings))

    def _on_found(self, outcome) -> None:
        found, failures = outcome
        for error in failures:
            complain(error)
        for result in found:
            show_search(self.viewer, result)
