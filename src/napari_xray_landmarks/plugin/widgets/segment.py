"""Segment bone: a film and a model in, outlines to correct and explore out; of a volume, labels and surfaces."""

from qtpy.QtWidgets import QCheckBox, QComboBox, QPushButton

from ...shape.measures import label_image, outliers_in_words, summary
from ..films import film_of, spacing_of
from ..frames import mm_per_unit
from ..outlines import bone_of_vertex, contour_of, labels_of, show_labels, vertices_layer_of
from ..results import names_of, show_response
from ..segmenting import changes_of, in_words, live_of, segment_in, show_found
from ..solving import Search
from ..volume_layers import segment_to_show, show_volume
from ..volumes import (
    SegmentedVolume,
    is_volume,
    live_volume_of,
    painted,
    volume_of,
    was_moved,
    why_not_segmentable,
)
from .combos import narrow
from .connections import Connections
from .dock import Fold, set_note
from .export import CONTOUR_FILTERS, ExportRow
from .messages import complain, tell
from .model_dock import ModelDock
from .modes import ModeSliders
from .outline_answers import MeasuresTable, VertexColours
from .reshaper import Reshaper
from .run_row import RunRow
from .shape_explorer import ShapeExplorer
from .volume_view import VolumeView

SAMPLES = ("proximal-femur", "pelvis", "pelvis-with-implants", "knee-mr")
PLACED = ("scale", "translate", "rotate", "shear", "affine", "units")


class SegmentBone(ModelDock):
    """The dock "Segment bone"."""

    title = "Segment bone"

    def __init__(self, napari_viewer):
        super().__init__(napari_viewer, "Open a radiograph, or a CT or MR volume, to segment its bones, or try a "
                         "sample.", SAMPLES, task="segment", why_not=why_not_segmentable)
        self.reshaper: Reshaper | None = None
        self.run = self.add(RunRow("Segment"))
        self._build_answer()
        self._build_shape()
        self._build_layers()
        self.volume = self.add(VolumeView(self.viewer, self))
        self.all_button = self.button_for_all("Segment every open image like this with this model and these options")
        self.export = ExportRow(self.viewer, self, "outlines", CONTOUR_FILTERS)
        self.add_row(self.all_button, self.export)
        self.explorer = ShapeExplorer(self.viewer, self)
        self.add_always(Fold("Explore a shape model in 3D (modes in sd)", self.explorer))
        self._connect()
        self.connect_run(self.segment, self._on_found)

    def _build_answer(self) -> None:
        self.said = self.add_note()
        self.hidden_note = self.add_note()
        self.table = self.add(MeasuresTable(self))
        self.colours = self.add(VertexColours(self))

    def _build_shape(self) -> None:
        self.hand_note = self.add_note()
        self.undo_button = QPushButton("Undo", self)
        self.undo_button.setToolTip("Take back the last drag, slider or release (Ctrl+Z on the vertices)")
        self.release_button = QPushButton("Release", self)
        self.release_button.setToolTip("Give the selected vertices back to the shape")
        self.release_all_button = QPushButton("Release all", self)
        self.hand_row = self.add_row(self.undo_button, self.release_button, self.release_all_button)
        self.modes = ModeSliders(self)
        self.shape = self.add(Fold("Explore the shape (modes in sd)", self.modes))

    def _build_layers(self) -> None:
        self.with_labels = QCheckBox("Mask as labels", self)
        self.with_labels.setToolTip("The pixels inside each outline, as a Labels layer that follows it")
        self.with_map = QCheckBox("Map", self)
        self.with_map.setToolTip("Where the method saw the outline, or one of its vertices, as an image over the film")
        self.map_of = narrow(QComboBox(self))
        self.map_of.setAccessibleName("map of")
        self.layers_row = self.add_row(self.with_labels, self.with_map, self.map_of, stretch=(0, 0, 1))
        self._map_layer = None

    def _connect(self) -> None:
        self._frame_ties = Connections(self)
        self.colours.chosen.connect(self._select)
        self.undo_button.clicked.connect(lambda: self.reshaper.corrections.undo())
        self.release_button.clicked.connect(self._on_release)
        self.release_all_button.clicked.connect(lambda: self.reshaper.corrections.release())
        self.modes.grasped.connect(lambda: self.reshaper.corrections.keep_state())
        self.modes.moved.connect(lambda number, deviations: self.reshaper.corrections.explore(number, deviations))
        self.modes.released.connect(lambda number: self.reshaper.corrections.reset(number))
        self.with_labels.toggled.connect(lambda _: self._show_labels())
        self.with_map.toggled.connect(lambda _: self._show_map())
        self.map_of.currentTextChanged.connect(lambda _: self._show_map())
        self._ties.to(self.viewer.layers.events.removed, self._on_removed)

    @property
    def alike(self) -> list:
        return [image for image in self.image.choices if is_volume(image) == is_volume(self.image.value)]

    def search(self, image, own) -> Search:
        return Search(image, volume_of(image) if is_volume(image) else film_of(image), own)

    def segment(self, images: list) -> None:
        """Segment these images; what was done by hand is kept or replaced as the user says."""
        if all(is_volume(image) for image in images):
            self._segment_volumes(images)
            return
        changes = {image: changes_of(self.viewer, image) for image in images}
        mine = {image: corrections for image, (corrections, _) in changes.items()}
        by_hand = any(corrections or explored for corrections, explored in changes.values())
        self.start(segment_in, mine, f"{in_words(changes.values())} by hand." if by_hand else "")

    def _segment_volumes(self, images: list) -> None:
        mine = {image: painted(self.viewer, image) for image in images}
        count = sum(len(own) for own in mine.values())
        what = "1 voxel was" if count == 1 else f"{count} voxels were"
        self.start(segment_to_show, mine, f"{what} painted by hand." if count else "")

    def _on_found(self, outcome) -> None:
        found, failures = outcome
        self._close_reshaper()
        for segmented in found:
            if segmented.search.image in self.viewer.layers:
                show = show_volume if isinstance(segmented, SegmentedVolume) else show_found
                show(self.viewer, segmented)
        for error in failures:
            complain(error)
        self._say_frame()
        self._start()
        if any(s.search.image is self.image.value and not s.live.found.names for s in found):
            set_note(self.said, "Nothing was found in this film.")
        if found:
            where = found[0].search.image.name if len(found) == 1 else f"{len(found)} images"
            what = "structures" if isinstance(found[0], SegmentedVolume) else "outlines"
            parts = [part for segmented in found for part in segmented.parts]
            tell(f"{where}: {sum(p.found for p in parts)} of {len(parts)} {what} found" if parts else
                 f"{where}: nothing was found")

    def _start(self) -> None:
        """Go on with the outlines of the chosen image, if there are any."""
        self._close_reshaper()
        image = self.image.value
        live = live_of(self.viewer, image)
        if live is not None:
            self.reshaper = Reshaper(self.viewer, image, live, self)
            self.reshaper.reshaped.connect(self._on_reshaped)
            self.reshaper.failed.connect(complain)
            self.map_of.blockSignals(True)
            self.map_of.clear()
            self.map_of.addItems(list(live.found.maps))
            self.map_of.blockSignals(False)
            self._ready_to_drag()
            self._show_labels()
            self._show_map()
        self._show_answer(live.now if live is not None else None)
        for widget in (self.volume, self.explorer):
            widget.show_image(image if is_volume(image) else None)
        self._enable()

    def _ready_to_drag(self) -> None:
        if (layer := self.reshaper.vertices) is not None:
            self.viewer.layers.selection.active = layer
            layer.mode = "select"

    def _close_reshaper(self) -> None:
        if self.reshaper is not None:
            self.reshaper.close()
            self.reshaper.deleteLater()
            self.reshaper = None
        self._map_layer = None

    def _on_reshaped(self, segmentation) -> None:
        self._show_answer(segmentation)

    def _show_answer(self, segmentation) -> None:
        """Tell of the outlines as they stand on the screen."""
        image = self.image.value
        has_bones = vertices_layer_of(self.viewer, image) is not None if segmentation is not None else False
        for widget in (self.table, self.export, self.layers_row):
            widget.setVisible(segmentation is not None)
        has_model = has_bones and any(b.fitted is not None for b in segmentation.bones)
        for widget, there in ((self.colours, has_bones), (self.hand_row, has_bones), (self.shape, has_model)):
            widget.setVisible(there)
        self.export.set_layer(contour_of(self.viewer, image) if segmentation is not None else None)
        self.colours.set_layer(vertices_layer_of(self.viewer, image) if has_bones else None,
                               "px" if image is None or spacing_of(image) is None else "mm")
        set_note(self.said, "" if segmentation is None else f"{summary(segmentation)}.")
        set_note(self.hidden_note, "" if segmentation is None else outliers_in_words(segmentation))
        if segmentation is not None:
            self.table.show_segmentation(segmentation, spacing_of(image))
            self.modes.show_shapes(segmentation)
            self.with_map.setVisible(bool(segmentation.maps))
            self.map_of.setVisible(bool(segmentation.maps))
        self._say_by_hand(has_bones)

    def _say_by_hand(self, has_bones: bool) -> None:
        if not has_bones:
            set_note(self.hand_note, "")
            return
        live, corrections = self.reshaper.live, self.reshaper.corrections
        text = "Drag a vertex: the shape is fitted again around it."
        if live.corrections:
            text = f"By hand: {', '.join(live.corrections)}."
        set_note(self.hand_note, text)
        self.undo_button.setEnabled(corrections.can_undo)
        self.release_button.setEnabled(bool(live.corrections))
        self.release_all_button.setEnabled(bool(live.corrections))
        self.modes.reset_button.setEnabled(bool(live.deviations))

    def _on_release(self) -> None:
        layer = self.reshaper.vertices
        names = names_of(layer)
        self.reshaper.corrections.release([names[i] for i in layer.selected_data])

    def _select(self, name: str) -> None:
        layer = vertices_layer_of(self.viewer, self.image.value)
        if layer is not None and name in names_of(layer):
            layer.selected_data = {names_of(layer).index(name)}
            self.viewer.layers.selection.active = layer
            self.modes.choose(bone_of_vertex(self.reshaper.live.found, name))

    def _show_labels(self) -> None:
        """Add the label image of the outlines as they stand, or take it away."""
        image = self.image.value
        layer = labels_of(self.viewer, image) if image is not None else None
        if self.reshaper is None or not self.with_labels.isChecked():
            if layer is not None:
                self.viewer.layers.remove(layer)
            return
        live = self.reshaper.live
        show_labels(self.viewer, image, label_image(live.now, live.film.shape)[0])

    def _show_map(self) -> None:
        """Show the chosen map over the film; one layer for all of them."""
        if self._map_layer is not None and self._map_layer in self.viewer.layers:
            self._map_layer.visible = self.with_map.isChecked()
        name = self.map_of.currentText()
        if self.reshaper is None or not self.with_map.isChecked() or not name:
            return
        active = self.viewer.layers.selection.active
        self._map_layer = show_response(self.viewer, self.image.value, name, self.reshaper.live.found.maps[name],
                                        layer=self._map_layer)
        self.viewer.layers.selection.active = active

    def _on_removed(self, event) -> None:
        reshaped = self.reshaper is not None and event.value in (self.reshaper.contour, self.reshaper.vertices)
        if reshaped or (self.volume.found is not None and live_volume_of(self.viewer, self.image.value) is None):
            self._start()

    def _on_image(self, image) -> None:
        if image is not None:
            self.model.serve(_why_not_for_volumes if is_volume(image) else _why_not_for_films)
        self._frame_ties.clear()
        for name in () if image is None else PLACED if is_volume(image) else ("scale", "units"):
            self._frame_ties.to(getattr(image.events, name), lambda event=None: self._soon.start())
        self._say_frame()
        self._start()

    def _on_frame(self) -> None:
        """The image was calibrated: tell the same in its new unit."""
        self._say_frame()
        if self.reshaper is not None:
            self.reshaper.request()

    def _say_frame(self) -> None:
        if not is_volume(self.image.value):
            super()._say_frame()
            return
        image, notes = self.image.value, []
        if mm_per_unit({"units": image.units}, 3) is None:
            notes.append("Its units are no lengths: they count as mm.")
        if was_moved(self.viewer, image):
            notes.append("It was moved or scaled since it was segmented: segment it again.")
        set_note(self.frame_note, " ".join(notes))


def _why_not_for_films(header) -> str | None:
    return _why_not(header, 2, "segments volumes, and the chosen image is a film")


def _why_not_for_volumes(header) -> str | None:
    return _why_not(header, 3, "segments films, and the chosen image is a volume")


def _why_not(header, dimensions: int, reason: str) -> str | None:
    if "segment" not in header.tasks:
        return f"cannot segment, only {' and '.join(header.tasks)}"
    return None if header.dimensions == dimensions else reason
