"""Signed distances to the surface of a mask's bone, in mm, also between the slices of thick ones."""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import distance_transform_edt, map_coordinates

from ..errors import InputError
from ..imaging import Volume

_MARGIN = 2  # voxels of background about the bone
_SKEW = 1e-3


@dataclass(frozen=True, eq=False)
class Grid:
    """A straight grid of cubes in the world.

    Parameters
    ----------
    origin_mm : (3,) array
        World position of its first voxel.
    spacing_mm
    shape
    """

    origin_mm: np.ndarray
    spacing_mm: float
    shape: tuple[int, int, int]

    @classmethod
    def about(cls, bounds_mm, margin_mm: float, spacing_mm: float) -> "Grid":
        """The grid that holds a (2, 3) box with a margin."""
        low, high = np.asarray(bounds_mm, float) + np.array([[-margin_mm], [margin_mm]])
        return cls(low, float(spacing_mm), tuple(int(n) for n in np.ceil((high - low) / spacing_mm) + 1))

    def points(self) -> np.ndarray:
        """(planes, rows, columns, 3) world positions of its voxels."""
        axes = [o + self.spacing_mm * np.arange(n) for o, n in zip(self.origin_mm, self.shape, strict=True)]
        return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)

    def index(self, points_mm) -> np.ndarray:
        """(..., 3) voxels, not rounded, of points in the world."""
        return (np.asarray(points_mm, float) - self.origin_mm) / self.spacing_mm

    def at(self, values, points_mm, order: int = 1) -> np.ndarray:
        """(N, ...) values on the grid at (N, ..., 3) points; beyond its border those of the border."""
        return map_coordinates(values, np.moveaxis(self.index(points_mm), -1, 0), order=order, mode="nearest")


@dataclass(frozen=True, eq=False)
class DistanceMap:
    """Distances from the surface of a bone on the grid of its mask; negative inside.

    Parameters
    ----------
    values : (planes, rows, columns) float32 array
        In mm.
    world_from_voxel : (4, 4) array
        Of these voxels; any spacing and direction, at right angles.
    """

    values: np.ndarray
    world_from_voxel: np.ndarray

    @property
    def spacing_mm(self) -> np.ndarray:
        """(3,) distances of the voxels' centres."""
        return np.linalg.norm(self.world_from_voxel[:3, :3], axis=0)

    @property
    def bounds_mm(self) -> np.ndarray:
        """(2, 3) box in the world that holds the bone."""
        inside = np.argwhere(self.values <= 0)
        low, high = inside.min(0) - 0.5, inside.max(0) + 0.5
        corners = np.stack(np.meshgrid(*zip(low, high, strict=True), indexing="ij"), axis=-1).reshape(-1, 3)
        world = corners @ self.world_from_voxel[:3, :3].T + self.world_from_voxel[:3, 3]
        return np.stack([world.min(0), world.max(0)])

    def at(self, points_mm) -> np.ndarray:
        """(N, ...) distances at (N, ..., 3) points; outside of the box, that of its nearest place and the way there."""
        points = np.asarray(points_mm, float)
        matrix = np.linalg.inv(self.world_from_voxel)
        index = points @ matrix[:3, :3].T + matrix[:3, 3]
        inside = np.clip(index, 0, np.array(self.values.shape) - 1.0)
        beyond = np.linalg.norm((index - inside) * self.spacing_mm, axis=-1)
        return map_coordinates(self.values, np.moveaxis(inside, -1, 0), order=1, mode="nearest") + beyond

    def gradient(self, points_mm, step_mm: float) -> np.ndarray:
        """(N, ..., 3) derivative of the distance in the world, over `step_mm` to either side."""
        points, steps = np.asarray(points_mm, float), step_mm * np.eye(3)
        return np.stack([self.at(points + s) - self.at(points - s) for s in steps], axis=-1) / (2 * step_mm)

    def onto_surface(self, points_mm, rounds: int = 4) -> np.ndarray:
        """(N, 3) points moved along the distance's gradient until they lie on the surface, where they are near it."""
        points, step = np.array(points_mm, float), 0.5 * self.spacing_mm.min()
        for _ in range(rounds):
            slope = self.gradient(points, step)
            squared = np.maximum((slope**2).sum(-1, keepdims=True), 0.25)
            points -= self.at(points)[..., None] * slope / squared
        return points


def distance_map(mask: np.ndarray, world_from_voxel: np.ndarray, name: str = "mask") -> DistanceMap:
    """Distances from the surface half-way between the voxels of a mask and those around it.

    Where slices are thick this is shape-based interpolation (Raya and Udupa 1990): between two slices the outline goes
    over from that of one to that of the other.

    Parameters
    ----------
    mask : (planes, rows, columns) boolean array
        With some voxels in it. Beyond its border there is no bone.
    world_from_voxel : (4, 4) array
    name
        For errors.

    Raises
    ------
    InputError
        The axes are not at right angles.
    """
    matrix = np.array(world_from_voxel, float)
    spacing = np.linalg.norm(matrix[:3, :3], axis=0)
    axes = matrix[:3, :3] / spacing
    if np.abs(axes.T @ axes - np.eye(3)).max() > _SKEW:
        raise InputError(name, "its axes are not at right angles", "Remove the shear first")
    places = [np.flatnonzero(mask.any(axis=tuple({0, 1, 2} - {axis}))) for axis in range(3)]
    box = tuple(slice(p[0], p[-1] + 1) for p in places)
    padded = np.pad(mask[box], _MARGIN)
    half = 0.5 * spacing.min()
    outside, inside = (distance_transform_edt(m, spacing).astype(np.float32) for m in (~padded, padded))
    matrix[:3, 3] += matrix[:3, :3] @ (np.array([b.start for b in box]) - _MARGIN)
    return DistanceMap(np.where(padded, half - inside, outside - half), matrix)


def distance_map_of(volume: Volume) -> DistanceMap:
    """The same of a volume whose bone is all that is not zero."""
    return distance_map(np.asarray(volume.voxels) != 0, volume.world_from_voxel, volume.name)
