"""The C-arm simulator in the real window: the film in the dock, the arm in space. Needs a display (xvfb-run)."""

import numpy as np
import pytest
from napari.layers import Layer
from qtpy.QtGui import QImage

from docks import assert_serves_on_a_laptop
from napari_xray_landmarks.phantoms import phantom
from napari_xray_landmarks.plugin.convert import image_layer, landmarks_layer
from napari_xray_landmarks.plugin.widgets.carm import SimulateCArm

pytestmark = pytest.mark.gl
LONG = 120_000


@pytest.fixture(scope="module")
def femur():
    return phantom("proximal-femur", 3, implant=False, spacing_mm=3.0)


@pytest.fixture
def viewer(make_napari_viewer):
    viewer = make_napari_viewer(show=True)
    viewer.window.resize(1366, 768)
    return viewer


@pytest.fixture
def dock(viewer, femur, qtbot):
    for data in (image_layer(femur.volume), image_layer(femur.labels), landmarks_layer(femur.landmarks, "marks")):
        viewer.add_layer(Layer.create(*data))
    dock = SimulateCArm(viewer)
    viewer.window.add_dock_widget(dock, name="Simulate C-arm", area="right")
    still(dock, qtbot)
    return dock


def still(dock, qtbot):
    qtbot.waitUntil(lambda: not dock.busy, timeout=LONG)
    qtbot.wait(100)


def pixels_of(widget) -> np.ndarray:
    """(rows, columns, 3) of what a widget shows."""
    image = widget.grab().toImage().convertToFormat(QImage.Format.Format_RGB888)
    data = np.frombuffer(image.constBits().asstring(image.sizeInBytes()), np.uint8)
    return data.reshape(image.height(), image.bytesPerLine())[:, :image.width() * 3].reshape(image.height(), -1, 3)


def test_the_film_is_seen_with_its_landmarks_and_outlines(dock):
    shot = pixels_of(dock.view).astype(int)
    ratio = shot.shape[1] / dock.view.width()
    assert shot.std() > 20
    for point in dock.picture.landmarks.points[dock.picture.landmarks.detected]:
        x, y = np.round(dock.view.on_screen(point[None])[0] * ratio).astype(int)
        assert np.abs(shot[y, x] - (255, 224, 138)).max() < 30, "a landmark is painted where it is projected"
    outline = np.abs(shot - (86, 180, 233)).max(2) < 40
    assert outline.sum() > 100


def test_the_c_arm_is_seen_in_space_and_turns(viewer, dock, qtbot):
    dock.space_button.click()
    qtbot.wait(300)
    before = viewer.screenshot(canvas_only=True, flash=False)[..., :3].astype(int)
    beam = np.abs(before - (213, 94, 0)).max(2) < 60
    assert beam.sum() > 20, "the central beam and the tube"
    dock.form.buttons["lateral"].click()
    still(dock, qtbot)
    qtbot.wait(300)
    after = viewer.screenshot(canvas_only=True, flash=False)[..., :3].astype(int)
    moved = np.abs(after - (213, 94, 0)).max(2) < 60
    assert moved.sum() > 20 and (beam & moved).sum() < 0.7 * beam.sum()


def test_the_window_lives_while_films_are_made(viewer, dock, qtbot):
    from qtpy.QtCore import QElapsedTimer, QTimer

    clock, gaps = QElapsedTimer(), []
    ticker = QTimer(interval=5)
    ticker.timeout.connect(lambda: gaps.append(clock.restart()))
    clock.start()
    ticker.start()
    for lao in range(-30, 31, 3):
        dock.form.set_view(lao_deg=float(lao))
        qtbot.wait(15)
    still(dock, qtbot)
    ticker.stop()
    assert np.median(gaps) < 50


def test_the_dock_fits_a_laptop_and_clips_no_label(viewer, dock):
    assert_serves_on_a_laptop(viewer, dock)
