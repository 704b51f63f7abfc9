"""Where a model's networks run."""

from copy import deepcopy
from dataclasses import replace

from ..errors import InputError

DEVICES = ("auto", "cpu", "cuda")


def device_of(name: str) -> str:
    """"cpu" or "cuda", of one of `DEVICES`; "auto" is CUDA where there is some.

    Raises
    ------
    InputError
        It is none of them, or CUDA is asked for and cannot be used.
    """
    if name not in DEVICES:
        raise InputError(f"device {name}", "is unknown", f"Choose one of: {', '.join(DEVICES)}")
    if name == "cpu":
        return name
    try:
        from torch import cuda
    except ImportError:
        problem = "PyTorch is not installed"
    else:
        if cuda.is_available():
            return "cuda"
        problem = "there is no CUDA device"
    if name == "cuda":
        raise InputError(f"device {name}", problem, "Use the device cpu")
    return "cpu"


def on_device(detector, name: str):
    """A method's detector with its networks on a device of `DEVICES`; itself where it has none, or stays on the CPU.

    A network's inputs are brought to it, its outputs come back to the CPU: all else of the method runs there as before.

    Parameters
    ----------
    detector
        A dataclass; its fields that have a `state_dict` are networks.
    name
    """
    networks = {key: value for key, value in vars(detector).items() if hasattr(value, "state_dict")}
    if not networks or (device := device_of(name)) == "cpu":
        return detector
    return replace(detector, **{key: placed(network, device) for key, network in networks.items()})


def placed(network, device: str):
    """A copy of a torch module on a device, which takes its inputs from the CPU and gives its outputs there."""
    network = deepcopy(network).to(device)
    network.register_forward_pre_hook(lambda module, inputs: _moved(inputs, device))
    network.register_forward_hook(lambda module, inputs, outputs: _moved(outputs, "cpu"))
    return network


def _moved(values, device: str):
    return type(values)(v.to(device) for v in values) if isinstance(values, (tuple, list)) else values.to(device)
