"""Segment bone in the real window: the outline is seen, the mouse corrects it. Needs a display (xvfb-run)."""

import numpy as np
import pytest
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QComboBox

from docks import assert_serves_on_a_laptop, on_canvas
from napari_xray_landmarks.plugin.results import names_of
from napari_xray_landmarks.plugin.widgets.segment import SegmentBone

pytestmark = pytest.mark.gl
LONG = 120_000


@pytest.fixture
def dock(viewer, film, qtbot):
    dock = SegmentBone(viewer)
    viewer.window.add_dock_widget(dock, name="Segment bone", area="right")
    with qtbot.waitSignal(dock.run.job.done, timeout=LONG):
        dock.run.button.click()
    qtbot.wait(200)
    return dock


def test_the_outline_is_seen_and_the_mouse_corrects_it(viewer, dock, qtbot):
    vertices, contour = viewer.layers["film · vertices"], viewer.layers["film · contour"]
    shot = viewer.screenshot(canvas_only=True, flash=False)[..., :3].astype(int)
    ratio = shot.shape[1] / viewer.window._qt_viewer.canvas.native.width()
    edges = (np.array(contour.data[0]) + np.roll(contour.data[0], -1, axis=0)) / 2
    blue = np.array(contour.edge_color[0][:3]) * 255
    for middle in edges:
        x, y = np.round(on_canvas(viewer, contour.data_to_world(middle)) * ratio).astype(int)
        patch = shot[y - 2:y + 3, x - 2:x + 3].reshape(-1, 3)
        assert np.abs(patch - blue).max(1).min() < 40, "the outline is not drawn where it should be"

    before, index = np.array(vertices.data), names_of(vertices).index("knob")
    canvas = viewer.window._qt_viewer.canvas.native
    start = on_canvas(viewer, vertices.data_to_world(before[index]))
    at = [QPoint(*np.round(start + step * np.array([3.0, 2.0])).astype(int)) for step in range(11)]
    seen = []
    dock.reshaper.reshaped.connect(lambda _: seen.append(np.array(contour.data[0])))
    QTest.mouseMove(canvas, at[0])
    QTest.mousePress(canvas, Qt.MouseButton.LeftButton, pos=at[0])
    for position in at[1:]:
        QTest.mouseMove(canvas, position)
        qtbot.wait(60)
    qtbot.waitUntil(lambda: len(seen) >= 2, timeout=LONG)
    assert np.abs(np.delete(seen[-1] - before, index, 0)).max() > 0.3, "the shape follows while the mouse is down"
    QTest.mouseRelease(canvas, Qt.MouseButton.LeftButton, pos=at[-1])
    qtbot.waitUntil(lambda: not dock.reshaper.busy, timeout=LONG)
    moved = (vertices.data[index] - before[index]) * 0.5 * viewer.scene.camera.zoom
    assert np.allclose(moved, [20, 30], atol=3), "the vertex is where the mouse let go"
    assert set(dock.reshaper.live.corrections) == {"knob"} and np.allclose(contour.data[0], vertices.data)
    QTest.keyClick(canvas, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: not dock.reshaper.busy, timeout=LONG)
    assert np.allclose(vertices.data, before, atol=0.05), "Ctrl+Z takes it back"


def test_the_dock_fits_a_laptop_and_clips_no_label(viewer, dock, qtbot):
    dock.shape.button.click()
    dock.options.button.click()
    qtbot.wait(200)
    assert dock.minimumSizeHint().height() <= 300
    assert_serves_on_a_laptop(viewer, dock)
    colours = dock.findChild(QComboBox, "vertex-colours")
    longest = max(colours.fontMetrics().horizontalAdvance(colours.itemText(i)) for i in range(colours.count()))
    assert colours.width() >= longest + 30, "a choice of colours is clipped"
