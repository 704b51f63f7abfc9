"""An individual as volumes."""

import numpy as np

from ..imaging import Volume
from .bone import Bone, add_bone
from .pelvis import IMPLANT_LABEL, Individual
from .soft_tissue import MUSCLE_HU, draw_soft_tissue


def grid(low_mm, high_mm, spacing_mm) -> tuple[np.ndarray, tuple[int, int, int]]:
    """`world_from_voxel` and shape of a straight grid that spans a box."""
    low, high, spacing = (np.asarray(v, float) for v in (low_mm, high_mm, spacing_mm))
    matrix = np.diag([*spacing, 1.0])
    matrix[:3, 3] = low
    return matrix, tuple(int(n) for n in np.ceil((high - low) / spacing) + 1)


def bone_volume(person: Individual, world_from_voxel: np.ndarray, shape, posterior_first: bool = False):
    """HU above soft tissue of bones and implants, and labels, both `shape`.

    With `posterior_first` the arrays lie in memory so that rendering along the posterior axis need not copy them.
    """
    order = (1, 0, 2) if posterior_first else (0, 1, 2)
    excess, labels = (np.zeros([shape[i] for i in order], dtype).transpose(order) for dtype in (np.float32, np.uint8))
    origin, spacing = world_from_voxel[:3, 3], np.diag(world_from_voxel)[:3]
    q = person.parameters
    for bone in person.bones:
        add_bone(bone, excess, labels, origin, spacing, q.bone_density, q.trabecular_texture_hu)
    for implant in person.implants:
        metal = Bone(implant.kind, IMPLANT_LABEL, implant.solid, (50.0, 50.0), implant.hu, implant.hu)
        add_bone(metal, excess, labels, origin, spacing, 1.0, 0.0)
    return excess, labels


def ct(person: Individual, spacing_mm: float = 1.5) -> tuple[Volume, Volume]:
    """A CT in HU and its label volume, from the third lumbar vertebra to the shafts of the femurs."""
    matrix, shape = grid((-160, -125, -215), (180, 155, 215), (spacing_mm,) * 3)
    excess, labels = bone_volume(person, matrix, shape)
    hu = draw_soft_tissue(person.tissue, shape, matrix[:3, 3], np.full(3, spacing_mm))
    inside = labels > 0
    hu[inside] = np.maximum(hu[inside], MUSCLE_HU)
    hu += excess
    hu = np.clip(np.round(hu), -1024, 30000).astype(np.int16)
    return Volume(hu, matrix, "phantom pelvis", "CT"), Volume(labels, matrix, "phantom pelvis labels", "labels")
