"""Poses from landmarks as the dock asks for them, against cameras that are known."""

from dataclasses import replace

import numpy as np
import pytest

from napari_xray_landmarks.errors import InputError
from napari_xray_landmarks.geometry.camera import CArm
from napari_xray_landmarks.imaging import Radiograph, Volume
from napari_xray_landmarks.landmarks import LandmarkSet
from napari_xray_landmarks.plugin.film_geometry import FilmGeometry, Intrinsics
from napari_xray_landmarks.plugin.posing import Estimation, estimated, residuals, true_errors, with_residual
from posed_films import BALLS, CENTRE_MM, NAMES, SECOND, arm, ct, landmarks

HEADER = {"source_to_detector_mm": 1200.0, "source_to_isocentre_mm": 750.0}


def task(true: CArm | None = None, **changes) -> Estimation:
    true = true or arm()
    header = {**HEADER, "lao_deg": true.lao_deg, "cran_deg": true.cran_deg}
    radiograph = Radiograph(np.zeros(true.size_px), None, detector_spacing_mm=(3.0, 3.0), name="film", header=header)
    on_film = LandmarkSet(NAMES, true.camera().project(landmarks().points), np.full(len(NAMES), 0.9))
    box = Volume(np.zeros((2, 2, 2)), ct().world_from_voxel @ np.diag([35, 27, 43, 1.0]), "patient")
    known = Intrinsics(1200.0, 3.0, 3.0)
    geometry = FilmGeometry(known, "", 750.0, replace(true, isocentre_mm=(0.0, 0.0, 0.0)))
    return replace(Estimation(radiograph, geometry, known, True, on_film, landmarks(), "marks", box), **changes)


@pytest.mark.parametrize("view", [(0, 0), SECOND, (25, -30), (90, 0)])
def test_the_arm_that_took_the_film_is_found(view):
    true = arm(view)
    pose, pairs = estimated(task(true))
    found = pose.arm
    np.testing.assert_allclose([found.lao_deg, found.cran_deg], view, atol=1e-3)
    np.testing.assert_allclose(found.isocentre_mm, CENTRE_MM, atol=1e-2)
    assert found.source_to_isocentre_mm == 750 and found.size_px == true.size_px
    assert pose.residual_px < 1e-3 and pose.used_landmarks == NAMES and pairs.names == NAMES
    assert pose.provenance["method"] == "pnp" and pose.provenance["landmark_count"] == len(NAMES)
    error = true_errors(pose, true, pairs.points_mm)
    assert max(error.rotation_deg, error.translation_mm, error.target_mm) < 1e-2


def test_a_beam_beside_the_middle_is_told_by_the_intrinsics():
    true = replace(arm(), centre_px=(40.0, 70.0))
    shifted = Intrinsics(1200.0, 3.0, 3.0, 40.0 - 47.5, 70.0 - 59.5)
    pose, _ = estimated(task(true, intrinsics=shifted))
    np.testing.assert_allclose(pose.arm.centre_px, (40, 70), atol=1e-6)
    assert pose.arm.lao_deg == pytest.approx(20, abs=1e-3) and pose.residual_px < 1e-3


def test_an_unknown_detector_is_found_too():
    pose, _ = estimated(task(intrinsics=None))
    assert pose.provenance["method"] == "dlt" and pose.arm.size_px == (96, 120)
    focal_px = pose.arm.source_to_detector_mm / np.array(pose.arm.pixel_spacing_mm)
    np.testing.assert_allclose(focal_px, 400, rtol=1e-3)
    np.testing.assert_allclose([pose.arm.lao_deg, pose.arm.cran_deg], (20, 10), atol=0.05)


def test_a_wrong_landmark_is_dropped_and_its_residual_told():
    whole = task()
    points = np.array(whole.on_film.points)
    points[3] += (25, -10)
    pose, pairs = estimated(replace(whole, on_film=replace(whole.on_film, points=points)))
    assert set(NAMES) - set(pose.used_landmarks) == {"ball-3"} and pose.residual_px < 1e-2
    told = {r.name: r for r in residuals(pose, pairs)}
    assert not told["ball-3"].used and told["ball-3"].px == pytest.approx(np.hypot(25, 10), abs=0.1)
    assert told["ball-3"].mm == pytest.approx(told["ball-3"].px * 3.0 * 750 / 1200)
    assert with_residual(pose, pairs).residual_px == pytest.approx(pose.residual_px, abs=1e-6)


def test_unsure_and_undetected_landmarks_do_not_count():
    whole = task()
    confidence, detected = np.full(10, 0.9), np.ones(10, bool)
    confidence[0], detected[1] = 0.5, False
    marks = replace(whole.on_film, confidence=confidence, detected=detected)
    _, pairs = estimated(replace(whole, on_film=marks, least_confidence=0.7))
    assert pairs.names == NAMES[2:]


def refusal(whole: Estimation) -> str:
    with pytest.raises(InputError) as caught:
        estimated(whole)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_what_gives_no_pose_is_refused_with_the_reason():
    whole = task()
    few = LandmarkSet(NAMES[:5], whole.on_film.points[:5])
    assert "only 5 landmarks" in refusal(replace(whole, on_film=few))
    renamed = replace(whole.on_film, names=tuple(f"knee-{i}" for i in range(10)))
    assert "only 0 landmarks have the same name" in refusal(replace(whole, on_film=renamed))
    unsure = replace(whole.on_film, confidence=np.full(10, 0.3))
    assert "0.7" in refusal(replace(whole, on_film=unsure, least_confidence=0.7))
    shuffled = replace(whole.on_film, points=np.random.default_rng(0).uniform(0, 96, (10, 2)))
    assert "no pose" in refusal(replace(whole, on_film=shuffled))
    line = replace(landmarks(), points=np.outer(np.arange(10.0), (3, 1, 2)) + CENTRE_MM)
    seen = replace(whole.on_film, points=arm().camera().project(line.points))
    assert "line" in refusal(replace(whole, in_space=line, on_film=seen))


def test_landmarks_of_another_frame_are_refused():
    turned = replace(landmarks(), points=landmarks().points * (1, -1, -1))
    said = refusal(task(in_space=turned))
    assert "LPS" in said and "RAS" in said and "marks" in said
    opposite = replace(task().geometry.view, lao_deg=-160.0, cran_deg=-10.0)
    said = refusal(task(geometry=FilmGeometry(Intrinsics(1200.0, 3.0, 3.0), "", 750.0, opposite)))
    assert "RAS read as LPS" in said and "header is wrong" in said
    elsewhere = replace(landmarks(), points=BALLS - 900)
    assert "none of its 10 landmarks" in refusal(task(in_space=elsewhere))


def test_a_detector_that_contradicts_the_header_is_refused():
    said = refusal(task(intrinsics=Intrinsics(1000.0, 3.0, 3.0)))
    assert "source to detector 1000 mm, and the header says 1200 mm" in said
    assert estimated(task(intrinsics=Intrinsics(1205.0, 3.0, 3.0)))[0].residual_px < 1, "calibrations differ a little"
    insisted = estimated(task(intrinsics=Intrinsics(1000.0, 3.0, 3.0), trusted=False))[0]
    assert insisted.residual_px < 3
