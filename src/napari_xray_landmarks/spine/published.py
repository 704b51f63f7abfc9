"""The paper's network, trained and run as published: the whole film, resized, in; coordinates out."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..imaging import Radiograph, check_film
from ..landmarks import LandmarkSet
from ..learning.epochs import generator_of, run_epochs
from .losses import shape_aware_loss
from .networks import PublishedNetwork
from .sampling import FilmPyramid
from .settings import SpineSettings
from .training_films import SpineFilm

ASPECT = 2


@dataclass(frozen=True, eq=False)
class PublishedDetection:
    """Corners in pixels, without a confidence: the network gives none. `responses` and `subshapes` are empty."""

    landmarks: LandmarkSet
    responses: dict
    subshapes: tuple = ()
    doubt: str = ""


@dataclass(frozen=True, eq=False)
class PublishedDetector:
    """The paper's network, ready to search films; `names` are those of its corners."""

    names: tuple[str, ...]
    network: PublishedNetwork
    settings: SpineSettings

    def detect(self, radiograph: Radiograph, settings: SpineSettings | None = None, *, seed: int = 0,
               progress=None) -> PublishedDetection:
        """Find the corners in a film; see `detector.Detector.detect`."""
        from .detector import MIN_SIDE_PX

        check_film(radiograph, MIN_SIDE_PX, "a spine")
        points = self.points(FilmPyramid.of(radiograph.pixels))
        return PublishedDetection(LandmarkSet(self.names, points.reshape(-1, 2)), {})

    @torch.no_grad()
    def points(self, pyramid: FilmPyramid) -> np.ndarray:
        """(vertebrae, 4, 2) corners in film px."""
        shape = self.settings.rows, self.settings.rows // ASPECT
        found = self.network(resized(pyramid, shape)) * shape[0]
        return from_input(found[0], pyramid.shape, shape).reshape(-1, 4, 2).double().numpy()


def resized(pyramid: FilmPyramid, shape: tuple[int, int]) -> Tensor:
    """(1, 1, rows, columns): the whole film in [0, 1], whatever its aspect."""
    scale = torch.tensor(pyramid.shape, dtype=torch.float64) / torch.tensor(shape)
    matrix = torch.diag(torch.cat([scale, torch.ones(1)]))
    matrix[:2, 2] = scale / 2 - 0.5
    return (pyramid.sample(matrix[None], shape) + 1) / 2


def to_input(points: Tensor, film_shape: tuple[int, int], shape: tuple[int, int]) -> Tensor:
    """(..., 2) points of the film in px of the resized film; inverse of `from_input`."""
    return (points + 0.5) * (torch.tensor(shape) / torch.tensor(film_shape)) - 0.5


def from_input(points: Tensor, film_shape: tuple[int, int], shape: tuple[int, int]) -> Tensor:
    """(..., 2) points of the resized film in px of the film."""
    return (points + 0.5) * (torch.tensor(film_shape) / torch.tensor(shape)) - 0.5


def train_published(films: Sequence[SpineFilm], settings: SpineSettings, seed: int, run, report) -> PublishedNetwork:
    """The paper's network, trained as there: Adam, a constant rate, no augmentation.

    Coordinates are parts of the input's rows. `settings.alpha` 0 gives the paper's baseline. An input lower than 1024
    rows makes the network smaller and faster: at 256 rows a pass takes a sixteenth of the time.
    """
    shape = settings.rows, settings.rows // ASPECT
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = PublishedNetwork(films[0].corners.shape[0] * 4, shape)
    optimiser = torch.optim.Adam(network.parameters(), settings.learning_rate)
    images = torch.cat([resized(film.pyramid, shape).to(torch.float16) for film in films])
    truth = torch.stack([to_input(film.corners, film.pyramid.shape, shape).flatten(0, 1) for film in films]) / shape[0]

    def epoch(number: int) -> str:
        network.train()
        generator, losses = generator_of(seed, "published", number), []
        with torch.random.fork_rng():
            torch.manual_seed(generator.initial_seed() % 2**63)  # of the dropout
            for chosen in torch.randperm(len(films), generator=generator).split(settings.batch):
                if len(chosen) < 2:
                    continue  # a batch of one has no variance to normalise with
                loss = shape_aware_loss(network(images[chosen].float()), truth[chosen].float(), settings.alpha)
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
                losses.append(float(loss.detach()))
        return f"loss {np.mean(losses):.4f}"

    run_epochs(run, "published", settings.corner_epochs, {"network": network}, optimiser, epoch, report)
    return network.eval()
