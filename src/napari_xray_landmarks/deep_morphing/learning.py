"""How the network learns outlines."""

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from ..learning.epochs import restore, state_of
from ..learning.learner import Descent
from .augmentation import Stored, pictures
from .films import MAPS, stored
from .network import FusionNet
from .settings import DeepMorphingSettings

POSITIVE = 3.0  # what an outline's pixel weighs: where the network is unsure, it rather sees one
WARM_UP = 50  # steps until the learning rate is whole
VALIDATION_SEED = 7


def network_of(settings: DeepMorphingSettings) -> FusionNet:
    """A network that has learnt nothing yet."""
    return FusionNet(len(MAPS), [settings.channels * 2**level for level in range(settings.levels)])


def stored_films(dataset, report) -> Stored:
    """The films of a `training.dataset.TrainingSet`, ready for `augmentation.pictures`."""
    films = []
    for i, film in enumerate(dataset.films):
        report(i / len(dataset), "reading films")
        films.append(stored(dataset.radiograph(film), dataset.contours(film)))
    return Stored(torch.from_numpy(np.stack([f.grey for f in films])),
                  torch.from_numpy(np.stack([f.nearness for f in films])),
                  torch.tensor([f.size for f in films]), torch.tensor([f.pixel_mm for f in films], dtype=torch.float32))


def learn(films: Stored, validation: Stored, settings: DeepMorphingSettings, seed: int, run, report) -> FusionNet:
    """Train a network; a run that was stopped goes on behind its last whole epoch.

    What an epoch draws at random depends on the seed and its number alone: an interrupted run ends as any other.
    """
    torch.manual_seed(seed)
    network = network_of(settings).to(memory_format=torch.channels_last)
    optimiser = torch.optim.AdamW(network.parameters(), settings.learning_rate, weight_decay=1e-4)
    kept, losses = run.kept("epochs") if run else None, []
    if kept:
        restore(kept, {"network": network}, optimiser)
        losses = list(kept["losses"])
    descent = Descent(network, optimiser)
    for epoch in range(len(losses), settings.epochs):
        said = f", loss {losses[-1]:.4f}" if losses else ""
        report(epoch / settings.epochs, f"epoch {epoch + 1} of {settings.epochs}{said}")
        _epoch(descent, films, settings, seed, epoch)
        losses.append(_validated(descent, validation, settings))
        if run:
            run.keep("epochs", state_of({"network": network}, optimiser) | {"losses": np.array(losses)})
    return network.cpu().eval()


def _epoch(descent: Descent, films: Stored, settings: DeepMorphingSettings, seed: int, epoch: int) -> None:
    generator = torch.Generator().manual_seed(1_000_003 * seed + epoch)
    order = torch.randperm(len(films.grey), generator=generator).split(settings.batch)
    falls = 0.1 if epoch >= settings.decay_after else 1.0
    descent.trained.train()
    for step, numbers in enumerate(order):
        if len(numbers) < 2:
            continue  # no batch statistics of a single picture
        warm = min((epoch * len(order) + step + 1) / WARM_UP, 1.0)
        picture, band = pictures(films, numbers, settings.pixel_mm, settings.crop, generator)
        loss = loss_of(_through(descent, picture), band.to(descent.fabric.device))
        descent.down(loss, settings.learning_rate * falls * warm)


def loss_of(logits: Tensor, band: Tensor) -> Tensor:
    """Cross-entropy of the sigmoid maps, an outline's pixels weighing `POSITIVE`."""
    weight = torch.tensor(POSITIVE, device=band.device)
    return functional.binary_cross_entropy_with_logits(logits.float(), band, pos_weight=weight)


def _through(descent: Descent, picture: Tensor) -> Tensor:
    return descent.trained(picture.to(descent.fabric.device).contiguous(memory_format=torch.channels_last))


@torch.no_grad()
def _validated(descent: Descent, films: Stored, settings: DeepMorphingSettings) -> float:
    """The loss on films of other subjects, each changed in the same way every time."""
    generator = torch.Generator().manual_seed(VALIDATION_SEED)
    descent.trained.eval()
    losses = []
    for numbers in torch.arange(len(films.grey)).split(settings.batch):
        picture, band = pictures(films, numbers, settings.pixel_mm, settings.crop, generator)
        losses.append(float(loss_of(_through(descent, picture), band.to(descent.fabric.device))))
    return float(np.mean(losses)) if losses else float("nan")
