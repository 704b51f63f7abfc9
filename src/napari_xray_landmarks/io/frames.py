"""The frames of files and our own world frame, both ways.

A volume's world is LPS with the axes in array order, (superior, posterior, left): LPS = reversed world. A radiograph's
point (row, column) is LPS (column, row, 0). RAS differs from LPS by the sign of the first two coordinates.
"""

import numpy as np

RAS_FROM_LPS = np.array([-1.0, -1.0, 1.0])


def lps_from_world(points) -> np.ndarray:
    """(N, 2) or (N, 3) world points as (N, 3) LPS points."""
    points = np.asarray(points, dtype=float)
    if points.shape[1] == 2:
        points = np.column_stack([np.zeros(len(points)), points])
    return points[:, ::-1].copy()


def world_from_lps(points, ndim: int = 3) -> np.ndarray:
    """(N, 3) LPS points as (N, `ndim`) world points; inverse of `lps_from_world`."""
    return np.asarray(points, dtype=float).reshape(-1, 3)[:, ::-1][:, 3 - ndim:].copy()


def world_from_voxel(lps_from_index) -> np.ndarray:
    """The (4, 4) affine from (plane, row, column) to world, given that from (column, row, plane) to LPS."""
    order = [2, 1, 0, 3]
    return np.asarray(lps_from_index, dtype=float)[np.ix_(order, order)]


def lps_from_index(world_from_voxel_matrix) -> np.ndarray:
    """Inverse of `world_from_voxel`; the same exchange of axes."""
    return world_from_voxel(world_from_voxel_matrix)
