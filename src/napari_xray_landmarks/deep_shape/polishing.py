"""A shape moved from where the network put it onto the bone in slices, as far as the shape model goes along."""

from dataclasses import dataclass, replace

import numpy as np
from scipy.ndimage import gaussian_filter, minimum_filter
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

STEPS = 12
_PLACES, _POINTS = 800, 400  # of the surface and of the shape, that it is moved by
_SMOOTHED = 1.0  # voxels of the box
_TRUSTED = 100.0  # one standard deviation of a mode counts as much as a hundredth of a mm²
_ALONG = 0.1  # what a squared distance along the surface counts for, beside one across it
_MOST = 0.3  # of half the box, or rad: a step changes no number by more, and no coefficient by ten times that
_STILL = 1e-3  # of half the box, or rad: steps that change no number by more end it


@dataclass(frozen=True, eq=False)
class Surface:
    """Places on a surface.

    Parameters
    ----------
    places : (K, 3) array
    normals : (K, 3) array
        Outwards, of unit length.
    """

    places: np.ndarray
    normals: np.ndarray

    def __len__(self) -> int:
        return len(self.places)

    def drawn(self, most: int) -> "Surface":
        """No more than so many places, drawn at random."""
        # not every so many-th: along a row the near and the far side take turns
        chosen = np.random.default_rng(0).permutation(len(self))[:most]
        return Surface(self.places[chosen], self.normals[chosen])


@dataclass(frozen=True, eq=False)
class Shape:
    """Points x = R diag(s) (mean + sum_i c_i modes_i) + t, as of `networks.PCALayer`.

    Parameters
    ----------
    mean : (N, 3) array
    modes : (M, N, 3) array
        One standard deviation each.
    coefficients : (M,) array
    rotation : (3, 3) array
    scales, shift : (3,) array
    """

    mean: np.ndarray
    modes: np.ndarray
    coefficients: np.ndarray
    rotation: np.ndarray
    scales: np.ndarray
    shift: np.ndarray

    @property
    def upright(self) -> np.ndarray:
        """(N, 3) points before they are scaled, turned and moved."""
        return self.mean + np.tensordot(self.coefficients, self.modes, 1)

    @property
    def linear(self) -> np.ndarray:
        """(3, 3) matrix R diag(s)."""
        return self.rotation * self.scales

    @property
    def points(self) -> np.ndarray:
        """(N, 3) points."""
        return self.upright @ self.linear.T + self.shift

    def thinned(self, most: int) -> "Shape":
        """The same shape by every so many-th of its points."""
        every = max(1, len(self.mean) // most)
        return replace(self, mean=self.mean[::every], modes=self.modes[:, ::every])

    def derivative(self) -> np.ndarray:
        """(N, 3, M + 9) of the points by the numbers of `moved`."""
        by_mode = np.moveaxis(self.modes @ self.linear.T, 0, -1)
        by_scale = self.upright[:, None, :] * self.linear
        by_turn = np.cross(np.eye(3), (self.points - self.shift)[:, None, :]).transpose(0, 2, 1)
        return np.concatenate([by_mode, by_scale, by_turn, np.broadcast_to(np.eye(3), by_turn.shape)], -1)

    def moved(self, numbers: np.ndarray) -> "Shape":
        """With (M + 9,) numbers added: to coefficients, logarithms of scales, a rotation vector in rad, shift."""
        modes = len(self.modes)
        scale, turn, shift = np.split(numbers[modes:], 3)
        return replace(self, coefficients=self.coefficients + numbers[:modes], scales=self.scales * np.exp(scale),
                       rotation=Rotation.from_rotvec(turn).as_matrix() @ self.rotation, shift=self.shift + shift)


def surface_in_box(mask: np.ndarray, seen: np.ndarray | None = None) -> Surface:
    """The surface of a bone in its box, from -1 to 1, between the voxels; where the box ends the bone goes on.

    Parameters
    ----------
    mask : (side, side, side) float array
        Share of the bone.
    seen : (side, side, side) float array, optional
        Share of the volume: where a bone ends with that there is no surface.
    """
    smooth = gaussian_filter(mask.astype(np.float32), _SMOOTHED, mode="nearest", truncate=2.0)
    inside = smooth > 0.5
    rim = np.zeros_like(inside)
    core = (slice(1, -1),) * 3
    for axis in range(3):
        for by in (-1, 1):
            rim[core] |= ~np.roll(inside, by, axis)[core]
    rim &= inside
    if seen is not None:
        rim &= minimum_filter(seen, 5, mode="nearest") > 0.5
    at = np.argwhere(rim)
    slopes = np.stack([smooth[tuple((at + step).T)] - smooth[tuple((at - step).T)] for step in np.eye(3, dtype=int)], 1)
    steep = np.linalg.norm(slopes, axis=1)[:, None] + 1e-6
    beyond = np.clip((smooth[tuple(at.T)] - 0.5)[:, None] / (0.5 * steep), 0, 1)
    normals = -slopes / steep
    return Surface(2 * (at + beyond * normals) / (len(mask) - 1) - 1, normals)


def polished(shape: Shape, surface: Surface, half_mm: float, steps: int = STEPS) -> Shape:
    """A shape on a surface.

    Minimises, by Gauss-Newton steps, the mean squared distance in mm of points and surface from each other, taken from
    the nearest (the distance along the surface counting a tenth), plus the squared coefficients over `_TRUSTED`.

    Parameters
    ----------
    shape
        Where to begin.
    surface
    half_mm
        mm of one unit.
    steps
        At most.
    """
    few, places = shape.thinned(_POINTS), surface.drawn(_PLACES)
    nearest = cKDTree(surface.places) if steps and len(surface) else None
    for _ in range(steps if nearest else 0):
        numbers = _step(few, surface, places, nearest, half_mm)
        few = few.moved(numbers)
        if np.abs(numbers[len(few.modes):]).max() < _STILL:
            break
    return replace(few, mean=shape.mean, modes=shape.modes)


def _step(shape: Shape, surface: Surface, places: Surface, nearest: cKDTree, half_mm: float) -> np.ndarray:
    """(M + 9,) numbers that move the shape nearer."""
    points = shape.points
    own, gaps, normals = _gaps(points, surface, places, nearest)
    slopes = shape.derivative()[own]
    weights = half_mm**2 * np.repeat([1 / len(points), 1 / len(places)], [len(points), len(places)])
    across, tilted = (gaps * normals).sum(-1), np.einsum("kd,kdp->kp", normals, slopes)
    flat, share = slopes.reshape(-1, slopes.shape[-1]), _ALONG * np.repeat(weights, 3)
    square = (tilted.T * weights) @ tilted + (flat.T * share) @ flat
    slope = (tilted.T * weights) @ across + (flat.T * share) @ gaps.ravel()
    modes = np.arange(len(shape.modes))
    square[modes, modes] += 1 / _TRUSTED
    slope[modes] += shape.coefficients / _TRUSTED
    numbers = -np.linalg.solve(square, slope)
    longest = max(np.abs(numbers[len(modes):]).max(), 0.1 * np.abs(numbers[:len(modes)]).max(initial=0.0))
    return numbers * min(1.0, _MOST / max(longest, _STILL))


def _gaps(points: np.ndarray, surface: Surface, places: Surface, nearest: cKDTree
          ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """From the surface to the points: of every point, then of every place. (K,) which point, (K, 3) gap, normal."""
    at, own = nearest.query(points)[1], cKDTree(points).query(places.places)[1]
    own = np.append(np.arange(len(points)), own)
    return (own, points[own] - np.concatenate([surface.places[at], places.places]),
            np.concatenate([surface.normals[at], places.normals]))


def apart(points: np.ndarray, surface: Surface) -> float:
    """Mean distance of points and a surface from each other, across the surface; infinite where it is empty."""
    if not len(surface):
        return float("inf")
    _, gaps, normals = _gaps(points, surface, surface.drawn(_PLACES), cKDTree(surface.places))
    across = np.abs((gaps * normals).sum(-1))
    return float(across[:len(points)].mean() + across[len(points):].mean()) / 2
