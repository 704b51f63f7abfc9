import numpy as np
import pytest
from napari.layers import Image
from napari.utils._proxies import ReadOnlyWrapper
from napari.utils.interactions import mouse_press_callbacks, mouse_release_callbacks

from napari_xray_landmarks.errors import InputError
from napari_xray_landmarks.joint_displacement.settings import JointDisplacementSettings
from napari_xray_landmarks.landmarks import LandmarkSet
from napari_xray_landmarks.plugin.films import film_of, our_metadata, spacing_of
from napari_xray_landmarks.plugin.results import show_landmarks
from napari_xray_landmarks.plugin.spacing import from_ball, from_line
from napari_xray_landmarks.plugin.widgets.calibrate import BALL, LINE, CalibrateSpacing


@pytest.fixture
def film(viewer, ball_film):
    return viewer.add_image(ball_film, name="film")


@pytest.fixture
def dock(viewer, film, qtbot):
    dock = CalibrateSpacing(viewer)
    qtbot.addWidget(dock)
    return dock


def draw_line(dock, start, end):
    dock.draw_button.click()
    layer = dock.shapes()
    assert str(layer.mode).endswith("add_line") and dock.viewer.layers.selection.active is layer
    layer.add_lines(np.array([start, end], dtype=float))


def test_line_of_known_length(dock, film, qtbot):
    assert "no pixel spacing" in dock.now.text()
    dock.known.setValue(50.0)
    draw_line(dock, (10, 20), (10, 220))
    qtbot.waitUntil(dock.set_button.isEnabled)
    assert "0.25 ±" in dock.answer.text() and "200.0 px" in dock.answer.text()
    dock.set_button.click()
    assert np.allclose(film.scale, 0.25)
    assert spacing_of(film) == pytest.approx((0.25, 0.25))
    radiograph = film_of(film)
    assert radiograph.spacing_source == "calibrated" and radiograph.unit == "mm"
    assert "0.25 mm per pixel (calibrated)" in dock.now.text()


def test_oblique_line_and_a_longer_length_typed_afterwards(dock, film, qtbot):
    draw_line(dock, (10, 20), (130, 180))
    qtbot.waitUntil(dock.set_button.isEnabled)
    dock.known.setValue(80.0)
    qtbot.waitUntil(lambda: "0.4 ±" in dock.answer.text())


def test_click_on_a_marker_ball(dock, film, press, qtbot):
    dock.measure.setCurrentText(BALL)
    assert dock.known.value() == 25.4
    dock.click_button.click()
    press(146, 114)
    assert not dock.click_button.isChecked()
    qtbot.waitUntil(dock.set_button.isEnabled)
    dock.set_button.click()
    assert film.scale[0] == pytest.approx(0.5, rel=0.01)
    corners = dock.shapes().data[-1]
    assert np.allclose(corners.mean(0), (150.5, 110.25), atol=0.5)
    press(146, 114)
    assert len(dock.shapes().data) == 1, "only one click is taken"


@pytest.fixture
def press(viewer, MouseEvent):
    """Presses and releases the mouse at a place in the world, through napari's own dispatch."""
    def press(*position):
        event = MouseEvent(type="mouse_press", position=position, button=1)
        event.modifiers = []
        event = ReadOnlyWrapper(event, exceptions=("handled",))
        mouse_press_callbacks(viewer, event)
        mouse_release_callbacks(viewer, event)
    return press


def test_click_works_on_a_scaled_and_shifted_image(viewer, ball_film, press, qtbot):
    film = viewer.add_image(ball_film, scale=(0.2, 0.2), translate=(7, -3), units=("mm", "mm"))
    dock = CalibrateSpacing(viewer)
    qtbot.addWidget(dock)
    dock.measure.setCurrentText(BALL)
    dock.click_button.click()
    press(150.5 * 0.2 + 7, 110.25 * 0.2 - 3)
    qtbot.waitUntil(dock.set_button.isEnabled)
    assert "2.5" in dock.answer.text().splitlines()[-1], "says how the new spacing compares with the header's"
    dock.set_button.click()
    assert film.scale[0] == pytest.approx(0.5, rel=0.01)


def test_circle_drawn_around_a_ball(dock, film, qtbot):
    dock.measure.setCurrentText(BALL)
    dock.draw_button.click()
    dock.shapes().add_ellipses(np.array([[122, 82], [122, 140], [180, 140], [180, 82]], dtype=float))
    qtbot.waitUntil(dock.set_button.isEnabled)
    dock.set_button.click()
    assert film.scale[0] == pytest.approx(0.5, rel=0.01)


def test_undo_brings_the_frame_back(dock, film, qtbot):
    draw_line(dock, (10, 20), (10, 220))
    qtbot.waitUntil(dock.set_button.isEnabled)
    dock.set_button.click()
    dock.undo_button.click()
    assert np.allclose(film.scale, 1) and spacing_of(film) is None
    assert film_of(film).spacing_source == "unknown"
    assert not dock.undo_button.isEnabled()


def test_results_stay_on_the_same_pixels(dock, film, viewer, qtbot):
    found = LandmarkSet(("a", "b"), [[10.0, 20.0], [100.0, 200.0]], [0.5, 0.9])
    points = show_landmarks(viewer, film, found, model="m", version="1", settings=JointDisplacementSettings())
    draw_line(dock, (10, 20), (10, 220))
    qtbot.waitUntil(dock.set_button.isEnabled)
    dock.set_button.click()
    for layer in (points, dock.shapes()):
        assert np.allclose(layer.scale, film.scale) and layer.units == film.units
    assert np.allclose(points.data, found.points)
    assert np.allclose(points.data_to_world(points.data[1]), film.data_to_world(found.points[1]))


@pytest.mark.parametrize("mark, length, problem", [
    (((10, 20), (10, 25)), 100.0, "only 5.0 px"),
    (((10, 20), (10, 220)), 0.3, "No radiograph has such pixels"),
    (((10, 20), (10, 220)), 4000.0, "No radiograph has such pixels"),
    (((10, 20), (10, 900)), 100.0, "outside the image"),
])
def test_nonsense_is_refused_in_one_line(dock, film, qtbot, mark, length, problem):
    dock.known.setValue(length)
    draw_line(dock, *mark)
    qtbot.waitUntil(lambda: "⚠" in dock.answer.text())
    assert problem in dock.answer.text() and not dock.set_button.isEnabled()
    assert np.allclose(film.scale, 1)


def test_a_circle_where_no_ball_is(dock, press):
    dock.measure.setCurrentText(BALL)
    dock.click_button.click()
    press(40, 220)
    assert "no round outline" in dock.answer.text() and dock.shapes() is None


def test_a_line_is_no_ball(dock, film, qtbot):
    draw_line(dock, (10, 20), (10, 220))
    dock.measure.setCurrentText(BALL)
    assert "the last mark is a line" in dock.answer.text()
    dock.measure.setCurrentText(LINE)
    assert dock.set_button.isEnabled()


def test_pixels_that_are_not_square_keep_their_shape():
    layer = Image(np.zeros((400, 300)), scale=(0.2, 0.4))
    tall = from_line(layer, (0, 10), (300, 10), 30.0)
    wide = from_line(layer, (10, 0), (10, 150), 30.0)
    assert tall.spacing_mm == pytest.approx((0.1, 0.2)) and wide.spacing_mm == pytest.approx((0.1, 0.2))
    with pytest.raises(InputError, match="not square"):
        from_ball(layer, (100, 100), 25.4)


def test_colour_films_can_be_calibrated_but_volumes_not(viewer, qtbot):
    viewer.add_image(np.zeros((20, 80, 80)), name="volume")
    viewer.add_image(np.zeros((80, 80, 3), dtype=np.uint8), rgb=True, name="photo")
    dock = CalibrateSpacing(viewer)
    qtbot.addWidget(dock)
    assert dock.image.value.name == "photo"
    assert "volume: 3D" in dock.image.note.text()


def test_nothing_open_invites(viewer, qtbot):
    dock = CalibrateSpacing(viewer)
    qtbot.addWidget(dock)
    dock.show()
    assert dock.empty.isVisible() and not dock.body.isVisible()
    layer = viewer.add_image(np.zeros((90, 90)))
    assert dock.body.isVisible() and not dock.empty.isVisible()
    viewer.layers.remove(layer)
    assert dock.empty.isVisible() and dock.image.value is None


def test_a_closed_dock_leaves_the_viewer_alone(viewer, qtbot, ball_film):
    before = list(viewer.mouse_drag_callbacks)
    dock = CalibrateSpacing(viewer)
    dock.click_button.setChecked(True)
    assert len(viewer.mouse_drag_callbacks) == len(before) + 1
    dock.deleteLater()
    qtbot.wait(10)
    viewer.add_image(ball_film, name="later").name = "renamed"
    assert viewer.mouse_drag_callbacks == before


def test_metadata_says_how(dock, film, qtbot):
    draw_line(dock, (10, 20), (10, 220))
    qtbot.waitUntil(dock.set_button.isEnabled)
    dock.set_button.click()
    assert our_metadata(film)["calibration"] == "line: 100 mm over 200.0 px"
