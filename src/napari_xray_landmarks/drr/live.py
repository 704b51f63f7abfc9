"""Films fast enough to follow a slider: a beam of one energy, no noise, a coarser volume; otherwise as `simulate`."""

from dataclasses import replace

import numpy as np
from skimage.measure import block_reduce

from ..geometry.camera import CArm
from ..imaging import Volume
from .detector import develop
from .exposure import Exposure
from .hounsfield import in_hounsfield
from .physics import attenuation_from_hu, bone_attenuation_per_hu
from .prepared import PreparedVolume, prepare
from .preview import preview

ENERGY_KEV = 52.0  # of one energy that a beam of 75 kV behind a body looks like
SOFT_HU = 80.0  # what is above counts as bone mineral
VOXEL_MM = 1.2
SIDE_PX = 192


def live_volume(ct: Volume) -> PreparedVolume:
    """The attenuation of a CT per mm, in voxels of about `VOXEL_MM` or its own larger ones.

    Raises
    ------
    InputError
        The volume is no CT.
    """
    coarse = coarser(Volume(in_hounsfield(ct)[0], ct.world_from_voxel, ct.name), VOXEL_MM)
    hu = coarse.voxels
    attenuation = attenuation_from_hu(np.minimum(hu, SOFT_HU), ENERGY_KEV)
    attenuation += np.maximum(hu - SOFT_HU, 0) * np.float32(bone_attenuation_per_hu(ENERGY_KEV))
    return prepare(replace(coarse, voxels=attenuation))


def coarser(volume: Volume, voxel_mm: float) -> Volume:
    """Means of whole blocks of voxels, as large as fit into `voxel_mm`; what is left over at the far ends is cut."""
    factors = [max(1, int(voxel_mm / spacing + 1e-6)) for spacing in volume.spacing_mm]
    factors = [min(f, n) for f, n in zip(factors, volume.shape, strict=True)]
    if max(factors) == 1:
        return volume
    whole = tuple(slice(0, n - n % f) for n, f in zip(volume.shape, factors, strict=True))
    matrix = np.array(volume.world_from_voxel)
    matrix[:3, 3] += matrix[:3, :3] @ ((np.array(factors) - 1) / 2)
    matrix[:3, :3] *= factors
    return replace(volume, voxels=block_reduce(volume.voxels[whole], tuple(factors), np.mean), world_from_voxel=matrix)


def live_arm(arm: CArm, side_px: int = SIDE_PX) -> CArm:
    """The same C-arm with larger pixels, at most `side_px` on the longer side."""
    share = min(1.0, side_px / max(arm.size_px))
    return arm.in_pixels(tuple(max(1, round(n * share)) for n in arm.size_px))


def live_film(volume: PreparedVolume, arm: CArm, exposure: Exposure | None = None) -> np.ndarray:
    """(rows, columns) uint8 grey values, without noise and scatter.

    Parameters
    ----------
    volume
        From `live_volume`.
    arm
        Best from `live_arm`.
    exposure
        Of it only the processing counts.
    """
    exposure = (exposure or Exposure()).for_pixels(arm.pixel_spacing_mm)
    passed = np.exp(-preview(volume, arm.camera()))
    return np.rint(255 * develop(passed, passed, exposure)).astype(np.uint8)
