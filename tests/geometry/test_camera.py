import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_xray_landmarks.geometry.camera import Camera, CArm

arms = st.builds(CArm, st.floats(-60, 60), st.floats(-45, 45), st.floats(-30, 30), st.floats(500, 900),
                 st.floats(950, 1300), st.tuples(st.floats(0.2, 1.5), st.floats(0.2, 1.5)), st.just((300, 400)),
                 st.tuples(st.floats(-50, 50), st.floats(-50, 50), st.floats(-50, 50)))
near_isocentre = st.tuples(*[st.floats(-120, 120)] * 3)


def test_an_ap_film_shows_the_head_up_and_the_patients_left_on_the_right():
    camera = CArm().camera()
    middle, up, left = camera.project([[0, 0, 0], [10, 0, 0], [0, 0, 10]])
    np.testing.assert_allclose(middle, [(479 - 1) / 2, (615 - 1) / 2])
    assert up[0] < middle[0] and up[1] == middle[1]
    assert left[1] > middle[1] and left[0] == middle[0]


def test_things_nearer_to_the_source_appear_larger():
    camera = CArm(source_to_isocentre_mm=750, source_to_detector_mm=1200).camera()
    assert camera.magnification([0, 0, 0]) == pytest.approx(1200 / 750)
    assert camera.magnification([0, -150, 0]) == pytest.approx(1200 / 600)


@pytest.mark.parametrize("arm, moved", [
    (CArm(lao_deg=90), [0, 0, 750]),  # the front end, here the source, goes to the patient's left
    (CArm(cran_deg=90), [750, 0, 0]),  # and towards the head
])
def test_angles_move_the_front_end_of_the_beam(arm, moved):
    np.testing.assert_allclose(arm.camera().source_mm, moved, atol=1e-9)


def test_roll_turns_the_detector_about_the_beam_only():
    plain, rolled = CArm().camera(), CArm(roll_deg=20).camera()
    np.testing.assert_allclose(rolled.source_mm, plain.source_mm, atol=1e-9)
    np.testing.assert_allclose(rolled.project([[0, 0, 0]]), plain.project([[0, 0, 0]]))
    assert abs(rolled.row_step_mm @ plain.row_step_mm) == pytest.approx(0.616**2 * np.cos(np.deg2rad(20)))


def test_an_off_centre_detector_moves_the_image_by_whole_pixels():
    points = [[20, 5, -30], [-10, 40, 8]]
    shift = CArm(centre_px=(250, 300)).camera().project(points) - CArm().camera().project(points)
    np.testing.assert_allclose(shift, [[250 - 239, 300 - 307]] * 2)


@given(arms, near_isocentre)
def test_a_point_lies_on_the_ray_of_its_pixel(arm, offset):
    camera = arm.camera()
    point = np.array(arm.isocentre_mm) + offset
    row, column = camera.project(point[None])[0]
    ray = camera.ray_from_px @ [row, column, 1.0]
    np.testing.assert_allclose(np.cross(ray / np.linalg.norm(ray), point - camera.source_mm), 0, atol=1e-6)


@given(arms, st.floats(0.01, 100))
def test_a_projection_matrix_of_any_scale_gives_the_camera_back(arm, scale):
    camera = arm.camera()
    again = Camera.from_matrix(scale * camera.detector_px_from_world, camera.size_px)
    points = np.array(arm.isocentre_mm) + np.random.default_rng(0).uniform(-100, 100, (20, 3))
    np.testing.assert_allclose(again.project(points), camera.project(points), atol=1e-6)
    np.testing.assert_allclose(again.source_mm, camera.source_mm, atol=1e-6)


def test_behind_the_source_there_is_no_pixel():
    assert np.isnan(CArm().camera().project([[0, -800, 0]])).all()


@pytest.mark.parametrize("wrong", [
    dict(corner_mm=[0, 0, 0]), dict(row_step_mm=[0, 0, 1]), dict(size_px=(0, 5)), dict(source_mm=[0, np.nan, 0]),
])
def test_a_camera_without_sense_is_refused(wrong):
    right = dict(source_mm=[0, 0, 0], corner_mm=[0, 1000, 0], row_step_mm=[-1, 0, 0], column_step_mm=[0, 0, 1],
                 size_px=(4, 5))
    Camera(**right)
    with pytest.raises(ValueError):
        Camera(**right | wrong)


@pytest.mark.parametrize("wrong", [dict(source_to_isocentre_mm=0), dict(source_to_detector_mm=-5),
                                   dict(pixel_spacing_mm=(0.5, 0))])
def test_an_arm_without_sense_is_refused(wrong):
    with pytest.raises(ValueError, match="must be positive"):
        CArm(**wrong)


def test_a_moved_camera_sees_what_moved_with_it():
    rng = np.random.default_rng(1)
    camera, points, centre = CArm(20, 10, 5).camera(), rng.uniform(-80, 80, (9, 3)), np.array([4.0, -8, 12])
    turn, shift = np.array([0.2, -0.1, 0.3]), np.array([5.0, 9, -3])
    angle = np.linalg.norm(turn)
    axis, arm = turn / angle, points - centre  # Rodrigues
    turned = (arm * np.cos(angle) + np.cross(axis, arm) * np.sin(angle)
              + axis * (arm @ axis)[:, None] * (1 - np.cos(angle)))
    moved = camera.moved(turn, shift, centre)
    np.testing.assert_allclose(moved.project(centre + turned + shift), camera.project(points), atol=1e-9)
