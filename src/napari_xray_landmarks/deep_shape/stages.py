"""The second and third stage on a working grid: a shape for each bone, and subvolumes at its landmarks."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from ..shape.volume_segmentation import SIDES
from .bones import instances
from .components import box_of, winners
from .fitting import BoneFit, fit_bone
from .storage import Bone
from .subvolumes import local_probabilities, starts

LEAST_SHARE = 0.1
"""A shape is fitted to no less than this share of the smallest bone of the training."""


def fit_shapes(networks: Mapping, bones: Sequence[Bone], numbers: Mapping[str, int], image: np.ndarray,
               classes: np.ndarray, spacing_mm, least_ml: Mapping[str, float], report: Callable[[float], None]
               ) -> dict[str, BoneFit]:
    """The shape of every bone that the slices show, by its name, with "-left" or "-right" in pairs.

    Parameters
    ----------
    networks
        Name of a bone -> its shape network.
    bones
    numbers
        Class of each bone.
    image
        `preparation.normalised`.
    classes
        Of the slices.
    spacing_mm
    least_ml
        Smallest volume of a bone in the training.
    report
        Called with a fraction.
    """
    voxel_ml, fits = float(np.prod(spacing_mm)) / 1000, {}
    for i, bone in enumerate(bones):
        report(i / len(bones))
        box = box_of(classes == numbers[bone.name])
        if box is None:
            continue
        for side, part in instances_in(classes, numbers[bone.name], box, bone.sides):
            if part.sum() * voxel_ml >= max(LEAST_SHARE * least_ml.get(bone.name, 0.0), voxel_ml):
                name = f"{bone.name}-{side}" if side else bone.name
                fits[name] = fit_bone(networks[bone.name], image, part, spacing_mm, side, bone.sides)
    return fits


def instances_in(classes: np.ndarray, number: int, box: tuple[slice, ...], sides: str):
    """`bones.instances` of a class as masks of the whole grid, one at a time, looked for in a box only.

    Which side a single bone of a pair is on is told by the whole grid's middle.
    """
    whole_width = (*box[:2], slice(0, classes.shape[2]))
    for side, part in instances(classes[whole_width] == number, sides):
        mask = np.zeros(classes.shape, bool)
        mask[whole_width] = part
        yield side, mask


def centres_of(bones: Sequence[Bone], fits: Mapping[str, BoneFit], share: float) -> np.ndarray:
    """(n, 3) places of subvolumes in voxels: the thinned landmarks of all fitted shapes, or the best of them."""
    found = [np.empty((0, 3))]
    for bone in bones:
        for side in SIDES:
            if fit := fits.get(bone.name + side):
                count = int(np.ceil(share * len(bone.thinned)))
                found.append(fit.points_vox[bone.thinned[:count]])
    return np.concatenate(found)


def refine(network, image: np.ndarray, probabilities: np.ndarray, centres: np.ndarray, size: Sequence[int],
           ensemble: bool, report: Callable[[float], None]) -> np.ndarray:
    """Segment again in subvolumes, and join their probabilities to those of the slices, in place.

    Parameters
    ----------
    network
        Of subvolumes.
    image
    probabilities : (C, planes, rows, columns) array
        Of the slices.
    centres : (n, 3) array
        In voxels.
    size
        Of a subvolume.
    ensemble
        Whether to take the mean of both (the paper's sum has the same maximum), or the subvolumes' where there are any.
    report
        Called with a fraction.

    Returns
    -------
    classes : (planes, rows, columns) uint8 array
        Of the subvolumes alone; 0 where there is none.
    """
    corners = starts(centres, size, image.shape)
    low, high = corners.min(0), np.minimum(corners.max(0) + size, image.shape)
    box = tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
    local, weight = local_probabilities(network, image[box], corners - low, size, len(probabilities), report=report)
    covered, classes = weight > 0, np.zeros(image.shape, np.uint8)
    for of_slices, of_subvolumes in zip(probabilities[(slice(None), *box)], local, strict=True):
        if ensemble:
            of_subvolumes = (of_slices.astype(np.float32) + of_subvolumes) / 2
        np.copyto(of_slices, of_subvolumes, where=covered, casting="same_kind")
    classes[box] = np.where(covered, winners(local), 0)
    return classes
