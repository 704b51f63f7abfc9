"""What training and segmentation do alike to volumes: grey values, slices, and the box round a bone."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from .networks import BOX, MARGIN

_CLIPPED_PERCENT = (0.5, 99.5)
_CT_CENTRE_HU, _CT_RANGE_HU, _CT_CLIPPED = 200.0, 500.0, 3.0
_LOOKED_AT = 2_000_000


def normalised(array: np.ndarray, modality: str = "MR", seen: np.ndarray | None = None) -> np.ndarray:
    """Grey values as the networks are given them.

    Parameters
    ----------
    array
        Of the working grid.
    modality
        HU of a "CT" have a fixed scale. Others are cut at their percentiles 0.5 and 99.5 and brought to zero mean and
        unit variance.
    seen : bool array, optional
        The voxels that this is measured on; all by default.

    Returns
    -------
    float32 array
    """
    array = np.asarray(array, np.float32)
    if modality == "CT":
        return np.clip((array - _CT_CENTRE_HU) / _CT_RANGE_HU, -_CT_CLIPPED, _CT_CLIPPED)
    every = slice(None, None, max(1, array.size // _LOOKED_AT))
    drawn = array.reshape(-1)[every]
    if seen is not None and seen.any():
        drawn = drawn[seen.reshape(-1)[every]]
    low, high = np.percentile(drawn, _CLIPPED_PERCENT)
    drawn = np.clip(drawn, low, high)
    return (np.clip(array, low, high) - drawn.mean()) / max(float(drawn.std()), 1e-6)


def slice_stack(array: np.ndarray, axis: int, numbers: Sequence[int], neighbours: int) -> np.ndarray:
    """Slices with their neighbours; beyond the volume's ends the last slice is its own neighbour.

    Parameters
    ----------
    array
    axis
        That the slices are perpendicular to.
    numbers
        Which slices.
    neighbours
        On either side.

    Returns
    -------
    (slices, 1 + 2 neighbours, rows, columns) array
    """
    slices = np.moveaxis(array, axis, 0)
    offsets = np.arange(-neighbours, neighbours + 1)
    return slices[np.clip(np.asarray(numbers)[:, None] + offsets, 0, len(slices) - 1)]


@dataclass(frozen=True, eq=False)
class Cube:
    """A box with equal sides in mm round a bone; its coordinates run from -1 to 1.

    Parameters
    ----------
    centre_vox : (3,) array
        In voxels of the working grid.
    half_vox : (3,) array
        Half a side along each axis, in voxels.
    mirrored
        Whether the box's third axis runs against the grid's: the left bone of a right one.
    """

    centre_vox: np.ndarray
    half_vox: np.ndarray
    mirrored: bool = False

    @property
    def voxel_from_box(self) -> np.ndarray:
        """(4, 4) affine."""
        matrix = np.diag([*self.half_vox * (1, 1, -1 if self.mirrored else 1), 1.0])
        matrix[:3, 3] = self.centre_vox
        return matrix

    def voxels_of(self, box_points: np.ndarray) -> np.ndarray:
        """(N, 3) points of the box in voxels; inverse of `in_box`."""
        return box_points * np.diag(self.voxel_from_box)[:3] + self.centre_vox

    def in_box(self, voxels: np.ndarray) -> np.ndarray:
        """(N, 3) points in voxels in coordinates of the box."""
        return (voxels - self.centre_vox) / np.diag(self.voxel_from_box)[:3]

    def mirror(self) -> "Cube":
        """The same box, seen from the other side."""
        return replace(self, mirrored=not self.mirrored)

    def sample(self, array: np.ndarray, size: int = BOX) -> np.ndarray:
        """(size, size, size) float32 values inside, trilinear; beyond the array those at its edge."""
        values = torch.from_numpy(np.ascontiguousarray(array))[None]
        return resampled(values, self.voxel_from_box, (size,) * 3)[0].numpy()


def cube_of(mask: np.ndarray, spacing_mm: Sequence[float], margin: float = MARGIN) -> Cube:
    """The box round what a mask shows.

    Parameters
    ----------
    mask : bool array
        Not empty.
    spacing_mm
        Of its voxels.
    margin
        Side of the box, as a multiple of the longest extent.
    """
    spacing = np.asarray(spacing_mm, float)
    low, high = bounds(mask)
    side = margin * float(((high - low + 1) * spacing).max())
    return Cube((low + high) / 2, 0.5 * side / spacing)


def bounds(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(3,) first and (3,) last voxel along each axis that a mask shows; ValueError where it is empty."""
    ends = []
    for axis in range(mask.ndim):
        shown = np.flatnonzero(mask.any(tuple(a for a in range(mask.ndim) if a != axis)))
        if not len(shown):
            raise ValueError("the mask is empty")
        ends.append((shown[0], shown[-1]))
    return np.array(ends, float).T


def resampled(arrays: Tensor, voxel_from_box: np.ndarray, size: Sequence[int], mode: str = "bilinear") -> Tensor:
    """(C, *size) float32 values of (C, ...) arrays on a grid whose outermost voxel centres lie at -1 and 1 of a box.

    Parameters
    ----------
    arrays : (C, planes, rows, columns) tensor
        Read only where the box lies.
    voxel_from_box : (4, 4) array
    size
    mode
        "bilinear" (which is trilinear here) or "nearest"; beyond the arrays their edge counts.
    """
    corners = np.array(np.meshgrid(*[(-1, 1)] * 3)).reshape(3, -1).T @ voxel_from_box[:3, :3].T + voxel_from_box[:3, 3]
    shape = np.array(arrays.shape[1:])
    low = np.clip(np.floor(corners.min(0)).astype(int), 0, shape - 1)
    high = np.clip(np.ceil(corners.max(0)).astype(int) + 1, low + 1, shape)
    part = arrays[(slice(None), *(slice(a, b) for a, b in zip(low, high, strict=True)))].float()
    scale = 2 / np.maximum(high - low - 1, 1)
    theta = scale[:, None] * voxel_from_box[:3] - np.eye(4)[3] * np.where(high - low > 1, 1 + scale * low, 0)[:, None]
    theta = torch.from_numpy(theta[::-1][:, [2, 1, 0, 3]].copy()).float()[None]
    grid = functional.affine_grid(theta, (1, 1, *size), align_corners=True)
    return functional.grid_sample(part[None], grid, mode, padding_mode="border", align_corners=True)[0]
