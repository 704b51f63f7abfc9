"""Masks brought onto each other: affine in several scales, then diffeomorphic demons (Vercauteren et al. 2009), on
signed distances; both are SimpleITK's."""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import map_coordinates

from .correspondence_settings import CorrespondenceSettings
from .distance_maps import DistanceMap, Grid

VOXELS = 60_000  # of the box of a bone at the resolution that is chosen by its size
_AFFINE_VOXELS = 6_000
_REACH = 0.25  # of a bone's size: distances beyond are all alike to the affine registration
_BAND = 4.0  # voxels: distances beyond are all alike to demons
_LEVELS = (2.0, 1.0)  # times the spacing
_MARGIN = 4.0  # voxels of each level about the reference
_STEP, _GAIN = 10, 0.02  # iterations after which a level ends where they lowered the difference by less


@dataclass(frozen=True, eq=False)
class Warp:
    """Takes points of a reference to a subject: displaced, then moved by an affine map.

    Parameters
    ----------
    grid
        Of the displacements, in the reference's world.
    displacement : (planes, rows, columns, 3) float32 array
        In mm.
    subject_from_reference : (4, 4) array
    """

    grid: Grid
    displacement: np.ndarray
    subject_from_reference: np.ndarray

    def __call__(self, points_mm) -> np.ndarray:
        """(..., 3) where points of the reference lie in the subject."""
        points = np.asarray(points_mm, float)
        index = np.moveaxis(self.grid.index(points), -1, 0)
        axes = np.moveaxis(self.displacement, -1, 0)
        moved = np.stack([map_coordinates(axis, index, order=1, mode="nearest") for axis in axes], axis=-1)
        return moved_by(self.subject_from_reference, points + moved)

    def jacobian(self) -> np.ndarray:
        """(planes, rows, columns) determinant of the displacements' derivative: at or below zero they fold."""
        import SimpleITK as sitk

        return sitk.GetArrayFromImage(sitk.DisplacementFieldJacobianDeterminant(_image(self.grid, self.displacement)))


def moved_by(matrix, points) -> np.ndarray:
    """(..., 3) points under a (4, 4) affine map."""
    return np.asarray(points, float) @ matrix[:3, :3].T + matrix[:3, 3]


def spacing_for(distances: DistanceMap, voxels: float = VOXELS) -> float:
    """The spacing in mm at which a bone's box has about that many voxels."""
    return float(np.cbrt(np.prod(np.ptp(distances.bounds_mm, axis=0)) / voxels))


def affine(fixed: DistanceMap, moving: DistanceMap, start=None, box_mm=None) -> np.ndarray:
    """The (4, 4) affine map from one bone's world to another's under which their distances agree best.

    Parameters
    ----------
    fixed, moving
        Of bones that go on where the volume's border cuts them, or such a cut would count as an end.
    start : (4, 4) array, optional
        Where to begin; by default centre on centre and volume on volume.
    box_mm : (2, 3) array, optional
        Where the fixed bone counts; by default all of it.
    """
    box = fixed.bounds_mm if box_mm is None else np.asarray(box_mm)
    grid, reach = affine_grid(box)
    start = alike(fixed, moving) if start is None else start
    return affine_of_field(grid, fixed.at(grid.points()), moving, reach, start)


def affine_grid(box_mm) -> tuple[Grid, float]:
    """Where distances are compared, and the reach in mm beyond which they are all alike."""
    size = np.cbrt(np.prod(np.ptp(box_mm, axis=0)))
    return Grid.about(box_mm, 0.25 * _REACH * size, size / np.cbrt(_AFFINE_VOXELS)), _REACH * size


def affine_of_field(grid: Grid, field: np.ndarray, moving: DistanceMap, reach: float, start: np.ndarray) -> np.ndarray:
    """The same for distances on a grid, as the mean of several bones'; `start` where nothing overlaps."""
    import SimpleITK as sitk

    around = Grid.about(moving.bounds_mm, 2 * reach, spacing_for(moving, _AFFINE_VOXELS))
    pictures = [_image(g, np.clip(f, -reach, reach)) for g, f in ((grid, field), (around, moving.at(around.points())))]
    transform = sitk.AffineTransform(3)
    transform.SetCenter((grid.origin_mm + 0.5 * grid.spacing_mm * (np.array(grid.shape) - 1))[::-1].tolist())
    transform = _with_matrix(transform, start)
    method = sitk.ImageRegistrationMethod()
    method.SetMetricAsMeanSquares()
    method.SetInterpolator(sitk.sitkLinear)
    method.SetOptimizerAsConjugateGradientLineSearch(1.0, 60, 1e-6, 8)
    method.SetOptimizerScalesFromPhysicalShift()
    method.SetShrinkFactorsPerLevel([2, 1])
    method.SetSmoothingSigmasPerLevel([1, 0])
    method.SmoothingSigmasAreSpecifiedInPhysicalUnitsOff()
    method.SetInitialTransform(transform, inPlace=True)
    method.SetNumberOfThreads(1)
    try:
        method.Execute(*pictures)
    except RuntimeError:  # all of one bone came to lie outside of the other's box
        return np.asarray(start, float)
    return _matrix_of(transform)


def alike(fixed: DistanceMap, moving: DistanceMap) -> np.ndarray:
    """The (4, 4) map that takes a bone's middle to another's, and scales it to the other's volume."""
    (centre, size), (other, other_size) = _middle(fixed), _middle(moving)
    matrix = np.diag([*np.full(3, np.cbrt(other_size / size)), 1.0])
    matrix[:3, 3] = other - matrix[:3, :3] @ centre
    return matrix


def demons(fixed: DistanceMap, moving: DistanceMap, matrix: np.ndarray, spacing_mm: float,
           settings: CorrespondenceSettings) -> Warp:
    """What an affine map leaves, coarse to fine.

    Parameters
    ----------
    fixed, moving
    matrix : (4, 4) array
        From the fixed bone's world to the moving one's.
    spacing_mm
        Of the finest level.
    settings
    """
    import SimpleITK as sitk

    field = None
    for level in _LEVELS:
        grid = Grid.about(fixed.bounds_mm, _MARGIN * spacing_mm * level, spacing_mm * level)
        points, band = grid.points(), _BAND * grid.spacing_mm
        pictures = [_image(grid, np.clip(values, -band, band))
                    for values in (fixed.at(points), moving.at(moved_by(matrix, points)))]
        start = _image(grid, np.zeros((*grid.shape, 3))) if field is None else sitk.Resample(field, pictures[0])
        field = _demons_on(pictures, start, settings)
    displacement = sitk.GetArrayFromImage(field)[..., ::-1].astype(np.float32)
    return Warp(grid, displacement, matrix)


def _demons_on(pictures, field, settings: CorrespondenceSettings):
    """The displacements on one level, from those of the one before, until they no longer gain."""
    import SimpleITK as sitk

    demons = sitk.DiffeomorphicDemonsRegistrationFilter()
    demons.SetStandardDeviations(settings.smoothing)
    demons.SetNumberOfThreads(1)
    before, done = np.inf, 0
    while done < settings.iterations:
        demons.SetNumberOfIterations(min(_STEP, settings.iterations - done))
        field = demons.Execute(*pictures, field)
        done += _STEP
        if demons.GetMetric() > (1 - _GAIN) * before:
            break
        before = demons.GetMetric()
    return field


def _middle(distances: DistanceMap) -> tuple[np.ndarray, float]:
    inside = np.argwhere(distances.values <= 0)
    volume = len(inside) * abs(np.linalg.det(distances.world_from_voxel[:3, :3]))
    return moved_by(distances.world_from_voxel, inside.mean(0)), volume


def _image(grid: Grid, values: np.ndarray):
    """For SimpleITK, whose coordinates and components run the other way round."""
    import SimpleITK as sitk

    vector = values.ndim == 4
    image = sitk.GetImageFromArray(np.ascontiguousarray(values[..., ::-1] if vector else values,
                                                        np.float64 if vector else np.float32), isVector=vector)
    image.SetOrigin(np.asarray(grid.origin_mm, float)[::-1].tolist())
    image.SetSpacing([grid.spacing_mm] * 3)
    return image


def _with_matrix(transform, matrix: np.ndarray):
    turned = np.asarray(matrix, float)[:3, :3][::-1, ::-1]
    centre = np.array(transform.GetCenter())
    transform.SetMatrix(turned.ravel().tolist())
    transform.SetTranslation((turned @ centre - centre + np.asarray(matrix, float)[:3, 3][::-1]).tolist())
    return transform


def _matrix_of(transform) -> np.ndarray:
    """Inverse of `_with_matrix`."""
    matrix = np.eye(4)
    turned = np.reshape(transform.GetMatrix(), (3, 3))
    centre = np.array(transform.GetCenter())
    matrix[:3, :3] = turned[::-1, ::-1]
    matrix[:3, 3] = (np.array(transform.GetTranslation()) + centre - turned @ centre)[::-1]
    return matrix
