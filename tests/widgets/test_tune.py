from dataclasses import fields, replace

import numpy as np
import pytest
from npe2 import PluginManifest

from napari_xray_landmarks.imaging import Radiograph
from napari_xray_landmarks.joint_displacement.settings import JointDisplacementSettings, names_of_group
from napari_xray_landmarks.models import load_model
from napari_xray_landmarks.plugin.films import our_metadata, why_not_a_film
from napari_xray_landmarks.plugin.results import names_of, results_of
from napari_xray_landmarks.plugin.session import recall
from napari_xray_landmarks.plugin.settings import model_settings, presets, with_preferences
from napari_xray_landmarks.plugin.solving import Search, detect_in, show_search
from napari_xray_landmarks.plugin.widgets.detect import DetectLandmarks
from napari_xray_landmarks.plugin.widgets.tune import TuneSolver

LONG = 60_000


@pytest.fixture
def film(viewer, figure_film):
    return viewer.add_image(figure_film[0], name="film", scale=(0.5, 0.5), units=("mm", "mm"))


@pytest.fixture(scope="module")
def searched(figure_model_file, figure_film):
    """A search of the film, done once: what Detect landmarks gets from its worker."""
    settings = load_model(figure_model_file).settings()
    found, _ = detect_in([Search(None, Radiograph(figure_film[0]))], str(figure_model_file), settings, lambda *_: None)
    return found[0]


@pytest.fixture
def points(viewer, film, searched, figure_model, qtbot, plugin_settings, npe2pm):
    """The landmark layer of a detected film."""
    npe2pm.register(PluginManifest.from_distribution("napari-xray-landmarks"))
    live = replace(searched.live, settings=dict(searched.live.settings), corrections={})
    return show_search(viewer, replace(searched, search=replace(searched.search, image=film), live=live))


def detect(viewer, qtbot):
    dock = DetectLandmarks(viewer)
    qtbot.addWidget(dock)
    with qtbot.waitSignal(dock.run.job.done, timeout=LONG):
        dock.run.button.click()
    return next(x for x in viewer.layers if x.name == f"{dock.image.value.name} · landmarks")


@pytest.fixture
def dock(viewer, points, qtbot):
    dock = TuneSolver(viewer)
    qtbot.addWidget(dock)
    settle(dock, qtbot)
    return dock


def settle(dock, qtbot):
    qtbot.waitUntil(lambda: not dock.resolver.busy and not dock.warm_up.running, timeout=LONG)


def slide(dock, name, value):
    editor = dock.form.editors[name]
    editor.slider.setValue(editor.position(value))


def drag(layer, name, by):
    """Move one point as the select mode of napari does: many small steps, the mouse still down."""
    i = names_of(layer).index(name)
    layer.selected_data = {i}
    for step in range(1, 6):
        moved = np.array(layer.data)
        moved[i] += np.array(by) / 5
        layer.data = moved
        yield step


def test_opening_changes_nothing(dock, points, viewer):
    live = recall(points)
    assert np.allclose(points.data, live.detection.landmarks.points, atol=0.5)
    assert dock.subshape.count() == 2 and dock.subshape.itemText(0) == "1: head, neck, tip, notch"
    assert list(dock.form.editors) == list(names_of_group("solver"))


def test_every_slider_move_solves_again_and_moves_the_points(dock, points, qtbot):
    before = np.array(points.data)
    slide(dock, "robustness", 8.0)
    settle(dock, qtbot)
    after = np.array(points.data)
    assert np.abs(after[:4] - before[:4]).max() > 0.05
    assert np.array_equal(after[4:], before[4:]), "the other subshape stays"
    estimate = recall(points).detection.subshapes[0].estimate(dock.form.value)
    assert np.allclose(after[:4], estimate.points_px, atol=0.01), "the points are the exact solution"
    slide(dock, "robustness", model_settings(recall(points).model.header).robustness)
    settle(dock, qtbot)
    assert np.allclose(points.data, before, atol=0.02), "and back again"


def test_the_response_image_follows(dock, points, viewer, film, qtbot):
    response = results_of(viewer, film, "response")
    assert [r.name for r in response] == ["film · response: head"]
    before = np.array(response[0].data)
    slide(dock, "bandwidth", 8.0)
    settle(dock, qtbot)
    assert results_of(viewer, film, "response") == response, "the same layer"
    assert response[0].data.max() < before.max()
    peak = np.unravel_index(response[0].data.argmax(), response[0].data.shape)
    assert np.linalg.norm(np.subtract(response[0].data_to_world(peak), points.data_to_world(points.data[0]))) < 3
    assert viewer.layers.selection.active is not response[0]
    dock.show_response.click()
    assert not response[0].visible


def test_terms_residual_and_isolated_patches_are_told(dock, qtbot):
    assert list(dock.terms.terms) == ["ground truth", "smooth mapping", "patch offset", "landmark offset", "formation"]
    assert "Residual" in dock.said.text() and "% isolated patches" in dock.said.text()
    assert dock.terms.start == dock.terms.terms
    before = dict(dock.terms.terms)
    slide(dock, "gamma", 50.0)
    settle(dock, qtbot)
    assert dock.terms.start == before and dock.terms.terms["landmark offset"] != before["landmark offset"]
    slide(dock, "delta", 0.0)
    settle(dock, qtbot)
    assert dock.terms.terms["formation"] == 0 and dock.form.editors["delta"].number.text() == "off"


def test_a_method_without_an_objective_shows_none(dock, qtbot, points):
    dock.resolver.request([0], replace(dock.form.value, method="nearest"))
    settle(dock, qtbot)
    assert dock.terms.isHidden()


def test_fast_moves_are_dropped_and_the_last_one_counts(dock, points, qtbot):
    solved = []
    dock.resolver.solved.connect(lambda estimates, seconds: solved.append(seconds))
    for value in np.geomspace(0.01, 10, 40):
        slide(dock, "alpha", value)
    assert len(solved) < 40
    settle(dock, qtbot)
    assert len(solved) < 20
    exact = recall(points).detection.subshapes[0].estimate(dock.form.value)
    assert np.allclose(points.data[:4], exact.points_px, atol=0.01)
    assert recall(points).settings[0].alpha == pytest.approx(10, rel=0.02)


def test_moving_a_slider_does_not_wait_for_the_solver(dock, points, qtbot):
    before = np.array(points.data)
    slide(dock, "alpha", 3.0)
    assert dock.resolver.busy and np.array_equal(points.data, before)
    settle(dock, qtbot)
    assert not np.array_equal(points.data, before)


def test_presets(dock, points, qtbot):
    assert [dock.preset.itemText(i) for i in range(dock.preset.count())] == ["the model's own", "best", "as published"]
    published = presets(recall(points).model.header)["as published"]
    slide(dock, "beta", 3.3)
    assert dock.preset.currentText() == "", "the sliders stand at no preset"
    dock.preset.setCurrentText("as published")
    dock.preset.textActivated.emit("as published")
    settle(dock, qtbot)
    assert dock.preset.currentText() == "as published"
    for name in names_of_group("solver"):
        assert getattr(recall(points).settings[0], name) == getattr(published, name), name
    assert recall(points).settings[0].levels == 2, "what training fixed stays the model's"


def test_dragging_a_landmark_moves_its_subshape_while_the_mouse_is_down(dock, points, qtbot):
    before = np.array(points.data)
    for _ in drag(points, "neck", (8.0, 6.0)):
        settle(dock, qtbot)
        follows = np.array(points.data) - before
        assert np.abs(follows[[0, 2, 3]]).max() > 0.1
    after = np.array(points.data)
    assert np.allclose(after[1], before[1] + [8, 6]), "the dragged point stays where it was put"
    assert np.array_equal(after[4:], before[4:])
    exact = recall(points).detection.subshapes[0].estimate(dock.form.value, corrections={"neck": tuple(after[1])})
    assert np.allclose(after[:4], exact.points_px, atol=0.01)
    assert np.isnan(points.features["confidence"][1])
    assert "neck (5.0 mm moved)" in dock.hand_note.text()


def test_the_dragged_landmarks_subshape_is_shown(dock, points, qtbot):
    list(drag(points, "knob", (2.0, 0.0)))
    settle(dock, qtbot)
    assert dock.subshape.currentIndex() == 1


def test_selecting_a_point_shows_its_response(dock, points, film, viewer, qtbot):
    points.selected_data = {6}
    settle(dock, qtbot)
    assert dock.subshape.currentIndex() == 1 and dock.landmark == "knob"
    assert [r.name for r in results_of(viewer, film, "response")] == ["film · response: knob"]


def test_undo_and_release(dock, points, qtbot):
    start = np.array(points.data)
    list(drag(points, "neck", (8.0, 6.0)))
    settle(dock, qtbot)
    one = np.array(points.data)
    list(drag(points, "tip", (-5.0, 3.0)))
    settle(dock, qtbot)
    assert set(recall(points).corrections) == {"neck", "tip"}
    points.selected_data = {1}
    dock.release_button.click()
    settle(dock, qtbot)
    assert set(recall(points).corrections) == {"tip"} and np.isfinite(points.features["confidence"][1])
    undo = next(callback for key, callback in points.keymap.items() if str(key) == "Ctrl+Z")
    undo(points)
    settle(dock, qtbot)
    assert set(recall(points).corrections) == {"neck", "tip"}
    assert np.allclose(points.data[1], one[1])
    dock.release_all_button.click()
    settle(dock, qtbot)
    assert recall(points).corrections == {}
    assert np.allclose(points.data, start, atol=0.05)
    assert "Drag a landmark" in dock.hand_note.text() and not dock.release_all_button.isEnabled()


def test_ring_marks_what_was_placed_by_hand(dock, points, qtbot):
    plain = np.array(points.border_color)
    list(drag(points, "neck", (8.0, 6.0)))
    settle(dock, qtbot)
    changed = np.abs(np.array(points.border_color) - plain).max(1) > 0.1
    assert changed.tolist() == [False, True, *[False] * 6]
    dock.release_all_button.click()
    settle(dock, qtbot)
    assert np.allclose(points.border_color, plain)


def test_corrections_made_before_the_dock_was_open_count(points, viewer, qtbot):
    moved = np.array(points.data)
    moved[0] += 7
    points.data = moved
    dock = TuneSolver(viewer)
    qtbot.addWidget(dock)
    settle(dock, qtbot)
    assert set(recall(points).corrections) == {"head"} and np.allclose(points.data[0], moved[0])


def test_added_or_removed_points_do_not_break_tuning(dock, points, qtbot):
    points.add([[5.0, 5.0]])
    slide(dock, "alpha", 5.0)
    settle(dock, qtbot)
    assert len(points.data) == 9
    points.selected_data = {8}
    points.remove_selected()
    slide(dock, "alpha", 0.5)
    settle(dock, qtbot)
    exact = recall(points).detection.subshapes[0].estimate(dock.form.value)
    assert np.allclose(points.data[:4], exact.points_px, atol=0.01)


def test_use_on_whole_film_and_on_all_images(dock, points, viewer, qtbot):
    import figure

    viewer.add_image(figure.figure(103)[0], name="second")
    second = detect(viewer, qtbot)
    assert dock.layer.value is second, "what was detected last is tuned"
    dock.layer.set_value(points)
    settle(dock, qtbot)
    slide(dock, "beta", 20.0)
    dock.film_button.click()
    settle(dock, qtbot)
    wanted = dock.form.value.beta
    assert {s.beta for s in recall(points).settings.values()} == {wanted}
    assert {s.beta for s in recall(second).settings.values()} != {wanted}
    dock.all_button.click()
    qtbot.waitUntil(lambda: {s.beta for s in recall(second).settings.values()} == {wanted}, timeout=LONG)


def test_detecting_again_tunes_the_new_detection(dock, points, viewer, qtbot):
    before = recall(points)
    assert detect(viewer, qtbot) is points
    settle(dock, qtbot)
    assert recall(points) is not before and dock.resolver.live is recall(points)
    list(drag(points, "neck", (4.0, 0.0)))
    settle(dock, qtbot)
    assert set(recall(points).corrections) == {"neck"} and before.corrections == {}


def test_saved_weights_start_every_detection(dock, points, viewer, qtbot):
    slide(dock, "beta", 20.0)
    settle(dock, qtbot)
    wanted = dock.form.value.beta
    dock.save_button.click()
    later = DetectLandmarks(viewer)
    qtbot.addWidget(later)
    assert later.settings.beta == wanted
    dock.forget_button.click()
    assert with_preferences(model_settings(recall(points).model.header)).beta != wanted


def test_landmarks_from_elsewhere_are_detected_again(points, viewer, film, qtbot):
    data, attributes, _ = points.as_layer_data_tuple()
    viewer.layers.remove(points)
    loaded = viewer.add_points(data, **attributes)
    dock = TuneSolver(viewer)
    qtbot.addWidget(dock)
    assert "another session" in dock.trouble.text() and dock.resolver is None
    with qtbot.waitSignal(dock.redetect.run.job.done, timeout=LONG):
        dock.redetect.run.button.click()
    settle(dock, qtbot)
    assert dock.resolver.layer is loaded and dock.trouble.text() == ""


def test_removing_the_landmarks_or_the_film(dock, points, viewer, film, qtbot):
    slide(dock, "alpha", 2.0)
    viewer.layers.remove(film)
    settle(dock, qtbot)
    viewer.layers.remove(points)
    assert dock.resolver is None and "run Detect landmarks first" in dock.trouble.text()


def test_results_are_no_films(dock, viewer, film):
    response = results_of(viewer, film, "response")[0]
    assert why_not_a_film(response) and our_metadata(response)["landmark"] == "head"


def test_preferences_page_and_settings_are_one(npe2pm):
    manifest = PluginManifest.from_distribution("napari-xray-landmarks")
    page = manifest.contributions.configurations["solver"].properties
    assert set(page) == {"use_these", *names_of_group("solver")}, "run scripts/write_preferences.py"
    for f in fields(JointDisplacementSettings):
        if f.name not in page:
            continue
        prop, meta = page[f.name], f.metadata
        assert prop.default == f.default, f.name
        assert meta["help"] in prop.description, f.name
        if meta["choices"]:
            assert tuple(prop.enum) == meta["choices"], f.name
        else:
            assert (prop.minimum, prop.maximum) == (0 if meta["log"] else meta["low"], meta["high"]), f.name
