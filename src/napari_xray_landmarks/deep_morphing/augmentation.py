"""What a film might look like, drawn anew each time it trains: all of paper 001's changes, and a few more.

Everything random comes from the `torch.Generator` that is given.
"""

import math
from dataclasses import dataclass

import torch
from torch import Generator, Tensor
from torch.nn import functional

from .films import NEAR_PX

ZOOM = 0.28  # logarithm: films show bones this much larger or smaller than their spacing says
ELSEWHERE, WANDER = 0.1, 0.28  # share of pictures from anywhere in a film; how far others leave its middle, in sides
BAND_PX = 1.25  # standard deviation of the band that stands for an outline, network px
OCTAVES = 5
ABOUT_PX = 24


@dataclass(frozen=True, eq=False)
class Stored:
    """Many stored films: (N, S, S) uint8 grey values, (N, maps, S, S) uint8 nearness, (N, 2) sizes, (N,) mm a pixel."""

    grey: Tensor
    nearness: Tensor
    sizes: Tensor
    pixel_mm: Tensor


def pictures(films: Stored, numbers: Tensor, pixel_mm: float, side: int, generator: Generator
             ) -> tuple[Tensor, Tensor]:
    """Pictures of films, turned, mirrored, scaled and moved at random, and the bands of their outlines.

    Parameters
    ----------
    films
    numbers : (B,) tensor
        Of the films.
    pixel_mm, side
        Of the pictures.
    generator

    Returns
    -------
    (B, 2, side, side) float32 tensor
        What the network is given.
    (B, maps, side, side) float32 tensor
        From 0 to 1.
    """
    count, size = len(numbers), films.grey.shape[-1]
    grid, px = _poses(films, numbers, pixel_mm, side, generator)
    image = torch.cat([films.grey[numbers, None].float(), films.nearness[numbers].float()], 1) / 255
    sampled = functional.grid_sample(image, 2 * (grid + 0.5) / size - 1, mode="bilinear", align_corners=False)
    rows, columns = films.sizes[numbers].float().T.reshape(2, count, 1, 1)
    inside = ((grid >= -0.5) & (grid <= torch.stack([columns, rows], -1) - 0.5)).all(-1)[:, None]
    inside &= _open(count, side, generator)
    distance = (1 - sampled[:, 1:]) * NEAR_PX / px.view(-1, 1, 1, 1)
    band = torch.exp(-0.5 * (distance / BAND_PX) ** 2) * (sampled[:, 1:] > 0) * inside
    return standard(_looks(sampled[:, :1], inside, generator)), band


def standard(image: Tensor) -> Tensor:
    """(B, 2, rows, columns) what the network is given of (B, 1, rows, columns) grey values.

    First the grey values, but for a hundredth at either end, from 0 to 1; then their distance from the mean about them
    by the standard deviation about them: bones that are faint in a film of bright and dark parts stand out in it.
    """
    few = image[..., ::3, ::3].flatten(1).sort(dim=1).values
    low, high = (few[:, int(share * (few.shape[1] - 1))].view(-1, 1, 1, 1) for share in (0.01, 0.99))
    grey = ((image - low) / (high - low).clamp(min=1e-3)).clamp(-0.2, 1.2)
    mean, square = (_about(x) for x in (grey, grey**2))
    local = (grey - mean) / ((square - mean**2).clamp(min=0) + 1e-3).sqrt()
    return torch.cat([grey, local.clamp(-3, 3)], 1)


def _about(image: Tensor) -> Tensor:
    """The mean of about `ABOUT_PX` pixels about each one."""
    cell = ABOUT_PX // 3
    coarse = functional.avg_pool2d(image, cell, ceil_mode=True, count_include_pad=False)
    coarse = functional.avg_pool2d(coarse, 3, 1, 1, count_include_pad=False)
    large = functional.interpolate(coarse, scale_factor=cell, mode="bilinear")
    return large[..., : image.shape[-2], : image.shape[-1]]


def _poses(films: Stored, numbers: Tensor, pixel_mm: float, side: int, generator: Generator):
    """(B, side, side, 2) places in the stored films, (column, row), of each pixel; (B,) stored px a picture's pixel."""
    count = len(numbers)
    px = pixel_mm / films.pixel_mm[numbers] * torch.exp(_uniform(generator, -ZOOM, ZOOM, count))
    angle = _uniform(generator, 0, 2 * math.pi, count)
    mirrored = 1 - 2 * (torch.rand(count, generator=generator) < 0.5).float()
    sizes = films.sizes[numbers].float()
    wander = torch.where(torch.rand(count, 1, generator=generator) < ELSEWHERE, 0.5, WANDER)
    middle = sizes * (0.5 + wander * _uniform(generator, -1, 1, count, 2)) - 0.5
    axis = torch.arange(side) - (side - 1) / 2
    down, across = (axis * px[:, None])[:, :, None], (mirrored[:, None] * axis * px[:, None])[:, None, :]
    cos, sin = angle.cos()[:, None, None], angle.sin()[:, None, None]
    rows = cos * down - sin * across + middle[:, 0, None, None]
    columns = sin * down + cos * across + middle[:, 1, None, None]
    return torch.stack([columns, rows], -1), px


def _open(count: int, side: int, generator: Generator) -> Tensor:
    """(count, 1, side, side) where a round or no collimator lets the beam through."""
    axis = torch.arange(side) - (side - 1) / 2
    middle = side * 0.06 * torch.randn(count, 2, generator=generator)
    away = torch.hypot(axis[None, :, None] - middle[:, 0, None, None], axis[None, None, :] - middle[:, 1, None, None])
    radius = side * _uniform(generator, 0.38, 0.62, count)
    radius = torch.where(torch.rand(count, generator=generator) < 0.5, radius, torch.inf)
    return (away < radius[:, None, None])[:, None]


def _looks(image: Tensor, inside: Tensor, generator: Generator) -> Tensor:
    """Other contrast, shading, noise, blocked-out squares, inversion; one grey value outside the field."""
    count, _, side, _ = image.shape

    def often(share: float) -> Tensor:
        return (torch.rand(count, 1, 1, 1, generator=generator) < share).float()

    def between(low: float, high: float) -> Tensor:
        return _uniform(generator, low, high, count, 1, 1, 1)

    blurred = functional.avg_pool2d(image, 3, 1, 1, count_include_pad=False)
    image = image + between(-1.0, 1.5) * often(0.4) * (image - blurred)
    wide = functional.interpolate(functional.avg_pool2d(image, 16), size=(side, side), mode="bilinear")
    image = image - between(0.2, 0.9) * often(0.4) * (wide - wide.mean((2, 3), keepdim=True))
    axis = torch.linspace(-1, 1, side)
    image = image + 0.2 * between(-1, 1) * axis[:, None] + 0.2 * between(-1, 1) * axis
    image = image.clamp(0, 1) ** torch.exp(between(-0.7, 0.7))
    image = image + often(0.5) * torch.exp(between(-5.5, -3.0)) * coloured_noise(count, side, generator)
    image = _blocked(image * between(0.5, 1.1), generator)
    outside = torch.where(often(0.7) > 0, torch.zeros(()), between(0, 1))
    image = torch.where(inside, image, outside)
    inverted = often(0.25)
    return inverted * (1 - image) + (1 - inverted) * image


def coloured_noise(count: int, side: int, generator: Generator) -> Tensor:
    """(count, 1, side, side) noise of standard deviation 1, each with octaves of its own strength."""
    colour = _uniform(generator, 0.0, 1.2, count, 1, 1, 1)
    noise = torch.randn(count, 1, side, side, generator=generator)
    for octave in range(1, OCTAVES):
        coarse = torch.randn(count, 1, -(-side // 2**octave), -(-side // 2**octave), generator=generator)
        noise = noise + 1.5 * colour**octave * functional.interpolate(coarse, size=(side, side), mode="bilinear")
    return noise / noise.std((2, 3), keepdim=True)


def _blocked(image: Tensor, generator: Generator) -> Tensor:
    """Up to four squares of one grey value each on half of the pictures, up to a quarter of a side wide."""
    side = image.shape[-1]
    for i in torch.nonzero(torch.rand(len(image), generator=generator) < 0.5).flatten().tolist():
        for _ in range(int(torch.randint(1, 5, (1,), generator=generator))):
            width = int(side * _uniform(generator, 0.04, 0.25, 1))
            top, left = torch.randint(0, side - width, (2,), generator=generator).tolist()
            image[i, :, top : top + width, left : left + width] = torch.rand(1, generator=generator)
    return image


def _uniform(generator: Generator, low: float, high: float, *shape: int) -> Tensor:
    return low + (high - low) * torch.rand(*shape, generator=generator)
