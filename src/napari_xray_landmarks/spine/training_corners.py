"""Train the network that finds the corners of one vertebra."""

from collections.abc import Sequence

import torch
from torch import Generator, Tensor

from .augmentation import chance, changed_looks
from .frames import WIDTHS, film_from_crop, frames, mirrored_corners
from .losses import bipartite_distance
from .networks import expectation, gaussians, probabilities
from .sampling import standardised, transformed
from .training_films import SpineFilm

ANGLE_DEG, LOG_SCALE, OFFSET = 5.0, 0.08, 0.07  # how far off the first stage may be; the offset in widths
_BELL = 0.7  # spread of a corner's bell, in cells


def random_crops(film: SpineFilm, side: int, generator: Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Crops around each vertebra of a film, about as the first stage gives them.

    Returns
    -------
    crops : (vertebrae, 1, side, side) tensor
        In [-1, 1].
    corners : (vertebrae, 4, 2) tensor
        In px of the crops.
    film_from_crops : (vertebrae, 3, 3) tensor
    """
    known = torch.isfinite(film.corners).flatten(1).all(-1)
    corners = film.corners[known]
    centre, angle, width = frames(corners)
    count = len(centre)
    turn, stretch, down, across = torch.randn(4, count, generator=generator).double().clamp(-2.5, 2.5)
    centre = centre + OFFSET * width[:, None] * torch.stack([down, across], -1)
    mirrored = chance(generator, 0.5, 1).expand(count)
    matrix = film_from_crop(centre, angle + ANGLE_DEG * turn, width * torch.exp(LOG_SCALE * stretch), side, mirrored)
    inside = transformed(matrix.inverse(), corners)
    return film.pyramid.sample(matrix, (side, side)), mirrored_corners(inside, mirrored), matrix


def random_batch(films: Sequence[SpineFilm], side: int, generator: Generator) -> tuple[Tensor, Tensor, list[Tensor]]:
    """Standardised crops (C, 1, side, side), corners in them (C, 4, 2), and each film's `film_from_crops`."""
    crops, corners, matrices = zip(*(random_crops(film, side, generator) for film in films), strict=True)
    images = standardised(changed_looks(standardised(torch.cat(crops)), generator))
    return images, torch.cat(corners).float(), list(matrices)


def corner_loss(logits: Tensor, corners: Tensor, film_from_crops: Sequence[Tensor], side: int, alpha: float) -> Tensor:
    """Cross-entropy of each corner's place, distance of the expected place, tilt of the endplates, shape of the spine.

    Lengths are in widths of the vertebra.

    Parameters
    ----------
    logits : (crops, 4, h, w) tensor
    corners : (crops, 4, 2) tensor
        In px of the crop.
    film_from_crops
        (crops of the film, 3, 3) of each film; the films' crops follow each other.
    side
        Of a crop in px.
    alpha
        Weight of the bipartite distance, of all corners of a film.
    """
    truth = gaussians(corners, logits.shape[2:], _BELL)
    truth = truth / truth.sum((-1, -2), keepdim=True).clamp_min(1e-6)
    entropy = -(truth.flatten(2) * logits.flatten(2).log_softmax(-1)).sum(-1).mean()
    unit = side / WIDTHS
    found = expectation(probabilities(logits))
    distance = (found - corners).abs().mean() / unit
    tilt = (_rises(found) - _rises(corners)).abs().mean() / unit
    loss = entropy + 10 * distance + 10 * tilt
    return loss + alpha * _bipartite(found, corners, film_from_crops, unit) if alpha else loss


def _rises(corners: Tensor) -> Tensor:
    """(crops, 3) how much lower the right end lies: of the upper endplate, of the lower one, and their mean."""
    ends = torch.stack([corners[:, 1, 0] - corners[:, 0, 0], corners[:, 3, 0] - corners[:, 2, 0]], -1)
    return torch.cat([ends, ends.mean(-1, keepdim=True)], -1)


def _bipartite(found: Tensor, corners: Tensor, film_from_crops: Sequence[Tensor], unit: float) -> Tensor:
    """Bipartite distance of the corners of whole films, in mean widths of their vertebrae; mean over films."""
    counts, total = [len(matrix) for matrix in film_from_crops], 0.0
    for own, true, matrix in zip(found.split(counts), corners.split(counts), film_from_crops, strict=True):
        matrix = matrix.to(own)
        width = unit * matrix[:, :2, :2].det().abs().sqrt().mean()
        pair = (transformed(matrix, points).flatten(0, 1)[None] / width for points in (own, true))
        total = total + bipartite_distance(*pair)
    return total / len(counts)
