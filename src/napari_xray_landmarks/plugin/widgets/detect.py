"""Detect landmarks: a radiograph and a model in, a landmark layer out."""

import numpy as np
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QCheckBox

from ...landmarks import summary
from ..beliefs import keep_beliefs
from ..films import note, our_metadata, spacing_of
from ..regions import show_regions
from ..results import landmarks_of, moved_by_hand, names_of, show_response
from ..session import recall
from ..solving import detect_in, show_search
from ..spine import outline_bodies
from .answers import ConfidencePlot, LandmarkTable
from .beliefs import BeliefMaps
from .connections import Connections
from .dock import set_note
from .export import ExportRow
from .messages import complain, tell
from .model_dock import ModelDock
from .run_row import RunRow

GROUPS = ("method", "solver")


class DetectLandmarks(ModelDock):
    """The dock "Detect landmarks"."""

    title = "Detect landmarks"

    def __init__(self, napari_viewer):
        super().__init__(napari_viewer, "Open a radiograph to find its landmarks, or try a sample.", task="detect",
                         groups=GROUPS)
        self.with_responses = QCheckBox("Show response images", self)
        self.with_responses.setToolTip("Where the votes for each landmark fall, as image layers")
        self.add(self.with_responses)
        self.run = self.add(RunRow("Detect"))
        self.said = self.add_note()
        self.plot = self.add(ConfidencePlot(self))
        self.beliefs = self.add(BeliefMaps(self.viewer, self))
        self.table = self.add(LandmarkTable(self))
        self.all_button = self.add(self.button_for_all("Detect with this model and these options in every open "
                                                       "radiograph"))
        self.export = self.add(ExportRow(self.viewer, self))
        self._connect()
        self.connect_run(self.detect, self._on_found)

    def _connect(self) -> None:
        self._waiting: list = []
        self._one_by_one = QTimer(self, interval=0)
        self._one_by_one.timeout.connect(self._add_response)
        self._shown_ties = Connections(self)
        self.table.chosen.connect(self._select)
        self.plot.chosen.connect(self._select)

    def detect(self, images: list) -> None:
        """Search these images; corrections made by hand are kept or replaced as the user says."""
        mine = {image: self._corrections(image) for image in images}
        touched = sum(len(c) for c in mine.values())
        what = "1 landmark was" if touched == 1 else f"{touched} landmarks were"
        self.start(detect_in, mine, f"{what} placed by hand." if touched else "")

    def _corrections(self, image) -> dict:
        layer = landmarks_of(self.viewer, image)
        if layer is None:
            return {}
        live = recall(layer)
        return {**(live.corrections if live else {}), **moved_by_hand(layer)}

    def _on_found(self, outcome) -> None:
        found, failures = outcome
        for result in found:
            if result.search.image not in self.viewer.layers:
                continue
            layer = show_search(self.viewer, result)
            keep_beliefs(layer, result.live.detection)
            note(layer, doubt=result.live.detection.doubt)
            outline_bodies(self.viewer, layer)
            live = result.live
            show_regions(self.viewer, result.search.image, result.landmarks, live.model.header, live.corrections)
            if self.with_responses.isChecked():
                self._waiting += [(result.search.image, layer, *pair)
                                  for pair in result.live.detection.responses.items()]
                self._one_by_one.start()
        for error in failures:
            complain(error)
        self._show_answer()
        if found:
            count = sum(int(r.landmarks.detected.sum()) for r in found)
            where = found[0].search.image.name if len(found) == 1 else f"{len(found)} images"
            tell(f"{where}: {count} landmarks detected")

    def _add_response(self) -> None:
        """Add the next response image; one at a time, so that the window goes on living."""
        if not self._waiting:
            self._one_by_one.stop()
            return
        image, layer, name, response = self._waiting.pop(0)
        if image in self.viewer.layers and layer in self.viewer.layers:
            show_response(self.viewer, image, name, response)
            self.viewer.layers.selection.active = layer

    def _show_answer(self) -> None:
        image = self.image.value
        layer = landmarks_of(self.viewer, image) if image is not None else None
        for widget in (self.plot, self.table, self.export, self.said):
            widget.setVisible(layer is not None)
        self.export.set_layer(layer)
        self.beliefs.set_layer(image, layer)
        self._watch(image, layer)
        if layer is None:
            return
        names, features, points = names_of(layer), layer.features, np.asarray(layer.data)
        confidence = np.asarray(features["confidence"], dtype=float)
        detected = np.asarray(features["detected"], dtype=bool)
        spacing = spacing_of(image)
        self.plot.show_confidence(names, confidence)
        self.table.show_points(names, points * (spacing or (1, 1)), confidence, detected, "mm" if spacing else "px")
        doubt = our_metadata(layer).get("doubt")
        careful = f"\n⚠ {doubt[0].upper()}{doubt[1:]}." if doubt else ""
        set_note(self.said, f"{summary(confidence, detected)}.{careful}")

    def _watch(self, image, layer) -> None:
        """Say it anew when the image is calibrated, or a point is tuned or dragged."""
        self._shown_ties.clear()
        for emitter in [] if image is None else [image.events.scale, image.events.units]:
            self._shown_ties.to(emitter, self._on_moved)
        for emitter in [] if layer is None else [layer.events.data, layer.events.features]:
            self._shown_ties.to(emitter, self._on_moved)

    def _on_moved(self, event=None) -> None:
        self._soon.start()

    def _select(self, name: str) -> None:
        layer = landmarks_of(self.viewer, self.image.value)
        if layer is not None and name in names_of(layer):
            layer.selected_data = {names_of(layer).index(name)}
            self.viewer.layers.selection.active = layer
            self.beliefs.choose(name)

    def _on_image(self, image) -> None:
        self._on_frame()
        self._enable()

    def _on_frame(self) -> None:
        """Say where the image lies and what was found, as it is now."""
        self._say_frame()
        self._show_answer()
