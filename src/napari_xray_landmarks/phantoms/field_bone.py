"""From shapes that are sampled distances to bone in voxels, and to their shadows.

Beyond its nodes a shape goes on as it ends, as a cut shaft does, except upwards.
"""

import math
from dataclasses import dataclass

import numpy as np
from numba import njit, prange

from .bone import BLOCK, blend_voxel, noise_tile
from .knee_fields import CORTEX, DENSITY, DISTANCE, Field, trilinear


@dataclass(frozen=True, eq=False)
class FieldBone:
    """A bone whose shape is a field: its cortex and how spongy it is are channels of that.

    Parameters
    ----------
    label
        Its value in the label volume.
    field
    cortex_hu, trabecular_hu, marrow_hu
        Densities in HU.
    """

    label: int
    field: Field
    cortex_hu: float = 1300.0
    trabecular_hu: float = 210.0
    marrow_hu: float = -90.0


def metal_field(label: int, field: Field, hu: float) -> FieldBone:
    """A piece of metal of that shape."""
    values = np.stack([field.values[DISTANCE], *np.zeros((5, *field.values.shape[1:]), np.float32)])
    values[CORTEX] = 50.0
    return FieldBone(label, Field(values, field.origin_mm, field.spacing_mm, field.world_from_body), hu, hu, hu)


def add_field_bone(bone: FieldBone, excess, labels, origin_mm, spacing_mm, density: float, texture: float) -> None:
    """Draw a bone over a volume of HU above soft tissue and its label volume, in place; see `bone.add_bone`."""
    origin, spacing = np.asarray(origin_mm, float), np.asarray(spacing_mm, float)
    box = (world_corners(bone.field) - origin) / spacing
    low = np.clip(np.floor(box.min(0)), 0, labels.shape).astype(np.int64)
    high = np.clip(np.ceil(box.max(0)) + 1, 0, labels.shape).astype(np.int64)
    if (high <= low).any():
        return
    numbers = np.array([bone.cortex_hu * density, bone.trabecular_hu * density, texture * density, bone.marrow_hu])
    values = bone.field.values
    _draw(values[DISTANCE], values[CORTEX], values[DENSITY], node_from_world(bone.field), excess, labels, bone.label,
          origin, spacing, low, high, numbers, noise_tile())


def world_corners(field: Field, below_mm: float = 60.0) -> np.ndarray:
    """(8, 3) world corners of the box of a field's nodes, and of so much below."""
    ends = field.origin_mm + (np.array(field.values.shape[1:]) - 1) * field.spacing_mm
    start = field.origin_mm - (below_mm, 0, 0)
    corners = np.stack(np.meshgrid(*np.stack([start, ends], 1), indexing="ij"), -1).reshape(-1, 3)
    return corners @ field.world_from_body[:3, :3].T + field.world_from_body[:3, 3]


def node_from_world(field: Field) -> np.ndarray:
    """(3, 4) matrix from a world point to the place among the nodes."""
    matrix = field.body_from_world[:3].copy()
    matrix[:, 3] -= field.origin_mm
    return matrix / field.spacing_mm[:, None]


@njit(fastmath=True, cache=True)
def _at(volume, x, y, z):
    return trilinear(volume, x, y, z)


@njit(fastmath=True, cache=True)
def _distance(distances, x, y, z):
    """Signed distance at a place among the nodes; above them, how far above, as they are about 1 mm apart."""
    return max(trilinear(distances, x, y, z), x - distances.shape[0] + 1.0)


@njit(fastmath=True, cache=True)
def _blend(excess, labels, label, k, j, i, d, cortex, hollow, numbers, spacing, noise):
    substance = (cortex, cortex, 1.0, 0.0, numbers[0], numbers[1], numbers[2], hollow, numbers[3])
    blend_voxel(excess, labels, label, k, j, i, d, -1.0, spacing, substance, noise)


@njit(parallel=True, fastmath=True, cache=True)
def _draw(distances, cortices, densities, to_node, excess, labels, label, origin, spacing, low, high, numbers, noise):
    size = np.array(BLOCK)
    blocks = (high - low + size - 1) // size
    half = 0.5 * math.sqrt(((size * spacing) ** 2).sum())
    turn = np.ascontiguousarray(to_node[:, :3])
    step, start = turn * spacing, turn @ np.ascontiguousarray(origin) + to_node[:, 3]
    for b in prange(blocks[0] * blocks[1] * blocks[2]):
        k0 = low[0] + (b // (blocks[1] * blocks[2])) * BLOCK[0]
        j0 = low[1] + ((b // blocks[2]) % blocks[1]) * BLOCK[1]
        i0 = low[2] + (b % blocks[2]) * BLOCK[2]
        n = start + step[:, 0] * (k0 + 3.5) + step[:, 1] * (j0 + 1.5) + step[:, 2] * (i0 + 3.5)
        if _at(distances, n[0], n[1], n[2]) > 1.4 * half + 1.0:
            continue
        for k in range(k0, min(k0 + BLOCK[0], high[0])):
            for j in range(j0, min(j0 + BLOCK[1], high[1])):
                for i in range(i0, min(i0 + BLOCK[2], high[2])):
                    x = start[0] + step[0, 0] * k + step[0, 1] * j + step[0, 2] * i
                    y = start[1] + step[1, 0] * k + step[1, 1] * j + step[1, 2] * i
                    z = start[2] + step[2, 0] * k + step[2, 1] * j + step[2, 2] * i
                    d = _at(distances, x, y, z)
                    if x <= distances.shape[0] - 1.0 and d < spacing[0] + spacing[2]:
                        hollow = 1.0 - min(_at(densities, x, y, z), 1.0)
                        _blend(excess, labels, label, k, j, i, d, _at(cortices, x, y, z), hollow, numbers, spacing,
                               noise)


@njit(parallel=True, fastmath=True, cache=True)
def least_field_distance(distances, to_node, source, rays, rows, columns, wanted):
    """(H, W) least signed distance to the shape along each wanted ray; `source` and `rays` are in the world."""
    out = np.full((len(rows), len(columns)), 100.0)
    turn = np.ascontiguousarray(to_node[:, :3])
    start, turned = turn @ source + to_node[:, 3], turn @ np.ascontiguousarray(rays)
    last = np.array(distances.shape) - 1.0
    for n in prange(len(rows) * len(columns)):
        a, b = n // len(columns), n % len(columns)
        if not wanted[a, b]:
            continue
        ray = turned[:, 0] * rows[a] + turned[:, 1] * columns[b] + turned[:, 2]
        mm = rays[:, 0] * rows[a] + rays[:, 1] * columns[b] + rays[:, 2]
        ray /= math.sqrt((mm**2).sum())
        begin, end = 0.0, 1e9
        for i in range(1, 3):
            if abs(ray[i]) > 1e-9:
                t0, t1 = -start[i] / ray[i], (last[i] - start[i]) / ray[i]
                begin, end = max(begin, min(t0, t1)), min(end, max(t0, t1))
        t, least = begin, 100.0
        while t < end:
            d = _distance(distances, start[0] + t * ray[0], start[1] + t * ray[1], start[2] + t * ray[2])
            least = min(least, d)
            t += max(0.7 * abs(d), 0.8)
        out[a, b] = least
    return out
