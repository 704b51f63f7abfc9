"""What a volume might look like, and how a bone might lie, drawn anew each time it trains."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from scipy.spatial.transform import Rotation
from torch import Tensor
from torch.nn import functional

_DARKEST = 2.0  # standard deviations below the mean that black lies at, about
_CELLS = 4  # of smooth fields along each axis


@dataclass(frozen=True)
class Motion:
    """How boxes are turned, scaled and moved.

    Parameters
    ----------
    turn_deg
        Standard deviation of the turn about each axis.
    zoom
        Standard deviation of the logarithm of the scale.
    shift
        Standard deviation of the shift, as a share of the box's sides.
    """

    turn_deg: float
    zoom: float
    shift: float


def moved(voxel_from_box: np.ndarray, spacing_mm: np.ndarray, motion: Motion, rng: np.random.Generator,
          axes: Sequence[int] = (0, 1, 2)) -> np.ndarray:
    """A box turned, scaled and moved at random.

    Parameters
    ----------
    voxel_from_box : (4, 4) array
    spacing_mm : (3,) array
        Of the voxels; turns are those of the body.
    motion
    rng
    axes
        That it turns about.
    """
    angles = np.deg2rad(rng.normal(0, motion.turn_deg, 3)) * np.isin(np.arange(3), axes)
    turn = Rotation.from_rotvec(angles).as_matrix() * np.exp(rng.normal(0, motion.zoom))
    matrix = voxel_from_box.copy()
    matrix[:3, 3] += voxel_from_box[:3, :3] @ (2 * rng.normal(0, motion.shift, 3))
    matrix[:3, :3] = np.diag(1 / spacing_mm) @ turn @ np.diag(spacing_mm) @ voxel_from_box[:3, :3]
    return matrix


def varied(images: Tensor, rng: np.random.Generator, shown: int = 1) -> Tensor:
    """Images (B, C, ...) of `preparation.normalised` with another gain, shading, contrast and noise.

    The first `shown` channels of each change alike, others not at all.
    """
    generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
    batch, dims = len(images), images.ndim - 2

    def normal(*shape):
        return torch.randn(*shape, generator=generator)

    one = (batch, *[1] * (dims + 1))
    field = functional.interpolate(0.15 * normal(batch, 1, *[_CELLS] * dims), images.shape[2:],
                                   mode="bilinear" if dims == 2 else "trilinear", align_corners=True)
    own = (images[:, :shown] + _DARKEST) * (field + 0.15 * normal(*one)).exp() - _DARKEST
    bent = own + 0.1 * normal(*one) * (own.square() - 1)
    noise = 0.2 * torch.rand(one, generator=generator) * normal(*own.shape)
    return torch.cat([bent + 0.15 * normal(*one) + noise, images[:, shown:]], 1)


def blurred_mask(masks: Tensor, rng: np.random.Generator) -> Tensor:
    """Masks (B, 1, ...) of bones in boxes, with errors as slices have: wavy surfaces, now and then an end cut off."""
    generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
    field = functional.interpolate(torch.randn(len(masks), 1, *[2 * _CELLS] * 3, generator=generator),
                                   masks.shape[2:], mode="trilinear", align_corners=True)
    wavy = (functional.avg_pool3d(masks, 5, 1, 2) + 0.2 * field > 0.5).float()
    for own in wavy:
        if rng.random() < 0.25:
            axis, depth = int(rng.integers(3)), int(rng.uniform(0, 0.15) * own.shape[1])
            ends = own.movedim(axis + 1, 1)
            (ends[:, :depth] if rng.random() < 0.5 else ends[:, ends.shape[1] - depth:]).zero_()
    return wavy
