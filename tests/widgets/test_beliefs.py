"""Belief maps in the dock "Detect landmarks", with an untrained network, and the window with the view sphere."""

import numpy as np
import pytest

pytest.importorskip("torch")

from napari_xray_landmarks.evaluation.view_sphere import ViewSphere, view_grid, write_view_sphere  # noqa: E402
from napari_xray_landmarks.plugin.beliefs import belief_layer  # noqa: E402
from napari_xray_landmarks.plugin.films import our_metadata  # noqa: E402
from napari_xray_landmarks.plugin.results import landmarks_of  # noqa: E402
from napari_xray_landmarks.plugin.widgets.detect import DetectLandmarks  # noqa: E402
from napari_xray_landmarks.plugin.widgets.view_sphere import ViewSphereWindow  # noqa: E402
from untrained import untrained_model  # noqa: E402

LONG = 60_000
NAMES = ("one", "two", "three")


@pytest.fixture(scope="module")
def model_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("models") / "random.safetensors"
    untrained_model(path, NAMES)
    return path


@pytest.fixture
def dock(viewer, model_file, qtbot):
    pixels = np.random.default_rng(0).normal(0, 1, (120, 140)).cumsum(0).cumsum(1)
    viewer.add_image(pixels, name="film", scale=(1.0, 1.0), units=("mm", "mm"))
    dock = DetectLandmarks(viewer)
    qtbot.addWidget(dock)
    dock.model.open_file(str(model_file))
    return dock


def detect(dock, qtbot, **settings):
    for name, value in settings.items():
        dock.form.editors[name].setChecked(value)
    dock.run.button.click()
    qtbot.waitUntil(lambda: not dock.run.job.running, timeout=LONG)
    return landmarks_of(dock.viewer, dock.image.value)


def test_the_threshold_acts_at_once(dock, qtbot):
    assert dock.beliefs.isHidden()
    layer = detect(dock, qtbot)
    assert not dock.beliefs.isHidden() and dock.beliefs.threshold.value == pytest.approx(0.4)
    dock.beliefs.threshold.number.setValue(0.0)
    assert list(layer.features["detected"]) == [True] * 3 and {str(s) for s in layer.symbol} == {"disc"}
    assert our_metadata(layer)["settings"]["threshold"] == 0
    dock.beliefs.threshold.slider.setValue(dock.beliefs.threshold.slider.maximum())
    assert list(layer.features["detected"]) == [False] * 3 and {str(s) for s in layer.symbol} == {"cross"}
    qtbot.waitUntil(lambda: "0 of 3 landmarks" in dock.said.text())


@pytest.mark.parametrize("averaging", [False, True])
def test_the_belief_is_shown_stage_by_stage_in_one_layer(dock, viewer, qtbot, averaging):
    detect(dock, qtbot, stages_shown=True, averaging=averaging)
    film = dock.image.value
    assert belief_layer(viewer, film) is None
    dock.beliefs.shown.click()
    shown = belief_layer(viewer, film)
    assert shown.name == "film · response: belief in one" and dock.beliefs.stage_label.text() == "Stage: as read"
    read, stages = np.array(shown.data), []
    for stage in range(2):
        dock.beliefs.stage.setValue(stage)
        assert belief_layer(viewer, film) is shown and f"stage {stage + 1}" in shown.name
        assert tuple(shown.contrast_limits) == (0, 1), "stages can be compared"
        stages.append(np.array(shown.data))
    assert not np.array_equal(*stages)
    np.testing.assert_allclose(np.mean(stages, axis=0) if averaging else stages[-1], read, atol=1e-6)
    dock.table.chosen.emit("three")
    assert "three" in shown.name and dock.image.value is film, "the map is taken for no film"
    dock.beliefs.shown.click()
    assert belief_layer(viewer, film) is None


def sphere() -> ViewSphere:
    views = np.array(view_grid(30.0))
    rng = np.random.default_rng(0)
    errors = rng.gamma(2.0, 2.0, (len(views), 3))
    return ViewSphere(NAMES, *views.T, errors, 0.6 * errors, np.exp(-errors / 8), np.ones_like(errors, bool))


def test_the_view_sphere_is_drawn_from_a_table(qtbot, tmp_path, said):
    window = ViewSphereWindow()
    qtbot.addWidget(window)
    assert not window.plot.isEnabled()
    write_view_sphere(tmp_path / "view-sphere.csv", sphere())
    assert window.open(str(tmp_path / "view-sphere.csv")) and window.plot.isEnabled()
    everything, whole = window.said.text(), window.canvas.figure
    assert "Belief of 0.4 or more" in everything and len(whole.axes) == 6, "three balls with their colour bars"
    for plot in range(1, window.plot.count()):
        window.plot.setCurrentIndex(plot)
        assert window.canvas.figure is not whole and window.canvas.figure.axes
    window.landmark.setCurrentText("two")
    assert window.said.text() != everything
    window.belief.number.setValue(0.9)
    qtbot.waitUntil(lambda: "Belief of 0.9 or more" in window.said.text())
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    assert not window.open(str(tmp_path / "other.csv"))
    assert said[-1][0] == "error" and "other.csv" in said[-1][1] and window.plot.isEnabled()
