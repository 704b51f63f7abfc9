"""How much memory a segmentation takes, and what part of a volume that is too large for it has to be looked at."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..errors import InputError
from .grid import Grid
from .preparation import bounds

BUDGET = 5 << 30
"""Bytes for a volume, its labels and the working grid's arrays: 6 GiB less what libraries, blocks and networks take."""
_IMAGE, _A_CLASS = 14, 8  # bytes a voxel: the image, masks and components; slices, subvolumes and their sums
_MARGIN_MM, _MARGIN = 15.0, 0.1
_COARSEST = 8


@dataclass(frozen=True)
class Cut:
    """A part of a grid.

    Parameters
    ----------
    grid
    low, high
        Whether there is more of the volume beyond each axis' first and last voxel.
    """

    grid: Grid
    low: tuple[bool, bool, bool] = (False, False, False)
    high: tuple[bool, bool, bool] = (False, False, False)

    def close(self, probabilities: np.ndarray) -> None:
        """Make what lies at the cut background, so that nothing is continued beyond it."""
        for axis in range(3):
            for cut, at in ((self.low[axis], 0), (self.high[axis], -1)):
                if cut:
                    face = np.moveaxis(probabilities, axis + 1, 1)[:, at]
                    face[:] = 0
                    face[0] = 1


def bytes_of(grid: Grid, classes: int) -> int:
    """What the segmentation of a grid takes at most."""
    return grid.voxels * (_IMAGE + _A_CLASS * classes)


def region(grid: Grid, classes: int, axis: int, look: Callable[[Grid], np.ndarray], name: str, held: int = 0) -> Cut:
    """The part of a grid to segment: all of it, or where it is too large the box round what a first look finds.

    Parameters
    ----------
    grid
        Of the whole volume.
    classes
        With the background.
    axis
        That slices are perpendicular to; the first look leaves some of them out.
    look
        Gives the classes on a grid.
    name
        Of the volume.
    held
        Bytes that the volume and its labels take themselves.

    Raises
    ------
    InputError
        It is too large even for that; nothing has been allocated then.
    """
    left = max(BUDGET - held, 1)
    if bytes_of(grid, classes) <= left:
        return Cut(grid)
    every = int(np.ceil(bytes_of(grid, classes) / left))
    if every > _COARSEST:
        raise _too_large(name, grid, classes, held)
    thin = thinned_out(grid, axis, every)
    found = look(thin) > 0
    if not found.any():
        raise InputError(name, "shows none of the model's structures, as far as a first look at it tells",
                         "Cut the volume to what the model knows")
    low, high = bounds(found)
    part = cut_to(grid, thin, low, high)
    if bytes_of(part.grid, classes) > left:
        raise _too_large(name, part.grid, classes, held)
    return part


def thinned_out(grid: Grid, axis: int, every: int) -> Grid:
    """Every so many-th slice of a grid; slices lie in the middle of those that they stand for."""
    scale, shape = np.eye(4), list(grid.shape)
    scale[axis, axis], scale[axis, 3] = every, (every - 1) / 2
    shape[axis] = max(shape[axis] // every, 1)
    return Grid(tuple(shape), grid.world_from_voxel @ scale)


def cut_to(grid: Grid, other: Grid, low: np.ndarray, high: np.ndarray) -> Cut:
    """The part of a grid round voxels `low` to `high` of another one with the same axes, with a margin."""
    index_from_other = np.linalg.inv(grid.world_from_voxel) @ other.world_from_voxel
    ends = np.array([low - 0.5, high + 0.5]) @ index_from_other[:3, :3].T + index_from_other[:3, 3]
    margin = _MARGIN_MM / grid.spacing_mm + _MARGIN * (ends[1] - ends[0])
    first = np.maximum(np.floor(ends[0] - margin), 0).astype(int)
    last = np.minimum(np.ceil(ends[1] + margin), np.array(grid.shape) - 1).astype(int)
    shift = np.eye(4)
    shift[:3, 3] = first
    part = Grid(tuple(int(n) for n in last - first + 1), grid.world_from_voxel @ shift)
    return Cut(part, tuple(bool(b) for b in first > 0), tuple(bool(b) for b in last < np.array(grid.shape) - 1))


def _too_large(name: str, grid: Grid, classes: int, held: int) -> InputError:
    size, spacing = (" x ".join(f"{v:.3g}" for v in values) for values in (grid.shape, grid.spacing_mm))
    need = (bytes_of(grid, classes) + held) / 2**30
    return InputError(name, f"is too large: {size} voxels of {spacing} mm would take {need:.0f} GiB, "
                      f"{BUDGET / 2**30:.0f} are allowed", "Cut the volume to the region of interest")
