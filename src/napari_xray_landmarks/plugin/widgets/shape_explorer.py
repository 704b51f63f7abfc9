"""A shape model in space, mode by mode: a bone's surface that follows the sliders."""

import numpy as np
from qtpy.QtWidgets import QComboBox, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from ...errors import InputError
from ..arm_drawing import look_from_the_front
from ..exploring import displacement_colours, explored_layer, fitted_shapes, shapes_in, show_shape, why_not_explorable
from ..frames import mm_per_unit
from ..volumes import live_volume_of, volume_of
from .combos import narrow
from .connections import Connections
from .jobs import LiveJob
from .messages import complain
from .model_combo import ModelCombo
from .modes import ModeSliders
from .visibility import Visibility
from .volume_answers import ColourBar

FITTED, MODEL = "the bones fitted here", "a shape model"
IN_IMAGE, IN_VIEW, ORIGIN = "in the middle of the volume", "where the slices cross", "at the world's origin"
HIDDEN = ("Image", "Labels", "Points", "Surface")


class ShapeExplorer(QWidget):
    """Shows the surface of a shape model: of a volume's fitted bones, or the mean of a model that the user chooses."""

    def __init__(self, viewer, parent=None):
        super().__init__(parent)
        self._viewer, self._image, self._visibility = viewer, None, Visibility(viewer)
        self._shapes, self._source = (), ""
        self._build()
        self._loading = LiveJob(self._prepare_loading, self)
        self._loading.done.connect(self._on_loaded)
        self._loading.failed.connect(complain)
        self._ties = Connections(self)
        self._ties.to(viewer.layers.events.removed, self._on_removed)
        self._ties.to(viewer.dims.events.ndisplay, self._on_ndisplay)
        self.of.activated.connect(lambda _: self._on_source())
        self.model.changed.connect(lambda _: self.shown and self.show_shape())
        self.place.activated.connect(lambda _: self._on_place())
        self.show_button.clicked.connect(self.show_shape)
        self.hide_button.clicked.connect(self.hide_shape)
        self.modes.moved.connect(self._on_moved)
        self.modes.released.connect(self._reset)
        self.modes.chosen.connect(self._reset)
        self.show_image(None)

    def _build(self) -> None:
        self.of, self.place = narrow(QComboBox(self)), narrow(QComboBox(self))
        self.of.addItems([FITTED, MODEL])
        self.of.setAccessibleName("which shape")
        self.model = ModelCombo(self, "shape", why_not_explorable)
        self.place.addItems([IN_IMAGE, IN_VIEW, ORIGIN])
        self.place.setToolTip("Where the surface stands; its layer can be moved like any other")
        self.show_button, self.hide_button = QPushButton("Show shape", self), QPushButton("Remove", self)
        self.show_button.setToolTip("The surface as a layer in 3D; the sliders move it")
        self.modes, self.bar = ModeSliders(self, "Reset"), ColourBar(self)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.of)
        column.addWidget(self.model)
        self._place_row = QWidget(self)
        for holder, widgets in ((self._place_row, (self._label("Stands", self.place), self.place)),
                                (QWidget(self), (self.show_button, self.hide_button))):
            row = QHBoxLayout(holder)
            row.setContentsMargins(0, 0, 0, 0)
            for widget in widgets:
                row.addWidget(widget, 0 if isinstance(widget, QLabel) else 1)
            column.addWidget(holder)
        column.addWidget(self.modes)
        column.addWidget(self.bar)

    def _label(self, text: str, widget) -> QLabel:
        label = QLabel(text, self)
        label.setBuddy(widget)
        return label

    @property
    def shown(self) -> bool:
        """Whether the surface is there."""
        return bool(self._shapes) and explored_layer(self._viewer) is not None

    @property
    def busy(self) -> bool:
        return self._loading.busy

    def show_image(self, image) -> None:
        """Offer the bones that were fitted to a volume, where there are some."""
        self._image, live = image, live_volume_of(self._viewer, image)
        fitted = live is not None and bool(fitted_shapes(live.found))
        if not fitted or not self.of.isVisibleTo(self):
            self.of.setCurrentText(FITTED if fitted else MODEL)
        self.of.setVisible(fitted)
        self._on_source(load=False)

    def _on_source(self, load: bool = True) -> None:
        of_model = self.of.currentText() == MODEL
        self.model.setVisible(of_model)
        self._place_row.setVisible(of_model)
        self.show_button.setEnabled(not of_model or self.model.header is not None)
        self._enable()
        if load and self.shown:
            self.show_shape()

    def show_shape(self) -> None:
        """Show the chosen shape: a fitted bone as it was fitted, a model's as its mean."""
        self._loading.request()

    def hide_shape(self) -> None:
        """Take the surface away, and bring back what it had hidden."""
        if (layer := explored_layer(self._viewer)) is not None:
            self._viewer.layers.remove(layer)

    def _prepare_loading(self):
        live = live_volume_of(self._viewer, self._image)
        if self.of.currentText() == FITTED:
            return None if live is None else (self._image.name, lambda: fitted_shapes(live.found))
        path, header = self.model.path, self.model.header
        return None if path is None else (header.name, lambda: shapes_in(path))

    def _on_loaded(self, source: str, shapes) -> None:
        self._source, self._shapes = source, self._placed(shapes)
        self._reset()
        if self._viewer.dims.ndisplay != 3:
            look_from_the_front(self._viewer)
        self._hide_others()

    def _hide_others(self) -> None:
        """Slices would cut through the surface, and fitted bones with their landmarks lie in it."""
        others = [layer for layer in self._viewer.layers if layer is not explored_layer(self._viewer)]
        self._visibility.change(hidden=[layer for layer in others if type(layer).__name__ in HIDDEN])

    def _placed(self, shapes) -> tuple:
        if self.of.currentText() == FITTED:
            return tuple(shapes)
        try:
            point = self._point()
        except InputError as error:
            complain(error)
            point = np.zeros(3)
        return tuple(shape.centred_at(point) for shape in shapes)

    def _point(self) -> np.ndarray:
        """(3,) mm of the place that the user chose for a model's mean."""
        if self.place.currentText() == IN_IMAGE and self._image is not None:
            volume = volume_of(self._image)
            middle = (np.array(volume.shape) - 1) / 2
            return volume.world_from_voxel[:3, :3] @ middle + volume.world_from_voxel[:3, 3]
        if self.place.currentText() == IN_VIEW and self._viewer.dims.ndim >= 3:
            factors = None if self._image is None else mm_per_unit({"units": self._image.units}, 3)
            return np.array(self._viewer.dims.point[-3:], dtype=float) * (1.0 if factors is None else factors)
        return np.zeros(3)

    def _draw(self, deviations) -> None:
        shape = self._shapes[self.modes.number]
        show_shape(self._viewer, shape, deviations, self._source)
        self.bar.show_colours(displacement_colours(), shape.largest_mm, "from the mean in mm")
        self._enable()

    def _on_moved(self, number: int, deviations) -> None:
        if self._shapes and explored_layer(self._viewer) is not None:
            self._draw(deviations)

    def _reset(self, *_) -> None:
        """Back to the shape as it was fitted, or to the mean."""
        if not self._shapes:
            return
        fits = [(i, shape.name, shape) for i, shape in enumerate(self._shapes)]
        self.modes.blockSignals(True)
        self.modes.show_fits(fits)
        self.modes.blockSignals(False)
        self._draw(self._shapes[self.modes.number].deviations)

    def _on_place(self) -> None:
        if self.shown:
            self._shapes = self._placed(self._shapes)
            self._draw(self.modes.deviations)

    def _on_ndisplay(self, event=None) -> None:
        layer = explored_layer(self._viewer)
        if layer is None:
            return
        layer.visible = self._viewer.dims.ndisplay == 3
        if layer.visible:
            self._hide_others()
        else:
            self._visibility.restore()

    def _on_removed(self, event) -> None:
        if self._shapes and explored_layer(self._viewer) is None:
            self._visibility.restore()
        self._enable()

    def _enable(self) -> None:
        shown = self.shown
        for widget in (self.hide_button, self.modes):
            widget.setEnabled(shown)
        for widget in (self.modes, self.bar):
            widget.setVisible(bool(self._shapes))
