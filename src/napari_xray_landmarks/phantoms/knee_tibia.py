"""The proximal tibia, its plateaus with their cartilage and the seats of the menisci, and the head of the fibula.

Coordinates are (superior, posterior, lateral) mm of the mean size, the joint line at superior 0.
"""

import numpy as np

from .knee_femur import edema, lesions, spurs
from .knee_fields import Field, Nodes, at_angle, round_about, smooth_max, through, waves
from .knee_parameters import KneeParameters

NODES = Nodes((-112.0, -42.0, -50.0), (20.0, 38.0, 50.0))
FIBULA_NODES = Nodes((-112.0, -4.0, 18.0), (2.0, 34.0, 54.0))
RING_NODES = Nodes((0.0, -36.0, -48.0), (1.0, 36.0, 48.0))

ANGLES = (0, 22, 45, 66, 90, 118, 150, 180, 210, 242, 270, 295, 320, 340)  # posterior, lateral, anterior, medial
LEVELS = (-110, -70, -50, -38, -28, -18, -9, 0)
OUTLINES = np.array([
    (14.5, 14, 13.6, 13.2, 13, 13.5, 16.5, 18.5, 15.5, 13.2, 12.8, 13, 13.8, 14.5),
    (16, 15.6, 15.4, 15.2, 15.2, 15.6, 18.5, 21, 17.8, 15.4, 15.2, 15.4, 16, 16.2),
    (16.5, 17, 18, 19.5, 19.5, 19, 20.5, 23, 20.5, 20, 20, 19.5, 18.5, 17),
    (16.5, 18.5, 21, 23.5, 23.8, 22.5, 22.5, 24, 23.5, 24.5, 25, 23.5, 21, 18),
    (16, 20, 24, 27.5, 28.5, 27, 24.5, 23, 25.5, 28.5, 30, 28, 25, 19.5),
    (15.5, 21.5, 27, 31.5, 33.5, 31, 26, 22.5, 27, 32, 34.5, 32, 29, 22.5),
    (14.5, 22.5, 28.5, 34, 36.8, 33.5, 27, 22, 27.5, 33.6, 37.2, 34.5, 31.5, 24),
    (13.5, 22, 28.3, 34, 37, 33.6, 26.5, 21, 27, 33.6, 37.4, 34.8, 31.8, 24)])


def tibia(q: KneeParameters, rng: np.random.Generator) -> Field:
    """The proximal tibia of a left knee in its own frame, all channels."""
    s, p, l = axes = NODES.axes  # noqa: E741
    value = smooth_max(_outline(q, s, p, l), s - plateaus(q, p, l), 5.0)
    spots = ((-4, 4, -37), (-5, 18, -28), (-4, -14, -31), (-4, 2, 37), (-4, -14, 32), (-5, 16, 30), (6, 2, -6),
             (6, 4, 6))
    value = value - spurs(q.grade, rng, axes, spots)
    fade = np.clip(1.2 - np.abs(s) / 80, 0.2, 1)
    value = value + np.float32(q.irregularity_mm) * fade * waves(rng, axes)
    worn = lesions(q, rng, axes, ((1, -22), (3, 21)), p, None)
    cover = _cartilage(s, p, l)
    film = np.where(cover > 0.05, 0.1 + 0.4 * q.effusion * (0.35 + 0.65 * waves(rng, axes, 14.0)), 0.0)
    cortex = through((-110, -70, -40, -15, 5), (5.0, 3.6, 1.7, 0.9, 0.8), s)[:, None, None] * np.ones_like(value)
    density = through((-60, -35, -12, 0), (0, 0.35, 0.9, 1), s)[:, None, None]
    density = density + edema(q, rng, axes, ((-7, 0, -22), (-6, 4, 22)))
    scar = s + 17 - 2.5 * np.cos(l / 11) + 0.05 * np.square(p - 2) / 4
    scale = tibia_scale(q)
    cartilage = np.maximum(q.tibial_cartilage_mm * cover * worn, 0)
    return NODES.field(value, (cartilage, film, cortex, density, scar), scale)


def tibia_scale(q: KneeParameters) -> np.ndarray:
    """(3,) mm of this tibia for each mm of the outlines here."""
    return q.size * np.array([1, 1.06 * q.tibia_depth, q.tibia_width])


def _outline(q: KneeParameters, s, p, l):  # noqa: E741
    bump = np.exp(-np.square((np.array(LEVELS)[:, None] + 33) / 9)) * np.exp(-np.square((np.array(ANGLES) - 183) / 26))
    thin = np.clip((-np.array(LEVELS) - 35) / 40, 0, 1)[:, None]
    radii = OUTLINES * (1 + thin * (q.tibial_shaft_mm / 14 - 1)) + bump * q.tuberosity_mm
    at_levels = through(LEVELS, round_about(ANGLES, radii), s).astype(np.float32)
    y = l - np.tan(np.deg2rad(q.tibial_varus_deg)) * np.minimum(s + 15, 0)
    x = p + 0.06 * np.minimum(s + 20, 0)
    return np.sqrt(x * x + y * y) - at_angle(at_levels[:, None, None, :], np.degrees(np.arctan2(y, x)))


def plateaus(q: KneeParameters, p, l):  # noqa: E741
    """Height of the upper surface of the bone."""
    medial = -q.medial_hollow_mm * np.maximum(1 - np.square((l + 21) / 15) - np.square((p - 2) / 23), -0.35)
    medial = medial - np.tan(np.deg2rad(q.medial_slope_deg)) * p
    lateral = q.lateral_dome_mm * (1 - np.square((p - 2) / 15)) - 1.6 * (1 - np.square((l - 21) / 15))
    lateral = np.maximum(lateral, -4) - np.tan(np.deg2rad(q.lateral_slope_deg)) * p
    side = 1 / (1 + np.exp(-l / 3.0))
    base = medial * (1 - side) + lateral * side
    bump = lambda at_p, at_l, w_p, w_l: np.exp(-np.square((p - at_p) / w_p) - np.square((l - at_l) / w_l))  # noqa: E731
    spines = q.eminence_mm * (bump(1, -5.5, 8, 4.2) + 0.85 * bump(4, 6.5, 7, 4.0))
    between = -3.5 * bump(-17, 0, 9, 9) - 7.0 * bump(19, 1, 8, 8) + 1.5 * bump(2, 0, 8, 4)
    return base + spines + between


def _cartilage(s, p, l):  # noqa: E741
    fade = lambda x, width: np.clip(x / width, 0, 1) ** 0.5  # noqa: E731
    cover = np.float32(0)
    for l0, p0, half_p, half_l, more in ((-21.5, 1, 21, 13.5, 0.0), (21.0, 0.5, 17.5, 13.0, 0.35)):
        rho = np.sqrt(np.square((p - p0) / half_p) + np.square((l - l0) / half_l))
        inside = fade((1 - rho) * 14, 3.0)
        cover = cover + inside * (0.78 + (0.22 + more) * np.exp(-np.square(rho / 0.6)))
    return cover * (s > -12)


def meniscus_ring(q: KneeParameters) -> Field:
    """Signed distance in the plane of the plateaus to the two C-shaped menisci, in the tibia's frame."""
    _, p, l = RING_NODES.axes  # noqa: E741
    value = np.float32(1e3)
    for l0, p0, half_p, half_l, mouth_deg in ((-19.0, 1.5, 22.5, 17.0, 48.0), (18.5, 0.5, 18.5, 17.5, 24.0)):
        x, y = (p - p0) / half_p, (l - l0) / half_l
        rho, mean = np.sqrt(x * x + y * y), 0.5 * (half_p + half_l)
        turn = np.degrees(np.arctan2(x, -np.sign(l0) * y))  # 0 towards the eminence, positive at the back
        half = 0.5 * q.meniscus_width_mm * (1.0 + 0.22 * np.sin(np.deg2rad(turn)) * (1 if l0 < 0 else 0.3))
        ring = np.abs((rho - 1) * mean + half) - half
        mouth = mean * np.sin(np.deg2rad(np.clip(mouth_deg - np.abs(turn), -90, 90)))
        value = np.minimum(value, smooth_max(ring, mouth, 3.0))
    values = np.broadcast_to(value, (2, *value.shape[1:]))[None].astype(np.float32)
    scale = tibia_scale(q)
    return Field(np.ascontiguousarray(values), np.asarray(RING_NODES.low) * scale, scale)


def fibula(q: KneeParameters, rng: np.random.Generator) -> Field:
    """The head and shaft of the fibula, roughly where they belong in the tibia's frame."""
    s, p, l = axes = FIBULA_NODES.axes  # noqa: E741
    levels = (-112, -60, -42, -30, -22, -15, -10)
    middle_p, middle_l = (12, 15, 16, 17, 18, 19, 20), (34, 35, 36, 36, 36, 36, 36)
    radii = np.array([(6.5, 5.5, 6.5, 5.5), (6.2, 5.2, 6.2, 5.2), (6.6, 6, 6.6, 6), (8.5, 8.5, 8.8, 8.2),
                      (10.5, 10.5, 11, 10), (10, 10, 10.5, 9.5), (7, 7, 7.5, 6.5)])
    table = through(levels, round_about((0, 90, 180, 270), radii), s).astype(np.float32)
    x = p - through(levels, middle_p, s)[:, None, None].astype(np.float32)
    y = l - through(levels, middle_l, s)[:, None, None].astype(np.float32)
    value = np.sqrt(x * x + y * y) - at_angle(table[:, None, None, :], np.degrees(np.arctan2(y, x)))
    value = smooth_max(value, s + 10 - 0.35 * (p - 18) - 0.2 * (l - 36), 7.0)  # the apex is at the back
    value = value + 0.5 * np.float32(q.irregularity_mm) * waves(rng, axes, 18.0)
    cortex = through((-110, -40, -15), (2.6, 1.6, 0.7), s)[:, None, None]
    density = through((-60, -30, -15), (0, 0.4, 0.8), s)[:, None, None]
    scale = tibia_scale(q)
    return FIBULA_NODES.field(value, (0.0, 0.0, cortex, density, s + 24 + 0 * l), scale)
