"""Shapes fitted to bones in a volume: where their points lie, and which side a bone is of."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("monai")

from scipy.ndimage import binary_erosion  # noqa: E402

from napari_xray_landmarks.deep_shape.fitting import fit_bone, regressed  # noqa: E402
from napari_xray_landmarks.deep_shape.networks import MARGIN, ShapeNetwork  # noqa: E402
from napari_xray_landmarks.shape.point_distribution import PointDistributionModel  # noqa: E402

SPACING_MM = np.array([1.0, 1.0, 1.5])


@pytest.fixture(scope="module")
def hook():
    """A bone that is not its own mirror image."""
    mask = np.zeros((50, 40, 40), bool)
    mask[10:40, 15:25, 12:20] = True
    mask[10:18, 15:25, 20:30] = True
    return mask


@pytest.fixture(scope="module")
def network(hook):
    """It has learnt nothing: it gives about the mean shape, that of the hook, upright in the middle of the box."""
    points = np.argwhere(hook & ~binary_erosion(hook)) * SPACING_MM
    points -= (points.min(0) + points.max(0)) / 2
    rng = np.random.default_rng(0)
    model = PointDistributionModel.fit([points * rng.normal(1, 0.03, 3) for _ in range(6)], retained=0.9)
    model = PointDistributionModel(points, model.modes, model.variances)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return ShapeNetwork(model, 0.5 * MARGIN * np.ptp(points, axis=0).max(), channels=2, inputs=2).eval(), model


@pytest.mark.parametrize(("mirrored", "side", "sides"), [(False, "left", "pair"), (True, "right", "pair"),
                                                         (False, "", "either"), (True, "", "either")])
def test_points_lie_on_the_bone_whichever_side_it_is_of(hook, network, mirrored, side, sides):
    mask = hook[:, :, ::-1] if mirrored else hook
    fit = fit_bone(network[0], np.zeros(mask.shape, np.float32), mask, SPACING_MM, side, sides)
    assert fit.mirrored is mirrored and fit.distance_mm < 1.0
    shape = network[1].shape(fit.coefficients * network[1].deviations)
    placed = (np.c_[shape, np.ones(len(shape))] @ fit.voxel_from_model.T)[:, :3]
    np.testing.assert_allclose(fit.points_vox, placed, atol=1e-3)
    inside = mask[tuple(np.clip(np.round(fit.points_vox).astype(int), 0, np.array(mask.shape) - 1).T)]
    assert inside.mean() > 0.5


def test_what_the_network_regresses_is_its_own_points(network):
    network, model = network
    boxes = np.random.default_rng(0).normal(size=(2, 88, 88, 88)).astype(np.float32)
    with torch.no_grad():
        network.parameters_.bias[:] = torch.linspace(-1, 1, len(network.parameters_.bias))
        wanted = network(torch.from_numpy(boxes[None]))[0].numpy()
        shape = regressed(network, boxes)
        torch.nn.init.zeros_(network.parameters_.bias)
    np.testing.assert_allclose(shape.points, wanted, atol=1e-5)
    np.testing.assert_allclose(shape.rotation @ shape.rotation.T, np.eye(3), atol=1e-6)
