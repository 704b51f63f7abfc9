"""The proximal femur: head, neck, trochanters and shaft."""

from dataclasses import dataclass

import numpy as np

from .hip_bone import mirrored
from .parameters import PelvisParameters
from .solids import Solid, capsule, ellipsoid

SHAFT_END_MM = -330.0


@dataclass(frozen=True, eq=False)
class Femur:
    """A femur's solid in the world frame, and its anatomical axes there.

    Parameters
    ----------
    solid
    head_centre, head_radius_mm
    neck
        Unit vector along the neck, towards the head.
    shaft_top
        Where the axes of neck and shaft meet.
    shaft
        Unit vector along the shaft, upwards.
    lateral
        Unit vector across the shaft, away from the head.
    points
        Starting points for the landmarks.
    """

    solid: Solid
    head_centre: np.ndarray
    head_radius_mm: float
    neck: np.ndarray
    shaft_top: np.ndarray
    shaft: np.ndarray
    lateral: np.ndarray
    points: dict[str, np.ndarray]


def femur(parameters: PelvisParameters, side: int, hip_centre: np.ndarray, rng) -> Femur:
    """The femur of one side (+1 left, -1 right) with its head at `hip_centre` of the world frame.

    Each side varies a little about the individual's parameters.
    """
    q, g = parameters, parameters.size
    vary = lambda value, sd: value + sd * float(np.clip(rng.standard_normal(), -2, 2))  # noqa: E731
    angle = np.deg2rad(180 - vary(q.neck_shaft_deg, 1.2))
    neck = np.array([np.cos(angle), 0, -np.sin(angle)])
    turn = leg_pose(vary(q.femoral_anteversion_deg + q.leg_rotation_deg, 3), vary(q.leg_abduction_deg, 2),
                    vary(q.leg_flexion_deg, 1))
    top = -neck * vary(q.neck_length_mm, 0.8) * g
    mirror = np.array([1.0, 1.0, side])
    head = q.head_radius_mm * g
    shaft_radius = q.shaft_radius_mm * g

    def on_shaft(superior, posterior, left):
        return top + np.array([superior, posterior, left]) * g

    rows = [
        ellipsoid((0, 0, 0), np.full(3, head), 0),
        capsule(-10 * neck, top + 8 * neck, 13.6 * g, 16.0 * g, 7),
        capsule(on_shaft(-6, 2, 0), on_shaft(-48, 2, -1), 21 * g, shaft_radius + 2, 12),
        capsule(on_shaft(-46, 1, -2), on_shaft(-130, -2, -2), shaft_radius + 1, shaft_radius, 14),
        capsule(on_shaft(-130, -2, -2), on_shaft(SHAFT_END_MM, 2, 0), shaft_radius, shaft_radius, 4),
        capsule(on_shaft(-10, 8, 7), on_shaft(15, 9, 10), 13.5 * g, 9.0 * g, 7),
        capsule(on_shaft(14, 9, 9), on_shaft(23, 12, 5), 8.0 * g, 5.5 * g, 5),
        ellipsoid(on_shaft(-6, 3, 12), np.array([18, 14, 9]) * g, 8),
        capsule(on_shaft(-46, 8, -9), on_shaft(-42, 13, -17), 9 * g, 5.5 * g, 6),
        capsule(on_shaft(5, 12, 2), on_shaft(-40, 12, -10), 6 * g, 5 * g, 6),
    ]
    points = {"greater trochanter": on_shaft(27, 11, 6), "lesser trochanter": on_shaft(-42, 14, -21)}
    rows = [_placed(row, turn, hip_centre * mirror) for row in rows]
    table = np.array([mirrored(row) if side < 0 else row for row in rows])

    def in_world(vector):
        return mirror * (turn @ vector)

    return Femur(Solid(table), hip_centre, head, in_world(neck), hip_centre + in_world(top),
                 in_world([1, 0, 0]), in_world([0, 0, 1]),
                 {n: hip_centre + in_world(p) for n, p in points.items()})


def leg_pose(rotation_deg: float, abduction_deg: float, flexion_deg: float) -> np.ndarray:
    """(3, 3) turn of the left femur about its head in (superior, posterior, left); unabducted, its shaft leans 5.2°."""
    r, a, f = np.deg2rad([rotation_deg, 5.2 - abduction_deg, -flexion_deg])
    about_shaft = [[1, 0, 0], [0, np.cos(r), np.sin(r)], [0, -np.sin(r), np.cos(r)]]
    about_posterior = [[np.cos(a), 0, -np.sin(a)], [0, 1, 0], [np.sin(a), 0, np.cos(a)]]
    about_left = [[np.cos(f), np.sin(f), 0], [-np.sin(f), np.cos(f), 0], [0, 0, 1]]
    return np.array(about_posterior) @ np.array(about_left) @ np.array(about_shaft)


def _placed(row: np.ndarray, turn: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """A sphere or capsule turned and moved; the small ellipsoid of the trochanter keeps its axes."""
    row = row.copy()
    for start in (3, 6) if row[0] == 1 else (3,):
        row[start:start + 3] = turn @ row[start:start + 3] + shift
    return row
