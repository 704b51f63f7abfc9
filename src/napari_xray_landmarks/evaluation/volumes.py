"""How well two label volumes agree, structure by structure: Dice, and surface distances in mm.

A structure's surface are the centres of its voxels that have a face with something else, or lie at the edge of the
grid. Distances are taken between such centres in the world, so they are right on anisotropic, oblique and sheared
grids; on a grid with right angles they are those of a Euclidean distance transform with the voxels' spacing (as of
`monai.metrics`).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import binary_erosion
from scipy.spatial import cKDTree

from ..errors import InputError
from ..imaging import Volume
from ..shape.distances import Distances

SAME_PLACE = 0.01  # of a voxel: how far two grids' corners may lie apart


@dataclass(frozen=True)
class Overlap:
    """How well one structure of a volume was found.

    Parameters
    ----------
    structure, label
        Its name, and its value in the volumes.
    dice
        2 |A ∩ B| / (|A| + |B|), in [0, 1]; NaN where neither volume has it.
    assd_mm
        Average symmetric surface distance; NaN where either volume lacks it.
    hd95_mm
        95th percentile of the surface distances of both ways together; NaN where either volume lacks it. (`monai`
        takes the larger of the two ways' percentiles, which is never less.)
    predicted_ml, true_ml
        Volumes.
    """

    structure: str
    label: int
    dice: float
    assd_mm: float
    hd95_mm: float
    predicted_ml: float
    true_ml: float

    @property
    def known(self) -> bool:
        """Whether there was anything to find or to invent: one of the volumes has the structure."""
        return self.predicted_ml > 0 or self.true_ml > 0

    @property
    def failed(self) -> bool:
        """Whether one volume has the structure and the other one not a voxel of it."""
        return (self.predicted_ml > 0) != (self.true_ml > 0)


def dice(predicted, truth) -> float:
    """Dice's coefficient of two masks of one shape; NaN where both are empty."""
    predicted, truth = np.asarray(predicted, bool), np.asarray(truth, bool)
    both = np.count_nonzero(predicted) + np.count_nonzero(truth)
    return 2 * np.count_nonzero(predicted & truth) / both if both else float("nan")


def mask_distances(predicted, truth, world_from_voxel) -> Distances | None:
    """Surface distances of two masks in the unit of their world.

    Parameters
    ----------
    predicted, truth : (...) bool arrays
        Of one shape with D axes.
    world_from_voxel : (D + 1, D + 1) array
        Affine.

    Returns
    -------
    distances
        `.mean` is the ASSD, `.percentile95` the HD95; None where a mask is empty.
    """
    surfaces = [surface_points(np.asarray(mask, bool), np.asarray(world_from_voxel, float))
                for mask in (predicted, truth)]
    if not all(map(len, surfaces)):
        return None
    one, other = surfaces
    return Distances.of(cKDTree(other).query(one)[0], cKDTree(one).query(other)[0])


def surface_points(mask: np.ndarray, world_from_voxel: np.ndarray) -> np.ndarray:
    """(N, D) centres, in the world, of the voxels of a mask that have a face with the outside or the grid's edge."""
    box = _box(mask)
    if box is None:
        return np.empty((0, mask.ndim))
    inside = mask[box]
    voxels = np.argwhere(inside & ~binary_erosion(inside)) + [part.start for part in box]
    return voxels @ world_from_voxel[:-1, :-1].T + world_from_voxel[:-1, -1]


def _box(mask: np.ndarray) -> tuple[slice, ...] | None:
    """The smallest part of the array with all of the mask; None where it is empty."""
    axes = range(mask.ndim)
    used = [np.flatnonzero(mask.any(axis=tuple(a for a in axes if a != axis))) for axis in axes]
    return tuple(slice(u[0], u[-1] + 1) for u in used) if used[0].size else None


def overlaps(predicted: Volume, truth: Volume, structures: Mapping[str, int] | None = None) -> tuple[Overlap, ...]:
    """Compare two label volumes structure by structure.

    Parameters
    ----------
    predicted, truth
        Whole numbers on one grid; 0 is the background.
    structures
        Names and their values; by default each value of the truth, and of the prediction, but 0, called by its number.

    Raises
    ------
    InputError
        The grids differ, or the voxels are not whole numbers.
    """
    for labels in (predicted, truth):
        check_whole(labels.voxels, labels.name)
    check_one_grid(predicted, truth)
    if structures is None:
        values = np.union1d(np.unique(predicted.voxels), np.unique(truth.voxels))
        structures = {str(int(value)): int(value) for value in values if value}
    return tuple(_overlap(name, label, predicted, truth) for name, label in structures.items())


def _overlap(name: str, label: int, predicted: Volume, truth: Volume) -> Overlap:
    one, other = predicted.voxels == label, truth.voxels == label
    voxel_ml = abs(np.linalg.det(truth.world_from_voxel[:3, :3])) / 1000
    found = mask_distances(one, other, truth.world_from_voxel)
    mean, far = (float("nan"),) * 2 if found is None else (found.mean, found.percentile95)
    volumes = (float(np.count_nonzero(mask) * voxel_ml) for mask in (one, other))
    return Overlap(name, int(label), dice(one, other), mean, far, *volumes)


def assd_mm(predicted: Volume, truth: Volume, label: int = 1) -> float:
    """Average symmetric surface distance of one structure; NaN where either volume lacks it. Raises as `overlaps`."""
    return overlaps(predicted, truth, {"": label})[0].assd_mm


def hd95_mm(predicted: Volume, truth: Volume, label: int = 1) -> float:
    """95th percentile of one structure's surface distances; NaN where either volume lacks it. Raises as `overlaps`."""
    return overlaps(predicted, truth, {"": label})[0].hd95_mm


def check_one_grid(one: Volume, other: Volume) -> None:
    """Refuse two volumes whose voxels are not the same places.

    Raises
    ------
    InputError
        Their shapes differ, or corners of the grids lie farther apart than a hundredth of a voxel.
    """
    if one.shape != other.shape:
        size, other_size = (" x ".join(map(str, volume.shape)) for volume in (one, other))
        problem = f"has {size} voxels, and {other.name} {other_size}"
        raise InputError(one.name, problem, "Give labels on one grid: resample one of them first")
    corners = np.array(list(np.ndindex(2, 2, 2))) * (np.array(one.shape) - 1)
    places = [corners @ v.world_from_voxel[:3, :3].T + v.world_from_voxel[:3, 3] for v in (one, other)]
    apart = np.linalg.norm(places[0] - places[1], axis=1).max()
    if apart > SAME_PLACE * min(*one.spacing_mm, *other.spacing_mm):
        raise InputError(one.name, f"and {other.name} are grids in different places: corners lie {apart:.3g} mm apart",
                         "Give labels on one grid: resample one of them first")


def check_whole(voxels: np.ndarray, name: str) -> None:
    """Refuse numbers that are no labels.

    Raises
    ------
    InputError
        One is not whole.
    """
    if np.issubdtype(voxels.dtype, np.integer) or voxels.dtype == bool:
        return
    if not np.isfinite(voxels).all() or (voxels != np.round(voxels)).any():
        raise InputError(name, "holds numbers that are not whole: these are no labels", "Give labels")
