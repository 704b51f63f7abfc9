"""Volumes made ready for rendering: float32, with a border of zeros, once for any number of views."""

from dataclasses import dataclass, field

import numpy as np

from ..imaging import Volume

BORDER = (1, 2)  # zeros before and behind each axis: every sample has its four neighbours
MATERIAL_BITS = 3
MAX_MATERIALS = 2**MATERIAL_BITS
_MAX_VOXELS = 2**31 - 1  # offsets inside a slice are 32-bit numbers


@dataclass(frozen=True, eq=False)
class PreparedVolume:
    """A volume that is rendered from many views; from `prepare`.

    Parameters
    ----------
    straight : (planes + 3, rows + 3, columns + 3) float32 array
        The values in a border of zeros. Where there are several materials their numbers are in the lowest bits of the
        mantissas, which changes a value by less than a part in a million.
    world_from_voxel : (4, 4) array
    materials
        How many there are.
    """

    straight: np.ndarray
    world_from_voxel: np.ndarray
    materials: int = 1
    _turned: list = field(default_factory=list, repr=False)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(planes, rows, columns), the border not counted."""
        return tuple(n - sum(BORDER) for n in self.straight.shape)

    def densities(self) -> np.ndarray:
        """(materials, planes, rows, columns) float32 array: the values of each material alone; a view if it is one."""
        inner = self.straight[tuple(slice(BORDER[0], n - BORDER[1]) for n in self.straight.shape)]
        if self.materials == 1:
            return inner[None]
        numbers = inner.view(np.int32) & np.int32(MAX_MATERIALS - 1)
        return np.stack([np.where(numbers == m, inner, np.float32(0)) for m in range(self.materials)])

    def layout(self, axis: int, *, contiguous: bool = False
               ) -> tuple[np.ndarray, tuple[int, int, int], tuple[int, int, int]]:
        """Flat values, the order (p, q, slice) of the voxel axes, and the offset from one to the next along each.

        Slices along columns have no axis that is contiguous in memory; where p must be, they are read from a second
        copy, made when first needed.
        """
        order = {0: (2, 1, 0), 1: (2, 0, 1), 2: (1, 0, 2)}[axis]
        values, axes = self.straight, (0, 1, 2)
        if contiguous and axis == 2:
            if not self._turned:
                turned = np.ascontiguousarray(self.straight.transpose(2, 0, 1))
                turned.flags.writeable = False
                self._turned.append(turned)
            values, axes = self._turned[0], (1, 2, 0)
        offsets = (values.shape[1] * values.shape[2], values.shape[2], 1)
        return values.reshape(-1), order, tuple(offsets[axes[i]] for i in order)


def prepare(volume: Volume | PreparedVolume, materials=None) -> PreparedVolume:
    """A volume ready for `render`; one that is ready already comes back as it is.

    Parameters
    ----------
    volume
    materials : (planes, rows, columns) integer array, optional
        Which material each voxel is of, from 0; the rendering then has one image for each. Between voxels of two
        materials both are interpolated, so edges are as smooth as the values. A voxel that is a mixture keeps its
        value whole, whatever it is taken to be; where the difference matters, mixtures are materials of their own, as
        in `scene`, or each material's density is prepared and rendered alone.

    Raises
    ------
    ValueError
        Values that are not finite, a volume too large for 32-bit offsets, or material numbers that do not fit.
    """
    if isinstance(volume, PreparedVolume):
        if materials is not None:
            raise ValueError("materials are named when a volume is prepared, this one is prepared already")
        return volume
    padded = np.zeros([n + sum(BORDER) for n in volume.shape], dtype=np.float32)
    if padded.size > _MAX_VOXELS:
        raise ValueError(f"volume {volume.name!r} of {volume.shape} voxels is too large to render: resample or crop it")
    inner = tuple(slice(BORDER[0], n - BORDER[1]) for n in padded.shape)
    padded[inner] = volume.voxels
    require_finite(padded, volume.name)
    count = 1
    if materials is not None:
        numbers = _material_numbers(volume, materials)
        count = int(numbers.max()) + 1
        bits = padded.view(np.int32)
        bits &= np.int32(-MAX_MATERIALS)
        bits[inner] |= np.where(padded[inner] == 0, 0, numbers)  # nothing there, and bits alone are slow to add
    padded.flags.writeable = False
    return PreparedVolume(padded, volume.world_from_voxel, count)


def require_finite(values: np.ndarray, name: str) -> None:
    """Refuse a volume with NaN or infinity in it, by a ValueError.

    A sum is finite only if every value is, and needs no copy; float64 so that large values do not overflow it.
    """
    if not np.isfinite(values.sum(dtype=np.float64)):
        raise ValueError(f"volume {name!r} holds values that are not finite")


def _material_numbers(volume: Volume, materials) -> np.ndarray:
    numbers = np.asarray(materials)
    if numbers.shape != volume.shape or not (np.issubdtype(numbers.dtype, np.integer) or numbers.dtype == bool):
        raise ValueError(f"materials must be whole numbers for {volume.shape} voxels, "
                         f"got {numbers.dtype} of {numbers.shape}")
    if numbers.min() < 0 or numbers.max() >= MAX_MATERIALS:
        raise ValueError(f"materials must be 0 to {MAX_MATERIALS - 1}, got {numbers.min()} to {numbers.max()}")
    return numbers.astype(np.int8 if numbers.dtype == bool else numbers.dtype, copy=False)
