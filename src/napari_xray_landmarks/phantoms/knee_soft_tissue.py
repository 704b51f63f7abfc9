"""The soft parts of a knee: skin and fat, muscles, tendons, ligaments, vessels and joint fluid.

Each part is a strap: a rod with round ends whose radius changes along it, swells in the middle and may be drawn out
sideways. Where they run follows textbook anatomy; their ends are tied to the bones.
"""

import numpy as np

from .knee import Knee
from .knee_fields import Field, Nodes, round_about, through, waves
from .knee_tissues import ARTERY, FLUID, LIGAMENT, MUSCLE, NERVE, TENDON, VEIN

STRAP_WIDTH = 12  # tissue, start, end, radii, swelling, half width sideways, opacity
SKIN_NODES = Nodes((-120.0, -105.0, -105.0), (120.0, 105.0, 105.0), 3.0)


def strap(tissue: int, start, end, radii, swell=0.0, sideways=0.0, opacity=1.0) -> np.ndarray:
    """One strap from `start` to `end`, mm."""
    return np.concatenate([[tissue], start, end, radii, [swell, sideways, opacity]]).astype(float)


def straps(knee: Knee, rng: np.random.Generator) -> np.ndarray:
    """(N, 12) straps in the knee's world: muscles first, then from the deep to the superficial."""
    q = knee.parameters
    wide = q.leg_radius_mm / 53
    vary = lambda point: np.asarray(point, float) * (1, wide, wide) + 1.5 * rng.standard_normal(3)  # noqa: E731
    thigh, shin = knee.bones["femur"].in_world, knee.bones["tibia"].in_world
    size = lambda sd: float(np.clip(1 + sd * rng.standard_normal(), 1 - 2 * sd, 1 + 2 * sd)) * wide  # noqa: E731
    rows = []
    for place, start, end, radii, swell, sideways in (*THIGH_MUSCLES, *SHANK_MUSCLES):
        frame = thigh if place == "thigh" else shin
        scale = 1.13 * size(0.1)
        rows.append(strap(MUSCLE, frame(vary(start) * q.size), frame(vary(end) * q.size), np.array(radii) * scale,
                          swell * scale, sideways * scale))
    return np.vstack([*rows, *_vessels(knee, rng), *_fluid(knee, rng), *_ligaments(knee), *_tendons(knee)])


# frame, start, end, radii, swelling, half width sideways; coordinates of that bone's frame
THIGH_MUSCLES = (
    ("thigh", (115, -26, -26), (2, -22, -41), (24, 5), 7, 4), ("thigh", (115, -22, 34), (22, -26, 38), (24, 5), 4, 3),
    ("thigh", (115, -56, 6), (70, -50, 5), (13, 4), 2, 12), ("thigh", (115, -36, 2), (46, -33, 2), (14, 2), 3, 14),
    ("thigh", (115, 36, 28), (-16, 21, 44), (20, 4), 6, 3), ("thigh", (115, 34, -14), (-20, 31, -27), (22, 4), 8, 5),
    ("thigh", (115, 54, -8), (34, 50, -16), (15, 2), 4, 3), ("thigh", (115, 16, -48), (-24, 24, -44), (10, 6), 2, 0),
    ("thigh", (115, 40, -42), (-10, 37, -40), (11, 3), 0, 0), ("thigh", (115, 14, 40), (40, 20, 32), (14, 3), 4, 0),
    ("thigh", (115, 6, -30), (24, 2, -43), (14, 2), 0, 0),
)
SHANK_MUSCLES = (
    ("shin", (50, 30, -23), (-115, 44, -24), (5, 18), 9, 6), ("shin", (48, 29, 22), (-115, 43, 20), (5, 16), 8, 6),
    ("shin", (-8, 20, 27), (-54, 15, -14), (5, 8), 4, 0), ("shin", (-22, 26, 24), (-115, 32, 4), (4, 19), 4, 10),
    ("shin", (-22, -15, 29), (-115, -8, 26), (6, 16), 3, 0), ("shin", (-26, 2, 44), (-115, 6, 36), (5, 14), 2, 0),
    ("shin", (-44, 19, 10), (-115, 17, 6), (6, 14), 2, 5),
)


def _vessels(knee: Knee, rng) -> list:
    """Popliteal artery, vein and tibial nerve, and a few veins under the skin."""
    thigh, shin, g = knee.bones["femur"].in_world, knee.bones["tibia"].in_world, knee.parameters.size
    rows = []
    for tissue, back, left, radius in ((ARTERY, 0, 0, 2.9), (VEIN, 7, 2.5, 3.9), (NERVE, 14, 4.5, 2.2)):
        way = [thigh(np.array(p) * g) for p in ((110, 20 + back, -16), (60, 24 + back, -6), (18, 32 + back, left))]
        way += [shin(np.array(p) * g) for p in ((-12, 31 + back, left), (-45, 30 + back, 3), (-115, 26 + back, 0))]
        way = [w + 1.2 * rng.standard_normal(3) for w in way]
        rows += [strap(tissue, a, b, (radius, radius)) for a, b in zip(way, way[1:], strict=False)]
    for _ in range(5):
        turn, level = rng.uniform(0, 2 * np.pi), rng.uniform(-60, 60)
        out = knee.parameters.leg_radius_mm + 0.5 * knee.parameters.fat_mm
        at = np.array([level, 5 + out * np.cos(turn), out * np.sin(turn)])
        rows.append(strap(VEIN, at, at + (rng.uniform(30, 90), *rng.uniform(-6, 6, 2)), (1.2, 1.5)))
    return rows


def _fluid(knee: Knee, rng) -> list:
    """The pouch above the patella, recesses beside the trochlea and behind the condyles, sometimes a cyst."""
    q, g, thigh = knee.parameters, knee.parameters.size, knee.bones["femur"].in_world
    at = lambda *p: thigh(np.array(p) * g)  # noqa: E731
    front = q.trochlea_mm + 1.0
    wet = 0.3 + 2.4 * q.effusion
    top = at(32 + 22 * q.effusion, -front + 2, 3)
    rows = [strap(FLUID, at(20, -front + 2, 3), top, (0.6 * wet, 0.8 * wet), 0.4 * wet, 12)]
    for l in (-28, 31):  # noqa: E741
        rows.append(strap(FLUID, at(-6, -24, l), at(12, -28, l), (0.7 * wet, 0.9 * wet), 0.3 * wet, 0.5))
    rows.append(strap(FLUID, at(4, 29, -20), at(16, 24, -20), (0.6 * wet, 0.6 * wet), 0, 6))
    rows.append(strap(FLUID, at(4, 28, 20), at(14, 23, 20), (0.5 * wet, 0.5 * wet), 0, 6))
    rows.append(strap(FLUID, at(-16, 4, 1), at(0, 14, -1), (0.5 * wet, 0.6 * wet), 0, 3, 0.6))
    if rng.random() < 0.12 + 0.1 * q.grade:
        top = at(2, 40, -20)
        rows.append(strap(FLUID, top, top - (rng.uniform(8, 30), 0, 2), rng.uniform(2, 5, 2), 1, 2))
    return rows


def _ligaments(knee: Knee) -> list:
    """Cruciates and collaterals; each cruciate in two parts so that it curves."""
    g, q = knee.parameters.size, knee.parameters
    thigh = lambda *p: knee.bones["femur"].in_world(np.array(p) * g)  # noqa: E731
    shin = lambda *p: knee.bones["tibia"].in_world(np.array(p) * g)  # noqa: E731
    wall = 0.5 * q.notch_width_mm
    pcl = (thigh(-9, -3, -wall + 2), thigh(-3, 19, -3), shin(-8, 20, 1))
    at = knee.landmarks
    out = np.array([0, 0, 1.0])
    rows = [strap(LIGAMENT, thigh(3, 14, wall - 2), shin(6, -10, -1), (3.6, 3.2), 0, 0.8, 0.85),
            strap(LIGAMENT, thigh(0, 16, wall - 2), shin(5, -5, 1), (3.0, 2.8), 0, 0.8, 0.85),
            strap(LIGAMENT, pcl[0], pcl[1], (4.2, 3.8), 0, 1), strap(LIGAMENT, pcl[1], pcl[2], (3.8, 4.0), 0, 1),
            strap(LIGAMENT, at["lateral-epicondyle"] + out, at["fibula-apex"], (1.8, 1.8))]
    for shift in (-4, 0, 4):
        middle = at["plateau-medial"] + (2, shift, -2.2)
        rows += [strap(LIGAMENT, at["medial-epicondyle"] + (0, 0.6 * shift, -0.8), middle, (1.3, 1.3)),
                 strap(LIGAMENT, middle, shin(-48, -4 + shift, -25), (1.3, 1.2))]
    return rows


def _tendons(knee: Knee) -> list:
    """Quadriceps and patellar tendons, iliotibial band, the hamstrings' ends."""
    g = knee.parameters.size
    thigh = lambda *p: knee.bones["femur"].in_world(np.array(p) * g)  # noqa: E731
    shin = lambda *p: knee.bones["tibia"].in_world(np.array(p) * g)  # noqa: E731
    cap = lambda *p: knee.bones["patella"].in_world(np.array(p) * g)  # noqa: E731
    foot = knee.landmarks["tuberosity"]
    return [
        strap(TENDON, knee.landmarks["patella-base"] - (2, 1, 0), thigh(72, -47, 3), (3.2, 2.4), 0, 11 * g, 0.85),
        strap(TENDON, knee.landmarks["patella-apex"] + (3, -0.5, 0), foot + (4, -0.8, 0), (2.3, 2.3), 0, 10 * g),
        strap(TENDON, foot + (4, -0.8, 0), foot + (-10, 0.5, 0), (2.2, 1.2), 0, 7 * g),
        strap(TENDON, cap(14, -9, 0), cap(-14, -9, 0), (0.9, 0.9), 0, 15 * g),
        strap(TENDON, thigh(110, -2, 52), thigh(20, -4, 45), (1.2, 1.4)),
        strap(TENDON, thigh(20, -4, 45), shin(-14, -18, 31), (1.4, 1.6)),
        strap(TENDON, thigh(30, 48, -18), shin(-40, 12, -32), (2.1, 1.8)),
        strap(TENDON, thigh(-10, 36, -40), shin(-44, 6, -32), (1.7, 1.5)),
        strap(TENDON, thigh(-14, 20, 44), knee.landmarks["fibula-apex"], (3.0, 2.2)),
        strap(TENDON, thigh(-16, 30, -28), shin(-12, 20, -30), (3.2, 2.4)),
        *[strap(TENDON, cap(2, 0, side * 20), thigh(8, 4, side * 43), (1.0, 0.9)) for side in (-1, 1)],
    ]


def skin(knee: Knee, rng: np.random.Generator) -> Field:
    """Signed distance to the skin, and the thickness of the fat below it, in the knee's world."""
    q = knee.parameters
    s, p, l = axes = SKIN_NODES.axes  # noqa: E741
    levels = (-120, -70, -35, 0, 30, 60, 120)
    r, fat = q.leg_radius_mm, q.fat_mm
    bone = np.vstack([b.outer_mm(0.0, 11) for b in knee.bones.values()])
    front = -through(levels, r * np.array([0.62, 0.64, 0.66, 0.95, 1.12, 1.05, 1.2]), s) - 0.45 * fat
    for i, level in enumerate(s.ravel()):
        near = bone[np.abs(bone[:, 0] - level) < 6]
        if len(near):
            front[i] = min(front[i], near[:, 1].min() - 4.5 - 0.3 * fat)
    front = np.convolve(np.pad(front, 3, "edge"), np.ones(7) / 7, "valid")
    back = through(levels, r * np.array([1.18, 1.22, 1.05, 1.0, 1.06, 1.15, 1.25]), s) + fat
    side = through(levels, r * np.array([1.0, 1.02, 0.96, 1.02, 1.05, 1.12, 1.3]), s) + 0.8 * fat
    middle = 0.5 * (front + back)
    x, y = p - middle[:, None, None], l - 1.0
    half = 0.5 * (back - front)[:, None, None]
    power = 2.25
    round_ = (np.abs(x / half) ** power + np.abs(y / side[:, None, None]) ** power) ** (1 / power)
    value = (round_ - 1) * np.sqrt(x * x + y * y) / np.maximum(round_, 1e-3) + 1.2 * waves(rng, axes, 70.0)
    turn = np.degrees(np.arctan2(y, x))
    shares = round_about(np.arange(0, 360, 45), (1.1, 0.9, 0.75, 0.5, 0.35, 0.6, 1.0, 1.2))
    thickness = fat * np.interp(np.mod(turn, 360), np.arange(361), shares)
    values = np.stack([value, thickness + 0 * value]).astype(np.float32)
    return Field(values, np.asarray(SKIN_NODES.low), np.full(3, SKIN_NODES.step))
