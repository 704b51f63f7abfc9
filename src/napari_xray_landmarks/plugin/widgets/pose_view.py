"""Verify a pose: the CT rendered over its film, edges, checkerboard, residuals of landmarks, and the C-arm in space."""

import numpy as np
from qtpy.QtCore import QObject, Qt, QTimer, Signal
from qtpy.QtWidgets import QCheckBox, QComboBox, QGridLayout, QLabel, QPushButton, QSlider, QWidget

from ...errors import InputError
from ..arm_drawing import hide_arm, hide_arms, look_from_the_front, show_arm
from ..films import film_of
from ..pose_layers import (
    CHECKERBOARD,
    DRR,
    LINES,
    NAMES,
    OVERLAY,
    PROJECTED,
    hide,
    layers_of_film,
    show_rendered,
    show_residuals,
)
from ..registering import COARSE, rendered
from ..results import results_of
from .connections import Connections
from .jobs import LiveJob
from .messages import complain
from .visibility import Visibility

FILLED = 0.95  # of the window, by a film
FIT_MS = 100


class PoseView(QWidget):
    """Shows the pose of one film at a time, and lets the user choose how.

    Signals
    -------
    settled()
        The rendering at the film's own resolution is there.
    """

    settled = Signal()

    def __init__(self, viewer, parent=None):
        super().__init__(parent)
        self._viewer, self._visibility = viewer, Visibility(viewer)
        self._asked = self._shown = self._arm_of = None
        self._fine = False
        self._build()
        self._rendering = LiveJob(self._prepare, self)
        self._rendering.done.connect(self._on_rendered)
        self._rendering.failed.connect(complain)
        self._layer_ties = Connections(self)
        self._ties = Connections(self)
        self._ties.to(viewer.dims.events.ndisplay, self._on_ndisplay)
        self._ties.at_end(lambda: hide_arms(viewer))
        self.look.currentTextChanged.connect(lambda _: self._draw())
        self.with_edges.toggled.connect(lambda _: self._draw())
        self.with_drr.toggled.connect(lambda _: self._draw())
        self.with_residuals.toggled.connect(lambda _: self._draw_residuals())
        self.opacity.valueChanged.connect(self._on_opacity)
        self.space_button.toggled.connect(self._on_space)

    def _build(self) -> None:
        self.with_drr, self.with_edges, self.with_residuals = (
            QCheckBox(text, self) for text in ("Rendering", "Edges", "Residuals"))
        self.with_drr.setChecked(True)
        self.with_residuals.setChecked(True)
        self.with_drr.setToolTip("The CT as it would be seen from this pose (DRR), over the film")
        self.with_edges.setToolTip("Edges of the rendering: at the right pose they lie on those of the film")
        self.with_residuals.setToolTip("Where the CT's landmarks are projected to, and a line from each one's place on "
                                       "the film: blue where the pose rests on it, orange where it was dropped")
        self.opacity = QSlider(Qt.Orientation.Horizontal, self)
        self.opacity.setRange(0, 100)
        self.opacity.setValue(50)
        self.opacity.setAccessibleName("opacity of the rendering")
        self.opacity.setToolTip("Opacity of the rendering")
        self.look = QComboBox(self)
        self.look.addItems([OVERLAY, CHECKERBOARD])
        self.look.setAccessibleName("look of the rendering")
        self.look.setToolTip("The rendering over the whole film, or film and rendering in turn")
        self.space_button = QPushButton("See in 3D", self)
        self.space_button.setCheckable(True)
        self.space_button.setToolTip("The CT with the C-arm at this pose: source, rays, and the film on the detector")
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        label = QLabel("Opacity", self)
        label.setBuddy(self.opacity)
        for i, row in enumerate(((self.with_drr, self.look), (label, self.opacity))):
            grid.addWidget(row[0], i, 0)
            grid.addWidget(row[1], i, 1, 1, 2)
        for j, widget in enumerate((self.with_edges, self.with_residuals, self.space_button)):
            grid.addWidget(widget, 2, j)
        grid.setColumnStretch(2, 1)

    @property
    def busy(self) -> bool:
        return self._rendering.busy

    def show_pose(self, film, ct, patient, pose, residuals=()) -> None:
        """Show a film's pose in a CT; None for `pose` takes what was shown away.

        Parameters
        ----------
        film, ct
            Layers.
        patient
            The CT, made ready; None while it is being read.
        pose
        residuals
            `posing.Residual` of each landmark.
        """
        before = self._asked
        self._asked = None if pose is None or patient is None else (film, ct, patient, pose, tuple(residuals))
        if before is not None and (self._asked is None or before[0] is not film):
            self.take_away(before[0], before[1])
        self._fine = False
        self._shown = None
        if self._asked is None:
            self._rendering.drop()
            return
        self._draw_residuals()
        self._rendering.request()

    def take_away(self, film, ct) -> None:
        """Remove what shows a film's pose."""
        hide(self._viewer, film, *NAMES)
        if self._arm_of is not None:
            hide_arm(self._viewer, self._arm_of)
            self._arm_of = None

    def _prepare(self):
        """Coarse first, then as fine as the film."""
        if self._asked is None or self._asked[0] not in self._viewer.layers:
            return None
        film, _, patient, pose, _ = asked = self._asked
        try:
            radiograph = film_of(film)
        except InputError as error:
            complain(error)
            return None
        factor = 1 if self._fine else COARSE
        return asked, lambda: rendered(radiograph, patient, pose.arm, factor)

    def _on_rendered(self, asked, picture) -> None:
        if self._asked is None or asked[0] is not self._asked[0] or asked[0] not in self._viewer.layers:
            return
        self._shown = asked[0], picture, asked[3]
        self._draw()
        if asked is not self._asked:
            return  # the newest is on its way
        self._draw_arm()
        if picture.factor > 1:
            self._fine = True
            self._rendering.request()
        else:
            self.settled.emit()

    def _draw(self) -> None:
        """Bring rendering and edges up to date; a rendering that the user removed stays away."""
        if self._shown is None or self._shown[0] not in self._viewer.layers:
            return
        film, picture, _ = self._shown
        show_rendered(self._viewer, film, picture, self.look.currentText(), opacity=self.opacity.value() / 100,
                      with_drr=self.with_drr.isChecked(), with_edges=self.with_edges.isChecked())
        self._layer_ties.clear()
        for layer in results_of(self._viewer, film, DRR):
            self._layer_ties.to(layer.events.opacity, self._on_layer_opacity)

    def _draw_residuals(self) -> None:
        if self._asked is None:
            return
        film, *_, residuals = self._asked
        if self.with_residuals.isChecked() and residuals:
            show_residuals(self._viewer, film, residuals)
        else:
            hide(self._viewer, film, LINES, PROJECTED)

    def _draw_arm(self) -> None:
        """Draw the C-arm of the pose in the 3D view, and only there: in slices it would be a few stray lines."""
        asked, flat = self._asked, self._viewer.dims.ndisplay == 2
        if self._arm_of is not None and (flat or asked is None):
            hide_arm(self._viewer, self._arm_of)
            self._arm_of = None
        if asked is None or flat or asked[0] not in self._viewer.layers or asked[1] not in self._viewer.layers:
            return
        film, ct, _, pose, _ = asked
        show_arm(self._viewer, ct, pose.arm, grey_of(film))
        self._arm_of = ct

    def _on_opacity(self, value: int) -> None:
        for layer in results_of(self._viewer, self._shown[0], DRR) if self._shown is not None else ():
            layer.opacity = value / 100

    def _on_layer_opacity(self, event) -> None:
        self.opacity.blockSignals(True)
        self.opacity.setValue(round(100 * event.source.opacity))
        self.opacity.blockSignals(False)

    def _on_ndisplay(self, event=None) -> None:
        if self._viewer.dims.ndisplay == 2 and self.space_button.isChecked():
            self.space_button.setChecked(False)
        self._draw_arm()

    def _on_space(self, on: bool) -> None:
        """Show CT and C-arm in space without the films that lie in their plane, or the films again."""
        self.space_button.setText("Back to the film" if on else "See in 3D")
        layers = list(self._viewer.layers)
        if on:
            self._visibility.change(hidden=[layer for layer in layers if layer.ndim == 2],
                                    seen=[layer for layer in layers if layer.ndim == 3])
            look_from_the_front(self._viewer)
            return
        self._visibility.restore()
        self._viewer.dims.ndisplay = 2
        if self._asked is not None:
            look_at(self._viewer, self._asked[0])


class FilmInView(QObject):
    """Shows one film at a time: films of one size lie on each other, and the uppermost would hide the others."""

    def __init__(self, viewer, parent=None):
        super().__init__(parent)
        self._viewer, self._visibility = viewer, Visibility(viewer)
        self._film = self._where = None
        self._soon = QTimer(self, singleShot=True, interval=FIT_MS)  # when a new dock has its place in the window
        self._soon.timeout.connect(self._fit)

    def show(self, film, films: list) -> None:
        """Hide the other films with all that lies on them, and bring this one back as the user had left it."""
        self._film = film
        if film is None:
            return
        others = [layer for other in films if other is not film for layer in layers_of_film(self._viewer, other)]
        self._visibility.restore(layers_of_film(self._viewer, film))
        self._visibility.change(hidden=others, seen=[film])
        self._soon.start()

    def _fit(self) -> None:
        """Bring the film into view, unless it lies where the one before lay."""
        if self._film not in self._viewer.layers or self._viewer.dims.ndisplay != 2:
            return
        where = self._film.extent.world
        if not np.array_equal(where, self._where):
            look_at(self._viewer, self._film)
        self._where = where


def look_at(viewer, *films) -> None:
    """Fit films into the window. napari's own way fails for flat layers beside a volume."""
    extents = [film.extent.world[:, -2:] for film in films]
    low, high = np.min([e[0] for e in extents], axis=0), np.max([e[1] for e in extents], axis=0)
    camera = getattr(viewer, "scene", viewer).camera  # napari 0.9 moved it, and the size of the canvas
    size = viewer.canvas.size if hasattr(viewer, "canvas") else viewer._canvas_size
    camera.center = (0.0, *((low + high) / 2))
    camera.zoom = float(FILLED * np.min(np.asarray(size) / np.maximum(high - low, 1e-6)))


def grey_of(film) -> np.ndarray:
    """(rows, columns) uint8, a film as its layer shows it."""
    low, high = film.contrast_limits
    data = np.asarray(film.data[0] if film.multiscale else film.data, dtype=float)
    return np.rint(255 * np.clip((np.nan_to_num(data) - low) / max(high - low, 1e-12), 0, 1)).astype(np.uint8)
