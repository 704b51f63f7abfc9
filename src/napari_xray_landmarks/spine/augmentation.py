"""Random changes of films for training: pose, contrast, inversion, noise, hidden parts and drawn-in hardware.

Everything random comes from the `torch.Generator` that is given.
"""

import math

import torch
from torch import Generator, Tensor
from torch.nn import functional

INVERTED, HIDDEN, HARDWARE, NOISY, BLURRED = 0.2, 0.3, 0.2, 0.4, 0.2  # shares of the images
_MOST_RODS = 6


def uniform(generator: Generator, low: float, high: float, *shape: int) -> Tensor:
    """Numbers in [low, high)."""
    return low + (high - low) * torch.rand(*shape, generator=generator)


def chance(generator: Generator, share: float, *shape: int) -> Tensor:
    """True for that share."""
    return torch.rand(*shape, generator=generator) < share


def similarities(scale: Tensor, angle_deg: Tensor, mirrored: Tensor) -> Tensor:
    """(N, 3, 3) matrices about the origin: mirror columns, turn from the row axis towards the columns, scale."""
    turn = torch.deg2rad(angle_deg)
    cos, sin = scale * turn.cos(), scale * turn.sin()
    sign = 1 - 2 * mirrored.to(scale.dtype)
    matrix = torch.zeros(len(scale), 3, 3, dtype=scale.dtype)
    matrix[:, 0, 0], matrix[:, 0, 1] = cos, -sin * sign
    matrix[:, 1, 0], matrix[:, 1, 1] = sin, cos * sign
    matrix[:, 2, 2] = 1
    return matrix


def shift(offset: Tensor) -> Tensor:
    """(..., 3, 3) matrices that move by (..., 2)."""
    matrix = torch.eye(3, dtype=offset.dtype).repeat(*offset.shape[:-1], 1, 1)
    matrix[..., :2, 2] = offset
    return matrix


def changed_looks(images: Tensor, generator: Generator) -> Tensor:
    """(N, 1, h, w) images in [-1, 1] with another contrast, noise, sharpness, hidden parts or hardware, in [-1, 1]."""
    count = len(images)
    images = _with_hardware(images, generator)
    images = _hidden(images, generator)
    blurred = functional.avg_pool2d(images, 3, 1, 1, count_include_pad=False)
    images = torch.where(chance(generator, BLURRED, count, 1, 1, 1), blurred, images)
    sigma = uniform(generator, 0.0, 0.1, count, 1, 1, 1) * chance(generator, NOISY, count, 1, 1, 1)
    images = images + sigma * torch.randn(images.shape, generator=generator)
    gamma = torch.exp(uniform(generator, -0.5, 0.5, count, 1, 1, 1))
    images = 2 * ((images.clamp(-1, 1) + 1) / 2) ** gamma - 1
    images = images * uniform(generator, 0.6, 1.15, count, 1, 1, 1) + uniform(generator, -0.15, 0.15, count, 1, 1, 1)
    images = images.clamp(-1, 1)
    return torch.where(chance(generator, INVERTED, count, 1, 1, 1), -images, images)


def shuffled_tiles(image: Tensor, generator: Generator, tile: int = 16) -> Tensor:
    """A (1, h, w) image cut into squares that are turned and shuffled: the grey values of a film, but no spine."""
    tiles = image.unfold(1, tile, tile).unfold(2, tile, tile).squeeze(0)
    rows, columns = tiles.shape[:2]
    tiles = tiles.flatten(0, 1)[torch.randperm(rows * columns, generator=generator)]
    tiles = tiles.transpose(-1, -2).reshape(rows, columns, tile, tile)
    return tiles.permute(0, 2, 1, 3).reshape(1, rows * tile, columns * tile)


def _hidden(images: Tensor, generator: Generator) -> Tensor:
    """Some images with rectangles of one grey value over them."""
    images = images.clone()
    rows, columns = images.shape[2:]
    for i in torch.nonzero(chance(generator, HIDDEN, len(images))).flatten().tolist():
        for _ in range(int(torch.randint(1, 4, (1,), generator=generator))):
            high = max(1, int(rows * uniform(generator, 0.02, 0.15, 1)))
            wide = max(1, int(columns * uniform(generator, 0.05, 0.4, 1)))
            top = int(torch.randint(0, rows - high + 1, (1,), generator=generator))
            left = int(torch.randint(0, columns - wide + 1, (1,), generator=generator))
            images[i, :, top:top + high, left:left + wide] = uniform(generator, -1, 1, 1)
    return images


def _with_hardware(images: Tensor, generator: Generator) -> Tensor:
    """Some images with bright rods and screws drawn over them: upright ones, and short ones across."""
    images = images.clone()
    for i in torch.nonzero(chance(generator, HARDWARE, len(images))).flatten().tolist():
        count = int(torch.randint(1, _MOST_RODS + 1, (1,), generator=generator))
        images[i, 0] = torch.maximum(images[i, 0], _rods(images.shape[2:], count, generator))
    return images


def _rods(shape: tuple[int, int], count: int, generator: Generator) -> Tensor:
    """(h, w) picture of `count` rods of metal, in [-1, 1], -1 beside them."""
    size = torch.tensor(shape, dtype=torch.float32)
    middle = uniform(generator, 0.15, 0.85, count, 2) * size
    upright = chance(generator, 0.4, count)
    angle = torch.where(upright, uniform(generator, -0.3, 0.3, count), uniform(generator, 0, math.pi, count))
    length = torch.where(upright, uniform(generator, 0.2, 0.9, count), uniform(generator, 0.03, 0.15, count)) * size[0]
    half = 0.5 * length[:, None] * torch.stack([angle.cos(), angle.sin()], -1)
    radius = uniform(generator, 0.004, 0.014, count) * size[0]
    pixels = torch.stack(torch.meshgrid(*(torch.arange(n, dtype=torch.float32) for n in shape), indexing="ij"), -1)
    picture = torch.full(shape, -1.0)
    for centre, along, thick in zip(middle, half, radius, strict=True):
        offset = pixels - centre
        place = ((offset @ along) / (along @ along)).clamp(-1, 1)
        distance = (offset - place[..., None] * along).norm(dim=-1)
        picture = torch.maximum(picture, ((thick - distance) / 1.0 + 0.5).clamp(0, 1) * 2 - 1)
    return picture
