"""The bipartite distance against the sum written out, and its gradient."""

import itertools

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from napari_xray_landmarks.spine.losses import bipartite_distance, shape_aware_loss, squared_error  # noqa: E402


def corners(films=3, bodies=5, seed=0):
    return torch.randn(films, 4 * bodies, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def written_out(predicted, truth):
    """Equation 2 with two loops over the edges."""
    total = 0.0
    for found, true in zip(predicted.numpy(), truth.numpy(), strict=True):
        for a, b in itertools.product(range(0, len(true), 2), range(1, len(true), 2)):
            if np.isfinite(true[[a, b]]).all():
                total += abs(np.linalg.norm(true[a] - true[b]) - np.linalg.norm(found[a] - found[b]))
    return total / len(truth)


def test_it_is_the_sum_over_all_edges():
    predicted, truth = corners(seed=1), corners(seed=2)
    assert float(bipartite_distance(predicted, truth)) == pytest.approx(written_out(predicted, truth), rel=1e-12)


def test_unmarked_corners_have_no_edges():
    predicted, truth = corners(seed=1), corners(seed=2)
    truth[0, 3] = torch.nan
    assert float(bipartite_distance(predicted, truth)) == pytest.approx(written_out(predicted, truth), rel=1e-12)


def test_moving_and_turning_the_whole_spine_costs_nothing():
    truth = corners()
    turned = truth @ torch.tensor([[0.8, -0.6], [0.6, 0.8]], dtype=torch.float64) + 7.0
    assert float(bipartite_distance(turned, truth)) == pytest.approx(0, abs=1e-9)
    assert float(squared_error(turned, truth)) > 1


def test_a_single_corner_that_is_off_is_in_as_many_edges_as_there_are_partners():
    truth = torch.zeros(1, 4, 2, dtype=torch.float64)
    truth[0, :, 1] = torch.tensor([0.0, 1.0, 0.0, 1.0])
    predicted = truth.clone()
    predicted[0, 0, 1] = -1.0  # both its edges are 2 instead of 1
    assert float(bipartite_distance(predicted, truth)) == pytest.approx(2.0)


def test_its_gradient_is_that_of_finite_differences():
    predicted, truth = corners(1, 2, seed=3).requires_grad_(), corners(1, 2, seed=4)
    assert torch.autograd.gradcheck(lambda p: shape_aware_loss(p, truth, 0.01), predicted)


def test_corners_in_one_place_have_a_finite_gradient():
    predicted = torch.zeros(1, 8, 2, requires_grad=True)
    bipartite_distance(predicted, corners(1, 2).float()).backward()
    assert torch.isfinite(predicted.grad).all()


def test_without_a_weight_it_is_the_squared_error():
    predicted, truth = corners(seed=1), corners(seed=2)
    expected = ((predicted - truth) ** 2).sum().item() / len(truth)
    assert float(shape_aware_loss(predicted, truth, 0.0)) == pytest.approx(expected)
    more = expected + 0.01 * written_out(predicted, truth)
    assert float(shape_aware_loss(predicted, truth)) == pytest.approx(more)


@pytest.mark.parametrize("shape", [(3, 5, 2), (3, 4, 3), (4, 2)])
def test_corners_without_a_partner_are_refused(shape):
    with pytest.raises(ValueError, match="corners must be"):
        bipartite_distance(torch.zeros(shape), torch.zeros(shape))
