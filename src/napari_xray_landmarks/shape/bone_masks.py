"""One bone out of a mask as people draw them: with stray voxels, holes, both sides in one label, or cut off."""

from dataclasses import dataclass, replace

import numpy as np
from scipy.ndimage import binary_erosion, label

from ..errors import InputError
from ..imaging import Volume
from .distance_maps import DistanceMap, distance_map

STRAY = 0.05  # of the largest piece: smaller ones are left out
CUT = 0.02  # of the surface: a bone that only touches the border does not go on beyond it
LEFT_AXIS = 2  # of the world
SIDES = ("left", "right")
_ALIKE = 0.5  # of the largest piece: another bone, not a part of it
_GOES_ON = 0.3  # of a bone's size
_STRADDLES, _APART, _WIDE = 0.2, 0.4, 0.5


@dataclass(frozen=True, eq=False)
class BoneMask:
    """A bone that can be registered.

    Parameters
    ----------
    distances
    continued
        The same as if the bone went straight on where the volume's border cuts it.
    volume_mm3
    cut
        Share of the bone's outer voxels that lie on the volume's border: there it is cut off, and its end no surface.
    notes
        What was put right, in words.
    """

    distances: DistanceMap
    continued: DistanceMap
    volume_mm3: float
    cut: float
    notes: tuple[str, ...]


def bone_mask(volume: Volume) -> BoneMask:
    """The bone in a mask: all that is not zero, without stray pieces, with its holes filled.

    Raises
    ------
    InputError
        The mask is empty, holds two bones, or its axes are not at right angles.
    """
    mask, box = _cropped(volume)
    mask, notes = _without_strays(mask, volume.name)
    notes = [*volume.header.get("notes", ()), *notes]
    filled = _filled(mask)
    if holes := int(np.count_nonzero(filled) - np.count_nonzero(mask)):
        notes.append(f"holes of {holes} voxels filled")
    cut = _cut(filled, box, volume.shape)
    if cut:
        notes.append(f"cut by the volume's border ({100 * cut:.2g} % of its surface)")
    matrix = np.array(volume.world_from_voxel)
    matrix[:3, 3] += matrix[:3, :3] @ [b.start for b in box]
    distances = distance_map(filled, matrix, volume.name)
    continued = _continued(filled, matrix, box, volume) if cut > CUT else distances
    volume_mm3 = float(np.count_nonzero(filled) * abs(np.linalg.det(matrix[:3, :3])))
    return BoneMask(distances, continued, volume_mm3, cut, tuple(notes))


def mirrored(volume: Volume) -> Volume:
    """The volume with its world's left and right exchanged; its own inverse."""
    return replace(volume, world_from_voxel=np.diag([1.0, 1, -1, 1]) @ volume.world_from_voxel)


def sides(volume: Volume) -> tuple[dict[str, Volume], tuple[str, ...]]:
    """The bones of both sides in one mask: those to the left and to the right of the middle between them.

    Parameters
    ----------
    volume
        Not zero in the bones. Its world's third axis points to the left.

    Returns
    -------
    found
        "left" and "right", or the one of them which there is.
    notes
        What had to be decided, in words.

    Raises
    ------
    InputError
        The mask is empty.
    """
    mask, box = _cropped(volume)
    pieces, count = label(mask)
    lefts = _left_mm(mask.shape, [b.start for b in box], volume.world_from_voxel)
    sizes = np.bincount(pieces.ravel(), minlength=count + 1)
    sizes[0] = 0
    centres = np.bincount(pieces.ravel(), lefts.ravel(), count + 1) / np.maximum(sizes, 1)
    middle = _middle(volume, lefts[mask], centres[sizes >= STRAY * sizes.max()])
    share = np.bincount(pieces.ravel(), (lefts > middle).ravel(), count + 1) / np.maximum(sizes, 1)
    touching = (np.minimum(share, 1 - share) > _STRADDLES) & (sizes >= STRAY * sizes.max())
    is_left = np.where(touching[pieces], lefts > middle, (share > 0.5)[pieces])
    notes = ("both sides touch each other: cut in the middle between them",) if touching.any() else ()
    found = {}
    for side, own in zip(SIDES, (mask & is_left, mask & ~is_left), strict=True):
        if own.any():
            voxels = np.zeros(volume.shape, bool)
            voxels[box] = own
            found[side] = replace(volume, voxels=voxels, name=f"{volume.name} {side}")
    return found, notes


def _middle(volume: Volume, lefts: np.ndarray, centres: np.ndarray) -> float:
    """Where between left and right: between two bones, in the middle of one piece of both, or of the volume."""
    low, high = lefts.min(), lefts.max()
    if np.ptp(centres) > _APART * (high - low):
        return float(centres.min() + centres.max()) / 2
    ends = _left_mm((2, 2, 2), (0, 0, 0), volume.world_from_voxel @ np.diag([*(np.array(volume.shape) - 1.0), 1]))
    middle = float(ends.mean())
    both = high - low > _WIDE * np.ptp(ends) and abs((low + high) / 2 - middle) < 0.25 * (high - low)
    return float(low + high) / 2 if both else middle


def _left_mm(shape, start, world_from_voxel) -> np.ndarray:
    """Third coordinate in the world of the voxels of a box."""
    row = np.asarray(world_from_voxel)[LEFT_AXIS]
    axes = np.meshgrid(*(s + np.arange(n) for s, n in zip(start, shape, strict=True)), indexing="ij", sparse=True)
    return sum(factor * axis for factor, axis in zip(row[:3], axes, strict=True)) + row[3]


def _cropped(volume: Volume) -> tuple[np.ndarray, tuple[slice, ...]]:
    """The box of all that is not zero, and where it lies."""
    mask = np.asarray(volume.voxels) != 0
    if not mask.any():
        raise InputError(volume.name, "the mask is empty", "Leave this subject out, or choose another structure")
    places = [np.flatnonzero(mask.any(axis=tuple({0, 1, 2} - {axis}))) for axis in range(3)]
    box = tuple(slice(int(p[0]), int(p[-1]) + 1) for p in places)
    return mask[box], box


def _without_strays(mask: np.ndarray, name: str) -> tuple[np.ndarray, list[str]]:
    pieces, count = label(mask, np.ones((3, 3, 3)))
    if count == 1:
        return mask, []
    sizes = np.bincount(pieces.ravel())
    sizes[0] = 0
    largest = sizes.max()
    if np.sum(sizes >= _ALIKE * largest) > 1:
        alike = " and ".join(str(n) for n in sorted(sizes, reverse=True)[:2])
        raise InputError(name, f"the mask holds two bones, of {alike} voxels",
                         "Choose one with --set side=left or right, or both with side=both")
    kept = sizes >= STRAY * largest
    stray, notes = int(sizes[~kept].sum()), []
    if stray:
        notes.append(f"{stray} voxels apart from the bone left out")
    if kept.sum() > 1:
        notes.append(f"the bone is in {kept.sum()} pieces")
    return kept[pieces], notes


def _filled(mask: np.ndarray) -> np.ndarray:
    """With all that is enclosed on every side."""
    padded = np.pad(mask, 1)
    around, _ = label(~padded)
    return (around != around[0, 0, 0])[1:-1, 1:-1, 1:-1]


def _continued(mask: np.ndarray, matrix: np.ndarray, box, volume: Volume) -> DistanceMap:
    """Distances where the voxels on the volume's border go on beyond it."""
    spacing = np.array(volume.spacing_mm)
    length = _GOES_ON * np.cbrt(np.prod(mask.shape * spacing))
    counts = np.ceil(length / spacing).astype(int)
    pads = [(n * (own.start == 0), n * (own.stop == size))
            for n, own, size in zip(counts, box, volume.shape, strict=True)]
    matrix = matrix.copy()
    matrix[:3, 3] -= matrix[:3, :3] @ [before for before, _ in pads]
    return distance_map(np.pad(mask, pads, mode="edge"), matrix, volume.name)


def _cut(mask: np.ndarray, box, shape) -> float:
    """Share of the bone's outer voxels that lie on the volume's border."""
    padded = np.pad(mask, 1)
    outer = mask & ~binary_erosion(padded)[1:-1, 1:-1, 1:-1]
    border = np.zeros(mask.shape, bool)
    for axis, (own, size) in enumerate(zip(box, shape, strict=True)):
        faces = np.moveaxis(border, axis, 0)
        faces[0] |= own.start == 0
        faces[-1] |= own.stop == size
    return float((outer & border).sum() / outer.sum())
