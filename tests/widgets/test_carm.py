"""The dock "Simulate C-arm" as a user drives it, on a small phantom CT."""

import numpy as np
import pydicom
import pytest
from napari.layers import Layer
from npe2 import PluginManifest
from qtpy.QtCore import QPoint, QPointF, Qt
from qtpy.QtTest import QTest

from napari_xray_landmarks.geometry.views import VIEWS
from napari_xray_landmarks.io import load_image
from napari_xray_landmarks.io.geometry import load_arm
from napari_xray_landmarks.phantoms import phantom
from napari_xray_landmarks.plugin.arm_drawing import ARM
from napari_xray_landmarks.plugin.convert import image_layer, landmarks_layer
from napari_xray_landmarks.plugin.films import film_of, our_metadata, why_not_a_film
from napari_xray_landmarks.plugin.results import results_of
from napari_xray_landmarks.plugin.widgets.carm import SimulateCArm

LONG = 60_000
FEW = {"rows": 120, "columns": 150, "pixel_mm": 2.0}


@pytest.fixture(scope="session")
def femur():
    return phantom("proximal-femur", 3, implant=False, spacing_mm=3.0)


@pytest.fixture
def ct(viewer, femur):
    return viewer.add_layer(Layer.create(*image_layer(femur.volume)))


@pytest.fixture
def labels(viewer, femur):
    return viewer.add_layer(Layer.create(*image_layer(femur.labels)))


@pytest.fixture
def marks(viewer, femur):
    return viewer.add_layer(Layer.create(*landmarks_layer(femur.landmarks, "marks")))


def new_dock(viewer, qtbot):
    dock = SimulateCArm(viewer)
    qtbot.addWidget(dock)
    for name, value in FEW.items():
        dock.form.forms["detector"].editors[name].number.setValue(value)
    still(dock, qtbot)
    return dock


@pytest.fixture
def dock(viewer, ct, labels, marks, qtbot):
    return new_dock(viewer, qtbot)


def still(dock, qtbot):
    qtbot.waitUntil(lambda: not dock.busy and not dock._saving.running, timeout=LONG)


def editor(dock, name):
    return next(form.editors[name] for form in dock.form.forms.values() if name in form.editors)


def test_a_ct_is_filmed_as_soon_as_it_is_there(dock, femur):
    picture = dock.picture
    assert picture.film.shape == picture.grey.shape == (120, 150)
    assert picture.grey.std() > 20 and "AP" in dock.numbers.text() and "1.25 mm" in dock.numbers.text()
    assert picture.landmarks.names == femur.landmarks.names and picture.contours
    assert "3 of 3 landmarks" in dock.numbers.text()
    assert dock.add_button.isEnabled() and dock.empty.isHidden()


def test_the_film_follows_a_slider_and_is_whole_when_it_stands(dock, qtbot):
    slider, seen = editor(dock, "lao_deg").slider, []
    dock._filming.done.connect(lambda _, picture: seen.append(picture))
    QTest.mousePress(slider, Qt.MouseButton.LeftButton, pos=QPoint(1, 1))
    slider.setSliderDown(True)
    for position in range(210, 260, 10):
        slider.setValue(position)
        qtbot.wait(20)
    qtbot.waitUntil(lambda: len(seen) > 0, timeout=LONG)
    qtbot.wait(400)
    assert all(p.film is None for p in seen), "only previews while the slider is held"
    slider.setSliderDown(False)
    still(dock, qtbot)
    assert seen[-1].film is not None
    assert seen[-1].arm.lao_deg == pytest.approx(dock.form.value.lao_deg) and seen[-1].arm.lao_deg > 0
    assert max(seen[0].grey.shape) <= 192


def test_the_newest_view_wins(dock, qtbot):
    seen = []
    dock._filming.done.connect(lambda _, picture: seen.append(picture))
    for lao in range(1, 41):
        editor(dock, "lao_deg").number.setValue(lao)
    still(dock, qtbot)
    assert seen[-1].arm.lao_deg == 40 and len(seen) < 10, "older requests are dropped"


@pytest.mark.parametrize("view", ["inlet", "obturator-oblique-right"])
def test_a_button_turns_to_its_view(dock, qtbot, view):
    editor(dock, "roll_deg").number.setValue(15)
    dock.form.buttons[view].click()
    still(dock, qtbot)
    arm = dock.picture.arm
    assert (arm.lao_deg, arm.cran_deg, arm.roll_deg) == (*VIEWS[view], 0) and dock.picture.film is not None


def test_dragging_on_the_film_turns_the_arm(dock, qtbot):
    dock.view.resize(300, 240)
    QTest.mousePress(dock.view, Qt.MouseButton.LeftButton, pos=QPoint(150, 100))
    QTest.mouseMove(dock.view, QPoint(130, 110))
    QTest.mouseMove(dock.view, QPoint(100, 120))
    QTest.mouseRelease(dock.view, Qt.MouseButton.LeftButton, pos=QPoint(100, 120))
    still(dock, qtbot)
    assert dock.form.value.lao_deg > 5 and dock.form.value.cran_deg > 2


def test_a_landmark_in_the_isocentre_is_in_the_middle_of_the_film(dock, marks, femur, qtbot):
    head = femur.landmarks["femoral-head-left"]
    middle = (femur.landmarks.points.min(0) + femur.landmarks.points.max(0)) / 2
    for name, value in zip(("up_mm", "back_mm", "left_mm"), head - middle, strict=True):
        editor(dock, name).number.setValue(round(float(value), 5))
    dock.form.buttons["inlet"].click()
    still(dock, qtbot)
    np.testing.assert_allclose(dock.picture.landmarks["femoral-head-left"], (59.5, 74.5), atol=0.2)
    dock.view.resize(300, 240)
    at = QPointF(*dock.view.on_screen([(59.5, 74.5)])[0])
    assert dock.view.name_at(at.x(), at.y()) == "femoral-head-left"
    assert dock.view.name_at(2, 2) == ""


def test_a_moved_landmark_moves_on_the_film(dock, marks, qtbot):
    before = dock.picture.landmarks.points.copy()
    moved, isocentre = np.array(marks.data), dock.picture.arm.isocentre_mm
    moved[1] += (0, 0, 12)
    marks.data = moved
    still(dock, qtbot)
    shift = dock.picture.landmarks.points - before
    assert shift[1, 1] > 5 and not shift[[0, 2]].any() and dock.picture.arm.isocentre_mm == isocentre


def test_marks_and_outlines_can_be_hidden(dock, qtbot):
    dock.with_landmarks.click()
    dock.with_outlines.click()
    still(dock, qtbot)
    assert dock.picture.landmarks is None and dock.picture.contours == ()


def test_the_c_arm_stands_beside_the_ct_and_follows(dock, viewer, ct, qtbot):
    plate, lines, ends = results_of(viewer, ct, ARM)
    arm = dock.picture.arm
    np.testing.assert_allclose(ends.data, [arm.camera().source_mm, arm.isocentre_mm])
    assert lines.ndim == 3 and lines.units == ct.units
    np.testing.assert_allclose(lines.data[:4, 0], np.tile(arm.camera().source_mm, (4, 1)))
    foot = lines.data[8].sum(0)
    assert np.linalg.norm(foot - ends.data[0]) == pytest.approx(1200), "the central beam ends on the detector"
    np.testing.assert_allclose(np.linalg.norm(lines.data[4:8, 1], axis=1), [300, 240, 300, 240])
    np.testing.assert_array_equal(plate.texture[..., 0], dock.picture.grey)
    viewer.layers.move(viewer.layers.index(ends), 0)  # whatever their order in the list
    dock.form.buttons["lateral"].click()
    still(dock, qtbot)
    assert set(results_of(viewer, ct, ARM)) == {plate, lines, ends}
    np.testing.assert_array_equal(plate.texture[..., 0], dock.picture.grey)
    away = np.array(dock.picture.arm.isocentre_mm)[2] - plate.vertices[:, 2]
    np.testing.assert_allclose(away, 450, err_msg="the detector is at the patient's right")
    assert ends.data[0][2] > 500, "the tube is at the patient's left"
    dock.with_arm.click()
    assert not results_of(viewer, ct, ARM)
    dock.space_button.click()
    assert len(results_of(viewer, ct, ARM)) == 3 and viewer.dims.ndisplay == 3 and dock.with_arm.isChecked()


def test_a_c_arm_that_the_user_removes_stays_away(dock, viewer, ct, qtbot):
    viewer.layers.remove(results_of(viewer, ct, ARM)[0])
    dock.form.buttons["outlet"].click()
    still(dock, qtbot)
    assert not dock.with_arm.isChecked() and not results_of(viewer, ct, ARM)
    assert dock.landmarks.value.name == "marks"


def test_the_film_becomes_a_layer_like_any_other_radiograph(dock, viewer, ct, qtbot):
    dock.form.buttons["inlet"].click()
    dock.add_button.click()  # while the film is still to be made
    still(dock, qtbot)
    film = viewer.layers[f"{ct.name} · CRAN 40"]
    assert viewer.layers.selection.active is film
    assert film.data.dtype == np.uint16 and [str(u) for u in film.units] == ["millimeter"] * 2
    np.testing.assert_allclose(film.scale, [1.25, 1.25])
    assert why_not_a_film(film) is None, "landmarks can be sought in it"
    radiograph = film_of(film)
    assert radiograph.header["cran_deg"] == 40 and "magnification" in radiograph.spacing_source
    notes = our_metadata(film)
    assert notes["simulated_from"] == ct.name and notes["geometry"]["cran_deg"] == 40
    assert notes["exposure"]["kvp"] == 75
    truth = viewer.layers[f"{film.name} · true landmarks"]
    np.testing.assert_allclose(truth.data, dock.picture.landmarks.points)
    assert viewer.layers[f"{film.name} · outlines"].nshapes == len(dock.picture.contours)


def test_the_film_is_saved_as_dicom_with_its_geometry(dock, tmp_path, qtbot, said):
    dock.form.buttons["iliac-oblique-left"].click()
    dock.save(str(tmp_path / "film"))
    qtbot.waitUntil(lambda: (tmp_path / "film.json").exists() and not dock._saving.running, timeout=LONG)
    dataset = pydicom.dcmread(tmp_path / "film.dcm")
    assert dataset.PositionerPrimaryAngle == -45 and list(dataset.ImagerPixelSpacing) == [2, 2]
    np.testing.assert_array_equal(load_image(tmp_path / "film.dcm").pixels, dock.picture.film.pixels)
    assert load_arm(tmp_path / "film.json").lao_deg == pytest.approx(-45)
    qtbot.waitUntil(lambda: ("info", "Saved film.dcm") in said)


def test_a_folder_that_is_not_there_is_told_in_one_line(dock, tmp_path, qtbot, said):
    dock.save(str(tmp_path / "nowhere" / "film.dcm"))
    qtbot.waitUntil(lambda: any(kind == "error" and "nowhere" in text for kind, text in said), timeout=LONG)
    still(dock, qtbot)
    assert dock.add_button.isEnabled()


def test_an_isocentre_behind_the_detector_is_told_and_mended(dock, qtbot):
    editor(dock, "source_to_isocentre_mm").number.setValue(1300)
    still(dock, qtbot)
    assert "behind the detector" in dock.numbers.text() and not dock.add_button.isEnabled()
    editor(dock, "source_to_isocentre_mm").number.setValue(700)
    still(dock, qtbot)
    assert dock.add_button.isEnabled() and dock.picture.arm.source_to_isocentre_mm == 700


def test_a_beam_that_misses_says_so(dock, qtbot):
    editor(dock, "left_mm").number.setValue(400)
    editor(dock, "columns").number.setValue(40)
    still(dock, qtbot)
    assert "misses the CT" in dock.numbers.text() and not dock.picture.film.pixels.any()


def test_another_exposure_makes_another_film(dock, qtbot):
    before = dock.picture.film.pixels
    dock.exposure.setCurrentText("fluoroscopy")
    still(dock, qtbot)
    assert not np.array_equal(dock.picture.film.pixels, before) and dock.picture.film.header["kvp"] == 80


def test_with_nothing_open_there_is_a_way_in(viewer, qtbot, npe2pm):
    npe2pm.register(PluginManifest.from_distribution("napari-xray-landmarks"))
    dock = new_dock(viewer, qtbot)
    assert not dock.empty.isHidden() and dock.body.isHidden()
    asked = []
    dock.empty.open_sample = asked.append
    dock.empty.sample_button.click()
    assert asked == ["pelvis-ct"], "the one sample that is a CT"


def test_what_is_no_ct_is_told_and_nothing_is_lost(viewer, femur, qtbot):
    mr = np.random.default_rng(0).integers(0, 900, (20, 24, 22)).astype(np.int16)
    viewer.add_image(mr, name="knee", metadata={"napari_xray_landmarks": {"modality": "MR"}})
    viewer.add_image(mr[0], name="film")
    dock = new_dock(viewer, qtbot)
    assert dock.ct.value is None and "MR" in dock.ct.note.text() and not dock.empty.isHidden()
    unknown = viewer.add_image(mr, name="unknown")
    still(dock, qtbot)
    assert dock.ct.value is unknown and "Hounsfield" in dock.said.text() and not dock.add_button.isEnabled()
    label_image = viewer.add_image((mr % 4).astype(np.uint8), name="mask")
    still(dock, qtbot)
    assert dock.ct.value is label_image and "labels" in dock.said.text()
    ct = viewer.add_layer(Layer.create(*image_layer(femur.volume)))
    still(dock, qtbot)
    assert dock.ct.value is ct and dock.said.text() == "" and dock.picture.film is not None
    dock.ct.set_value(unknown)
    still(dock, qtbot)
    assert dock.picture is None and "Hounsfield" in dock.said.text()
    assert [layer.name for layer in viewer.layers] == ["knee", "film", "unknown", "mask", ct.name]


def test_labels_of_something_else_are_left_out(viewer, ct, qtbot):
    viewer.add_labels(np.ones((5, 6, 7), np.uint8), name="other")
    dock = new_dock(viewer, qtbot)
    assert "no outlines: other" in dock.said.text() and dock.picture.film is not None and not dock.picture.contours


def test_a_ct_that_is_closed_takes_its_c_arm_along(dock, viewer, ct):
    viewer.layers.remove(ct)
    assert dock.picture is None and not dock.add_button.isEnabled()
    assert not [layer for layer in viewer.layers if our_metadata(layer).get("kind") == ARM]


def test_a_moved_ct_is_read_again(viewer, ct, qtbot):
    dock = new_dock(viewer, qtbot)
    before = np.array(dock.picture.arm.isocentre_mm)
    ct.translate = np.array(ct.translate) + (50, 0, 0)
    still(dock, qtbot)
    np.testing.assert_allclose(np.array(dock.picture.arm.isocentre_mm) - before, (50, 0, 0))


def test_lengths_in_other_units_are_mm(viewer, femur, qtbot):
    data, attributes, _ = image_layer(femur.volume)
    scale, place = np.array(attributes["scale"]) / 10, np.array(attributes["translate"]) / 10
    ct = viewer.add_image(data, name="in cm", scale=scale, translate=place, units=("cm",) * 3)
    dock = new_dock(viewer, qtbot)
    np.testing.assert_allclose(dock.patient.ct.spacing_mm, 3.0)
    *_, ends = results_of(viewer, ct, ARM)
    middle = ct.data_to_world((np.array(ct.data.shape) - 1) / 2)
    np.testing.assert_allclose(ends.data_to_world(ends.data[1]), middle, atol=1e-6)


def test_the_dock_fits_a_laptop(dock):
    assert dock.sizeHint().height() <= 700 and dock.sizeHint().width() <= 420
