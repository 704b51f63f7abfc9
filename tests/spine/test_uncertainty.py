"""The uncertainty of an angle: to first order, and by drawing corners."""

import numpy as np
import pytest

from napari_xray_landmarks.spine.cobb import endplate_tilts_deg, measure, signed_angles_deg
from napari_xray_landmarks.spine.uncertainty import (
    HAND_ANGLE_SD_DEG,
    SHARED,
    TOLERANCE,
    angle_sd_deg,
    corner_sd,
    drawn,
    with_confidences,
    with_corner_sd,
)
from napari_xray_landmarks.spine.vertebrae import Vertebrae, with_covariance
from spines import landmark_set, three_curves

SPINE = three_curves(20, 40, 30)


def drawn_sd(spine, a, b, seed=0, draws=4000):
    angles = signed_angles = [signed_angles_deg(endplate_tilts_deg(c * spine.spacing))[a, b]
                              for c in drawn(spine, draws, np.random.default_rng(seed))]
    return np.std(angles), signed_angles


@pytest.mark.parametrize("spacing", [(1.0, 1.0), (0.2, 0.35)])
def test_first_order_and_monte_carlo_agree(spacing):
    rng = np.random.default_rng(3)
    roots = rng.normal(0, 0.8, (17, 4, 2, 2))
    spine = with_covariance(Vertebrae(SPINE.levels, SPINE.corners_px, spacing), roots @ roots.swapaxes(-1, -2))
    sd, _ = drawn_sd(spine, 4, 11)
    assert sd == pytest.approx(angle_sd_deg(spine, 4, 11), rel=0.05)


def test_the_known_value_of_independent_corners():
    spine = with_corner_sd(SPINE, 1.5)
    assert angle_sd_deg(spine, 4, 11) == pytest.approx(np.rad2deg(2 * 1.5 / 60), rel=1e-6)
    assert measure(spine)["MT"].sd_deg == pytest.approx(np.rad2deg(3 / 60))
    assert "±" in measure(spine)["MT"].describe() and "±" not in measure(SPINE)["MT"].describe()


def test_an_error_along_the_endplate_does_not_matter():
    along = SPINE.corners_px[4, 1] - SPINE.corners_px[4, 0]
    along /= np.linalg.norm(along)
    covariance = np.zeros((17, 4, 2, 2))
    covariance[4] = 25 * np.outer(along, along)
    assert angle_sd_deg(with_covariance(SPINE, covariance), 4, 11) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("confidence", [0.05, 0.5, 0.9])
def test_a_confidence_is_the_share_within_the_tolerance(confidence):
    sd = corner_sd(confidence, 50.0)
    away = np.linalg.norm(np.random.default_rng(0).normal(0, sd, (100_000, 2)), axis=1)
    assert (away < TOLERANCE * 50).mean() == pytest.approx(confidence, abs=0.01)


def test_confidences_reach_their_corners():
    confidence = np.full(68, 0.9)
    confidence[4 * 4:4 * 4 + 4] = 0.3  # T5
    marks = landmark_set(SPINE, confidence=confidence)
    for names in (marks.names, tuple(f"p{i}" for i in range(68))):
        named = type(marks)(names, marks.points, marks.confidence)
        found = measure(with_confidences(SPINE, named))
        assert found["PT"].sd_deg > found["TL/L"].sd_deg > 0
        assert found["MT"].sd_deg == pytest.approx(found["PT"].sd_deg)


def test_what_an_endplates_corners_share_does_not_tilt_it():
    found = measure(with_confidences(SPINE, landmark_set(SPINE, confidence=np.full(68, 0.6))))
    alone = measure(with_corner_sd(SPINE, float(corner_sd(0.6, SPINE.width))))
    assert found["MT"].sd_deg == pytest.approx(np.sqrt(1 - SHARED) * alone["MT"].sd_deg)


def test_corners_placed_by_a_person_are_as_exact_as_people():
    found = measure(with_confidences(SPINE, landmark_set(SPINE)))
    assert found["MT"].sd_deg == pytest.approx(HAND_ANGLE_SD_DEG, rel=0.02)


def test_what_cannot_be_is_refused():
    with pytest.raises(ValueError, match="sd_px"):
        with_corner_sd(SPINE, -1)
    with pytest.raises(ValueError, match="covariances"):
        drawn(SPINE, 3, np.random.default_rng(0))
    assert np.isnan(angle_sd_deg(SPINE, 0, 5))
