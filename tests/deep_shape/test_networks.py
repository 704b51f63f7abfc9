"""The networks' geometry, against the shape model's own and against finite differences."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("monai")

from scipy.spatial.transform import Rotation  # noqa: E402

from napari_xray_landmarks.deep_shape.networks import (  # noqa: E402
    LocalNetwork,
    PCALayer,
    ShapeNetwork,
    SliceNetwork,
    pyramid,
)
from napari_xray_landmarks.shape.point_distribution import PointDistributionModel  # noqa: E402


@pytest.fixture(scope="module")
def model():
    rng = np.random.default_rng(0)
    ball = rng.standard_normal((40, 3))
    ball *= 30 / np.linalg.norm(ball, axis=1, keepdims=True)
    shapes = [ball * rng.uniform(0.8, 1.2, 3) + rng.normal(0, 0.1, ball.shape) for _ in range(8)]
    return PointDistributionModel.fit(shapes, retained=0.99)


def layer_of(model, rotation="euler"):
    return PCALayer(model.mean, model.modes, model.variances, rotation).double()


def test_the_layer_gives_the_models_own_shapes(model):
    deviations = np.random.default_rng(1).normal(0, 1, len(model.modes))
    points = layer_of(model)(torch.tensor(deviations[None]), torch.zeros(1, 9, dtype=torch.float64))
    np.testing.assert_allclose(points[0], model.shape(deviations * model.deviations), atol=1e-4)


def test_the_layer_scales_then_turns_then_moves(model):
    scales, angles, shift = np.array([1.1, 0.9, 1.3]), np.array([0.3, -0.5, 0.2]), np.array([1.0, -2.0, 3.0])
    pose = torch.tensor(np.concatenate([np.log(scales), angles, shift])[None])
    turn = Rotation.from_euler("xyz", angles).as_matrix()
    points = layer_of(model)(torch.zeros(1, len(model.modes), dtype=torch.float64), pose)
    np.testing.assert_allclose(points[0], (model.mean * scales) @ turn.T + shift, atol=1e-4)


def test_six_numbers_are_any_rotation(model):
    wanted = Rotation.random(random_state=3).as_matrix()
    six = np.concatenate([2 * wanted[:, 0] - [1, 0, 0], 0.7 * wanted[:, 1] - [0, 1, 0]])
    pose = torch.tensor(np.concatenate([np.zeros(3), six, np.zeros(3)])[None])
    points = layer_of(model, "6d")(torch.zeros(1, len(model.modes), dtype=torch.float64), pose)
    np.testing.assert_allclose(points[0], model.mean @ wanted.T, atol=1e-4)


@pytest.mark.parametrize(("rotation", "numbers"), [("euler", 9), ("6d", 12)])
def test_the_layers_gradient_is_that_of_finite_differences(model, rotation, numbers):
    layer = layer_of(model, rotation)
    rng = np.random.default_rng(2)
    given = [torch.tensor(rng.normal(0, 0.3, (2, n)), requires_grad=True) for n in (len(model.modes), numbers)]
    assert torch.autograd.gradcheck(lambda c, g: layer(c, g).square().mean((1, 2)), given, atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("inputs", [1, 2])
def test_a_new_shape_network_gives_about_the_mean_shape(model, inputs):
    network = ShapeNetwork(model, 45.0, channels=2, inputs=inputs).eval()
    with torch.no_grad():
        points = network(torch.randn(2, inputs, 88, 88, 88, generator=torch.Generator().manual_seed(0)))
    assert points.shape == (2, 40, 3)
    np.testing.assert_allclose(points[0], model.mean / 45, atol=0.05)


@pytest.mark.parametrize("stem", [1, 2])
@pytest.mark.parametrize("size", [(33, 70), (64, 64)])
def test_slices_of_any_size_are_classified(stem, size):
    network = SliceNetwork(3, neighbours=1, channels=4, stem=stem).eval()
    with torch.no_grad():
        assert network(torch.zeros(2, 3, *size)).shape == (2, 3, *size)


@pytest.mark.parametrize(("spacing", "size"), [((0.55, 0.55, 0.9), (48, 48, 32)), ((0.9, 5.2, 0.9), (48, 8, 48))])
def test_subvolumes_of_anisotropic_voxels_are_classified(spacing, size):
    network = LocalNetwork(3, spacing, channels=2).eval()
    assert all(n % step == 0 for n, step in zip(size, network.step, strict=True))
    with torch.no_grad():
        assert network(torch.zeros(2, 1, *size)).shape == (2, 3, *size)


def test_coarse_axes_are_halved_last():
    kernels, strides = pyramid((1.0, 5.0, 1.0), 4)
    assert strides == [[1, 1, 1], [2, 1, 2], [2, 1, 2], [2, 2, 2]]
    assert kernels == [[3, 1, 3], [3, 1, 3], [3, 3, 3], [3, 3, 3]]
