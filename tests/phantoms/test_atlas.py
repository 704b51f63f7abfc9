"""The pelvis atlas and the femur model: real data, where they are; the vertices mean what they say."""

import os
from pathlib import Path

import numpy as np
import pytest

from napari_xray_landmarks.drr.repair import solid_surface
from napari_xray_landmarks.errors import FileError
from napari_xray_landmarks.mesh import Mesh
from napari_xray_landmarks.phantoms import SCHEMAS
from napari_xray_landmarks.phantoms.atlas import (
    FILES,
    SIDES,
    atlas_subjects,
    levelled,
    pelvis_shapes,
    read_pelvis,
    without_spikes,
)
from napari_xray_landmarks.phantoms.atlas_people import atlas_person, sampled_person
from napari_xray_landmarks.phantoms.distance import distance_field
from napari_xray_landmarks.phantoms.pelvis import HIP_LANDMARKS, LABELS
from napari_xray_landmarks.phantoms.vertices import VERTICES, sphere

DATA = Path(os.environ.get("XRAY_LANDMARKS_DATA", Path(__file__).parents[3] / "shared" / "data"))
ATLAS, MODEL = DATA / "pelvis-atlas", DATA / "femur" / "femur_gp_model_100-components.h5"
with_atlas = pytest.mark.skipif(not ATLAS.is_dir(), reason=f"{ATLAS} is not there")
with_femurs = pytest.mark.skipif(not MODEL.is_file(), reason=f"{MODEL} is not there")
real = pytest.mark.realdata


def test_the_sphere_through_points_is_found():
    rng = np.random.default_rng(0)
    rays = rng.standard_normal((200, 3))
    points = [3, -4, 5] + 7 * rays / np.linalg.norm(rays, axis=1, keepdims=True)
    centre, radius = sphere(points[points[:, 0] > 3])
    np.testing.assert_allclose(centre, [3, -4, 5], atol=1e-9)
    assert radius == pytest.approx(7)


def test_the_vertices_name_every_landmark_of_the_schema_but_the_femurs():
    named = set(VERTICES["pelvis-atlas"]["landmarks"])
    femoral = {n for n in SCHEMAS["pelvis"].names if n.startswith(("femoral", "greater", "lesser"))}
    assert named == set(SCHEMAS["pelvis"].names) - femoral
    assert set(VERTICES["femur"]["landmarks"]) == {"greater-trochanter", "lesser-trochanter"}


def test_a_spike_is_put_back_between_its_neighbours():
    rows, columns = np.meshgrid(np.arange(6), np.arange(6), indexing="ij")
    points = np.column_stack([rows.ravel(), columns.ravel(), np.zeros(36)]).astype(float)
    first = (rows[:-1, :-1] * 6 + columns[:-1, :-1]).ravel()
    faces = np.concatenate([np.column_stack([first, first + 1, first + 6]), np.column_stack([first + 1, first + 7,
                                                                                             first + 6])])
    spiked = points.copy()
    spiked[14] = (2, 2, 50)
    mended = without_spikes(Mesh(spiked, faces)).vertices
    np.testing.assert_allclose(mended, points, atol=1e-9)


def test_a_folder_without_the_atlas_is_refused(tmp_path):
    with pytest.raises(FileError, match="no pelvis atlas"):
        atlas_subjects(tmp_path)
    for place, start in (("left", "LeftHip"), ("right", "RightHip"), ("sacrum", "Sacrum")):
        (tmp_path / place).mkdir()
        (tmp_path / place / f"{start}1_cpd.vtk.gz").write_bytes(b"")
    (tmp_path / "left" / "LeftHip2_cpd.vtk.gz").write_bytes(b"")
    with pytest.raises(FileError, match="subject 2 lacks a bone"):
        atlas_subjects(tmp_path)
    with pytest.raises(FileError, match="no hip-right of subject 9|no hip-left of subject 9"):
        read_pelvis(tmp_path, "9")


@real
@with_atlas
def test_a_pelvis_is_level_between_its_hips():
    pelvis = read_pelvis(ATLAS, "3")
    (left, _), (right, _) = pelvis.acetabulum("left"), pelvis.acetabulum("right")
    np.testing.assert_allclose(left, -right, atol=1e-6)
    np.testing.assert_allclose(left[:2], 0, atol=1e-6)
    assert 65 < left[2] < 105
    np.testing.assert_allclose(levelled(pelvis.vertices), pelvis.vertices, atol=1e-6)
    assert all(solid_surface(pelvis.mesh(bone)).volume_mm3 > 1e5 for bone in FILES)


@real
@with_atlas
@pytest.mark.parametrize("subject", ["2", "17", "45"])
def test_the_lunate_surfaces_are_spheres_of_a_hips_size(subject):
    pelvis = read_pelvis(ATLAS, subject)
    for side in SIDES:
        centre, radius = pelvis.acetabulum(side)
        surface = pelvis.of(f"hip-{side}")[VERTICES["pelvis-atlas"]["lunate-surface"][f"hip-{side}"]]
        off = np.linalg.norm(surface - centre, axis=1) - radius
        assert 21 < radius < 31 and np.sqrt((off**2).mean()) < 1.2


@real
@with_atlas
def test_landmarks_are_the_extremes_that_define_them():
    """By vertex number over several subjects: within 12 mm no vertex of the bone is much farther out."""
    beyond = {name: [] for name in (*HIP_LANDMARKS, "iliac-crest")}
    for subject in ("2", "8", "15", "33", "49", "65"):
        pelvis = read_pelvis(ATLAS, subject)
        found = pelvis.landmarks()
        for name, (_, way) in HIP_LANDMARKS.items():
            for side, sign in SIDES.items():
                vertices, point = pelvis.of(f"hip-{side}"), found[f"{name}-{side}"]
                out = (vertices - point) @ (np.array(way) * (1, 1, sign)) / np.linalg.norm(way)
                beyond[name].append(out[np.linalg.norm(vertices - point, axis=1) < 12].max())
        for side in SIDES:  # the highest point of the crest straight above the head
            crest, head = found[f"iliac-crest-{side}"], found[f"femoral-head-{side}"]
            vertices = pelvis.of(f"hip-{side}")
            beyond["iliac-crest"].append(vertices[np.abs(vertices[:, 2] - crest[2]) < 3][:, 0].max() - crest[0])
            assert abs(crest[2] - head[2]) < 25
    for name, heights in beyond.items():
        assert np.median(heights) < 1.5, (name, np.round(heights, 1))


@real
@with_atlas
def test_anatomy_is_in_order():
    for subject in atlas_subjects(ATLAS)[::6]:
        at = read_pelvis(ATLAS, subject).landmarks()
        for side, sign in SIDES.items():
            s, p, l = (lambda n, axis=axis: at[f"{n}-{side}"][axis] for axis in range(3))  # noqa: B023, E741
            assert s("iliac-crest") > s("iliac-tubercle") > s("asis") > s("aiis") > s("femoral-head")
            assert s("ischial-spine") > s("ischial-tuberosity") and p("ischial-spine") > p("femoral-head") > p("aiis")
            assert sign * l("iliac-tubercle") > sign * l("femoral-head") > sign * l("ischial-spine") > 0
        assert at["sacral-promontory"][0] > at["symphysis-superior"][0] > at["symphysis-inferior"][0]


@real
@with_atlas
def test_sampled_pelves_differ_like_the_subjects_they_come_from():
    subjects = ("2", "8", "15", "33", "49", "65")
    shapes = pelvis_shapes(ATLAS, subjects)
    assert shapes.subjects == subjects and 3 <= len(shapes.modes) <= 5
    for subject in subjects:
        assert np.abs(shapes.deviations(read_pelvis(ATLAS, subject))).max() < 3
    first, again, other = (shapes.sample(np.random.default_rng(n)) for n in (0, 0, 1))
    np.testing.assert_array_equal(first.vertices, again.vertices)
    apart = np.sqrt(((first.vertices - other.vertices) ** 2).sum(1).mean())
    assert 3 < apart < 40
    with pytest.raises(ValueError, match="at least 3"):
        pelvis_shapes(ATLAS, ("2", "3"))


@real
@with_atlas
@with_femurs
@pytest.mark.parametrize("make", [
    lambda: atlas_person(ATLAS, "2", femurs=MODEL), lambda: sampled_person(ATLAS, ("2", "8", "15", "33"), (4, 0)),
], ids=["real pelvis and femurs", "sampled pelvis, phantom femurs"])
def test_a_person_has_every_landmark_on_its_bones(make):
    pytest.importorskip("h5py")
    person = make()
    made = person.phantom(spacing_mm=3.0)
    assert made.landmarks.names == SCHEMAS["pelvis"].names
    voxel_from_world = np.linalg.inv(made.labels.world_from_voxel)
    for name, point in zip(made.landmarks.names, made.landmarks.points, strict=True):
        at = np.rint(voxel_from_world[:3, :3] @ point + voxel_from_world[:3, 3]).astype(int)
        near = made.labels.voxels[tuple(slice(i - 2, i + 3) for i in at)]
        side = name.rsplit("-", 1)[1]
        bone = {"symphysis": "hip-left", "sacral": "sacrum", "femoral": f"femur-{side}", "greater": f"femur-{side}",
                "lesser": f"femur-{side}"}.get(name.split("-")[0], f"hip-{side}")
        assert (near == LABELS[bone]).any(), name
    assert set(np.unique(made.labels.voxels)) >= {0, *(LABELS[b] for b in (*FILES, "femur-left", "femur-right", "L5"))}
    for side in SIDES:  # the head lies in the socket: concentric, with a joint's space between
        centre = person.landmarks[f"femoral-head-{side}"]
        at = np.rint(voxel_from_world[:3, :3] @ centre + voxel_from_world[:3, 3]).astype(int)
        assert made.labels.voxels[tuple(at)] == LABELS[f"femur-{side}"]


@real
@with_atlas
@with_femurs
def test_femurs_keep_clear_of_the_hip_bones():
    pytest.importorskip("h5py")
    person = atlas_person(ATLAS, "15", femurs=MODEL)
    bones = {b.name: b for b in person.bones}
    for side in SIDES:
        origin = person.landmarks[f"femoral-head-{side}"] - 40
        fields = [distance_field(bones[f"{bone}-{side}"].mesh, origin, np.full(3, 2.0), (40, 40, 40), depth_mm=4)
                  for bone in ("hip", "femur")]
        inside = [np.zeros((40, 40, 40), bool) for _ in fields]
        for field, mask in zip(fields, inside, strict=True):
            box = tuple(slice(a, a + n) for a, n in zip(field.first, field.distance_mm.shape, strict=True))
            mask[box] = field.distance_mm < 0
        assert (inside[0] & inside[1]).sum() < 0.02 * inside[1].sum()
