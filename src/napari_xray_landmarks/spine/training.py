"""Train the spine model: first the network that finds vertebrae, then the one that finds their corners."""

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import nn

from ..errors import InputError
from ..landmarks import vertebral_corners
from ..learning.epochs import generator_of
from ..learning.learner import Learner
from ..learning.weights import tensors_of
from . import training_corners, training_vertebrae
from .calibration import Calibration, calibrated, evidence, mean_width
from .chain import spacing_of
from .detector import Detector
from .networks import CornerNetwork, VertebraNetwork
from .published import train_published
from .settings import NETWORKS, SpineSettings
from .training_films import SpineFilm, read_films, split

CANVAS_ASPECT = 2
_LARGEST_GRADIENT = 5.0


def fit(dataset, *, settings: SpineSettings, seed: int = 0, progress=None, run=None, start=None) -> tuple[dict, dict]:
    """The recipe `spine`: tensors and header values from a training set of spines.

    Parameters
    ----------
    dataset
        A `training.dataset.TrainingSet` whose landmarks are corners of vertebrae.
    settings
        Of the method; those of the group "training" are fixed in the model.
    seed
        The same seed gives the same model.
    progress
        Called as `progress(fraction, stage)`.
    run
        A `training.runs.TrainingRun`, or None; finished epochs are taken from it.
    start
        A `learning.starts.Start`, or None.

    Raises
    ------
    InputError
        If the landmarks are no corners of vertebrae, hardly any film shows all of them, or `start` has others, or other
        networks.
    """
    report = progress or (lambda fraction, stage: None)
    levels, films = read_films(dataset, lambda f, s: report(0.05 * f, s))
    films, held = split(films, settings.held_out, seed)
    films = [film for film in films if torch.isfinite(film.corners).flatten(1).all(-1).sum() > 2]
    if len(films) < 2:
        raise InputError(dataset.folder, f"only {len(films)} films show more than two vertebrae", "Mark more films")
    names = vertebral_corners(levels=levels)
    facts = {"landmarks": names, "training": {"films": len(films), "held_out_films": len(held)}}
    if start:
        start.require_landmarks(names)
    if settings.network == NETWORKS[1]:
        if start:
            raise InputError("network as published", "begins with no other model", "Train it without a start")
        network = train_published(films, settings, seed, run, lambda f, s: report(0.05 + 0.95 * f, s))
        return tensors_of(network, "published"), facts
    vertebrae = train_vertebrae(films, len(levels), settings, seed, run, lambda f, s: report(0.05 + 0.4 * f, s),
                                start)
    corners = train_corners(films, settings, seed, run, lambda f, s: report(0.45 + 0.5 * f, s), start)
    spacing = spacing_of(films)
    detector = Detector(names, levels, vertebrae, corners, spacing, Calibration(), settings)
    report(0.95, "measuring on patients held out")
    calibration, metrics = measured(detector, held)
    tensors = tensors_of(vertebrae, "vertebrae") | tensors_of(corners, "corners")
    tensors |= {"spacing": spacing, "calibration": calibration.to_tensor()}
    return tensors, facts | {"metrics": metrics}


def measured(detector: Detector, films: Sequence[SpineFilm]) -> tuple[Calibration, dict[str, float]]:
    """Confidence and accuracy on films that the networks have not seen; the defaults and nothing without films."""
    seen, errors, distances = [], [], []
    for film in films:
        chain, found = detector.search(film.pyramid, detector.settings)
        if found is None:
            continue
        first, last = np.flatnonzero(chain.found)[[0, -1]]
        distance = (found.points - film.corners[first:last + 1]).norm(dim=-1).numpy()
        seen.append(evidence(chain, found))
        errors.append(distance / mean_width(found.points.numpy()))
        distances.append(distance)
    calibration = calibrated(seen, errors)
    every = np.concatenate([d.ravel() for d in distances]) if distances else np.empty(0)
    every = every[np.isfinite(every)]
    if not every.size:
        return calibration, {}
    return calibration, {"mean_radial_error_px": float(every.mean()), "median_radial_error_px": float(np.median(every))}


def train_vertebrae(films: Sequence[SpineFilm], levels: int, settings: SpineSettings, seed: int, run, report,
                    start=None) -> VertebraNetwork:
    """The first stage, trained."""
    shape = (settings.rows, settings.rows // CANVAS_ASPECT)

    def loss(network, chosen, generator):
        images, corners = training_vertebrae.random_batch(chosen, shape, generator)
        return training_vertebrae.vertebra_loss(network(_last(images, network)), corners.to(network.device))

    return _trained("vertebrae", lambda: VertebraNetwork(levels), loss, films, settings.vertebra_epochs, settings, seed,
                    run, report, start)


def train_corners(films: Sequence[SpineFilm], settings: SpineSettings, seed: int, run, report, start=None
                  ) -> CornerNetwork:
    """The second stage, trained."""

    def loss(network, chosen, generator):
        crops, corners, matrices = training_corners.random_batch(chosen, settings.crop, generator)
        return training_corners.corner_loss(network(_last(crops, network)), corners.to(network.device), matrices,
                                            settings.crop, settings.alpha)

    return _trained("corners", CornerNetwork, loss, films, settings.corner_epochs, settings, seed, run, report,
                    start)


def _trained(name: str, make: Callable[[], nn.Module], loss, films, epochs: int, settings: SpineSettings, seed: int,
             run, report, start) -> nn.Module:
    """A network after all epochs: the running mean of its weights."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = make().to(memory_format=torch.channels_last)
    network = start.fill(network, name) if start else network
    learner = Learner(network, settings.learning_rate, _LARGEST_GRADIENT)
    steps = math.ceil(len(films) / settings.batch)

    def epoch(number: int) -> str:
        generator, losses = generator_of(seed, name, number), []
        learner.trained.train()
        order = torch.randperm(len(films), generator=generator).tolist()
        for step in range(steps):
            chosen = [films[i] for i in order[step * settings.batch:(step + 1) * settings.batch]]
            value = loss(learner.trained, chosen, generator)
            losses.append(learner.step(value, (number * steps + step) / (epochs * steps)))
        return f"loss {np.mean(losses):.3f}"

    return learner.learn(run, name, epochs, epoch, report)


def _last(images: torch.Tensor, network) -> torch.Tensor:
    """The images where the network is, with channels last."""
    return images.to(network.device).contiguous(memory_format=torch.channels_last)
