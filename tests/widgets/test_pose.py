"""The dock "Pose and registration" as a user drives it, on a small patient with two films."""

from dataclasses import replace

import numpy as np
import pytest
from napari.layers import Layer
from npe2 import PluginManifest

from napari_xray_landmarks.drr.projection import project_landmarks
from napari_xray_landmarks.io.geometry import geometry_document
from napari_xray_landmarks.io.poses import load_pose, save_pose
from napari_xray_landmarks.plugin.arm_drawing import ARM
from napari_xray_landmarks.plugin.convert import image_layer, landmarks_layer
from napari_xray_landmarks.plugin.films import our_metadata
from napari_xray_landmarks.plugin.pose_layers import DRR, EDGES, LINES, PROJECTED, pose_of_film
from napari_xray_landmarks.plugin.results import landmarks_of, results_of
from napari_xray_landmarks.plugin.widgets.pose import PoseAndRegistration
from napari_xray_landmarks.registration.settings import RegistrationSettings
from posed_films import FIRST, NAMES, SECOND, arm, ct, film, landmarks
from untrained import untrained_model

LONG = 90_000
QUICK = RegistrationSettings(levels=2, coarsest_mm=6.0, finest_mm=4.0, starts=0, kept=1, iterations=6, patch_px=0)


@pytest.fixture(scope="session")
def patient():
    volume = ct()
    return volume, {view: film(volume, view) for view in (FIRST, SECOND)}


def add_film(viewer, patient, view, *, noted=True, noise=0.4):
    """A film with the landmarks that a person would place on it."""
    data, attributes, kind = image_layer(replace(patient[1][view], name=f"film {view[0]:g}"))
    (key, notes), = attributes["metadata"].items()
    if noted:
        attributes["metadata"] = {key: {**notes, "geometry": geometry_document(arm(view))}}
    layer = viewer.add_layer(Layer.create(data, attributes, kind))
    seen = project_landmarks(landmarks(), arm(view).camera())
    points = seen.points + np.random.default_rng(1).normal(0, noise, seen.points.shape)
    marks = landmarks_layer(replace(seen, points=points), f"{layer.name} · landmarks",
                            spacing_mm=patient[1][view].spacing_mm, notes={"source": layer.name})
    viewer.add_layer(Layer.create(*marks))
    return layer


@pytest.fixture
def ct_layer(viewer, patient):
    layer = viewer.add_layer(Layer.create(*image_layer(patient[0])))
    viewer.add_layer(Layer.create(*landmarks_layer(landmarks(), "balls")))
    return layer


@pytest.fixture
def films(viewer, ct_layer, patient):
    return [add_film(viewer, patient, view) for view in (SECOND, FIRST)]


def new_dock(viewer, qtbot):
    dock = PoseAndRegistration(viewer)
    qtbot.addWidget(dock)
    dock.chosen.form.set_value(QUICK)
    still(dock, qtbot)
    return dock


@pytest.fixture
def dock(viewer, films, qtbot):
    return new_dock(viewer, qtbot)


def still(dock, qtbot):
    qtbot.waitUntil(lambda: not dock.busy, timeout=LONG)


@pytest.fixture
def posed(dock, qtbot):
    dock.estimate_button.click()
    still(dock, qtbot)
    return dock


def marks_of(dock):
    return dock.inputs.on_film.value


def test_the_layers_that_belong_together_are_chosen(dock, films, ct_layer):
    assert dock.film is films[1] and dock.inputs.ct.value is ct_layer
    assert marks_of(dock).name == "film 20 · landmarks" and dock.inputs.in_space.value.name == "balls"
    assert "1200 mm" in dock.inputs.detector.button.text() and not dock.inputs.unknown.isChecked()
    dock.inputs.film.set_value(films[0])
    assert marks_of(dock).name == "film -35 · landmarks" and films[0].visible and not films[1].visible
    dock.inputs.film.set_value(films[1])
    assert films[1].visible and not films[0].visible


def test_a_pose_is_told_with_what_it_rests_on(posed, films, ct_layer):
    pose = posed.pose
    np.testing.assert_allclose([pose.arm.lao_deg, pose.arm.cran_deg], FIRST, atol=1.5)
    text = posed.said.text()
    assert all(said in text for said in ("residual", "10 of 10 landmarks", "Uncertainty", "from the true pose"))
    assert posed.table.table.rowCount() == 10 and posed.table.table.item(0, 3).text() == "used"
    notes = our_metadata(films[1])
    assert notes["pose_ct"] == ct_layer.name and notes["pose"]["used_landmarks"] == list(NAMES)
    assert notes["pose"]["provenance"]["method"] == "pnp" and posed.trouble.text() == ""


def test_the_rendering_lies_over_its_film(posed, viewer, films, patient):
    drr, = results_of(viewer, films[1], DRR)
    np.testing.assert_allclose(drr.extent.world, films[1].extent.world, atol=1e-6)
    assert drr.data.shape == films[1].data.shape
    assert np.corrcoef(drr.data.ravel(), patient[1][FIRST].pixels.ravel())[0, 1] > 0.95
    lines, = results_of(viewer, films[1], LINES)
    projected, = results_of(viewer, films[1], PROJECTED)
    np.testing.assert_allclose(projected.data, posed.pose.arm.camera().project(landmarks().points), atol=1e-6)
    np.testing.assert_allclose(lines.data.sum(1), projected.data, atol=1e-5)
    assert viewer.layers.selection.active is marks_of(posed)
    assert viewer.layers.index(films[1]) < viewer.layers.index(drr) < viewer.layers.index(marks_of(posed))


def test_how_it_is_shown_can_be_chosen(posed, viewer, films):
    drr, = results_of(viewer, films[1], DRR)
    posed.view.opacity.setValue(80)
    assert drr.opacity == pytest.approx(0.8)
    drr.opacity = 0.3
    assert posed.view.opacity.value() == 30
    whole = np.array(drr.data)
    posed.view.look.setCurrentText("checkerboard")
    assert results_of(viewer, films[1], DRR) == [drr] and drr.opacity == pytest.approx(0.3)
    changed = drr.data != whole
    assert 0.3 < changed.mean() < 0.7
    np.testing.assert_array_equal(drr.data[changed], films[1].data[changed])
    posed.view.with_edges.click()
    edges, = results_of(viewer, films[1], EDGES)
    assert 0.005 < edges.data.mean() < 0.2
    posed.view.with_drr.click()
    posed.view.with_residuals.click()
    assert not results_of(viewer, films[1], DRR) and not results_of(viewer, films[1], LINES)


def test_a_moved_landmark_moves_the_pose_and_a_wrong_one_is_dropped(posed, viewer, films, qtbot):
    before, marks, drr = posed.pose, marks_of(posed), results_of(viewer, films[1], DRR)[0]
    moved = np.array(marks.data)
    moved[2] += (1.5, 1.0)
    marks.data = moved
    still(posed, qtbot)
    after = posed.pose
    assert after is not before and after.residual_px != before.residual_px
    assert results_of(viewer, films[1], DRR) == [drr], "in place"
    moved[2] += (25, 0)
    marks.data = moved
    still(posed, qtbot)
    assert NAMES[2] not in posed.pose.used_landmarks and NAMES[2] in posed.dropped.text()
    assert "9 of 10" in posed.said.text() and posed.table.table.item(0, 3).text() == "dropped"


def test_refining_brings_the_pose_nearer_and_can_be_undone(dock, films, qtbot, viewer):
    rough = replace(arm(), lao_deg=22.0, cran_deg=9.0)
    marks = marks_of(dock)
    marks.data = rough.camera().project(landmarks().points)
    dock.estimate_button.click()
    still(dock, qtbot)
    estimated, steps = dock.pose, []
    dock.plot.stepped.connect(steps.append)
    dock.run.button.click()
    assert dock.run.button.text() == "Cancel" and not dock.estimate_button.isEnabled()
    still(dock, qtbot)
    assert abs(dock.pose.arm.lao_deg - 20) < 0.4 < abs(estimated.arm.lao_deg - 20) and dock.pose.similarity > 0.5
    assert "Similarity" in dock.said.text() and "residual" in dock.said.text() and steps
    assert sorted(dock.plot.levels) == [0, 1] and all(values for values in dock.plot.levels.values())
    assert our_metadata(films[1])["pose"]["provenance"]["refined"]["levels"] == 2
    dock.undo_button.click()
    assert dock.pose is estimated and dock.undo_button.isEnabled()
    dock.undo_button.click()
    still(dock, qtbot)
    assert dock.pose is None and dock.said.text() == "" and not results_of(viewer, films[1], DRR)
    assert not dock.undo_button.isEnabled() and "pose" not in our_metadata(films[1])


def test_a_cancelled_refinement_leaves_the_pose(posed, qtbot):
    posed.chosen.form.set_value(replace(QUICK, starts=3000))
    before = posed.pose
    posed.run.button.click()
    qtbot.wait(150)
    posed.run.button.click()
    still(posed, qtbot)
    assert posed.pose is before and posed.run.button.text() == "Refine"


def test_a_film_that_shows_something_else_is_not_refined(posed, films, qtbot):
    films[1].data = np.random.default_rng(0).integers(0, 4000, films[1].data.shape).astype(np.uint16)
    still(posed, qtbot)
    before = posed.pose
    posed.run.button.click()
    still(posed, qtbot)
    assert posed.pose is before and "not refined" in posed.trouble.text()


def test_all_films_get_their_poses_and_keep_them(dock, films, ct_layer, qtbot):
    dock.all_button.click()
    still(dock, qtbot)
    assert all(pose_of_film(f, ct_layer) is not None for f in films)
    table = dock.poses.table.table
    assert [table.item(i, 1).text()[:3] for i in range(2)] == ["RAO", "LAO"]
    table.selectRow(0)
    still(dock, qtbot)
    assert dock.film is films[0] and dock.pose.arm.lao_deg == pytest.approx(-35, abs=1.5)


def test_a_pose_is_saved_and_opened(posed, films, tmp_path, qtbot, said):
    pose = posed.pose
    posed.poses.save(str(tmp_path / "pose"))
    kept = load_pose(tmp_path / "pose.json")
    assert kept.residual_px == pose.residual_px and ("info", "Saved pose.json") in said
    posed.undo_button.click()
    posed.poses.open(str(tmp_path / "pose.json"))
    assert posed.trouble.text() == "", said
    still(posed, qtbot)
    assert posed.pose.arm.lao_deg == pytest.approx(pose.arm.lao_deg) and "residual" in posed.said.text()
    posed.inputs.film.set_value(films[0])
    posed.inputs.film.set_value(films[1])
    opened = posed.pose
    still(posed, qtbot)
    assert posed.pose is opened, "what was opened is not estimated again unasked"
    save_pose(tmp_path / "other.json", replace(pose, arm=replace(pose.arm, size_px=(50, 60))))
    posed.poses.open(str(tmp_path / "other.json"))
    assert "50 x 60" in posed.trouble.text() and posed.pose.arm.size_px == (96, 120)
    save_pose(tmp_path / "near.json", replace(pose, arm=replace(pose.arm, source_to_detector_mm=900.0)))
    posed.poses.open(str(tmp_path / "near.json"))
    assert "contradicts" in posed.trouble.text() and posed.pose.arm.source_to_detector_mm > 1199


def test_the_c_arm_stands_beside_the_ct_in_the_3d_view(posed, viewer, ct_layer, films):
    assert not results_of(viewer, ct_layer, ARM)
    posed.view.space_button.click()
    plate, lines, ends = results_of(viewer, ct_layer, ARM)
    np.testing.assert_allclose(ends.data[0], posed.pose.arm.camera().source_mm)
    assert viewer.dims.ndisplay == 3 and not films[1].visible and ct_layer.visible
    viewer.dims.ndisplay = 2
    assert not posed.view.space_button.isChecked() and films[1].visible and not results_of(viewer, ct_layer, ARM)


def refused(dock, qtbot) -> str:
    dock.estimate_button.click()
    still(dock, qtbot)
    assert dock.pose is None and dock.said.text() == "" and dock.trouble.text().startswith("⚠")
    return dock.trouble.text()


def test_what_cannot_be_is_refused_in_the_dock(dock, viewer, qtbot):
    editor = dock.inputs.form.editors["source_to_detector_mm"].number
    editor.setValue(900)
    assert "Contradicts the header" in dock.inputs.detector_note.text()
    assert "source to detector 900 mm, and the header says 1200 mm" in refused(dock, qtbot)
    dock.inputs.distrusted.click()
    dock.inputs.reset_button.click()
    assert editor.value() == 1200 and dock.inputs.detector_note.text() == ""
    space = dock.inputs.in_space.value
    right = np.array(space.data)
    space.data = right * (1, -1, -1)
    assert "LPS" in refused(dock, qtbot)
    space.data = right
    marks = marks_of(dock)
    marks.selected_data = set(range(5))
    marks.remove_selected()
    assert "only 5 landmarks" in refused(dock, qtbot)
    viewer.layers.remove(marks)
    viewer.layers.remove(viewer.layers["film -35 · landmarks"])
    still(dock, qtbot)
    assert not dock.estimate_button.isEnabled() and "Detect landmarks" in dock.lacking.text()


def test_a_radiograph_without_geometry_is_posed_by_the_dlt(viewer, ct_layer, patient, qtbot):
    layer = add_film(viewer, (patient[0], {FIRST: replace(patient[1][FIRST], header={}, detector_spacing_mm=None)}),
                     FIRST, noted=False, noise=0.02)
    dock = new_dock(viewer, qtbot)
    assert dock.inputs.unknown.isChecked() and "DistanceSourceToDetector" in dock.inputs.detector_note.text()
    dock.estimate_button.click()
    still(dock, qtbot)
    assert dock.pose.provenance["method"] == "dlt" and dock.pose.arm.lao_deg == pytest.approx(20, abs=3)
    assert results_of(viewer, layer, DRR) and "from the true pose" not in dock.said.text()
    dock.inputs.unknown.click()
    dock.inputs.form.editors["pixel_row_mm"].number.setValue(3.0)
    dock.inputs.form.editors["pixel_column_mm"].number.setValue(3.0)
    dock.estimate_button.click()
    still(dock, qtbot)
    assert dock.pose.provenance["method"] == "pnp" and dock.pose.arm.lao_deg == pytest.approx(20, abs=0.5)


def test_landmarks_are_found_with_the_model_that_knows_them(dock, films, viewer, qtbot, monkeypatch, tmp_path):
    pytest.importorskip("torch")
    dock.detect_button.click()
    assert "no model knows 6" in dock.trouble.text() and not dock.run.job.running
    untrained_model(tmp_path / "balls.safetensors", NAMES)
    monkeypatch.setenv("XRAY_LANDMARKS_MODELS", str(tmp_path))
    dock.detect_button.click()
    assert dock.run.job.running and dock.run.button.text() == "Cancel"
    still(dock, qtbot)
    found = landmarks_of(viewer, films[1])
    assert dock.inputs.on_film.value is found and tuple(found.features["name"]) == NAMES
    assert dock.pose is None and dock.trouble.text().startswith("⚠"), "it finds none, and says so"


def test_layers_may_go_while_work_runs(posed, viewer, films, ct_layer, qtbot, said):
    posed.run.button.click()
    viewer.layers.remove(films[1])
    still(posed, qtbot)
    assert posed.film is films[0] and not any(kind == "error" for kind, _ in said)
    assert not [layer for layer in viewer.layers if our_metadata(layer).get("kind") in (DRR, LINES, PROJECTED)]
    posed.estimate_button.click()
    viewer.layers.remove(ct_layer)
    still(posed, qtbot)
    assert posed.pose is None and not posed.run.button.isEnabled() and "Open the CT" in posed.lacking.text()


def test_a_volume_that_is_no_ct_is_told(viewer, films, ct_layer, qtbot):
    viewer.layers.remove(ct_layer)
    viewer.add_image(np.random.default_rng(0).integers(0, 900, (20, 24, 22)).astype(np.int16), name="unknown")
    dock = new_dock(viewer, qtbot)
    assert "Hounsfield" in dock.trouble.text()
    dock.estimate_button.click()
    still(dock, qtbot)
    assert dock.pose is None


def test_with_nothing_open_there_is_a_way_in(viewer, qtbot, npe2pm):
    npe2pm.register(PluginManifest.from_distribution("napari-xray-landmarks"))
    dock = new_dock(viewer, qtbot)
    assert not dock.empty.isHidden() and dock.body.isHidden()
    asked = []
    dock.empty.open_sample = asked.append
    dock.empty.sample_button.click()
    assert asked == ["pelvis-two-views"]


def test_the_dock_fits_a_laptop(posed):
    assert posed.sizeHint().height() <= 700 and posed.sizeHint().width() <= 420
