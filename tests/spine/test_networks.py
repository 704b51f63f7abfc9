"""The networks' structure and the maps that they speak in."""

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("monai")

from torch import nn  # noqa: E402

from napari_xray_landmarks.spine.networks import (  # noqa: E402
    CornerNetwork,
    PublishedNetwork,
    VertebraNetwork,
    expectation,
    gaussians,
    probabilities,
)


def test_the_published_network_is_the_papers():
    with torch.device("meta"):
        network = PublishedNetwork(72)
    convolutions = [m for m in network.modules() if isinstance(m, nn.Conv2d)]
    assert [m.out_channels for m in convolutions] == [16, 16, 32, 32, 64, 64, 128, 128, 256, 256]
    assert {m.kernel_size for m in convolutions} == {(3, 3)}
    assert [m.out_features for m in network.modules() if isinstance(m, nn.Linear)] == [512, 512, 144]
    assert [m.p for m in network.modules() if isinstance(m, nn.Dropout)] == [0.25] * 5
    assert sum(isinstance(m, nn.BatchNorm2d) for m in network.modules()) == 5
    assert sum(isinstance(m, nn.LeakyReLU) for m in network.modules()) == 12
    first = next(m for m in network.modules() if isinstance(m, nn.Linear))
    assert first.in_features == 32 * 16 * 256
    assert network(torch.empty(2, 1, 1024, 512, device="meta")).shape == (2, 72, 2)


def test_an_input_that_cannot_be_halved_five_times_is_refused():
    with pytest.raises(ValueError, match="multiples of 32"):
        PublishedNetwork(68, (500, 256))


def test_the_vertebra_network_speaks_in_cells_of_four_pixels_at_any_size():
    network = VertebraNetwork(17).eval()
    for shape in ((256, 128), (256, 192)):
        centre, offsets, level = network(torch.zeros(1, 2, *shape))
        cells = (shape[0] // 4, shape[1] // 4)
        assert centre.shape == (1, 1, *cells) and offsets.shape == (1, 4, 2, *cells) and level.shape == (1, 17, *cells)


def test_the_default_networks_are_small():
    weights = [sum(p.numel() for p in network.parameters()) for network in (VertebraNetwork(17), CornerNetwork())]
    assert sum(weights) < 2_500_000  # 5 MB in half precision


def test_the_expected_place_of_a_bell_is_its_centre():
    points = torch.tensor([[[40.0, 50.5], [31.2, 62.9]]])
    maps = gaussians(points, (24, 24), 1.0)
    assert expectation(maps / maps.sum((-1, -2), keepdim=True)) == pytest.approx(points, abs=1e-3)


def test_probabilities_sum_to_one():
    maps = probabilities(torch.randn(3, 4, 8, 8))
    assert maps.sum((-1, -2)).numpy() == pytest.approx(1.0, abs=1e-5)


def test_corner_maps_have_a_quarter_of_the_resolution():
    assert CornerNetwork().eval()(torch.zeros(2, 1, 96, 96)).shape == (2, 4, 24, 24)
