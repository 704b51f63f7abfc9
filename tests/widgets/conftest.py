"""Widget tests drive docks over a viewer model: no window, no display."""

from dataclasses import replace

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.utils.notifications import notification_manager
from npe2 import PluginManifest

from napari_xray_landmarks.imaging import Radiograph
from napari_xray_landmarks.models import load_model
from napari_xray_landmarks.plugin.outlines import contour_of, vertices_layer_of
from napari_xray_landmarks.plugin.segmenting import segment_in
from napari_xray_landmarks.plugin.solving import Search


@pytest.fixture
def viewer():
    return ViewerModel()


@pytest.fixture
def said():
    """What napari's notifications said during the test: (severity, message)."""
    heard = []

    def hear(notification):
        heard.append((str(notification.severity).rpartition(".")[2].lower(), notification.message))

    notification_manager.notification_ready.connect(hear)
    yield heard
    notification_manager.notification_ready.disconnect(hear)


@pytest.fixture
def ball_film():
    """A (300, 260) film with a marker ball of radius 25.4 px at (150.5, 110.25), brighter than the rest."""
    rows, columns = np.indices((300, 260))
    away = np.hypot(rows - 150.5, columns - 110.25)
    rng = np.random.default_rng(1)
    return 500 + 200 * np.sin(rows / 60) + 900 / (1 + np.exp((away - 25.4) / 0.6)) + rng.normal(0, 10, rows.shape)


@pytest.fixture
def film(viewer, figure_film):
    """The made-up film, turned and away from the origin."""
    return viewer.add_image(figure_film[0], name="film", scale=(0.5, 0.5), translate=(10, -4), rotate=7,
                            units=("mm", "mm"), axis_labels=("row", "column"))


@pytest.fixture(scope="session")
def segmented(figure_model_file, figure_film):
    """A segmentation of the film, done once: what the dock gets from its worker."""
    settings = load_model(figure_model_file).settings()
    found, _ = segment_in([Search(None, Radiograph(figure_film[0]))], str(figure_model_file), settings, lambda *_: None)
    return found[0]


@pytest.fixture
def segment_dock(viewer, figure_model, qtbot, plugin_settings, npe2pm):
    """The dock Segment bone."""
    from napari_xray_landmarks.plugin.widgets.segment import SegmentBone

    npe2pm.register(PluginManifest.from_distribution("napari-xray-landmarks"))
    dock = SegmentBone(viewer)
    qtbot.addWidget(dock)
    return dock


@pytest.fixture
def shown(segment_dock, film, segmented):
    """That dock with the film's outlines, ready to be corrected."""
    live = replace(segmented.live, corrections={}, deviations={})
    found = replace(segmented, search=replace(segmented.search, image=film), live=live)
    segment_dock._on_found(([found], []))
    return segment_dock


@pytest.fixture
def vertices(shown, viewer, film):
    """The vertices of the outlines that are shown."""
    return vertices_layer_of(viewer, film)


@pytest.fixture
def contour(shown, viewer, film):
    """Those outlines."""
    return contour_of(viewer, film)
