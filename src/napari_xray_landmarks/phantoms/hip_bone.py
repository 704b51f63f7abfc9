"""The hip bone: ilium, ischium and pubis round an acetabulum."""

from dataclasses import dataclass

import numpy as np

from .parameters import PelvisParameters
from .solids import CUT, Solid, capsule, ellipsoid, half_space, sheet

# Nominal control points of the left bone, (superior, posterior, left) in mm from between the hip centres.
CONTROL_POINTS = {
    "asis": (80, -46, 121), "tubercle": (106, -22, 142), "crest": (122, 22, 130), "posterior crest": (114, 66, 92),
    "psis": (84, 94, 44), "piis": (52, 90, 48), "notch": (26, 56, 62), "aiis": (40, -37, 100), "arcuate": (50, 52, 60),
    "pubic tubercle": (2, -44, 26), "pubic body": (-14, -41, 8), "symphysis": (-38, -33, 8), "ramus": (-62, -6, 33),
    "ischial body": (-20, 25, 66), "ischium": (-60, 24, 58), "spine": (3, 43, 45), "fossa": (72, 20, 100),
    "iliac body": (30, 30, 88),
}
FLARING = ("asis", "tubercle", "crest", "posterior crest", "fossa")
WING = ("asis", "tubercle", "crest", "posterior crest", "psis", "piis", "aiis", "fossa", "iliac body", "notch",
        "arcuate")
WING_EXTRA = np.array([[45, -5, 98], [80, -15, 112], [95, 25, 116], [80, 62, 74]], float)
CREST = ("asis", "tubercle", "crest", "posterior crest", "psis")
HIP_CENTRE_MM = 87.0


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
        points[name][2] = np.clip(points[name][2], 6.5 * g, 8.5 * g)
    centre = np.array([0, 0, HIP_CENTRE_MM * scale[2]]) + 0.4 * rng.standard_normal(3)
    coefficients = _fit_wing(points, WING_EXTRA * scale * (1, 1, q.flare**0.5))
    crest = _smooth_line(np.array([points[n][:2] for n in CREST]))
    polygon = np.vstack([crest, *(points[n][:2] for n in ("piis", "notch", "iliac body", "aiis"))])

    def on_wing(sp):
        return np.append(sp[:2], _wing(coefficients, *sp[:2]))

    for name in ("asis", "psis", "tubercle", "crest"):
        points[name] = on_wing(points[name])
    rows = [sheet(1, coefficients, 1.9, 4.2, 38.0, len(polygon))]
    rows += _crest_rows(np.array([on_wing(c) for c in crest]), g)
    rows += _ilium_rows(points, centre, g) + _ischiopubic_rows(points, centre, g)
    rows += _acetabulum_rows(q, centre, g)
    rows.append(half_space((0, 0, -1), -2.2))
    mirror = np.array([1.0, 1.0, side])
    table = np.array([mirrored(row) for row in rows]) if side < 0 else np.array(rows)
    return HipBone(Solid(table, polygon), centre * mirror, {n: p * mirror for n, p in points.items()})


def _crest_rows(line: np.ndarray, g: float) -> list:
    along = np.linspace(0, 1, len(line))
    radii = (4.6 + 1.6 * np.exp(-(((along - 0.25) / 0.12) ** 2)) + 1.2 * along) * g
    return [capsule(line[i], line[i + 1], radii[i], radii[i + 1], 0) for i in range(len(line) - 1)]


def _ilium_rows(c: dict, hip: np.ndarray, g: float) -> list:
    at = lambda *offset: hip + np.array(offset) * g  # noqa: E731
    return [
        capsule(c["asis"], c["asis"] + (-18, 4, 0), 5.5 * g, 4 * g, 6),
        capsule(c["asis"] + (-16, 6, -2), c["aiis"] + (8, 6, 0), 4 * g, 4.5 * g, 8),
        capsule(c["aiis"], at(24, -16, -2), 6 * g, 9 * g, 10),
        capsule(c["psis"], c["piis"], 8 * g, 6 * g, 8),
        capsule(c["arcuate"], at(22, 24, -10), 6.5 * g, 13 * g, 14),
        capsule(c["arcuate"], c["piis"] + (0, -6, 4), 6 * g, 6 * g, 12),
        capsule(c["tubercle"], at(36, 0, 6), 4 * g, 6 * g, 10),
        ellipsoid(at(8, 5, -7), np.array([33, 33, 29]) * g, 12),
        ellipsoid(at(-6, 10, -4), np.array([28, 28, 25]) * g, 10),
    ]


def _ischiopubic_rows(c: dict, hip: np.ndarray, g: float) -> list:
    at = lambda *offset: hip + np.array(offset) * g  # noqa: E731
    tubercle = c["pubic tubercle"]
    return [
        capsule(at(-4, -20, -22), tubercle + (0, 4, 12), 10.5 * g, 7.5 * g, 10),
        capsule(tubercle + (0, 4, 12), tubercle + (-5, 3, -4), 7.5 * g, 7.5 * g, 8),
        ellipsoid(tubercle + (5, -4, 0), np.full(3, 5 * g), 4),
        capsule(tubercle + (-5, 3, -4), c["pubic body"], 7.5 * g, 7.6 * g, 8),
        capsule(c["pubic body"], c["symphysis"], 7.6 * g, 7 * g, 8),
        capsule(c["symphysis"], c["ramus"], 6.2 * g, 5.6 * g, 8),
        capsule(c["ramus"], c["ischium"] + (-2, -8, -3), 5.6 * g, 8 * g, 8),
        capsule(at(-16, 20, -16), c["ischium"] + (14, 2, 2), 14 * g, 12 * g, 12),
        capsule(c["ischium"] + (12, 4, 2), c["ischium"], 13 * g, 11 * g, 8),
        capsule(c["ischial body"], c["spine"], 9 * g, 3 * g, 6),
    ]


def _acetabulum_rows(q: PelvisParameters, hip: np.ndarray, g: float) -> list:
    tilt, turn = np.deg2rad(90 - q.inclination_deg), np.deg2rad(q.acetabular_anteversion_deg)
    opening = np.array([-np.cos(tilt) * np.cos(turn), -np.sin(turn), np.sin(tilt) * np.cos(turn)])
    head = q.head_radius_mm * g
    floor = hip - 0.5 * head * opening + (-8, 0, 0), hip - 0.95 * head * opening + (-16, 2, 0)
    return [
        ellipsoid(hip + 30 * g * opening, np.full(3, 30 * g), 4, CUT),
        ellipsoid(hip, np.full(3, head + q.joint_space_mm), 1.5, CUT),
        capsule(*floor, 12 * g, 11 * g, 3, CUT),
    ]


def _fit_wing(points: dict, extra: np.ndarray) -> np.ndarray:
    """Cubic through the iliac wing: |left| as a function of (superior, posterior)."""
    wing = np.vstack([[points[n] for n in WING], extra])
    terms = _wing_terms(wing[:, 0], wing[:, 1])
    ridge = np.diag([0, 0, 0, 1e-4, 1e-4, 1e-4, 3e-3, 3e-3, 3e-3, 3e-3])
    return np.linalg.solve(terms.T @ terms + ridge, terms.T @ wing[:, 2])


def _wing_terms(superior, posterior) -> np.ndarray:
    y, z = (np.asarray(posterior) - 20) * 0.01, (np.asarray(superior) - 60) * 0.01
    return np.stack([np.ones_like(y), y, z, y * y, z * y, z * z, y**3, y * y * z, y * z * z, z**3], -1)


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
