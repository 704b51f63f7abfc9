"""How far curves and surfaces are from each other, in the unit of what comes in."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

_CHUNK = 1 << 20  # pairs of points and segments at once


@dataclass(frozen=True)
class Distances:
    """Distances between two curves or surfaces, both ways.

    Parameters
    ----------
    mean
        Average symmetric distance (ASSD).
    percentile95
        95th percentile of the distances both ways (HD95).
    largest
        Hausdorff distance.
    rms
        Root mean square of the distances both ways.
    """

    mean: float
    percentile95: float
    largest: float
    rms: float

    @classmethod
    def of(cls, one_way: np.ndarray, other_way: np.ndarray) -> "Distances":
        """Summary of the distances of equally spaced samples of each from the other."""
        both = np.concatenate([one_way, other_way])
        return cls(float(both.mean()), float(np.percentile(both, 95)), float(both.max()),
                   float(np.sqrt((both**2).mean())))


def point_to_curve(points, curve, *, closed: bool = True) -> np.ndarray:
    """Distance of each point from the nearest place on a polyline.

    Parameters
    ----------
    points : (N, D) array
    curve : (M, D) array
        Vertices in order.
    closed
        Whether the last vertex joins the first.

    Returns
    -------
    distance : (N,) array
        Infinite for a point that is not finite.
    """
    points, start = np.asarray(points, dtype=float), np.asarray(curve, dtype=float)
    along = np.roll(start, -1, axis=0) - start
    if len(start) > 1 and not closed:
        start, along = start[:-1], along[:-1]
    found = np.flatnonzero(np.isfinite(points).all(axis=-1))
    distance = np.full(len(points), np.inf)
    for some in np.array_split(found, max(1, -(-len(found) * len(start) // _CHUNK))):
        distance[some] = _to_segments(points[some], start, along)
    return distance


def _to_segments(points: np.ndarray, start: np.ndarray, along: np.ndarray) -> np.ndarray:
    """(N,) distances from the nearest of the segments `start + t along`, t in [0, 1]."""
    squared = (along**2).sum(axis=1)
    off = points[:, None] - start
    t = np.einsum("nmd,md->nm", off, along) / np.where(squared > 0, squared, 1.0)
    off -= np.clip(t, 0.0, 1.0)[:, :, None] * along
    return np.sqrt(np.einsum("nmd,nmd->nm", off, off).min(axis=1))


def resampled(curve, step: float, *, closed: bool = True) -> np.ndarray:
    """(M, D) points on a polyline at equal distances along it, at most `step` apart; an open one keeps its ends.

    Raises
    ------
    ValueError
        The step is not positive.
    """
    if not step > 0:
        raise ValueError(f"the step must be positive, got {step}")
    length = _lengths(curve, closed)[-1]
    return spaced(curve, max(int(np.ceil(length / step)), 1) + (not closed), closed=closed)


def spaced(curve, count: int, *, closed: bool = True) -> np.ndarray:
    """(count, D) points at equal distances along a polyline from its first vertex on; an open one keeps its ends."""
    curve = np.asarray(curve, float)
    along = _lengths(curve, closed)
    line = np.vstack([curve, curve[:1]]) if closed else curve
    at = np.linspace(0, along[-1], count, endpoint=not closed)
    return np.column_stack([np.interp(at, along, axis) for axis in line.T])


def _lengths(curve, closed: bool) -> np.ndarray:
    """How far along a polyline each vertex lies, and the end of a closed one."""
    curve = np.asarray(curve, float)
    line = np.vstack([curve, curve[:1]]) if closed else curve
    return np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))])


def curve_distances(one, other, *, closed: bool = True, step: float | None = None) -> Distances:
    """How far two polylines are from each other, sampled evenly along both.

    Parameters
    ----------
    one, other : (N, D) and (M, D) arrays
        Vertices in order.
    closed
        Whether both are closed.
    step
        Between samples; by default a thousandth of the longer one.

    Raises
    ------
    ValueError
        A curve has no vertex or is not finite.
    """
    curves = [np.asarray(curve, float) for curve in (one, other)]
    if not all(len(curve) and np.isfinite(curve).all() for curve in curves):
        raise ValueError("both curves need vertices, all finite")
    length = max(_lengths(curve, closed)[-1] for curve in curves)
    step = step or length / 1000 or 1.0
    ways = zip(curves, curves[::-1], strict=True)
    return Distances.of(*(point_to_curve(resampled(a, step, closed=closed), b, closed=closed) for a, b in ways))


def surface_distances(one, other, *, samples: int = 10_000, rng: np.random.Generator | None = None) -> Distances:
    """How far two surfaces are from each other, at points spread evenly over both by chance.

    Parameters
    ----------
    one, other : Mesh
        With `vertices` and `faces`.
    samples
        On each surface.
    rng
        Chooses them; the same ones every time where it is left out.
    """
    rng = rng or np.random.default_rng(0)
    return Distances.of(*(point_to_surface(sampled(a, samples, rng), b) for a, b in ((one, other), (other, one))))


def sampled(mesh, count: int, rng: np.random.Generator) -> np.ndarray:
    """(count, 3) random points on a surface, as many on every part as its area asks for."""
    corners = mesh.vertices[mesh.faces]
    area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
    a, b, c = corners[rng.choice(len(corners), count, p=area / area.sum())].transpose(1, 0, 2)
    u, v = np.sqrt(rng.random((count, 1))), rng.random((count, 1))
    return (1 - u) * a + u * (1 - v) * b + u * v * c


def point_to_surface(points, mesh) -> np.ndarray:
    """(N,) distances of points from the nearest place on a triangle mesh.

    Only triangles that can be nearer than the nearest vertex of a triangle are looked at.
    """
    points, corners = np.asarray(points, float), np.asarray(mesh.vertices, float)[mesh.faces]
    middles = corners.mean(1)
    reach = np.linalg.norm(corners - middles[:, None], axis=2).max()
    nearest = cKDTree(corners.reshape(-1, 3)).query(points)[0]
    near = cKDTree(middles).query_ball_point(points, nearest + reach + 1e-9)
    counts = np.fromiter(map(len, near), int, len(near))
    owner, triangle = np.repeat(np.arange(len(points)), counts), np.concatenate([*near, []]).astype(int)
    squared = _in_chunks(_to_triangles, points[owner], corners[triangle])
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    return np.sqrt(np.minimum.reduceat(squared, starts)) if len(points) else np.zeros(0)


def _in_chunks(work: Callable, points: np.ndarray, corners: np.ndarray) -> np.ndarray:
    parts = range(0, len(points), _CHUNK)
    return np.concatenate([work(points[i:i + _CHUNK], corners[i:i + _CHUNK]) for i in parts] or [np.zeros(0)])


def _to_triangles(points: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """(P,) squared distances of P points from P triangles (P, 3, 3)."""
    from trimesh.triangles import closest_point

    return ((closest_point(corners, points) - points) ** 2).sum(1)
