from types import SimpleNamespace

import numpy as np
import pytest
import trimesh

from napari_xray_landmarks.drr.toolbox import box
from napari_xray_landmarks.drr.tools import Tool, carve, closed, thickness, tool_of
from napari_xray_landmarks.errors import InputError
from napari_xray_landmarks.geometry.camera import Camera, CArm
from napari_xray_landmarks.mesh import Mesh

CAMERAS = [CArm(lao, cran, 15, 700, 1000, (0.5, 0.6), (120, 110)).camera() for lao, cran in
           ((0, 0), (40, -30), (90, 0), (180, 80))]


def ball(radius=18.0, centre=(0, 0, 0), subdivisions=4) -> Mesh:
    sphere = trimesh.creation.icosphere(subdivisions=subdivisions, radius=radius)
    return Mesh(sphere.vertices + centre, sphere.faces, "ball")


def rays(camera: Camera) -> np.ndarray:
    rows, columns = np.indices(camera.size_px)
    ray = np.stack([rows, columns, np.ones_like(rows)], -1) @ camera.ray_from_px.T
    return ray / np.linalg.norm(ray, axis=-1, keepdims=True)


def chord(camera: Camera, radius: float) -> np.ndarray:
    along = rays(camera) @ -camera.source_mm
    return 2 * np.sqrt(np.maximum(radius**2 - camera.source_mm @ camera.source_mm + along**2, 0))


@pytest.mark.parametrize("camera", CAMERAS, ids=["AP", "oblique", "lateral", "from below"])
def test_the_thickness_of_a_ball_is_its_chord(camera):
    image = thickness(Tool("ball", "steel", (ball(subdivisions=5),)), camera)
    exact = chord(camera, 18.0)
    assert np.abs(image - exact)[exact > 8].max() < 0.4
    assert np.abs(image - exact).mean() < 0.03
    assert not image[0].any()


def test_a_mirrored_camera_sees_the_same_ball():
    c = CAMERAS[1]
    mirrored = Camera(c.source_mm, c.corner_mm + 109 * c.column_step_mm, c.row_step_mm, -c.column_step_mm, c.size_px)
    tool = Tool("ball", "steel", (ball(),))
    np.testing.assert_allclose(thickness(tool, mirrored)[:, ::-1], thickness(tool, c), atol=1e-4)


def test_what_overlaps_counts_once_and_holes_do_not_count():
    camera = CArm(0, 0, 0, 700, 1000, (0.5, 0.5), (121, 121)).camera()
    twice = Tool("two", "steel", (ball(), ball(centre=(0, 9, 0))))
    assert thickness(twice, camera)[60, 60] == pytest.approx(36 + 9, abs=0.2)
    hollow = Tool("shell", "steel", (ball(),), (ball(10.0),))
    assert thickness(hollow, camera)[60, 60] == pytest.approx(16, abs=0.3)


def test_no_ray_slips_through_an_edge():
    # every edge and corner of the block lies on rays of the grid
    block = box((0, 0, 0), (1, 0, 0), (0, 0, 1), (20, 20, 20))
    source = np.array([0.0, -1000.0, 0.0])
    camera = Camera(source, (-32, 20, -32), (1, 0, 0), (0, 0, 1), (65, 65))
    image = thickness(Tool("block", "titanium", (block,)), camera)
    assert (image[14:51, 14:51] > 39).all()


def test_a_tool_out_of_sight_or_about_the_source_leaves_nothing():
    camera = CAMERAS[0]
    for centre in (camera.source_mm, (0, 0, 900.0), camera.source_mm - (0, 100, 0)):
        assert not thickness(Tool("ball", "steel", (ball(centre=centre),)), camera).any()


@pytest.mark.parametrize("matrix", [np.diag([1.0, 1.2, 0.9, 1]), np.diag([-1.0, 1, 1, 1]),
                                    np.array([[0.8, -0.6, 0, 0], [0.6, 0.8, 0, 0], [0, 0, 1.0, 0], [0, 0, 0, 1]])])
def test_carving_takes_out_the_volume(matrix):
    matrix = matrix.copy()
    matrix[:3, 3] = -(matrix[:3, :3] @ [24, 25, 26])
    values = np.ones((49, 51, 53), np.float32)
    tool = Tool("ball", "steel", (ball(13.3),))
    carve(values, matrix, tool)
    assert values.min() == 0 and values.max() == 1
    taken = (1 - values).sum() * abs(np.linalg.det(matrix))
    assert taken == pytest.approx(tool.solids[0].volume_mm3, rel=0.01)


def test_a_wide_open_surface_is_refused():
    whole = ball()
    cup = Mesh(whole.vertices, whole.faces[whole.vertices[whole.faces][..., 0].max(1) < 12], "cup.stl")
    with pytest.raises(InputError, match="cup.stl: the surface is open: a hole of .* hole filter"):
        Tool("cup", "steel", (cup,))


@pytest.mark.parametrize("way", [1, -1], ids=["outwards", "inwards"])
def test_small_holes_are_closed(way):
    whole = ball()
    leaky = Tool("ball", "steel", (Mesh(whole.vertices, np.delete(whole.faces, (40, 41, 900), 0)[:, ::way], "leaky"),))
    assert leaky.solids[0].volume_mm3 == pytest.approx(whole.volume_mm3, rel=1e-3)
    for camera in CAMERAS:
        assert np.abs(thickness(leaky, camera) - thickness(Tool("ball", "steel", (whole,)), camera)).max() < 0.5


def test_triangles_that_disagree_are_refused():
    faces = np.array(ball().faces)
    faces[5] = faces[5, ::-1]
    with pytest.raises(InputError, match="at 3 of 7680 edges"):
        closed(Mesh(ball().vertices, faces, "twisted"))


def test_a_surface_that_encloses_nothing_is_refused():
    flat = Mesh(ball().vertices * (1, 1, 0), ball().faces, "flat")
    with pytest.raises(InputError, match="flat: the surface encloses"):
        closed(flat)


def test_an_inverted_surface_is_turned_round():
    inverted = Mesh(ball().vertices, ball().faces[:, ::-1])
    assert inverted.volume_mm3 < 0 < closed(inverted).volume_mm3
    np.testing.assert_array_equal(thickness(Tool("b", "steel", (inverted,)), CAMERAS[0]),
                                  thickness(Tool("b", "steel", (ball(),)), CAMERAS[0]))


def test_wood_is_no_metal():
    with pytest.raises(ValueError, match="wood"):
        Tool("splint", "wood", (ball(),))


def test_a_solid_of_distances_becomes_a_tool():
    solid = SimpleNamespace(bounds_mm=lambda margin_mm: np.array([[-9.0 - margin_mm] * 3, [9.0 + margin_mm] * 3]),
                            distance_mm=lambda points: np.linalg.norm(points, axis=1) - 9)
    tool = tool_of(SimpleNamespace(kind="bead", hu=20000.0, solid=solid))
    assert (tool.kind, tool.material) == ("bead", "steel")
    assert tool.solids[0].volume_mm3 == pytest.approx(4 / 3 * np.pi * 9**3, rel=0.02)
    assert tool_of(tool) is tool
