"""Outlines corrected as a user does it: drag a vertex, slide a mode, take it back, run again."""

import numpy as np
import pytest

import figure
from docks import answer, drag, run, settle
from napari_xray_landmarks.plugin.outlines import contour_of, vertices_layer_of
from napari_xray_landmarks.plugin.reshaping import reshaped
from napari_xray_landmarks.plugin.results import names_of
from napari_xray_landmarks.plugin.segmenting import live_of
from napari_xray_landmarks.plugin.widgets.model_dock import KEEP, REPLACE


def slide(dock, mode, value):
    slider = dock.modes.sliders[mode]
    slider.slider.setValue(slider.position(value))


def test_dragging_a_vertex_fits_the_shape_around_it(shown, vertices, contour, qtbot):
    before, circle = np.array(vertices.data), np.array(contour.data[1])
    drag(vertices, "knob", (6.0, 8.0))
    settle(shown, qtbot)
    after, knob = np.array(vertices.data), names_of(vertices).index("knob")
    assert np.allclose(after[knob], before[knob] + [6, 8]), "the dragged vertex stays where it was put"
    assert np.abs(np.delete(after - before, knob, 0)).max() > 0.5, "others follow"
    exact = reshaped(shown.reshaper.live.found, {"knob": tuple(after[knob])}, {})
    assert np.allclose(after, exact.bones[0].points_px, atol=1e-6)
    assert np.allclose(contour.data[0], after) and np.abs(contour.data[1] - circle).max() > 1e-3
    assert np.isnan(vertices.features["confidence"][knob]) and "By hand: knob." in shown.hand_note.text()


def test_several_vertices_are_held_and_given_back(shown, vertices, qtbot):
    before = np.array(vertices.data)
    drag(vertices, "knob", (6.0, 8.0))
    settle(shown, qtbot)
    drag(vertices, "tip", (-5.0, 3.0))
    settle(shown, qtbot)
    tip, knob = (names_of(vertices).index(n) for n in ("tip", "knob"))
    assert np.allclose(vertices.data[knob], before[knob] + [6, 8])
    assert set(live_of(shown.viewer, shown.image.value).corrections) == {"knob", "tip"}
    vertices.selected_data = {tip}
    shown.release_button.click()
    settle(shown, qtbot)
    assert set(shown.reshaper.live.corrections) == {"knob"}
    shown.release_all_button.click()
    settle(shown, qtbot)
    assert np.allclose(vertices.data, before) and not shown.release_all_button.isEnabled()


def test_a_vertex_can_be_dragged_on_the_outline_too(shown, contour, vertices, qtbot):
    moved = [np.array(data) for data in contour.data]
    moved[0][2] += (4.0, -5.0)
    contour.data = moved
    contour.events.data(value=contour.data, action="changed", data_indices=(0,), vertex_indices=((2,),))
    settle(shown, qtbot)
    assert set(shown.reshaper.live.corrections) == {figure.OUTLINE[2]}
    assert np.allclose(vertices.data[2], moved[0][2]) and np.allclose(contour.data[0], vertices.data)


def test_a_mode_is_moved_on_top_of_the_film_and_reset(shown, vertices, contour, qtbot):
    before = np.array(vertices.data)
    fitted = shown.reshaper.live.found.bones[0].fitted
    assert 1 <= len(shown.modes.sliders) <= 8
    assert shown.modes.sliders[0].value == pytest.approx(fitted.deviations[0], abs=1e-3)
    slide(shown, 0, 2.5)
    settle(shown, qtbot)
    deviations = np.array(fitted.deviations)
    deviations[0] = shown.modes.sliders[0].value
    assert np.allclose(vertices.data, fitted.with_coefficients(deviations).points_px, atol=0.05)
    assert np.allclose(contour.data[0], vertices.data)
    shown.modes.reset_button.click()
    settle(shown, qtbot)
    assert np.allclose(vertices.data, before) and not shown.modes.reset_button.isEnabled()
    assert shown.modes.sliders[0].value == pytest.approx(fitted.deviations[0], abs=1e-3)


def test_modes_leave_corrected_vertices_alone(shown, vertices, qtbot):
    drag(vertices, "knob", (6.0, 8.0))
    settle(shown, qtbot)
    before, knob = np.array(vertices.data), names_of(vertices).index("knob")
    slide(shown, 0, -2.5)
    settle(shown, qtbot)
    assert np.allclose(vertices.data[knob], before[knob])
    assert np.abs(vertices.data - before).max() > 0.5


def test_undo_takes_back_modes_and_drags_alike(shown, vertices, qtbot):
    start = np.array(vertices.data)
    drag(vertices, "knob", (6.0, 8.0))
    settle(shown, qtbot)
    dragged = np.array(vertices.data)
    slide(shown, 0, 2.0)
    settle(shown, qtbot)
    undo = next(callback for key, callback in vertices.keymap.items() if str(key) == "Ctrl+Z")
    undo(vertices)
    settle(shown, qtbot)
    assert np.allclose(vertices.data, dragged)
    while shown.undo_button.isEnabled():
        shown.undo_button.click()
        settle(shown, qtbot)
    assert np.allclose(vertices.data, start) and not shown.reshaper.live.changed


def test_run_again_updates_in_place_and_keeps_the_styling(shown, contour, vertices, viewer, film, qtbot):
    contour.edge_width, contour.opacity, vertices.size = 5, 0.4, 3
    contour.edge_color = "magenta"
    before = np.array(vertices.data)
    editor = shown.form.editors["patches"]
    editor.slider.setValue(editor.position(300))
    run(shown, qtbot)
    assert contour_of(viewer, film) is contour and vertices_layer_of(viewer, film) is vertices
    assert not np.array_equal(vertices.data, before)
    assert set(contour.edge_width) == {5} and contour.opacity == 0.4 and np.allclose(vertices.size, 3)
    assert np.allclose(contour.edge_color, [1, 0, 1, 1])


@pytest.mark.parametrize("choice", [REPLACE, KEEP, "Cancel"])
def test_asks_before_replacing_what_a_user_placed(shown, vertices, qtbot, choice):
    drag(vertices, "knob", (6.0, 8.0))
    settle(shown, qtbot)
    moved, knob = np.array(vertices.data), names_of(vertices).index("knob")
    answer(choice)
    if choice == "Cancel":
        shown.run.button.click()
        assert not shown.run.job.running and np.array_equal(vertices.data, moved)
        return
    run(shown, qtbot)
    settle(shown, qtbot)
    assert np.allclose(vertices.data[knob], moved[knob]) == (choice == KEEP)
    assert set(shown.reshaper.live.corrections) == ({"knob"} if choice == KEEP else set())


def test_removing_layers_ends_the_corrections(shown, film, contour, vertices, viewer, qtbot):
    drag(vertices, "knob", (6.0, 8.0))
    viewer.layers.remove(vertices)
    viewer.layers.remove(contour)
    assert shown.reshaper is None and not shown.table.isVisibleTo(shown)
    viewer.layers.remove(film)
    qtbot.wait(50)
    assert shown.image.value is None and not shown.run.button.isEnabled()
