"""Rendering with torch, on any device: line integrals of many views, differentiable in the pose and in the volume.

The same sums as those of `joseph`, one bilinear sample per slice along the dominant axis, by `grid_sample`. Importing
this module imports torch.
"""

import numpy as np
import torch
import torch.nn.functional as F
from torch.autograd.function import once_differentiable
from torch.utils.checkpoint import checkpoint

from ..geometry.camera import Camera
from ..imaging import Volume
from .joseph import span
from .prepared import PreparedVolume, require_finite
from .render import tiles_by_axis

SAMPLES = {"cpu": 2**17}  # at a time: what stays in the cache; elsewhere what fills the device
MANY = 2**24
BILINEAR, ZEROS = 0, 0  # as grid_sample's backward pass numbers them


class TorchRenderer(torch.nn.Module):
    """`render` as a module: views of one volume as its camera moves, differentiable in the motions and in the volume.

    Parameters
    ----------
    volume
        As for `render`. Several materials become as many volumes.
    camera
        Where source and detector are before they move.
    centre_mm : (3,) array
        What the camera turns about: the isocentre.
    device
        Any of torch's.
    to_detector
        As in `render`.

    Raises
    ------
    ValueError
        The volume holds values that are not finite.

    Attributes
    ----------
    voxels : (materials, planes, rows, columns) float32 tensor
        Replace it, or let it require its gradient, to fit the volume.
    """

    def __init__(self, volume: Volume | PreparedVolume, camera: Camera, centre_mm=(0.0, 0.0, 0.0), *,
                 device: str | torch.device = "cpu", to_detector: bool = False):
        super().__init__()
        self.size_px, self.to_detector = camera.size_px, to_detector
        exact = {"dtype": _exact(device), "device": device}
        self.register_buffer("voxels", torch.tensor(_densities(volume), device=device))
        self.register_buffer("world_from_voxel", torch.tensor(volume.world_from_voxel, **exact))
        self.register_buffer("centre_mm", torch.tensor(np.asarray(centre_mm, float), **exact))
        self.register_buffer("rays_mm", torch.tensor(ray_matrix(camera), **exact))

    def forward(self, motions: torch.Tensor) -> torch.Tensor:
        """(B, rows, columns) line integrals, or (B, materials, rows, columns), float32.

        Parameters
        ----------
        motions : (B, 6) tensor
            Turn in rad and shift in mm of `Camera.moved`, as in `render_with_jacobian`.
        """
        motions = motions.to(self.rays_mm)
        turn, shift = torch.linalg.matrix_exp(_cross(motions[:, :3])), motions[:, 3:]
        source = self.centre_mm + turn @ (self.rays_mm[:, 3] - self.centre_mm) + shift
        rays_mm = torch.cat([turn @ self.rays_mm[:, :3], source[:, :, None]], 2)
        images = line_integrals(self.voxels, self.world_from_voxel, rays_mm, self.size_px, to_detector=self.to_detector)
        return images[:, 0] if len(self.voxels) == 1 else images


def ray_matrix(camera: Camera) -> np.ndarray:
    """(3, 4): acts on (row, column, 1) and gives the ray from the source in mm; its last column is the source."""
    return np.column_stack([camera.ray_from_px, camera.source_mm])


def line_integrals(voxels: torch.Tensor, world_from_voxel: torch.Tensor, rays_mm: torch.Tensor,
                   size_px: tuple[int, int], *, to_detector: bool = False) -> torch.Tensor:
    """Line integrals of several volumes on one grid in several views, in value times mm.

    Parameters
    ----------
    voxels : (materials, planes, rows, columns) float32 tensor
        Zero outside.
    world_from_voxel : (4, 4) tensor
    rays_mm : (B, 3, 4) tensor
        The `ray_matrix` of each view.
    size_px
        (rows, columns) of every view.
    to_detector
        Whether rays end at the detector.

    Returns
    -------
    (B, materials, rows, columns) float32 tensor, differentiable in `voxels` and `rays_mm`
    """
    voxel_from_world = torch.linalg.inv(world_from_voxel)
    turn, shift = voxel_from_world[:3, :3], voxel_from_world[:3, 3]
    images = []
    for view_mm in rays_mm:
        rays, source = turn @ view_mm[:, :3], turn @ view_mm[:, 3] + shift
        image = voxels.new_zeros(len(voxels), size_px[0] * size_px[1])
        for axis, pixels in _pixels_by_axis(rays, size_px):
            part = _along(axis, voxels, source, rays, view_mm[:, :3], _coordinates(pixels, size_px, rays), to_detector)
            image = part if len(pixels) == image.shape[1] else image.index_copy(1, pixels, part)
        images.append(image.reshape(-1, *size_px))
    return torch.stack(images)


def _densities(volume: Volume | PreparedVolume) -> np.ndarray:
    """(materials, planes, rows, columns) float32 array, without a copy of one that has such values already."""
    if isinstance(volume, PreparedVolume):
        return volume.densities()
    values = np.asarray(volume.voxels, np.float32)[None]
    require_finite(values, volume.name)
    return values


def _exact(device) -> torch.dtype:
    """What geometry is worked out in: few numbers, so double precision wherever there is any."""
    return torch.float32 if torch.device(device).type == "mps" else torch.float64


def _cross(vectors: torch.Tensor) -> torch.Tensor:
    """(B, 3, 3) matrices that act as the cross product of each vector with a vector."""
    return torch.linalg.cross(vectors[:, None], torch.eye(3).to(vectors)[None], dim=2).transpose(1, 2)


def _pixels_by_axis(rays: torch.Tensor, size_px: tuple[int, int]) -> list[tuple[int, torch.Tensor]]:
    """The flat numbers of the pixels that `render` sums along each axis."""
    parts = tiles_by_axis(rays.detach().cpu().double().numpy(), size_px)
    axis_of_px = np.zeros(size_px, np.int8)
    for axis, tiles in parts:
        for row, column, rows, columns in tiles:
            axis_of_px[row:row + rows, column:column + columns] = axis
    return [(axis, torch.tensor(np.flatnonzero(axis_of_px == axis), device=rays.device)) for axis, _ in parts]


def _coordinates(pixels: torch.Tensor, size_px: tuple[int, int], like: torch.Tensor) -> torch.Tensor:
    """(3, N): row, column, 1."""
    return torch.stack([pixels // size_px[1], pixels % size_px[1], torch.ones_like(pixels)]).to(like)


def _along(axis: int, voxels, source, rays, rays_mm, pixels, to_detector: bool) -> torch.Tensor:
    """(materials, N) line integrals of rays along one axis, from the sums over its slices."""
    q, p = [i for i in range(3) if i != axis]
    slices = voxels.movedim(1 + axis, 0)
    count, middle = len(slices), len(slices) // 2
    directions = rays @ pixels
    along = directions[axis]
    along = torch.where(along.abs() > 1e-9, along, torch.full_like(along, 1e-9))
    slope = directions[[p, q]] / along
    size = torch.tensor([slices.shape[3], slices.shape[2]]).to(slope)[:, None]
    at = (2 * (source[[p, q], None] + (middle - source[axis]) * slope) + 1) / size - 1  # -1 to 1 across the slice
    at, step = at.T.float().contiguous(), (2 * slope / size).T.float().contiguous()
    start = source[axis]
    end = start + along if to_detector else torch.copysign(torch.full_like(along, 1e9), along)
    with torch.no_grad():
        first, last, low, high = span(float(start), float(end.min()), float(end.max()))
    first, last = max(first, 0), min(last, count)
    low, high = (int(min(max(k, first), max(first, last))) for k in (low, high))
    sums = _SumOfSlices.apply(slices, at, step, low, max(low, high), middle)
    for k in [*range(first, low), *range(max(low, high), last)]:
        sums = sums + checkpoint(_part_of_slice, slices[k], at, step, k, k - middle, start, end, use_reentrant=False)
    return sums * ((rays_mm @ pixels).norm(dim=0) / along.abs()).float()


def _part_of_slice(values, at, step, k: int, from_middle: int, start, end) -> torch.Tensor:
    """(materials, N) samples of one slice, as far as the rays begin before it and end behind it."""
    samples = F.grid_sample(values[None], torch.add(at, step, alpha=from_middle)[None, None], align_corners=False)
    return samples[0, :, 0] * (_ramp(end - k) - _ramp(start - k)).abs().float()


def _ramp(x: torch.Tensor) -> torch.Tensor:
    """`joseph.ramp` of a tensor."""
    x = x.clamp(-1, 1)
    return 0.5 + x - 0.5 * x * x.abs()


class _SumOfSlices(torch.autograd.Function):
    """Bilinear samples, summed over slices; the backward pass goes over the slices once more and keeps none of them."""

    @staticmethod
    def forward(ctx, slices, at, step, first, last, middle):
        """(materials, N) sums of (slices, materials, q, p) values at (N, 2) places `at` + (slice - middle) `step`."""
        ctx.save_for_backward(slices, at, step)
        ctx.range = first, last, middle
        sums = slices.new_zeros(slices.shape[1], len(at))
        for _, values, grid in _chunks(slices, at, step, *ctx.range):
            sums += F.grid_sample(values, grid, align_corners=False).sum(0)[:, 0]
        return sums

    @staticmethod
    @once_differentiable
    def backward(ctx, change):
        slices, at, step = ctx.saved_tensors
        want_volume, want_pose = ctx.needs_input_grad[0], any(ctx.needs_input_grad[1:3])
        to_slices = torch.zeros_like(slices) if want_volume else None
        to_places = at.new_zeros(2, at.numel()) if want_pose else None
        for k, values, grid in _chunks(slices, at, step, *ctx.range):
            per_slice = change[None, :, None].expand(len(k), -1, -1, -1)
            to_values, to_grid = torch.ops.aten.grid_sampler_2d_backward(
                per_slice, values, grid, BILINEAR, ZEROS, False, [want_volume, want_pose])
            if want_volume:
                to_slices[k[0]:k[-1] + 1] += to_values
            if want_pose:
                weights = _from_middle(k, ctx.range[2], at)
                to_places.addmm_(torch.stack([torch.ones_like(weights), weights]), to_grid.reshape(len(k), -1))
        to_at, to_step = to_places.reshape(2, *at.shape) if want_pose else (None, None)
        return to_slices, to_at, to_step, None, None, None


def _chunks(slices, at, step, first: int, last: int, middle: int):
    """Some slices at a time: their numbers, their values, and where the rays cross them."""
    samples = SAMPLES.get(at.device.type, MANY)
    count = max(samples // len(at), torch.get_num_threads() if at.device.type == "cpu" else 1)
    for k0 in range(first, last, count):
        k = range(k0, min(k0 + count, last))
        values = slices[k[0]:k[-1] + 1]
        if values.stride(-1) != 1:  # one pass through memory is cheaper than samples all over it
            values = values.contiguous()
        yield k, values, torch.addcmul(at, step, _from_middle(k, middle, at)[:, None, None])[:, None]


def _from_middle(k: range, middle: int, like: torch.Tensor) -> torch.Tensor:
    return torch.arange(k[0] - middle, k[-1] + 1 - middle, dtype=like.dtype, device=like.device)
