"""The CT's side of a registration: attenuation at several resolutions, and where the CT ends inside the body."""

from dataclasses import dataclass, field

import numpy as np

from ..drr.live import coarser, live_volume
from ..drr.prepared import PreparedVolume, prepare
from ..drr.render import render
from ..geometry.camera import Camera
from ..imaging import Volume

TISSUE = 0.01  # attenuation per mm of what is not air, at the energies of films
CUT_VOXEL_MM = 6.0


@dataclass(frozen=True, eq=False)
class Patient:
    """A CT made ready for any number of registrations.

    Parameters
    ----------
    attenuation
        Per mm.
    """

    attenuation: Volume
    _levels: dict = field(default_factory=dict, repr=False)

    def level(self, voxel_mm: float) -> PreparedVolume:
        """Means of whole blocks of voxels no larger than this, ready to be rendered."""
        factors = tuple(max(1, int(voxel_mm / spacing + 1e-6)) for spacing in self.attenuation.spacing_mm)
        if factors not in self._levels:
            self._levels[factors] = prepare(coarser(self.attenuation, voxel_mm))
        return self._levels[factors]

    @property
    def finest(self) -> PreparedVolume:
        """In its own voxels."""
        return self.level(0.0)

    @property
    def middle_mm(self) -> np.ndarray:
        """(3,) the middle of the CT."""
        return (self.attenuation.world_from_voxel @ [*(np.array(self.attenuation.shape) - 1) / 2, 1.0])[:3]

    def whole(self, camera: Camera) -> np.ndarray:
        """(rows, columns) whether each pixel's ray does not leave the body where the CT was cut off."""
        if "cut" not in self._levels:
            self._levels["cut"] = prepare(cut_ends(coarser(self.attenuation, CUT_VOXEL_MM)))
        return render(self._levels["cut"], camera) <= 0


def patient_of(ct: "Volume | PreparedVolume | Patient") -> Patient:
    """A CT made ready for registration.

    Parameters
    ----------
    ct
        A CT in HU, or with an offset that can be told; or attenuation per mm, prepared.

    Raises
    ------
    InputError
        The volume is no CT.
    ValueError
        A prepared volume of several materials.
    """
    if isinstance(ct, Patient):
        return ct
    prepared = ct if isinstance(ct, PreparedVolume) else live_volume(ct)
    if prepared.materials > 1:
        raise ValueError(f"registration needs attenuation alone, the volume has {prepared.materials} materials")
    return Patient(Volume(prepared.densities()[0], prepared.world_from_voxel, getattr(ct, "name", "CT")))


def cut_ends(volume: Volume) -> Volume:
    """1 where there is tissue in the outermost voxels along any axis, 0 elsewhere."""
    outermost = np.ones(volume.shape, bool)
    outermost[1:-1, 1:-1, 1:-1] = False
    return Volume((outermost & (volume.voxels > TISSUE)).astype(np.float32), volume.world_from_voxel, volume.name)
