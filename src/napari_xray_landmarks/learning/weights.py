"""A network's weights as the arrays of a model file."""

from collections.abc import Mapping

import numpy as np
import torch


def filled(network: torch.nn.Module, prefix: str, tensors: Mapping[str, np.ndarray]) -> torch.nn.Module:
    """The network with the tensors of its name, also those in half precision; inverse of `tensors_of`.

    Raises
    ------
    KeyError, ValueError
        An array is missing, or of another shape.
    """
    state = network.state_dict()
    for name, value in state.items():
        if value.is_floating_point():
            own = torch.from_numpy(np.array(tensors[f"{prefix}.{name}"], dtype=np.float32))
            if own.shape != value.shape:
                raise ValueError(f"{prefix}.{name} must have shape {tuple(value.shape)}, got {tuple(own.shape)}")
            state[name] = own
    network.load_state_dict(state)
    in_space = any(value.ndim == 5 for value in state.values())
    return network.to(memory_format=torch.channels_last_3d if in_space else torch.channels_last).eval()


def tensors_of(network: torch.nn.Module, prefix: str) -> dict[str, np.ndarray]:
    """The weights and running statistics of a network under its name, in half precision."""
    return {f"{prefix}.{name}": value.numpy().astype(np.float16 if value.ndim > 1 else np.float32)
            for name, value in network.state_dict().items() if value.is_floating_point()}
