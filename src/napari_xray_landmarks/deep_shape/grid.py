"""The grid that the networks work on: axes nearest to (superior, posterior, left), the model's spacing; and back.

A volume's own axes are put in that order and turned by permutation and flips. Only where they are tilted by more than
`TILT_DEG`, or sheared, the working grid is laid along the world's axes instead. Everything is resampled block by block,
so that memory does not grow with the volume.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import permutations, product

import numpy as np
from scipy.ndimage import affine_transform

from ..imaging import Volume

TILT_DEG = 15.0
SAME_SPACING = 0.02
"""An axis whose spacing differs from the model's by less than this part is not resampled."""
_SHEAR, _BLOCK, _THREADS = 1e-3, 128, 2
_ROOM = 0.5  # voxels of a volume that count as inside beyond its own


@dataclass(frozen=True, eq=False)
class Grid:
    """Where the voxels of an array lie.

    Parameters
    ----------
    shape
        (planes, rows, columns).
    world_from_voxel : (4, 4) array
        To (superior, posterior, left) in mm.
    """

    shape: tuple[int, int, int]
    world_from_voxel: np.ndarray

    @property
    def spacing_mm(self) -> np.ndarray:
        """(3,) distances of voxel centres."""
        return np.linalg.norm(self.world_from_voxel[:3, :3], axis=0)

    @property
    def voxels(self) -> int:
        """How many there are."""
        return int(np.prod([int(n) for n in self.shape], dtype=object))

    @property
    def corners_mm(self) -> np.ndarray:
        """(8, 3) outermost corners of the voxels at the grid's corners."""
        ends = np.array(list(product(*((-0.5, n - 0.5) for n in self.shape))))
        return ends @ self.world_from_voxel[:3, :3].T + self.world_from_voxel[:3, 3]


def canonical(volume: Volume) -> tuple[np.ndarray, np.ndarray]:
    """A volume with its axes nearest to (superior, posterior, left), by permutation and flips only.

    Returns
    -------
    voxels
        A view.
    world_from_voxel : (4, 4) array
        Of that view.
    """
    order, signs = _order(volume.world_from_voxel)
    matrix = np.eye(4)
    matrix[:3, :3] = np.eye(3)[:, order] * signs
    matrix[order, 3] = [0 if sign > 0 else volume.shape[axis] - 1 for axis, sign in zip(order, signs, strict=True)]
    return canonical_view(volume.voxels, volume.world_from_voxel), volume.world_from_voxel @ matrix


def canonical_view(voxels: np.ndarray, world_from_voxel: np.ndarray) -> np.ndarray:
    """An array of a volume's grid with its axes nearest to (superior, posterior, left); what is written to it lands in
    the array itself."""
    order, signs = _order(world_from_voxel)
    return voxels.transpose(order)[tuple(slice(None, None, sign) for sign in signs)]


def _order(world_from_voxel: np.ndarray) -> tuple[list[int], list[int]]:
    """Which axis of a volume lies along each axis of the world, and whether it runs against it."""
    directions = _directions(world_from_voxel)
    best = max(permutations(range(3)), key=lambda order: sum(abs(directions[w, v]) for w, v in enumerate(order)))
    return list(best), [-1 if directions[w, v] < 0 else 1 for w, v in enumerate(best)]


def _directions(world_from_voxel: np.ndarray) -> np.ndarray:
    return world_from_voxel[:3, :3] / np.linalg.norm(world_from_voxel[:3, :3], axis=0)


def working_grid(volume: Volume, spacing_mm) -> Grid:
    """The grid of a spacing that covers a volume; nothing of its size is allocated.

    Parameters
    ----------
    volume
    spacing_mm
        (superior, posterior, left).
    """
    voxels, matrix = canonical(volume)
    wanted, source = np.asarray(spacing_mm, float), Grid(voxels.shape, matrix)
    directions = _directions(matrix)
    tilt_deg = np.rad2deg(np.arccos(np.clip(np.diag(directions).min(), -1, 1)))
    if tilt_deg > TILT_DEG or np.abs(directions.T @ directions - np.eye(3)).max() > _SHEAR:
        low, high = source.corners_mm.min(0), source.corners_mm.max(0)
        return _centred((high - low) / wanted, np.eye(3) * wanted, (low + high) / 2)
    spacing = np.where(np.abs(source.spacing_mm / wanted - 1) < SAME_SPACING, source.spacing_mm, wanted)
    size = np.array(voxels.shape) * source.spacing_mm / spacing
    return _centred(size, directions * spacing, source.corners_mm.mean(0))


def _centred(size: np.ndarray, axes: np.ndarray, middle: np.ndarray) -> Grid:
    """The grid of so many voxels, rounded, round a place in the world."""
    shape = np.maximum(np.round(size), 1).astype(int)
    matrix = np.eye(4)
    matrix[:3, :3] = axes
    matrix[:3, 3] = middle - axes @ ((shape - 1) / 2)
    return Grid(tuple(int(n) for n in shape), matrix)


def to_working(volume: Volume, spacing_mm, *, labels: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """A volume on its working grid.

    Parameters
    ----------
    volume
    spacing_mm
        (superior, posterior, left).
    labels
        Whether to take the nearest voxel, and keep the type.

    Returns
    -------
    array
        float32, or labels; smoothed before an axis gets coarser.
    world_from_voxel : (4, 4) array
    """
    grid = working_grid(volume, spacing_mm)
    return onto(grid, volume, labels=labels), grid.world_from_voxel


def onto(grid: Grid, volume: Volume, *, labels: bool = False) -> np.ndarray:
    """A volume's values on another grid, those of its edge outside it (of labels: 0); see `to_working`."""
    voxels, matrix = canonical(volume)
    taken = np.empty(grid.shape, voxels.dtype if labels else np.float32)
    index_from_grid = np.linalg.inv(matrix) @ grid.world_from_voxel

    def fill(block) -> None:
        taken[block] = resampled(voxels, index_from_grid, block, nearest=labels)

    _over_blocks(fill, grid.shape, index_from_grid)
    return taken


def seen(grid: Grid, volume: Volume) -> np.ndarray | None:
    """Which voxels of a grid lie inside a volume; None where all do, as where the grid's axes are the volume's."""
    index_from_grid = np.linalg.inv(volume.world_from_voxel) @ grid.world_from_voxel
    ends = np.array(volume.shape) - 0.5 + _ROOM
    corners = np.array(list(product(*((0, n - 1) for n in grid.shape)))) @ index_from_grid[:3, :3].T
    corners += index_from_grid[:3, 3]
    if (corners >= -0.5 - _ROOM).all() and (corners <= ends).all():
        return None
    inside = np.ones(grid.shape, bool)
    for row, end in zip(index_from_grid[:3], ends, strict=True):
        by_axis = [row[axis] * np.arange(n) for axis, n in enumerate(grid.shape)]
        across = (by_axis[1][:, None] + by_axis[2]).astype(np.float32)
        for plane, first in enumerate(by_axis[0] + row[3]):
            inside[plane] &= (across >= -0.5 - _ROOM - first) & (across <= end - first)
    return inside


def back_to(volume: Volume, grid: Grid, probabilities: np.ndarray, classes: np.ndarray, values,
            progress=lambda fraction: None) -> np.ndarray:
    """Labels on a volume's own grid: at each of its voxels the class of largest interpolated probability.

    Parameters
    ----------
    volume
        The source.
    grid
        Of the probabilities.
    probabilities : (classes, *grid.shape) array
    classes : grid.shape array
        Of largest probability there. Where it is 0 all around, nothing has to be interpolated: the largest of convex
        combinations is the background too.
    values : (classes,) array
        The label of each class.
    progress
        Called with a fraction.

    Returns
    -------
    labels : volume.shape array
        Of the type of `values`.
    """
    values = np.asarray(values)
    labels = np.zeros(volume.shape, values.dtype)
    written = canonical_view(labels, volume.world_from_voxel)
    _, matrix = canonical(volume)
    index_from_source = np.linalg.inv(grid.world_from_voxel) @ matrix

    def fill(block) -> None:
        if classes[_read(block, index_from_source, classes.shape)[0]].any():
            best, chosen = None, np.zeros([s.stop - s.start for s in block], values.dtype)
            for value, of_class in zip(values, probabilities, strict=True):
                likely = resampled(of_class, index_from_source, block)
                if best is None:
                    best = likely
                else:
                    chosen[likely > best] = value
                    np.maximum(best, likely, out=best)
            written[block] = chosen

    _over_blocks(fill, written.shape, index_from_source, progress)
    return labels


def resampled(array: np.ndarray, array_from_new: np.ndarray, block, *, nearest: bool = False) -> np.ndarray:
    """One block of an array on another grid.

    Parameters
    ----------
    array : (planes, rows, columns) array
    array_from_new : (4, 4) array
        Affine from the new grid's voxels to the array's.
    block
        Three slices of the new grid.
    nearest
        Whether to take the nearest voxel, 0 outside; otherwise linear, over a triangle as wide as a voxel of the new
        grid where that is coarser, edge values outside.
    """
    read, wide = _read(block, array_from_new, array.shape)
    matrix = array_from_new[:3, :3]
    offset = matrix @ [s.start for s in block] + array_from_new[:3, 3] - [s.start for s in read]
    shape = [s.stop - s.start for s in block]
    part = array[read]
    straight = np.allclose(matrix, np.diag(np.diag(matrix)), atol=1e-9)
    if nearest and not straight:
        return affine_transform(part, matrix, offset, tuple(shape), order=0, mode="grid-constant", output=part.dtype)
    if not straight:
        own = [_triangle(np.arange(n), n, width) for n, width in zip(part.shape, wide, strict=True)]
        return _tilted(_separable(part, own), matrix, offset, shape)
    places = [offset[i] + matrix[i, i] * np.arange(n) for i, n in enumerate(shape)]
    if nearest:
        return part[np.ix_(*(np.clip(np.round(p).astype(int), 0, n - 1)
                             for p, n in zip(places, part.shape, strict=True)))]
    return _separable(part, [_triangle(*args) for args in zip(places, part.shape, wide, strict=True)])


def _triangle(places: np.ndarray, count: int, width: float) -> np.ndarray:
    """(places, count) weights of a line's voxels at places between them."""
    places = np.clip(places, 0, count - 1)
    weights = np.maximum(1 - np.abs(places[:, None] - np.arange(count)) / width, 0).astype(np.float32)
    return weights / weights.sum(1, keepdims=True)


def _separable(part: np.ndarray, weights: list[np.ndarray]) -> np.ndarray:
    """Weights (new, old) applied along each axis, in single precision."""
    part = part.astype(np.float32)
    for axis, of_axis in enumerate(weights):
        if of_axis.shape[0] != of_axis.shape[1] or not np.array_equal(of_axis, np.eye(len(of_axis))):
            part = np.moveaxis(np.tensordot(of_axis, part, (1, axis)), 0, axis)
    return part


def _tilted(part: np.ndarray, matrix: np.ndarray, offset: np.ndarray, shape) -> np.ndarray:
    """A block along other axes, linearly interpolated."""
    import torch

    at = np.moveaxis(np.indices(shape, np.float32), 0, -1) @ matrix.T.astype(np.float32) + offset.astype(np.float32)
    at *= (2 / np.maximum(np.array(part.shape) - 1, 1)).astype(np.float32)
    at -= 1
    given, wanted = (torch.from_numpy(np.ascontiguousarray(a)) for a in (part, at[..., ::-1]))
    found = torch.nn.functional.grid_sample(given[None, None], wanted[None], padding_mode="border", align_corners=True)
    return found[0, 0].numpy()


def _read(block, array_from_new: np.ndarray, shape) -> tuple[tuple[slice, ...], np.ndarray]:
    """The part of an array that a block of another grid is computed from, and how many of its voxels one of that
    grid's is wide, at least one."""
    wide = np.linalg.norm(array_from_new[:3, :3], axis=1)
    wide = np.where(wide < 1 + SAME_SPACING, 1.0, wide)
    corners = np.array(list(product(*((s.start, s.stop - 1) for s in block))))
    at = corners @ array_from_new[:3, :3].T + array_from_new[:3, 3]
    last, margin = np.array(shape) - 1, np.ceil(wide)
    low = np.clip(np.clip(np.floor(at.min(0) + 1e-6), 0, last) - margin, 0, last).astype(int)
    high = np.clip(np.clip(np.ceil(at.max(0) - 1e-6), 0, last) + margin, 0, last).astype(int)
    return tuple(slice(int(a), int(b) + 1) for a, b in zip(low, high, strict=True)), wide


def _over_blocks(fill, shape, array_from_new: np.ndarray, progress=lambda fraction: None) -> None:
    """Call `fill` with every block of a grid; a block never needs more of the other array than some `_BLOCK` cubed."""
    wide = np.maximum(np.linalg.norm(array_from_new[:3, :3], axis=0), 1)
    sides = np.maximum(_BLOCK // wide, 8).astype(int)
    blocks = list(_blocks(shape, sides))
    with ThreadPoolExecutor(_THREADS) as threads:
        try:
            for i, _ in enumerate(threads.map(fill, blocks)):
                progress((i + 1) / len(blocks))
        finally:
            threads.shutdown(cancel_futures=True)


def _blocks(shape, sides) -> Iterator[tuple[slice, ...]]:
    starts = (range(0, n, int(side)) for n, side in zip(shape, sides, strict=True))
    for corner in product(*starts):
        yield tuple(slice(a, min(a + int(side), n)) for a, side, n in zip(corner, sides, shape, strict=True))
