"""From a knee's shapes to the voxels of an MR or a CT, with labels.

Compiled code takes the fields as two things: `grids`, the values of the bones, then the menisci's ring, then the skin;
and `frames`, a row for each with the (3, 4) matrix from the world to its nodes, and its origin and spacing in mm.
"""

import math

import numpy as np
from numba import njit, prange

from .bone import noise_tile
from .knee import BONES, Knee
from .knee_fields import CARTILAGE, CORTEX, DENSITY, DISTANCE, FILM, SCAR, Field, trilinear
from .knee_shading import bone_over, cartilage_tone, share, soft_tissue, strap_distance, texture
from .knee_soft_tissue import skin, straps
from .knee_tissues import AIR, FLUID, MENISCUS, SKIN

LABELS = {"femur": 1, "femoral-cartilage": 2, "tibia": 3, "tibial-cartilage": 4, "patella": 5, "patellar-cartilage": 6,
          "fibula": 7, "medial-meniscus": 8, "lateral-meniscus": 9}
FEMUR, TIBIA = BONES.index("femur"), BONES.index("tibia")
RING, HIDE = len(BONES), len(BONES) + 1  # where the ring and the skin are among the grids
BONE_LABELS = (1, 3, 5, 7)  # their cartilage is one more
MEDIAL_MENISCUS, LATERAL_MENISCUS = 8, 9
BLOCK = (8, 8, 8)
MENISCUS_HEIGHT_MM, MENISCUS_DROP_MM, MENISCUS_GAP_MM = 6.0, 2.5, 0.15
REACH_MM = 6.5  # how far from a bone its cartilage, film and menisci may lie


def draw(knee: Knee, look: np.ndarray, origin_mm, spacing_mm, shape, rng: np.random.Generator):
    """(planes, rows, columns) float32 image without noise and uint8 labels of a left knee.

    Slices thicker than their pixels are averaged over their thickness; a voxel's label is that of its centre.

    Parameters
    ----------
    knee
    look : (2, 16) array
        From `knee_tissues.look`.
    origin_mm, spacing_mm : (3,) arrays
        World position of voxel (0, 0, 0), and the spacing.
    shape
    rng
        For the soft parts and the textures.
    """
    image, labels = np.empty(shape, np.float32), np.zeros(shape, np.uint8)
    fields = (*(knee.bones[name] for name in BONES), knee.ring, skin(knee, rng))
    spacing = np.asarray(spacing_mm, float)
    slabs = 2 * max(round((spacing[2] / spacing[:2].mean() - 1) / 1.6), 0) + 1
    tile = np.roll(noise_tile(), rng.integers(0, 64, 3), (0, 1, 2))
    _draw(image, labels, np.asarray(origin_mm, float), spacing, slabs, tuple(f.values for f in fields),
          np.array([_frame(f) for f in fields]), straps(knee, rng), look, tile)
    return image, labels


def _frame(field: Field) -> np.ndarray:
    body_from_node = np.diag([*field.spacing_mm, 1.0])
    body_from_node[:3, 3] = field.origin_mm
    node_from_world = np.linalg.inv(body_from_node) @ field.body_from_world
    return np.concatenate([node_from_world[:3].ravel(), field.origin_mm, field.spacing_mm])


@njit(fastmath=True, cache=True, inline="always")
def _to_node(frames, n, s, p, l):  # noqa: E741
    return (frames[n, 0] * s + frames[n, 1] * p + frames[n, 2] * l + frames[n, 3],
            frames[n, 4] * s + frames[n, 5] * p + frames[n, 6] * l + frames[n, 7],
            frames[n, 8] * s + frames[n, 9] * p + frames[n, 10] * l + frames[n, 11])


@njit(parallel=True, fastmath=True, cache=True)
def _draw(image, labels, origin, spacing, slabs, grids, frames, straps, look, tile):
    size, shape = np.array(BLOCK), np.array(image.shape)
    blocks = (shape + size - 1) // size
    thickness = spacing[2] / slabs
    edge = 1.1 * (spacing[0] + spacing[1] + thickness) / 3
    half = 0.5 * math.sqrt(((size * spacing) ** 2).sum())
    for b in prange(blocks[0] * blocks[1] * blocks[2]):
        k0, j0 = (b // (blocks[1] * blocks[2])) * BLOCK[0], ((b // blocks[2]) % blocks[1]) * BLOCK[1]
        i0 = (b % blocks[2]) * BLOCK[2]
        s = origin[0] + (k0 + 0.5 * (BLOCK[0] - 1)) * spacing[0]
        p = origin[1] + (j0 + 0.5 * (BLOCK[1] - 1)) * spacing[1]
        l = origin[2] + (i0 + 0.5 * (BLOCK[2] - 1)) * spacing[2]  # noqa: E741
        outside, deep, buried, close, near = _surroundings(grids, frames, straps, s, p, l, half, edge)
        at = np.zeros((4, 5))
        for k in range(k0, min(k0 + BLOCK[0], shape[0])):
            for j in range(j0, min(j0 + BLOCK[1], shape[1])):
                for i in range(i0, min(i0 + BLOCK[2], shape[2])):
                    if outside:
                        image[k, j, i] = look[0, AIR]
                        continue
                    s, p, total = origin[0] + k * spacing[0], origin[1] + j * spacing[1], 0.0
                    for slab in range(slabs):
                        l = origin[2] + i * spacing[2] + (slab - 0.5 * (slabs - 1)) * thickness  # noqa: E741
                        value, label = _voxel(s, p, l, edge, deep, buried, close, near, at, grids, frames, straps, look,
                                              tile)
                        total += value
                        if slab == slabs // 2:
                            labels[k, j, i] = label
                    image[k, j, i] = total / slabs


@njit(fastmath=True, cache=True)
def _surroundings(grids, frames, straps, s, p, l, half, edge):  # noqa: E741
    """What a block of voxels round a point can do without: skin, soft parts, bones; and the straps that it may hold."""
    x, y, z = _to_node(frames, HIDE, s, p, l)
    to_skin, fat_mm = trilinear(grids[HIDE][0], x, y, z), trilinear(grids[HIDE][1], x, y, z)
    outside, deep = to_skin > half * 1.2 + 1.5, to_skin < -1.2 * half - fat_mm - 6.0
    close, buried = np.zeros(4, np.bool_), False
    for n in range(4):
        x, y, z = _to_node(frames, n, s, p, l)
        d = trilinear(grids[n][DISTANCE], x, y, z)
        close[n] = d < half + REACH_MM
        buried |= d < -half - edge - 1.0
    near, count = np.empty(straps.shape[0], np.int64), 0
    for n in range(straps.shape[0]):
        if strap_distance(straps, n, s, p, l) < half + 1.5:
            near[count] = n
            count += 1
    return outside, deep, buried, close, near[:count]


@njit(fastmath=True, cache=True, inline="always")
def _voxel(s, p, l, edge, deep, buried, close, near, at, grids, frames, straps, look, tile):  # noqa: E741
    """Brightness and label at one point.

    `at` is room for where among each bone's nodes the point is, the distance to it and the thickness of its cartilage.
    """
    fine = texture(tile, s * 1.35, p * 1.35, l * 1.35)
    coarse = texture(tile, p * 0.31, l * 0.31, s * 0.31)
    value = 0.0
    if not buried:
        value, inside = _under_the_skin(s, p, l, edge, deep, near, grids, frames, straps, look, tile, fine, coarse)
        if inside <= 0:
            return look[0, AIR], 0
    for n in range(4):
        at[n, 3], at[n, 4] = 1e3, 0.0
        if close[n]:
            value = _wet(n, at, s, p, l, edge, value, grids, frames, look)
    value, label = _meniscus(s, p, l, edge, at, value, grids, frames, look, fine, coarse)
    for n in range(4):
        d, thick = at[n, 3], at[n, 4]
        if thick > 0.05 and d > -edge and d < thick + edge:
            value += share(d - thick, edge) * (cartilage_tone(d / thick, look, fine, coarse) - value)
            label = BONE_LABELS[n] + 1 if 0 < d < thick else label
    for n in range(4):
        if at[n, 3] < edge:
            value = _ossified(n, at, edge, value, grids, frames, look, fine, coarse)
            label = BONE_LABELS[n] if at[n, 3] <= 0 else label
    return value, label


@njit(fastmath=True, cache=True, inline="always")
def _under_the_skin(s, p, l, edge, deep, near, grids, frames, straps, look, tile, fine, coarse):  # noqa: E741
    """Brightness of skin and soft parts, and how much of the point is inside the leg."""
    to_skin, fat_mm = -99.0, 0.0
    if not deep:
        x, y, z = _to_node(frames, HIDE, s, p, l)
        to_skin, fat_mm = trilinear(grids[HIDE][0], x, y, z), trilinear(grids[HIDE][1], x, y, z)
    inside = share(to_skin, edge)
    value = look[0, AIR]
    if inside > 0:
        value = soft_tissue(straps, near, s, p, l, -to_skin, fat_mm, edge, look, tile, fine, coarse)
        value += share(-to_skin - 1.2, edge) * (look[0, SKIN] - value)
        value = inside * value + (1 - inside) * look[0, AIR]
    return value, inside


@njit(fastmath=True, cache=True, inline="always")
def _wet(n, at, s, p, l, edge, value, grids, frames, look):  # noqa: E741
    """Measure a bone at a point, into `at`, and lay the film of fluid on its cartilage over `value`."""
    x, y, z = _to_node(frames, n, s, p, l)
    at[n, 0], at[n, 1], at[n, 2] = x, y, z
    at[n, 3] = trilinear(grids[n][DISTANCE], x, y, z)
    if at[n, 3] > -1 and at[n, 3] < REACH_MM + 2:
        at[n, 4] = trilinear(grids[n][CARTILAGE], x, y, z)
        film = trilinear(grids[n][FILM], x, y, z)
        if film > 0.05:
            value += share(at[n, 3] - at[n, 4] - film, edge) * (look[0, FLUID] - value)
    return value


@njit(fastmath=True, cache=True, inline="always")
def _meniscus(s, p, l, edge, at, value, grids, frames, look, fine, coarse):  # noqa: E741
    """Lay the menisci over `value`: what is in their ring between the two cartilages."""
    label = 0
    if -edge < at[TIBIA, 3] < 12:
        x, y, z = _to_node(frames, RING, s, p, l)
        above = at[TIBIA, 3] - at[TIBIA, 4]
        level = x * frames[RING, 15] + 0.1 * (frames[RING, 13] + y * frames[RING, 16])  # above the sloping joint line
        d = max(max(MENISCUS_GAP_MM - above, at[FEMUR, 4] + MENISCUS_GAP_MM - at[FEMUR, 3]),
                max(level - MENISCUS_HEIGHT_MM, -MENISCUS_DROP_MM - level))
        d = max(d, trilinear(grids[RING][0], 0.0, y, z))
        tone = look[0, MENISCUS] + look[1, MENISCUS] * (fine + 0.6 * coarse)
        value += share(d, edge) * (tone - value)
        if d < 0:
            label = MEDIAL_MENISCUS if frames[RING, 14] + z * frames[RING, 17] < 0 else LATERAL_MENISCUS
    return value, label


@njit(fastmath=True, cache=True, inline="always")
def _ossified(n, at, edge, value, grids, frames, look, fine, coarse):
    """Lay a bone over `value`."""
    x, y, z = at[n, 0], at[n, 1], at[n, 2]
    cortex = trilinear(grids[n][CORTEX], x, y, z) if at[n, 3] > -8 else 1.0
    density, scar = trilinear(grids[n][DENSITY], x, y, z), trilinear(grids[n][SCAR], x, y, z)
    return bone_over(value, at[n, 3], cortex, density, scar, edge, look, fine, coarse)
