"""Landmarks and outlines in a view, against balls whose shadow is known."""

import numpy as np
import pytest

from napari_xray_landmarks.drr.projection import (
    isocentre_of,
    label_names,
    label_surfaces,
    misses,
    outlines,
    project_landmarks,
    require_in_volume,
    shadow,
)
from napari_xray_landmarks.drr.render import render
from napari_xray_landmarks.errors import InputError
from napari_xray_landmarks.geometry.camera import CArm
from napari_xray_landmarks.imaging import Volume
from napari_xray_landmarks.landmarks import LandmarkSet

SPACING, SHAPE = np.array([1.0, 1.5, 1.25]), (60, 50, 56)
WORLD_FROM_VOXEL = np.diag([*SPACING, 1.0])
WORLD_FROM_VOXEL[:3, 3] = -20, 10, -30
CENTRE = np.array([12.0, 45.0, 8.0])
RADIUS = 14.0
ARM = CArm(25, -15, 10, 700, 1100, (0.8, 0.9), (200, 240), tuple(CENTRE + (4, -3, 5)))


def distance_from(point):
    index = np.stack(np.indices(SHAPE), -1)
    return np.linalg.norm(index * SPACING + WORLD_FROM_VOXEL[:3, 3] - point, axis=-1)


@pytest.fixture(scope="module")
def labels():
    return Volume((distance_from(CENTRE) <= RADIUS).astype(np.uint8) * 3, WORLD_FROM_VOXEL, "labels")


def angle_to_centre(camera, points_px):
    """Angle in radians between the rays of some pixels and the one through the ball's centre."""
    rays = np.column_stack([points_px, np.ones(len(points_px))]) @ camera.ray_from_px.T
    to_centre = CENTRE - camera.source_mm
    return np.arccos(rays @ to_centre / np.linalg.norm(rays, axis=1) / np.linalg.norm(to_centre))


def test_a_balls_outline_is_where_rays_touch_it(labels):
    camera = ARM.camera()
    surfaces = label_surfaces(labels)
    (contour,) = outlines(surfaces, camera, tolerance_px=0)
    assert contour.name == "label-3" and contour.closed and contour.unit == "px"
    reach = np.linalg.norm(CENTRE - camera.source_mm)
    touching = np.arcsin(RADIUS / reach)
    off_mm = (angle_to_centre(camera, contour.points) - touching) * reach
    assert abs(off_mm.mean()) < 0.15 and np.abs(off_mm).max() < 0.8, "within a voxel's steps"
    (simple,) = outlines(surfaces, camera)
    assert len(simple.points) < len(contour.points) / 2
    assert np.abs((angle_to_centre(camera, simple.points) - touching) * reach).max() < 0.8


def test_surfaces_are_closed_and_as_large_as_what_is_labelled(labels):
    (mesh,) = label_surfaces(labels, {3: "head", 8: "nothing"})
    assert mesh.name == "head"
    assert mesh.volume_mm3 == pytest.approx((labels.voxels > 0).sum() * SPACING.prod(), rel=0.02)
    np.testing.assert_allclose(mesh.vertices.mean(0), CENTRE, atol=0.1)
    (coarse,) = label_surfaces(labels, step=2)
    assert len(coarse.faces) < len(mesh.faces) / 3
    assert coarse.volume_mm3 == pytest.approx(mesh.volume_mm3, rel=0.06)
    cut = Volume(labels.voxels[:30], WORLD_FROM_VOXEL, "labels")
    (half,) = label_surfaces(cut)
    assert half.volume_mm3 == pytest.approx((cut.voxels > 0).sum() * SPACING.prod(), rel=0.03), "closed at the border"


def test_an_outline_that_leaves_the_film_is_closed_along_its_edge(labels):
    half = CArm(isocentre_mm=tuple(CENTRE + (0, 0, 40)), pixel_spacing_mm=(0.5, 0.5), size_px=(200, 256))
    (contour,) = outlines(label_surfaces(labels), half.camera())
    assert contour.points[:, 1].min() == -0.5
    away = CArm(isocentre_mm=tuple(CENTRE + (0, 0, 400)), size_px=(100, 100))
    assert outlines(label_surfaces(labels), away.camera()) == []


def test_a_hole_is_an_outline_too():
    ring = np.zeros(SHAPE, np.uint8)
    ring[10:50, 20:26, 10:46] = 1
    ring[22:38, :, 20:36] = 0
    surfaces = label_surfaces(Volume(ring, WORLD_FROM_VOXEL, "labels"))
    found = outlines(surfaces, CArm(isocentre_mm=tuple(CENTRE)).camera())
    assert len(found) == 2


def test_a_triangles_shadow_covers_its_area():
    points = np.array([[2.0, 3.0], [41.5, 9.0], [20.0, 55.0]])
    area = abs(np.linalg.det([points[1] - points[0], points[2] - points[0]])) / 2
    assert shadow(points, [[0, 1, 2]], (0, 0), (50, 60)).sum() == pytest.approx(area, rel=0.01)
    assert shadow(points, [[0, 1, 2]], (20, 10), (30, 20)).all(), "a window inside it"
    assert not shadow(np.full((3, 2), np.nan), [[0, 1, 2]], (0, 0), (5, 5)).any()


@pytest.mark.parametrize("seed", range(8))
def test_a_landmark_lies_on_the_middle_of_a_rendered_ball(seed):
    rng = np.random.default_rng(seed)
    point = CENTRE + rng.uniform(-8, 8, 3)
    ball = Volume(np.exp(-0.5 * (distance_from(point) / 3.0) ** 2).astype(np.float32), WORLD_FROM_VOXEL)
    arm = CArm(*rng.uniform((-60, -45, -30), (60, 45, 30)), 700, 1100, (0.9, 0.9), (220, 240), tuple(CENTRE))
    image = render(ball, arm.camera()).astype(float)
    rows, columns = np.indices(image.shape)
    middle = np.array([(rows * image).sum(), (columns * image).sum()]) / image.sum()
    found = project_landmarks(LandmarkSet(("ball",), point[None], unit="mm"), arm.camera())
    np.testing.assert_allclose(found["ball"], middle, atol=0.1)
    assert found.unit == "px" and found.detected.all()


def test_what_is_outside_the_film_behind_the_source_or_unknown_is_told():
    points = [[0, 0, 0], [0, 0, 500], [0, -800, 0], [np.nan] * 3, [73.5, 0, 0]]
    marks = LandmarkSet(tuple("abcde"), points, [1, 1, 1, np.nan, 0.5], unit="mm")
    seen = project_landmarks(marks, CArm(pixel_spacing_mm=(0.6, 0.6), size_px=(401, 401)).camera())
    assert seen.detected.tolist() == [True, False, False, False, True]
    assert np.isnan(seen.points[[2, 3]]).all() and seen["b"][1] > 401
    np.testing.assert_array_equal(seen.confidence, marks.confidence)
    with pytest.raises(ValueError, match="3D"):
        project_landmarks(LandmarkSet(("a",), [[1.0, 2]]), CArm().camera())


def test_landmarks_of_another_frame_are_refused(labels):
    require_in_volume(LandmarkSet(("in", "out"), [CENTRE, CENTRE + 500], unit="mm"), labels, "marks")
    with pytest.raises(InputError, match="none of its 2 landmarks"):
        require_in_volume(LandmarkSet(("a", "b"), [-CENTRE * 5, CENTRE + 500], unit="mm"), labels, "marks")


def test_a_view_is_centred_on_the_landmarks_or_the_volume(labels):
    marks = LandmarkSet("abcd", [[0, 30, 0], [10, 40, 6], [900, 0, 0], [np.nan] * 3], unit="mm")
    assert isocentre_of(labels, marks) == (5, 35, 3), "of those in the volume"
    middle = tuple(WORLD_FROM_VOXEL[:3, 3] + SPACING * (np.array(SHAPE) - 1) / 2)
    assert isocentre_of(labels) == pytest.approx(middle)


@pytest.mark.parametrize(("off", "nothing"), [((0, 0, 0), False), ((0, 0, 60), False), ((0, 0, 200), True),
                                              ((-300, 0, 0), True), ((0, -2000, 0), True), ((0, 700, 0), False)])
def test_a_view_that_misses(labels, off, nothing):
    arm = CArm(isocentre_mm=tuple(CENTRE - off), size_px=(200, 200), pixel_spacing_mm=(0.5, 0.5))
    assert misses(labels, arm.camera()) == nothing
    if nothing:
        assert not render(labels, arm.camera()).any()


def test_bones_are_told_from_soft_parts():
    values = np.zeros(SHAPE, np.uint8)
    values[5:20, 5:40, 5:40], values[30:50, 5:40, 5:40] = 2, 5
    hu = np.full(SHAPE, -1000, np.int16)
    hu[values == 2], hu[values == 5] = 40, 250
    names = label_names(Volume(values, name="labels"), Volume(hu, name="ct", modality="CT"))
    assert names == {5: "label-5"}
    assert label_names(Volume(values, name="labels")) == {2: "label-2", 5: "label-5"}
    with pytest.raises(InputError, match="grid"):
        label_names(Volume(values[1:], name="labels"), Volume(hu, name="ct", modality="CT"))


@pytest.mark.parametrize("values", [np.linspace(0, 1, 60), np.arange(60) - 1, np.arange(60) * 2000])
def test_what_are_no_labels_is_refused(values):
    with pytest.raises(InputError, match="label"):
        label_surfaces(Volume(np.tile(values.reshape(-1, 1, 1), (1, 4, 4)), name="ct"))
