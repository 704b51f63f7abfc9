"""Sets of knee phantoms: MR volumes with the labels of bones and cartilages, for the recipe `deep-shape`."""

from dataclasses import replace
from functools import partial
from pathlib import Path

from ..imaging import Volume
from ..io import write_volume
from ..phantoms.knee_images import knee_phantom
from ..shape.workers import results
from .phantom_sets import LICENCE
from .volumes import Scan, VolumeSet, begin_volume_set, write_volume_set

STRUCTURES = {"femur": 1, "femoral-cartilage": 2, "tibia": 3, "tibial-cartilage": 4}
FIRST_SUBJECT = {"train": 0, "validation": 200, "test": 1000}
_KINDS = "images", "masks"
_HELD_OUT = 8  # every so many-th knee is for validation, and as many for testing
ABOUT = {
    "name": "knee phantoms, MR", "anatomy": "knee", "modality": "MR", "licence": LICENCE, "structures": STRUCTURES,
    "cartilages": {"femoral-cartilage": "femur", "tibial-cartilage": "tibia"}, "centres": {"femur": 100, "tibia": 30},
}


def write_knee_set(folder, count: int, *, spacing_mm=None, progress=None, **hands) -> VolumeSet:
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
    hands
        `workers`, `scheduler` and `retries` of `shape.workers.results`, over knees; the set is the same.

    Raises
    ------
    FileError
        If the folder holds something else or cannot be written.
    """
    held = count // _HELD_OUT
    counts = {"train": count - 2 * held, "validation": held, "test": held}
    subjects = [(FIRST_SUBJECT[split] + number, split) for split, own in counts.items() for number in range(own)]
    items = [(scan_of(subject, split), partial(_made, subject, spacing_mm)) for subject, split in subjects]
    if hands.get("scheduler") or hands.get("workers", 1) > 1:
        _write_by_workers(Path(folder).absolute(), items, progress, hands)
    return write_volume_set(folder, items, ABOUT, count=count, progress=progress)


def _write_by_workers(folder: Path, items: list, progress, hands: dict) -> None:
    """Make the knees that are not there yet."""
    begin_volume_set(folder, ABOUT)
    lacking = {scan.name: (folder, scan.name, make) for scan, make in items
               if not all((folder / kind / f"{scan.name}.nii.gz").is_file() for kind in _KINDS)}
    for number, (name, _) in enumerate(results(_write, lacking, **hands)):
        if progress is not None:
            progress(number / len(lacking), name)


def _write(folder: Path, name: str, make) -> None:
    for kind, volume in zip(_KINDS, make(), strict=True):
        write_volume(folder / kind / f"{name}.nii.gz", volume)


def scan_of(subject: int, split: str) -> Scan:
    """A knee's line in the table; those with even numbers are left ones."""
    return Scan(f"knee-{subject:04d}", subject=str(subject), split=split, side="right" if subject % 2 else "left")


def _made(subject: int, spacing_mm) -> tuple[Volume, Volume]:
    made = knee_phantom(subject, spacing_mm=spacing_mm, side=scan_of(subject, "").side)
    known = made.labels.voxels <= max(STRUCTURES.values())
    return made.volume, replace(made.labels, voxels=made.labels.voxels * known)
