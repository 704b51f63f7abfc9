"""Surfaces to layer data tuples and back (no napari import)."""

import numpy as np

from ..errors import InputError
from ..mesh import Mesh
from .frames import KEY, LayerData, layer_name, mm_from_data, transformed, world_from_data
from .marks import VOLUME_AXES


def surface_layer(mesh: Mesh, notes: dict | None = None) -> LayerData:
    """A surface in mm as a Surface layer."""
    return (np.array(mesh.vertices), np.array(mesh.faces)), {
        "name": mesh.name, "units": ("mm",) * 3, "axis_labels": VOLUME_AXES, "shading": "smooth",
        "metadata": {KEY: dict(notes or {})},
    }, "surface"


def surface_from_layer(data, attributes: dict) -> Mesh:
    """The surface in a Surface layer in mm of its world, as the user left it; inverse of `surface_layer`.

    World units that are not lengths count as mm.

    Raises
    ------
    InputError
        If the surface is not in space, or has no triangles.
    """
    vertices, faces = np.asarray(data[0], dtype=float), np.asarray(data[1])
    if vertices.shape[1:] != (3,):
        raise InputError(layer_name(attributes), f"is a {vertices.shape[-1]}D surface", "Take one in space (3D)")
    matrix = mm_from_data(attributes, 3)
    matrix = world_from_data(attributes, 3) if matrix is None else matrix
    if np.linalg.det(matrix[:3, :3]) < 0:  # which turns triangles round
        faces = faces[:, ::-1]
    try:
        return Mesh(transformed(matrix, vertices), faces, layer_name(attributes))
    except ValueError as error:
        raise InputError(layer_name(attributes), str(error), "Take another surface") from error
