"""Films agree with their truth, and are the same every time."""

import numpy as np
import pytest

from napari_xray_landmarks.geometry.camera import CArm
from napari_xray_landmarks.phantoms import SCHEMAS, film
from napari_xray_landmarks.phantoms.films import has_implants
from napari_xray_landmarks.phantoms.hip_outline import hip_outline
from napari_xray_landmarks.phantoms.pelvis import individual

NAMES = ("pelvis", "proximal-femur")


@pytest.mark.parametrize("name", NAMES)
def test_a_film_is_calibrated_and_holds_all_its_landmarks(films, name):
    made = films[name]
    assert made.landmarks.names == SCHEMAS[name].names and made.landmarks.unit == "px"
    assert ((made.landmarks.points > 0) & (made.landmarks.points < np.array(made.radiograph.shape) - 1)).all()
    assert 400 < max(made.radiograph.shape) <= 600
    ratio = made.radiograph.detector_spacing_mm[0] / made.radiograph.spacing_mm[0]
    assert f"{ratio:.3f}" in made.radiograph.spacing_source
    assert made.radiograph.pixels.dtype == np.uint16 and made.has_implant


@pytest.mark.parametrize("name", NAMES)
def test_the_same_subject_gives_the_same_film(films, name):
    again, other = film(name, 2), film(name, 3)
    np.testing.assert_array_equal(films[name].radiograph.pixels, again.radiograph.pixels)
    np.testing.assert_array_equal(films[name].landmarks.points, again.landmarks.points)
    assert (films[name].radiograph.pixels != other.radiograph.pixels).mean() > 0.5


def test_a_third_has_implants_unless_asked_otherwise():
    assert sum(has_implants(s) for s in range(99)) == 33
    assert not film("proximal-femur", 2, implant=False).has_implant
    assert film("proximal-femur", 3, implant=True).has_implant


def test_implants_do_not_move_the_truth():
    plain, metal = (film("proximal-femur", 7, implant=i) for i in (False, True))
    np.testing.assert_array_equal(plain.landmarks.points, metal.landmarks.points)
    assert metal.radiograph.pixels.mean() != plain.radiograph.pixels.mean()


@pytest.mark.parametrize("subject", [0, 4, 11])
def test_outline_landmarks_lie_on_the_outline_in_order(subject):
    made = film("proximal-femur", subject)
    outline, points = made.contours[0].points, made.landmarks.points[:32]
    nearest = [int(np.argmin(np.linalg.norm(outline - p, axis=1))) for p in points]
    assert (np.diff(nearest) > 0).all()
    assert np.linalg.norm(outline[nearest] - points, axis=1).max() < 0.5


@pytest.mark.parametrize("subject", [0, 4, 11])
def test_the_head_lies_on_a_circle_of_its_radius(subject):
    made = film("proximal-femur", subject)
    radius_px = made.head_radius_mm / made.radiograph.spacing_mm[0]
    centre = made.landmarks["head-centre"]
    for name in ("head-medial", "head-superior", "head-inferior"):
        assert np.linalg.norm(made.landmarks[name] - centre) == pytest.approx(radius_px, abs=1.5)
    assert made.landmarks["head-medial"][1] < centre[1] < made.landmarks["greater-trochanter"][1]
    assert made.landmarks["lesser-trochanter"][0] > made.landmarks["neck-inferior"][0]


@pytest.mark.parametrize("name, bones", [("pelvis", 4), ("proximal-femur", 1)])
def test_bone_is_brighter_inside_its_outline_than_outside(name, bones):
    from skimage.draw import polygon2mask
    from skimage.morphology import dilation, disk

    made = film(name, 1, implant=False)
    assert len(made.contours) == bones
    grey = made.radiograph.pixels.astype(float)
    for contour in made.contours:
        if contour.name.startswith("femur"):
            inside = polygon2mask(grey.shape, contour.points)
            ring = dilation(inside, disk(4)) & ~dilation(inside, disk(1))
            shaft = np.zeros_like(inside)
            shaft[int(np.quantile(contour.points[:, 0], 0.7)):] = True
            assert grey[inside & shaft].mean() > grey[ring & shaft].mean() * 1.1


def test_a_landmark_of_space_projects_to_its_pixel():
    from napari_xray_landmarks.phantoms.pelvis import individual

    made, person = film("pelvis", 6), individual(6)
    for name in ("asis-left", "symphysis-inferior", "lesser-trochanter-right"):
        np.testing.assert_allclose(made.camera.project(person.landmarks[name][None])[0], made.landmarks[name])
    assert made.landmarks["asis-left"][1] > made.landmarks["asis-right"][1]  # as if one faced the patient


def test_pelvis_landmarks_at_the_rim_lie_on_the_outline():
    made = film("pelvis", 1)
    for side in ("left", "right"):
        hip = next(c.points for c in made.contours if c.name == f"hip-{side}")
        for name in ("iliac-crest", "ischial-tuberosity"):
            assert np.linalg.norm(hip - made.landmarks[f"{name}-{side}"], axis=1).min() < 3.0


def test_an_unknown_film_is_refused():
    with pytest.raises(ValueError, match="no phantom 'skull'"):
        film("skull", 0)


@pytest.mark.parametrize("name", NAMES)
def test_subshapes_cover_every_landmark_in_groups_of_four(name):
    schema = SCHEMAS[name]
    assert {len(group) for group in schema.subshapes} == {4}
    assert {n for group in schema.subshapes for n in group} == set(schema.names)


@pytest.mark.parametrize("subject", [0, 58, 1081])  # the two last: a pelvis that leans far back, and one far forwards
def test_the_landmarks_of_the_hip_bones_run_round_their_outlines(subject):
    made, schema = film("pelvis-outline", subject), SCHEMAS["pelvis-outline"]
    assert made.landmarks.names == schema.names and [c.name for c in made.contours] == ["hip-left", "hip-right"]
    for contour, points in zip(made.contours, np.split(made.landmarks.points, 2), strict=True):
        assert contour.closed
        away = np.linalg.norm(contour.points[:, None] - points, axis=2)
        nearest = np.argmin(away, axis=0)
        assert away.min(0).max() < 0.5
        assert nearest[0] < 3 and (np.diff(nearest) > 0).all()  # once round, from the crest on
    left, right = made.landmarks.points[:40], made.landmarks.points[40:]
    assert (left[:, 1] > right[:, 1]).all()  # as if one faced the patient
    for name in ("asis", "ischial-tuberosity"):
        truth = made.camera.project(individual(subject).landmarks[f"{name}-left"][None])[0]
        assert np.linalg.norm(made.landmarks[f"{name}-left"] - truth) < 5


def test_outlines_of_many_hip_bones_are_told_by_few_modes():
    views = [CArm(*np.random.default_rng(s).normal(0, 3, 3), 1040, 1150, (0.8, 0.8), (448, 544), (20.0, 10.0, 0.0))
             for s in range(24)]
    shapes = np.array([hip_outline(individual(s), "left", view.camera())[1] for s, view in enumerate(views)])
    shapes -= shapes.mean(1, keepdims=True)
    shapes /= np.linalg.norm(shapes, axis=(1, 2), keepdims=True)
    spread = np.linalg.svd((shapes - shapes.mean(0)).reshape(len(shapes), -1), compute_uv=False) ** 2
    assert spread[:8].sum() > 0.9 * spread.sum()
    away = np.linalg.norm(shapes - shapes.mean(0), axis=2)
    assert away.max() < 5 * np.sqrt((away**2).mean())  # no vertex jumps
