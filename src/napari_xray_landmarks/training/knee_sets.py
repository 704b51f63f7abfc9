"""Sets of knee phantoms: MR volumes with the labels of bones and cartilages, for the recipe `deep-shape`."""

from collections.abc import Callable
from dataclasses import replace

from ..imaging import Volume
from ..phantoms.knee_images import knee_phantom
from .phantom_sets import LICENCE
from .volumes import Scan, VolumeSet, write_volume_set

STRUCTURES = {"femur": 1, "femoral-cartilage": 2, "tibia": 3, "tibial-cartilage": 4}
FIRST_SUBJECT = {"train": 0, "validation": 200, "test": 1000}
_HELD_OUT = 8  # every so many-th knee is for validation, and as many for testing
ABOUT = {
    "name": "knee phantoms, MR", "anatomy": "knee", "modality": "MR", "licence": LICENCE, "structures": STRUCTURES,
    "cartilages": {"femoral-cartilage": "femur", "tibial-cartilage": "tibia"}, "centres": {"femur": 100, "tibia": 30},
}


def write_knee_set(folder, count: int, *, spacing_mm=None, progress=None) -> VolumeSet:
    """So many knee phantoms, an eighth of them for validation and an eighth for testing.

    Parameters
    ----------
    folder
        A new or empty folder, or a set of knees that was begun.
    count
    spacing_mm
        Of the volumes; None for the phantoms' own.
    progress
        Called as `progress(fraction, stage)`; may raise `errors.Cancelled`.

    Raises
    ------
    FileError
        If the folder holds something else or cannot be written.
    """
    held = count // _HELD_OUT
    counts = {"train": count - 2 * held, "validation": held, "test": held}
    items = ((scan_of(FIRST_SUBJECT[split] + number, split), _maker(FIRST_SUBJECT[split] + number, spacing_mm))
             for split, own in counts.items() for number in range(own))
    return write_volume_set(folder, items, ABOUT, count=count, progress=progress)


def scan_of(subject: int, split: str) -> Scan:
    """A knee's line in the table; those with even numbers are left ones."""
    return Scan(f"knee-{subject:04d}", subject=str(subject), split=split, side="right" if subject % 2 else "left")


def _maker(subject: int, spacing_mm) -> Callable[[], tuple[Volume, Volume]]:
    def make() -> tuple[Volume, Volume]:
        made = knee_phantom(subject, spacing_mm=spacing_mm, side=scan_of(subject, "").side)
        known = made.labels.voxels <= max(STRUCTURES.values())
        return made.volume, replace(made.labels, voxels=made.labels.voxels * known)

    return make
