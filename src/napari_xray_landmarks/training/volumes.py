"""Volumes with labels, in the layout of folders that users prepare.

    images/NAME.nii.gz   or .nii, .nrrd, .mha: CT or MR
    masks/NAME.nii.gz    whole numbers on the same grid; a folder of masks alone is enough for correspondences
    images.csv           optional: image,subject,split,side; one subject never crosses splits
    about.json           optional: name, anatomy, modality, licence, citation, and
                         structures: {"femur": 1, "femoral-cartilage": 2, ...}
                         cartilages: {"femoral-cartilage": "femur", ...}, the bone that each lies on
                         shapes: ["femur", ...], the bones whose shapes are modelled; all of them where it is left out
                         centres: {"femur": 100}: how many subvolumes of it are segmented again

Volumes are read one at a time, when they are asked for.
"""

import hashlib
import json
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from ..errors import FileError, InputError, listed
from ..imaging import Volume
from ..io import load_image, write_volume
from ..io.files import replacing, stem, suffix
from ..models.header import parse_json
from .tables import ABOUT_FILE, _read_table

ENDINGS = (".nii.gz", ".nii", ".nrrd", ".mha", ".mhd", ".nhdr")
SPLITS = ("train", "validation", "test")
_TEXTS = ("name", "anatomy", "modality", "licence", "citation")
_MAPPINGS = {"structures": int, "cartilages": str, "centres": int}
_SIDES = ("", "left", "right")
_SAME_PLACE = 1e-2  # of a voxel


@dataclass(frozen=True)
class Scan:
    """One volume of a set.

    Parameters
    ----------
    name
        The name of its files, without their ending.
    path
        The image; None in a set of masks alone.
    mask_path
        The labels.
    subject
        Whose it is; the scan's own name where the table does not say.
    split
        "train", "validation", "test" or "".
    side
        "left" or "right" of what comes in both, such as knees; "" where the table does not say.
    """

    name: str
    path: Path | None = None
    mask_path: Path | None = None
    subject: str = ""
    split: str = ""
    side: str = ""


@dataclass(frozen=True, eq=False)
class VolumeSet:
    """Volumes and what people drew in them.

    Parameters
    ----------
    folder
    scans
        In the order of their names.
    about
        What `about.json` says.
    """

    folder: Path
    scans: tuple[Scan, ...]
    about: Mapping = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.scans)

    @property
    def films(self) -> tuple[Scan, ...]:
        """The scans, as sets of films call theirs."""
        return self.scans

    @cached_property
    def subjects(self) -> tuple[str, ...]:
        """Every subject once, sorted."""
        return tuple(sorted({scan.subject for scan in self.scans}))

    @cached_property
    def structures(self) -> dict[str, int]:
        """Name -> label, of `about.json`; otherwise "label-1", ... of the labels that the masks hold."""
        if named := self.about.get("structures"):
            return dict(named)
        found = {int(v) for scan in self.scans for v in np.unique(self._mask(scan).voxels)} - {0}
        return {f"label-{value}": value for value in sorted(found)}

    @property
    def cartilages(self) -> dict[str, str]:
        """Cartilage -> the bone that it lies on."""
        return dict(self.about.get("cartilages", {}))

    def of_split(self, split: str) -> "VolumeSet":
        """The scans of a split.

        Raises
        ------
        InputError
            There are none.
        """
        return self._of(f"--split {split}", [scan.name for scan in self.scans if scan.split == split])

    def of_subjects(self, subjects: Iterable[str]) -> "VolumeSet":
        """The scans of some subjects."""
        wanted = set(subjects)
        return self._of("subjects", [scan.name for scan in self.scans if scan.subject in wanted])

    def subset(self, names: Iterable[str]) -> "VolumeSet":
        """The scans of those names."""
        wanted = set(names)
        return replace(self, scans=tuple(scan for scan in self.scans if scan.name in wanted))

    def _of(self, what: str, names: Sequence[str]) -> "VolumeSet":
        if not names:
            raise InputError(what, f"{self.folder} has no such scans", "Name others, or write images.csv")
        return self.subset(names)

    def volume(self, scan: Scan) -> Volume:
        """Read an image.

        Raises
        ------
        FileError
            If it cannot be read, has more than three axes, or the set holds masks alone.
        """
        if scan.path is None:
            raise FileError(self.folder / "images", "there are masks but no images", "Put the volumes there")
        return _three_dimensional(scan.path)

    def labels(self, scan: Scan, image: Volume | None = None) -> Volume:
        """Read a mask: whole numbers on the image's grid, of structures that `about.json` names where it names any.

        Parameters
        ----------
        scan
        image
            Of the scan, where it was read already.

        Raises
        ------
        FileError
            If they are not.
        """
        mask = self._mask(scan)
        values = np.unique(mask.voxels)
        unknown = sorted(set(values.tolist()) - {0, *self.structures.values()})
        if unknown:
            raise FileError(scan.mask_path, f"holds the label {unknown[0]}, which is none of {self.structures}",
                            f"Name it in {ABOUT_FILE}, or remove it")
        if scan.path is not None:
            _require_same_grid(scan, image or self.volume(scan), mask)
        return mask

    def _mask(self, scan: Scan) -> Volume:
        mask = _three_dimensional(scan.mask_path)
        voxels = mask.voxels
        if voxels.dtype.kind == "f" and np.array_equal(voxels, np.round(voxels)):
            voxels = voxels.astype(np.int32)
        if voxels.dtype.kind not in "biu" or int(voxels.min()) < 0 or int(voxels.max()) > 65535:
            raise FileError(scan.mask_path, f"holds values from {voxels.min():g} to {voxels.max():g}, no labels",
                            "Labels are whole numbers from 0 to 65535")
        return replace(mask, voxels=voxels.astype(np.uint8 if voxels.max() < 256 else np.uint16), modality="labels")

    def fingerprint(self) -> str:
        """A hash of the files' names and sizes, subjects, splits and what `about.json` says."""
        known = [(s.name, s.path and s.path.stat().st_size, s.mask_path.stat().st_size, s.subject, s.split, s.side)
                 for s in self.scans]
        text = json.dumps([known, dict(self.about)], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()


def read_volume_set(folder) -> VolumeSet:
    """Read the tables of a set of volumes; no volume is opened yet.

    Parameters
    ----------
    folder
        Holds `masks/`, and `images/` with files of the same names.

    Raises
    ------
    FileError
        If a folder is missing, an image has no mask or a mask no image, a table is damaged, or one subject is in two
        splits.
    """
    folder = Path(folder)
    masks = _files(folder / "masks", "Put the labels of the volumes there")
    images = _files(folder / "images", "") if (folder / "images").is_dir() else {}
    for name in sorted(set(images) ^ set(masks)) if images else ():
        lacking, has = ("masks", images) if name in images else ("images", masks)
        raise FileError(has[name], f"has no fellow in {lacking}/", f"Give it a file {name}.nii.gz there, or remove it")
    scans = [Scan(name, images.get(name), mask, name) for name, mask in masks.items()]
    return VolumeSet(folder, _with_table(folder / "images.csv", scans), _about(folder / ABOUT_FILE))


def write_volume_set(folder, items: Iterable, about: Mapping, *, count: int = 0, progress=None) -> VolumeSet:
    """Write volumes one after the other; a set that was begun goes on, what it has already is left as it is.

    Parameters
    ----------
    folder
    items
        (scan, make) each: a `Scan`, whose paths do not count, and a function that gives the image and the labels.
    about
        Of `about.json`.
    count
        How many items there are, for the progress.
    progress
        Called as `progress(fraction, stage)`; may raise `errors.Cancelled`.

    Raises
    ------
    FileError
        If the folder holds another set or cannot be written.
    """
    folder = Path(folder)
    begin_volume_set(folder, about)
    rows = []
    for number, (scan, make) in enumerate(items):
        if progress is not None:
            progress(number / max(count, 1), scan.name)
        paths = [folder / kind / f"{scan.name}.nii.gz" for kind in ("images", "masks")]
        if not all(path.is_file() for path in paths):
            for path, volume in zip(paths, make(), strict=True):
                write_volume(path, volume)
        rows.append(f"{scan.name},{scan.subject},{scan.split},{scan.side}\n")
    with replacing(folder / "images.csv") as temporary:
        temporary.write_text("image,subject,split,side\n" + "".join(rows), encoding="utf-8")
    return read_volume_set(folder)


def begin_volume_set(folder: Path, about: Mapping) -> None:
    text = json.dumps(dict(about), indent=1)
    try:
        present = folder.is_dir() and any(folder.iterdir())
        if present and (folder / ABOUT_FILE).read_text(encoding="utf-8") != text:
            raise FileError(folder, "holds another set of volumes", "Choose a new or empty folder")
        for kind in ("images", "masks"):
            (folder / kind).mkdir(parents=True, exist_ok=True)
        (folder / ABOUT_FILE).write_text(text, encoding="utf-8")
    except FileNotFoundError as error:
        raise FileError(folder, "holds files but no set of volumes", "Choose a new or empty folder") from error
    except OSError as error:
        shutil.rmtree(folder / "masks", ignore_errors=not any(folder.glob("masks/*")))
        raise FileError(folder, f"cannot be written ({error.strerror})", "Choose a writable folder") from error


def _files(folder: Path, remedy: str) -> dict[str, Path]:
    """Name without ending -> file, of the volumes in a folder."""
    if not folder.is_dir():
        raise FileError(folder, "there is no such folder", remedy)
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.is_file() and suffix(path) in ENDINGS and not path.name.startswith("."):
            if stem(path) in found:
                raise FileError(path, f"is called as {found[stem(path)].name}", "Remove one of them")
            found[stem(path)] = path
    if not found:
        raise FileError(folder, "holds no volumes", f"Volumes are {', '.join(ENDINGS[:4])}")
    return found


def _with_table(where: Path, scans: Sequence[Scan]) -> tuple[Scan, ...]:
    """The scans with what `images.csv` says of them, where it is there."""
    if not where.exists():
        return tuple(scans)
    table, own = _read_table(where, ("image",)), {scan.name: scan for scan in scans}
    for row in table.to_dict("records"):
        name = row["image"] if row["image"] in own else stem(row["image"])
        if name not in own:
            raise FileError(where, f"line {row['line']} names the image {row['image']!r}, which is not in images/",
                            "Correct the name, or add the volume")
        for key, known in (("split", ("", *SPLITS)), ("side", _SIDES)):
            if row.get(key, "") not in known:
                raise FileError(where, f"line {row['line']} has the {key} {row[key]!r}",
                                f"It is {' or '.join(known[1:])}")
        own[name] = replace(own[name], subject=row.get("subject", "") or name, split=row.get("split", ""),
                            side=row.get("side", ""))
    for subject in {scan.subject for scan in own.values()}:
        if len(splits := {scan.split for scan in own.values() if scan.subject == subject}) > 1:
            raise FileError(where, f"subject {subject!r} is in several splits: {listed(sorted(splits))}",
                            "A subject belongs to one split")
    return tuple(own.values())


def _about(path: Path) -> dict:
    if not path.exists():
        return {}
    try:
        about = parse_json(path.read_bytes(), "it")
        if not isinstance(about, dict):
            raise ValueError("it is no JSON object")
        if bad := [key for key in _TEXTS if not isinstance(about.get(key, ""), str)]:
            raise ValueError(f"{bad[0]} is no text")
        for key, kind in _MAPPINGS.items():
            _check_mapping(key, about.get(key, {}), kind, about.get("structures", {}))
        if not isinstance(shapes := about.get("shapes", []), list) or set(shapes) - set(about.get("structures", {})):
            raise ValueError("shapes is no list of structures")
        if len({*about.get("structures", {}).values()}) < len(about.get("structures", {})):
            raise ValueError("two structures have the same label")
    except (OSError, ValueError, TypeError) as error:
        raise FileError(path, f"cannot be used: {error}", "Correct or remove it") from error
    return about


def _check_mapping(key: str, values, kind: type, structures: Mapping) -> None:
    if not isinstance(values, dict) or not all(type(v) is kind for v in values.values()):
        raise ValueError(f"{key} must give each structure {'a number' if kind is int else 'a text'}")
    if kind is int and not all(0 < v < 65536 for v in values.values()):
        raise ValueError(f"{key} must be numbers from 1 to 65535")
    named = {*values, *(values.values() if key == "cartilages" else ())}
    if unknown := sorted(named - set(structures)):
        raise ValueError(f"{key} names {unknown[0]!r}, which is none of the structures")


def _three_dimensional(path: Path) -> Volume:
    image = load_image(path)
    if not isinstance(image, Volume):
        raise FileError(path, "is a single image, not a volume", "Give a volume with three axes")
    return image


def _require_same_grid(scan: Scan, image: Volume, mask: Volume) -> None:
    if image.shape != mask.shape:
        raise FileError(scan.mask_path, f"has {mask.shape} voxels and its image {image.shape}",
                        "Draw the labels on the image's own grid")
    ends = np.array([[0, 0, 0, 1], [*mask.shape, 1]]).T
    apart = np.linalg.inv(image.world_from_voxel) @ mask.world_from_voxel @ ends - ends
    if np.abs(apart).max() > _SAME_PLACE * max(mask.shape):
        raise FileError(scan.mask_path, "lies elsewhere than its image, or has another spacing or direction",
                        "Draw the labels on the image's own grid")
