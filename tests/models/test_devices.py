"""Networks run where they are asked to; what has none does not care."""

from dataclasses import dataclass

import numpy as np
import pytest

from napari_xray_landmarks.errors import InputError
from napari_xray_landmarks.models import load_model
from napari_xray_landmarks.models.devices import device_of, on_device, placed
from napari_xray_landmarks.phantoms import film

torch = pytest.importorskip("torch")
no_cuda = pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
with_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")


@dataclass(frozen=True, eq=False)
class Two:
    """A detector with two networks."""

    first: object
    second: object
    name: str = "two"


class Sum(torch.nn.Module):
    """Gives a tensor, or several of them."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(1))
        self.seen = []

    def forward(self, one, other):
        self.seen.append(one.dtype)
        return self.weight * one + other, one


def test_a_placed_network_is_a_copy_that_brings_inputs_and_outputs():
    network = Sum()
    moved = placed(network, "cpu")
    total, one = moved(torch.ones(2), torch.ones(2))
    assert total.tolist() == [2.0, 2.0] and one.device.type == "cpu"
    assert moved.seen and not network.seen, "the model that was given stays where it is"


@no_cuda
def test_without_cuda_auto_is_the_processor_and_cuda_is_refused():
    detector = Two(Sum(), Sum())
    assert device_of("auto") == device_of("cpu") == "cpu"
    assert on_device(detector, "auto") is detector
    with pytest.raises(InputError, match="no CUDA device"):
        on_device(detector, "cuda")
    with pytest.raises(InputError, match="no CUDA device"):
        load_model("hip-fluoroscopy", device="cuda")
    assert load_model("proximal-femur-ap", device="cuda").detector.names, "it has no network"


def test_an_unknown_device_is_refused():
    with pytest.raises(InputError, match="abacus.*auto, cpu, cuda"):
        device_of("abacus")


@with_cuda
def test_outlines_are_the_same_on_a_cuda_device():
    radiograph = film("proximal-femur", 1000).radiograph
    found = [load_model("hip-fluoroscopy", device=device).segment(radiograph) for device in ("cpu", "cuda")]
    for here, there in zip(*(one.bones for one in found), strict=True):
        assert np.abs(here.points_px - there.points_px).max() < 0.5
