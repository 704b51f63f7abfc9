import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_xray_landmarks.geometry.camera import Camera, CArm
from napari_xray_landmarks.geometry.views import VIEWS, arm_from_camera, view_name

angles = st.floats(-179, 179)
arms = st.builds(CArm, angles, st.floats(-89, 89), angles, st.floats(400, 1500), st.floats(500, 2000),
                 st.tuples(st.floats(0.1, 2), st.floats(0.1, 2)), st.just((300, 401)),
                 st.tuples(*[st.floats(-300, 300)] * 3),
                 st.tuples(st.floats(-50, 400), st.floats(-50, 400)))


@given(arms)
def test_a_camera_gives_its_arm_back(arm):
    again = arm_from_camera(arm.camera(), arm.source_to_isocentre_mm)
    for key in ("lao_deg", "cran_deg", "roll_deg", "source_to_isocentre_mm", "source_to_detector_mm",
                "pixel_spacing_mm", "size_px", "isocentre_mm", "centre_px"):
        np.testing.assert_allclose(getattr(again, key), getattr(arm, key), rtol=1e-9, atol=1e-6, err_msg=key)


@pytest.mark.parametrize("cran", [90, -90])
def test_along_the_body_lao_and_roll_are_one_turn(cran):
    arm = CArm(25, cran, 10)
    again = arm_from_camera(arm.camera(), arm.source_to_isocentre_mm)
    assert again.lao_deg == 0 and again.cran_deg == pytest.approx(cran)
    np.testing.assert_allclose(again.world_from_arm, arm.world_from_arm, atol=1e-9)


def test_a_mirrored_or_slanted_detector_belongs_to_no_arm():
    camera = CArm().camera()
    for row_step, column_step in ((-camera.row_step_mm, camera.column_step_mm),
                                  (camera.row_step_mm + 0.1 * camera.column_step_mm, camera.column_step_mm)):
        with pytest.raises(ValueError, match="no C-arm"):
            arm_from_camera(Camera(camera.source_mm, camera.corner_mm, row_step, column_step, camera.size_px), 750)


def front_end(name):
    """(superior, posterior, left) of the tube, from the isocentre."""
    return CArm(*VIEWS[name]).camera().source_mm


def test_views_look_where_their_names_say():
    assert front_end("ap")[1] < 0 and abs(front_end("ap")[[0, 2]]).max() < 1e-9
    assert front_end("lateral")[2] > 0 and abs(front_end("lateral")[:2]).max() < 1e-9
    assert front_end("inlet")[0] > 0, "the inlet view looks down into the pelvis"
    assert front_end("outlet")[0] < 0
    # an iliac wing runs from the sacroiliac joint, behind and medial, to the front and side: its broad side faces
    # forward and to the middle; the obturator ring of the same side faces forward and outwards
    for side, sign in (("left", 1), ("right", -1)):
        assert np.sign(front_end(f"iliac-oblique-{side}")[2]) == -sign
        assert np.sign(front_end(f"obturator-oblique-{side}")[2]) == sign


@pytest.mark.parametrize(("angles", "name"), [((0, 0), "AP"), ((30, -10), "LAO 30 CAUD 10"), ((-12.5, 0), "RAO 12.5"),
                                              ((0, 40), "CRAN 40")])
def test_angles_as_people_say_them(angles, name):
    assert view_name(*angles) == name
