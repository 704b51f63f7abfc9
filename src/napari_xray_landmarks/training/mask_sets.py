"""Masks of one structure in many subjects: which files, which label, which side."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from ..errors import FileError, InputError, listed
from ..imaging import Volume
from ..io.files import stem
from ..shape.bone_masks import SIDES, sides
from ..shape.settings import BOTH, WHOLE
from .volumes import ENDINGS, Scan, VolumeSet, read_volume_set

MASK_ENDINGS = ("_labels", "_label", "_mask", "_seg", "-labels", "-label", "-mask", "-seg", "-segmentation")
_LEFT, _RIGHT = SIDES


@dataclass(frozen=True, eq=False)
class BoneMasks:
    """What `shape.correspondence.correspond` takes.

    Parameters
    ----------
    structure
        Its name, or "label-N".
    names
        One a bone: the scan's, with the side where a scan has both.
    subjects
        Whose bone each is.
    sources
        Functions that read a mask each.
    mirrored : (K,) boolean array
        Those of the right, where there are left ones too.
    side
        Of the shapes: "left", "right" or "" where it is not known.
    """

    structure: str
    names: tuple[str, ...]
    subjects: tuple[str, ...]
    sources: tuple[Callable[[], Volume], ...]
    mirrored: np.ndarray
    side: str


def read_mask_set(folder) -> VolumeSet:
    """A set of volumes with masks, or a folder that holds label volumes.

    Of the latter, where some files are named as masks (NAME_labels.nii.gz, NAME-mask.nrrd), only those count.

    Raises
    ------
    FileError
        If there are none, or the set cannot be used.
    """
    folder = Path(folder)
    if (folder / "masks").is_dir():
        return read_volume_set(folder)
    if not folder.is_dir():
        raise FileError(folder, "there is no such folder", "Give the folder with the masks")
    files = sorted(p for p in folder.iterdir() if p.is_file() and p.name.lower().endswith(ENDINGS))
    named = [p for p in files if stem(p).lower().endswith(MASK_ENDINGS)]
    scans = tuple(Scan(name, None, path, name) for path in named or files if (name := _name(path)))
    if not scans:
        raise FileError(folder, "holds no label volumes", f"They are {', '.join(ENDINGS[:4])}, in it or in masks/")
    return VolumeSet(folder, scans)


def bone_masks(dataset: VolumeSet, structure: str = "", side: str = WHOLE) -> BoneMasks:
    """The masks of one structure.

    Parameters
    ----------
    dataset
    structure
        Its name, or its label as text; may be left out where there is one only.
    side
        "whole" where a mask holds one bone; "left" or "right" for that of two; "both" for each as a bone of its own.

    Raises
    ------
    InputError
        There is no such structure.
    """
    name, label = _structure(dataset, structure)
    wanted = {WHOLE: ("",), BOTH: SIDES}.get(side, (side,))
    items = [(scan, own) for scan in dataset.scans for own in wanted]
    known = [own or scan.side for scan, own in items]
    mirrored = np.array([own == _RIGHT for own in known]) & (_LEFT in known)
    shown = next((own for own in (_LEFT, _RIGHT) if own in known), "")
    return BoneMasks(name, tuple(f"{scan.name} {own}".strip() if side == BOTH else scan.name for scan, own in items),
                     tuple(scan.subject for scan, _ in items),
                     tuple(partial(read_bone, dataset, scan, label, own) for scan, own in items), mirrored, shown)


def read_bone(dataset: VolumeSet, scan: Scan, label: int, side: str = "") -> Volume:
    """The mask of one structure, on one side where one is named.

    Raises
    ------
    InputError
        The labels cannot be read or used, or there is no bone on that side.
    """
    labels = dataset.labels(scan)
    bone = replace(labels, voxels=labels.voxels == label, name=scan.name)
    if not side or not bone.voxels.any():
        return bone
    found, notes = sides(bone)
    if side not in found:
        raise InputError(scan.name, f"has no bone on the {side}", "Label it, or choose the other side")
    return replace(found[side], header={**found[side].header, "notes": notes})


def _structure(dataset: VolumeSet, wanted: str) -> tuple[str, int]:
    known = dataset.structures
    if not wanted and len(known) == 1:
        return next(iter(known.items()))
    if wanted.isdigit() and int(wanted) in known.values():
        return next((name, label) for name, label in known.items() if label == int(wanted))
    if wanted not in known:
        problem = f"structure={wanted}: there is none" if wanted else "the masks hold several structures"
        choices = listed([f"{name} ({label})" for name, label in known.items()], 12) or "none"
        raise InputError("--set", problem, f"Choose with --set structure=NAME or its label: {choices}")
    return wanted, known[wanted]


def _name(path: Path) -> str:
    name = stem(path)
    return next((name[: -len(end)] for end in MASK_ENDINGS if name.lower().endswith(end)), name) or name
