"""From solids to voxels: bone with a cortex, trabecular filling and a marrow cavity."""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numba import njit, prange
from scipy.ndimage import gaussian_filter

from .solids import CUT, UNION, Solid, combine, primitive, signed_distance

BLOCK = (8, 4, 8)


@dataclass(frozen=True, eq=False)
class Bone:
    """One bone: its shape and what it is made of.

    Parameters
    ----------
    name
    label
        Its value in the label volume.
    solid
    cortex_mm
        Thickness of the cortex (above, below) the levels of `cortex_from_to_mm`.
    cortex_hu, trabecular_hu
        Densities in HU.
    cortex_from_to_mm
        (upper, lower) levels in the body's own frame between which the cortex changes.
    marrow_hu
        Density of the cavity below the lower level; None for a bone without one.
    """

    name: str
    label: int
    solid: Solid
    cortex_mm: tuple[float, float]
    cortex_hu: float
    trabecular_hu: float
    cortex_from_to_mm: tuple[float, float] = (-9000.0, -10000.0)
    marrow_hu: float | None = None


def add_bone(bone: Bone, excess, labels, origin_mm, spacing_mm, density: float, texture: float) -> None:
    """Draw a bone into a volume of HU above soft tissue, and into its label volume, in place.

    Parameters
    ----------
    excess : (planes, rows, columns) float32 array
    labels : (planes, rows, columns) uint8 array
    origin_mm, spacing_mm : (3,) arrays
        World position of voxel (0, 0, 0), and the spacing.
    density
        Factor on all densities.
    texture
        Strength of the trabecular texture in HU.
    """
    box = (bone.solid.bounds_mm() - origin_mm) / spacing_mm
    low = np.clip(np.floor(box[0]), 0, labels.shape).astype(np.int64)
    high = np.clip(np.ceil(box[1]) + 1, 0, labels.shape).astype(np.int64)
    if (high <= low).any():
        return
    upper, lower = bone.cortex_from_to_mm
    marrow = (0.0, 0.0) if bone.marrow_hu is None else (1.0, bone.marrow_hu)
    numbers = np.array([*bone.cortex_mm, upper, lower, bone.cortex_hu * density, bone.trabecular_hu * density,
                        texture * density, *marrow])
    _draw(bone.solid.rows, bone.solid.polygon, np.ascontiguousarray(bone.solid.body_from_world), excess, labels,
          bone.label, np.asarray(origin_mm, float), np.asarray(spacing_mm, float), low, high, numbers, noise_tile())


@lru_cache(maxsize=1)
def noise_tile(size: int = 64) -> np.ndarray:
    """(64, 64, 64) float32 noise of unit variance that repeats without a seam: trabeculae at three sizes."""
    rng = np.random.default_rng(20240229)
    tile = np.zeros((size,) * 3, dtype=np.float32)
    for sigma, weight in ((0.8, 1.0), (1.8, 1.0), (3.5, 0.8)):
        layer = gaussian_filter(rng.standard_normal((size,) * 3).astype(np.float32), sigma, mode="wrap")
        tile += weight * layer / layer.std()
    tile /= tile.std()
    tile.flags.writeable = False
    return tile


@njit(parallel=True, fastmath=True, cache=True)
def _draw(rows, polygon, body_from_world, excess, labels, label, origin, spacing, low, high, numbers, noise):
    size = np.array(BLOCK)
    blocks = (high - low + size - 1) // size
    half = 0.5 * math.sqrt(((size * spacing) ** 2).sum())
    thickest = max(numbers[0], numbers[1])
    for b in prange(blocks[0] * blocks[1] * blocks[2]):
        k0 = low[0] + (b // (blocks[1] * blocks[2])) * BLOCK[0]
        j0 = low[1] + ((b // blocks[2]) % blocks[1]) * BLOCK[1]
        i0 = low[2] + (b % blocks[2]) * BLOCK[2]
        middle = (size - 1) / 2
        s, p, l = _to_body(  # noqa: E741
            body_from_world, origin, spacing, k0 + middle[0], j0 + middle[1], i0 + middle[2])
        centre = signed_distance(rows, polygon, s, p, l)
        if centre > half * 1.25 + spacing.max():
            continue
        near = _near_rows(rows, polygon, s, p, l, centre, half * 1.1, thickest + 3.0)
        for k in range(k0, min(k0 + BLOCK[0], high[0])):
            for j in range(j0, min(j0 + BLOCK[1], high[1])):
                for i in range(i0, min(i0 + BLOCK[2], high[2])):
                    s, p, l = _to_body(body_from_world, origin, spacing, k, j, i)  # noqa: E741
                    d = 1e6
                    for n in near:
                        d = combine(d, primitive(rows, n, polygon, s, p, l), rows, n)
                    blend_voxel(excess, labels, label, k, j, i, d, s, spacing, numbers, noise)


@njit(fastmath=True, cache=True, inline="always")
def _to_body(matrix, origin, spacing, k, j, i):
    a, b, c = origin[0] + k * spacing[0], origin[1] + j * spacing[1], origin[2] + i * spacing[2]
    return (matrix[0, 0] * a + matrix[0, 1] * b + matrix[0, 2] * c + matrix[0, 3],
            matrix[1, 0] * a + matrix[1, 1] * b + matrix[1, 2] * c + matrix[1, 3],
            matrix[2, 0] * a + matrix[2, 1] * b + matrix[2, 2] * c + matrix[2, 3])


@njit(fastmath=True, cache=True)
def _near_rows(rows, polygon, s, p, l, centre, half, depth):  # noqa: E741
    """Those primitives that can matter within `half` of a point, as far as `depth` below the surface."""
    near = np.empty(rows.shape[0], np.int64)
    count = 0
    for n in range(rows.shape[0]):
        v, blend = primitive(rows, n, polygon, s, p, l), rows[n, 2] * 1.3
        if rows[n, 1] == UNION:
            keep = v < max(centre, -depth) + 2 * half + blend + 4.0
        elif rows[n, 1] == CUT:
            keep = v < half + blend + depth
        else:
            keep = v > -(half + blend + depth)
        if keep:
            near[count] = n
            count += 1
    return near[:count]


@njit(fastmath=True, cache=True, inline="always")
def blend_voxel(excess, labels, label, k, j, i, d, level, spacing, numbers, noise):
    """Blend one voxel at signed distance `d`: cortex, then trabeculae, then marrow."""
    cortex_above, cortex_below, upper, lower, cortex_hu, trabecular_hu, texture, hollow, marrow = numbers
    edge = min(spacing[0], spacing[2]) * 1.15
    whole = min(max(0.5 - d / edge, 0.0), 1.0)
    if whole <= 0:
        return
    n = noise.shape[0] - 1
    fine, coarse = noise[(k >> 1) & n, (j >> 1) & n, i & n], noise[(j >> 1) & n, (i >> 1) & n, (k >> 2) & n]
    f = min(max((upper - level) / (upper - lower), 0.0), 1.0)
    f = f * f * (3 - 2 * f)
    cortex = (cortex_above + f * (cortex_below - cortex_above)) * (1 + 0.15 * coarse)
    inner = min(max(0.5 - (d + cortex) / edge, 0.0), whole)
    depth = max(-d - cortex, 0.0)
    filling = trabecular_hu * (0.62 + 0.65 * math.exp(-depth / 5.0)) + texture * (fine + 0.7 * coarse)
    m = hollow * f * min(max((depth - 0.5) / 3.0, 0.0), 1.0)
    filling = filling * (1 - m) + marrow * m
    value = (whole - inner) * cortex_hu * (1 + 0.06 * fine) + inner * filling
    excess[k, j, i] = (1 - whole) * excess[k, j, i] + value
    if whole > 0.5:
        labels[k, j, i] = label
