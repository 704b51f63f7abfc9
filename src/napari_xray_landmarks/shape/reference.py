"""Which of several bones is most like all others: the reference of correspondences."""

from collections.abc import Callable, Sequence

import numpy as np

from .distance_maps import DistanceMap
from .mask_registration import affine, affine_grid, affine_of_field, moved_by


def reference_of(bones: Sequence[DistanceMap], boxes_mm=None, progress: Callable = lambda fraction: None
                 ) -> tuple[int, np.ndarray, np.ndarray]:
    """The bone with the highest mean overlap with all others, once affine maps have brought them together.

    All are registered to the one of median volume, then to the mean of them; the overlaps are those in the mean's
    world. So there are two registrations for each bone, not one for each pair.

    Parameters
    ----------
    bones
        That go on where the volume's border cuts them.
    boxes_mm : (K, 2, 3) array, optional
        Where each was seen; all of it by default.
    progress
        Called with the fraction done.

    Returns
    -------
    index
    overlaps : (K,) array
        Each one's mean Dice coefficient with the others.
    maps : (K, 4, 4) array
        From the common world to each bone's.
    """
    volumes = [np.count_nonzero(b.values < 0) * abs(np.linalg.det(b.world_from_voxel[:3, :3])) for b in bones]
    middle = int(np.argsort(volumes)[len(bones) // 2])
    first, box = bones[middle], bones[middle].bounds_mm if boxes_mm is None else boxes_mm[middle]
    grid, reach = affine_grid(box)
    points, maps = grid.points(), []
    for number, bone in enumerate(bones):
        progress(0.5 * number / len(bones))
        maps.append(np.eye(4) if bone is first else affine(first, bone, box_mm=box))
    mean = sum(np.clip(_seen(bone, matrix, points), -reach, reach) for bone, matrix in zip(bones, maps, strict=True))
    mean /= len(bones)
    for number, bone in enumerate(bones):
        progress(0.5 + 0.5 * number / len(bones))
        maps[number] = affine_of_field(grid, mean, bone, reach, maps[number])
    inside = np.array([_seen(*seen, points).ravel() < 0 for seen in zip(bones, maps, strict=True)], float)
    sizes = inside.sum(1)
    overlaps = 2 * inside @ inside.T / (sizes[:, None] + sizes)
    mean_overlaps = (overlaps.sum(1) - 1) / max(len(bones) - 1, 1)
    return int(mean_overlaps.argmax()), mean_overlaps, np.array(maps)


def _seen(bone: DistanceMap, matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Distances in the common world: those in the bone's, by how much larger it is."""
    return bone.at(moved_by(matrix, points)) / np.cbrt(np.linalg.det(matrix[:3, :3]))
