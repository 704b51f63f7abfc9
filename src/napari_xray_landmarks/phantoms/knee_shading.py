"""How bright a point of a knee is: textures, straps of soft tissue, cartilage and bone, blended over one another.

`look` is that of `knee_tissues.look`; in MR air is 0, in CT below.
"""

import math

from numba import njit

from .knee_tissues import AIR, CARTILAGE, CORTEX, EDEMA, FAT, FLUID, MARROW, MUSCLE, TENDON, TRABECULAR


@njit(fastmath=True, cache=True, inline="always")
def texture(tile, s, p, l):  # noqa: E741
    """The noise tile at a point in units of its grid, repeated without a seam."""
    i, j, k = int(math.floor(s)), int(math.floor(p)), int(math.floor(l))
    x, y, z = s - i, p - j, l - k
    n = tile.shape[0] - 1
    i, j, k, ii, jj, kk = i & n, j & n, k & n, (i + 1) & n, (j + 1) & n, (k + 1) & n
    a = tile[i, j, k] * (1 - z) + tile[i, j, kk] * z
    b = tile[i, jj, k] * (1 - z) + tile[i, jj, kk] * z
    c = tile[ii, j, k] * (1 - z) + tile[ii, j, kk] * z
    d = tile[ii, jj, k] * (1 - z) + tile[ii, jj, kk] * z
    return (a * (1 - y) + b * y) * (1 - x) + (c * (1 - y) + d * y) * x


@njit(fastmath=True, cache=True, inline="always")
def share(distance, edge):
    """How much of a voxel lies inside a surface at that signed distance from its centre."""
    return min(max(0.5 - distance / edge, 0.0), 1.0)


@njit(fastmath=True, cache=True, inline="always")
def strap_distance(straps, n, s, p, l):  # noqa: E741
    """Signed distance to a strap of `knee_soft_tissue`."""
    a, b, c = straps[n, 4] - straps[n, 1], straps[n, 5] - straps[n, 2], straps[n, 6] - straps[n, 3]
    x, y, z = s - straps[n, 1], p - straps[n, 2], l - straps[n, 3]
    h = min(max((x * a + y * b + z * c) / (a * a + b * b + c * c), 0.0), 1.0)
    z = max(abs(z - h * c) - straps[n, 10], 0.0)
    radius = straps[n, 7] + h * (straps[n, 8] - straps[n, 7]) + 4 * h * (1 - h) * straps[n, 9]
    return math.sqrt((x - h * a) ** 2 + (y - h * b) ** 2 + z * z) - radius


@njit(fastmath=True, cache=True)
def soft_tissue(straps, near, s, p, l, below_skin, fat_mm, edge, look, tile, fine, coarse):  # noqa: E741
    """Brightness of the soft parts at a depth below the skin: fat, muscles, the fascia, then the other straps."""
    value = _fat(look, fine, coarse)
    value = _muscles(straps, near, s, p, l, below_skin - fat_mm, edge, value, look, tile, fine, coarse)
    value += 0.8 * share(abs(below_skin - fat_mm) - 0.45, edge) * (look[0, TENDON] - value)
    for n in near:
        tissue = int(straps[n, 0])
        if tissue != MUSCLE:
            d = strap_distance(straps, n, s, p, l) + (0.8 * coarse if tissue == FLUID else 0.0)
            part = straps[n, 11] * share(d, edge)
            if part > 0:
                strands = 0.5 * fine + texture(tile, s * 0.3, p * 1.3, l * 1.3)
                value += part * (look[0, tissue] + look[1, tissue] * strands - value)
    return value


@njit(fastmath=True, cache=True, inline="always")
def _fat(look, fine, coarse):
    """Fat with thin fibrous septa."""
    value = look[0, FAT] + look[1, FAT] * (0.6 * fine + 0.35 * coarse)
    if look[0, AIR] >= 0:
        septum = max(1 - abs(coarse + 0.35 * fine) / 0.2, 0.0) * min(max(0.5 + 0.8 * fine, 0.0), 1.0)
        value += 0.4 * septum * (look[0, TENDON] - value)
    return value


@njit(fastmath=True, cache=True)
def _muscles(straps, near, s, p, l, depth, edge, value, look, tile, fine, coarse):  # noqa: E741
    """Lay the muscles over `value`, fat between each and the next and between their fibres, none above the fascia."""
    first, second = 1e3, 1e3
    for n in near:
        if straps[n, 0] == MUSCLE:
            d = strap_distance(straps, n, s, p, l)
            first, second = min(first, d), min(second, max(first, d))
    lean = max(max(first + 0.5 * coarse, 0.5 - depth), 0.45 - 0.5 * (second - first) + 0.2 * fine)
    part = share(lean, edge)
    if part <= 0:
        return value
    strand = texture(tile, s * 0.22, p * 1.1 + 7.0, l * 1.1)
    flesh = look[0, MUSCLE] + look[1, MUSCLE] * (0.9 * strand + 0.5 * fine)
    flesh += min(max(0.9 * strand + 0.4 * coarse - 1.5, 0.0), 0.6) * (look[0, FAT] - flesh)
    return value + part * (flesh - value)


@njit(fastmath=True, cache=True, inline="always")
def cartilage_tone(level, look, fine, coarse):
    """Brightness of cartilage, in MR rising from the bone, 0, to the joint, 1."""
    tone = look[0, CARTILAGE]
    if look[0, AIR] >= 0:
        tone *= 0.84 + 0.28 * min(max(level, 0.0), 1.0)
    return tone + look[1, CARTILAGE] * (fine + coarse)


@njit(fastmath=True, cache=True, inline="always")
def bone_over(value, distance, cortex, density, scar, edge, look, fine, coarse):
    """Lay the cortex and what is inside it over `value`: marrow, trabeculae, oedema, the scar of the growth plate."""
    whole = share(distance, edge)
    inner = min(share(distance + cortex * (1 + 0.15 * coarse), edge), whole)
    spongy = min(density, 1.0)
    filling = look[0, MARROW] + spongy * (look[0, TRABECULAR] - look[0, MARROW])
    grain = look[1, MARROW] + spongy * (look[1, TRABECULAR] - look[1, MARROW])
    filling += grain * (0.8 * fine + 0.45 * coarse)
    filling += min(max(density - 1.0, 0.0), 1.0) * (look[0, EDEMA] - filling)
    line = max(1 - abs(scar + 1.2 * coarse), 0.0) * spongy
    filling += (0.25 if look[0, AIR] < 0 else 0.45) * line * (look[0, CORTEX] - filling)
    return value * (1 - whole) + (whole - inner) * look[0, CORTEX] * (1 + 0.05 * fine) + inner * filling
