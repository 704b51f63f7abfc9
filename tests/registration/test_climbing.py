"""Motions, and climbs to a known top."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from napari_xray_landmarks.geometry.camera import CArm
from napari_xray_landmarks.registration.climbing import climb, image_motion, motion_between
from napari_xray_landmarks.registration.similarities import Likeness

CENTRE = np.array([10.0, -20.0, 30.0])
CAMERA = CArm(15, 10, isocentre_mm=tuple(CENTRE)).camera()


@settings(deadline=None, max_examples=30)
@given(arrays(float, 3, elements=st.floats(-1, 1)), arrays(float, 3, elements=st.floats(-50, 50)))
def test_the_motion_between_two_poses_is_the_one_made(turn, shift):
    moved = CAMERA.moved(turn, shift, CENTRE)
    np.testing.assert_allclose(motion_between(CAMERA, moved, CENTRE), [*turn, *shift], atol=1e-7)


def test_the_image_moves_by_the_magnified_shift():
    across = CAMERA.column_step_mm / np.linalg.norm(CAMERA.column_step_mm)
    moved = image_motion([0, 0, 0, *across], CAMERA, CENTRE, around_mm=1e-6)
    assert moved == pytest.approx(1200 / 750 / 0.616, rel=1e-3)


def hill(curvature):
    """A similarity that is greatest at the motion (0.05, 0, 0, 3, 0, -2) of CAMERA, without any image."""
    top = np.array([0.05, 0, 0, 3.0, 0, -2.0])

    def evaluate(camera):
        off = motion_between(CAMERA, camera, CENTRE) - top
        value = np.exp(-0.5 * off @ curvature @ off)
        return Likeness(value, -value * curvature @ off, value * curvature, np.zeros((0, 6)))
    return evaluate, top


def test_a_climb_ends_at_the_top_whatever_the_scales():
    evaluate, top = hill(np.diag([400.0, 900, 100, 0.01, 0.2, 0.05]))
    seen = []
    end = climb(evaluate, CAMERA, CENTRE, iterations=60, tolerance_px=1e-4, visit=lambda c, v: seen.append(v.value))
    assert end.settled and end.likeness.value == pytest.approx(1)
    np.testing.assert_allclose(motion_between(CAMERA, end.camera, CENTRE), top, atol=1e-3)
    assert seen == sorted(seen) and len(seen) > 3, "only better poses are told"


def test_a_climb_out_of_steps_says_so():
    evaluate, _ = hill(np.diag([400.0, 900, 100, 0.01, 0.2, 0.05]))
    assert not climb(evaluate, CAMERA, CENTRE, iterations=2, tolerance_px=1e-4).settled


def test_a_direction_without_slope_is_left_alone():
    evaluate, top = hill(np.diag([400.0, 900, 0, 0.01, 0.2, 0.05]))
    end = climb(evaluate, CAMERA, CENTRE, iterations=60, tolerance_px=1e-4)
    assert np.isfinite(end.camera.source_mm).all() and end.likeness.value == pytest.approx(1, abs=1e-4)


def test_a_visit_can_stop_it():
    def stop(camera, likeness):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        climb(hill(np.eye(6))[0], CAMERA, CENTRE, iterations=5, tolerance_px=0.1, visit=stop)
