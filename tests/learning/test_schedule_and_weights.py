"""Step sizes, running means, and weights as the arrays of a model file."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from napari_xray_landmarks.learning.schedule import rate, running_mean  # noqa: E402
from napari_xray_landmarks.learning.weights import filled, tensors_of  # noqa: E402


def test_the_rate_rises_soon_and_then_falls_to_almost_nothing():
    rates = [rate(part) for part in np.linspace(0, 1, 101)]
    assert max(rates) == pytest.approx(1) and rates.index(max(rates)) == 3
    assert all(a > b for a, b in zip(rates[3:], rates[4:], strict=False))
    assert 0 < rates[-1] < 0.02


def test_the_running_mean_follows_a_network_that_settles():
    network = torch.nn.Linear(2, 1)
    mean = running_mean(network)
    with torch.no_grad():
        for _ in range(900):
            network.weight.fill_(3.0)
            mean.update_parameters(network)
    assert torch.allclose(mean.module.weight, network.weight, atol=1e-2)


def test_weights_come_back_from_half_precision():
    def network(seed):
        torch.manual_seed(seed)
        return torch.nn.Sequential(torch.nn.Conv2d(2, 3, 3), torch.nn.BatchNorm2d(3)).eval()

    one, image = network(0), torch.rand(1, 2, 8, 8)
    arrays = tensors_of(one, "net")
    assert arrays["net.0.weight"].dtype == np.float16 and arrays["net.1.running_var"].dtype == np.float32
    assert torch.allclose(filled(network(1), "net", arrays)(image), one(image), atol=1e-2)


def test_weights_that_do_not_fit_are_refused():
    network = torch.nn.Linear(2, 3)
    arrays = tensors_of(network, "net")
    with pytest.raises(KeyError):
        filled(network, "other", arrays)
    with pytest.raises(ValueError, match="shape"):
        filled(network, "net", arrays | {"net.weight": np.zeros((2, 2))})
