"""Annotate and train in the real window: mouse and keys on the canvas. Needs a display (xvfb-run)."""

import numpy as np
import pytest
from PIL import Image
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest

import figure
from docks import assert_serves_on_a_laptop, on_canvas
from napari_xray_landmarks.landmarks import Schema
from napari_xray_landmarks.plugin.widgets.annotate import AnnotateAndTrain
from napari_xray_landmarks.training import read_training_set

pytestmark = pytest.mark.gl
LONG = 120_000


@pytest.fixture
def dock(viewer, tmp_path, qtbot):
    (tmp_path / "films" / "images").mkdir(parents=True)
    for seed in range(2):
        pixels = np.asarray(figure.figure(seed)[0], np.uint16)
        Image.fromarray(pixels).save(tmp_path / "films" / "images" / f"{seed}.png")
    dock = AnnotateAndTrain(viewer)
    viewer.window.add_dock_widget(dock, name="Annotate and train", area="right")
    dock.annotator.setText("anna")
    dock.open_folder(tmp_path / "films")
    qtbot.waitUntil(lambda: dock.work is not None, timeout=LONG)
    dock.set_schema(Schema("figure", figure.NAMES))
    qtbot.waitUntil(lambda: dock.canvas.ready, timeout=LONG)
    qtbot.wait(100)
    yield dock
    dock.close_folder()


def place(viewer, dock, point) -> QPoint:
    return QPoint(*np.round(on_canvas(viewer, dock.canvas.layers.world(point))).astype(int))


def test_clicks_drags_and_keys_mark_a_film(viewer, dock, qtbot, tmp_path):
    canvas, truth = viewer.window._qt_viewer.canvas.native, figure.figure(0)[1].points
    zoom = viewer.scene.camera.zoom
    for point in truth:
        QTest.mouseMove(canvas, place(viewer, dock, point))
        QTest.mouseClick(canvas, Qt.MouseButton.LeftButton, pos=place(viewer, dock, point))
        qtbot.wait(20)
    assert dock.work.prompted is None
    assert np.allclose([dock.work.marks[name] for name in figure.NAMES], truth, atol=0.8 / zoom)

    middle = np.array(viewer.scene.camera.center)
    steps = [place(viewer, dock, truth[0] + part * np.array([-14, 20])) for part in np.linspace(0, 1, 8)]
    QTest.mouseMove(canvas, steps[0])
    qtbot.wait(30)
    QTest.mousePress(canvas, Qt.MouseButton.LeftButton, pos=steps[0])
    for at in steps[1:]:
        QTest.mouseMove(canvas, at)
        qtbot.wait(20)
    QTest.mouseRelease(canvas, Qt.MouseButton.LeftButton, pos=steps[-1])
    qtbot.wait(50)
    assert np.allclose(dock.work.marks["head"], truth[0] + [-14, 20], atol=1.5 / zoom)
    assert np.allclose(viewer.scene.camera.center, middle), "the film stayed where it was"

    QTest.keyClick(canvas, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert np.allclose(dock.work.marks["head"], truth[0], atol=0.8 / zoom)
    QTest.keyClick(canvas, Qt.Key.Key_Backspace)
    assert len(dock.work.marks) == 7
    QTest.keyClick(canvas, Qt.Key.Key_X)
    assert len(dock.work.marks) == 8 and dock.work.prompted is None
    QTest.keyClick(canvas, Qt.Key.Key_PageDown)
    qtbot.waitUntil(lambda: dock.canvas.ready, timeout=LONG)
    assert dock.work.image == "1.png" and dock.work.prompted == "head"
    qtbot.waitUntil(lambda: dock.work.store.saved, timeout=LONG)
    assert np.isfinite(read_training_set(tmp_path / "films").points_px).all(-1).sum() == 7


def test_the_dock_fits_a_laptop_and_clips_nothing(viewer, dock, qtbot):
    for fold in (dock.start, dock.schema):
        fold.button.setChecked(True)
    for page in range(3):
        dock.tabs.setCurrentIndex(page)
        qtbot.wait(150)
        assert_serves_on_a_laptop(viewer, dock)


def test_a_landmark_is_placed_by_keys_alone(viewer, dock, qtbot):
    canvas = viewer.window._qt_viewer.canvas.native
    assert canvas.focusPolicy().value & Qt.FocusPolicy.TabFocus.value, "Tab comes to the film"
    middle = np.round((np.array(dock.canvas.layers.shape) - 1) / 2)
    for key in (Qt.Key.Key_Right, Qt.Key.Key_Right, Qt.Key.Key_Up):
        QTest.keyClick(canvas, key)
    assert dock.work.held == pytest.approx(tuple(middle + [-1, 2])) and not dock.work.marks
    QTest.keyClick(canvas, Qt.Key.Key_Down, Qt.KeyboardModifier.ShiftModifier)
    QTest.keyClick(canvas, Qt.Key.Key_Return)
    (head,) = dock.work.marks.values()
    assert head[0] > middle[0] and head[1] == middle[1] + 2 and dock.work.prompted == "neck"
