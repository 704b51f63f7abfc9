"""A network whose films are shared by several processes, and that learns as in one which sees them all.

Each process runs the network on its share of a step's films, and puts the outputs of all together. So the loss is that
of the whole step, whatever it is made of, and each process follows its gradient through its own share alone: the sum
over processes is the gradient of one that sees all. Statistics of batch normalisation are those of all shares too.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils._pytree import tree_map

from .devices import Processes


class SharedNetwork:
    """A network of `Fabric.setup` as it is to be called while it learns.

    Parameters
    ----------
    module
        As Fabric gives it, in all processes alike.
    own
        The processes.

    Attributes
    ----------
    parts
        What a loss has to be multiplied by before its gradient is taken, since processes average theirs.
    """

    def __init__(self, module: nn.Module, own: Processes):
        self._module, self._own, self.parts = module, own, 1

    @property
    def device(self) -> torch.device:
        return self._own.fabric.device

    def train(self) -> None:
        self._module.train()

    def eval(self) -> None:
        self._module.eval()

    def __call__(self, images: Tensor):
        """Outputs for all (B, ...) images; where there are fewer than processes, each runs all of them."""
        shared = self._module.training and len(images) >= self._own.count
        self.parts = self._own.count if shared else 1
        if not shared:
            return self._module(images)
        mine = torch.arange(self._own.rank, len(images), self._own.count, device=images.device)
        with _normalised_together(self._module):
            out = self._module(images[mine])
        return tree_map(partial(_together, mine, len(images)), out)


@contextmanager
def _normalised_together(network: nn.Module) -> Iterator[None]:
    """Batch normalisation by the statistics of all shares; torch has it on GPUs alone, this is the same anywhere."""
    parts = [part for part in network.modules() if isinstance(part, _BatchNorm)]
    for part in parts:
        part.forward = partial(_normalised, part)
    try:
        yield
    finally:
        for part in parts:
            del part.forward


def _normalised(part: _BatchNorm, x: Tensor) -> Tensor:
    dims, shape, values = [0, *range(2, x.ndim)], (1, -1, *[1] * (x.ndim - 2)), x.float()
    count = torch.full((1,), x.numel() / x.shape[1], device=x.device)
    sums, count = _Summed.apply(torch.cat([values.sum(dims), count])).split([x.shape[1], 1])
    mean = sums / count
    spread = values - mean.view(shape)
    variance = _Summed.apply(spread.square().sum(dims)) / count
    if part.track_running_stats:
        with torch.no_grad():
            part.num_batches_tracked += 1
            part.running_mean.lerp_(mean, part.momentum)
            part.running_var.lerp_(variance * count / (count - 1), part.momentum)
    out = spread * torch.rsqrt(variance + part.eps).view(shape)
    if part.affine:
        out = out * part.weight.view(shape) + part.bias.view(shape)
    return out.to(x.dtype)


class _Summed(torch.autograd.Function):
    """The sum over processes; what it is worth to each of them goes back to all."""

    @staticmethod
    def forward(ctx, values: Tensor) -> Tensor:
        return _all(values)

    @staticmethod
    def backward(ctx, gradient: Tensor) -> Tensor:
        return _all(gradient)


def _all(values: Tensor) -> Tensor:
    total = values.detach().clone(memory_format=torch.contiguous_format)
    torch.distributed.all_reduce(total)
    return total


def _together(mine: Tensor, count: int, out):
    """(count, ...) outputs of all processes, with a gradient to this one's own."""
    if not isinstance(out, Tensor):
        return out
    every = out.new_zeros((count, *out.shape[1:]), dtype=torch.float32)
    every[mine] = out.detach().float()
    return _all(every).to(out.dtype).index_copy(0, mine, out)
