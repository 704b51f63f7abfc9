"""Landmarks lie on the bone they name, where their definition says."""

from dataclasses import fields, replace

import numpy as np
import pytest

from napari_xray_landmarks.phantoms import SCHEMAS, phantom
from napari_xray_landmarks.phantoms.parameters import PelvisParameters, sample_parameters
from napari_xray_landmarks.phantoms.pelvis import HIP_LANDMARKS, individual

ON_HIP = ("iliac-crest", "iliac-tubercle", "asis", "aiis", "ischial-tuberosity", "ischial-spine", "pubic-tubercle")
ON_FEMUR = ("greater-trochanter", "lesser-trochanter")
SUBJECTS = range(6)


def test_every_landmark_of_the_schema_is_there(people):
    for person in people.values():
        assert set(SCHEMAS["pelvis"].names) == set(person.landmarks)
    assert len(SCHEMAS["pelvis"].names) == 23


@pytest.mark.parametrize("subject", SUBJECTS)
@pytest.mark.parametrize("side", ["left", "right"])
def test_landmarks_lie_on_their_own_bones_surface(people, subject, side):
    person = people[subject]
    for bone, names in ((f"hip-{side}", ON_HIP), (f"femur-{side}", ON_FEMUR)):
        points = np.array([person.landmarks[f"{n}-{side}"] for n in names])
        np.testing.assert_allclose(person.bone(bone).solid.distance_mm(points), 0, atol=0.02)
    promontory = person.landmarks["sacral-promontory"]
    assert abs(person.bone("sacrum").solid.distance_mm(promontory[None])[0]) < 0.02


@pytest.mark.parametrize("subject", SUBJECTS)
@pytest.mark.parametrize("name, direction", [(n, way) for n, (_, way) in HIP_LANDMARKS.items()])
def test_extreme_points_are_extreme_in_their_neighbourhood(people, subject, name, direction):
    for side, sign in (("left", 1), ("right", -1)):
        point, solid = people[subject].landmarks[f"{name}-{side}"], people[subject].bone(f"hip-{side}").solid
        way = np.array(direction) * (1, 1, sign)
        around = point + np.random.default_rng(0).uniform(-6, 6, (4000, 3))
        inside = around[solid.distance_mm(around) < 0]
        assert ((inside - point) @ way).max() < 0.3


@pytest.mark.parametrize("subject", SUBJECTS)
@pytest.mark.parametrize("side", ["left", "right"])
def test_the_crest_is_highest_straight_above_the_head(people, subject, side):
    at, solid = people[subject].landmarks, people[subject].bone(f"hip-{side}").solid
    crest = at[f"iliac-crest-{side}"]
    assert crest[2] == pytest.approx(at[f"femoral-head-{side}"][2], abs=1e-6)
    around = crest + np.random.default_rng(0).uniform(-25, 25, (4000, 3)) * (1, 1, 0)
    inside = around[solid.distance_mm(around) < 0]
    assert len(inside) and (inside - crest)[:, 0].max() < 0.3


@pytest.mark.parametrize("name", HIP_LANDMARKS)
def test_a_landmark_stays_where_it_is_when_its_direction_turns_a_little(people, name):
    rng, shifts = np.random.default_rng(0), []
    for person in people.values():
        point, solid = person.landmarks[f"{name}-left"], person.bone("hip-left").solid
        way = np.array(HIP_LANDMARKS[name][1]) / np.linalg.norm(HIP_LANDMARKS[name][1])
        for _ in range(4):
            turned = way + np.tan(np.deg2rad(5)) * np.linalg.qr(np.c_[way, rng.standard_normal(3)])[0][:, 1]
            shifts.append(np.linalg.norm((solid.farthest_mm(point, turned) - point)[[0, 2]]))
    assert 0 < np.median(shifts) < 1.0 and np.max(shifts) < 2.5  # in the plane of an AP film


@pytest.mark.parametrize("subject", [23, 85, 1081])  # where the ramus is lower than the ischium
def test_the_ischial_tuberosity_is_at_the_end_of_the_ischium(subject):
    person = individual(subject)
    solid, points = person.bone("hip-left").solid, person.landmarks
    tuberosity = points["ischial-tuberosity-left"]
    assert solid.distance_mm(tuberosity[None])[0] == pytest.approx(0, abs=0.02)
    around = tuberosity + np.random.default_rng(0).uniform(-30, 30, (20000, 3))
    assert around[solid.distance_mm(around) < 0][:, 0].min() < tuberosity[0] - 2  # the ramus
    tips = np.array([individual(s).landmarks["ischial-tuberosity-left"] - individual(s).landmarks["femoral-head-left"]
                     for s in range(40)])
    spread = (tuberosity - points["femoral-head-left"] - tips.mean(0)) / tips.std(0)
    assert np.abs(spread).max() < 3.5


@pytest.mark.parametrize("subject", SUBJECTS)
@pytest.mark.parametrize("side", ["left", "right"])
def test_the_ischial_spine_juts_out_of_the_pelvic_wall(people, subject, side):
    person, sign = people[subject], {"left": 1, "right": -1}[side]
    spine = person.landmarks[f"ischial-spine-{side}"]
    lateral = np.arange(20.0, 90.0, 0.5)
    for height in (-14, 14):  # above and below the spine, the wall between it and the acetabulum
        grid = np.stack(np.meshgrid(spine[0] + height, spine[1] - np.arange(10, 45, 2.0), sign * lateral), -1)
        wall = grid.reshape(-1, 3)[person.bone(f"hip-{side}").solid.distance_mm(grid.reshape(-1, 3)) < 0]
        assert np.abs(wall[:, 2]).min() > abs(spine[2]) + 3


@pytest.mark.parametrize("subject", SUBJECTS)
def test_anatomy_is_in_order(people, subject):
    at = people[subject].landmarks
    for side, sign in (("left", 1), ("right", -1)):
        s = lambda n: at[f"{n}-{side}"][0]  # noqa: B023, E731
        assert s("iliac-crest") > s("asis") > s("aiis") > s("femoral-head") > s("lesser-trochanter")
        out = lambda n: sign * at[f"{n}-{side}"][2]  # noqa: B023, E731
        assert out("greater-trochanter") > out("femoral-head") > out("ischial-spine") > out("pubic-tubercle") > 0
    assert at["symphysis-superior"][0] - at["symphysis-inferior"][0] > 20
    assert abs(at["symphysis-superior"][2]) < 4 and abs(at["sacral-promontory"][2]) < 4


def test_left_and_right_are_alike_but_not_the_same(people):
    for person in people.values():
        for left, right in SCHEMAS["pelvis"].pairs:
            if "trochanter" in left:  # the legs are posed apart from each other
                continue
            gap = np.linalg.norm(person.landmarks[left] - person.landmarks[right] * [1, 1, -1])
            assert 0 < gap < 9, left


def test_a_subject_is_always_the_same_and_its_neighbour_another():
    one, again, other = individual(3), individual(3), individual(4)
    for name, point in one.landmarks.items():
        np.testing.assert_array_equal(point, again.landmarks[name])
        assert np.linalg.norm(point - other.landmarks[name]) > 0 or name == "femoral-head"
    np.testing.assert_array_equal(one.tissue.blobs, again.tissue.blobs)


def test_metal_changes_neither_bones_nor_landmarks():
    plain, metal = individual(5, False), individual(5, True)
    assert not plain.implants and metal.implants
    for name, point in plain.landmarks.items():
        np.testing.assert_array_equal(point, metal.landmarks[name])


def test_sampled_parameters_stay_in_their_ranges():
    people = [sample_parameters(np.random.default_rng(s)) for s in range(300)]
    for f in fields(PelvisParameters):
        values = np.array([getattr(p, f.name) for p in people])
        sd = f.metadata["sd"]
        assert (np.abs(values - f.default) <= 2.3 * sd + 1e-9).all()
        assert abs(values.mean() - f.default) < 0.25 * sd and values.std() > 0.8 * sd
        assert f.metadata["help"]


def test_parameters_do_what_they_say():
    from napari_xray_landmarks.phantoms.femur import femur

    mean = PelvisParameters()
    build = lambda q: femur(q, 1, np.zeros(3), np.random.default_rng(0))  # noqa: E731
    angle = lambda f: np.degrees(np.arccos(f.neck @ f.shaft))  # noqa: E731
    wider = build(replace(mean, neck_shaft_deg=135.0))
    assert angle(build(mean)) - angle(wider) == pytest.approx(8.0, abs=1e-6)
    longer = build(replace(mean, neck_length_mm=56.0))
    assert np.linalg.norm(longer.shaft_top) - np.linalg.norm(build(mean).shaft_top) == pytest.approx(10.0, abs=1e-6)
    assert build(replace(mean, head_radius_mm=26.0)).head_radius_mm == 26.0
    inwards = build(replace(mean, leg_rotation_deg=-25.0))
    assert abs(inwards.neck[1]) < abs(build(replace(mean, leg_rotation_deg=10.0)).neck[1])


def test_the_ct_holds_bone_where_the_labels_say():
    made = phantom("pelvis", 2, spacing_mm=3.0)
    hu, labels = made.volume.voxels, made.labels.voxels
    np.testing.assert_array_equal(made.volume.world_from_voxel, made.labels.world_from_voxel)
    assert set(np.unique(labels)) <= {0, *made.label_names.values()}
    for bone in ("hip-left", "hip-right", "femur-left", "femur-right", "sacrum", "L5"):
        assert hu[labels == made.label_names[bone]].mean() > 200
    assert hu[labels == made.label_names["implant"]].mean() > 5000
    assert (hu == -1000).mean() > 0.1 and hu[labels == 0].max() < 1500


def test_ct_landmarks_lie_at_the_edge_of_the_labelled_bone():
    made = phantom("pelvis", 1, spacing_mm=2.0)
    to_voxel = np.linalg.inv(made.labels.world_from_voxel)
    for name in made.landmarks.names:
        if name.startswith(("femoral-head", "symphysis")):
            continue
        bone = ("sacrum" if name.startswith("sacral") else
                f"{'femur' if 'trochanter' in name else 'hip'}-{name.rpartition('-')[2]}")
        voxel = (to_voxel @ np.append(made.landmarks[name], 1))[:3]
        near = np.argwhere(made.labels.voxels == made.label_names[bone])
        assert np.linalg.norm(near - voxel, axis=1).min() < 1.5, name


@pytest.mark.parametrize("name", ["pelvis", "proximal-femur"])
def test_head_centres_are_the_centroids_of_the_heads(name):
    made = phantom(name, 4, spacing_mm=2.0)
    centre = made.landmarks["femoral-head-left"]
    index = np.argwhere(made.labels.voxels == made.label_names["femur-left"])
    world = index @ made.labels.world_from_voxel[:3, :3].T + made.labels.world_from_voxel[:3, 3]
    reach = np.linalg.norm(world - centre, axis=1)
    medial = world[(reach < 30) & (world[:, 2] < centre[2])]  # away from the neck
    radius = np.linalg.norm(medial - centre, axis=1).max()
    assert 19 < radius < 29.5
    assert abs((medial[:, 0].max() - centre[0]) - radius) < 2.5


def test_an_unknown_phantom_is_refused():
    with pytest.raises(ValueError, match="no phantom 'skull'"):
        phantom("skull")


@pytest.mark.parametrize("subject", [0, 5, 17])
def test_every_bone_is_in_one_piece(subject):
    from scipy.ndimage import label

    from napari_xray_landmarks.phantoms.voxels import bone_volume, grid

    person = individual(subject)
    _, labels = bone_volume(person, *grid((-150, -80, -190), (300, 150, 190), (2.5,) * 3))
    for bone in person.bones:
        pieces = np.bincount(label(labels == bone.label, np.ones((3, 3, 3)))[0].ravel())[1:]
        assert pieces.max() > 0.995 * pieces.sum(), bone.name
