"""The hip bone: ilium, ischium and pubis round an acetabulum.

The nominal bone is the mean of 30 adults' (positions measured on the surfaces of Han et al. 2019, CC BY 4.0), except
for the spines and the pubic tubercle, which a mean blunts: those are pointed as in one person.
"""

from dataclasses import dataclass

import numpy as np

from .parameters import PelvisParameters
from .solids import CUT, Solid, capsule, ellipsoid, half_space, sheet

# Nominal control points of the left bone, (superior, posterior, left) in mm from between the hip centres.
CONTROL_POINTS = {
    "asis": (77, -48, 118), "tubercle": (105, -17, 128), "crest": (127, 9, 119), "summit": (136, 35, 90),
    "posterior crest": (114, 74, 62), "psis": (91, 73, 47), "piis": (64, 71, 53), "notch": (48, 30, 71),
    "sacral": (118, 42, 66), "auricular": (70, 37, 64), "arcuate": (60, 20, 72), "iliac body": (30, 6, 77),
    "aiis": (38, -31, 101), "roof": (23, -6, 82), "sciatic": (25, 28, 72), "pubic tubercle": (-9, -49, 22),
    "pubic body": (-19, -46, 10), "symphysis": (-35, -25, 9), "pubic root": (4, -16, 60), "ramus": (-50, 0, 28),
    "low ramus": (-56, 21, 43), "pillar": (80, -10, 108), "quadrilateral": (-12, 12, 59), "obturator": (-34, 25, 58),
    "ischial body": (2, 37, 65), "ischium": (-38, 41, 66), "tuberosity": (-55, 37, 57), "spine": (0, 57, 46),
    "superior ramus": (-17, -33, 27),
}
# The middle of the iliac wing's thickness, besides the points above that lie in it.
WING_POINTS = np.array([
    (45, -30, 97), (60, -35, 102), (60, -10, 94), (80, -30, 102), (80, -10, 106), (80, 5, 107), (100, -20, 120),
    (100, 0, 119), (100, 12, 111), (118, 0, 122), (120, 15, 112), (125, 35, 79), (110, 30, 83), (95, 30, 79),
    (100, 55, 45), (80, 60, 52), (60, 10, 87), (45, 0, 85), (30, 0, 80), (45, 20, 80), (128, 52, 61), (30, 30, 76),
], float)
WING = ("asis", "tubercle", "crest", "summit", "posterior crest", "psis", "piis", "notch", "aiis")
OUTLINE = ("asis", "tubercle", "crest", "summit", "posterior crest", "psis", "piis", "notch", "sciatic", "iliac body",
           "aiis")
CREST = OUTLINE[:6]
FLARING = ("asis", "tubercle", "crest", "summit")
# Rods between control points: radius at either end, and how widely they blend in.
RODS = (
    ("psis", "piis", 7, 5, 8), ("sacral", "auricular", 5.5, 12, 12), ("auricular", "notch", 9, 4.5, 10),
    ("auricular", "piis", 10.5, 6, 10), ("psis", "sacral", 13, 5.5, 10), ("arcuate", "auricular", 8, 7.5, 12),
    ("arcuate", "iliac body", 7, 14, 14), ("notch", "sciatic", 4, 6.5, 10), ("sciatic", "ischial body", 8, 6.5, 12),
    ("iliac body", "roof", 14, 13.5, 12), ("tubercle", "pillar", 9, 5.5, 8), ("pillar", "iliac body", 5, 13.5, 10),
    ("roof", "pubic root", 12.5, 12.5, 12), ("pubic root", "superior ramus", 9.5, 8, 10),
    ("superior ramus", "pubic body", 10, 5.5, 6), ("pubic body", "symphysis", 7.5, 7.5, 8),
    ("superior ramus", "symphysis", 7, 7, 10), ("symphysis", "ramus", 9, 5, 8),
    ("ramus", "low ramus", 5.5, 6, 8), ("low ramus", "tuberosity", 5, 6.5, 6),
    ("quadrilateral", "obturator", 4.5, 4.5, 8), ("obturator", "low ramus", 4, 4, 8),
    ("ischial body", "ischium", 8.5, 12, 12), ("ischium", "tuberosity", 9, 10, 8),
)
HIP_CENTRE_MM = 83.5


@dataclass(frozen=True, eq=False)
class HipBone:
    """A hip bone's solid in the pelvis frame, the hip's centre, and starting points for its landmarks."""

    solid: Solid
    centre: np.ndarray
    points: dict[str, np.ndarray]


def hip_bone(parameters: PelvisParameters, side: int, shift: dict[str, np.ndarray], rng) -> HipBone:
    """The hip bone of one side (+1 left, -1 right).

    Parameters
    ----------
    parameters
    side
    shift
        Displacement of each control point, the same for both sides; each side adds a little of its own.
    rng
        For what differs between the sides.
    """
    q, g = parameters, parameters.size
    scale = g * np.array([q.height, q.depth, q.width])
    points = {}
    for name, nominal in CONTROL_POINTS.items():
        flare = (1, 1, q.flare) if name in FLARING else (1, 1, 1)
        points[name] = np.array(nominal, float) * flare * scale + shift[name] + 0.6 * rng.standard_normal(3)
    for name in ("pubic body", "symphysis"):  # their inner faces are cut flat, a joint's width apart
        points[name][2] = np.clip(points[name][2], 6.5 * g, 9.5 * g)
    centre = np.array([0, 0, HIP_CENTRE_MM * scale[2]]) + 0.4 * rng.standard_normal(3)
    flare = 1 + (q.flare - 1) * np.clip((WING_POINTS[:, :1] - 30) / 60, 0, 1) * (WING_POINTS[:, 1:2] < 30)
    coefficients = _fit_wing(points, WING_POINTS * np.hstack([np.ones((len(flare), 2)), flare]) * scale)
    crest = _smooth_line(np.array([points[n][:2] for n in CREST]))
    polygon = np.vstack([crest, *(points[n][:2] for n in OUTLINE[6:])])

    def on_wing(sp):
        return np.append(sp[:2], _wing(coefficients, *sp[:2]))

    for name in WING:
        points[name] = on_wing(points[name])
    rows = [sheet(1, coefficients, 2.8, 4.2, 30.0, len(polygon))]
    rows += _crest_rows(np.array([on_wing(c) for c in crest]), g)
    rows += [capsule(points[a], points[b], r * g, s * g, blend) for a, b, r, s, blend in RODS]
    rows += _process_rows(points, g) + _acetabulum_rows(q, centre, g)
    rows.append(half_space((0, 0, -1), -2.2))
    mirror = np.array([1.0, 1.0, side])
    table = np.array([mirrored(row) for row in rows]) if side < 0 else np.array(rows)
    return HipBone(Solid(table, polygon), centre * mirror, {n: p * mirror for n, p in points.items()})


def _crest_rows(line: np.ndarray, g: float) -> list:
    along = np.linspace(0, 1, len(line))
    radii = (4.6 + 2.0 * np.exp(-(((along - 0.2) / 0.07) ** 2)) + 2.0 * along) * g
    return [capsule(line[i], line[i + 1], radii[i], radii[i + 1], 0) for i in range(len(line) - 1)]


def _process_rows(c: dict, g: float) -> list:
    """What muscles and ligaments pull on: the spines, each with a tip, and the pubic tubercle."""
    tip = c["asis"] + np.array([-5, -3.5, 1.5]) * g
    return [
        capsule(c["asis"] + np.array([10, 5, 0]) * g, c["asis"], 6 * g, 6 * g, 4),
        capsule(c["asis"], tip, 6 * g, 3.8 * g, 2),
        capsule(c["roof"] + np.array([6, 0, 6]) * g, c["aiis"], 9 * g, 5 * g, 8),
        capsule(c["aiis"], c["aiis"] + np.array([-3, -3, 1]) * g, 5 * g, 3.5 * g, 2),
        capsule(c["ischial body"] + np.array([2, 4, -4]) * g, c["spine"], 10 * g, 2.4 * g, 5),
        capsule(c["superior ramus"] + np.array([2, -4, -3]) * g, c["pubic tubercle"], 6 * g, 3.2 * g, 5),
    ]


def _acetabulum_rows(q: PelvisParameters, hip: np.ndarray, g: float) -> list:
    at = lambda *offset: hip + np.array(offset) * g  # noqa: E731
    tilt, turn = np.deg2rad(90 - q.inclination_deg), np.deg2rad(q.acetabular_anteversion_deg)
    opening = np.array([-np.cos(tilt) * np.cos(turn), -np.sin(turn), np.sin(tilt) * np.cos(turn)])
    head = q.head_radius_mm * g
    floor = hip - 0.5 * head * opening + (-8, 0, 0), hip - 0.95 * head * opening + (-16, 2, 0)
    return [
        ellipsoid(at(10, 4, -2), np.array([27, 31, 28]) * g, 10),
        ellipsoid(hip + 30 * g * opening, np.full(3, 30 * g), 2.5, CUT),
        ellipsoid(hip, np.full(3, head + q.joint_space_mm), 1.5, CUT),
        capsule(*floor, 12 * g, 11 * g, 3, CUT),
    ]


def _fit_wing(points: dict, others: np.ndarray) -> np.ndarray:
    """Quartic through the iliac wing: |left| as a function of (superior, posterior)."""
    wing = np.vstack([[points[n] for n in WING], others])
    terms = _wing_terms(wing[:, 0], wing[:, 1])
    ridge = np.diag([0] * 3 + [1e-4] * 3 + [3e-3] * 4 + [1e-2] * 5)
    return np.linalg.solve(terms.T @ terms + ridge, terms.T @ wing[:, 2])


def _wing_terms(superior, posterior) -> np.ndarray:
    """(N, 15) terms of the quartic: those of degree 0, of degree 1, ..., each from y^degree to z^degree."""
    y, z = (np.asarray(posterior) - 20) * 0.01, (np.asarray(superior) - 60) * 0.01
    return np.stack([y ** (degree - n) * z**n for degree in range(5) for n in range(degree + 1)], -1)


def _wing(coefficients, superior: float, posterior: float) -> float:
    return float(_wing_terms(superior, posterior) @ coefficients)


def _smooth_line(nodes: np.ndarray, per_segment: int = 4) -> np.ndarray:
    """A Catmull-Rom curve through the nodes."""
    ends = np.vstack([2 * nodes[0] - nodes[1], nodes, 2 * nodes[-1] - nodes[-2]])
    t = np.linspace(0, 1, per_segment, endpoint=False)[:, None]
    parts = []
    for a, b, c, d in zip(ends, ends[1:], ends[2:], ends[3:], strict=False):
        parts.append(b + 0.5 * t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * b - a - 3 * c + d))))
    return np.vstack([*parts, nodes[-1]])


def mirrored(row: np.ndarray) -> np.ndarray:
    """The primitive mirrored in the midsagittal plane."""
    left = {0: [5], 1: [5, 8], 2: [3], 5: [5]}[int(row[0])]
    row = row.copy()
    row[left] *= -1
    return row
