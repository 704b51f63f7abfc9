"""Phantoms as volumes: a CT with labels and landmarks in space."""

from dataclasses import dataclass

import numpy as np

from ..imaging import Volume
from ..landmarks import LandmarkSet
from .films import FILM_SIDE, has_implants
from .pelvis import IMPLANT_LABEL, LABELS, SIDES, individual
from .schemas import SCHEMAS
from .voxels import FEMUR_BOX_MM, PELVIS_BOX_MM, ct

SPACING_MM = {"pelvis": 1.5, "proximal-femur": 1.0}


@dataclass(frozen=True, eq=False)
class Phantom:
    """An individual as volumes.

    Parameters
    ----------
    volume
        CT in HU, or MR in arbitrary units.
    labels
        On the same grid; `label_names` tells which bone each value is.
    landmarks
        In mm, in the volume's world, (superior, posterior, left).
    label_names
        Value of each structure in `labels`.
    has_implant
    """

    volume: Volume
    labels: Volume
    landmarks: LandmarkSet
    label_names: dict[str, int]
    has_implant: bool


def phantom(name: str, subject: int = 0, *, implant: bool | None = None, spacing_mm: float | None = None) -> Phantom:
    """The individual of a number as a CT: "pelvis", or "proximal-femur" (the left one, finer).

    Parameters
    ----------
    name
    subject
        The same individual as in the films of that number.
    implant
        Whether the subject has metal implants; None gives a third of the subjects some.
    spacing_mm
        Of the voxels; None for 1.5 mm (pelvis) or 1 mm (femur).
    """
    if name not in SPACING_MM:
        raise ValueError(f"there is no phantom {name!r} here, only {', '.join(SPACING_MM)}")
    spacing = spacing_mm or SPACING_MM[name]
    metal = has_implants(subject) if implant is None else bool(implant)
    person = individual(subject, metal, SIDES[FILM_SIDE] if name == "proximal-femur" else None)
    names = LABELS | ({"implant": IMPLANT_LABEL} if metal else {})
    if name == "pelvis":
        volume, labels = ct(person, f"phantom pelvis {subject}", PELVIS_BOX_MM, spacing)
        points = {n: person.landmarks[n] for n in SCHEMAS["pelvis"].names}
    else:
        middle = person.femurs[SIDES[FILM_SIDE]].shaft_top
        box = np.asarray(FEMUR_BOX_MM) + middle
        volume, labels = ct(person, f"phantom proximal femur {subject}", box, spacing)
        points = {f"{n}-{FILM_SIDE}": person.landmarks[f"{n}-{FILM_SIDE}"]
                  for n in ("femoral-head", "greater-trochanter", "lesser-trochanter")}
    landmarks = LandmarkSet(tuple(points), np.array(list(points.values())), unit="mm")
    return Phantom(volume, labels, landmarks, names, metal)
