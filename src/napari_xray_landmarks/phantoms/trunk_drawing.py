"""The soft parts of a trunk, drawn into a volume of HU."""

import math

import numpy as np
from numba import njit, prange

from .bone import noise_tile
from .soft_tissue import AIR_HU, MUSCLE_HU

LUNG_HU = -860.0
PLANE = ("skin width", "skin depth", "skin behind", "skin left", "fat", "chest width", "chest depth", "chest behind",
         "chest left", "chest turn", "spine behind", "spine left", "spine radius", "middle width", "trachea",
         "trachea behind", "trachea left", "aorta", "aorta behind", "aorta left", "psoas", "belly")
"""Numbers that describe one horizontal plane: half widths and depths, radii, and where each centre lies."""
(SKIN_WIDTH, SKIN_DEPTH, SKIN_BEHIND, SKIN_LEFT, FAT, CHEST_WIDTH, CHEST_DEPTH, CHEST_BEHIND, CHEST_LEFT, CHEST_TURN,
 SPINE_BEHIND, SPINE_LEFT, SPINE_RADIUS, MIDDLE_WIDTH, TRACHEA, TRACHEA_BEHIND, TRACHEA_LEFT, AORTA, AORTA_BEHIND,
 AORTA_LEFT, PSOAS, BELLY) = range(len(PLANE))


def draw_body(hu, origin_mm, spacing_mm, planes, organs, bubble) -> None:
    """Everything inside the skin but vessels and bowel gas, in place; a row for each plane of `hu`, see `Trunk`."""
    _draw_body(hu, origin_mm, spacing_mm, planes, organs, bubble, noise_tile())


def draw_vessels(hu, origin_mm, spacing_mm, rods) -> None:
    """Rods of blood, in place, where there is lung."""
    _draw_vessels(hu, origin_mm, spacing_mm, rods)


def draw_gas(hu, origin_mm, spacing_mm, blobs) -> None:
    """Ellipsoids of gas and stool, in place, where there is no air yet."""
    _draw_gas(hu, origin_mm, spacing_mm, blobs, noise_tile())


@njit(fastmath=True, cache=True, inline="always")
def _share(distance, edge):
    """How much of a voxel lies inside a surface at this signed distance from its middle."""
    return min(max(0.5 - distance / edge, 0.0), 1.0)


@njit(fastmath=True, cache=True, inline="always")
def _oval(x, y, a, b):
    """Signed distance to an ellipse, roughly."""
    k0, k1 = math.hypot(x / a, y / b), math.hypot(x / a / a, y / b / b)
    return -min(a, b) if k1 < 1e-9 else k0 * (k0 - 1.0) / k1


@njit(fastmath=True, cache=True, inline="always")
def _dome(p, l, left, height, behind):  # noqa: E741
    """Height of one half of the diaphragm."""
    x, y = (l - left) / 62.0, (p - behind) / 70.0
    return height - (22.0 if l * left > left * left else 8.0) * x * x - (62.0 if y > 0 else 20.0) * y * y


@njit(fastmath=True, cache=True)
def _lung_distance(v, o, s, p, l):  # noqa: E741
    """Signed distance to the lungs, roughly."""
    cos, sin = math.cos(v[CHEST_TURN]), math.sin(v[CHEST_TURN])
    x, y = l - v[CHEST_LEFT], p - v[CHEST_BEHIND]
    d = _oval(x * cos - y * sin, y * cos + x * sin, v[CHEST_WIDTH], v[CHEST_DEPTH])
    if d > 4:
        return d
    d = max(d, v[SPINE_RADIUS] - math.hypot(l - v[SPINE_LEFT], p - v[SPINE_BEHIND]))
    if p > v[SPINE_BEHIND]:
        d = max(d, v[SPINE_RADIUS] + 0.15 * (p - v[SPINE_BEHIND]) - abs(l - v[SPINE_LEFT]))
    else:
        front = min((v[SPINE_BEHIND] - p) / 60.0, 1.0)
        middle = v[SPINE_LEFT] + (0.4 + 0.4 * front) * (v[CHEST_LEFT] - v[SPINE_LEFT])
        d = max(d, v[MIDDLE_WIDTH] * (1.0 - 0.85 * front) - abs(l - middle))
    d = max(d, v[AORTA] - math.hypot(l - v[AORTA_LEFT], p - v[AORTA_BEHIND]))
    lean = o[6] * (s - o[0])
    a, b, c = (s - o[0]) / o[3], (p - o[1]) / o[4], (l - o[2] + lean) / o[5]
    d = max(d, (1.0 - math.sqrt(a * a + b * b + c * c)) * min(o[4], o[5]))
    floor = _dome(p, l, o[8], o[7], o[11]) if l > 0.5 * (o[8] + o[10]) else _dome(p, l, o[10], o[9], o[11])
    return max(d, 0.75 * (floor - s))


@njit(parallel=True, fastmath=True, cache=True)
def _draw_body(hu, origin, spacing, rows, organs, bubble, noise):
    planes, depth, columns = hu.shape
    n, edge = noise.shape[0] - 1, spacing.min() * 1.1
    for k in prange(planes):
        s, v = origin[0] + k * spacing[0], rows[k]
        for j in range(depth):
            p = origin[1] + j * spacing[1]
            for i in range(columns):
                l = origin[2] + i * spacing[2]  # noqa: E741
                skin = _oval(l - v[SKIN_LEFT], p - v[SKIN_BEHIND], v[SKIN_WIDTH], v[SKIN_DEPTH])
                inside = _share(skin, edge)
                if inside <= 0:
                    hu[k, j, i] = AIR_HU
                    continue
                a, b, c = int((s + 1000) / 2.5), int((p + 1000) / 2.5), int((l + 1000) / 2.5)
                fine, middle = noise[a & n, b & n, c & n], noise[(a >> 1) & n, (b >> 1) & n, (c >> 1) & n]
                coarse = noise[(a >> 3) & n, (c >> 3) & n, (b >> 3) & n]
                value = _tissue(v, organs, bubble, s, p, l, skin, edge, fine, middle, coarse)
                hu[k, j, i] = inside * value + (1 - inside) * AIR_HU


@njit(fastmath=True, cache=True)
def _tissue(v, organs, bubble, s, p, l, skin, edge, fine, middle, coarse):  # noqa: E741
    """HU of one point inside the skin."""
    muscle = _share(skin + v[FAT] * (1 + 0.2 * coarse), 5.0)
    value = (1 - muscle) * (-100 + 8 * middle) + muscle * (MUSCLE_HU + 8 * middle) + 6 * fine
    if v[BELLY] > 0:  # fat behind the peritoneum round the psoas, and clumps of it between the bowel loops
        x = abs(l - v[SPINE_LEFT]) - v[SPINE_RADIUS] - 0.55 * v[PSOAS]
        psoas = _oval(x, p - v[SPINE_BEHIND] - 2, 0.8 * v[PSOAS] + 2, v[PSOAS] + 3)
        around = _share(psoas - 5, 4.0) * (1 - _share(psoas, edge)) * v[BELLY]
        if skin < -v[FAT] - 24:
            clump = min(max(middle + 0.7 * coarse - 0.9, 0.0), 1.0) * (1 - _share(psoas, edge)) * v[BELLY]
            around = max(around, clump)
        value -= 130 * around * muscle
    lung = _share(_lung_distance(v, organs, s, p, l), edge)
    value = (1 - lung) * value + lung * (LUNG_HU + 22 * middle + 30 * coarse + 0.25 * (p - v[CHEST_BEHIND]))
    windpipe = _share(math.hypot(l - v[TRACHEA_LEFT], p - v[TRACHEA_BEHIND]) - v[TRACHEA], edge)
    value = (1 - windpipe) * value + windpipe * AIR_HU
    a, b, c = (s - bubble[0]) / bubble[3], (p - bubble[1]) / bubble[4], (l - bubble[2]) / bubble[5]
    gas = _share((math.sqrt(a * a + b * b + c * c) - 1) * min(bubble[3], bubble[4]), edge)
    gas *= _share(bubble[6] - s, edge) * (1 - lung)
    return (1 - gas) * value + gas * AIR_HU


@njit(fastmath=True, cache=True)
def _box(low, high, origin, spacing, shape):
    first, last = np.empty(3, np.int64), np.empty(3, np.int64)
    for a in range(3):
        first[a] = min(max(0, int(math.floor((low[a] - origin[a]) / spacing[a]))), shape[a])
        last[a] = max(min(shape[a], int(math.ceil((high[a] - origin[a]) / spacing[a])) + 1), 0)
    return first, last


@njit(fastmath=True, cache=True)
def _draw_vessels(hu, origin, spacing, rods):
    """Rods of blood where there is lung."""
    at, edge = np.empty(3), spacing.max()
    for m in range(rods.shape[0]):
        a, b, radius = rods[m, :3], rods[m, 3:6], rods[m, 6]
        along = b - a
        reach = radius + edge
        first, last = _box(np.minimum(a, b) - reach, np.maximum(a, b) + reach, origin, spacing, hu.shape)
        for k in range(first[0], last[0]):
            for j in range(first[1], last[1]):
                for i in range(first[2], last[2]):
                    at[0], at[1], at[2] = k, j, i
                    here = origin + at * spacing - a
                    t = min(max((here * along).sum() / (along * along).sum(), 0.0), 1.0)
                    d = math.sqrt(((here - t * along) ** 2).sum()) - radius
                    share = min(max(0.5 - d / edge, 0.0), 1.0) * min(2 * radius / edge, 1.0) ** 2
                    if hu[k, j, i] < -500:
                        hu[k, j, i] = max(hu[k, j, i], (1 - share) * hu[k, j, i] + share * 20.0)


@njit(fastmath=True, cache=True)
def _draw_gas(hu, origin, spacing, blobs, noise):
    """Ellipsoids where there is no air yet."""
    n = noise.shape[0] - 1
    for m in range(blobs.shape[0]):
        centre, radii, value = blobs[m, :3], blobs[m, 3:6], blobs[m, 6]
        first, last = _box(centre - 1.3 * radii, centre + 1.3 * radii, origin, spacing, hu.shape)
        for k in range(first[0], last[0]):
            for j in range(first[1], last[1]):
                for i in range(first[2], last[2]):
                    r = 0.0
                    for a, x in ((0, k), (1, j), (2, i)):
                        r += ((origin[a] + x * spacing[a] - centre[a]) / radii[a]) ** 2
                    rough = 0.06 * noise[k & n, j & n, i & n] * (3.0 if value > -600 else 1.0)
                    share = _share((math.sqrt(r) - 1.0 - rough) * radii.min(), spacing[0])
                    if hu[k, j, i] > -160:
                        hu[k, j, i] = hu[k, j, i] * (1 - share) + value * share
