"""Thickness of the cartilage on a bone's surface."""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter, map_coordinates

from ..imaging import Volume
from ..mesh import Mesh

DEPTH_MM, HEIGHT_MM = 5.0, 12.0
"""How far below and above the surface cartilage is looked for: a fitted shape lies a little off the bone."""
_SMOOTH_VOXELS, _STEPS_A_VOXEL, _GAP_VOXELS = 0.6, 4, 2.5
_BELONGS = 0.02  # of the smoothed label: where a run of cartilage along a normal ends
_CHUNK = 20_000


@dataclass(frozen=True)
class ThicknessMeasures:
    """Thickness of a cartilage in numbers, each part of the surface by its area.

    Parameters
    ----------
    mean_mm, median_mm, percentile95_mm
        NaN where there is no cartilage.
    area_mm2
        Of the bone's surface that is covered.
    """

    mean_mm: float
    median_mm: float
    percentile95_mm: float
    area_mm2: float


def cartilage_thickness(labels: Volume, bone: int, cartilage: int, mesh: Mesh) -> np.ndarray:
    """How thick the cartilage is along the normal at each vertex of a bone's surface.

    The thickness is the integral along the normal of the label, smoothed by less than a voxel: the mean of all ways
    that the same layer could fall on the grid, and so finer than the voxels.

    Parameters
    ----------
    labels
    bone, cartilage
        Their labels.
    mesh
        The bone's surface, in the world of the labels, within `DEPTH_MM` of the bone's own.

    Returns
    -------
    (vertices,) array
        mm; NaN where no cartilage lies on the bone.
    """
    window = _window(labels, cartilage)
    if window is None:
        return np.full(len(mesh.vertices), np.nan)
    start, voxels = window
    voxel_from_world = np.linalg.inv(labels.world_from_voxel)
    layer = gaussian_filter((voxels == cartilage).astype(np.float32), _SMOOTH_VOXELS)
    finest = float(np.linalg.norm(labels.world_from_voxel[:3, :3], axis=0).min())
    heights = np.arange(-DEPTH_MM, HEIGHT_MM, finest / _STEPS_A_VOXEL)
    normals, found = vertex_normals(mesh), np.full(len(mesh.vertices), np.nan)
    for i in range(0, len(found), _CHUNK):
        rays = mesh.vertices[i:i + _CHUNK, None] + heights[:, None] * normals[i:i + _CHUNK, None]
        at = np.moveaxis(rays @ voxel_from_world[:3, :3].T + voxel_from_world[:3, 3] - start, -1, 0)
        of_bone, of_layer = (map_coordinates((voxels == label).astype(np.uint8), at, order=0, mode="nearest") > 0
                             for label in (bone, cartilage))
        found[i:i + _CHUNK] = _run(map_coordinates(layer, at, order=1, mode="nearest"), of_layer, of_bone, heights,
                                   _GAP_VOXELS * float(max(labels.spacing_mm)))
    return found


def _run(values: np.ndarray, of_layer: np.ndarray, of_bone: np.ndarray, heights: np.ndarray, gap_mm: float
         ) -> np.ndarray:
    """The integral along each ray of that run of cartilage which lies nearest to the surface and on bone.

    Parameters
    ----------
    values : (rays, heights) array
        Smoothed label of the cartilage.
    of_layer, of_bone : (rays, heights) bool arrays
        Labels of the nearest voxels.
    heights : (heights,) array
        mm along the normals.
    gap_mm
        Of what else there may be between bone and cartilage.
    """
    step = heights[1] - heights[0]
    reach = int(np.ceil(gap_mm / step))
    bone_below = np.cumsum(of_bone, 1)
    bone_below[:, reach:] -= bone_below[:, :-reach].copy()
    first = of_layer & ~np.pad(of_layer, ((0, 0), (1, 0)))[:, :-1] & (bone_below > 0)
    away = np.where(first, np.abs(heights), np.inf)
    nearest = away.argmin(1)
    inside = values > _BELONGS
    runs = np.cumsum(inside & ~np.pad(inside, ((0, 0), (1, 0)))[:, :-1], 1) * inside
    own = np.take_along_axis(runs, nearest[:, None], 1)
    total = np.where((runs == own) & (own > 0), values, 0).sum(1) * step
    return np.where(np.isfinite(away.min(1)) & (total > 0), total, np.nan)


def vertex_normals(mesh: Mesh) -> np.ndarray:
    """(N, 3) outward unit normals: those of the triangles at a vertex, by their areas."""
    normals = np.zeros((len(mesh.vertices), 3))
    for corner in mesh.faces.T:
        np.add.at(normals, corner, mesh.area_vectors)
    return normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)


def vertex_areas(mesh: Mesh) -> np.ndarray:
    """(N,) mm2 that belong to each vertex: a third of each of its triangles."""
    areas = np.zeros(len(mesh.vertices))
    for corner in mesh.faces.T:
        np.add.at(areas, corner, np.linalg.norm(mesh.area_vectors, axis=1) / 3)
    return areas


def thickness_measures(thickness: np.ndarray, areas_mm2: np.ndarray) -> ThicknessMeasures:
    """Mean, median and 95th percentile over the covered surface, and its area.

    Parameters
    ----------
    thickness : (vertices,) array
        Of `cartilage_thickness`.
    areas_mm2 : (vertices,) array
        Of `vertex_areas`.
    """
    covered = np.isfinite(thickness)
    if not covered.any():
        return ThicknessMeasures(np.nan, np.nan, np.nan, 0.0)
    values, areas = thickness[covered], np.maximum(areas_mm2[covered], 1e-12)
    order = np.argsort(values)
    share = (np.cumsum(areas[order]) - areas[order] / 2) / areas.sum()
    median, high = np.interp((0.5, 0.95), share, values[order])
    return ThicknessMeasures(float(np.average(values, weights=areas)), float(median), float(high), float(areas.sum()))


def _window(labels: Volume, cartilage: int) -> tuple[np.ndarray, np.ndarray] | None:
    """First voxel and voxels of the part round the cartilage, as far as rays reach; None where there is none."""
    there = [np.flatnonzero(ends) for ends in _profiles(labels.voxels, cartilage)]
    if not len(there[0]):
        return None
    margin = np.ceil((DEPTH_MM + HEIGHT_MM) / np.array(labels.spacing_mm)).astype(int)
    low = [max(int(t[0]) - m, 0) for t, m in zip(there, margin, strict=True)]
    high = [int(t[-1]) + m + 1 for t, m in zip(there, margin, strict=True)]
    return np.array(low), labels.voxels[tuple(slice(a, b) for a, b in zip(low, high, strict=True))]


def _profiles(voxels: np.ndarray, value: int) -> list[np.ndarray]:
    """Along each axis, whether a value is anywhere in the plane; plane by plane."""
    found = [np.zeros(n, bool) for n in voxels.shape]
    for i, plane in enumerate(voxels):
        mask = plane == value
        found[0][i] = mask.any()
        found[1] |= mask.any(1)
        found[2] |= mask.any(0)
    return found
