"""From a knee's shapes to the voxels of an MR or a CT, with labels."""

import math

import numpy as np
from numba import njit, prange

from .bone import noise_tile
from .knee import BONES, Knee
from .knee_fields import interpolate
from .knee_soft_tissue import skin, straps
from .knee_tissues import (AIR, ARTERY, CARTILAGE, CORTEX, EDEMA, FAT, FLUID, LIGAMENT, MARROW, MENISCUS, MUSCLE, SKIN,
                           TENDON, TRABECULAR)

LABELS = {"femur": 1, "femoral-cartilage": 2, "tibia": 3, "tibial-cartilage": 4, "patella": 5, "patellar-cartilage": 6,
          "fibula": 7, "medial-meniscus": 8, "lateral-meniscus": 9}
BONE_LABELS = np.array([[LABELS["femur"], LABELS["femoral-cartilage"]], [LABELS["tibia"], LABELS["tibial-cartilage"]],
                        [LABELS["patella"], LABELS["patellar-cartilage"]], [LABELS["fibula"], LABELS["fibula"]]])
BLOCK = (8, 8, 8)
MENISCUS_HEIGHT_MM = 6.0


def draw(knee: Knee, tones, textures, is_ct: bool, origin_mm, spacing_mm, shape, rng: np.random.Generator):
    """(planes, rows, columns) float32 image without noise and uint8 labels of a left knee.

    Slices thicker than their pixels are averaged over their thickness; a voxel's label is that of its centre.
    """
    image, labels = np.empty(shape, np.float32), np.zeros(shape, np.uint8)
    bones = [knee.bones[name] for name in BONES]
    hide = skin(knee, rng)
    spacing = np.asarray(spacing_mm, float)
    slabs = 2 * int(round((spacing[2] / spacing[:2].mean() - 1) / 1.6)) + 1
    _draw(image, labels, np.asarray(origin_mm, float), spacing, max(slabs, 1),
          tuple(np.ascontiguousarray(b.values) for b in bones), np.array([b.origin_mm for b in bones]),
          np.array([b.spacing_mm for b in bones]), np.array([b.body_from_world[:3] for b in bones]),
          knee.ring.values[0], knee.ring.origin_mm, knee.ring.spacing_mm, knee.ring.body_from_world[:3],
          hide.values, hide.origin_mm, hide.spacing_mm, straps(knee, rng), tones, textures, is_ct, noise_tile(),
          BONE_LABELS, rng.uniform(0, 64, 3))
    return image, labels


@njit(fastmath=True, cache=True, inline="always")
def _texture(tile, s, p, l):  # noqa: E741
    """The noise tile at a point in units of its grid, repeated without a seam."""
    i, j, k = int(math.floor(s)), int(math.floor(p)), int(math.floor(l))
    x, y, z = s - i, p - j, l - k
    n = tile.shape[0] - 1
    i, j, k, ii, jj, kk = i & n, j & n, k & n, (i + 1) & n, (j + 1) & n, (k + 1) & n
    a = (tile[i, j, k] * (1 - z) + tile[i, j, kk] * z) * (1 - y) + (tile[i, jj, k] * (1 - z) + tile[i, jj, kk] * z) * y
    b = (tile[ii, j, k] * (1 - z) + tile[ii, j, kk] * z) * (1 - y) + (tile[ii, jj, k] * (1 - z) + tile[ii, jj, kk] * z) * y
    return a * (1 - x) + b * x


@njit(fastmath=True, cache=True, inline="always")
def _share(distance, edge):
    """How much of a voxel lies inside a surface at that signed distance from its centre."""
    return min(max(0.5 - distance / edge, 0.0), 1.0)


@njit(fastmath=True, cache=True, inline="always")
def _strap(straps, n, s, p, l):  # noqa: E741
    """Signed distance to a strap."""
    a, b, c = straps[n, 4] - straps[n, 1], straps[n, 5] - straps[n, 2], straps[n, 6] - straps[n, 3]
    x, y, z = s - straps[n, 1], p - straps[n, 2], l - straps[n, 3]
    h = min(max((x * a + y * b + z * c) / (a * a + b * b + c * c), 0.0), 1.0)
    z = max(abs(z - h * c) - straps[n, 10], 0.0)
    radius = straps[n, 7] + h * (straps[n, 8] - straps[n, 7]) + 4 * h * (1 - h) * straps[n, 9]
    return math.sqrt((x - h * a) ** 2 + (y - h * b) ** 2 + z * z) - radius


@njit(fastmath=True, cache=True)
def _near_straps(straps, s, p, l, reach):  # noqa: E741
    near = np.empty(straps.shape[0], np.int64)
    count = 0
    for n in range(straps.shape[0]):
        if _strap(straps, n, s, p, l) < reach:
            near[count] = n
            count += 1
    return near[:count]


@njit(fastmath=True, cache=True, inline="always")
def _to_body(matrix, s, p, l):  # noqa: E741
    return (matrix[0, 0] * s + matrix[0, 1] * p + matrix[0, 2] * l + matrix[0, 3],
            matrix[1, 0] * s + matrix[1, 1] * p + matrix[1, 2] * l + matrix[1, 3],
            matrix[2, 0] * s + matrix[2, 1] * p + matrix[2, 2] * l + matrix[2, 3])


@njit(fastmath=True, cache=True)
def _soft_tissue(straps, near, s, p, l, below_skin, fat_mm, edge, tones, textures, tile, fine, middle):  # noqa: E741
    """Brightness of what lies under the skin away from the joint's surfaces."""
    value = tones[FAT] + textures[FAT] * (0.7 * fine + 0.7 * middle)
    if abs(middle + 0.4 * fine) < 0.14:  # fibrous septa
        value += 0.35 * (tones[TENDON] - value) if tones[AIR] > -1 else 0.0
    depth = below_skin - fat_mm
    first, second = 1e3, 1e3
    for n in near:
        if straps[n, 0] == MUSCLE:
            d = _strap(straps, n, s, p, l)
            if d < first:
                first, second = d, first
            elif d < second:
                second = d
    lean = max(max(first + 0.5 * middle, 0.5 - depth), 0.45 - 0.5 * (second - first) + 0.2 * fine)
    share = _share(lean, edge)
    if share > 0:
        strand = _texture(tile, s * 0.22, p * 1.1 + 7.0, l * 1.1)
        flesh = tones[MUSCLE] + textures[MUSCLE] * (0.9 * strand + 0.5 * fine)
        streak = min(max(0.9 * strand + 0.4 * middle - 1.5, 0.0), 0.6)  # fat between the fibres
        flesh += streak * (tones[FAT] - flesh)
        value += share * (flesh - value)
    share = 0.8 * _share(abs(depth) - 0.45, edge)
    value += share * (tones[TENDON] - value)
    for n in near:
        tissue = int(straps[n, 0])
        if tissue != MUSCLE:
            d = _strap(straps, n, s, p, l) + (0.8 * middle if tissue == FLUID else 0.0)
            share = straps[n, 11] * _share(d, edge)
            if share > 0:
                tone = tones[tissue] + textures[tissue] * (0.5 * fine + _texture(tile, s * 0.3, p * 1.3, l * 1.3))
                value += share * (tone - value)
    return value


@njit(fastmath=True, cache=True, inline="always")
def _bone(distance, cortex, density, scar, edge, value, tones, textures, is_ct, fine, middle):
    """Blend the cortex and what is inside it over `value`."""
    whole = _share(distance, edge)
    inner = min(_share(distance + cortex * (1 + 0.15 * middle), edge), whole)
    spongy, swollen = min(density, 1.0), max(density - 1.0, 0.0)
    filling = tones[MARROW] + spongy * (tones[TRABECULAR] - tones[MARROW])
    grain = textures[MARROW] + spongy * (textures[TRABECULAR] - textures[MARROW])
    filling += grain * (0.8 * fine + 0.45 * middle)
    filling += min(swollen, 1.0) * (tones[EDEMA] - filling)
    line = max(1 - abs(scar + 1.2 * middle) / 1.0, 0.0) * spongy
    filling += (0.25 if is_ct else 0.45) * line * (tones[CORTEX] - filling)
    hard = tones[CORTEX] * (1 + 0.05 * fine)
    return value * (1 - whole) + (whole - inner) * hard + inner * filling


@njit(parallel=True, fastmath=True, cache=True)
def _draw(image, labels, origin, spacing, slabs, bones, origins, spacings, matrices, ring, ring_origin, ring_spacing,
          ring_matrix, hide, hide_origin, hide_spacing, straps, tones, textures, is_ct, tile, bone_labels, shift):
    size, shape = np.array(BLOCK), np.array(image.shape)
    blocks = (shape + size - 1) // size
    half = 0.5 * math.sqrt(((size * spacing) ** 2).sum())
    thickness = spacing[2] / slabs
    edge = 1.1 * (spacing[0] + spacing[1] + thickness) / 3
    for b in prange(blocks[0] * blocks[1] * blocks[2]):
        k0, j0 = (b // (blocks[1] * blocks[2])) * BLOCK[0], ((b // blocks[2]) % blocks[1]) * BLOCK[1]
        i0 = (b % blocks[2]) * BLOCK[2]
        s = origin[0] + (k0 + 0.5 * (BLOCK[0] - 1)) * spacing[0]
        p = origin[1] + (j0 + 0.5 * (BLOCK[1] - 1)) * spacing[1]
        l = origin[2] + (i0 + 0.5 * (BLOCK[2] - 1)) * spacing[2]  # noqa: E741
        to_skin = interpolate(hide[0], hide_origin, hide_spacing, s, p, l)
        outside = to_skin > half * 1.2 + 1.5
        deep = to_skin < -1.2 * half - interpolate(hide[1], hide_origin, hide_spacing, s, p, l) - 6.0
        near = _near_straps(straps, s, p, l, half + 1.5)
        close, buried, at = np.zeros(4, np.bool_), False, np.zeros((4, 5))
        for n in range(4):
            x, y, z = _to_body(matrices[n], s, p, l)
            d = interpolate(bones[n][0], origins[n], spacings[n], x, y, z)
            close[n] = d < half + 6.5
            buried |= d < -half - edge - 1.0
        for k in range(k0, min(k0 + BLOCK[0], shape[0])):
            for j in range(j0, min(j0 + BLOCK[1], shape[1])):
                for i in range(i0, min(i0 + BLOCK[2], shape[2])):
                    if outside:
                        image[k, j, i] = tones[AIR]
                        continue
                    total = 0.0
                    s, p = origin[0] + k * spacing[0], origin[1] + j * spacing[1]
                    for slab in range(slabs):
                        l = origin[2] + i * spacing[2] + (slab - 0.5 * (slabs - 1)) * thickness  # noqa: E741
                        value, label = _voxel(s, p, l, edge, near, close, buried, deep, at, bones, origins, spacings,
                                              matrices, ring, ring_origin, ring_spacing, ring_matrix, hide, hide_origin,
                                              hide_spacing, straps, tones, textures, is_ct, tile, bone_labels, shift)
                        total += value
                        if slab == slabs // 2:
                            labels[k, j, i] = label
                    image[k, j, i] = total / slabs


@njit(fastmath=True, cache=True)
def _voxel(s, p, l, edge, near, close, buried, deep, at, bones, origins, spacings, matrices, ring, ring_origin,  # noqa: E741
           ring_spacing, ring_matrix, hide, hide_origin, hide_spacing, straps, tones, textures, is_ct, tile, bone_labels, shift):
    """Brightness and label at one point."""
    fine = _texture(tile, s * 1.35 + shift[0], p * 1.35 + shift[1], l * 1.35 + shift[2])
    middle = _texture(tile, p * 0.31 + shift[1], l * 0.31 + shift[2], s * 0.31 + shift[0])
    value, label = 0.0, 0
    if deep and not buried:
        value = _soft_tissue(straps, near, s, p, l, 99.0, 0.0, edge, tones, textures, tile, fine, middle)
    elif not buried:
        to_skin = interpolate(hide[0], hide_origin, hide_spacing, s, p, l)
        inside = _share(to_skin, edge)
        if inside <= 0:
            return tones[AIR], 0
        fat_mm = interpolate(hide[1], hide_origin, hide_spacing, s, p, l)
        value = _soft_tissue(straps, near, s, p, l, -to_skin, fat_mm, edge, tones, textures, tile, fine, middle)
        rind = _share(-to_skin - 1.2, edge)
        value += rind * (tones[SKIN] - value)
        value = inside * value + (1 - inside) * tones[AIR]
    for n in range(4):  # body position, distance, thickness of the cartilage
        at[n, 3], at[n, 4] = 1e3, 0.0
        if close[n]:
            at[n, 0], at[n, 1], at[n, 2] = _to_body(matrices[n], s, p, l)
            at[n, 3] = interpolate(bones[n][0], origins[n], spacings[n], at[n, 0], at[n, 1], at[n, 2])
            if at[n, 3] > -1:
                at[n, 4] = interpolate(bones[n][1], origins[n], spacings[n], at[n, 0], at[n, 1], at[n, 2])
                film = interpolate(bones[n][2], origins[n], spacings[n], at[n, 0], at[n, 1], at[n, 2])
                wet = _share(at[n, 3] - at[n, 4] - film, edge) if film > 0.05 else 0.0
                value += wet * (tones[FLUID] - value)
    if at[1, 3] < 12 and at[1, 3] > -edge:
        x, y, z = _to_body(ring_matrix, s, p, l)
        d = interpolate(ring, ring_origin, ring_spacing, 0.0, y, z)
        height, level = at[1, 3] - at[1, 4], x + 0.1 * y
        d = max(max(d, level - MENISCUS_HEIGHT_MM), max(-2.5 - level, max(0.15 - height, at[0, 4] + 0.15 - at[0, 3])))
        share = _share(d, edge)
        if share > 0:
            value += share * (tones[MENISCUS] + textures[MENISCUS] * (fine + 0.6 * middle) - value)
            label = (8 if z < 0 else 9) if d < 0 else 0
    for n in range(4):
        if at[n, 3] > -edge and at[n, 4] > 0.05:
            share = _share(at[n, 3] - at[n, 4], edge)
            if share > 0:
                level = min(max(at[n, 3] / at[n, 4], 0.0), 1.0)
                tone = tones[CARTILAGE] * (0.84 + 0.28 * level) if not is_ct else tones[CARTILAGE]
                value += share * (tone + textures[CARTILAGE] * (fine + middle) - value)
                if 0 < at[n, 3] < at[n, 4]:
                    label = bone_labels[n, 1]
    for n in range(4):
        if at[n, 3] < edge:
            x, y, z, d = at[n, 0], at[n, 1], at[n, 2], at[n, 3]
            cortex = interpolate(bones[n][3], origins[n], spacings[n], x, y, z) if d > -8 else 1.0
            density = interpolate(bones[n][4], origins[n], spacings[n], x, y, z)
            scar = interpolate(bones[n][5], origins[n], spacings[n], x, y, z)
            value = _bone(d, cortex, density, scar, edge, value, tones, textures, is_ct, fine, middle)
            if d <= 0:
                label = bone_labels[n, 0]
    return value, label
