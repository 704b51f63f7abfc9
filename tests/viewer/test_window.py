"""The docks in the real window: what a user sees, and what the mouse does. Needs a display (xvfb-run)."""

import numpy as np
import pytest
from npe2 import PluginManifest
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest

from docks import assert_serves_on_a_laptop, on_canvas
from napari_xray_landmarks.plugin.results import names_of, results_of
from napari_xray_landmarks.plugin.session import recall
from napari_xray_landmarks.plugin.widgets.calibrate import BALL, CalibrateSpacing
from napari_xray_landmarks.plugin.widgets.detect import DetectLandmarks
from napari_xray_landmarks.plugin.widgets.tune import TuneSolver

pytestmark = pytest.mark.gl
LONG = 120_000


def dock_in(viewer, qtbot, kind):
    dock = kind(viewer)
    viewer.window.add_dock_widget(dock, name=kind.__name__, area="right")
    qtbot.wait(50)
    return dock


@pytest.fixture
def points(viewer, film, qtbot):
    dock = dock_in(viewer, qtbot, DetectLandmarks)
    with qtbot.waitSignal(dock.run.job.done, timeout=LONG):
        dock.run.button.click()
    qtbot.wait(200)
    viewer.window.remove_dock_widget(dock)
    return viewer.layers["film · landmarks"]


def test_landmarks_are_seen_on_the_film(viewer, points, qtbot):
    qtbot.wait(200)
    shot = viewer.screenshot(canvas_only=True, flash=False)[..., :3].astype(int)
    assert shot.std() > 10, "the canvas is not blank"
    ratio = shot.shape[1] / viewer.window._qt_viewer.canvas.native.width()
    colours = np.array(points.face_color)[:, :3] * 255
    for point, colour, name in zip(points.data, colours, names_of(points), strict=True):
        x, y = np.round(on_canvas(viewer, points.data_to_world(point)) * ratio).astype(int)
        patch = shot[y - 2:y + 3, x - 2:x + 3].reshape(-1, 3)
        assert np.abs(patch - colour).max(1).min() < 25, f"{name} is not drawn where it should be"


def test_docks_from_the_plugins_menu_work_together(viewer, figure_film, qtbot, npe2pm):
    npe2pm.register(PluginManifest.from_distribution("napari-xray-landmarks"))
    viewer.add_image(figure_film[0], name="film")
    detect = viewer.window.add_plugin_dock_widget("napari-xray-landmarks", "Detect landmarks")[1]
    tune = viewer.window.add_plugin_dock_widget("napari-xray-landmarks", "Tune solver", tabify=True)[1]
    with qtbot.waitSignal(detect.run.job.done, timeout=LONG):
        detect.run.button.click()
    qtbot.waitUntil(lambda: tune.resolver is not None and not tune.resolver.busy, timeout=LONG)
    layer = viewer.layers["film · landmarks"]
    assert tune.resolver.layer is layer
    moved = np.array(layer.data)
    moved[1] += 6
    layer.data = moved.copy()
    qtbot.waitUntil(lambda: not tune.resolver.busy, timeout=LONG)
    assert np.allclose(layer.data[1], moved[1]) and np.abs(layer.data[[0, 2, 3]] - moved[[0, 2, 3]]).max() > 0.1


def test_dragging_with_the_mouse_moves_the_subshape(viewer, points, qtbot):
    dock = dock_in(viewer, qtbot, TuneSolver)
    qtbot.waitUntil(lambda: not dock.resolver.busy and not dock.warm_up.running, timeout=LONG)
    viewer.layers.selection.active = points
    points.mode = "select"
    qtbot.wait(100)
    before, index = np.array(points.data), names_of(points).index("neck")
    start = on_canvas(viewer, points.data_to_world(points.data[index]))
    canvas = viewer.window._qt_viewer.canvas.native
    at = [QPoint(*np.round(start + step * np.array([3.0, 2.0])).astype(int)) for step in range(13)]
    QTest.mouseMove(canvas, at[0])
    QTest.mousePress(canvas, Qt.MouseButton.LeftButton, pos=at[0])
    solved = []
    dock.resolver.solved.connect(lambda *_: solved.append(np.array(points.data)))
    for position in at[1:]:
        QTest.mouseMove(canvas, position)
        qtbot.wait(60)
    qtbot.waitUntil(lambda: len(solved) >= 2, timeout=LONG)
    assert np.abs(solved[-1][[0, 2, 3]] - before[[0, 2, 3]]).max() > 0.1, "they follow while the mouse is down"
    QTest.mouseRelease(canvas, Qt.MouseButton.LeftButton, pos=at[-1])
    qtbot.waitUntil(lambda: not dock.resolver.busy, timeout=LONG)
    moved = (points.data[index] - before[index]) * 0.5 * viewer.scene.camera.zoom
    assert np.allclose(moved, [24, 36], atol=3), "the point is where the mouse let go"
    assert set(recall(points).corrections) == {"neck"}
    assert np.array_equal(points.data[4:], before[4:])
    QTest.keyClick(canvas, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: not dock.resolver.busy, timeout=LONG)
    assert np.allclose(points.data, before, atol=0.05), "Ctrl+Z takes it back"


def test_the_response_image_is_seen(viewer, points, film, qtbot):
    bare = viewer.screenshot(canvas_only=True, flash=False)[..., :3].astype(int)
    dock = dock_in(viewer, qtbot, TuneSolver)
    qtbot.waitUntil(lambda: not dock.resolver.busy and len(results_of(viewer, film, "response")) == 1, timeout=LONG)
    qtbot.wait(200)
    viewer.window.remove_dock_widget(dock)
    qtbot.wait(100)
    shot = viewer.screenshot(canvas_only=True, flash=False)[..., :3].astype(int)
    reddish = (shot[..., 0] - shot[..., 2] > 60).sum() - (bare[..., 0] - bare[..., 2] > 60).sum()
    assert reddish > 20


def test_a_click_on_the_canvas_finds_a_marker_ball(viewer, qtbot):
    rows, columns = np.indices((300, 260))
    ball = 100 + 900 / (1 + np.exp((np.hypot(rows - 150.5, columns - 110.25) - 25.4) / 0.6))
    film = viewer.add_image(ball + np.random.default_rng(0).normal(0, 5, ball.shape), name="ball")
    dock = dock_in(viewer, qtbot, CalibrateSpacing)
    dock.measure.setCurrentText(BALL)
    dock.click_button.click()
    qtbot.wait(50)
    spot = QPoint(*np.round(on_canvas(viewer, (147, 114))).astype(int))
    QTest.mouseClick(viewer.window._qt_viewer.canvas.native, Qt.MouseButton.LeftButton, pos=spot)
    qtbot.waitUntil(dock.set_button.isEnabled)
    dock.set_button.click()
    assert film.scale[0] == pytest.approx(0.5, rel=0.01)


@pytest.mark.parametrize("kind", [CalibrateSpacing, DetectLandmarks, TuneSolver])
def test_docks_fit_a_laptop_and_clip_no_label(viewer, points, qtbot, kind):
    dock = dock_in(viewer, qtbot, kind)
    qtbot.wait(100)
    assert dock.minimumSizeHint().height() <= 300
    assert_serves_on_a_laptop(viewer, dock)
