"""Step sizes, and the running mean of the weights that a trained network keeps."""

import math
from collections.abc import Sequence

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel

MEMORY = 0.99  # of the running mean
_WARM_UP, _FIRST_RATE, _LAST_RATE = 0.03, 0.1, 0.01  # share of the steps; parts of the largest rate


def rate(part: float) -> float:
    """Step size, as a share of the largest, at that part of the training: a short rise, then half a cosine."""
    if part < _WARM_UP:
        return _FIRST_RATE + (1 - _FIRST_RATE) * part / _WARM_UP
    return _LAST_RATE + (1 - _LAST_RATE) * 0.5 * (1 + math.cos(math.pi * (part - _WARM_UP) / (1 - _WARM_UP)))


def running_mean(network: nn.Module) -> AveragedModel:
    """The running mean of a network's weights, which forgets the first steps soon; `.module` is the mean network."""
    return AveragedModel(network, multi_avg_fn=_remember, use_buffers=True)


@torch.no_grad()
def _remember(means: Sequence[torch.Tensor], values: Sequence[torch.Tensor], steps: int | torch.Tensor) -> None:
    share = 1 - min(MEMORY, (1 + int(steps)) / (10 + int(steps)))
    for mean, value in zip(means, values, strict=True):
        if mean.is_floating_point():
            mean.lerp_(value, share)
        else:
            mean.copy_(value)
