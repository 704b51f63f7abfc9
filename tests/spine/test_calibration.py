"""The confidence of a corner is the probability that it is right."""

from dataclasses import astuple

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("monai")

import torch  # noqa: E402

from napari_xray_landmarks.spine.calibration import Calibration, calibrated, evidence  # noqa: E402
from napari_xray_landmarks.spine.chain import Chain  # noqa: E402
from napari_xray_landmarks.spine.search import Corners  # noqa: E402
from napari_xray_landmarks.spine.uncertainty import TOLERANCE  # noqa: E402


def films(weights, count=60, seed=0):
    """Evidence and errors of films in which corners are right as often as the logistic function says."""
    rng = np.random.default_rng(seed)
    seen, errors = [], []
    for _ in range(count):
        x = rng.normal(0, 1.5, (17, 4, 4))
        x[..., 2] = 1.0
        right = rng.random((17, 4)) < 1 / (1 + np.exp(-x @ np.array(weights)))
        seen.append(x)
        errors.append(np.where(right, 0.5, 2.0) * TOLERANCE)
    return seen, errors


def test_it_finds_the_weights_that_the_films_were_made_with():
    weights = (0.8, 0.4, -0.5, 0.2)
    assert astuple(calibrated(*films(weights))) == pytest.approx(weights, abs=0.12)


def test_more_evidence_never_makes_less_sure():
    found = calibrated(*films((0.5, -0.6, 0.3, -0.4)))
    assert found.centre == 0 and found.chain == 0 and found.mass > 0


def test_without_films_the_maps_themselves_are_believed():
    assert calibrated([], []) == Calibration()


def corners_with(sigma):
    """Two vertebrae, 20 px wide, whose corners' maps are bells of that spread in px around their places."""
    upper = torch.tensor([[10.0, 10], [10, 30], [22, 10], [22, 30]]).double()
    points = torch.stack([upper, upper + torch.tensor([24.0, 0.0])])
    places = torch.stack(torch.meshgrid(torch.arange(60), torch.arange(40), indexing="ij"), -1)
    away = (places - points[:, :, None, None]).norm(dim=-1)
    maps = torch.exp(-0.5 * (away / sigma) ** 2)
    return Corners(points, maps / maps.sum((-1, -2), keepdim=True), torch.eye(3).double().expand(2, 3, 3))


def test_the_mass_near_a_corner_is_that_of_its_bell():
    found = corners_with(3.0)
    expected = 1 - np.exp(-0.5 * (6 / 3.0) ** 2)  # of a normal distribution in the plane
    assert found.mass_within(6.0)[0, 1].item() == pytest.approx(expected, abs=0.02)


def test_wider_maps_are_less_sure_and_no_spine_is_not_sure_at_all():
    chain = Chain(np.zeros((2, 4, 2)), np.ones(2, bool), np.full(2, 0.9), 5.0)
    sharp, wide = (Calibration().confidence(chain, corners_with(s)) for s in (1.0, 3.0))
    assert (sharp > wide).all() and wide.min() > 0
    nothing = Chain(chain.corners, chain.found, chain.sureness, -1.0)
    assert not Calibration().confidence(nothing, corners_with(1.0)).any()
    assert evidence(chain, corners_with(1.0)).shape == (2, 4, 4)
