"""The distal femur: condyles, trochlea, notch, epicondyles and shaft, and the cartilage on them.

Coordinates are (superior, posterior, lateral) mm of the mean size from the middle of the epicondylar axis. The condyles
and the trochlea are one drum round that axis: its radius over the angle (0 posterior, 90 distal, 180 anterior) and the
lateral coordinate.
"""

import numpy as np

from .knee_fields import Field, Nodes, at_angle, round_about, smooth_max, smooth_min, through, waves
from .knee_parameters import KneeParameters

NODES = Nodes((-40.0, -48.0, -52.0), (112.0, 38.0, 52.0))
ANGLES = (-100, -60, -30, 0, 30, 60, 90, 115, 135, 155, 175, 190, 205, 225)
ACROSS = (-42, -33, -23, -11, 0, 11, 23, 32, 40)
MEDIAL = (17, 20.5, 23.3, 24.5, 25.2, 26, 27, 28.8, 30, 30.2, 28.5, 26, 22.5, 19)
MIDDLE = (14, 16, 17, 18, 19, 20.5, 22.5, 25.5, 28.3, 30, 30, 29, 27.5, 22)
LATERAL = (17, 19.5, 22, 23, 23.6, 24.4, 25.5, 28.6, 32.8, 35.6, 36, 35, 32, 24)

LEVELS = (-10, 4, 14, 24, 36, 50, 68, 90, 115)  # of the shaft; radii every 45 degrees, posterior first, then lateral
SHAFT_RADII = np.array([
    (6, 12, 18, 12, 4, 12, 18, 12), (14, 23, 31, 22, 10, 22, 31, 23), (17, 27, 37, 26, 14.5, 25, 37.5, 27),
    (18.5, 27.5, 36, 27, 18.5, 26, 37, 28),
    (17, 24.5, 30.5, 24, 18, 24, 32, 25), (15.2, 20.5, 23.8, 20, 16.8, 20, 24.5, 20.8),
    (14.4, 16.5, 17.8, 17, 15.6, 16.6, 17.8, 16.4), (14.8, 14.9, 14.8, 15, 15, 14.8, 14.5, 14.6),
    (15.4, 14.4, 14.1, 14.5, 14.8, 14.4, 14, 14.2)])


def femur(q: KneeParameters, rng: np.random.Generator) -> Field:
    """The distal femur of a left knee in its own frame, all channels."""
    s, p, l = axes = NODES.axes  # noqa: E741
    angle = np.degrees(np.arctan2(-s, p))  # distal is below
    value = _condyles(q, s, p, l, angle)
    value = smooth_min(value, _shaft(q, s, p, l), 9.0)
    value = smooth_max(value, -_notch(q, s, p, l), 5.0)
    fade = np.clip(1.25 - np.abs(s) / 90, 0.2, 1)  # the shaft is more alike
    value = value - _osteophytes(q, rng, s, p, l) + np.float32(q.irregularity_mm) * fade * waves(rng, axes)
    worn = lesions(q, rng, axes, ((90, -23), (75, 22), (150, 4)), angle, 27.0)
    cover = _cartilage(angle, l, q)
    cartilage = q.femoral_cartilage_mm * cover * worn
    film = np.where(cover > 0.05, 0.12 + 0.8 * q.effusion * (0.35 + 0.65 * waves(rng, axes, 14.0)), 0.0)
    cortex = through((0, 25, 45, 80, 112), (0.7, 0.9, 1.6, 4.2, 5.4), s)[:, None, None] * np.ones_like(value)
    density = through((-30, 10, 30, 60), (1, 0.9, 0.35, 0), s)[:, None, None]
    density = density + edema(q, rng, axes, ((-20, 0, -22), (-20, 3, 22)))
    scar = s - 17 - 5 * np.cos(l / 12) - 0.05 * np.square(p + 6) / 4
    scale = q.size * np.array([1, q.femur_depth, q.femur_width])
    return NODES.field(value, (np.maximum(cartilage, 0), film, cortex, density, scar), scale)


def drum_radii(q: KneeParameters) -> np.ndarray:
    """(lateral positions, 361) radii of the drum at `ACROSS`."""
    angles = np.array(ANGLES, float)
    back, low, front = (np.exp(-(((angles - a) / w) ** 2)) for a, w in ((-10, 45), (90, 32), (178, 38)))
    medial = MEDIAL + back * (q.medial_radius_mm - 24.5) + low * (q.medial_distal_mm - 27)
    lateral = LATERAL + back * (q.lateral_radius_mm - 23) + low * (q.lateral_distal_mm - 25.5)
    lateral = lateral + front * (q.trochlea_mm - 36)
    middle = MIDDLE + front * (q.trochlea_mm - 36 - (q.groove_mm - 6))
    medial = medial + 0.6 * front * (q.trochlea_mm - 36)
    inner_m, inner_l = 0.42 * middle + 0.58 * medial + 0.4, 0.38 * middle + 0.62 * lateral + 0.3
    rows = [medial - 9.5, medial - 3.4, medial, inner_m, middle, inner_l, lateral, lateral - 3.2, lateral - 9]
    return round_about(np.mod(angles, 360)[np.argsort(np.mod(angles, 360))],
                       np.array(rows)[:, np.argsort(np.mod(angles, 360))])


def _condyles(q: KneeParameters, s, p, l, angle):  # noqa: E741
    radii = through(ACROSS, drum_radii(q), l, axis=0).astype(np.float32)  # (lateral, angle)
    index = np.mod(angle[:, :, 0], 360)
    low = np.minimum(index.astype(int), 359)
    part = (index - low)[..., None].astype(np.float32)
    around = radii.T[low] * (1 - part) + radii.T[low + 1] * part
    value = np.sqrt(s * s + p * p) - around
    for side, bumps in ((1, ((3, 1, 9, 1.0), (-2, 12, 10, 0.35))), (-1, ((4, 2, 9, 1.0), (15, 8, 6, 0.75)))):
        wall = _wall(q, side, s, p, bumps)
        value = smooth_max(value, side * l - wall, 9.0)
    return value


def _wall(q: KneeParameters, side: int, s, p, bumps):
    """How far the condyle's side stands out, with the epicondyle and, medially, the adductor tubercle."""
    top = 35.5 + (0.5 if side < 0 else 0)
    wall = top - 0.004 * np.square(np.minimum(s + 4, 0)) - 0.0035 * np.square(np.maximum(s - 8, 0))
    wall = wall - (0.010 if side < 0 else 0.0055) * np.square(np.minimum(p + 5, 0)) * (1 if side > 0 else 0.9)
    wall = wall - 0.004 * np.square(np.maximum(p - 8, 0))
    for at_s, at_p, width, share in bumps:
        wall = wall + share * q.epicondyles_mm * np.exp(-(np.square(s - at_s) + np.square(p - at_p)) / width**2)
    return np.maximum(wall, 12)


def _shaft(q: KneeParameters, s, p, l):  # noqa: E741
    thin = np.clip((np.array(LEVELS) - 30) / 40, 0, 1)[:, None]
    radii = SHAFT_RADII * (1 + thin * (q.femoral_shaft_mm / 14.5 - 1))
    at_levels = through(LEVELS, round_about(np.arange(0, 360, 45), radii), s).astype(np.float32)
    middle_l = np.tan(np.deg2rad(q.femoral_valgus_deg)) * np.maximum(s - 15, 0)
    x, y = p + 12.5 + 0.00035 * np.square(s), l - middle_l
    value = np.sqrt(x * x + y * y) - at_angle(at_levels[:, None, None, :], np.degrees(np.arctan2(y, x)))
    return smooth_max(value, -9 - s, 6.0)


def _notch(q: KneeParameters, s, p, l):  # noqa: E741
    """The space between the condyles: below a roof, between two walls that part towards the back."""
    roof = np.deg2rad(q.notch_roof_deg)
    below = (p - 1) * np.cos(roof) - (s + 6) * np.sin(roof)
    width = 0.5 * q.notch_width_mm + 0.05 * (p - 5) - 0.06 * (s + 10)
    return smooth_max(-below, np.abs(l + 0.5) - width, 14.0)


def _cartilage(angle, l, q: KneeParameters):  # noqa: E741
    """Share of the full thickness over angle and lateral coordinate, 0 beyond the margins."""
    turned = np.mod(angle + 100, 360) - 100
    anterior = np.clip((turned - 108) / 12, 0, 1)
    fade = lambda x, width: np.clip(x / width, 0, 1) ** 0.5  # noqa: E731
    ends = fade(turned + 48 - 0.2 * np.abs(l), 12) * fade(203 - 0.35 * np.abs(l - 8) - turned, 9)
    half = 0.5 * q.notch_width_mm + 1.0
    apart = np.maximum(fade(np.abs(l + 0.5) - half, 3), anterior)
    medial_edge = 34.5 - 11 * np.clip((turned - 120) / 60, 0, 1)
    sides = fade(33.5 - l, 3.5) * fade(l + medial_edge, 3.5)
    bulk = 0.86 + 0.14 * np.cos(np.deg2rad(turned - 80) * 2) + 0.35 * anterior * np.exp(-np.square((l - 3) / 14))
    return ends * apart * sides * bulk


def _osteophytes(q: KneeParameters, rng, s, p, l):  # noqa: E741
    """Spurs at the margins of the joint surfaces, from grade 2 on."""
    spots = ((-12, 22, -34), (-14, -18, -31), (-20, 2, -37), (-16, 4, 36), (-10, 20, 33), (14, -34, 24), (12, -28, -22),
             (-14, -18, 33), (-2, 24, -9), (2, 24, 10))
    return spurs(q.grade, rng, (s, p, l), spots)


def spurs(grade: int, rng, axes, spots) -> np.ndarray:
    """Heights of bumps near `spots`, more and larger ones the higher the grade."""
    s, p, l = axes  # noqa: E741
    total = np.float32(0)
    for spot in spots:
        height, shift, width = rng.uniform(0.6, 1.25), 2.5 * rng.standard_normal(3), rng.uniform(3.0, 5.0)
        if rng.random() < (0, 0.15, 0.6, 0.8, 0.95)[grade]:
            at = np.array(spot) + shift
            bump = [np.exp(-np.square((x - a) / width)) for x, a in zip((s, p, l), at, strict=True)]
            total = total + (0, 1.2, 2.2, 3.3, 4.4)[grade] * height * bump[0] * bump[1] * bump[2]
    return total.astype(np.float32) if grade else np.float32(0)


def lesions(q: KneeParameters, rng, axes, spots, first, radius_mm: float) -> np.ndarray:
    """Share of cartilage that is left: worn about spots given by a first coordinate and the lateral one.

    `first` is an angle in degrees on a drum of `radius_mm`, or mm with a radius of None.
    """
    left = np.float32(1)
    for i, (at, lateral) in enumerate(spots):
        depth = rng.uniform(0.6, 1.0) * (0, 0.25, 0.5, 0.85, 1.1)[q.grade] * (1.0 if i == 0 else rng.uniform(0, 0.8))
        wide, long = rng.uniform(4, 7) + 1.5 * q.grade, rng.uniform(5, 9) + 2.5 * q.grade
        shift = rng.uniform(-4, 4, 2)
        if not depth:
            continue
        along = (first - at) * (np.deg2rad(radius_mm) if radius_mm else 1.0) - shift[0]
        inside = np.square(along / long) + np.square((axes[2] - lateral - shift[1]) / wide)
        left = left * (1 - min(depth, 1.0) * np.exp(-inside**2))
    return left


def edema(q: KneeParameters, rng, axes, spots) -> np.ndarray:
    """Marrow lesions below worn cartilage, from grade 2 on."""
    total = np.zeros((1, 1, 1), np.float32)
    for spot in spots:
        at, radius, strength = np.array(spot) + 3 * rng.standard_normal(3), rng.uniform(5, 10), rng.uniform(0.3, 1)
        if rng.random() < (0, 0.05, 0.3, 0.6, 0.8)[q.grade]:
            bump = [np.exp(-np.square((x - a) / radius)) for x, a in zip(axes, at, strict=True)]
            total = total + strength * bump[0] * bump[1] * bump[2]
    return total
