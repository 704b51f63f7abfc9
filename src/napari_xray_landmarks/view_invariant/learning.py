"""How the network learns belief maps."""

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from ..learning.learner import Learner
from .augmentation import Motion, pictures
from .films import StoredFilm
from .networks import LightNetwork, PoseMachine
from .settings import NETWORKS, ViewInvariantSettings

AS_TAKEN = Motion(0.0, 0.0, 0.0, 0.0)
_LARGEST_GRADIENT = 20.0
_VALIDATION_SEED, _MOST_VALIDATED = 5, 96


def network_of(settings: ViewInvariantSettings, landmarks: int) -> nn.Module:
    """A network that has learnt nothing yet."""
    if settings.network == NETWORKS[1]:
        network = PoseMachine(landmarks, settings.stages, 8 * settings.channels)
    else:
        network = LightNetwork(landmarks, settings.stages, settings.channels)
    return network.to(memory_format=torch.channels_last)


def learn(films: Callable[[int], Sequence[StoredFilm]], validation: Sequence[StoredFilm], other_side: np.ndarray,
          settings: ViewInvariantSettings, seed: int, run, report: Callable[[float, str], None], start=None
          ) -> nn.Module:
    """The running mean of a network's weights after all epochs; a run that was stopped goes on behind its last one.

    Parameters
    ----------
    films
        `films(epoch)` gives the films of an epoch.
    validation
        Films of other subjects; how well they are found is reported after each epoch.
    other_side : (P,) int array
        The landmark that a mirror shows in the place of each.
    settings
    seed
        What an epoch draws at random depends on it and the epoch's number alone.
    run
        A `training.runs.TrainingRun`, or None.
    report
        Called as `report(fraction, stage)`; may raise `errors.Cancelled`.
    start
        A `learning.starts.Start` whose weights the network begins with; None for random ones.
    """
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = network_of(settings, len(other_side))
    network = start.fill(network, "network") if start else network
    learner = Learner(network, settings.learning_rate, _LARGEST_GRADIENT)

    def epoch(number: int) -> str:
        rng, own = np.random.default_rng([131, seed, number]), films(number)
        steps, losses = math.ceil(len(own) / settings.batch), []
        learner.trained.train()
        for step, chosen in enumerate(np.array_split(rng.permutation(len(own)), steps)):
            images, points, visible = _batch([own[i] for i in chosen], other_side, settings, rng,
                                             learner.fabric.device)
            loss = network.loss(learner.trained(images), points, visible)
            losses.append(learner.step(loss, (number + step / steps) / settings.epochs))
        return f"loss {np.mean(losses):.3f}{_judged(learner.mean.module, validation, other_side, settings)}"

    return learner.learn(run, "network", settings.epochs, epoch, report)


def _batch(films: Sequence[StoredFilm], other_side: np.ndarray, settings: ViewInvariantSettings,
           rng: np.random.Generator, device, motion: Motion | None = None) -> tuple[Tensor, Tensor, Tensor]:
    shape = (settings.rows, settings.columns)
    images, points, visible = pictures(films, shape, settings.pixel_mm, other_side, rng, motion)
    return (images.to(device).contiguous(memory_format=torch.channels_last), points.to(device), visible.to(device))


@torch.no_grad()
def _judged(network: nn.Module, films: Sequence[StoredFilm], other_side: np.ndarray, settings: ViewInvariantSettings
            ) -> str:
    """In words: how well landmarks are found in some films of other subjects, whose looks are always the same."""
    from .beliefs import peaks

    if not films:
        return ""
    chosen = films[::math.ceil(len(films) / _MOST_VALIDATED)]
    network.eval()
    errors, beliefs = [], []
    for start in range(0, len(chosen), settings.batch):
        device = next(network.parameters()).device
        rng = np.random.default_rng([137, _VALIDATION_SEED, start])
        images, points, visible = _batch(chosen[start:start + settings.batch], other_side, settings, rng, device,
                                         AS_TAKEN)
        with torch.autocast(device.type, torch.bfloat16):
            out = network(images)
        found, belief = peaks(network.beliefs(out)[-1], network.stride)
        errors.append(torch.where(visible > 0, (found - points).norm(dim=-1) * settings.pixel_mm, torch.nan))
        beliefs.append(belief)
    error, belief = torch.cat(errors), torch.cat(beliefs)
    there = error.isfinite()
    sure = there & (belief >= settings.threshold)
    return (f"; validation {error[there].mean():.2f} mm, median {error[there].median():.2f}; found "
            f"{sure.sum() / there.sum():.0%} at {error[sure].mean():.2f} mm, "
            f"{(belief >= settings.threshold)[~there].float().mean():.0%} of those outside")
