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
from torch.utils._pytree import tree_leaves, tree_map

from .devices import Processes


class SharedNetwork:
    """A network of `Fabric.setup` as it is to be called while it learns.

    Parameters
    ----------
    module
        As Fabric gives it, in all processes alike.
    own
        The processes.
    axis
        Of the outputs, along which films lie.
    """

    def __init__(self, module: nn.Module, own: Processes, axis: int = 0):
        self._module, self._own, self._axis = module, own, axis
        self._outputs: list[Tensor] | None = None

    @property
    def device(self) -> torch.device:
        return self._own.fabric.device

    def train(self) -> None:
        self._module.train()

    def eval(self) -> None:
        self._module.eval()

    def __call__(self, images: Tensor):
        """Outputs for all (B, ...) images; where there are fewer than processes, each runs all of them."""
        self._outputs = None
        if not self._module.training or len(images) < self._own.count:
            return self._module(images)
        mine = slice(self._own.rank, None, self._own.count)
        with _normalised_together(self._module):
            out = self._module(images[mine])
        together = tree_map(partial(_together, mine, len(images), self._axis), out)
        self._outputs = [leaf for leaf in tree_leaves(together) if isinstance(leaf, Tensor) and leaf.requires_grad]
        return together

    def descended(self, loss: Tensor) -> Tensor:
        """What this process has to go down so that the mean over processes is the gradient of a loss of all outputs.

        Each goes back through its share of the outputs, and the first one alone also through what else the loss is of.
        """
        if self._outputs is None:
            return loss
        if self._own.is_first:
            return self._own.count * loss
        slopes = torch.autograd.grad(loss, self._outputs, allow_unused=True)
        found = [(out, slope) for out, slope in zip(self._outputs, slopes, strict=True) if slope is not None]
        return self._own.count * sum((out * slope).sum() for out, slope in found)


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


def _together(mine: slice, count: int, axis: int, out):
    """Outputs of all processes, `count` along the axis, with a gradient to this one's own."""
    if not isinstance(out, Tensor):
        return out
    own = out.movedim(axis, 0)
    every = own.new_zeros((count, *own.shape[1:]), dtype=torch.float32)
    every[mine] = own.detach().float()
    return _all(every).to(out.dtype).slice_scatter(own, start=mine.start, step=mine.step).movedim(0, axis)
