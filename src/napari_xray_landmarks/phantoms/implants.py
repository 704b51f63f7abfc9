"""Implants of metal: hip stems, nails, plates and screws, as solids placed in the bones."""

from dataclasses import dataclass

import numpy as np

from .femur import Femur
from .solids import Solid, capsule, ellipsoid

TITANIUM_HU, STEEL_HU = 9000.0, 20000.0


@dataclass(frozen=True, eq=False)
class Implant:
    """A piece of metal."""

    kind: str
    solid: Solid
    hu: float


def random_implants(femurs: dict[int, Femur], landmarks: dict[str, np.ndarray], rng, side: int | None = None):
    """One to three implants of random kinds; the first in the femur of `side`, where one is given."""
    kinds = ("stem", "nail", "plate", "screws")
    chosen = [(str(rng.choice(kinds)), side or int(rng.choice((-1, 1))))]
    if rng.random() < 0.35:
        chosen.append((str(rng.choice(kinds)), -chosen[0][1]))
    implants = [_in_femur(kind, femurs[where], rng) for kind, where in chosen]
    if rng.random() < 0.3:
        implants.append(_symphysis_plate(landmarks, rng))
    return tuple(implants)


def _in_femur(kind: str, femur: Femur, rng) -> Implant:
    rows = {"stem": _stem, "nail": _nail, "plate": _hip_screw_plate, "screws": _neck_screws}[kind](femur, rng)
    return Implant(kind, Solid(np.array(rows)), TITANIUM_HU if kind == "nail" else float(rng.uniform(9000, 20000)))


def _stem(f: Femur, rng) -> list:
    length, axis = rng.uniform(95, 140), f.shaft_top - 2 * f.shaft
    ball = f.head_radius_mm * rng.uniform(0.62, 0.95)
    return [
        ellipsoid(f.head_centre, np.full(3, ball), 0),
        capsule(f.head_centre, axis - 6 * f.shaft, 6.5, 8, 2),
        capsule(axis - 8 * f.shaft, axis - 50 * f.shaft, 9.5, 6.5, 6),
        capsule(axis - 50 * f.shaft, axis - length * f.shaft, 6.5, 4.0, 3),
    ]


def _nail(f: Femur, rng) -> list:
    radius, length = rng.uniform(4.8, 6.2), rng.uniform(150, 230)
    aim = f.head_centre + rng.uniform(2, 9) * f.neck
    start = aim - 92 * f.neck
    rows = [capsule(f.shaft_top + 20 * f.shaft, f.shaft_top - 40 * f.shaft, radius + 1.8, radius + 0.8, 1),
            capsule(f.shaft_top - 40 * f.shaft, f.shaft_top - length * f.shaft, radius, radius, 1),
            capsule(start, aim, 4.8, 5.0, 0)]
    rows += [capsule(aim - t * f.neck, aim - (t + 0.5) * f.neck, 6.0, 6.0, 0) for t in range(0, 24, 4)]
    return rows


def _hip_screw_plate(f: Femur, rng) -> list:
    aim = f.head_centre + rng.uniform(2, 8) * f.neck
    entry = f.shaft_top - 22 * f.shaft + 15 * f.lateral
    holes = int(rng.integers(3, 6))
    away = 19.5 * f.lateral
    rows = [capsule(aim, entry, 5.0, 6.0, 1)]
    top, bottom = f.shaft_top - 26 * f.shaft + away, f.shaft_top - (40 + 17 * holes) * f.shaft + away
    rows.append(capsule(top, bottom, 3.6, 3.0, 1))
    for i in range(holes):
        at = f.shaft_top - (46 + 17 * i) * f.shaft
        rows.append(capsule(at + 21 * f.lateral, at - 14 * f.lateral, 2.3, 2.1, 0.5))
    return rows


def _neck_screws(f: Femur, rng) -> list:
    across = np.cross(f.neck, f.shaft)
    upwards = np.cross(across, f.neck)
    rows = []
    for angle in rng.uniform(0, 360) + np.arange(rng.integers(2, 4)) * 120.0:
        offset = 8.5 * (np.cos(np.deg2rad(angle)) * upwards + np.sin(np.deg2rad(angle)) * across)
        tip = f.head_centre + offset + rng.uniform(4, 10) * f.neck
        rows.append(capsule(tip, tip - rng.uniform(78, 88) * f.neck, 2.4, 2.4, 0))
        rows.append(capsule(tip, tip - 16 * f.neck, 3.4, 3.4, 0))
    return rows


def _symphysis_plate(landmarks: dict[str, np.ndarray], rng) -> Implant:
    middle = landmarks["symphysis-superior"] + (3.0, 0, 0)
    ends = [landmarks[f"pubic-tubercle-{s}"] + (2.0, 2.0, w) for s, w in (("left", 8.0), ("right", -8.0))]
    rows = [capsule(middle, end, 3.2, 3.0, 1) for end in ends]
    for end in ends:
        for f in (0.3, 0.65, 1.0):
            at = middle + f * (end - middle)
            rows.append(capsule(at, at + (-rng.uniform(22, 38), rng.uniform(2, 8), 0), 1.9, 1.7, 0))
    return Implant("symphysis plate", Solid(np.array(rows)), STEEL_HU)
