"""Shapes as sampled signed distances: built by whole-array expressions, then read in between by interpolation.

Coordinates are (superior, posterior, lateral) in mm in a bone's own frame. The surface is the zero set of the
trilinear interpolation, so a point on it is exact by definition whatever the voxels of an image.
"""

import math
from dataclasses import dataclass, field

import numpy as np
from numba import njit, prange
from scipy.interpolate import Akima1DInterpolator

DISTANCE, CARTILAGE, FILM, CORTEX, DENSITY, SCAR = range(6)  # channels of a bone


@dataclass(frozen=True, eq=False)
class Field:
    """Signed distance to a shape (negative inside), and what else is known at each node.

    Parameters
    ----------
    values : (channels, planes, rows, columns) float32 array
        Distance in mm first; the bones' other channels are those named in this module.
    origin_mm, spacing_mm : (3,) arrays
        Of the nodes in the body's frame. Outside of them the nearest node counts.
    world_from_body : (4, 4) array
        Rigid.
    """

    values: np.ndarray
    origin_mm: np.ndarray
    spacing_mm: np.ndarray
    world_from_body: np.ndarray = field(default_factory=lambda: np.eye(4))

    @property
    def body_from_world(self) -> np.ndarray:
        return np.linalg.inv(self.world_from_body)

    def placed(self, world_from_body: np.ndarray) -> "Field":
        return Field(self.values, self.origin_mm, self.spacing_mm, world_from_body)

    def read(self, points_mm, channel: int = DISTANCE) -> np.ndarray:
        """(N,) values of a channel at (N, 3) world points."""
        body = np.asarray(points_mm, float) @ self.body_from_world[:3, :3].T + self.body_from_world[:3, 3]
        return _read(self.values[channel], self.origin_mm, self.spacing_mm, np.ascontiguousarray(body))

    def distance_mm(self, points_mm) -> np.ndarray:
        """(N,) signed distances of (N, 3) world points, negative inside."""
        return self.read(points_mm)

    def normals(self, points_mm) -> np.ndarray:
        """(N, 3) unit normals at (N, 3) world points near the surface."""
        points, h = np.asarray(points_mm, float), 0.25
        gradient = np.stack([self.read(points + h * e) - self.read(points - h * e) for e in np.eye(3)], -1)
        return gradient / np.linalg.norm(gradient, axis=1, keepdims=True)

    def surface_mm(self, point_mm) -> np.ndarray:
        """The surface point reached from a world point down the gradient of the distance."""
        return self._walked(point_mm, np.zeros(3), 0.0)

    def farthest_mm(self, start_mm, direction, reach_mm: float = 12.0) -> np.ndarray:
        """The first summit along `direction` that a climb over the surface from near `start_mm` comes to.

        The climb never goes farther than `reach_mm` from its start.
        """
        direction = np.asarray(direction, float) / np.linalg.norm(direction)
        return self._walked(start_mm, self.world_from_body[:3, :3].T @ direction, reach_mm)

    def _walked(self, point_mm, direction: np.ndarray, reach_mm: float) -> np.ndarray:
        body = (self.body_from_world @ [*point_mm, 1.0])[:3]
        found = _climb(self.values[DISTANCE], self.spacing_mm, body - self.origin_mm, direction, reach_mm)
        return self.in_world(found + self.origin_mm)

    def in_world(self, point) -> np.ndarray:
        """World position of one point of the body."""
        return self.world_from_body[:3, :3] @ point + self.world_from_body[:3, 3]

    def outer_mm(self, least_mm: float, stride: int = 3) -> np.ndarray:
        """(N, 3) world points over the outer surface, cartilage included, where that is `least_mm` or thicker."""
        gap = self.values[DISTANCE] - self.values[CARTILAGE]
        near = (np.abs(gap) < 0.6 * self.spacing_mm.min()) & (self.values[CARTILAGE] >= least_mm)
        nodes = np.argwhere(near)[::stride]
        body = self.origin_mm + nodes * self.spacing_mm
        world = body @ self.world_from_body[:3, :3].T + self.world_from_body[:3, 3]
        return world - gap[tuple(nodes.T)][:, None] * self.normals(world)

    def mesh(self) -> tuple[np.ndarray, np.ndarray]:
        """(N, 3) vertices in the world and (M, 3) triangles of the surface, open where the shape leaves the nodes."""
        from skimage.measure import marching_cubes

        vertices, triangles, _, _ = marching_cubes(self.values[DISTANCE], 0.0)
        body = self.origin_mm + vertices * self.spacing_mm
        return body @ self.world_from_body[:3, :3].T + self.world_from_body[:3, 3], triangles


@dataclass(frozen=True, eq=False)
class Nodes:
    """The nodes on which a shape is built, in the coordinates of the mean size: open meshes along the three axes."""

    low: tuple[float, float, float]
    high: tuple[float, float, float]
    step: float = 1.0

    @property
    def axes(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        counts = [round((b - a) / self.step) + 1 for a, b in zip(self.low, self.high, strict=True)]
        axes = (a + self.step * np.arange(n, dtype=np.float32) for a, n in zip(self.low, counts, strict=True))
        return np.ix_(*axes)

    def field(self, value: np.ndarray, channels, scale) -> Field:
        """A field from a shape's values, stretched by `scale` (3,), with true distances near its surface."""
        scale = np.asarray(scale, float)
        spacing = self.step * scale
        distance = true_distance((value * scale.mean()).astype(np.float32), spacing)
        shape = distance.shape
        values = np.stack([distance, *(np.broadcast_to(c, shape).astype(np.float32) for c in channels)])
        return Field(values, np.asarray(self.low) * scale, spacing)


def smooth_min(a, b, blend: float):
    """Union of two shapes, its edge rounded over `blend` mm."""
    h = np.maximum(blend - np.abs(a - b), 0)
    return np.minimum(a, b) - h * h * np.float32(0.25 / blend)


def smooth_max(a, b, blend: float):
    """Intersection of two shapes, its edge rounded over `blend` mm."""
    h = np.maximum(blend - np.abs(a - b), 0)
    return np.maximum(a, b) + h * h * np.float32(0.25 / blend)


def through(knots, values, at, axis: int = 0) -> np.ndarray:
    """A smooth curve through knots without overshoot, constant beyond the first and last."""
    at = np.clip(np.asarray(at, float).ravel(), knots[0], knots[-1])
    return Akima1DInterpolator(np.asarray(knots, float), np.asarray(values, float), axis=axis)(at)


def round_about(angles_deg, radii, axis: int = -1) -> np.ndarray:
    """(..., 361) radii at every degree from knots that go once round, 0 up to below 360."""
    turns = np.concatenate([np.asarray(angles_deg, float) + t for t in (-360, 0, 360)])
    return through(turns, np.concatenate([radii] * 3, axis), np.arange(361.0), axis)


def at_angle(table: np.ndarray, degrees: np.ndarray) -> np.ndarray:
    """Values of a table along its last axis of 361 degrees; the table's other axes go with those of `degrees`."""
    turned = np.mod(degrees, 360)
    low = np.minimum(turned.astype(np.int32), 359)
    part = (turned - low).astype(np.float32)
    index = np.ogrid[tuple(slice(n) for n in table.shape[:-1])]
    return table[(*index, low)] * (1 - part) + table[(*index, low + 1)] * part


def waves(rng: np.random.Generator, axes, length_mm: float = 26.0, count: int = 14) -> np.ndarray:
    """A smooth random field of unit variance on an open mesh: plane waves of about that length."""
    way = rng.standard_normal((count, 3))
    way *= (2 * np.pi / length_mm) * rng.uniform(0.6, 1.4, (count, 1)) / np.linalg.norm(way, axis=1, keepdims=True)
    s, p, l = (np.exp(1j * np.outer(way[:, a], axes[a].ravel())) for a in range(3))  # noqa: E741
    s *= np.exp(2j * np.pi * rng.random(count))[:, None]
    plane = (s[:, :, None] * p[:, None, :]).reshape(count, -1)
    total = plane.real.T.astype(np.float32) @ l.real.astype(np.float32)
    total -= plane.imag.T.astype(np.float32) @ l.imag.astype(np.float32)
    return total.reshape(s.shape[1], p.shape[1], l.shape[1]) * np.float32(np.sqrt(2 / count))


@njit(fastmath=True, cache=True, inline="always")
def interpolate(values, origin, spacing, s, p, l):  # noqa: E741
    """Trilinear value at a body point; the nearest node's beyond the nodes."""
    return trilinear(values, (s - origin[0]) / spacing[0], (p - origin[1]) / spacing[1], (l - origin[2]) / spacing[2])


@njit(fastmath=True, cache=True, inline="always")
def trilinear(values, x, y, z):
    """Trilinear value at a place counted in nodes; the nearest node's beyond the nodes."""
    x = min(max(x, 0.0), values.shape[0] - 1.001)
    y = min(max(y, 0.0), values.shape[1] - 1.001)
    z = min(max(z, 0.0), values.shape[2] - 1.001)
    i, j, k = int(x), int(y), int(z)
    x, y, z = x - i, y - j, z - k
    a = (values[i, j, k] * (1 - z) + values[i, j, k + 1] * z) * (1 - y)
    a += (values[i, j + 1, k] * (1 - z) + values[i, j + 1, k + 1] * z) * y
    b = (values[i + 1, j, k] * (1 - z) + values[i + 1, j, k + 1] * z) * (1 - y)
    b += (values[i + 1, j + 1, k] * (1 - z) + values[i + 1, j + 1, k + 1] * z) * y
    return a * (1 - x) + b * x


@njit(cache=True)
def _read(values, origin, spacing, points):
    out = np.empty(len(points))
    for n in range(len(points)):
        out[n] = interpolate(values, origin, spacing, points[n, 0], points[n, 1], points[n, 2])
    return out


@njit(fastmath=True, cache=True, inline="always")
def _value_and_slope(values, spacing, at, slope):
    """Trilinear value at a point measured from the first node, and its gradient into `slope`."""
    x = min(max(at[0] / spacing[0], 0.0), values.shape[0] - 1.001)
    y = min(max(at[1] / spacing[1], 0.0), values.shape[1] - 1.001)
    z = min(max(at[2] / spacing[2], 0.0), values.shape[2] - 1.001)
    i, j, k = int(x), int(y), int(z)
    x, y, z = x - i, y - j, z - k
    along_00, along_01 = values[i, j, k + 1] - values[i, j, k], values[i, j + 1, k + 1] - values[i, j + 1, k]
    along_10 = values[i + 1, j, k + 1] - values[i + 1, j, k]
    along_11 = values[i + 1, j + 1, k + 1] - values[i + 1, j + 1, k]
    at_00, at_01 = values[i, j, k] + z * along_00, values[i, j + 1, k] + z * along_01
    at_10, at_11 = values[i + 1, j, k] + z * along_10, values[i + 1, j + 1, k] + z * along_11
    near, far = at_00 + y * (at_01 - at_00), at_10 + y * (at_11 - at_10)
    slope[0] = (far - near) / spacing[0]
    slope[1] = ((1 - x) * (at_01 - at_00) + x * (at_11 - at_10)) / spacing[1]
    slope[2] = ((1 - x) * ((1 - y) * along_00 + y * along_01) + x * ((1 - y) * along_10 + y * along_11)) / spacing[2]
    return near + x * (far - near)


@njit(parallel=True, fastmath=True, cache=True)
def true_distance(value, spacing, band=8.0):
    """Distances to the zero set within about `band` mm of it, by walking to the nearest surface point."""
    out = value.copy()
    for i in prange(value.shape[0]):
        node, at, slope = np.empty(3), np.empty(3), np.empty(3)
        for j in range(value.shape[1]):
            for k in range(value.shape[2]):
                if abs(value[i, j, k]) > band:
                    continue
                node[0], node[1], node[2] = i * spacing[0], j * spacing[1], k * spacing[2]
                distance = _walk_to_surface(value, spacing, node, at, slope)
                if distance >= 0:
                    out[i, j, k] = math.copysign(min(distance, 1.5 * band), value[i, j, k])
    return out


@njit(fastmath=True, cache=True)
def _walk_to_surface(value, spacing, node, at, slope):
    """Distance from a node to the surface point that it reaches down the slope and then sideways; -1 for none."""
    at[:] = node
    v = 1e3
    for turn in range(10):
        v = _value_and_slope(value, spacing, at, slope)
        norm = slope[0] ** 2 + slope[1] ** 2 + slope[2] ** 2
        if norm < 1e-3 or (abs(v) < 2e-3 and turn > 4):
            break
        step = min(max(v / norm, -3.0), 3.0)
        along = ((node[0] - at[0]) * slope[0] + (node[1] - at[1]) * slope[1] + (node[2] - at[2]) * slope[2]) / norm
        slide = 0.7 if turn < 7 and abs(v) < 0.5 else 0.0
        for a in range(3):
            at[a] += slide * (node[a] - at[a] - along * slope[a]) - step * slope[a]
    return math.sqrt(((at - node) ** 2).sum()) if abs(v) < 0.03 else -1.0


@njit(cache=True)
def _drop(value, spacing, point):
    at, slope = point.copy(), np.empty(3)
    for _ in range(40):
        v = _value_and_slope(value, spacing, at, slope)
        at -= v * slope / max((slope * slope).sum(), 0.1)
        if abs(v) < 1e-5:
            break
    return at


@njit(cache=True)
def _climb(value, spacing, start, direction, reach):
    first = _drop(value, spacing, start)
    at, slope, step = first, np.empty(3), 2.0 if reach > 0 else 0.0
    while step > 0.005:
        _value_and_slope(value, spacing, at, slope)
        up = direction - (direction * slope).sum() * slope / (slope * slope).sum()
        new = _drop(value, spacing, at + step * up / max(math.sqrt((up * up).sum()), 1e-6))
        if ((new - at) * direction).sum() > 0 and math.sqrt(((new - first) ** 2).sum()) < reach:
            at = new
        else:
            step /= 2
    return at
