"""The upright crop around each vertebra, and the corners in it.

Corners of vertebrae are (vertebrae, 4, 2) tensors in film px: top-left, top-right, bottom-left, bottom-right.
"""

import torch
from torch import Tensor
from torch.nn import functional

from .augmentation import shift, similarities

MIRRORED = (1, 0, 3, 2)
"""Where each corner of a vertebra is in a mirrored film."""
WIDTHS = 2.0
"""Side of a crop in widths of its vertebra, so that its neighbours are seen too."""


def widths(corners: Tensor) -> Tensor:
    """(vertebrae,) distance of the middle of the left side from that of the right side."""
    return (_side(corners, 1) - _side(corners, 0)).norm(dim=-1)


def frames(corners: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Centre (V, 2), angle in degrees (V,) and width (V,) of each vertebra, the last two smoothed along the spine."""
    across = _smooth(functional.normalize(_side(corners, 1) - _side(corners, 0), dim=-1))
    angle = torch.rad2deg(torch.atan2(-across[:, 0], across[:, 1]))
    return corners.mean(1), angle, _smooth(widths(corners)[:, None])[:, 0]


def film_from_crop(centre: Tensor, angle_deg: Tensor, width: Tensor, side: int, mirrored: Tensor) -> Tensor:
    """(V, 3, 3) matrices of square crops, `side` px wide, in which the vertebra is upright and half as wide."""
    middle = torch.full((2,), (side - 1) / 2, dtype=centre.dtype)
    return shift(centre) @ similarities(WIDTHS * width / side, angle_deg, mirrored) @ shift(-middle)


def mirrored_corners(corners: Tensor, mirrored: Tensor) -> Tensor:
    """(V, 4, 2) corners in the order that a mirrored film shows them, where `mirrored` (V,) says so."""
    return torch.where(mirrored[:, None, None], corners[:, list(MIRRORED)], corners)


def _side(corners: Tensor, side: int) -> Tensor:
    return (corners[:, side] + corners[:, side + 2]) / 2


def _smooth(values: Tensor) -> Tensor:
    """(V, n) values with weights 1, 2, 1 along the spine; the ends as they are repeated."""
    padded = torch.cat([values[:1], values, values[-1:]])
    return (padded[:-2] + 2 * padded[1:-1] + padded[2:]) / 4
