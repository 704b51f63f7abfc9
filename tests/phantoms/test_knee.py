"""A knee's bones, cartilages and landmarks are where and as thick as they are said to be."""

from dataclasses import fields, replace

import numpy as np
import pytest
from scipy.spatial import cKDTree

from napari_xray_landmarks.phantoms.knee import BONES, JOINT_GAP_MM, knee
from napari_xray_landmarks.phantoms.knee_fields import CARTILAGE, DISTANCE, Nodes
from napari_xray_landmarks.phantoms.knee_parameters import KneeParameters, sample_knee_parameters

BONE_OF = {"plateau": "tibia", "tuberosity": "tibia", "medial-eminence": "tibia", "lateral-eminence": "tibia",
           "patella": "patella", "fibula": "fibula"}
SUBJECTS = range(4)


def bone_of(landmark: str) -> str:
    return next((bone for start, bone in BONE_OF.items() if landmark.startswith(start)), "femur")


@pytest.fixture(scope="module")
def knees():
    return {subject: knee(subject) for subject in SUBJECTS}


@pytest.fixture(scope="module")
def mean_knee():
    return knee(0, "left", KneeParameters())


def test_a_sampled_ball_has_true_distances():
    nodes = Nodes((-20, -20, -20), (20, 20, 20))
    s, p, l = nodes.axes  # noqa: E741
    squashed = (s * s + p * p + l * l - 100) / 20  # not a distance, but 0 on the ball
    ball = nodes.field(squashed, (0.0,), (1.0, 1.0, 1.0))
    points = np.random.default_rng(0).uniform(-11, 11, (3000, 3))
    true = np.linalg.norm(points, axis=1) - 10
    near = np.abs(true) < 3
    assert np.abs(ball.distance_mm(points) - true)[near].max() < 0.08
    np.testing.assert_allclose(ball.farthest_mm((5, 5, 5), (1, 0, 0), 40), (10, 0, 0), atol=0.15)
    vertices, triangles = ball.mesh()
    assert np.abs(np.linalg.norm(vertices, axis=1) - 10).max() < 0.03
    a, b, c = vertices[triangles].transpose(1, 0, 2)
    volume = np.einsum("ij,ij->i", np.cross(a, b), c).sum() / 6  # negative if it were inside out
    assert volume == pytest.approx(4 / 3 * np.pi * 1000, rel=0.01)


@pytest.mark.parametrize("subject", SUBJECTS)
def test_landmarks_lie_on_the_surface_of_their_bone(knees, subject):
    person = knees[subject]
    for name, point in person.landmarks.items():
        assert abs(person.bones[bone_of(name)].distance_mm(point[None])[0]) < 0.02, name


@pytest.mark.parametrize("subject", SUBJECTS)
@pytest.mark.parametrize("name, way", [
    ("medial-epicondyle", (0, 0, -1)), ("lateral-epicondyle", (0, 0, 1)), ("medial-condyle-distal", (-1, 0, 0)),
    ("lateral-condyle-posterior", (0, 1, 0)), ("trochlea-lateral", (0, -1, 0)), ("medial-eminence", (1, 0, 0)),
    ("patella-apex", (-1, 0, 0)), ("fibula-apex", (1, 0, 0)),
])
def test_extreme_points_are_extreme_in_their_neighbourhood(knees, subject, name, way):
    person = knees[subject]
    point, bone = person.landmarks[name], person.bones[bone_of(name)]
    around = point + np.random.default_rng(0).uniform(-3, 3, (3000, 3))
    inside = around[bone.distance_mm(around) < 0]
    assert ((inside - point) @ bone.world_from_body[:3, :3] @ way).max() < 0.15


@pytest.mark.parametrize("subject", SUBJECTS)
def test_anatomy_is_in_order(knees, subject):
    at = knees[subject].landmarks
    level = lambda name: at[name][0]  # noqa: E731
    assert level("lateral-epicondyle") > level("lateral-condyle-distal") > level("plateau-centre-lateral")
    assert level("plateau-centre-medial") > level("fibula-apex") > level("tuberosity")
    assert level("patella-base") > level("patella-apex") > level("tuberosity")
    assert level("intercondylar-notch") > level("medial-condyle-distal")
    assert at["medial-epicondyle"][2] < at["medial-eminence"][2] < at["lateral-eminence"][2] < at["fibula-apex"][2]
    assert at["patella-apex"][1] < at["trochlea-groove"][1] < at["intercondylar-notch"][1]
    assert 55 < np.linalg.norm(at["medial-epicondyle"] - at["lateral-epicondyle"]) < 110


@pytest.mark.parametrize("subject", SUBJECTS)
def test_the_cartilages_all_but_touch_in_both_compartments(knees, subject):
    femur, tibia = knees[subject].bones["femur"], knees[subject].bones["tibia"]
    points = femur.outer_mm(0.8)
    gap = tibia.distance_mm(points) - tibia.read(points, CARTILAGE)
    medial = femur.body_from_world[2, :3] @ points.T + femur.body_from_world[2, 3] < 0
    for side in (medial, ~medial):
        assert 0 < gap[side].min() < JOINT_GAP_MM + 0.6
    between = points[gap < 1.0]
    assert tibia.distance_mm(between).min() > 0


@pytest.mark.parametrize("subject", SUBJECTS)
def test_no_place_is_in_two_structures(knees, subject):
    bones = knees[subject].bones
    points = np.random.default_rng(subject).uniform((-60, -75, -60), (75, 50, 60), (200_000, 3))
    within = [bones[name].distance_mm(points) < bones[name].read(points, CARTILAGE) for name in BONES]
    assert (np.sum(within, 0) > 1).sum() == 0


@pytest.mark.parametrize("bone", ["femur", "tibia", "patella"])
def test_cartilage_is_as_thick_as_its_channel_says(mean_knee, bone):
    field = mean_knee.bones[bone]
    outer = field.outer_mm(0.8, 7)
    gap = cKDTree(field.mesh()[0]).query(outer)[0]  # vertices are 0.7 mm apart, so a little too far
    assert np.abs(gap - field.read(outer, CARTILAGE)).mean() < 0.1
    assert np.quantile(np.abs(gap - field.read(outer, CARTILAGE)), 0.95) < 0.35


def test_the_thickness_parameters_are_realised():
    thin, thick = (knee(3, "left", replace(KneeParameters(), femoral_cartilage_mm=t, tibial_cartilage_mm=t))
                   for t in (2.0, 2.8))
    for person, thickness in ((thin, 2.0), (thick, 2.8)):
        for bone, landmark in (("femur", "medial-condyle-distal"), ("tibia", "plateau-centre-medial")):
            field, point = person.bones[bone], person.landmarks[landmark]
            assert field.read(point[None], CARTILAGE)[0] == pytest.approx(thickness, rel=0.06)


def test_arthrosis_thins_the_cartilage_and_grows_spurs():
    healthy, worn = (knee(5, "left", replace(KneeParameters(), grade=g)) for g in (0, 4))
    sound, sick = (k.bones["femur"].values for k in (healthy, worn))
    near = np.abs(sound[DISTANCE]) < 1
    assert sick[CARTILAGE][near].sum() < 0.93 * sound[CARTILAGE][near].sum()
    assert 1.5 < (sound[DISTANCE] - sick[DISTANCE])[near].max() < 8
    at = worn.landmarks["medial-condyle-distal"]
    thinnest = worn.bones["femur"].outer_mm(0.0, 1)
    thinnest = thinnest[np.linalg.norm(thinnest - at, axis=1) < 12]
    assert worn.bones["femur"].read(thinnest, CARTILAGE).min() < 0.6


def test_parameters_do_what_they_say(mean_knee):
    build = lambda **values: knee(0, "left", replace(KneeParameters(), **values))  # noqa: E731
    width = lambda k: np.linalg.norm(k.landmarks["medial-epicondyle"] - k.landmarks["lateral-epicondyle"])  # noqa: E731
    assert width(build(size=1.1)) == pytest.approx(1.1 * width(mean_knee), rel=0.01)
    bent, femur = build(flexion_deg=20.0, rollback_mm=6.0), mean_knee.bones["femur"]
    axis = lambda f: f.world_from_body[:3, 0]  # noqa: E731
    shank = lambda k: k.bones["tibia"].world_from_body[:3, 0]  # noqa: E731
    angle = lambda k: np.degrees(np.arccos(axis(k.bones["femur"]) @ shank(k)))  # noqa: E731
    assert angle(bent) - angle(mean_knee) == pytest.approx(10, abs=0.5)
    ridge = build(groove_mm=9.0).landmarks
    depth = lambda at: at["trochlea-groove"] - at["trochlea-lateral"]  # noqa: E731
    deeper = (depth(ridge) - depth(mean_knee.landmarks)) @ femur.world_from_body[:3, 1]
    assert deeper == pytest.approx(3, abs=0.8)


def test_a_subject_is_always_the_same_and_its_neighbour_another(knees):
    again = knee(1)
    assert again.parameters == knees[1].parameters and again.side == knees[1].side
    for name in BONES:
        np.testing.assert_array_equal(again.bones[name].values, knees[1].bones[name].values)
    for name, point in again.landmarks.items():
        np.testing.assert_array_equal(point, knees[1].landmarks[name])
        assert np.linalg.norm(point - knees[2].landmarks[name]) > 0.01


def test_a_surface_is_on_its_side(knees):
    left, right = (replace(knees[0], side=side) for side in ("left", "right"))
    one, other = left.surface("patella"), right.surface("patella")
    np.testing.assert_allclose(one.vertices, other.vertices * (1, 1, -1))
    for mesh in (one, other):
        volume = np.einsum("ij,ij->i", np.cross(*mesh.corners[:, :2].transpose(1, 0, 2)), mesh.corners[:, 2]).sum() / 6
        assert 5_000 < volume < 30_000  # mm3, outwards


def test_sampled_parameters_stay_in_their_ranges():
    people = [sample_knee_parameters(np.random.default_rng(s)) for s in range(300)]
    for f in fields(KneeParameters):
        values, sd = np.array([getattr(p, f.name) for p in people]), f.metadata["sd"]
        assert f.metadata["help"]
        if sd is not None:
            assert (np.abs(values - f.default) <= 2.3 * sd + 1e-9).all()
            assert abs(values.mean() - f.default) < 0.25 * sd and values.std() > 0.8 * sd
    assert min(p.flexion_deg for p in people) >= 0 and max(p.flexion_deg for p in people) <= 20
    assert {p.grade for p in people} == set(range(5))


def test_what_cannot_be_is_refused():
    with pytest.raises(ValueError, match="grade must be 0 to 4, got 7"):
        KneeParameters(grade=7)
    with pytest.raises(ValueError, match="'upper'"):
        knee(0, "upper")
