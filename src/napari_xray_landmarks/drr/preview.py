"""A faster, slightly blurred rendering for previews: sums slices on a plane parallel to them, then maps that plane.

Seen from the source, every slice is a scaled and shifted copy of any parallel plane, so the bilinear sample separates
into one along the columns and one along the rows, which costs less than half as much. The map from the plane to the
detector interpolates once more.
"""

import numpy as np
from numba import njit, prange

from ..geometry.camera import Camera
from ..imaging import Volume
from .prepared import PreparedVolume, prepare
from .render import corner_rays, dominant_axis, in_voxels, render

BLOCK = 16
MAX_STEEP = 1.5  # voxels in plane per slice: beyond, the plane would need far more points than the detector has pixels


def preview(volume: Volume | PreparedVolume, camera: Camera) -> np.ndarray:
    """Line integrals as those of `render`, a little blurred.

    Against `render`, an ellipsoid with a sharp edge in 256³ voxels: RMSE 0.06 % and at most 0.75 % of the peak at 192²
    pixels, 0.02 % and 0.2 % at 448².

    Steep rays, a source inside the volume and several materials, for which this way is no faster, are left to
    `render`; parameters, result and errors are its own.
    """
    prepared = prepare(volume)
    source, rays = in_voxels(prepared, camera)
    axis = dominant_axis(rays, camera.size_px)
    corners = corner_rays(rays, camera.size_px)
    along = corners[:, axis]
    steep = (along * along[0] <= 0).any() or (np.abs(corners) > MAX_STEEP * np.abs(along[:, None])).any()
    in_front = source[axis] <= -2 if along[0] > 0 else source[axis] >= prepared.shape[axis] + 1
    if prepared.materials > 1 or steep or not in_front:
        return render(prepared, camera)
    flat, order, steps = prepared.layout(axis, contiguous=True)
    o = list(order)
    return _preview(flat, np.array(prepared.shape)[o], np.array(steps), source[o], rays[o], camera)


def _preview(flat, shape, steps, source, rays, camera: Camera) -> np.ndarray:
    """The plane is the middle slice; its grid is as fine as the finest pixel there, and covers what pixels see."""
    middle = (shape[2] - 1) / 2
    depth = middle - source[2]
    row, column = (np.arange(n, dtype=float) for n in camera.size_px)
    rims = np.array([(r, c, 1.0) for r in (0, row[-1]) for c in (0, column[-1])])
    at = (rims @ rays[:2].T) * (depth / (rims @ rays[2]))[:, None]  # from the source, in voxels
    pitch = np.array([_finest(rays, depth, rims, i) for i in (0, 1)])
    nearest = (source[2] - np.clip(source[2], 0, shape[2] - 1)) / -depth  # the closest slice's scale
    low = np.maximum(at.min(0), np.minimum(-2 - source[:2], (-2 - source[:2]) / nearest))
    high = np.minimum(at.max(0), np.maximum(shape[:2] + 1 - source[:2], (shape[:2] + 1 - source[:2]) / nearest))
    count = np.maximum(np.ceil((high - low) / pitch).astype(int) + 4, 1)
    first = low - 1.5 * pitch
    if (high <= low).any():
        return np.zeros(camera.size_px, dtype=np.float32)
    plane = np.zeros((count[1], count[0]), dtype=np.float32)
    _sum_on_plane(flat, shape, steps, source, first, pitch, depth, plane)
    out = np.empty(camera.size_px, dtype=np.float32)
    _look_up(plane, rays, camera.ray_from_px, first, pitch, depth, out)
    return out


def _finest(rays, depth: float, rims, i: int) -> float:
    """The smallest distance on the plane, along p or q, between the rays of neighbouring pixels."""
    found = []
    for at in rims:
        along, value = rays[2] @ at, rays[i] @ at
        slopes = [(rays[i, n] * along - value * rays[2, n]) / along**2 for n in (0, 1)]
        found.append(abs(depth) * max(np.abs(slopes)))
    return float(min(found))


@njit(parallel=True, fastmath=True, cache=True, error_model="numpy")
def _sum_on_plane(flat, shape, steps, source, first, pitch, depth, plane):
    """Fill the plane's (q, p) grid with the sum of the slices, seen from the source."""
    height, width = plane.shape
    for block in prange((height + 15) // 16):
        line = np.zeros(shape[0] + 3, np.float32)
        index, share = np.empty(width, np.int32), np.empty(width, np.float32)
        for k in range(shape[2]):
            scale = (k - source[2]) / depth
            for u in range(width):
                p = source[0] + (first[0] + u * pitch[0]) * scale + 1.0
                p = min(max(p, 0.0), shape[0] + 1.0)
                index[u] = np.int32(p)
                share[u] = np.float32(p - np.int32(p))
            for v in range(block * 16, min(block * 16 + 16, height)):
                q = source[1] + (first[1] + v * pitch[1]) * scale + 1.0
                if q <= 0 or q >= shape[1] + 1:
                    continue
                j = int(q)
                f = np.float32(q - j)
                start = (k + 1) * steps[2] + j * steps[1]
                one, two = flat[start:start + len(line)], flat[start + steps[1]:start + steps[1] + len(line)]
                for p in range(len(line)):
                    line[p] = one[p] + f * (two[p] - one[p])
                row = plane[v]
                for u in range(width):
                    i = index[u]
                    row[u] += line[i] + share[u] * (line[i + 1] - line[i])


@njit(parallel=True, fastmath=True, cache=True, error_model="numpy")
def _look_up(plane, rays, rays_mm, first, pitch, depth, out):
    """Bilinear samples of the plane where each pixel's ray meets it, times the ray's length between slices in mm."""
    height, width = plane.shape
    for r in prange(out.shape[0]):
        for c in range(out.shape[1]):
            along = rays[2, 0] * r + rays[2, 1] * c + rays[2, 2]
            u = ((rays[0, 0] * r + rays[0, 1] * c + rays[0, 2]) / along * depth - first[0]) / pitch[0]
            v = ((rays[1, 0] * r + rays[1, 1] * c + rays[1, 2]) / along * depth - first[1]) / pitch[1]
            value = 0.0
            if 0 <= u < width - 1 and 0 <= v < height - 1:
                i, j = int(u), int(v)
                f, g = u - i, v - j
                top = plane[j, i] + f * (plane[j, i + 1] - plane[j, i])
                bottom = plane[j + 1, i] + f * (plane[j + 1, i + 1] - plane[j + 1, i])
                squares = 0.0
                for n in range(3):
                    squares += (rays_mm[n, 0] * r + rays_mm[n, 1] * c + rays_mm[n, 2]) ** 2
                value = (top + g * (bottom - top)) * np.sqrt(squares) / abs(along)
            out[r, c] = value
