"""A whole femur: the parts of the hip's and the knee's phantom are one bone, and its outline is exact."""

import numpy as np
import pytest

from napari_xray_landmarks.geometry.camera import CArm
from napari_xray_landmarks.phantoms import SCHEMAS, film
from napari_xray_landmarks.phantoms.bone import Bone, add_bone
from napari_xray_landmarks.phantoms.complete_femur import BLEND_MM, leg
from napari_xray_landmarks.phantoms.field_bone import FieldBone, add_field_bone
from napari_xray_landmarks.phantoms.leg_implants import leg_implants
from napari_xray_landmarks.phantoms.leg_outline import complete_outline

SUBJECTS = (0, 2)


@pytest.fixture(scope="module")
def legs():
    return {subject: leg(subject, subject == 2) for subject in SUBJECTS}


@pytest.fixture(scope="module")
def outlined(legs):
    made = {}
    for subject, person in legs.items():
        middle = 0.5 * (person.femur.head_centre + person.in_world(0, 0, 0))
        camera = CArm(2.0, -1.0, 1.0, 1680, 1800, (0.5, 0.5), (1296, 528), tuple(middle)).camera()
        made[subject] = (camera, *complete_outline(person, camera))
    return made


@pytest.mark.parametrize("subject", SUBJECTS)
def test_where_the_parts_meet_they_are_alike(legs, subject):
    person = legs[subject]
    heights = (BLEND_MM[1] + 4) * person.lower.spacing_mm[0] + np.linspace(0, 6, 5)
    turns = np.deg2rad(np.arange(0, 360, 10))
    ring = [person.in_world(h, -16 + 15 * np.cos(a), 9 + 15 * np.sin(a)) for h in heights for a in turns]
    hip = person.femur.solid.distance_mm(ring)
    np.testing.assert_allclose(hip, person.lower.distance_mm(ring), atol=0.1)


@pytest.mark.parametrize("subject", SUBJECTS)
def test_the_femur_is_as_long_as_a_femur(legs, subject):
    person = legs[subject]
    size = person.person.parameters.size
    long = np.linalg.norm(person.femur.head_centre - person.in_world(0, 0, 0))
    assert 370 * size < long < 415 * size
    mechanical = person.femur.head_centre - person.in_world(0, 0, 0)
    shaft = np.rad2deg(np.arccos(mechanical @ person.femur.shaft / long))
    assert 3 < shaft < 11  # between the mechanical and the anatomical axis


@pytest.mark.parametrize("subject", SUBJECTS)
def test_landmarks_run_once_round_the_outline(outlined, subject):
    camera, line, points = outlined[subject]
    assert len(points) + 1 == len(SCHEMAS["complete-femur"].names)
    away = np.linalg.norm(line[:-1, None] - points, axis=2)
    assert away.min(0).max() < 0.5 and (np.diff(away.argmin(0)) > 0).all()


@pytest.mark.parametrize("subject", SUBJECTS)
def test_named_landmarks_are_where_anatomy_has_them(legs, outlined, subject):
    person, (camera, _, points) = legs[subject], outlined[subject]
    at = dict(zip(SCHEMAS["complete-femur"].names, points, strict=False))
    centre = camera.project(person.femur.head_centre[None])[0]
    radius = person.femur.head_radius_mm * camera.magnification(person.femur.head_centre) / 0.5
    for name in ("head-medial", "head-superior", "head-inferior"):
        assert np.linalg.norm(at[name] - centre) == pytest.approx(radius, abs=1.5)
    assert at["medial-epicondyle"][1] < at["intercondylar-notch"][1] < at["lateral-epicondyle"][1]
    for side in ("medial", "lateral"):
        assert at[f"{side}-condyle-distal"][0] > at["intercondylar-notch"][0] > at[f"{side}-epicondyle"][0]
        world = person.world_from_knee @ np.linalg.inv(person.knee.bones["femur"].world_from_body) @ np.append(
            person.knee.landmarks[f"{side}-epicondyle"], 1)
        assert np.linalg.norm(camera.project(world[None, :3])[0] - at[f"{side}-epicondyle"]) < 40


def test_voxels_of_both_parts_make_one_bone_without_a_seam(legs):
    person = legs[0]
    middle = person.in_world(BLEND_MM[1], -16, 9)
    spacing, shape = np.full(3, 1.0), (60, 50, 50)
    origin = middle - 0.5 * np.array(shape)
    excess, labels = np.zeros(shape, np.float32), np.zeros(shape, np.uint8)
    q = person.person.parameters
    upper = Bone("femur", 1, person.upper, (1.5, q.shaft_cortex_mm * q.size), 1300, 210,
                 (person.femur.shaft_top[0] - 5, person.femur.shaft_top[0] - 85), -90.0)
    add_bone(upper, excess, labels, origin, spacing, 1.0, 0.0)
    add_field_bone(FieldBone(1, person.lower), excess, labels, origin, spacing, 1.0, 0.0)
    area, mass = (labels > 0).sum((1, 2)), excess.sum((1, 2))
    assert np.abs(np.diff(area)).max() < 0.05 * area.mean()
    assert np.abs(np.diff(mass)).max() < 0.08 * mass.mean()


def test_a_film_holds_the_whole_femur_and_is_always_the_same():
    made, again = film("complete-femur", 5), film("complete-femur", 5)
    np.testing.assert_array_equal(made.radiograph.pixels, again.radiograph.pixels)
    assert made.has_implant and [c.name for c in made.contours] == ["femur-left"] and made.contours[0].closed
    points = made.landmarks.points
    assert ((points > 0) & (points < np.array(made.radiograph.shape) - 1)).all()
    assert made.radiograph.pixels.max() > made.radiograph.pixels.min()


def test_metal_lies_in_or_on_the_bones(legs):
    person, kinds = legs[2], set()
    for seed in range(40):
        for piece in leg_implants(person, np.random.default_rng(seed)):
            kinds.add(getattr(piece, "kind", "component"))
            assert not isinstance(piece, FieldBone) or piece.field.values[0].min() < 0
    assert {"long nail", "distal plate", "keel", "component"} <= kinds
