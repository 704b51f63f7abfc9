"""Pose and registration in the real window: what is seen of a pose on the film and in space. Needs a display."""

from dataclasses import replace

import numpy as np
import pytest
from napari.layers import Layer
from qtpy.QtCore import QElapsedTimer, QTimer

from docks import assert_serves_on_a_laptop
from napari_xray_landmarks.drr.projection import project_landmarks
from napari_xray_landmarks.io.geometry import geometry_document
from napari_xray_landmarks.plugin.convert import image_layer, landmarks_layer
from napari_xray_landmarks.plugin.films import note, world_from_data
from napari_xray_landmarks.plugin.frames import transformed
from napari_xray_landmarks.plugin.widgets.pose import PoseAndRegistration
from posed_films import FIRST, SECOND, arm, ct, film, landmarks

pytestmark = pytest.mark.gl
LONG = 120_000


@pytest.fixture(scope="module")
def patient():
    volume = ct()
    return volume, {view: film(volume, view) for view in (SECOND, FIRST)}


@pytest.fixture
def viewer(make_napari_viewer):
    viewer = make_napari_viewer(show=True)
    viewer.window.resize(1366, 768)
    return viewer


@pytest.fixture
def dock(viewer, patient, qtbot):
    for data in (image_layer(patient[0]), landmarks_layer(landmarks(), "balls")):
        viewer.add_layer(Layer.create(*data)).visible = False
    for view, radiograph in patient[1].items():
        layer = viewer.add_layer(Layer.create(*image_layer(replace(radiograph, name=f"film {view[0]:g}"))))
        note(layer, geometry=geometry_document(arm(view)))
        seen = project_landmarks(landmarks(), arm(view).camera())
        viewer.add_layer(Layer.create(*landmarks_layer(seen, f"{layer.name} · landmarks",
                                                       spacing_mm=radiograph.spacing_mm,
                                                       notes={"source": layer.name})))
    dock = PoseAndRegistration(viewer)
    viewer.window.add_dock_widget(dock, name="Pose and registration", area="right")
    still(dock, qtbot)
    dock.all_button.click()
    still(dock, qtbot)
    return dock


def still(dock, qtbot):
    qtbot.waitUntil(lambda: not dock.busy, timeout=LONG)
    qtbot.wait(250)


def shot(viewer) -> np.ndarray:
    return viewer.screenshot(canvas_only=True, flash=False)[..., :3].astype(int)


def test_a_checkerboard_of_the_right_pose_is_seamless_and_edges_are_yellow(viewer, dock, qtbot):
    for layer in viewer.layers:
        layer.visible = layer is dock.film
    qtbot.wait(200)
    plain = shot(viewer)
    seen = plain.max(2) > 60
    assert 0.15 < seen.mean() < 0.95, "the film is fitted into the window"
    dock.view.opacity.setValue(100)
    dock.view.look.setCurrentText("checkerboard")
    viewer.layers[f"{dock.film.name} · DRR"].visible = True
    qtbot.wait(200)
    board = shot(viewer)
    off = np.abs(board - plain).max(2)
    assert off.max() > 3, "something is drawn"
    assert np.median(off[seen]) < 25, "and it looks like the film"
    dock.view.with_edges.click()
    qtbot.wait(200)
    assert (np.abs(shot(viewer) - (240, 227, 66)).max(2) < 40).sum() > 200


def test_a_dropped_landmark_is_drawn_in_its_own_colour(viewer, dock, qtbot):
    marks = dock.inputs.on_film.value
    moved = np.array(marks.data)
    moved[5] += (14, -16)
    marks.data = moved
    still(dock, qtbot)
    assert "ball-5" in dock.dropped.text()
    picture = shot(viewer)
    assert (np.abs(picture - (213, 94, 0)).max(2) < 50).sum() > 30
    assert (np.abs(picture - (86, 180, 233)).max(2) < 50).sum() > 100


def test_the_c_arm_is_seen_in_space(viewer, dock, qtbot):
    dock.view.space_button.click()
    qtbot.wait(300)
    cone = np.abs(shot(viewer) - (240, 228, 66)).max(2) < 60
    assert cone.sum() > 50
    dock.view.space_button.click()
    qtbot.wait(300)
    assert viewer.dims.ndisplay == 2 and dock.film.visible
    assert 0.15 < (shot(viewer).max(2) > 60).mean(), "back at the film"


def test_films_side_by_side_do_not_cover_each_other(viewer, dock, qtbot):
    dock.points.beside.click()
    qtbot.wait(200)
    corners = [transformed(world_from_data(f), [(0.0, 0.0), np.array(f.data.shape) - 1.0]) for f in dock.points.films]
    assert corners[1][0, 1] > corners[0][1, 1] and all(f.visible for f in dock.points.films)


def test_the_window_lives_while_a_pose_is_refined(viewer, dock, qtbot):
    clock, gaps = QElapsedTimer(), []
    ticker = QTimer(interval=5)
    ticker.timeout.connect(lambda: gaps.append(clock.restart()))
    form = dock.chosen.form
    form.set_value(replace(form.value, levels=2, coarsest_mm=6.0, finest_mm=4.0, starts=60, patch_px=0))
    clock.start()
    ticker.start()
    dock.run.button.click()
    still(dock, qtbot)
    ticker.stop()
    assert dock.pose.similarity is not None and np.median(gaps) < 50


def test_the_dock_fits_a_laptop_and_clips_no_label(viewer, dock):
    assert_serves_on_a_laptop(viewer, dock)
