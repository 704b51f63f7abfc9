"""What of each structure is kept: the largest part of a bone, and cartilage that lies on it."""

from collections.abc import Mapping, Sequence

import numpy as np
from scipy.ndimage import find_objects, label, maximum_filter

from .bones import instances

SMALL = 0.05
"""Parts of a structure without a shape model that are smaller than this share of its largest one are left out."""
_REACH_MM = 1.0  # cartilage farther off its bone is none


def winners(probabilities: np.ndarray) -> np.ndarray:
    """(planes, rows, columns) uint8 number of the class of largest probability, without a copy of all of them."""
    best, chosen = probabilities[0].copy(), np.zeros(probabilities.shape[1:], np.uint8)
    for number, of_class in enumerate(probabilities[1:], 1):
        larger = of_class > best
        chosen[larger] = number
        np.copyto(best, of_class, where=larger)
    return chosen


def keep_parts(classes: np.ndarray, structures: Sequence, sides: Mapping[str, str], spacing_mm) -> None:
    """Make background, in place, what belongs to no structure.

    Parameters
    ----------
    classes : (planes, rows, columns) array
        0 is background, k the k-th of ...
    structures
        With `name` and `bone`.
    sides
        Of `bones.SIDES`, by the names of bones with a shape model.
    spacing_mm
    """
    numbers = {structure.name: k for k, structure in enumerate(structures, 1)}
    for structure in sorted(structures, key=lambda s: bool(s.bone)):  # cartilages when their bones are settled
        number = numbers[structure.name]
        box = box_of(classes == number, _reach(spacing_mm))
        if box is None:
            continue
        part = classes[box]
        mask = part == number
        if structure.bone:
            kept = _on(mask, part == numbers[structure.bone], spacing_mm)
        elif structure.name in sides:
            kept = np.logical_or.reduce([one for _, one in instances(mask, sides[structure.name])])
        else:
            kept = _large(mask)
        part[mask & ~kept] = 0


def box_of(mask: np.ndarray, margin=0) -> tuple[slice, ...] | None:
    """The slices round what a mask shows, with a margin in voxels; None where it is empty."""
    found = find_objects(mask.view(np.uint8) if mask.dtype == bool else mask)
    if not found:
        return None
    margin = np.broadcast_to(margin, 3)
    return tuple(slice(max(s.start - int(m), 0), min(s.stop + int(m), n))
                 for s, m, n in zip(found[0], margin, mask.shape, strict=True))


def _reach(spacing_mm) -> np.ndarray:
    """(3,) voxels that a cartilage may be off its bone."""
    return np.maximum(np.round(_REACH_MM / np.asarray(spacing_mm)), 1).astype(int)


def _large(mask: np.ndarray) -> np.ndarray:
    """The parts of a mask that are no specks beside the largest."""
    numbers, _ = label(mask)
    sizes = np.bincount(numbers.ravel())
    sizes[0] = 0
    return (sizes >= SMALL * sizes.max())[numbers] & mask


def _on(mask: np.ndarray, bone: np.ndarray, spacing_mm) -> np.ndarray:
    """The parts of a cartilage that reach its bone."""
    numbers, count = label(mask)
    touching = np.zeros(count + 1, bool)
    near = maximum_filter(bone.view(np.uint8), [2 * int(n) + 1 for n in _reach(spacing_mm)]).view(bool)
    touching[np.unique(numbers[near])] = True
    touching[0] = False
    return touching[numbers]
