"""Volumes as they train: on the working grid, in memory, with the class of each voxel."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import InputError
from .grid import canonical, to_working
from .preparation import normalised
from .settings import DeepShapeSettings

_LIGHTEST_MM = 1e-3


@dataclass(frozen=True, eq=False)
class Scan:
    """One volume.

    Parameters
    ----------
    name, side
        Side is "left", "right" or "".
    image : float16 array
        `preparation.normalised`; axes (superior, posterior, left).
    classes : uint8 array
        0 is the background, k the k-th structure.
    spacing_mm : (3,) array
    """

    name: str
    side: str
    image: np.ndarray
    classes: np.ndarray
    spacing_mm: np.ndarray


@dataclass(frozen=True)
class Layout:
    """What the networks work on.

    Parameters
    ----------
    structures
        Name -> label; the k-th is class k.
    cartilages
        Cartilage -> bone.
    centres
        Bone -> how many subvolumes it has, where that is known.
    bones
        Structures whose shapes are modelled.
    modality
    spacing_mm
        (superior, posterior, left).
    slice_axis
        That slices are perpendicular to: the one along which voxels are longest.
    """

    structures: Mapping[str, int]
    cartilages: Mapping[str, str]
    centres: Mapping[str, int]
    bones: tuple[str, ...]
    modality: str
    spacing_mm: tuple[float, float, float]
    slice_axis: int

    def class_of(self, name: str) -> int:
        """The class of a structure."""
        return 1 + list(self.structures).index(name)

    @property
    def mirrors(self) -> bool:
        """Whether a mirrored volume shows the same structures: none is called left or right."""
        return not any(side in name.lower() for name in self.structures for side in ("left", "right"))


def layout_of(dataset, settings: DeepShapeSettings) -> Layout:
    """The structures of a `training.volumes.VolumeSet`, and the spacing that was asked for, or their median.

    Raises
    ------
    InputError
        There are no structures, or the spacing is none.
    """
    if not dataset.structures:
        raise InputError(dataset.folder, "its masks are empty", "Draw the structures to segment")
    spacing = spacing_from(settings.spacing) or tuple(
        float(s) for s in np.median([_spacing(dataset.volume(scan)) for scan in dataset.scans], axis=0).round(4))
    bones = dataset.about.get("shapes", [name for name in dataset.structures if name not in dataset.cartilages])
    return Layout(dataset.structures, dataset.cartilages, dict(dataset.about.get("centres", {})), tuple(bones),
                  dataset.about.get("modality") or "MR", spacing, int(np.argmax(spacing)))


def spacing_from(text: str) -> tuple[float, float, float] | None:
    """Three numbers from "superior,posterior,left"; None of "".

    Raises
    ------
    InputError
        They are not three positive numbers.
    """
    if not text.strip():
        return None
    try:
        values = tuple(float(part) for part in text.split(","))
    except ValueError:
        values = ()
    if len(values) != 3 or not all(np.isfinite(v) and v > _LIGHTEST_MM for v in values):
        raise InputError(f"spacing={text}", "is not three positive numbers", "Give superior,posterior,left in mm")
    return values


def _spacing(volume) -> np.ndarray:
    """(3,) spacing along (superior, posterior, left)."""
    return np.linalg.norm(canonical(volume)[1][:3, :3], axis=0)


def read_scans(dataset, layout: Layout, report: Callable[[float], None] = lambda fraction: None) -> list[Scan]:
    """All volumes of a set, on the working grid.

    Raises
    ------
    FileError
        A mask does not fit its image, or one of them cannot be read.
    """
    scans = []
    for number, scan in enumerate(dataset.scans):
        report(number / len(dataset.scans))
        volume = dataset.volume(scan)
        labels = dataset.labels(scan, volume)
        image, matrix = to_working(volume, layout.spacing_mm)
        drawn, _ = to_working(labels, layout.spacing_mm, labels=True)
        scans.append(Scan(scan.name, scan.side, normalised(image, layout.modality).astype(np.float16),
                          _classes(drawn, list(layout.structures.values())), np.linalg.norm(matrix[:3, :3], axis=0)))
    return scans


def _classes(labels: np.ndarray, values: Sequence[int]) -> np.ndarray:
    table = np.zeros(max(int(labels.max()), *values) + 1, np.uint8)
    table[list(values)] = np.arange(1, len(values) + 1)
    return table[labels]
