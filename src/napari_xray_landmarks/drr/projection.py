"""What is known in space, seen in a view: landmarks inside and outside the film, and the outlines of labelled bones."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np
from numba import njit
from scipy.ndimage import find_objects, gaussian_filter
from skimage.measure import find_contours, marching_cubes

from ..errors import InputError
from ..geometry.camera import Camera
from ..imaging import Volume
from ..landmarks import Contour, LandmarkSet
from ..mesh import Mesh
from .hounsfield import in_hounsfield

FINE = 3
SMOOTHING_VOXELS = 0.45  # takes the steps off a labelled surface
MIN_AREA_PX = 4.0
MOST_LABELS = 512
BONE_HU = 200.0  # the densest tenth of a bone is above, that of soft parts below
MARGIN_MM = 20.0


def project_landmarks(landmarks: LandmarkSet, camera: Camera) -> LandmarkSet:
    """Landmarks of a volume in a film's pixels.

    Parameters
    ----------
    landmarks
        3D, in mm.
    camera

    Returns
    -------
    LandmarkSet
        In px; `detected` where the point was and lies on the film; NaN behind the source.
    """
    if landmarks.points.shape[1] != 3 or landmarks.unit != "mm":
        raise ValueError(f"landmarks in space must be 3D and in mm, got {landmarks.points.shape[1]}D in "
                         f"{landmarks.unit}")
    points = camera.project(landmarks.points)
    return replace(landmarks, points=points, detected=landmarks.detected & on_film(points, camera.size_px), unit="px")


def on_film(points_px, size_px: tuple[int, int]) -> np.ndarray:
    """(N,) whether points lie on a film of (rows, columns) pixels."""
    points = np.asarray(points_px, dtype=float)
    return ((points >= -0.5) & (points <= np.array(size_px) - 0.5)).all(-1)


def in_volume(points_mm, volume: Volume) -> np.ndarray:
    """(N,) whether points lie in a volume or no farther than `MARGIN_MM` from it."""
    voxel_from_world = np.linalg.inv(volume.world_from_voxel)
    voxels = np.asarray(points_mm, dtype=float) @ voxel_from_world[:3, :3].T + voxel_from_world[:3, 3]
    margin = MARGIN_MM / np.array(volume.spacing_mm)
    return ((voxels >= -margin) & (voxels <= np.array(volume.shape) - 1 + margin)).all(-1)


def require_in_volume(landmarks: LandmarkSet, volume: Volume, subject) -> None:
    """Refuse landmarks of which none lies in or near a volume: they are another patient's, or in another frame.

    Raises
    ------
    InputError
        It names `subject`.
    """
    if len(landmarks) and not in_volume(landmarks.points, volume).any():
        raise InputError(subject, f"none of its {len(landmarks)} landmarks lies in {volume.name}",
                         "Give the landmarks of this CT, and check their coordinate system (LPS or RAS)")


def isocentre_of(volume: Volume, landmarks: LandmarkSet | None = None) -> tuple[float, float, float]:
    """What a view is centred on: the middle of the box of the landmarks in a volume, or of the volume."""
    inside = np.empty((0, 3)) if landmarks is None else landmarks.points[in_volume(landmarks.points, volume)]
    if len(inside):
        return tuple(((inside.min(0) + inside.max(0)) / 2).tolist())
    middle = volume.world_from_voxel @ [*(np.array(volume.shape) - 1) / 2, 1.0]
    return tuple(middle[:3].tolist())


def misses(volume: Volume, camera: Camera) -> bool:
    """Whether a view shows nothing of a volume's box."""
    corners = np.array([[i, j, k] for i in (0, 1) for j in (0, 1) for k in (0, 1)]) * (np.array(volume.shape) - 1)
    corners = corners @ volume.world_from_voxel[:3, :3].T + volume.world_from_voxel[:3, 3]
    seen = camera.project(corners)
    if np.isnan(seen).any():
        return bool(np.isnan(seen).all())
    return bool((seen.max(0) < -0.5).any() or (seen.min(0) > np.array(camera.size_px) - 0.5).any())


def label_names(labels: Volume, ct: Volume | None = None) -> dict[int, str]:
    """The values in a label image, called "label-7"; only those that are bone in the CT, where one is given.

    Raises
    ------
    InputError
        Values that are no labels, another grid than the CT's, or a CT without HU.
    """
    values = _whole(labels)
    hu = None if ct is None else in_hounsfield(ct)[0]
    if hu is not None and hu.shape != values.shape:
        raise InputError(labels.name, f"its grid of {values.shape} voxels is not that of {ct.name}, {hu.shape}",
                         "Resample the labels to the CT")
    found = {}
    for value, box in enumerate(find_objects(values), start=1):
        if box is not None and (hu is None or np.percentile(hu[box][values[box] == value], 90) > BONE_HU):
            found[value] = f"label-{value}"
    return found


def label_surfaces(labels: Volume, names: Mapping[int, str] | None = None, step: int = 1) -> tuple[Mesh, ...]:
    """The surfaces of labelled structures, closed, in the volume's world.

    Parameters
    ----------
    labels
        Whole numbers; 0 is background.
    names
        What to call each value that counts; all of them by `label_names` where left out.
    step
        Voxels to a side of the triangles: more is coarser, and faster to project.

    Raises
    ------
    InputError
        Values that are no labels.
    """
    values = _whole(labels)
    names = label_names(labels) if names is None else names
    surfaces = []
    for value, box in enumerate(find_objects(values), start=1):
        if box is not None and value in names:
            mesh = _surface(values[box] == value, [s.start for s in box], labels.world_from_voxel, step)
            surfaces += [] if mesh is None else [replace(mesh, name=names[value])]
    return tuple(surfaces)


def _whole(labels: Volume) -> np.ndarray:
    voxels = np.asarray(labels.voxels)
    if voxels.dtype.kind == "f" and (voxels != np.floor(voxels)).any() or voxels.min() < 0:
        raise InputError(labels.name, f"holds values from {voxels.min():g} to {voxels.max():g}, which are no labels",
                         "Give whole numbers, 0 for background")
    if voxels.max() > 2**16 or len(np.unique(voxels)) > MOST_LABELS:
        raise InputError(labels.name, f"holds {len(np.unique(voxels))} different values up to {voxels.max():g}, too "
                         "many for labels", "Give a label image, not a CT")
    return voxels.astype(np.int32)


def _surface(mask: np.ndarray, start, world_from_voxel: np.ndarray, step: int) -> Mesh | None:
    border = 2 * step
    padded = gaussian_filter(np.pad(mask, border).astype(np.float32), SMOOTHING_VOXELS * step)
    if padded[::step, ::step, ::step].max() <= 0.5:
        return None
    vertices, faces, _, _ = marching_cubes(padded, 0.5, allow_degenerate=False, step_size=step)
    voxels = vertices + np.array(start) - border
    mesh = Mesh(voxels @ world_from_voxel[:3, :3].T + world_from_voxel[:3, 3], faces)
    return mesh if mesh.volume_mm3 > 0 else Mesh(mesh.vertices, mesh.faces[:, ::-1])


def outlines(surfaces: Iterable[Mesh], camera: Camera, tolerance_px: float = 0.1, fine: int = FINE) -> list[Contour]:
    """The outlines of surfaces' shadows, holes too, each under its surface's name and closed.

    Those that leave the film are closed along its edge.

    Parameters
    ----------
    surfaces
    camera
    tolerance_px
        How far a vertex may lie off the line that replaces it; 0 keeps all.
    fine
        Cells a pixel, along each side, in which shadows are drawn.
    """
    return [Contour(points, mesh.name) for mesh in surfaces for points in _outlines(mesh, camera, tolerance_px, fine)]


def _outlines(mesh: Mesh, camera: Camera, tolerance_px: float, fine: int) -> list[np.ndarray]:
    from skimage.measure import approximate_polygon  # loads all of scipy.signal and scipy.stats

    points = camera.project(mesh.vertices)
    if not np.isfinite(points).any():
        return []
    low = np.clip(np.floor(np.nanmin(points, axis=0)), 0, camera.size_px).astype(int)
    high = np.clip(np.ceil(np.nanmax(points, axis=0)) + 1, 0, camera.size_px).astype(int)
    if (high <= low).any():
        return []
    coverage = np.pad(shadow(points, mesh.faces, low, high, fine), 1)
    found = [line + low - 1 for line in find_contours(coverage, 0.5)]
    found = [approximate_polygon(line, tolerance_px) if tolerance_px else line for line in found]
    return [line[:-1] for line in found if len(line) > 3 and _area(line) > MIN_AREA_PX]


def shadow(points_px, faces, low, high, fine: int = FINE) -> np.ndarray:
    """(high - low) float32 share of each pixel that triangles cover.

    Parameters
    ----------
    points_px : (N, 2) array
        Vertices on the film; triangles with a NaN are left out.
    faces : (M, 3) array
    low, high : (2,) ints
        First pixel of the window, and the one behind its last.
    fine
        Cells a pixel, along each side.
    """
    low, size = np.asarray(low), np.asarray(high) - np.asarray(low)
    cells = np.zeros(tuple(size * fine), dtype=np.bool_)
    rows, columns = ((points_px - low + 0.5) * fine - 0.5).T.copy()
    _fill(rows, columns, np.array(faces, dtype=np.int64), cells)
    blocks = cells.reshape(size[0], fine, size[1], fine)
    return blocks.mean((1, 3), dtype=np.float32)


@njit(cache=True, error_model="numpy")
def _fill(rows, columns, faces, cells):
    """Set the cells whose centres lie in a triangle, row by row."""
    height, width = cells.shape
    for n in range(len(faces)):
        i, j, k = faces[n, 0], faces[n, 1], faces[n, 2]
        top, bottom = min(rows[i], rows[j], rows[k]), max(rows[i], rows[j], rows[k])
        if not (top <= bottom):
            continue
        for row in range(max(int(np.ceil(top)), 0), min(int(np.floor(bottom)), height - 1) + 1):
            left, right = _span(rows[i], columns[i], rows[j], columns[j], row, np.inf, -np.inf)
            left, right = _span(rows[j], columns[j], rows[k], columns[k], row, left, right)
            left, right = _span(rows[k], columns[k], rows[i], columns[i], row, left, right)
            for column in range(max(int(np.ceil(left)), 0), min(int(np.floor(right)), width - 1) + 1):
                cells[row, column] = True


@njit(cache=True, error_model="numpy")
def _span(row_a, column_a, row_b, column_b, row, left, right):
    """Widen [left, right] to where the side from a to b crosses a row."""
    if row_a == row_b == row:
        return min(left, column_a, column_b), max(right, column_a, column_b)
    if row_a != row_b and min(row_a, row_b) <= row <= max(row_a, row_b):
        column = column_a + (row - row_a) / (row_b - row_a) * (column_b - column_a)
        return min(left, column), max(right, column)
    return left, right


def _area(line: np.ndarray) -> float:
    """Of a closed line, in the square of its unit."""
    rows, columns = line.T
    return abs(float(rows[:-1] @ columns[1:] - columns[:-1] @ rows[1:])) / 2
