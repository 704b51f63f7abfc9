"""A volume's segmentation in the dock: the answer, the stages, slices and space, and files of it."""

from pathlib import Path

from qtpy.QtCore import QTimer, Signal
from qtpy.QtWidgets import QComboBox, QFileDialog, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from ...errors import InputError
from ..arm_drawing import look_from_the_front
from ..volume_layers import (
    STAGES,
    STRUCTURE,
    THICKNESS,
    colour_surfaces,
    coloured_by,
    show_stage,
    stage_of,
    surfaces_of,
    thickest_mm,
    thickness_colours,
    update_features,
    update_surfaces,
)
from ..volume_saving import FILTERS, save, to_save
from ..volumes import labels_layer_of, labels_now, live_volume_of, nothing_painted, painted, remeasured
from .combos import narrow
from .connections import Connections
from .dock import note_in, set_note
from .jobs import Job, LiveJob
from .messages import complain, tell
from .visibility import SlicesInView, Visibility
from .volume_answers import ColourBar, StructureTable, in_words

RESULT = "result"
PAINTED_MS = 400


class VolumeView(QWidget):
    """Tells of one volume's segmentation, and lets the user choose what is seen of it.

    Signals
    -------
    measured(object)
        The segmentation as its labels stand, after the user painted them.
    """

    measured = Signal(object)

    def __init__(self, viewer, parent=None):
        super().__init__(parent)
        self._viewer, self._image, self._visibility = viewer, None, Visibility(viewer)
        self.found = self._slices = None
        self._by_hand = nothing_painted()
        self._build()
        self._measuring = LiveJob(self._prepare_measuring, self)
        self._measuring.done.connect(self._on_measured)
        self._measuring.failed.connect(complain)
        self._saving = Job(self)
        self._saving.done.connect(lambda written: tell(f"Saved {', '.join(path.name for path in written)}"))
        self._saving.failed.connect(complain)
        self._painted = QTimer(self, singleShot=True, interval=PAINTED_MS)
        self._painted.timeout.connect(self._measuring.request)
        self._layer_ties, self._ties = Connections(self), Connections(self)
        self._ties.to(viewer.dims.events.ndisplay, self._on_ndisplay)
        self.table.chosen.connect(self._go_to)
        self.stage.activated.connect(lambda _: self._show_stage())
        self.by.activated.connect(lambda _: self._colour())
        self.space_button.toggled.connect(self._on_space)
        self.export_button.clicked.connect(self._choose_file)
        self.show_image(None)

    def _build(self) -> None:
        self.said, self.table, self.bar = note_in(self), StructureTable(self), ColourBar(self)
        self.stage, self.by = narrow(QComboBox(self)), narrow(QComboBox(self))
        self.stage.setToolTip("What the labels show: the result, or one of the stages that it is made of")
        self.by.addItems([THICKNESS, STRUCTURE])
        self.by.setToolTip("What the bones' surfaces show in 3D")
        self.space_button = QPushButton("Show in 3D", self)
        self.space_button.setCheckable(True)
        self.space_button.setToolTip("The fitted bones in space, from the front; without the slices")
        self.export_button = QPushButton("Export…", self)
        self.export_button.setToolTip("Save labels, landmarks, bone surfaces or the table: the ending says which")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.said)
        column.addWidget(self.table)
        self._stage_row = self._row(column, "Labels show", self.stage)
        self._surface_row = self._row(column, "Surfaces show", self.by)
        column.addWidget(self.bar)
        self._row(column, self.space_button, self.export_button)

    def _row(self, column, *widgets) -> QWidget:
        row = QWidget(self)
        line = QHBoxLayout(row)
        line.setContentsMargins(0, 0, 0, 0)
        for widget in widgets:
            if isinstance(widget, str):
                label = QLabel(widget, row)
                label.setBuddy(widgets[-1])
                line.addWidget(label)
            else:
                line.addWidget(widget, 1)
        column.addWidget(row)
        return row

    @property
    def busy(self) -> bool:
        """Whether labels are being measured or files written."""
        return self._painted.isActive() or self._measuring.busy or self._saving.running

    def show_image(self, image) -> None:
        """Tell of the segmentation of the volume in a layer, where there is one."""
        self._layer_ties.clear()
        self._image, live = image, live_volume_of(self._viewer, image)
        self.found = None if live is None else live.found
        self.setVisible(live is not None)
        if live is None:
            return
        layer = labels_layer_of(self._viewer, image)
        self._layer_ties.to(layer.events.paint, lambda event=None: self._painted.start())
        self._layer_ties.to(layer.events.set_data, self._on_slice)
        self._by_hand = nothing_painted()
        self._fill_stages(live)
        self._tell()
        self._measuring.request()

    def _on_slice(self, event=None) -> None:
        """Undo, of which napari tells no more than that slices are drawn anew."""
        if len(self._by_hand):
            self._painted.start()

    def _fill_stages(self, live) -> None:
        self.stage.clear()
        self.stage.addItem(RESULT, None)
        for name in live.found.stages:
            self.stage.addItem(STAGES.get(name, name), name)
        self.stage.setCurrentIndex(max(self.stage.findData(stage_of(self._viewer, self._image)), 0))
        self._stage_row.setVisible(bool(live.found.stages))

    def _tell(self) -> None:
        set_note(self.said, in_words(self.found))
        self.table.show_segmentation(self.found)
        has_surfaces = bool(surfaces_of(self._viewer, self._image))
        by = coloured_by(self._viewer, self._image) or STRUCTURE
        self.by.setCurrentText(by)
        self._surface_row.setVisible(has_surfaces and bool(self.found.thickness))
        self.bar.setVisible(has_surfaces and by == THICKNESS)
        self.bar.show_colours(thickness_colours(), thickest_mm(self.found), "cartilage thickness in mm", "none")
        self.space_button.setEnabled(has_surfaces)

    def _show_stage(self) -> None:
        live = live_volume_of(self._viewer, self._image)
        if live is not None:
            show_stage(self._viewer, self._image, live, self.stage.currentData())

    def _colour(self) -> None:
        colour_surfaces(self._viewer, self._image, self.found, self.by.currentText())
        self._tell()

    def _prepare_measuring(self):
        """Measure the labels as the user left them, beside the window."""
        labels, found = labels_now(self._viewer, self._image), self.found
        by_hand = painted(self._viewer, self._image)
        if labels is None or found is None or by_hand == self._by_hand:
            return None
        self._by_hand = by_hand
        if not len(by_hand):  # all was undone
            found = live_volume_of(self._viewer, self._image).found
            return self._image, lambda: found
        return self._image, lambda: remeasured(found, labels)

    def _on_measured(self, image, found) -> None:
        if image is self._image and live_volume_of(self._viewer, image) is not None:
            self.found = found
            update_features(self._viewer, image, found)
            update_surfaces(self._viewer, image, found)
            self._tell()
            self.measured.emit(found)

    def _go_to(self, name: str) -> None:
        """Bring a structure into the slices, and its label under the brush."""
        layer, live = labels_layer_of(self._viewer, self._image), live_volume_of(self._viewer, self._image)
        if layer is None or live is None:
            return
        label = self.found.structure(name).label
        layer.selected_label = label
        if (voxel := live.middles.get(label)) is not None:
            dims = self._viewer.dims
            dims.set_point(range(dims.ndim - 3, dims.ndim), layer.data_to_world(voxel))

    def _on_ndisplay(self, event=None) -> None:
        """Surfaces are for space: cut by a slice, they are a few stray triangles."""
        flat = self._viewer.dims.ndisplay == 2
        if flat and self.space_button.isChecked():
            self.space_button.setChecked(False)
        for layer in surfaces_of(self._viewer, self._image).values() if self._image is not None else ():
            layer.visible = not flat

    def _on_space(self, on: bool) -> None:
        self.space_button.setText("Back to the slices" if on else "Show in 3D")
        if on:
            flat = [layer for layer in self._viewer.layers if type(layer).__name__ in ("Image", "Labels")]
            self._visibility.change(hidden=flat)
            if self._viewer.dims.ndisplay == 2:
                self._slices = SlicesInView(self._viewer)
            look_from_the_front(self._viewer)
            return
        self._visibility.restore()
        self._viewer.dims.ndisplay = 2
        if self._slices is not None:
            self._slices.restore()

    def _choose_file(self) -> None:
        start = f"{self._image.name}.nii.gz".replace(" · ", "-").replace("/", "-")
        path, chosen = QFileDialog.getSaveFileName(self, "Export the segmentation", start, ";;".join(FILTERS))
        if path:
            self.save(path if path.lower().endswith(tuple(FILTERS.values())) else path + FILTERS[chosen])

    def save(self, path: str) -> None:
        """Write what the ending says, beside the window."""
        if self._saving.running:
            return
        try:
            what = to_save(self._viewer, self._image, self.found)
        except InputError as error:
            complain(error)
            return
        self._saving.start(lambda _: save(what, Path(path)))
