"""A spine as volumes: a CT from C7 to the sacrum with labels and landmarks in space."""

import numpy as np

from ..imaging import Volume
from ..landmarks import LandmarkSet
from .films import has_implants
from .pelvis import IMPLANT_LABEL
from .phantom import Phantom
from .scoliosis import Scoliosis
from .soft_tissue import MUSCLE_HU
from .thoracolumbar import LABELS, Spine, spine
from .thoracolumbar_landmarks import corners_in_space
from .trunk import draw_trunk
from .voxels import bone_volume, grid


def spine_phantom(subject: int = 0, *, implant: bool | None = None, curves: Scoliosis | None = None,
                  spacing_mm: float | None = None) -> Phantom:
    """The spine of a subject as a CT, from above C7 to the sacrum.

    Parameters
    ----------
    subject
        The same individual as in the films of that number.
    implant
        Whether the subject has screws and rods; None gives a third of the subjects some.
    curves
        Another scoliosis than the subject's own.
    spacing_mm
        Of the voxels; None for 1.75 mm.
    """
    metal = has_implants(subject) if implant is None else bool(implant)
    person = spine(subject, curves, metal)
    spacing = np.full(3, spacing_mm or 1.75)
    matrix, shape = grid(*_box(person), spacing)
    excess, labels = bone_volume(person, matrix, shape)
    hu = draw_trunk(person.tissue, shape, matrix[:3, 3], spacing)
    hu[labels > 0] = np.maximum(hu[labels > 0], MUSCLE_HU)
    hu = np.clip(np.round(hu + excess), -1024, 30000).astype(np.int16)
    name = f"phantom spine {subject}"
    points = corners_in_space(person)
    names = LABELS | ({"implant": IMPLANT_LABEL} if metal else {})
    return Phantom(Volume(hu, matrix, name, "CT"), Volume(labels, matrix, f"{name} labels", "labels"),
                   LandmarkSet(tuple(points), np.array(list(points.values())), unit="mm"), names, metal)


def _box(person: Spine) -> np.ndarray:
    """(2, 3) corners: the neck to the sacrum, skin to skin at the chest's depth, the arms and flanks left out."""
    centres, shape = np.array([v.centre_mm for v in person.vertebrae]), person.cage
    wide = shape.half_width_mm.max() + 12
    low = (-75.0, (shape.behind_mm - shape.half_depth_mm).min() - 25, shape.left_mm.min() - wide)
    high = (centres[0, 0] + 30, centres[:, 1].max() + 80, shape.left_mm.max() + wide)
    return np.array([low, high])
