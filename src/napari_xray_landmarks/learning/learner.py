"""A network that learns on the devices of `devices.training_on`, and the running mean that is kept of it."""

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import nn

from .devices import processes
from .epochs import run_epochs
from .schedule import rate, running_mean
from .sharing import SharedNetwork

_WEIGHT_DECAY = 1e-3


class Descent:
    """A network and its optimiser on the devices that train, its films shared by all processes.

    Parameters
    ----------
    network, optimiser
        Changed in place. A network whose outputs do not have films along their first axis says so as `films_axis`.

    Attributes
    ----------
    fabric
    trained
        The network as it is to be called.
    """

    def __init__(self, network: nn.Module, optimiser: torch.optim.Optimizer):
        own = processes()
        self.fabric, self._optimiser = own.fabric, optimiser
        self._module, self._stepper = self.fabric.setup(network, optimiser)
        axis = getattr(network, "films_axis", 0)
        self.trained = SharedNetwork(self._module, own, axis) if own.count > 1 else self._module

    def down(self, loss: torch.Tensor, step_size: float, largest_gradient: float | None = None) -> float:
        """One step down the loss of all films, which every process gives alike; the loss."""
        for group in self._optimiser.param_groups:
            group["lr"] = step_size
        self._stepper.zero_grad()
        self.fabric.backward(self.trained.descended(loss) if isinstance(self.trained, SharedNetwork) else loss)
        if largest_gradient is not None:
            self.fabric.clip_gradients(self._module, self._stepper, max_norm=largest_gradient, error_if_nonfinite=False)
        self._stepper.step()
        return float(loss.detach())


class Learner(Descent):
    """A network that learns with AdamW.

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
    mean
        `.module` is the mean network.
    """

    def __init__(self, network: nn.Module, learning_rate: float, largest_gradient: float):
        super().__init__(network, torch.optim.AdamW(network.parameters(), learning_rate, weight_decay=_WEIGHT_DECAY))
        self._network, self._rate, self._largest_gradient = network, learning_rate, largest_gradient
        self.mean = running_mean(network)

    def step(self, loss: torch.Tensor, part: float) -> float:
        """One step down a loss at that part of the training, from 0 to 1; the loss."""
        value = self.down(loss, self._rate * rate(part), self._largest_gradient)
        self.mean.update_parameters(self._network)
        return value

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
