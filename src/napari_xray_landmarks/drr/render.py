"""Render a volume: line integrals from the source through every pixel."""

import numpy as np

from ..geometry.camera import Camera
from ..imaging import Volume
from .joseph import GRADIENTS, MATERIALS, SMALL_TILE, TILE, VALUES, integrate
from .prepared import PreparedVolume, prepare

STEEP = 2.0  # voxels in plane per slice beyond which a tile is rendered along another axis


def render(volume: Volume | PreparedVolume, camera: Camera, *, to_detector: bool = False,
           device: str | None = None) -> np.ndarray:
    """Line integrals of a volume's values, in value times mm.

    Parameters
    ----------
    volume
        Any spacing, origin and direction; zero outside. One that is rendered more than once is best prepared.
    camera
        Where the source, which may be inside the volume, and the detector are in the volume's world.
    to_detector
        Whether rays end at the detector; otherwise what lies behind it counts too.
    device
        One of torch's, such as "cuda", to render there; for many views, or gradients, see `differentiable`.

    Returns
    -------
    (rows, columns) float32 array, or (materials, rows, columns) if the volume was prepared with several

    Raises
    ------
    ValueError
        The volume cannot be prepared.
    """
    if device is not None:
        return _with_torch(volume, camera, to_detector, device)
    prepared = prepare(volume)
    mode = VALUES if prepared.materials == 1 else MATERIALS
    sums = _sums(prepared, camera, mode, to_detector)
    if mode == VALUES:
        return sums[0]
    sums[0] -= sums[1:].sum(0)
    return sums


def render_with_jacobian(volume: Volume | PreparedVolume, camera: Camera, centre_mm, *, to_detector: bool = False
                         ) -> tuple[np.ndarray, np.ndarray]:
    """Line integrals, and how they change as source and detector move together.

    Parameters
    ----------
    volume
        Of one material.
    camera
    centre_mm : (3,) array
        What the camera turns about: the isocentre.
    to_detector
        As in `render`.

    Returns
    -------
    image : (rows, columns) float32 array
    jacobian : (6, rows, columns) float32 array
        Change per radian about, then per mm along the world's axes (superior, posterior, left): the derivatives of
        `render(volume, camera.moved(turn_rad, shift_mm, centre_mm))` at zero. A volume that moves against a
        camera at rest changes the image by the opposite.

    Raises
    ------
    ValueError
        The volume cannot be prepared, or has several materials.
    """
    prepared = prepare(volume)
    if prepared.materials > 1:
        raise ValueError(f"the Jacobian is that of one material, the volume has {prepared.materials}")
    sums = _sums(prepared, camera, GRADIENTS, to_detector, _motions(prepared, camera, centre_mm))
    return sums[0], sums[1:]


def _with_torch(volume: Volume | PreparedVolume, camera: Camera, to_detector: bool, device: str) -> np.ndarray:
    import torch

    from .differentiable import TorchRenderer

    with torch.no_grad():
        renderer = TorchRenderer(volume, camera, device=device, to_detector=to_detector)
        return renderer(torch.zeros(1, 6, device=device))[0].cpu().numpy()


def dominant_axis(rays: np.ndarray, size_px: tuple[int, int]) -> int:
    """The volume axis along which the central ray crosses most slices."""
    return int(np.argmax(np.abs(rays @ _middle(size_px))))


def corner_rays(rays: np.ndarray, size_px: tuple[int, int]) -> np.ndarray:
    """(4, 3) rays through the detector's corners, of a (3, 3) matrix from (row, column, 1) to a ray."""
    return np.array([(r, c, 1.0) for r in (0, size_px[0] - 1) for c in (0, size_px[1] - 1)]) @ rays.T


def _sums(prepared: PreparedVolume, camera: Camera, mode: int, ends: bool, motions=None) -> np.ndarray:
    """The channels of `integrate`, each tile along the axis that its rays follow."""
    source, rays = in_voxels(prepared, camera)
    motions = np.zeros((6, 3, 4)) if motions is None else motions
    channels = {VALUES: 1, MATERIALS: prepared.materials, GRADIENTS: 7}[mode]
    out = np.empty((channels, *camera.size_px), dtype=np.float32)
    for axis, tiles in tiles_by_axis(rays, camera.size_px):
        flat, order, steps = prepared.layout(axis)
        o = list(order)
        integrate(mode, flat, np.array(prepared.shape)[o], np.array(steps), source[o], rays[o], camera.ray_from_px,
                  np.ascontiguousarray(motions[:, o]), ends, tiles, out)
    return out


def tiles_by_axis(rays: np.ndarray, size_px: tuple[int, int]) -> list[tuple[int, np.ndarray]]:
    """The (N, 4) tiles of `integrate` by the axis to render them along: one axis unless some rays are steep to it."""
    axis = dominant_axis(rays, size_px)
    corners = corner_rays(rays, size_px)
    along = corners[:, axis]
    if (along * along[0] > 0).all() and (np.abs(corners) <= STEEP * np.abs(along[:, None])).all():
        return [(axis, _tiles(size_px, TILE))]
    tiles = _tiles(size_px, SMALL_TILE)
    middles = tiles[:, :2] + (tiles[:, 2:] - 1) / 2
    best = np.abs(np.column_stack([middles, np.ones(len(tiles))]) @ rays.T).argmax(1)
    return [(int(a), tiles[best == a]) for a in np.unique(best)]


def _tiles(size_px: tuple[int, int], extent: tuple[int, int]) -> np.ndarray:
    """(N, 4): first row and column, rows and columns of the tiles that cover a detector."""
    first = np.stack(np.meshgrid(*(np.arange(0, n, step) for n, step in zip(size_px, extent, strict=True)),
                                 indexing="ij"), -1).reshape(-1, 2)
    return np.hstack([first, np.minimum(extent, np.array(size_px) - first)])


def _motions(prepared: PreparedVolume, camera: Camera, centre_mm) -> np.ndarray:
    """(6, 3, 4): how rays and source, in voxels, change with each turn about and shift along a world axis."""
    voxel_from_world = np.linalg.inv(prepared.world_from_voxel)[:3, :3]
    arm = camera.source_mm - np.asarray(centre_mm, dtype=float)
    change = np.zeros((6, 3, 4))
    for i, axis in enumerate(np.eye(3)):
        turn = np.cross(np.eye(3), axis)  # acts on a vector as the cross product of the axis with it
        change[i, :, :3] = voxel_from_world @ turn @ camera.ray_from_px
        change[i, :, 3] = voxel_from_world @ turn @ arm
        change[3 + i, :, 3] = voxel_from_world @ axis
    return change


def in_voxels(prepared: PreparedVolume, camera: Camera) -> tuple[np.ndarray, np.ndarray]:
    """The source, and the (3, 3) matrix from (row, column, 1) to a ray, in voxel coordinates."""
    voxel_from_world = np.linalg.inv(prepared.world_from_voxel)
    source = voxel_from_world @ np.append(camera.source_mm, 1.0)
    return source[:3], voxel_from_world[:3, :3] @ camera.ray_from_px


def _middle(size_px: tuple[int, int]) -> np.ndarray:
    return np.array([(size_px[0] - 1) / 2, (size_px[1] - 1) / 2, 1.0])
