"""Other people's cameras: 3x4 projections and intrinsics with a pose, as calibration tools write them.

Theirs act on LPS millimetres and give (column, row); ours act on (superior, posterior, left) and give (row, column).
"""

import numpy as np

from .camera import Camera

_WORLD_FROM_LPS = np.eye(4)[[2, 1, 0, 3]]
_ROW_FIRST = np.array([[0.0, 1, 0], [1, 0, 0], [0, 0, 1]])


def camera_from_projection(projection, size_px: tuple[int, int], *, in_front_lps_mm=(0.0, 0.0, 0.0),
                           source_to_detector_mm: float | None = None) -> Camera:
    """The camera of a (3, 4) projection from LPS mm to (column, row); any scale and sign.

    Parameters
    ----------
    projection : (3, 4) array
    size_px
        (rows, columns).
    in_front_lps_mm : (3,) array
        A point that the beam passes, such as the middle of the CT: it tells which side of the source is seen.
    source_to_detector_mm
        Distance of the detector's plane. A projection does not tell it, and no image depends on it unless rays end
        there; the plane goes through the point in front where it is left out.

    Raises
    ------
    ValueError
        Not a finite matrix with a centre, a point in the plane of the source, or a distance that is not positive.
    """
    matrix = np.asarray(projection, dtype=float)
    if matrix.shape != (3, 4) or not np.isfinite(matrix).all():
        raise ValueError(f"a projection must be a finite 3x4 matrix, got {matrix.tolist()}")
    if source_to_detector_mm is not None and not 0 < source_to_detector_mm < np.inf:
        raise ValueError(f"source_to_detector_mm must be positive, got {source_to_detector_mm}")
    depth = matrix[2] @ np.append(np.asarray(in_front_lps_mm, dtype=float), 1.0)
    per_mm = np.linalg.norm(matrix[2, :3])
    if abs(depth) <= 1e-9 * per_mm:
        raise ValueError(f"the point in front {list(in_front_lps_mm)} is as deep as the source: name another")
    distance = abs(depth) / per_mm if source_to_detector_mm is None else source_to_detector_mm
    scaled = matrix * (np.sign(depth) / (per_mm * distance))
    return Camera.from_matrix(_ROW_FIRST @ scaled @ _WORLD_FROM_LPS.T, size_px)


def projection_from_camera(camera: Camera) -> np.ndarray:
    """(3, 4) projection from LPS mm to (column, row), 1 deep at the detector; inverse of `camera_from_projection`."""
    return _ROW_FIRST @ camera.detector_px_from_world @ _WORLD_FROM_LPS


def camera_from_intrinsics(intrinsics, camera_from_lps, pixel_spacing_mm, size_px: tuple[int, int]) -> Camera:
    """The camera of a (3, 3) intrinsic and a (4, 4) or (3, 4) extrinsic matrix.

    Where the focal lengths are negative, as in the DeepFluoro data (xReg with the detector at negative z), the camera
    looks along its negative z axis.

    Parameters
    ----------
    intrinsics : (3, 3) array
        From camera coordinates to (column, row, 1) times the depth.
    camera_from_lps : (3, 4) or (4, 4) array
        A rotation and a translation.
    pixel_spacing_mm
        (row, column) at the detector; with the focal length it gives the distance of the detector.
    size_px
        (rows, columns).

    Raises
    ------
    ValueError
        The focal length is zero, or the extrinsic matrix does not begin with a rotation.
    """
    intrinsics, pose = np.asarray(intrinsics, dtype=float), np.asarray(camera_from_lps, dtype=float)[:3]
    turn = pose[:, :3]
    if not np.allclose(turn @ turn.T, np.eye(3), atol=1e-4) or np.linalg.det(turn) < 0:
        raise ValueError(f"camera_from_lps must begin with a rotation, got {turn.tolist()}")
    if not intrinsics[0, 0] * intrinsics[2, 2] != 0:
        raise ValueError(f"intrinsics have no focal length: {intrinsics.tolist()}")
    focal_px = intrinsics[0, 0] / intrinsics[2, 2]
    ahead = turn.T @ ([0, 0, np.sign(focal_px)] - pose[:, 3])
    return camera_from_projection(intrinsics @ pose, size_px, in_front_lps_mm=ahead,
                                  source_to_detector_mm=abs(focal_px) * float(pixel_spacing_mm[1]))
