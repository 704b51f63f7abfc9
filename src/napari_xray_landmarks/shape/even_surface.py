"""A surface of so many triangle corners, spread evenly over a bone: centroidal Voronoi cells on a fine surface, and
their dual (Valette and Chassery 2004)."""

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components, dijkstra
from skimage.measure import marching_cubes

from ..mesh import Mesh
from .distance_maps import DistanceMap, Grid

_FINER = (16, 32, 64)  # corners of the fine surface for one of the even one, until its triangles close
_ROUNDS = 8
_BUBBLE = 0.02
_ROUGH_VOXELS, _MOST_VOXELS = 2e5, 4e6


def fine_surface(distances: DistanceMap, spacing_mm: float) -> Mesh:
    """The surface of a bone, in triangles of about `spacing_mm`."""
    grid = Grid.about(distances.bounds_mm, 2 * spacing_mm, spacing_mm)
    vertices, faces, _, _ = marching_cubes(distances.at(grid.points()), 0.0, allow_degenerate=False)
    mesh = _without_bubbles(Mesh(grid.origin_mm + grid.spacing_mm * vertices, faces))
    return mesh if mesh.volume_mm3 > 0 else Mesh(mesh.vertices, mesh.faces[:, ::-1])


def even_surface(distances: DistanceMap, count: int, rng: np.random.Generator) -> Mesh:
    """A surface of `count` vertices, about equally far from each other, on the surface of a bone.

    It is closed, but for bones with parts thinner than the vertices are apart.

    Parameters
    ----------
    distances
    count
    rng
        Where the first vertex lies.

    Raises
    ------
    ValueError
        The bone is too small or too thin for so few vertices.
    """
    volume = np.prod(np.ptp(distances.bounds_mm, axis=0))
    area = fine_surface(distances, np.cbrt(volume / _ROUGH_VOXELS)).area_mm2
    for finer in _FINER:
        fine = fine_surface(distances, max(np.sqrt(area / (finer * count)), np.cbrt(volume / _MOST_VOXELS)))
        even = _even(fine, count, rng)
        if _is_closed(even):
            break
    return Mesh(distances.onto_surface(even.vertices), even.faces)


def _even(fine: Mesh, count: int, rng: np.random.Generator) -> Mesh:
    graph = _edge_lengths(fine)
    chosen = _spread(fine.vertices, count, rng)
    for _ in range(_ROUNDS):
        chosen = _middles(fine, chosen, _cells(graph, chosen))
    return Mesh(fine.vertices[chosen], _dual(fine.faces, _cells(graph, chosen)))


def _is_closed(mesh: Mesh) -> bool:
    """Whether two triangles meet at every edge."""
    _, counts = np.unique(_edges(mesh), axis=0, return_counts=True)
    return bool((counts == 2).all())


def _edges(mesh: Mesh) -> np.ndarray:
    """(3 T, 2) edges of all triangles, the lower vertex first."""
    return np.sort(np.vstack([mesh.faces[:, [0, 1]], mesh.faces[:, [1, 2]], mesh.faces[:, [2, 0]]]), axis=1)


def _without_bubbles(mesh: Mesh) -> Mesh:
    """Without the bodies that have few of the vertices, as where voxels of a mask meet at a corner only."""
    _, body_of = connected_components(_edge_lengths(mesh), directed=False)
    sizes = np.bincount(body_of)
    kept = (sizes >= _BUBBLE * sizes.max())[body_of]
    return Mesh(mesh.vertices[kept], (np.cumsum(kept) - 1)[mesh.faces[kept[mesh.faces[:, 0]]]])


def _edge_lengths(mesh: Mesh) -> coo_array:
    edges = np.unique(_edges(mesh), axis=0)
    lengths = np.linalg.norm(np.diff(mesh.vertices[edges], axis=1)[:, 0], axis=1)
    return coo_array((np.maximum(lengths, 1e-9), edges.T), shape=(len(mesh.vertices),) * 2).tocsr()


def _spread(points: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """(count,) points, each the farthest from those before it."""
    if count > len(points):
        raise ValueError(f"the surface is too small for {count} points")
    chosen = np.empty(count, int)
    chosen[0] = rng.integers(len(points))
    nearest = np.full(len(points), np.inf)
    for i in range(1, count):
        away = points - points[chosen[i - 1]]
        np.minimum(nearest, np.einsum("nd,nd->n", away, away), out=nearest)
        chosen[i] = nearest.argmax()
    return chosen


def _cells(graph, chosen: np.ndarray) -> np.ndarray:
    """(V,) which of the chosen vertices is nearest along the surface."""
    _, _, sources = dijkstra(graph, directed=False, indices=chosen, min_only=True, return_predecessors=True)
    number = np.full(graph.shape[0], -1)
    number[chosen] = np.arange(len(chosen))
    return number[sources]


def _middles(mesh: Mesh, chosen: np.ndarray, cell_of: np.ndarray) -> np.ndarray:
    """In each cell the vertex nearest to its centroid."""
    counts = np.bincount(cell_of, minlength=len(chosen))
    centroids = np.column_stack([np.bincount(cell_of, axis, len(chosen)) for axis in mesh.vertices.T]) / counts[:, None]
    order = np.lexsort([((mesh.vertices - centroids[cell_of]) ** 2).sum(1), cell_of])
    return order[np.concatenate([[0], np.cumsum(counts)[:-1]])]


def _dual(faces: np.ndarray, cell_of: np.ndarray) -> np.ndarray:
    """(T, 3) triangles between cells that meet in a point."""
    corners = cell_of[faces]
    a, b, c = corners.T
    met = corners[(a != b) & (b != c) & (c != a)]
    first = met.argmin(1)[:, None]
    return np.unique(np.take_along_axis(met, (first + np.arange(3)) % 3, axis=1), axis=0)
