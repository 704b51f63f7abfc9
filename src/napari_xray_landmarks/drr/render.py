"""Render a volume: line integrals from the source to every pixel."""

import numpy as np

from ..geometry.camera import Camera
from ..imaging import Volume
from .joseph import padded_slabs, sum_along_rays


def render(volume: Volume, camera: Camera) -> np.ndarray:
    """Line integrals of a volume's values, in value times mm.

    Parameters
    ----------
    volume
        Any spacing, origin and direction; zero outside.
    camera
        Where the source and the detector are in the volume's world.

    Returns
    -------
    (rows, columns) float32 array

    Raises
    ------
    ValueError
        The volume holds a NaN or an infinity.
    """
    if not np.isfinite(volume.voxels).all():
        raise ValueError(f"volume {volume.name!r} holds values that are not finite")
    source, rays = _in_voxels(volume, camera)
    axis = dominant_axis(rays, camera.size_px)
    slabs = padded_slabs(volume.voxels, axis)
    starts, steps, step_mm = _slice_crossings(volume, source, rays, axis, camera.size_px)
    out = np.zeros(camera.size_px, dtype=np.float32)
    first, last = _slices_in_front(source[axis], rays[axis] @ _middle(camera.size_px), slabs.shape[0])
    q, p = (np.arange(3) != axis).nonzero()[0]
    sum_along_rays(slabs, starts[p], steps[p], starts[q], steps[q], first, last, out)
    return out * step_mm


def dominant_axis(rays: np.ndarray, size_px: tuple[int, int]) -> int:
    """The volume axis along which the central ray crosses most slices."""
    return int(np.argmax(np.abs(rays @ _middle(size_px))))


def _in_voxels(volume: Volume, camera: Camera) -> tuple[np.ndarray, np.ndarray]:
    """The source, and the (3, 3) matrix from (row, column, 1) to a ray, in voxel coordinates."""
    voxel_from_world = np.linalg.inv(volume.world_from_voxel)
    source = voxel_from_world @ np.append(camera.source_mm, 1.0)
    return source[:3], voxel_from_world[:3, :3] @ camera.ray_from_px


def _middle(size_px: tuple[int, int]) -> np.ndarray:
    return np.array([(size_px[0] - 1) / 2, (size_px[1] - 1) / 2, 1.0])


def _slices_in_front(source: float, direction: float, count: int) -> tuple[int, int]:
    """The range of slices that lie in front of a source at voxel coordinate `source`."""
    split = int(np.clip(np.ceil(source), 0, count))
    return (split, count) if direction > 0 else (0, split)


def _slice_crossings(volume, source, rays, axis, size_px):
    """Where each ray crosses slice 0, how far it moves per slice (both (3, H, W) in voxels), and the step in mm."""
    row, column = np.arange(size_px[0])[:, None], np.arange(size_px[1])[None, :]
    ray = [a[0] * row + a[1] * column + a[2] for a in rays]
    along = np.where(np.abs(ray[axis]) < 1e-12, 1e-12, ray[axis])
    steps = np.stack([r / along for r in ray])
    starts = source[:, None, None] - source[axis] * steps
    step_mm = np.linalg.norm(np.einsum("ij,jhw->ihw", volume.world_from_voxel[:3, :3], steps), axis=0)
    return starts.astype(np.float32), steps.astype(np.float32), step_mm.astype(np.float32)
