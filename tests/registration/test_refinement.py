"""Known motions recovered on a small patient, and what is refused."""

from dataclasses import replace

import numpy as np
import pytest

from napari_xray_landmarks.drr.collimation import Collimation
from napari_xray_landmarks.drr.exposure import Exposure
from napari_xray_landmarks.drr.live import live_volume
from napari_xray_landmarks.drr.scene import scene
from napari_xray_landmarks.drr.simulate import simulate
from napari_xray_landmarks.errors import Cancelled, InputError
from napari_xray_landmarks.geometry.pose_errors import pose_error, target_errors
from napari_xray_landmarks.imaging import Volume
from napari_xray_landmarks.registration import RegistrationSettings, refine
from napari_xray_landmarks.registration.refinement import Candidate, distinct, next_to, poses_about

QUICK = RegistrationSettings(levels=3, coarsest_mm=6.0, finest_mm=1.6, starts=24, kept=2, polarity="dense-bright")
BRIEF = replace(QUICK, levels=2, finest_mm=3.0, starts=4, kept=1, iterations=12)
POINTS = 40 * np.random.default_rng(0).normal(size=(12, 3))
MOTION = np.deg2rad([4.0, -3.0, 4.0]), np.array([8.0, 15.0, -6.0])
CENTRE = np.zeros(3)


@pytest.fixture(scope="module")
def film(ct, arm):
    exposure = Exposure(photons=30000, kvp=90, gamma=1.4, equalisation=0.6, vignetting=0.2)
    collimation = Collimation("circle", (0.95, 0.95))
    return simulate(scene(ct), arm, exposure, collimation=collimation, rng=np.random.default_rng(0))


@pytest.fixture(scope="module")
def start(arm):
    return arm.camera().moved(*MOTION, CENTRE)


@pytest.fixture(scope="module")
def found(film, ct, start):
    return refine(film, ct, start, QUICK, centre_mm=CENTRE)


def errors(camera, arm):
    return (pose_error(camera, arm.camera(), CENTRE).rotation_deg,
            target_errors(camera, arm.camera(), POINTS).mtre_mm)


def test_a_known_motion_is_recovered_from_a_processed_noisy_film(found, start, arm):
    before, after = errors(start, arm), errors(found.camera, arm)
    assert before[0] > 5 and before[1] > 7
    assert after[0] < 0.5 and after[1] < 0.5
    assert found.converged and found.similarity > found.start_similarity and found.notes == ()


def test_depth_is_found_as_well(found, arm):
    assert pose_error(found.camera, arm.camera(), CENTRE).translation_mm < 4


def test_the_history_climbs_from_level_to_level(found, start):
    levels = [step.level for step in found.history]
    assert levels == sorted(levels) and set(levels) == {0, 1, 2}
    assert [step.iteration for step in found.history] == list(range(len(levels)))
    for level in range(3):
        values = [s.similarity for s in found.history if s.level == level]
        assert values == sorted(values)
    last = np.array(found.history[-1].motion)
    np.testing.assert_allclose(start.moved(last[:3], last[3:], CENTRE).source_mm, found.camera.source_mm, atol=1e-6)
    np.testing.assert_allclose(last, found.motion, atol=1e-9)


def test_the_uncertainty_knows_that_depth_is_weak(found, arm):
    beam = arm.world_from_arm[:, 1]
    shift = found.covariance[3:, 3:]
    across = (np.trace(shift) - beam @ shift @ beam) / 2
    assert beam @ shift @ beam > 4 * across > 0
    assert np.linalg.eigvalsh(found.covariance)[0] > 0
    np.testing.assert_allclose(found.sd[3:], np.sqrt(np.diag(shift)))


def test_a_film_on_which_dense_is_dark_is_told(film, ct, start, arm):
    inverted = replace(film, pixels=film.pixels.max() - film.pixels)
    found = refine(inverted, ct, start, replace(QUICK, polarity="auto"), centre_mm=CENTRE)
    assert errors(found.camera, arm)[1] < 0.5 and "dark" in " ".join(found.notes)


@pytest.mark.parametrize("options", [{"similarity": "ncc"}, {"patch_px": 0}])
def test_every_similarity_finds_it_from_near(film, ct, arm, options):
    near = arm.camera().moved(np.deg2rad([1.0, -1, 1]), (2, 4, -2), CENTRE)
    found = refine(film, ct, near, replace(QUICK, starts=0, **options), centre_mm=CENTRE)
    assert found.similarity > found.start_similarity and errors(found.camera, arm)[1] < 1


def test_the_same_seed_gives_the_same_pose(film, ct, start, found):
    again = refine(film, live_volume(ct), start, QUICK, centre_mm=CENTRE)
    np.testing.assert_allclose(again.camera.source_mm, found.camera.source_mm, atol=1e-6)


def test_a_film_of_something_else_is_flagged(other_ct, film, start):
    found = refine(film, other_ct, start, BRIEF, centre_mm=CENTRE)
    assert not found.converged and found.covariance is None


def test_a_film_of_noise_is_flagged(ct, film, start):
    noise = np.random.default_rng(1).integers(0, 4096, film.shape).astype(np.uint16)
    assert not refine(replace(film, pixels=noise), ct, start, BRIEF, centre_mm=CENTRE).converged


def test_a_ct_beside_the_film_is_flagged(ct, film, arm):
    away = arm.camera().moved((0, 0, 0), (0, 0, 900.0), CENTRE)
    with pytest.raises(InputError, match="nothing of"):
        refine(film, ct, away, BRIEF, centre_mm=CENTRE)


def test_an_empty_film_is_refused(ct, film, start):
    with pytest.raises(InputError, match="one grey value"):
        refine(replace(film, pixels=np.full(film.shape, 7)), ct, start, QUICK)


def test_what_is_no_ct_is_refused(film, start):
    with pytest.raises(InputError):
        refine(film, Volume(np.random.default_rng(0).random((9, 9, 9)), modality="MR"), start, QUICK)


def test_another_size_is_refused(film, ct, start):
    with pytest.raises(ValueError, match="pixels"):
        refine(replace(film, pixels=film.pixels[1:]), ct, start, QUICK)


def test_it_can_be_stopped(film, ct, start):
    told = []

    def progress(fraction, stage):
        told.append(fraction)
        if fraction > 0.3:
            raise Cancelled

    with pytest.raises(Cancelled):
        refine(film, ct, start, BRIEF, centre_mm=CENTRE, progress=progress)
    assert told == sorted(told) and told[-1] < 0.6


def test_watching_tells_ever_better_steps(film, ct, start):
    steps = []
    refine(film, ct, start, BRIEF, centre_mm=CENTRE, watch=steps.append)
    for level in (0, 1):
        values = [s.similarity for s in steps if s.level == level]
        assert values and values == sorted(values)


def test_poses_that_look_the_same_count_once(start):
    near, far = (start.moved((0, 0, 0), (0, 0, mm), CENTRE) for mm in (0.1, 10))
    candidates = [Candidate(c, sign, value) for c, sign, value in (
        (start, 1.0, 0.55), (near, 1.0, 0.6), (far, 1.0, 0.5), (near, -1.0, 0.4), (far, -1.0, 0.3))]
    assert distinct(candidates, CENTRE, same_px=0.5) == [candidates[i] for i in (1, 2, 3)], "0.3 is far behind"
    assert distinct(candidates, CENTRE, same_px=1e-4) == [candidates[i] for i in (1, 0, 2, 3)]


def test_poses_about_the_start_are_spread_as_far_as_asked(start):
    settings = RegistrationSettings(capture_deg=10, capture_mm=25, starts=400)
    poses = poses_about(start, CENTRE, settings, seed=3)
    assert poses[0] is start and len(poses) == 401
    apart = [pose_error(p, start, CENTRE) for p in poses[1:]]
    assert 5 < np.median([e.rotation_deg for e in apart]) < 7.5
    assert 12 < np.median([e.translation_mm for e in apart]) < 19


def test_the_centre_lies_on_the_central_ray(arm):
    camera = replace(arm, isocentre_mm=(5.0, 6, 7)).camera()
    np.testing.assert_allclose(next_to((5.0, 6, 7), camera), (5, 6, 7), atol=1e-6)
    np.testing.assert_allclose(camera.project(next_to((50.0, -60, 70), camera)[None])[0],
                               (np.array(camera.size_px) - 1) / 2, atol=1e-6)


def test_a_noisy_film_is_told_from_one_of_something_else(ct, other_ct, arm):
    noisy = simulate(scene(ct), arm, Exposure(photons=5, kvp=70), rng=np.random.default_rng(2))
    near = arm.camera().moved(np.deg2rad([1.0, -1.0, 1.0]), np.array([2.0, 3.0, -2.0]), CENTRE)
    right, wrong = (refine(noisy, patient, near, BRIEF, centre_mm=CENTRE) for patient in (ct, other_ct))
    assert right.converged and right.similarity < right.settings.least_similarity and errors(right.camera, arm)[1] < 3
    assert not wrong.converged
