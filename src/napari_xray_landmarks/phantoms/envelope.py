"""Muscle, fat and skin wrapped round any bones."""

import numpy as np
from numba import njit, prange
from scipy.ndimage import distance_transform_edt, gaussian_filter, maximum_filter1d

from .bone import noise_tile
from .soft_tissue import AIR_HU, MUSCLE_HU

FAT_HU, SKIN_HU, SKIN_MM = -102.0, 20.0, 2.0
COARSE_MM = 5.0
BRIDGED_MM = 60.0  # gaps between bones up to twice this are filled
SMOOTH_MM = 40.0  # along the body


def draw_envelope(bone: np.ndarray, spacing_mm, muscle_mm: float, fat_mm: float) -> np.ndarray:
    """(planes, rows, columns) float32 HU of soft parts that run on along the planes' axis, as a limb or a trunk does.

    Parameters
    ----------
    bone : (planes, rows, columns) bool array
        Where bone is.
    spacing_mm : (3,) array
    muscle_mm, fat_mm
        Thickness of muscle over the bones, and of the fat over that, under the skin.
    """
    spacing = np.asarray(spacing_mm, float)
    steps = np.maximum(np.round(COARSE_MM / spacing), 1).astype(int)
    depth = _depth(_thinned(bone, steps), steps * spacing, muscle_mm + fat_mm + SKIN_MM)
    hu = np.empty(bone.shape, np.float32)
    _draw_layers(hu, depth, steps, spacing, float(fat_mm), float(spacing.min()), noise_tile())
    return hu


def _thinned(bone: np.ndarray, steps) -> np.ndarray:
    """Whether there is bone in each block of voxels."""
    edges = [np.arange(0, n, step) for n, step in zip(bone.shape, steps, strict=True)]
    for axis, starts in enumerate(edges):
        bone = np.logical_or.reduceat(bone, starts, axis=axis)
    return bone


def _depth(bone: np.ndarray, spacing: np.ndarray, cover_mm: float) -> np.ndarray:
    """mm below the skin on the coarse grid: each plane's bones, joined and covered, smoothed along."""
    window = 2 * int(SMOOTH_MM / spacing[0]) + 1
    joined = maximum_filter1d(bone, window, axis=0, mode="nearest")
    filled = np.flatnonzero(joined.any((1, 2)))
    if not len(filled):
        return np.full(bone.shape, -1.0, np.float32)
    pad = int(np.ceil((BRIDGED_MM + cover_mm) / spacing[1:].min())) + 1
    depth = np.empty(bone.shape, np.float32)
    for k in range(len(bone)):
        plane = np.pad(joined[filled[np.abs(filled - k).argmin()]], pad)
        reach = distance_transform_edt(~plane, spacing[1:]) < BRIDGED_MM + cover_mm
        depth[k] = (distance_transform_edt(reach, spacing[1:]) - BRIDGED_MM)[pad:-pad, pad:-pad]
    return gaussian_filter(depth, (0.5 * SMOOTH_MM / spacing[0], 1.0, 1.0), mode="nearest")


@njit(parallel=True, fastmath=True, cache=True)
def _draw_layers(hu, depth, steps, spacing, fat_mm, edge, noise):
    n = noise.shape[0] - 1
    for k in prange(hu.shape[0]):
        for j in range(hu.shape[1]):
            for i in range(hu.shape[2]):
                d = _interpolated(depth, (k + 0.5) / steps[0] - 0.5, (j + 0.5) / steps[1] - 0.5,
                                  (i + 0.5) / steps[2] - 0.5)
                inside = min(max(0.5 + d / edge, 0.0), 1.0)
                if inside <= 0:
                    hu[k, j, i] = AIR_HU
                    continue
                fine = noise[k & n, j & n, i & n]
                middle = noise[(k >> 1) & n, (j >> 1) & n, (i >> 1) & n]
                coarse = noise[(k >> 3) & n, (i >> 3) & n, (j >> 3) & n]
                muscle = min(max((d - SKIN_MM - fat_mm * (1 + 0.25 * coarse)) / 5.0 + 0.5, 0.0), 1.0)
                lean = MUSCLE_HU + 8 * middle - (95.0 if middle + 0.6 * coarse > 1.4 else 0.0)
                skin = min(max(0.5 + (SKIN_MM - d) / edge, 0.0), 1.0)
                value = (1 - muscle) * (FAT_HU + 8 * middle) + muscle * lean + 6 * fine
                value = (1 - skin) * value + skin * SKIN_HU
                hu[k, j, i] = inside * value + (1 - inside) * AIR_HU


@njit(fastmath=True, cache=True, inline="always")
def _interpolated(values, a, b, c):
    """Trilinear, constant beyond the edges."""
    a = min(max(a, 0.0), values.shape[0] - 1.0)
    b = min(max(b, 0.0), values.shape[1] - 1.0)
    c = min(max(c, 0.0), values.shape[2] - 1.0)
    i, j, k = int(a), int(b), int(c)
    i1, j1, k1 = min(i + 1, values.shape[0] - 1), min(j + 1, values.shape[1] - 1), min(k + 1, values.shape[2] - 1)
    f, g, h = a - i, b - j, c - k
    near = (values[i, j, k] * (1 - h) + values[i, j, k1] * h) * (1 - g) + (
        values[i, j1, k] * (1 - h) + values[i, j1, k1] * h) * g
    far = (values[i1, j, k] * (1 - h) + values[i1, j, k1] * h) * (1 - g) + (
        values[i1, j1, k] * (1 - h) + values[i1, j1, k1] * h) * g
    return near * (1 - f) + far * f
