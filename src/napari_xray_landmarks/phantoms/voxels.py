"""An individual as volumes."""

import numpy as np

from ..imaging import Volume
from .bone import Bone, add_bone
from .implants import Implant
from .pelvis import IMPLANT_LABEL, Individual
from .soft_tissue import MUSCLE_HU, draw_soft_tissue

PELVIS_BOX_MM = ((-160.0, -125.0, -215.0), (180.0, 155.0, 215.0))
FEMUR_BOX_MM = ((-150.0, -75.0, -95.0), (75.0, 85.0, 75.0))  # about the meeting of the left femur's neck and shaft


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
        add_implant(implant, excess, labels, origin, spacing)
    return excess, labels


def add_implant(implant: Implant, excess, labels, origin_mm, spacing_mm) -> None:
    """Draw a piece of metal over a volume of HU above soft tissue and its label volume, in place."""
    metal = Bone(implant.kind, IMPLANT_LABEL, implant.solid, (50.0, 50.0), implant.hu, implant.hu)
    add_bone(metal, excess, labels, origin_mm, spacing_mm, 1.0, 0.0)


def ct(person: Individual, name: str, box_mm, spacing_mm: float) -> tuple[Volume, Volume]:
    """A CT in HU and its label volume of what lies in a box, (lowest, highest) world corner."""
    matrix, shape = grid(*box_mm, (spacing_mm,) * 3)
    excess, labels = bone_volume(person, matrix, shape)
    hu = draw_soft_tissue(person.tissue, shape, matrix[:3, 3], np.full(3, spacing_mm))
    hu[labels > 0] = np.maximum(hu[labels > 0], MUSCLE_HU)
    hu = np.clip(np.round(hu + excess), -1024, 30000).astype(np.int16)
    return Volume(hu, matrix, name, "CT"), Volume(labels, matrix, f"{name} labels", "labels")
