"""The networks: what the paper says of them, and that they learn."""

import pytest

torch = pytest.importorskip("torch")

from napari_xray_landmarks.view_invariant.networks import LightNetwork, PoseMachine, parameter_count  # noqa: E402


def seen(network, stage: int, shape=(1, 2, 400, 400)) -> int:
    """Rows of the image that the middle cell of a stage depends on."""
    images = torch.rand(shape, requires_grad=True)
    out = network(images)[stage]
    out[0, 0, out.shape[-2] // 2, out.shape[-1] // 2].backward()
    rows = torch.nonzero(images.grad.abs().sum((0, 1, 3))).flatten()
    return int(rows[-1] - rows[0]) + 1


def positive(network):
    """The same network with weights and pools that let everything through, not only what is largest."""
    for parameter in network.parameters():
        torch.nn.init.constant_(parameter, 0.01)
    for part in list(network.modules()):
        for name, child in part.named_children():
            if isinstance(child, torch.nn.MaxPool2d):
                setattr(part, name, torch.nn.AvgPool2d(child.kernel_size))
    return network


def test_the_published_network_has_six_stages_at_an_eighth_and_sees_160_pixels_at_once():
    network = PoseMachine(23, width=8)
    out = network(torch.rand(2, 2, 96, 128))
    assert out.shape == (6, 2, 23, 12, 16)
    small = positive(PoseMachine(2, stages=2, width=4))
    assert seen(small, 0) == 160
    assert seen(small, 1) > 300


def test_the_published_features_are_shared_by_the_later_stages():
    one, more = PoseMachine(3, stages=3, width=8), PoseMachine(3, stages=4, width=8)
    later = parameter_count(more.later[0])
    assert parameter_count(more) - parameter_count(one) == later


def test_the_light_network_has_fewer_weights_and_finer_maps():
    light = LightNetwork(23)
    assert parameter_count(light) < 2.5e6 < parameter_count(PoseMachine(23)) / 5
    beliefs = light.eval().beliefs(light(torch.rand(1, 2, 80, 112)))
    assert beliefs.shape == (3, 1, 23, 40, 56)
    assert ((beliefs >= 0) & (beliefs <= 1)).all()


@pytest.mark.parametrize("make", [lambda: PoseMachine(2, stages=2, width=8), lambda: LightNetwork(2, 2, 8)],
                         ids=["as published", "light"])
def test_it_learns_where_a_bright_spot_is(make):
    torch.manual_seed(0)
    network, generator = make(), torch.Generator().manual_seed(0)
    optimiser = torch.optim.AdamW(network.parameters(), 3e-3)

    def batch():
        points = torch.randint(8, 56, (4, 2, 2), generator=generator).float()
        images = torch.zeros(4, 2, 64, 64)
        for film in range(4):
            for spot, (row, column) in enumerate(points[film].int().tolist()):
                images[film, spot, row - 3:row + 4, column - 3:column + 4] = 1
        return images, points

    losses = []
    for _ in range(30):
        images, points = batch()
        loss = network.loss(network(images), points, torch.ones(4, 2))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss))
    assert sum(losses[-5:]) < 0.8 * sum(losses[:5])
