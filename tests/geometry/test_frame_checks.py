"""Landmarks in the wrong frame, flipped films and contradicting headers are told."""

from dataclasses import replace

import numpy as np
import pytest

from landmark_views import SIZE, landmarks, on_film, view
from napari_xray_landmarks.geometry.camera import CArm
from napari_xray_landmarks.geometry.film_arm import arm_of_film, contradictions, tells_view
from napari_xray_landmarks.geometry.frame_checks import contradicts_view, looks_mirrored, looks_turned
from napari_xray_landmarks.geometry.landmark_pairs import landmark_pairs
from napari_xray_landmarks.geometry.pnp import estimate_pose
from napari_xray_landmarks.geometry.pose import DegeneratePose
from napari_xray_landmarks.imaging import Radiograph
from napari_xray_landmarks.landmarks import LandmarkSet
from napari_xray_landmarks.training.views import mirrored_arm

NAMES = tuple(f"l{i}" for i in range(10))
FILM = Radiograph(np.zeros(SIZE), detector_spacing_mm=(0.616, 0.616),
                  header={"distance_source_to_detector": 1200.0, "positioner_primary_angle": 30.0,
                          "positioner_secondary_angle": -5.0})


def estimated(places, points, camera):
    try:
        return estimate_pose(places, points, camera)
    except DegeneratePose:
        return None


@pytest.mark.parametrize("seed", range(5))
def test_ras_read_as_lps_shows_in_the_view(seed):
    arm, points = view(seed), landmarks(seed=seed) * [1, 0.6, 1]
    places = on_film(arm, points, 2.0)
    wrong = points * [1, -1, -1]
    found = estimate_pose(places, wrong, arm.camera())
    assert found.residual_px < 4, "the residual cannot tell"
    nominal = CArm(arm.lao_deg + 8, arm.cran_deg - 10).camera()
    said = looks_turned(found.camera, nominal)
    assert "RAS read as LPS" in said and "°" in said
    assert not looks_turned(estimate_pose(places, points, arm.camera()).camera, nominal)


def test_other_turns_are_no_sign_of_it():
    camera = CArm(0, 0).camera()
    for lao, cran in ((90, 0), (-60, 30), (120, 0), (0, 80)):
        assert not looks_turned(CArm(lao, cran).camera(), camera)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("axis", range(3))
def test_a_wrong_sign_of_one_axis_is_told(seed, axis):
    arm, points = view(seed), landmarks(seed=seed)
    places = on_film(arm, points, 2.0)
    wrong = points * np.where(np.arange(3) == axis, -1, 1)
    found = estimated(places, wrong, arm.camera())
    assert "mirrored" in looks_mirrored(places, wrong, arm.camera(), found)
    assert not looks_mirrored(places, points, arm.camera(), estimated(places, points, arm.camera()))


def test_a_header_gives_the_arm():
    arm = arm_of_film(FILM)
    assert (arm.lao_deg, arm.cran_deg, arm.source_to_detector_mm, arm.size_px) == (30, -5, 1200, SIZE)
    assert tells_view(FILM) and not tells_view(Radiograph(np.zeros(SIZE)))
    with pytest.raises(ValueError, match="no DistanceSourceToDetector and no ImagerPixelSpacing"):
        arm_of_film(Radiograph(np.zeros(SIZE)))


def test_contradictions_name_both_values():
    assert contradictions(CArm(source_to_detector_mm=1210), FILM) == []
    said = contradictions(CArm(source_to_detector_mm=1000, pixel_spacing_mm=(0.616, 0.3), size_px=(100, 100)), FILM)
    text = "; ".join(said)
    assert len(said) == 3
    for part in ("1000", "1200", "0.3", "0.616", "100 x 100", "479 x 615"):
        assert part in text


def marks(count=10, **changes):
    return LandmarkSet(NAMES[:count], on_film(view(0), landmarks(10))[:count], **changes)


def test_pairs_are_those_that_are_sure_on_the_film_and_placed_in_the_ct():
    confidence = np.r_[0.9, 0.8, 0.69, np.nan, np.full(6, 0.7)]
    detected = np.r_[np.ones(9), 0].astype(bool)
    ct = LandmarkSet((*NAMES[::-1], "other"), np.vstack([landmarks(10)[::-1], [[1, 2, 3]]]), unit="mm")
    pairs = landmark_pairs(marks(confidence=confidence, detected=detected), ct)
    assert pairs.names == ("l0", "l1", "l3", "l4", "l5", "l6", "l7", "l8")
    np.testing.assert_array_equal(pairs.points_mm, landmarks(10)[[0, 1, 3, 4, 5, 6, 7, 8]])
    np.testing.assert_array_equal(pairs.weights, [0.9, 0.8, 1, 0.7, 0.7, 0.7, 0.7, 0.7])
    assert pairs.named(pairs.weights == 1) == ("l3",)


def test_too_few_pairs_say_why():
    ct = LandmarkSet(NAMES, landmarks(10), unit="mm")
    with pytest.raises(DegeneratePose, match="only 3 of 10 .* 0.7 or more"):
        landmark_pairs(marks(confidence=np.r_[np.ones(3), np.full(7, 0.5)]), ct)
    with pytest.raises(DegeneratePose, match="same name"):
        landmark_pairs(marks(), LandmarkSet(tuple(f"x{i}" for i in range(10)), landmarks(10), unit="mm"))
    with pytest.raises(ValueError, match="2D"):
        landmark_pairs(ct, ct)


@pytest.mark.parametrize(("lao", "cran", "roll"), [(25.0, -12.0, 3.0), (-40.0, 20.0, -2.0), (60.0, 0.0, 0.0)])
def test_the_pose_of_a_flipped_film_is_told_by_the_view(lao, cran, roll):
    nominal = CArm(lao, cran, roll)
    of_flipped = mirrored_arm(replace(nominal, lao_deg=lao + 4, cran_deg=cran - 3))
    assert "flipped" in contradicts_view(of_flipped.camera(), nominal.camera())
    assert not contradicts_view(replace(nominal, lao_deg=lao + 12, cran_deg=cran - 8).camera(), nominal.camera())


def test_a_flipped_film_from_the_front_cannot_be_told():
    assert not contradicts_view(mirrored_arm(CArm(8.0, 20.0)).camera(), CArm(8.0, 20.0).camera())


def test_a_view_from_behind_is_told_and_one_from_aside_is_not():
    nominal = CArm(20.0, 0.0).camera()
    assert "exchanged" in contradicts_view(CArm(150.0, 10.0).camera(), nominal)
    assert "RAS" in contradicts_view(CArm(-160.0, 0.0).camera(), nominal)
    assert not contradicts_view(CArm(95.0, 0.0).camera(), nominal)
