"""Metal along the whole femur and in the knee: long nails, distal plates, knee prostheses."""

from collections.abc import Sequence

import numpy as np

from .complete_femur import Leg
from .field_bone import FieldBone, metal_field
from .implants import STEEL_HU, TITANIUM_HU, Implant
from .knee_fields import DISTANCE, Field
from .pelvis import IMPLANT_LABEL
from .solids import Solid, capsule


def leg_implants(leg: Leg, rng: np.random.Generator) -> Sequence[Implant | FieldBone]:
    """One implant of a random kind: at the hip, as in the pelvis' films, along the shaft, or at the knee."""
    kind = str(rng.choice(("hip", "nail", "plate", "prosthesis"), p=(0.5, 0.15, 0.15, 0.2)))
    if kind == "hip":
        return leg.person.implants
    return {"nail": _long_nail, "plate": _distal_plate, "prosthesis": _prosthesis}[kind](leg, rng)


def _long_nail(leg: Leg, rng) -> Sequence[Implant]:
    """An intramedullary nail from the trochanter to above the condyles, locked by screws at both ends."""
    f, size = leg.femur, leg.person.parameters.size
    radius, end = rng.uniform(4.8, 6.0), leg.in_world(rng.uniform(30, 60), -14.0, 1.0)
    top, bend = f.shaft_top + 20 * f.shaft, f.shaft_top - 60 * f.shaft
    middle = leg.in_world(100.0, -16.0, 8.0)
    rows = [capsule(top, bend, radius + 1.5, radius, 1), capsule(bend, middle, radius, radius, 1),
            capsule(middle, end, radius, radius, 1)]
    up, lateral = leg.world_from_knee[:3, 0], leg.world_from_knee[:3, 2]
    for lift in (8.0, 26.0):
        at = end + lift * up
        rows.append(capsule(at + 24 * size * lateral, at - 24 * size * lateral, 2.4, 2.4, 0))
    if rng.random() < 0.5:  # into the head; otherwise across, below the trochanters
        aim = f.head_centre + rng.uniform(2, 9) * f.neck
        rows.append(capsule(aim, aim - 92 * f.neck, 4.8, 4.8, 0))
    else:
        at = f.shaft_top - rng.uniform(20, 40) * f.shaft
        rows.append(capsule(at + 22 * f.lateral, at - 20 * f.lateral, 2.4, 2.4, 0))
    return (Implant("long nail", Solid(np.array(rows)), TITANIUM_HU),)


def _distal_plate(leg: Leg, rng) -> Sequence[Implant]:
    """A plate along the lateral side of the condyles and the shaft, with screws through both."""
    g, holes = leg.knee.parameters.size, int(rng.integers(4, 8))
    way = [leg.in_world(*(g * np.array(at))) for at in ((2, -4, 45), (22, -8, 41), (50, -12, 30), (75, -14, 24))]
    shaft = leg.femur.shaft
    way.append(way[-1] + (17 * holes - 30) * shaft)
    rows = [capsule(a, b, 2.8, 2.8, 1) for a, b in zip(way, way[1:], strict=False)]
    across = leg.world_from_knee[:3, 2]
    for s, p, length in ((-4, 4, 66), (6, -8, 66), (14, 2, 60)):
        at = leg.in_world(s * g, p * g, 42 * g)
        rows.append(capsule(at, at - length * g * across, 2.6, 2.4, 0))
    for i in range(holes):
        at = way[3] + 15 * i * shaft
        rows.append(capsule(at, at - 32 * across, 2.2, 2.0, 0))
    return (Implant("distal plate", Solid(np.array(rows)), float(rng.uniform(TITANIUM_HU, STEEL_HU))),)


def _prosthesis(leg: Leg, rng) -> Sequence[Implant | FieldBone]:
    """A total knee: a shell over the condyles, a tray on the tibia with a keel."""
    femur, tibia = leg.lower, leg.below["tibia"]
    g, s = leg.knee.parameters.size, _heights(femur)
    shell = np.maximum(np.abs(femur.values[DISTANCE] + 2.5) - 3.5, s - rng.uniform(-3, 3) * g)
    plate = np.maximum(tibia.values[DISTANCE] + 1.0, np.abs(_heights(tibia) + 7 * g) - 2.5)
    metal = [metal_field(IMPLANT_LABEL, Field(np.broadcast_to(v, (6, *v.shape)), f.origin_mm, f.spacing_mm,
                                              f.world_from_body), STEEL_HU)
             for v, f in ((shell.astype(np.float32), femur), (plate.astype(np.float32), tibia))]
    tip = rng.uniform(-60, -35)
    keel = capsule(*(tibia.in_world(np.array([h, 1.0, 0.0]) * g) for h in (-8.0, tip)), 7.5, 6.0, 1)
    return (*metal, Implant("keel", Solid(np.array([keel])), TITANIUM_HU))


def _heights(field: Field) -> np.ndarray:
    """(planes, 1, 1) superior coordinate of a field's nodes."""
    return (field.origin_mm[0] + np.arange(field.values.shape[1]) * field.spacing_mm[0])[:, None, None]
