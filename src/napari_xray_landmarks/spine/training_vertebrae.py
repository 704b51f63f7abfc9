"""Train the network that finds the vertebrae of a film."""

from collections.abc import Sequence

import torch
from torch import Generator, Tensor
from torch.nn import functional

from .augmentation import chance, changed_looks, shift, shuffled_tiles, similarities
from .frames import mirrored_corners
from .networks import CORNERS, STRIDE, gaussians
from .sampling import transformed, with_local_contrast
from .training_films import SpineFilm

NO_SPINE = 0.05  # share of the images that show none
ANGLE_DEG, LOG_SCALE, OFFSET = 8.0, 0.15, 0.06  # spread of the pose; the offset in rows of the canvas
_BELL = 0.22  # spread of a centre's bell, in heights of its vertebra
_CORE = 0.3  # cells where the bell is higher speak for their vertebra


def random_canvas(film: SpineFilm, shape: tuple[int, int], generator: Generator) -> tuple[Tensor, Tensor]:
    """A film as it may come: turned, scaled, shifted, cropped, mirrored, with another look.

    Returns
    -------
    image : (1, rows, columns) tensor
    corners : (vertebrae, 4, 2) tensor
        In px of the canvas; NaN for a vertebra whose centre is not on it.
    """
    turn, stretch, down, across = torch.randn(4, generator=generator).double().clamp(-2.5, 2.5)
    mirrored = chance(generator, 0.5, 1)
    scale = film.pyramid.shape[0] / shape[0] * torch.exp(0.06 + LOG_SCALE * stretch)
    about = shift((torch.tensor(film.pyramid.shape).double() - 1) / 2)
    middle = (torch.tensor(shape).double() - 1) / 2 + OFFSET * shape[0] * torch.stack([down, across])
    matrix = about @ similarities(scale[None], ANGLE_DEG * turn[None], mirrored)[0] @ shift(-middle)
    image = film.pyramid.sample(matrix[None], shape)[0]
    if chance(generator, NO_SPINE, 1):
        return shuffled_tiles(image, generator), torch.full_like(film.corners, torch.nan)
    corners = mirrored_corners(transformed(matrix.inverse(), film.corners), mirrored.expand(len(film.corners)))
    centre = corners.mean(1)
    inside = ((centre > 0) & (centre < torch.tensor(shape) - 1)).all(-1)
    return image, torch.where(inside[:, None, None], corners, torch.nan)


def random_batch(films: Sequence[SpineFilm], shape: tuple[int, int], generator: Generator) -> tuple[Tensor, Tensor]:
    """What the network sees of each film (films, 2, rows, columns), and corners (films, vertebrae, 4, 2)."""
    images, corners = zip(*(random_canvas(film, shape, generator) for film in films), strict=True)
    return with_local_contrast(changed_looks(torch.stack(images), generator), shape[0]), torch.stack(corners).float()


def vertebra_loss(outputs: tuple[Tensor, Tensor, Tensor], corners: Tensor) -> Tensor:
    """Cross-entropy of centres and of levels, and distance of corners from where their cells say they are.

    Parameters
    ----------
    outputs
        Of `VertebraNetwork`.
    corners : (films, vertebrae, 4, 2) tensor
        In px of the input; NaN where a vertebra is not shown.
    """
    centre_logits, offsets, level_logits = outputs
    shape = centre_logits.shape[2:]
    shown = torch.isfinite(corners).flatten(2).all(-1)
    corners = corners.nan_to_num()
    heights = (corners[:, :, :2].mean(2) - corners[:, :, 2:].mean(2)).norm(dim=-1) / STRIDE
    bells = gaussians(corners.mean(2), shape, (_BELL * heights).clamp(0.7, 2.0), STRIDE)
    bell, owner = (bells * shown[..., None, None]).max(1)
    core = bell * (bell > _CORE)
    total = core.sum() + 1e-6
    centre = functional.binary_cross_entropy_with_logits(centre_logits[:, 0], bell, reduction="none") * (1 + 4 * bell)
    level = (functional.cross_entropy(level_logits, owner, reduction="none") * core).sum() / total
    distance = (offsets - _true_offsets(corners, owner)).abs().mean((1, 2))
    return 20 * centre.mean() + level + (distance * core).sum() / total


def _true_offsets(corners: Tensor, owner: Tensor) -> Tensor:
    """(films, 4, 2, h, w) offsets, in cells, of the corners of each cell's vertebra from the cell."""
    films, h, w = owner.shape
    cells = torch.stack(torch.meshgrid(torch.arange(h), torch.arange(w), indexing="ij")).to(corners)
    places = (corners.flatten(2) + 0.5) / STRIDE - 0.5
    chosen = places.gather(1, owner.flatten(1)[..., None].expand(-1, -1, 2 * CORNERS))
    return chosen.transpose(1, 2).reshape(films, CORNERS, 2, h, w) - cells
