"""Shapes moved onto the surface of a bone by Gauss-Newton steps."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from napari_xray_landmarks.deep_shape.polishing import Shape, Surface, apart, polished, surface_in_box

HALF_MM = 60.0


@pytest.fixture(scope="module")
def shape():
    """An ellipsoid with two modes that neither scale nor turn give: a bulge at one end and a bend."""
    rng = np.random.default_rng(0)
    normals = rng.normal(size=(2000, 3))
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    mean = normals * (0.7, 0.3, 0.4)
    bulge, bend = np.zeros((2, *mean.shape))
    bulge[:, 1:] = 0.1 * mean[:, 1:] * np.clip(mean[:, :1], 0, None) / 0.4
    bend[:, 2] = 0.1 * mean[:, 0] ** 2
    return Shape(mean, np.array([bulge, bend]), np.zeros(2), np.eye(3), np.ones(3), np.zeros(3))


@pytest.fixture(scope="module")
def placed(shape):
    """The same, of another form, elsewhere."""
    return replace(shape, coefficients=np.array([1.5, -1.0]), scales=np.array([1.1, 0.95, 1.05]),
                   rotation=Rotation.from_euler("xyz", [8, -5, 6], degrees=True).as_matrix(),
                   shift=np.array([0.05, -0.04, 0.06]))


def surface_of(shape: Shape) -> Surface:
    """Its points, with normals by the Jacobian of the ellipsoid's map, which the modes hardly change."""
    normals = shape.mean / np.square((0.7, 0.3, 0.4)) @ np.linalg.inv(shape.linear)
    return Surface(shape.points, normals / np.linalg.norm(normals, axis=1, keepdims=True))


def test_the_derivative_is_that_of_the_points(placed):
    step, slopes = 1e-6, placed.derivative()
    assert slopes.shape == (2000, 3, 11)
    for number in range(11):
        ahead, behind = (placed.moved(sign * step * np.eye(11)[number]).points for sign in (1, -1))
        np.testing.assert_allclose(slopes[..., number], (ahead - behind) / (2 * step), atol=1e-6)


def test_a_shape_finds_the_surface_and_the_coefficients_of_its_like(shape, placed):
    surface = surface_of(placed)
    found = polished(shape, surface, HALF_MM)
    assert apart(shape.points, surface) * HALF_MM > 3.0
    assert apart(found.points, surface) * HALF_MM < 0.15
    np.testing.assert_allclose(found.coefficients, placed.coefficients, atol=0.35)
    np.testing.assert_allclose(found.shift, placed.shift, atol=0.01)
    assert np.linalg.norm(found.points - placed.points, axis=1).mean() * HALF_MM < 1.0


def test_no_steps_or_no_surface_leave_a_shape_where_it_is(shape, placed):
    nothing = Surface(np.empty((0, 3)), np.empty((0, 3)))
    for same in (polished(shape, surface_of(placed), HALF_MM, steps=0), polished(shape, nothing, HALF_MM)):
        np.testing.assert_array_equal(same.points, shape.points)
    assert apart(shape.points, nothing) == np.inf


@pytest.mark.parametrize("radius", [20.3, 30.0])
def test_the_surface_lies_between_the_voxels_and_its_normals_point_outwards(radius):
    ball = (np.linalg.norm(np.indices((88,) * 3) - 43.5, axis=0) < radius).astype(np.float32)
    surface = surface_in_box(ball)
    far = np.linalg.norm(surface.places, axis=1)
    np.testing.assert_allclose(far * 43.5, radius, atol=0.7)
    assert far.mean() * 43.5 == pytest.approx(radius, abs=0.1)
    assert (surface.normals * surface.places).sum(1).min() / far.max() > 0.95
    drawn = surface.drawn(500)
    assert len(drawn) == 500
    np.testing.assert_allclose(drawn.places.mean(0), 0, atol=0.06)


def test_where_the_box_ends_the_bone_goes_on():
    shaft = np.zeros((88,) * 3, np.float32)
    shaft[:, 30:60, 35:50] = 1
    surface = surface_in_box(shaft)
    assert np.abs(surface.normals[:, 0]).max() < 0.05 and len(surface) > 5000
    assert not len(surface_in_box(np.zeros((88,) * 3))) and not len(surface_in_box(np.ones((88,) * 3)))


def test_a_hopeless_start_gives_a_shape_all_the_same(shape):
    rng = np.random.default_rng(1)
    normals = rng.normal(size=(40, 3))
    far = Surface(rng.uniform(-1, 1, (40, 3)) * (1, 0.01, 1), normals / np.linalg.norm(normals, axis=1, keepdims=True))
    found = polished(replace(shape, scales=np.full(3, 9.0), shift=np.full(3, 20.0)), far, HALF_MM, steps=40)
    assert np.isfinite(found.points).all() and np.isfinite(apart(found.points, far))
    one = Surface(far.places[:1], far.normals[:1])
    assert np.isfinite(polished(shape, one, HALF_MM, steps=40).points).all()
