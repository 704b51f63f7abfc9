"""A network that learns with AdamW on the device that Fabric finds, and the running mean that is kept of it."""

import logging
import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import nn

from .epochs import run_epochs
from .schedule import rate, running_mean

_WEIGHT_DECAY = 1e-3


class Learner:
    """A network while it learns.

    Parameters
    ----------
    network
        Changed in place.
    learning_rate
        The largest step size; `schedule.rate` makes it follow the training.
    largest_gradient
        The norm that gradients are cut to.

    Attributes
    ----------
    fabric
    trained
        The network as it is to be called.
    mean
        `.module` is the mean network.
    """

    def __init__(self, network: nn.Module, learning_rate: float, largest_gradient: float):
        from lightning_fabric import Fabric

        logging.getLogger("lightning_fabric").setLevel(logging.WARNING)
        self.fabric = Fabric(accelerator="auto", devices=1, precision="bf16-mixed")
        self._network, self._rate, self._largest_gradient = network, learning_rate, largest_gradient
        self._optimiser = torch.optim.AdamW(network.parameters(), learning_rate, weight_decay=_WEIGHT_DECAY)
        self.trained, self._stepper = self.fabric.setup(network, self._optimiser)
        self.mean = running_mean(network)

    def step(self, loss: torch.Tensor, part: float) -> float:
        """One step down a loss at that part of the training, from 0 to 1; the loss."""
        for group in self._optimiser.param_groups:
            group["lr"] = self._rate * rate(part)
        self._stepper.zero_grad()
        self.fabric.backward(loss)
        nn.utils.clip_grad_norm_(self._network.parameters(), self._largest_gradient)
        self._stepper.step()
        self.mean.update_parameters(self._network)
        return float(loss.detach())

    def learn(self, run, name: str, count: int, epoch: Callable[[int], str], report: Callable[[float, str], None]
              ) -> nn.Module:
        """The mean network after all epochs; the parameters of `epochs.run_epochs`."""
        modules = {"network": self._network, "mean": self.mean}
        run_epochs(run, name, count, modules, self._optimiser, epoch, report)
        return self.mean.module.cpu().eval()

    def learn_in_steps(self, run, name: str, steps: int, an_epoch: int, seed: Sequence[int],
                       draw: Callable[[np.random.Generator], tuple[torch.Tensor, float]], said: Callable[[float], str],
                       report: Callable[[float, str], None]) -> nn.Module:
        """The mean network after so many steps on batches that are drawn at random.

        Parameters
        ----------
        run, name, report
            Of `epochs.run_epochs`.
        steps
            In all.
        an_epoch
            After so many the training can be taken up again.
        seed
            What an epoch draws depends on it and the epoch's number alone.
        draw
            `draw(rng)` gives the loss of a batch, and what is told of it.
        said
            Says the mean of what was told in an epoch in words.
        """
        def epoch(number: int) -> str:
            rng, told = np.random.default_rng([*seed, number]), []
            self.trained.train()
            for step in range(number * an_epoch, min((number + 1) * an_epoch, steps)):
                loss, value = draw(rng)
                self.step(loss, step / steps)
                told.append(value)
            return said(float(np.mean(told)))

        return self.learn(run, name, math.ceil(steps / an_epoch), epoch, report)
