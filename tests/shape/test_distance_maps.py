import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_xray_landmarks.shape.distance_maps import Grid, distance_map
from napari_xray_landmarks.shape.even_surface import even_surface, fine_surface

CENTRE, RADIUS = np.array([1.0, 2.0, 3.0]), 15.0


def ball(matrix, shape) -> np.ndarray:
    at = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), axis=-1)
    return np.linalg.norm(at @ matrix[:3, :3].T + matrix[:3, 3] - CENTRE, axis=-1) < RADIUS


def about_centre(spacing, turn=None) -> tuple[np.ndarray, tuple]:
    matrix, shape = np.eye(4), tuple(int(np.ceil(36 / s)) for s in spacing)
    matrix[:3, :3] = (np.eye(3) if turn is None else turn) * np.array(spacing)
    matrix[:3, 3] = CENTRE - matrix[:3, :3] @ ((np.array(shape) - 1) / 2)
    return matrix, shape


def some_points(rng, low=8.0, high=22.0) -> np.ndarray:
    ways = rng.standard_normal((500, 3))
    return CENTRE + ways / np.linalg.norm(ways, axis=1, keepdims=True) * rng.uniform(low, high, (500, 1))


def test_distances_of_a_ball():
    matrix, shape = about_centre((1, 1, 1))
    points = some_points(np.random.default_rng(0))
    away = distance_map(ball(matrix, shape), matrix).at(points) - (np.linalg.norm(points - CENTRE, axis=1) - RADIUS)
    assert np.abs(away).mean() < 0.25 and np.abs(away).max() < 0.8


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 100))
def test_thick_slices_in_any_direction_are_interpolated(seed):
    turn, _ = np.linalg.qr(np.random.default_rng(seed).standard_normal((3, 3)))
    matrix, shape = about_centre((1, 1, 4), turn)
    found = distance_map(ball(matrix, shape), matrix)
    surface = found.onto_surface(some_points(np.random.default_rng(seed), 14, 16))
    away = np.linalg.norm(surface - CENTRE, axis=1) - RADIUS
    assert np.abs(away).mean() < 0.6 and abs(away.mean()) < 0.4


def test_far_outside_the_distance_goes_on():
    matrix, shape = about_centre((1, 1, 1))
    found = distance_map(ball(matrix, shape), matrix)
    assert found.at([CENTRE + (60.0, 0, 0)])[0] == pytest.approx(45, abs=0.5)


def test_the_box_holds_the_bone():
    matrix, shape = about_centre((1, 1, 1))
    np.testing.assert_allclose(distance_map(ball(matrix, shape), matrix).bounds_mm,
                               [CENTRE - RADIUS, CENTRE + RADIUS], atol=0.8)


def test_points_of_an_even_surface_are_spread_evenly():
    matrix, shape = about_centre((1, 1, 1))
    mesh = even_surface(distance_map(ball(matrix, shape), matrix), 300, np.random.default_rng(0))
    assert len(mesh.vertices) == 300 and len(mesh.faces) == 596
    lengths = np.linalg.norm(np.diff(mesh.vertices[mesh.faces[:, :2]], axis=1)[:, 0], axis=1)
    assert lengths.std() < 0.2 * lengths.mean()
    assert mesh.volume_mm3 == pytest.approx(4 / 3 * np.pi * RADIUS**3, rel=0.04)


def test_a_fine_surface_is_closed_and_outwards():
    matrix, shape = about_centre((1, 1, 3))
    mesh = fine_surface(distance_map(ball(matrix, shape), matrix), 1.0)
    assert mesh.volume_mm3 == pytest.approx(4 / 3 * np.pi * RADIUS**3, rel=0.05)


def test_specks_about_a_bone_get_no_points():
    matrix, shape = about_centre((1, 1, 1))
    mask = ball(matrix, shape)
    mask[1, 1, 1] = True
    mesh = even_surface(distance_map(mask, matrix), 200, np.random.default_rng(0))
    assert np.abs(np.linalg.norm(mesh.vertices - CENTRE, axis=1) - RADIUS).max() < 1


def test_a_bone_too_small_for_the_points_is_refused(monkeypatch):
    monkeypatch.setattr("napari_xray_landmarks.shape.even_surface._MOST_VOXELS", 1000)
    with pytest.raises(ValueError, match="too small for 2000 points"):
        even_surface(distance_map(np.ones((3, 3, 3), bool), np.eye(4)), 2000, np.random.default_rng(0))


def test_a_grid_knows_its_places():
    grid = Grid.about([[0, 0, 0], [4, 6, 8]], 1.0, 0.5)
    assert grid.shape == (13, 17, 21)
    np.testing.assert_allclose(grid.index(grid.points()[3, 4, 5]), [3, 4, 5])
    assert grid.at(grid.points()[..., 1], [[1.2, 2.3, 3.4]])[0] == pytest.approx(2.3)
