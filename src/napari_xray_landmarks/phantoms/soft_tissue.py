"""The soft parts: a trunk and two thighs of muscle under fat, a bladder, bowel with gas and stool."""

import math
from dataclasses import dataclass

import numpy as np
from numba import njit, prange

from .bone import noise_tile
from .parameters import PelvisParameters

AIR_HU = -1000.0
MUSCLE_HU = 50.0


@dataclass(frozen=True, eq=False)
class SoftTissue:
    """The body's envelope and what is inside it.

    Parameters
    ----------
    envelope : (10,) array
        Half width at the waist and the hips, half depth at the waist and the hips, centre towards posterior, level of
        the perineum, thigh radius, distance of the thighs from the midline at the hips and per mm downwards, fat.
    blobs : (N, 7) array
        Centre, radii, HU of gas, stool and the bladder.
    """

    envelope: np.ndarray
    blobs: np.ndarray


def soft_tissue(parameters: PelvisParameters, rng: np.random.Generator, widest_mm: float) -> SoftTissue:
    """Soft parts that enclose bones which reach `widest_mm` from the midline."""
    q, g = parameters, parameters.size
    hips = max(q.hip_half_width_mm * g, 1.08 * widest_mm + 22 + 0.6 * q.fat_mm)
    waist = hips * (0.93 + 0.03 * np.clip(rng.standard_normal(), -2, 2))
    depth = q.abdomen_depth_mm * g
    thigh = hips * (0.505 + 0.012 * np.clip(rng.standard_normal(), -2, 2))
    slope = math.tan(math.radians(np.clip(q.leg_abduction_deg - 4, -3, 8)))
    fat = abs(q.fat_mm) + 4
    envelope = np.array([waist, hips, depth * 1.03, depth, 14.0, -72 * g, thigh, 0.5 * hips - 5, slope, fat])
    return SoftTissue(envelope, np.vstack([_bladder(rng, q), *_bowel(rng)]))


def _bladder(rng, q) -> np.ndarray:
    return np.array([[22, -18 * q.depth, rng.uniform(-6, 6), rng.uniform(16, 30), rng.uniform(18, 28),
                      rng.uniform(24, 42), 8.0]])


def _bowel(rng: np.random.Generator):
    """Chains of blobs along the colon and in loops of small bowel."""
    for _ in range(rng.integers(7, 15)):
        region = rng.choice(3)
        if region == 0:  # rectum and sigmoid
            at = np.array([rng.uniform(-5, 55), rng.uniform(20, 50), rng.uniform(-18, 18)])
            radius, steps = rng.uniform(6, 15), rng.integers(2, 6)
        elif region == 1:  # ascending and descending colon
            at = np.array([rng.uniform(60, 160), rng.uniform(-40, 10), rng.choice([-1, 1]) * rng.uniform(75, 105)])
            radius, steps = rng.uniform(10, 21), rng.integers(3, 8)
        else:  # small bowel
            at = np.array([rng.uniform(30, 150), rng.uniform(-70, -30), rng.uniform(-70, 70)])
            radius, steps = rng.uniform(6, 14), rng.integers(2, 6)
        heading = rng.standard_normal(3) * (1, 0.3, 1)
        hu = rng.choice([-950.0, -950.0, -700.0, -300.0, 60.0])
        chain = []
        for _ in range(steps):
            r = radius * rng.uniform(0.7, 1.25)
            chain.append([*at, r, r * rng.uniform(0.6, 0.9), r * rng.uniform(0.9, 1.3), hu])
            heading = heading + 0.7 * rng.standard_normal(3) * (1, 0.3, 1)
            at = at + heading / np.linalg.norm(heading) * r * rng.uniform(0.8, 1.3)
        yield np.array(chain)


def draw_soft_tissue(tissue: SoftTissue, shape, origin_mm, spacing_mm) -> np.ndarray:
    """(planes, rows, columns) float32 HU of the body without its bones."""
    hu = np.empty(shape, dtype=np.float32)
    origin, spacing = np.asarray(origin_mm, float), np.asarray(spacing_mm, float)
    _draw_body(hu, origin, spacing, tissue.envelope, noise_tile())
    _draw_blobs(hu, origin, spacing, tissue.blobs, noise_tile())
    return hu


@njit(fastmath=True, cache=True)
def envelope_distance(v, s, p, l):  # noqa: E741
    """Signed distance to the skin, roughly."""
    waist, hips, depth_waist, depth_hips, back, perineum, thigh, apart, slope, _ = v
    f = min(max((s + 20) / 140.0, 0.0), 1.0)
    f = f * f * (3 - 2 * f)
    a, b, y = hips + (waist - hips) * f, depth_hips + (depth_waist - depth_hips) * f, p - back
    q = (abs(l) / a) ** 2.4 + (abs(y) / b) ** 2.4
    trunk = (q ** (1 / 2.4) - 1) * min(a, b)
    # the trunk ends in a wedge at the perineum; the thighs go on
    floor = perineum - 16.0 + 0.6 * min(abs(l), 40.0) - s
    h = max(30.0 - abs(trunk - floor), 0.0) / 30.0
    trunk = max(trunk, floor) + h * h * 7.5
    shrink = min(max((-s - 60.0) * 0.0008, 0.0), 0.2)
    radius = thigh * (1 - shrink)
    x, depth = abs(l) - apart - slope * max(-s, 0.0) + 0.25 * (thigh - radius), min(b * 0.9, thigh * 1.08)
    above = max(s + 55.0, 0.0) / 95.0
    leg = (math.sqrt((x / radius) ** 2 + ((y - 4.0) / (depth * (1 - shrink))) ** 2 + above * above) - 1) * radius
    h = max(26.0 - abs(trunk - leg), 0.0) / 26.0
    return min(trunk, leg) - h * h * 6.5


@njit(parallel=True, fastmath=True, cache=True)
def _draw_body(hu, origin, spacing, v, noise):
    planes, rows, columns = hu.shape
    n, edge = noise.shape[0] - 1, spacing.min()
    for k in prange(planes):
        s = origin[0] + k * spacing[0]
        for j in range(rows):
            p = origin[1] + j * spacing[1]
            for i in range(columns):
                l = origin[2] + i * spacing[2]  # noqa: E741
                d = envelope_distance(v, s, p, l)
                inside = min(max(0.5 - d / edge, 0.0), 1.0)
                if inside <= 0:
                    hu[k, j, i] = AIR_HU
                    continue
                a, b, c = int((s + 1000) / 2.5), int((p + 1000) / 2.5), int((l + 1000) / 2.5)
                fine = noise[a & n, b & n, c & n]
                middle = noise[(a >> 1) & n, (b >> 1) & n, (c >> 1) & n]
                coarse = _between(noise, (s + 1000) / 20, (l + 1000) / 20, (p + 1000) / 20)
                fat = v[9] * (1 + 0.2 * coarse) * (1.0 + 0.9 * max((p - v[4]) / v[3], 0.0))
                muscle = min(max((-d - fat) / 5.0 + 0.5, 0.0), 1.0)
                lean = MUSCLE_HU + 8 * middle - 95.0 * min(max((middle + 0.8 * coarse - 1.3) / 0.8, 0.0), 1.0)
                value = (1 - muscle) * (-102 + 8 * middle) + muscle * lean + 6 * fine
                hu[k, j, i] = inside * value + (1 - inside) * AIR_HU


@njit(fastmath=True, cache=True, inline="always")
def _between(noise, x, y, z):
    """Trilinear interpolation of noise that repeats."""
    n = noise.shape[0] - 1
    i, j, k = int(x), int(y), int(z)
    u, v, w = x - i, y - j, z - k
    total = 0.0
    for a in range(2):
        for b in range(2):
            along = (1 - w) * noise[(i + a) & n, (j + b) & n, k & n] + w * noise[(i + a) & n, (j + b) & n, (k + 1) & n]
            total += (u if a else 1 - u) * (v if b else 1 - v) * along
    return total


@njit(fastmath=True, cache=True)
def _draw_blobs(hu, origin, spacing, blobs, noise):
    n = noise.shape[0] - 1
    for m in range(blobs.shape[0]):
        centre, radii, value = blobs[m, :3], blobs[m, 3:6], blobs[m, 6]
        low, high = np.empty(3, np.int64), np.empty(3, np.int64)
        for a in range(3):
            low[a] = max(0, int((centre[a] - 1.3 * radii[a] - origin[a]) / spacing[a]))
            high[a] = min(hu.shape[a], int((centre[a] + 1.3 * radii[a] - origin[a]) / spacing[a]) + 2)
        for k in range(low[0], high[0]):
            for j in range(low[1], high[1]):
                for i in range(low[2], high[2]):
                    r = 0.0
                    for a, x in ((0, k), (1, j), (2, i)):
                        r += ((origin[a] + x * spacing[a] - centre[a]) / radii[a]) ** 2
                    rough = 0.08 * noise[k & n, j & n, i & n]
                    share = min(max((1.05 + rough - math.sqrt(r)) * 4.0, 0.0), 1.0)
                    if hu[k, j, i] > -160:
                        hu[k, j, i] = hu[k, j, i] * (1 - share) + value * share
