"""The second and third stage on a working grid: a shape for each bone, and subvolumes at its landmarks."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..shape.volume_segmentation import SIDES
from .bones import instances
from .components import box_of, winners
from .confidence import agreement
from .fitting import BoneFit, fit_bone
from .storage import Bone
from .subvolumes import local_probabilities, starts

LEAST_SHARE = 0.1
"""A shape is fitted to no less than this share of the smallest bone of the training."""


def fit_shapes(networks: Mapping, bones: Sequence[Bone], numbers: Mapping[str, int], image: np.ndarray,
               classes: np.ndarray, spacing_mm, least_ml: Mapping[str, float], report: Callable[[float], None],
               inside: np.ndarray | None = None) -> dict[str, BoneFit]:
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
    inside : bool array, optional
        What of the grid lies inside the volume.
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
                fits[name] = fit_bone(networks[bone.name], image, part, spacing_mm, side, bone.sides, inside=inside)
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


def class_weights(structures: Sequence, weights: Mapping[str, float], ensemble: bool) -> np.ndarray:
    """(C,) weights of `subvolumes.join` by the structures' names, a half where none is known; all 1 without ensemble.
    """
    return np.array([1.0, *(weights.get(name, 0.5) if ensemble else 1.0 for name in structures)])


@dataclass(frozen=True, eq=False)
class Local:
    """What subvolumes show.

    Parameters
    ----------
    box
        The part of the grid round all of them.
    probabilities : (C, ...) array
        There.
    covered : bool array
        Where there is any.
    """

    box: tuple[slice, ...]
    probabilities: np.ndarray
    covered: np.ndarray

    def classes(self, shape: Sequence[int]) -> np.ndarray:
        """(planes, rows, columns) uint8 numbers of the likeliest classes; 0 where there is no subvolume."""
        classes = np.zeros(shape, np.uint8)
        classes[self.box] = np.where(self.covered, winners(self.probabilities), 0)
        return classes

    def agreement(self, classes: np.ndarray) -> np.ndarray:
        """(C,) Dice coefficients with the classes of slices."""
        return agreement(winners(self.probabilities), classes[self.box], self.covered, len(self.probabilities))


def in_subvolumes(network, image: np.ndarray, classes: int, centres: np.ndarray, size: Sequence[int],
                  report: Callable[[float], None], inside: np.ndarray | None = None) -> Local:
    """Segment again in subvolumes.

    Parameters
    ----------
    network
        Of subvolumes.
    image
    classes
        C.
    centres : (n, 3) array
        In voxels.
    size
        Of a subvolume.
    report
        Called with a fraction.
    inside : bool array, optional
        What of the grid lies inside the volume.
    """
    corners = starts(centres, size, image.shape)
    low, high = corners.min(0), np.minimum(corners.max(0) + size, image.shape)
    box = tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
    probabilities, weight = local_probabilities(network, image[box], corners - low, size, classes, report=report)
    return Local(box, probabilities, weight > 0 if inside is None else (weight > 0) & inside[box])
