"""Segment bone on a volume as a user drives it: layers, stages, table, painting, space, files."""

import csv

import numpy as np
import pytest
from qtpy.QtWidgets import QApplication

import ball_joints
import knees
from docks import LONG, answer, run
from napari_xray_landmarks import models
from napari_xray_landmarks.deep_shape.storage import tensors_of_networks
from napari_xray_landmarks.io import load_image, load_landmarks
from napari_xray_landmarks.io.meshes import read_mesh
from napari_xray_landmarks.models import ModelHeader, save_model
from napari_xray_landmarks.models.registry import Model
from napari_xray_landmarks.plugin.convert import image_layer
from napari_xray_landmarks.plugin.films import our_metadata
from napari_xray_landmarks.plugin.solving import Search
from napari_xray_landmarks.plugin.volume_layers import surfaces_of
from napari_xray_landmarks.plugin.volumes import painted, segmented_volume, volume_of
from napari_xray_landmarks.shape.settings import ShapeModelSettings

HEADER = ModelHeader("shape-model", "knee", ("a",), name="knee-made-up", package_version="1")


@pytest.fixture
def labels():
    return knees.knee_labels(knees.grid(turned=True))


@pytest.fixture
def image(viewer, labels):
    """The knee's MR, its axes turned."""
    data, attributes, _ = image_layer(knees.knee_volume(labels))
    return viewer.add_image(data, **attributes)


def outcome(image, labels, corrections=()):
    """What the dock's worker gives of a volume."""
    search = Search(image, volume_of(image), corrections)
    return segmented_volume(search, Model(HEADER, None, None), knees.knee_segmentation(labels), ShapeModelSettings())


@pytest.fixture
def shown(segment_dock, image, labels):
    segment_dock._on_found(([outcome(image, labels)], []))
    return segment_dock


def quiet(dock, qtbot):
    qtbot.waitUntil(lambda: not dock.volume.busy, timeout=LONG)


def paint(layer, voxels, label):
    """Paint as a brush does: into the history, with its event."""
    layer.data_setitem(tuple(np.array(voxels).T), label)


def test_the_layers_lie_in_the_volumes_frame(shown, viewer, image, labels):
    assert [layer.name for layer in viewer.layers] == [
        "knee", "knee · labels", "knee · shape landmarks", "knee · femur surface", "knee · tibia surface"]
    layer, marks = viewer.layers["knee · labels"], viewer.layers["knee · shape landmarks"]
    np.testing.assert_array_equal(layer.data, labels.voxels)
    for index in ((0, 0, 0), (63, 39, 29), (7, 20, 3)):
        world = (labels.world_from_voxel @ [*index, 1])[:3]
        np.testing.assert_allclose(layer.data_to_world(index), world, atol=1e-9)
        np.testing.assert_allclose(image.data_to_world(index), world, atol=1e-9)
    for bone, centre in knees.CENTRES.items():
        vertices = np.array([surfaces_of(viewer, image)[bone].data_to_world(v)
                             for v in surfaces_of(viewer, image)[bone].vertices])
        np.testing.assert_allclose(vertices.mean(0), centre, atol=1e-6)
        mine = marks.data[[name.startswith(bone) for name in marks.features["name"]]]
        np.testing.assert_allclose(np.linalg.norm(mine - centre, axis=1), knees.RADIUS_MM)
    assert {str(u) for one in viewer.layers for u in one.units} == {"millimeter"}
    assert all(our_metadata(one)["model"] == "knee-made-up" for one in list(viewer.layers)[1:])


def test_labels_are_named_and_coloured(shown, viewer):
    layer = viewer.layers["knee · labels"]
    assert dict(zip(layer.features["index"], layer.features["name"], strict=True)) == {
        0: "background", **dict(enumerate(knees.NAMES, 1))}
    colours = np.array([layer.get_color(label) for label in range(1, 5)])
    assert len(np.unique(colours.round(3), axis=0)) == 4 and (colours[:, 3] == 1).all()
    viewer.dims.set_point(range(3), knees.CENTRES["tibia"])
    assert "name: tibia" in layer.get_status(knees.CENTRES["tibia"], world=True)["value"]


def test_thickness_stands_at_the_vertices_and_in_the_legend(shown, viewer, image):
    femur, tibia = (surfaces_of(viewer, image)[bone] for bone in ("femur", "tibia"))
    below = femur.vertices[:, 0] < 14
    np.testing.assert_allclose(femur.vertex_values, np.where(below, knees.SHELL_MM, 0.0))
    assert not tibia.vertex_values.any() and femur.contrast_limits == [0, knees.SHELL_MM]
    assert shown.volume.bar.accessibleName() == "cartilage thickness in mm: none to 3"
    shown.volume.by.setCurrentText("structure")
    shown.volume.by.activated.emit(1)
    assert not shown.volume.bar.isVisibleTo(shown)
    a, b = (surface.colormap.map(np.array([0.5]))[0] for surface in (femur, tibia))
    np.testing.assert_allclose(a, viewer.layers["knee · labels"].get_color(1), atol=0.01)
    assert np.abs(a - b).max() > 0.3


def test_the_answer_in_numbers(shown):
    assert shown.volume.said.text().splitlines() == [
        "3 of 4 structures found.", "patella was not found: nothing looks like it.", "The slices are thick."]
    rows = [line.split("\t") for line in shown.volume.table.text().splitlines()]
    assert rows[0] == ["structure", "found", "ml", "thick mm"] and rows[4] == ["patella", "no", "", ""]
    assert rows[2][0] == "femoral-cartilage" and rows[2][1] == "0.90" and rows[2][3] == "3.00"
    ball = 4 / 3 * np.pi * knees.RADIUS_MM**3 / 1000
    assert float(rows[1][2]) == pytest.approx(ball, rel=0.02)
    shown.volume.table.copy_button.click()
    assert QApplication.clipboard().text() == shown.volume.table.text()


def test_choosing_a_structure_goes_to_it(shown, viewer):
    shown.volume.table.table.selectRow(2)
    layer = viewer.layers["knee · labels"]
    assert layer.selected_label == 3
    voxel = np.round(layer.world_to_data(viewer.dims.point)).astype(int)
    assert layer.data[tuple(voxel)] == 3
    np.testing.assert_allclose(viewer.dims.point, knees.CENTRES["tibia"], atol=1.5)


def test_stages_are_looked_at_in_place_of_the_result(shown, viewer, labels):
    stage = shown.volume.stage
    assert [stage.itemText(i) for i in range(stage.count())] == ["result", "2D networks"]
    stage.setCurrentIndex(1)
    stage.activated.emit(1)
    layer, result = viewer.layers["knee · 2D networks"], viewer.layers["knee · labels"]
    assert not result.visible and not layer.editable and layer.data.shape == (32, 20, 15)
    np.testing.assert_allclose(layer.data_to_world((3, 4, 5)), result.data_to_world((6, 8, 10)))
    np.testing.assert_allclose(layer.get_color(3), result.get_color(3))
    stage.setCurrentIndex(0)
    stage.activated.emit(0)
    assert result.visible and layer not in viewer.layers


def test_space_shows_bones_and_the_slices_come_back(shown, viewer, image):
    surfaces = list(surfaces_of(viewer, image).values())
    assert not any(layer.visible for layer in surfaces), "in slices they are stray triangles"
    viewer.dims.set_point(range(3), knees.CENTRES["tibia"])
    where, zoom = viewer.dims.point, viewer.scene.camera.zoom
    shown.volume.space_button.click()
    assert viewer.dims.ndisplay == 3 and all(layer.visible for layer in surfaces)
    assert not image.visible and not viewer.layers["knee · labels"].visible
    shown.volume.space_button.click()
    assert viewer.dims.ndisplay == 2 and not any(layer.visible for layer in surfaces)
    assert image.visible and viewer.layers["knee · labels"].visible
    assert viewer.dims.point == where and viewer.scene.camera.zoom == zoom
    viewer.dims.ndisplay = 3
    assert all(layer.visible for layer in surfaces), "with napari's own button too"


def test_painting_is_measured(shown, viewer, labels, qtbot):
    layer = viewer.layers["knee · labels"]
    tibia = np.argwhere(labels.voxels == 3)
    paint(layer, tibia, 4)
    qtbot.waitUntil(lambda: "tibia was not found" in shown.volume.said.text(), timeout=LONG)
    quiet(shown, qtbot)
    rows = {line.split("\t")[0]: line.split("\t")[1:] for line in shown.volume.table.text().splitlines()}
    assert rows["tibia"] == ["no", "", ""] and float(rows["patella"][1]) == pytest.approx(1.5e-3 * len(tibia), abs=0.06)
    assert float(layer.features["volume_ml"][4]) == pytest.approx(1.5e-3 * len(tibia))
    before = shown.volume.table.text()
    layer.undo()
    qtbot.waitUntil(lambda: shown.volume.table.text() != before, timeout=LONG)
    assert "3 of 4 structures found" in shown.volume.said.text() and not len(painted(viewer, viewer.layers["knee"]))


def test_run_again_updates_in_place_and_keeps_the_users_style(shown, viewer, image, labels):
    before = list(viewer.layers)
    before[1].opacity, before[2].size, before[3].colormap = 0.2, 5.0, "viridis"
    shown._on_found(([outcome(image, labels)], []))
    assert list(viewer.layers) == before
    assert before[1].opacity == 0.2 and (before[2].size == 5).all() and before[3].colormap.name == "viridis"


def test_what_was_painted_is_kept_or_replaced_as_the_user_says(shown, viewer, image, labels, qtbot, monkeypatch):
    started = []
    monkeypatch.setattr(shown.run, "start", started.append)
    layer = viewer.layers["knee · labels"]
    spot = [(1, 2, 3), (1, 2, 4)]
    paint(layer, spot, 4)
    by_hand = painted(viewer, image)
    assert list(by_hand.voxels) == [np.ravel_multi_index(v, labels.shape) for v in spot] and set(by_hand.labels) == {4}
    quiet(shown, qtbot)
    for choice, kept in (("Keep mine", 4), ("Replace them", 0)):
        answer(choice)
        shown.segment([image])
        (search,) = started.pop().args[0]
        shown._on_found(([outcome(image, labels, search.corrections)], []))
        assert viewer.layers["knee · labels"] is layer and layer.data[1, 2, 3] == kept
        assert bool(painted(viewer, image)) == bool(kept)
        quiet(shown, qtbot)
    answer("Cancel")
    paint(layer, spot, 4)
    shown.segment([image])
    assert not started and layer.data[1, 2, 3] == 4


@pytest.mark.parametrize("ending", [".nii.gz", ".nrrd"])
def test_painted_labels_are_saved_on_the_volumes_grid(shown, viewer, labels, qtbot, tmp_path, ending):
    paint(viewer.layers["knee · labels"], [(1, 2, 3)], 4)
    quiet(shown, qtbot)
    shown.volume.save(str(tmp_path / f"knee{ending}"))
    quiet(shown, qtbot)
    saved = load_image(tmp_path / f"knee{ending}")
    assert saved.voxels[1, 2, 3] == 4 and (saved.voxels != labels.voxels).sum() == 1
    np.testing.assert_allclose(saved.world_from_voxel, labels.world_from_voxel, atol=1e-4)


def test_landmarks_and_surfaces_are_saved(shown, viewer, image, qtbot, tmp_path):
    for name in ("knee.mrk.json", "knee.ply"):
        shown.volume.save(str(tmp_path / name))
        quiet(shown, qtbot)
    marks = load_landmarks(tmp_path / "knee.mrk.json")
    assert marks.names[:2] == ("femur-1", "femur-2") and marks.unit == "mm"
    np.testing.assert_allclose(marks.points, viewer.layers["knee · shape landmarks"].data, atol=1e-3)
    assert sorted(p.name for p in tmp_path.glob("*.ply")) == ["knee-femur.ply", "knee-tibia.ply"]
    tibia = read_mesh(tmp_path / "knee-tibia.ply")
    np.testing.assert_allclose(tibia.bounds_mm.mean(0), knees.CENTRES["tibia"], atol=1e-3)
    assert tibia.volume_mm3 == pytest.approx(knees.ball((0, 0, 0)).volume_mm3, rel=1e-3)


def test_the_table_is_saved(shown, qtbot, tmp_path):
    shown.volume.save(str(tmp_path / "knee.csv"))
    quiet(shown, qtbot)
    rows = list(csv.DictReader((tmp_path / "knee.csv").open()))
    assert [row["structure"] for row in rows] == list(knees.NAMES) and rows[3]["found"] == "false"
    assert float(rows[1]["thickness_mean_mm"]) == pytest.approx(knees.SHELL_MM)


@pytest.fixture(scope="module")
def joint_models(tmp_path_factory):
    """A folder with a model of made-up joints whose networks have learnt nothing."""
    folder = tmp_path_factory.mktemp("models")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ball_joints, "_learn", lambda *_: None)
        networks = ball_joints.networks.__wrapped__()
    save_model(folder / "joint.safetensors", ball_joints.header(), tensors_of_networks(networks))
    return folder


@pytest.fixture
def joint_dock(joint_models, segment_dock, viewer, monkeypatch):
    """The dock with a joint's volume and that model."""
    monkeypatch.setenv("XRAY_LANDMARKS_MODELS", str(joint_models))
    data, attributes, _ = image_layer(ball_joints.joint(7)[0])
    viewer.add_image(data, **attributes)
    segment_dock.model.refresh()
    segment_dock.model.choose("joint")
    return segment_dock


def test_a_model_that_finds_nothing_says_why(joint_dock, viewer, qtbot):
    heard = []
    joint_dock.run.job.progressed.connect(lambda fraction, stage: heard.append(stage))
    assert "ball, cap, block" in joint_dock.model.about.text() and "threshold" in joint_dock.form.editors
    run(joint_dock, qtbot)
    assert {"loading the model", "resampling", "slices", "shapes", "labels"} <= set(heard)
    assert "of 3 structures found" in joint_dock.volume.said.text() and "was not found" in joint_dock.volume.said.text()


def test_a_model_runs_and_its_stages_are_there(joint_dock, viewer, qtbot, monkeypatch):
    segmenter = ball_joints.segmenter()  # its networks tell structures by their grey
    monkeypatch.setattr(models, "load_model", lambda *_, **__: Model(ball_joints.header(), segmenter, None))
    run(joint_dock, qtbot)
    truth, layer = ball_joints.joint(7)[1], viewer.layers["joint 7 · labels"]
    ball = layer.data == 1
    assert 2 * (ball & (truth == 1)).sum() / (ball.sum() + (truth == 1).sum()) > 0.9
    stage = joint_dock.volume.stage
    assert [stage.itemData(i) for i in range(stage.count())][:2] == [None, "slices"]
    for i in range(1, stage.count()):
        stage.setCurrentIndex(i)
        stage.activated.emit(i)
        shown = viewer.layers[f"joint 7 · {stage.itemText(i)}"]
        assert shown.data.shape == truth.shape
        assert type(shown).__name__ == ("Image" if "probability" in stage.itemText(i) else "Labels")
    surface = viewer.layers["joint 7 · ball surface"]
    middle = np.mean([surface.data_to_world(v) for v in surface.vertices], axis=0)
    assert np.linalg.norm(middle - ball_joints.BALL_MM) < 3.0


def test_cancel_leaves_the_layers_as_they_were(joint_dock, viewer, qtbot):
    with qtbot.waitSignal(joint_dock.run.job.cancelled, timeout=LONG):
        joint_dock.run.button.click()
        joint_dock.run.button.click()
    assert [layer.name for layer in viewer.layers] == ["joint 7"]


def test_a_model_of_films_is_refused_for_a_volume(joint_dock, figure_model_file, said):
    joint_dock.model.open_file(str(figure_model_file))
    assert joint_dock.model.path == "joint" and "segments films, and the chosen image is a volume" in said[-1][1]


def test_films_and_volumes_have_models_of_their_own(segment_dock, film, image):
    assert segment_dock.image.value is image and segment_dock.model.header is None or (
        segment_dock.model.header.extra.get("dimensions") == 3)
    segment_dock.image.set_value(film)
    assert segment_dock.model.path == "figure" and segment_dock.alike == [film]
    segment_dock.image.set_value(image)
    assert segment_dock.alike == [image]


def test_a_layer_taken_away_ends_the_answer(shown, viewer):
    viewer.layers.remove("knee · labels")
    assert not shown.volume.isVisibleTo(shown) and shown.volume.found is None


def test_a_volume_that_was_moved_is_to_be_segmented_again(shown, image, labels, qtbot):
    assert not shown.frame_note.isVisibleTo(shown)
    image.translate = np.array(image.translate) + (5, 0, 0)
    qtbot.waitUntil(lambda: "segment it again" in shown.frame_note.text(), timeout=LONG)
    shown._on_found(([outcome(image, labels)], []))
    assert not shown.frame_note.isVisibleTo(shown)


def test_runs_and_4d_are_refused_with_the_reason(segment_dock, viewer):
    viewer.add_image(np.zeros((2, 8, 8, 8)), name="perfusion")
    assert segment_dock.image.value is None and "perfusion: 4D" in segment_dock.image.note.text()


def test_a_volume_without_lengths_says_that_mm_are_assumed(segment_dock, viewer):
    viewer.add_image(np.zeros((8, 8, 8)), name="plain")
    assert "count as mm" in segment_dock.frame_note.text()
