"""CTs from surfaces: exact to a voxel, tolerant of small holes, clear about what is no solid."""

import numpy as np
import pytest
import trimesh

from napari_xray_landmarks.drr.render import render
from napari_xray_landmarks.drr.repair import holes, solid_surface
from napari_xray_landmarks.errors import InputError
from napari_xray_landmarks.geometry.camera import CArm
from napari_xray_landmarks.imaging import Volume
from napari_xray_landmarks.mesh import Mesh
from napari_xray_landmarks.phantoms.distance import distance_field
from napari_xray_landmarks.phantoms.surfaces import SurfaceBone, bones_of, ct_from_surfaces, varying

CENTRE = np.array([1.3, -2.1, 0.7])
RADIUS = 20.0


def sphere(radius: float = RADIUS, centre=CENTRE, detail: int = 4) -> Mesh:
    made = trimesh.creation.icosphere(detail, radius)
    return Mesh(made.vertices + centre, made.faces, "sphere")


def without(mesh: Mesh, faces) -> Mesh:
    return Mesh(mesh.vertices, np.delete(mesh.faces, faces, axis=0), mesh.name)


def field_of(mesh: Mesh, spacing, depth_mm=10.0):
    origin, spacing = np.array([-30.0, -31.0, -29.0]), np.asarray(spacing, float)
    shape = tuple(np.ceil(62 / spacing).astype(int))
    field = distance_field(mesh, origin, spacing, shape, depth_mm=depth_mm)
    index = np.stack(np.meshgrid(*map(np.arange, field.distance_mm.shape), indexing="ij"), -1)
    return field, origin + (index + field.first) * spacing


@pytest.mark.parametrize("spacing", [(1, 1, 1), (0.8, 1.3, 1.9)])
def test_distances_are_those_to_a_sphere(spacing):
    field, points = field_of(sphere(), spacing)
    true = np.linalg.norm(points - CENTRE, axis=-1) - RADIUS
    facet = 0.05  # how deep the triangles cut into the sphere
    near = np.abs(true) < 1.5 * max(spacing)
    np.testing.assert_allclose(field.distance_mm[near], true[near], atol=facet)
    inside = (true < -1) & (true > -9.5)
    assert np.abs(field.distance_mm - true)[inside].max() < 0.3
    assert (field.distance_mm < 0)[true < -facet].all() and (field.distance_mm > 0)[true > facet].all()


def test_rays_through_vertices_and_edges_do_not_slip_through():
    made = trimesh.creation.box((20, 20, 20))  # its edges and diagonals lie on the grid
    field, points = field_of(Mesh(made.vertices, made.faces), (1, 1, 1))
    inside = (np.abs(points) < 9.9).all(-1)
    assert (field.distance_mm[inside] < 0).all()
    assert (field.distance_mm[(np.abs(points) > 10.1).any(-1)] > 0).all()


def test_a_mesh_beside_the_grid_gives_nothing():
    assert distance_field(sphere(), np.full(3, 100.0), np.ones(3), (8, 8, 8), depth_mm=5) is None


def test_a_mesh_that_leaves_the_grid_is_cut():
    field = distance_field(sphere(centre=(0, 0, 0)), np.zeros(3), np.ones(3), (30, 30, 30), depth_mm=5)
    assert tuple(field.first) == (0, 0, 0) and field.distance_mm[0, 0, 0] < 0 < field.distance_mm[22, 0, 0]


@pytest.mark.parametrize("lost", [[3], [3, 100, 500], list(range(12))])
def test_small_holes_are_closed(lost):
    whole, holed = sphere(), without(sphere(), lost)
    assert holes(holed) and not holes(whole)
    closed = solid_surface(holed)
    assert not holes(closed)
    assert closed.volume_mm3 == pytest.approx(whole.volume_mm3, rel=2e-3)
    field, _ = field_of(closed, (1, 1, 1))
    reference, _ = field_of(whole, (1, 1, 1))
    assert ((field.distance_mm < 0) != (reference.distance_mm < 0)).sum() <= 3


def test_stray_bodies_are_dropped():
    big, stray = sphere(), sphere(1.0, (40, 0, 0), 1)
    both = Mesh(np.vstack([big.vertices, stray.vertices]), np.vstack([big.faces, stray.faces + len(big.vertices)]))
    assert solid_surface(both).volume_mm3 == pytest.approx(big.volume_mm3)


def test_what_is_no_solid_is_refused_with_its_name():
    mesh = sphere()
    half = without(mesh, np.flatnonzero(mesh.corners.mean(1)[:, 0] > CENTRE[0]))
    with pytest.raises(InputError, match="sphere: the surface is open: a hole of 1[12]"):
        solid_surface(half)
    with pytest.raises(InputError, match="faces inwards"):
        solid_surface(Mesh(mesh.vertices, mesh.faces[:, ::-1], "sphere"))
    mixed = mesh.faces.copy()
    mixed[::3] = mixed[::3, ::-1]
    with pytest.raises(InputError, match="disagree"):
        solid_surface(Mesh(mesh.vertices, mixed, "sphere"))


@pytest.fixture(scope="module")
def ball():
    """A CT of a bone with a cortex of 3 mm in the upper and 6 mm in the lower half."""
    mesh = sphere()
    cortex = np.where(mesh.vertices[:, 0] > CENTRE[0], 3.0, 6.0)
    bone = SurfaceBone("ball", 7, mesh, cortex, 1000, 200)
    box = CENTRE - (40, 95, 95), CENTRE + (40, 95, 95)
    return ct_from_surfaces([bone], spacing_mm=1.0, box_mm=box, texture_hu=0.0)


def depths(volume: Volume) -> tuple[np.ndarray, np.ndarray]:
    index = np.stack(np.meshgrid(*map(np.arange, volume.shape), indexing="ij"), -1)
    points = index @ volume.world_from_voxel[:3, :3].T + volume.world_from_voxel[:3, 3]
    return RADIUS - np.linalg.norm(points - CENTRE, axis=-1), points


def test_the_label_is_the_solid_to_a_voxel(ball):
    _, labels = ball
    depth, _ = depths(labels)
    assert (labels.voxels[depth > 0.6] == 7).all() and (labels.voxels[depth < -0.6] == 0).all()
    assert (labels.voxels > 0).sum() == pytest.approx(4 / 3 * np.pi * RADIUS**3, rel=0.02)


def test_the_shell_is_as_thick_as_told(ball):
    ct, _ = ball
    depth, points = depths(ct)
    for way, thickness in ((1, 3.0), (-1, 6.0)):
        half = way * (points[..., 0] - CENTRE[0]) > 6
        profile = [ct.voxels[half & (np.abs(depth - d) < 0.25)].mean() for d in np.arange(0.5, 12, 0.5)]
        assert 0.5 * sum(value > 650 for value in profile) == pytest.approx(thickness, abs=1.0)


def test_soft_parts_lie_round_the_bone(ball):
    ct, labels = ball
    depth, _ = depths(ct)
    assert np.median(ct.voxels[(depth < -3) & (depth > -15)]) == pytest.approx(50, abs=15)
    line = ct.voxels[40, :, 95]
    body = np.flatnonzero(line > -500)
    assert line[0] < -950 and 2 * (RADIUS + 34) < body[-1] - body[0] < 2 * (RADIUS + 67)
    fat = line[body[0] + 3:body[0] + 6]
    assert (fat > -160).all() and (fat < -40).all()


def test_marrow_is_where_it_is_told():
    mesh = sphere()
    marrow = (mesh.vertices[:, 2] > CENTRE[2]).astype(float)
    bone = SurfaceBone("ball", 1, mesh, 3.0, 1000, 200, marrow)
    ct, _ = ct_from_surfaces([bone], box_mm=(CENTRE - 40, CENTRE + 40), texture_hu=0.0)
    depth, points = depths(ct)
    core = (depth > 8) & (depth < 11)
    assert ct.voxels[core & (points[..., 2] > CENTRE[2] + 6)].mean() < 0
    assert ct.voxels[core & (points[..., 2] < CENTRE[2] - 6)].mean() > 120


def test_the_film_of_a_shell_shows_its_mass():
    """The line integrals of a film, summed over its area at the object, are the mass of the shell."""
    bone = SurfaceBone("ball", 1, sphere(), 4.0, 1000, 0.0)
    ct, labels = ct_from_surfaces([bone], spacing_mm=0.8, box_mm=(CENTRE - 24, CENTRE + 24), texture_hu=0.0)
    arm = CArm(20, 10, 0, 3000, 3060, (0.51, 0.51), (120, 120), tuple(CENTRE))  # 0.5 mm at the object
    excess = Volume(np.where(labels.voxels > 0, ct.voxels - 50.0, 0), ct.world_from_voxel)
    shell = 4 / 3 * np.pi * (RADIUS**3 - (RADIUS - 4) ** 3)
    assert render(excess, arm.camera()).sum() * 0.25 == pytest.approx(1000 * shell, rel=0.05)


def test_the_same_seed_gives_the_same_body_and_another_does_not():
    bones = bones_of([sphere()])
    first, again, other = (ct_from_surfaces(bones, spacing_mm=2.5, rng=seed)[0] for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.voxels, again.voxels)
    assert first.shape != other.shape or (first.voxels != other.voxels).any()


def test_impossible_substances_are_refused():
    with pytest.raises(ValueError, match="cortex_mm"):
        SurfaceBone("b", 1, sphere(), -1.0)
    with pytest.raises(ValueError, match="label"):
        SurfaceBone("b", 300, sphere())


def test_values_vary_smoothly_about_their_mean():
    points = np.random.default_rng(1).uniform(-100, 100, (4000, 3))
    values = varying(points, 2.0, 0.25, np.random.default_rng(2))
    assert values.mean() == pytest.approx(2, abs=0.15) and 0.3 < values.std() < 0.7 and values.min() > 0
    near = varying(points + 1.0, 2.0, 0.25, np.random.default_rng(2))
    assert np.abs(near - values).max() < 0.4
