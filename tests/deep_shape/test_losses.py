"""The distance-weighted loss, against a computation by hand."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from napari_xray_landmarks.deep_shape.losses import distance_maps, distance_weighted, segmentation_loss  # noqa: E402

ROW = np.array([[[0, 0, 0, 1]]])  # one image of one row of four pixels


def test_distances_are_shares_of_the_largest_and_minus_one_inside():
    maps = distance_maps(ROW, 2)
    np.testing.assert_allclose(maps[0, 0, 0], [-1, -1, -1, 1])
    np.testing.assert_allclose(maps[0, 1, 0], [1, 2 / 3, 1 / 3, -1], rtol=1e-6)


def test_a_class_that_an_image_does_not_show_is_far_from_all_of_it():
    assert (distance_maps(ROW, 3)[0, 2] == 1).all()


def test_the_loss_is_the_mean_of_probabilities_times_distances():
    p = np.array([0.9, 0.6, 0.5, 0.2])  # of the background
    logits = torch.log(torch.tensor(np.stack([p, 1 - p])[None, :, None], dtype=torch.float32))
    by_hand = np.mean([-0.9 + 0.1 * 1, -0.6 + 0.4 * 2 / 3, -0.5 + 0.5 / 3, 0.2 - 0.8])
    assert float(distance_weighted(logits, torch.from_numpy(distance_maps(ROW, 2)))) == pytest.approx(by_hand)


def test_both_losses_are_summed():
    logits = torch.randn(2, 3, 9, 7, generator=torch.Generator().manual_seed(0))
    labels = torch.randint(0, 3, (2, 9, 7), generator=torch.Generator().manual_seed(1))
    entropy = float(torch.nn.functional.cross_entropy(logits, labels))
    far = float(distance_weighted(logits, torch.from_numpy(distance_maps(labels.numpy(), 3))))
    assert float(segmentation_loss(logits, labels, 0.5, stride=1)) == pytest.approx(entropy + 0.5 * far, abs=1e-6)


@pytest.mark.parametrize("shape", [(32, 32), (30, 17), (24, 40, 20)])
def test_coarse_distances_are_nearly_the_exact_ones(shape):
    labels = np.zeros((1, *shape), int)
    labels[(0, *(slice(n // 3, 2 * n // 3) for n in shape))] = 1
    exact, coarse = distance_maps(labels, 2), distance_maps(labels, 2, stride=4)
    inside = labels[0] == 1
    assert (coarse[0, 1][inside] == -1).all() and (coarse[0, 0][~inside] == -1).all()
    assert np.abs(exact - coarse).mean() < 0.15
