"""A film as what networks see: grey values in [-1, 1], resampled through (3, 3) matrices, coarse where that is enough.

Matrices act on (row, column, 1) and are named target first: `film_from_crop` takes a crop's pixels to the film's.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

MOST_PX = 1536  # of the longer side: vertebrae are then some 60 px wide or more
BLACK_WHITE_PERCENT = (0.5, 99.5)
_LOOKED_AT = 1_000_000


@dataclass(frozen=True, eq=False)
class FilmPyramid:
    """One film in halving resolutions.

    Parameters
    ----------
    levels
        (1, 1, rows, columns) uint8 tensors.
    shape
        (rows, columns) of the film itself.
    """

    levels: tuple[Tensor, ...]
    shape: tuple[int, int]

    @classmethod
    def of(cls, pixels: np.ndarray) -> "FilmPyramid":
        """The pyramid of (rows, columns) finite grey values of any kind and range."""
        film = torch.from_numpy(np.array(pixels, dtype=np.float32, order="C"))[None, None]
        looked_at = film.flatten()[:: max(1, film.numel() // _LOOKED_AT)].numpy()
        low, high = np.percentile(looked_at, BLACK_WHITE_PERCENT)
        film = ((film - low) / max(high - low, 1e-6 * max(abs(high), 1.0))).clamp(0, 1)
        shrink = MOST_PX / max(film.shape[2:])
        if shrink < 1:
            size = [max(1, round(n * shrink)) for n in film.shape[2:]]
            film = functional.interpolate(film, size=size, mode="bilinear", antialias=True, align_corners=False)
        levels = []
        while True:
            levels.append((film * 255).round().to(torch.uint8))
            if min(film.shape[2:]) < 64:
                return cls(tuple(levels), tuple(pixels.shape))
            film = functional.avg_pool2d(film, 2, ceil_mode=True, count_include_pad=False)

    def sample(self, film_from_crop: Tensor, shape: tuple[int, int]) -> Tensor:
        """Crops of the film, linearly interpolated.

        Parameters
        ----------
        film_from_crop : (crops, 3, 3) tensor
            Affine; their scales should be about alike.
        shape
            (rows, columns) of a crop.

        Returns
        -------
        (crops, 1, rows, columns) float32 tensor
            In [-1, 1]; 0 outside of the film.
        """
        step = film_from_crop[:, :2, :2].det().abs().sqrt().mean() * max(self.levels[0].shape[2:]) / max(self.shape)
        level = self.levels[min(max(int(torch.log2(step).round()), 0), len(self.levels) - 1)]
        rows, columns = (torch.arange(n, dtype=torch.float32) for n in shape)
        pixels = torch.stack([*torch.meshgrid(rows, columns, indexing="ij"), torch.ones(shape)], -1)
        film = torch.einsum("bij,rcj->brci", film_from_crop[:, :2].float(), pixels)
        grid = (2 * film + 1) / torch.tensor(self.shape, dtype=torch.float32) - 1
        source = (level.float() / 127.5 - 1).expand(len(film_from_crop), -1, -1, -1)
        return functional.grid_sample(source, grid.flip(-1), mode="bilinear", padding_mode="zeros", align_corners=False)


def transformed(matrix: Tensor, points: Tensor) -> Tensor:
    """(..., N, 2) points taken through (..., 3, 3) affine matrices."""
    return points @ matrix[..., :2, :2].transpose(-1, -2) + matrix[..., None, :2, 2]


def standardised(crops: Tensor) -> Tensor:
    """Each (crops, 1, h, w) image with mean 0 and standard deviation 0.4, but within [-1, 1]."""
    mean, deviation = crops.mean((1, 2, 3), keepdim=True), crops.std((1, 2, 3), keepdim=True)
    return (0.4 * (crops - mean) / (deviation + 0.005)).clamp(-1, 1)


def with_local_contrast(images: Tensor, rows: int) -> Tensor:
    """Images, and each pixel against the mean and spread of those around it.

    Parameters
    ----------
    images : (films, 1, h, w) tensor
        In [-1, 1].
    rows
        Height of a canvas that a spine about fills: around is within an eighth of it.

    Returns
    -------
    (films, 2, h, w) tensor
    """
    mean = _around(images, rows // 64)
    spread = (_around(images**2, rows // 64) - mean**2).clamp_min(0).sqrt()
    return torch.cat([images, ((images - mean) / (spread + 0.02)).clamp(-4, 4) / 2], 1)


def _around(images: Tensor, step: int) -> Tensor:
    """Mean over seven steps, made on a coarse grid."""
    coarse = functional.avg_pool2d(images, step)
    coarse = functional.avg_pool2d(coarse, 7, 1, 3, count_include_pad=False)
    return functional.interpolate(coarse, size=images.shape[2:], mode="bilinear", align_corners=False)


def canvas_shape(film_shape: tuple[int, int], rows: int) -> tuple[int, int]:
    """(rows, columns) of the canvas that a film is searched on: at least half as wide as high, at most square."""
    columns = np.ceil(film_shape[1] / film_shape[0] * rows / 64) * 64
    return rows, int(np.clip(columns, rows // 2, rows))


def film_from_canvas(film_shape: tuple[int, int], canvas: tuple[int, int]) -> Tensor:
    """(3, 3) matrix of a film that fills its canvas, centred, as far as its aspect allows."""
    scale = max(film_shape[0] / canvas[0], film_shape[1] / canvas[1])
    matrix = torch.eye(3, dtype=torch.float64) * scale
    matrix[2, 2] = 1
    for axis in range(2):
        matrix[axis, 2] = (film_shape[axis] - 1) / 2 - scale * (canvas[axis] - 1) / 2
    return matrix
