import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from napari_xray_landmarks.mesh import Mesh
from napari_xray_landmarks.shape.distances import (
    curve_distances,
    point_to_curve,
    point_to_surface,
    resampled,
    sampled,
    surface_distances,
)

ANGLE = np.linspace(0, 2 * np.pi, 400, endpoint=False)
UNIT = np.column_stack([np.cos(ANGLE), np.sin(ANGLE)])


def ball(radius: float) -> Mesh:
    import trimesh

    made = trimesh.creation.icosphere(4, radius)
    return Mesh(made.vertices, made.faces)


@pytest.mark.parametrize("dimension", [2, 3])
@given(data=st.data())
def test_the_nearest_place_is_nearer_than_any_sample_of_the_curve(dimension, data):
    numbers = st.floats(-9, 9)
    curve = data.draw(arrays(float, (4, dimension), elements=numbers))
    points = data.draw(arrays(float, (3, dimension), elements=numbers))
    t = np.linspace(0, 1, 401)[:, None]
    samples = np.vstack([a + t * (b - a) for a, b in zip(curve, np.roll(curve, -1, 0), strict=True)])
    brute = np.linalg.norm(points[:, None] - samples, axis=2).min(1)
    found = point_to_curve(points, curve)
    assert (found <= brute + 1e-9).all() and (found >= brute - 0.05).all()


def test_many_points_give_the_same_as_few():
    points = np.random.default_rng(0).normal(size=(30_000, 2))
    found = point_to_curve(points, UNIT[::4])
    np.testing.assert_allclose(found[::997], point_to_curve(points[::997], UNIT[::4]))
    np.testing.assert_allclose(found, np.abs(np.linalg.norm(points, axis=1) - 1), atol=1e-3)


def test_resampling_keeps_length_and_ends():
    bent = np.array([[0.0, 0], [3, 4], [3, 5]])
    found = resampled(bent, 0.5, closed=False)
    np.testing.assert_allclose(np.linalg.norm(np.diff(found, axis=0), axis=1), 0.5)
    np.testing.assert_allclose(found[[0, -1]], bent[[0, -1]])
    closed = resampled(UNIT, 0.1)
    np.testing.assert_allclose(np.linalg.norm(closed - np.roll(closed, 1, 0), axis=1), 2 * np.sin(np.pi / len(closed)),
                               atol=1e-4)
    with pytest.raises(ValueError, match="positive"):
        resampled(bent, 0.0)


def test_concentric_circles_are_their_radii_apart():
    found = curve_distances(3 * UNIT, 5 * UNIT[::-1])
    for value in (found.mean, found.percentile95, found.largest, found.rms):
        assert value == pytest.approx(2, abs=1e-3)
    with pytest.raises(ValueError, match="vertices"):
        curve_distances(UNIT, np.empty((0, 2)))


def test_a_bump_shows_in_the_largest_distance_and_little_in_the_mean():
    bump = UNIT * (1 + 0.5 * (np.abs(ANGLE - 3) < 0.05))[:, None]
    found = curve_distances(UNIT, bump)
    assert found.largest == pytest.approx(0.5, abs=1e-3)
    assert found.mean < 0.05 and found.percentile95 < found.largest


def test_open_curves_end():
    line = np.array([[0.0, 0], [10, 0]])
    assert curve_distances(line, line + [0, 1], closed=False).largest == pytest.approx(1)
    assert curve_distances(line, line[:, :] * [2, 1], closed=False).largest == pytest.approx(10)


def test_points_are_as_far_from_a_ball_as_its_faces_say():
    rng, mesh = np.random.default_rng(1), ball(10)
    points = rng.normal(size=(200, 3)) * 12
    found = point_to_surface(points, mesh)
    np.testing.assert_allclose(found, np.abs(np.linalg.norm(points, axis=1) - 10), atol=0.06)
    assert point_to_surface(sampled(mesh, 300, rng), mesh).max() < 1e-9


def test_large_triangles_are_not_missed():
    flat = Mesh([[0, 0, 0], [0, 100, 0], [0, 0, 100.0], [0.5, -1, -1], [0.6, -1, -1], [0.5, -1.1, -1]],
                [[0, 1, 2], [3, 4, 5]])
    np.testing.assert_allclose(point_to_surface([[7.0, 30, 30], [0, 60, 60]], flat), [7, 20 / np.sqrt(2)])


def test_balls_in_balls():
    found = surface_distances(ball(10), ball(12), samples=2000)
    assert found.mean == pytest.approx(2, abs=0.05) and found.largest == pytest.approx(2, abs=0.1)
    assert surface_distances(ball(10), ball(10), samples=500).largest < 1e-9
