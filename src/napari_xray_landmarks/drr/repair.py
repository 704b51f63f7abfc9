"""Surfaces made whole: stray bodies dropped, small holes closed, what cannot be a solid refused."""

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from ..errors import InputError
from ..mesh import Mesh

STRAY_AREA = 0.02  # of the largest body's area: a smaller body is a remnant
HOLE_AREA = 0.05  # of the surface: a larger hole means that it is open


def solid_surface(mesh: Mesh) -> Mesh:
    """A closed surface that encloses the solid which a nearly closed mesh means.

    Bodies of less than 2 % of the largest one's area are dropped; every hole is closed by a fan round its middle. Then
    each edge is passed once in either direction, so that every ray crosses the surface in as often as out.

    Raises
    ------
    InputError
        The triangles do not agree on what is outside, face inwards, or leave a hole of more than 5 % of the surface.
    """
    mesh = without_stray_bodies(mesh)
    loops = holes(mesh)
    _require_one_orientation(mesh)
    vertices, faces = [mesh.vertices], [mesh.faces]
    area = mesh.area_mm2
    for i, loop in enumerate(loops):
        middle = mesh.vertices[np.unique(loop)].mean(0)
        arms = mesh.vertices[loop] - middle
        hole = float(np.linalg.norm(0.5 * np.cross(arms[:, 0], arms[:, 1]).sum(0)))
        if hole > HOLE_AREA * area:
            raise InputError(mesh.name, f"the surface is open: a hole of {hole:.0f} mm2 in {area:.0f} mm2",
                             "Close it first, for example with a hole filter")
        vertices.append(middle[None])
        faces.append(np.column_stack([loop[:, ::-1], np.full(len(loop), len(mesh.vertices) + i)]))
    whole = Mesh(np.vstack(vertices), np.vstack(faces), mesh.name)
    if whole.volume_mm3 <= 0:
        raise InputError(mesh.name, "the surface faces inwards", "Flip its triangles")
    return whole


def without_stray_bodies(mesh: Mesh) -> Mesh:
    """The mesh without the bodies that have less than 2 % of the largest one's area."""
    a, b, c = mesh.faces.T
    count = len(mesh.vertices)
    links = coo_array((np.ones(2 * len(a)), (np.concatenate([a, b]), np.concatenate([b, c]))), shape=(count, count))
    _, body_of = connected_components(links, directed=False)
    areas = np.bincount(body_of[a], np.linalg.norm(mesh.area_vectors, axis=1), minlength=body_of.max() + 1)
    kept = areas[body_of[a]] >= STRAY_AREA * areas.max()
    return Mesh(mesh.vertices, mesh.faces[kept], mesh.name)


def holes(mesh: Mesh) -> list[np.ndarray]:
    """The rims of the holes, each (N, 2): the edges that no triangle passes backwards, as its own triangle runs."""
    edges = _directed_edges(mesh)
    count = len(mesh.vertices)
    balance = coo_array((np.ones(len(edges)), edges.T), shape=(count, count)).tocsr()
    balance = (balance - balance.T).tocoo()
    open_ = np.column_stack([balance.row, balance.col])[balance.data > 0]
    if not len(open_):
        return []
    repeats = balance.data[balance.data > 0].astype(int)
    links = coo_array((np.ones(len(open_)), open_.T), shape=(count, count))
    _, loop_of = connected_components(links, directed=False)
    open_ = np.repeat(open_, repeats, axis=0)
    return [open_[loop_of[open_[:, 0]] == loop] for loop in np.unique(loop_of[open_[:, 0]])]


def _require_one_orientation(mesh: Mesh) -> None:
    edges = _directed_edges(mesh)
    _, counts = np.unique(edges, axis=0, return_counts=True)
    clashes = int((counts > 1).sum())
    if clashes > 0.01 * len(edges):
        raise InputError(mesh.name, f"the triangles disagree on what is outside, at {clashes} edges",
                         "Make their orientation consistent first")


def _directed_edges(mesh: Mesh) -> np.ndarray:
    a, b, c = mesh.faces.T
    return np.concatenate([np.column_stack(pair) for pair in ((a, b), (b, c), (c, a))])
