"""The dock Annotate and train over a viewer model, driven by the layer's own mouse and key callbacks."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from napari.utils._proxies import ReadOnlyWrapper
from napari.utils.interactions import mouse_move_callbacks, mouse_press_callbacks, mouse_release_callbacks
from PIL import Image
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QApplication

import figure
from docks import LONG, answer
from napari_xray_landmarks.io import load_landmarks
from napari_xray_landmarks.landmarks import Schema
from napari_xray_landmarks.plugin.annotating_layers import OTHERS, PROPOSED
from napari_xray_landmarks.plugin.widgets.annotate import AnnotateAndTrain
from napari_xray_landmarks.plugin.widgets.annotate_schema import SchemaDialog
from napari_xray_landmarks.plugin.widgets.annotate_train import ANEW, GO_ON
from napari_xray_landmarks.plugin.widgets.detect import DetectLandmarks
from napari_xray_landmarks.plugin.writers import write_points
from napari_xray_landmarks.training import read_training_set
from napari_xray_landmarks.training.annotations import open_annotations

FILMS = 4
SCHEMA = Schema("figure", figure.NAMES)
QUICK = {"levels": 1, "train_patches": 200, "patches": 100, "components": 8}


@pytest.fixture
def folder(tmp_path):
    """Films without landmarks."""
    (tmp_path / "films" / "images").mkdir(parents=True)
    for seed in range(FILMS):
        pixels = np.asarray(figure.figure(seed)[0], np.uint16)
        Image.fromarray(pixels).save(tmp_path / "films" / "images" / f"{seed}.png")
    return tmp_path / "films"


@pytest.fixture
def dock(viewer, figure_model, qtbot, plugin_settings):
    dock = AnnotateAndTrain(viewer)
    qtbot.addWidget(dock)
    dock.annotator.setText("anna")
    return dock


@pytest.fixture
def open_dock(dock, folder, qtbot):
    dock.open_folder(folder)
    qtbot.waitUntil(lambda: dock.work is not None, timeout=LONG)
    dock.set_schema(SCHEMA)
    qtbot.waitUntil(lambda: dock.canvas.ready, timeout=LONG)
    yield dock
    dock.close_folder()


def truth(seed):
    return figure.figure(seed)[1].points


def event(kind, world, button=1):
    return ReadOnlyWrapper(SimpleNamespace(type=kind, position=tuple(world), button=button, modifiers=()))


def click(dock, point, to=None, button=1):
    """Press at a point of the film, drag to another one where it is given, and let go."""
    layer = dock.canvas.layers.points
    at = dock.canvas.layers.world(point)
    hover(layer, at)
    press = event("mouse_press", at, button)
    mouse_press_callbacks(layer, press)
    for part in np.linspace(0, 1, 4)[1:] if to is not None else ():
        at = dock.canvas.layers.world(np.asarray(point) + part * np.subtract(to, point))
        mouse_move_callbacks(layer, ReadOnlyWrapper(SimpleNamespace(
            type="mouse_move", position=tuple(at), is_dragging=True, button=button, modifiers=())))
    mouse_release_callbacks(layer, event("mouse_release", at, button))


def hover(layer, world):
    mouse_move_callbacks(layer, ReadOnlyWrapper(SimpleNamespace(position=tuple(world), is_dragging=False,
                                                                type="mouse_move")))


def press(dock, key):
    """Call what a key does on the points layer."""
    layer = dock.canvas.layers.points
    from napari.utils.key_bindings import coerce_keybinding

    action = layer.keymap[coerce_keybinding(key)]
    action(layer)


def annotate(dock, seed):
    for point in truth(seed):
        click(dock, point)


def test_with_nothing_open_it_invites(dock, viewer):
    assert not dock.empty.isHidden() and dock.body.isHidden()
    viewer.add_image(np.zeros((5, 5)))
    assert not dock.empty.isHidden(), "an open film is no folder"
    assert dock.opening.button.text() == "Open folder…" and dock.empty.sample_button.text() == "Try a sample"


def test_clicks_place_the_landmarks_one_after_the_other(open_dock, viewer, qtbot, folder):
    dock = open_dock
    assert dock.film.prompt.text() == "head" and "1 of 8" in dock.film.number.text()
    annotate(dock, 0)
    assert dock.work.prompted is None and dock.film.prompt.text() == "All marked"
    layer = viewer.layers["0.png · annotation"]
    assert np.allclose(layer.data, truth(0)) and layer.shown.all()
    assert "● 1 done" in dock.film.counts.text() and dock.film.films.itemText(0) == "● 0.png"
    qtbot.waitUntil(lambda: dock.work.store.saved, timeout=LONG)
    dataset = read_training_set(folder)
    assert np.allclose(dataset.points_of("anna")[0], truth(0)) and dataset.landmark_names == figure.NAMES


def test_drag_corrects_and_a_drag_elsewhere_places_nothing(open_dock, viewer):
    dock = open_dock
    viewer.scene.camera.zoom = 4
    click(dock, truth(0)[0])
    click(dock, truth(0)[0], to=truth(0)[0] + [10, -6])
    assert np.allclose(dock.work.marks["head"], truth(0)[0] + [10, -6]) and dock.work.prompted == "neck"
    click(dock, (20, 20), to=(60, 60))
    click(dock, (20, 20), button=2)
    click(dock, (-5, 20))
    assert set(dock.work.marks) == {"head"}
    click(dock, dock.work.marks["head"], to=(-30, 0))
    assert np.allclose(viewer.layers["0.png · annotation"].data[0], truth(0)[0] + [10, -6]), "not beyond the film"


def test_the_camera_rests_while_the_mouse_is_over_a_point(open_dock, viewer):
    layer = open_dock.canvas.layers.points
    click(open_dock, (50, 50))
    hover(layer, open_dock.canvas.layers.world((50, 50)))
    assert not layer.mouse_pan
    hover(layer, open_dock.canvas.layers.world((120, 120)))
    assert layer.mouse_pan


def test_keys(open_dock, qtbot):
    dock = open_dock
    click(dock, (10, 10))
    press(dock, "X")
    assert np.isnan(dock.work.marks["neck"]).all() and dock.work.prompted == "tip"
    assert "not visible" in dock.film.table.text()
    press(dock, "Backspace")
    assert "neck" not in dock.work.marks and dock.work.prompted == "neck"
    press(dock, "Control-Z")
    assert "neck" in dock.work.marks
    press(dock, "Control-Z"), press(dock, "Control-Z")
    assert not dock.work.marks
    press(dock, "Control-Shift-Z")
    assert set(dock.work.marks) == {"head"}
    press(dock, "N"), press(dock, "N")
    assert dock.work.prompted == "notch"
    press(dock, "P")
    assert dock.work.prompted == "tip"
    press(dock, "PageDown")
    assert dock.work.image == "1.png"
    qtbot.waitUntil(lambda: dock.canvas.ready, timeout=LONG)
    press(dock, "PageUp")
    assert dock.work.image == "0.png"


def test_arrows_and_return_place_landmarks_without_a_mouse(open_dock, viewer):
    dock, (rows, columns) = open_dock, open_dock.canvas.layers.shape
    layer, middle = viewer.layers["0.png · annotation"], np.round(np.array([rows - 1, columns - 1]) / 2)
    press(dock, "Enter")
    assert not dock.work.marks, "there is no place to accept yet"
    press(dock, "Right"), press(dock, "Right"), press(dock, "Up")
    assert np.allclose(layer.data[0], middle + [-1, 2]) and str(layer.symbol[0]) == "cross" and layer.shown[0]
    assert not dock.work.marks and "Return accepts this place" in dock.film.number.text()
    press(dock, "Shift-Down")
    step = round(0.01 * (max(rows, columns) - 1))
    press(dock, "Enter")
    assert dock.work.marks == {"head": pytest.approx(tuple(middle + [step - 1, 2]))} and dock.work.prompted == "neck"
    press(dock, "Left"), press(dock, "N")
    assert not layer.shown[1] and set(dock.work.marks) == {"head"}, "another landmark: that place is forgotten"
    dock.work.choose("head")
    press(dock, "Left")
    assert np.allclose(layer.data[0], middle + [step - 1, 1]) and len(dock.work.marks) == 1
    press(dock, "Enter"), press(dock, "Control-Z")
    assert dock.work.marks["head"] == pytest.approx(tuple(middle + [step - 1, 2])), "and taken back like any other"
    dock.work.choose("head")
    for _ in range(120):
        press(dock, "Shift-Up")
    assert layer.data[0][0] == 0.0, "it stays on the film"
    away = np.abs(dock.canvas.layers.world(layer.data[0]) - np.array(viewer.scene.camera.center)[-2:])
    assert (away <= np.array([rows, columns]) / 2).all(), "and in sight"


def test_what_is_not_marked_is_neither_seen_nor_saved(open_dock, viewer, tmp_path):
    click(open_dock, (40, 50))
    layer = viewer.layers["0.png · annotation"]
    assert (layer.face_color[1:, 3] == 0).all() and (layer.border_color[1:, 3] == 0).all()
    assert layer.face_color[0, 3] == layer.border_color[0, 3] == 1
    (path,) = write_points(str(tmp_path / "marks.csv"), *layer.as_layer_data_tuple()[:2])
    saved = load_landmarks(path)
    assert np.allclose(saved["head"], (40, 50)) and np.isnan(np.delete(saved.points, 0, axis=0)).all()


def test_buttons_and_rows_do_what_keys_do(open_dock, qtbot):
    dock = open_dock
    click(dock, (10, 10))
    dock.film.buttons["skip"].click()
    dock.film.buttons["take_back"].click()
    dock.film.buttons["undo"].click()
    assert set(dock.work.marks) == {"head", "neck"}
    dock.film.table.table.selectRow(0)
    assert dock.work.prompted == "head"
    click(dock, (30, 30))
    assert np.allclose(dock.work.marks["head"], (30, 30)) and dock.work.prompted == "tip"
    dock.film.next.click()
    qtbot.waitUntil(lambda: dock.canvas.ready, timeout=LONG)
    assert dock.canvas.layers.image.name == "1" or dock.canvas.layers.image.name == "1.png"
    dock.film.films.activated.emit(3)
    assert dock.work.image == "3.png" and not dock.film.next.isEnabled()


def test_a_click_before_the_film_is_there_places_nothing(open_dock):
    dock = open_dock
    dock.film.next.click()
    dock.film.next.click()
    if not dock.canvas.ready:
        click(dock, (10, 10))
    assert not dock.work.marks


def test_snapping_and_zooming(open_dock, viewer, qtbot):
    dock = open_dock
    annotate(dock, 0)
    dock.film.zoom.click()
    fitted = viewer.scene.camera.zoom
    dock.film.next.click()
    qtbot.waitUntil(lambda: dock.canvas.ready, timeout=LONG)
    assert viewer.scene.camera.zoom > 2 * fitted
    middle = np.array(viewer.scene.camera.center)[-2:]
    assert np.linalg.norm(middle - dock.canvas.layers.world(truth(1)[0])) < 40
    assert dock.film.picture.place is not None
    click(dock, truth(1)[0])
    click(dock, truth(1)[1])
    place = dock.film.picture.place
    assert np.linalg.norm(np.subtract(place, truth(1)[2])) < 20, "the marks that are there move the expected place"
    dock.film.snap.click()
    dock.film.radius.setValue(20)
    clicked = truth(1)[2] + [0, 4]
    click(dock, clicked)
    assert 0 < np.linalg.norm(np.subtract(dock.work.marks["tip"], clicked)) <= 20


def test_a_models_landmarks_are_proposed_and_corrected(open_dock, viewer, qtbot):
    dock = open_dock
    dock.model.model.choose("figure")
    dock.model.everywhere.click()
    with qtbot.waitSignal(dock.model.proposed, timeout=LONG):
        dock.model.run.button.click()
    layer = viewer.layers["0.png · annotation"]
    assert layer.shown.sum() >= 6 and not dock.work.marks and len(dock.work.proposals) == FILMS
    first = next(i for i in range(8) if layer.shown[i])
    assert str(layer.symbol[first]) == "cross" and "model" in dock.film.table.text()
    name = figure.NAMES[first]
    place = np.array(layer.data[first])
    click(dock, place, to=place + [6, 6])
    assert np.allclose(dock.work.marks[name], place + [6, 6], atol=1e-6)
    press(dock, "Shift-Enter")
    assert len(dock.work.marks) == len(dock.work.proposals["0.png"])
    assert np.allclose(dock.work.marks[name], place + [6, 6], atol=1e-6), "what was corrected stays"
    for left in [n for n in figure.NAMES if n not in dock.work.marks]:
        dock.work.choose(left)
        press(dock, "X")
    assert "s from figure (1)" in dock.model.pace.text()
    assert PROPOSED not in layer.face_color


def test_the_annotators_side_by_side(open_dock, viewer, folder, qtbot):
    dock = open_dock
    dock.tabs.setCurrentIndex(1)
    assert "Nobody else" in dock.compare.said.text()
    annotate(dock, 0)
    ben = open_annotations(folder, "ben")
    for name, point in zip(figure.NAMES, truth(0), strict=True):
        ben.mark("0.png", name, tuple(point + [3, 4]))
    ben.close()
    dock.compare.again.click()
    assert "Mean radial distance 5.00 px, median 5.00" in dock.compare.said.text()
    assert dock.compare.table.text().splitlines()[1] == "head\t5.0\t5.0\t1"
    dock.compare.on_film.click()
    other = viewer.layers["0.png · ben"]
    assert np.allclose(other.data, truth(0) + [3, 4]) and len(viewer.layers["0.png · difference"].data) == 8
    assert np.allclose(other.face_color[0][:3], [int(OTHERS[i:i + 2], 16) / 255 for i in (1, 3, 5)], atol=0.01)
    assert viewer.layers.selection.active is dock.canvas.layers.points
    assert viewer.layers[-1] is dock.canvas.layers.points
    dock.compare.on_film.click()
    assert [x.name for x in viewer.layers][1:] == ["0.png · annotation"]


def test_a_second_window_is_told_and_overwrites_nothing(open_dock, folder, viewer, qtbot, said):
    other = AnnotateAndTrain(viewer)
    qtbot.addWidget(other)
    other.annotator.setText("anna")
    with qtbot.waitSignal(other.opening.job.done, timeout=LONG):
        other.open_folder(folder)
    assert other.work is None
    errors = [text for severity, text in said if severity == "error"]
    assert len(errors) == 1 and "being annotated as 'anna' in another window" in errors[0]


def test_closing_the_dock_saves_and_lets_go(open_dock, folder, viewer, qtbot):
    click(open_dock, (10, 12))
    open_dock.close_button.click()
    assert len(viewer.layers) == 0 and not open_dock.empty.isHidden()
    store = open_annotations(folder, "anna")
    assert store.marks("0.png")["head"] == pytest.approx((10, 12))
    store.close()


def test_naparis_own_tools_do_what_they_look_like(open_dock, viewer, qtbot):
    dock = open_dock
    annotate(dock, 0)
    layer = dock.canvas.layers.points
    layer.selected_data = {2}
    layer._set_drag_start({2}, truth(0)[2])
    layer._move([2], truth(0)[2] + [5, 6])
    assert dock.work.marks["tip"] == pytest.approx(tuple(truth(0)[2] + [5, 6]))
    layer.selected_data = {1, 3}
    layer.remove_selected()
    assert set(figure.NAMES) - set(dock.work.marks) == {"neck", "notch"}
    qtbot.waitUntil(lambda: dock.canvas.layers.points is not layer, timeout=LONG)
    layer = dock.canvas.layers.points
    assert len(layer.data) == 8 and layer.shown.sum() == 6
    dock.work.choose("neck")
    layer.add((70, 60))
    assert dock.work.marks["neck"] == pytest.approx((70, 60))
    qtbot.waitUntil(lambda: len(dock.canvas.layers.points.data) == 8, timeout=LONG)


def test_layers_that_the_user_removed_break_nothing(open_dock, viewer, qtbot):
    dock = open_dock
    viewer.layers.remove(dock.canvas.layers.points)
    dock.work.place((1, 1))
    viewer.layers.clear()
    dock.film.next.click()
    qtbot.waitUntil(lambda: dock.canvas.ready, timeout=LONG)
    click(dock, (10, 10))
    assert dock.work.marks["head"] == pytest.approx((10, 10))


def test_an_unreadable_film_is_told_and_passed_over(dock, folder, qtbot, said):
    (folder / "images" / "0.png").write_bytes(b"no picture")
    dock.open_folder(folder)
    qtbot.waitUntil(lambda: any("0.png" in text for _, text in said), timeout=LONG)
    dock.set_schema(SCHEMA)
    dock.film.next.click()
    qtbot.waitUntil(lambda: dock.canvas.ready, timeout=LONG)
    assert dock.work.image == "1.png"
    dock.close_folder()


def test_a_disk_that_refuses_is_shown_all_the_time(open_dock, qtbot):
    open_dock.work.store.problem = "films: cannot be written (no space)"
    qtbot.waitUntil(lambda: "NOT SAVED: films: cannot be written" in open_dock.saved.text(), timeout=LONG)
    open_dock.work.store.problem = ""
    qtbot.waitUntil(lambda: open_dock.saved.text() == "Saved.", timeout=LONG)


def test_the_schema_dialog(open_dock, folder, qtbot, said):
    dialog = SchemaDialog(Schema("", ()), open_dock)
    ok = dialog.buttons.button(dialog.buttons.StandardButton.Ok)
    assert not ok.isEnabled()
    dialog.text.setPlainText("a-left\na-right\na-left")
    assert not ok.isEnabled() and "line 3 gives 'a-left' a second time" in dialog.said.text()
    dialog.text.setPlainText("a-left\na-right")
    dialog.closed.click()
    assert ok.isEnabled() and dialog.said.text() == "2 landmarks, 1 pair, closed"
    dialog.start.setCurrentText("model figure")
    dialog.start.activated.emit(dialog.start.currentIndex())
    assert dialog.schema.names == figure.NAMES and dialog.schema.anatomy == "figure"
    dialog.open_set(str(folder))
    assert dialog.schema.names == SCHEMA.names
    dialog.open_set(str(folder / "images"))
    assert [severity for severity, _ in said] == ["error"]


def test_the_dock_has_an_order_of_tabs_and_fits(open_dock):
    assert open_dock.sizeHint().height() <= 700
    for page in range(3):
        open_dock.tabs.setCurrentIndex(page)
        assert open_dock.scroll.widget().sizeHint().width() <= 420
    for widget in (open_dock.film.films, open_dock.film.buttons["skip"], open_dock.train.name, open_dock.train.recipe):
        assert widget.focusPolicy() & Qt.FocusPolicy.TabFocus


def test_train_stop_go_on_and_use_the_model_at_once(open_dock, viewer, qtbot, monkeypatch, tmp_path):
    monkeypatch.setenv("XRAY_LANDMARKS_MODELS", str(tmp_path / "models"))
    dock = open_dock
    for seed in range(FILMS):
        dock.work.go(seed)
        qtbot.waitUntil(lambda: dock.canvas.ready, timeout=LONG)
        annotate(dock, seed)
    detect = DetectLandmarks(viewer)
    qtbot.addWidget(detect)
    dock.tabs.setCurrentIndex(2)
    train = dock.train
    assert train.recipe.currentData() == "joint-displacement" and train.run.button.isEnabled()
    train.recipe.setCurrentIndex(train.recipe.findData("spine"))
    assert not train.run.button.isEnabled() and "corners of vertebrae" in train.why.text()
    train.recipe.setCurrentIndex(train.recipe.findData("joint-displacement"))
    train.name.setText("a/b")
    assert not train.run.button.isEnabled()
    train.name.setText("mine")
    train.form.set_value(replace(train.form.value, **figure.SETTINGS | QUICK))
    train.run.button.click()
    run = train.output.with_suffix(".run")
    qtbot.waitUntil(lambda: run.is_dir() and any(run.glob("stage-*")), timeout=2 * LONG)
    with qtbot.waitSignal(train.run.job.cancelled, timeout=3000):
        train.run.button.click()
    assert "Train goes on from there" in train.answer.text() and not train.output.exists()
    answer(GO_ON)
    with qtbot.waitSignal(train.trained, timeout=2 * LONG):
        train.run.button.click()
    assert train.output.exists() and not run.exists()
    assert "“mine” is trained: mean radial error" in train.answer.text()
    assert train.plot.curves["error"], "the error on films left out was drawn while it trained"
    names = [detect.model.combo.itemText(i) for i in range(detect.model.combo.count())]
    assert "mine" in names, "the new model can be used at once"
    train.use.click()
    assert dock.tabs.currentIndex() == 0 and dock.model.model.path == "mine"
    QApplication.processEvents()


def test_begin_anew_where_the_marks_are_others_now(open_dock, tmp_path, monkeypatch):
    monkeypatch.setenv("XRAY_LANDMARKS_MODELS", str(tmp_path / "models"))
    open_dock.train.name.setText("mine")
    run = open_dock.train.output.with_suffix(".run")
    run.mkdir(parents=True)
    (run / "run.json").write_text("{}")
    answer(ANEW)
    assert open_dock.train._may_begin() and not run.exists()
