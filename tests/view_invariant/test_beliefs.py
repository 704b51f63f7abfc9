"""Belief maps: their bells, their peaks, and the losses whose minimum they are."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from napari_xray_landmarks.view_invariant.beliefs import (  # noqa: E402
    beliefs_of,
    bells,
    peaks,
    place_loss,
    summed_squares,
    widened,
)

POINTS = torch.tensor([[[20.3, 31.8], [7.1, 50.2]]])
ALL = torch.ones(1, 2)


@pytest.mark.parametrize("stride", [1, 2, 8])
def test_peaks_of_bells_are_where_the_bells_are_between_cells(stride):
    maps = bells(POINTS * stride, ALL, (40, 64), 2.0 * stride, stride)
    found, height = peaks(maps, stride)
    assert torch.allclose(found, POINTS * stride, atol=0.02 * stride)
    assert ((height > 0.9) & (height <= 1)).all()


def test_a_landmark_that_is_not_there_has_an_empty_map_and_nan_is_not_there():
    points = torch.tensor([[[10.0, 10.0], [float("nan"), 3.0]]])
    maps = bells(points, torch.tensor([[0.0, 1.0]]), (20, 20), 2.0, 1)
    assert maps.max() < 1e-6


def test_a_peak_at_the_edge_stays_on_the_map():
    maps = torch.zeros(2, 9, 11)
    maps[0, 0, 10], maps[1, 8, 0] = 0.7, 0.3
    found, height = peaks(maps, 4)
    assert torch.allclose(found, torch.tensor([[1.5, 41.5], [33.5, 1.5]]))
    assert height.tolist() == pytest.approx([0.7, 0.3])


def test_the_paper_s_loss_sums_over_stages():
    truth = bells(POINTS, ALL, (40, 64), 2.0, 1)
    stages = torch.stack([truth, truth * 0, truth * 2])
    assert summed_squares(stages, truth).item() == pytest.approx(2 * truth.square().sum().item(), rel=1e-5)


def test_what_is_learnt_by_cross_entropy_is_the_belief_that_squares_would_give():
    """One film's landmark lies in either of two places equally often: the best belief is half a bell on each."""
    places = torch.tensor([[[10.0, 12.0]], [[10.0, 40.0]]])
    sigma = 3.0
    logits, absent = torch.zeros(1, 1, 24, 56, requires_grad=True), torch.tensor([0.0])
    optimiser = torch.optim.LBFGS([logits], max_iter=200, line_search_fn="strong_wolfe")

    def loss():
        optimiser.zero_grad()
        value = place_loss(logits.expand(2, -1, -1, -1), absent, places, torch.ones(2, 1), sigma, 1)
        value.backward()
        return value

    optimiser.step(loss)
    belief = beliefs_of(logits, absent, sigma, 1)[0, 0].detach()
    best = bells(places[:, 0], torch.ones(2), (24, 56), sigma, 1).mean(0)
    assert np.allclose(belief, best, atol=0.03)


def test_an_absent_landmark_is_learnt_as_absent():
    logits = torch.full((1, 1, 8, 8), -20.0)
    absent, there = torch.tensor([5.0]), torch.tensor([[[4.0, 4.0]]])
    assert place_loss(logits, absent, there, torch.zeros(1, 1), 2.0, 1) < 1e-6
    assert place_loss(logits, absent, there, torch.ones(1, 1), 2.0, 1) > 20
    assert beliefs_of(logits, absent, 2.0, 1).max() < 1e-6


def test_a_wider_bell_is_as_high_and_takes_nearby_places_for_one():
    sure = bells(POINTS * 2, ALL, (60, 70), 4.0, 2)
    assert torch.allclose(widened(sure, 4.0, 8.0, 2), bells(POINTS * 2, ALL, (60, 70), 8.0, 2), atol=0.03)
    pair = bells(torch.tensor([[[60.0, 60.0]]]), torch.ones(1, 1), (60, 70), 4.0, 2) / 2
    pair = pair + bells(torch.tensor([[[60.0, 68.0]]]), torch.ones(1, 1), (60, 70), 4.0, 2) / 2
    assert pair.max() < 0.65 < 0.85 < widened(pair, 4.0, 12.0, 2).max() <= 1
    assert widened(sure, 4.0, 0.0, 2) is sure
