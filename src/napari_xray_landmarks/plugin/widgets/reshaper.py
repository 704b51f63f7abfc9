"""The live part of Segment bone: whatever is dragged or slid, the shapes are fitted beside the window and shown."""

import numpy as np
from qtpy.QtCore import QObject, Signal

from ...shape.measures import label_image
from ..films import our_metadata
from ..outlines import contour_of, labels_of, show_labels, update_segmentation, vertices_layer_of
from ..reshaping import LiveSegmentation, ShapeCorrections, reshaped
from .connections import Connections
from .jobs import LiveJob

TOLERANCE_PX = 1e-3


class Reshaper(QObject):
    """Keeps an image's outlines, circles, vertices and labels in step with its user's corrections.

    Signals
    -------
    reshaped(object)
        The segmentation that is now on the screen.
    corrected(object)
        Names of vertices that were dragged, or given back.
    failed(object)
        The exception that ended a fit; the layers are as they were.
    """

    reshaped = Signal(object)
    corrected = Signal(object)
    failed = Signal(object)

    def __init__(self, viewer, image, live: LiveSegmentation, parent=None):
        super().__init__(parent)
        self.viewer, self.image, self.live = viewer, image, live
        self.vertices, self.contour = vertices_layer_of(viewer, image), contour_of(viewer, image)
        self._writing = False
        self._job = LiveJob(self._prepare, self)
        self._job.done.connect(self._on_reshaped)
        self._job.failed.connect(self.failed)
        self._ties = Connections(self)
        self._ties.to(self.contour.events.data, self._on_contour)
        self.corrections = None if self.vertices is None else ShapeCorrections(self.vertices, live, self._on_change)
        if self.corrections is not None and self.corrections.take_moved():
            self.request()

    @property
    def busy(self) -> bool:
        return self._job.busy

    def close(self) -> None:
        """Watch the layers no longer, and drop what runs."""
        if self.corrections is not None:
            self.corrections.close()
        self._ties.clear()
        self._job.drop()

    def request(self) -> None:
        """Fit the shapes again, as the corrections and the modes stand."""
        self._job.request()

    def _prepare(self):
        corrections, deviations = dict(self.live.corrections), dict(self.live.deviations)
        found, shape = self.live.found, self.live.film.shape
        with_labels = labels_of(self.viewer, self.image) is not None

        def work():
            segmentation = reshaped(found, corrections, deviations)
            return segmentation, label_image(segmentation, shape)[0] if with_labels else None

        return corrections, work

    def _on_reshaped(self, corrections, result) -> None:
        segmentation, labels = result
        if self.image not in self.viewer.layers:
            return
        self._writing = True
        try:
            update_segmentation(self.viewer, self.image, segmentation, corrections)
        finally:
            self._writing = False
        if labels is not None and labels_of(self.viewer, self.image) is not None:
            show_labels(self.viewer, self.image, labels)
        self.reshaped.emit(segmentation)

    def _on_change(self, names: set[str]) -> None:
        self.request()
        self.corrected.emit(names)

    def _on_contour(self, event) -> None:
        """A vertex that was dragged on the outline itself is a correction too."""
        action = str(getattr(event.action, "value", event.action))
        if self._writing or action != "changed" or self.vertices is None:
            return
        placed = our_metadata(self.contour).get("placed_px") or []
        polygons = [np.asarray(data) for data in self.contour.data[:len(placed)]]
        if [p.shape for p in polygons] != [np.shape(p) for p in placed] or not polygons:
            return
        now, before = np.concatenate(polygons), np.concatenate(placed)
        moved = np.abs(now - before).max(1) > TOLERANCE_PX
        if moved.any() and len(now) == len(self.vertices.data):
            self.corrections.keep_state()
            points = np.array(self.vertices.data)
            points[moved] = now[moved]
            self.vertices.data = points
