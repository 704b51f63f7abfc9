"""One subject of a set of masks: read, registered to the reference and judged. As arrays, so that a run can keep it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from ..errors import InputError
from ..mesh import Mesh
from .bone_masks import BoneMask
from .correspondence_settings import CorrespondenceSettings
from .distance_maps import DistanceMap, Grid
from .distances import point_to_surface, sampled
from .even_surface import fine_surface
from .mask_registration import Warp, affine, demons, spacing_for

COARSE_VOXELS = 20_000
_NEAR = 4.0  # voxels about the bone where folds count
_FAR = 2.0  # voxels: a 95th percentile beyond is no correspondence
_SMOOTHER, _ATTEMPTS = 1.6, 3
_SAMPLES = 4000


@dataclass(frozen=True)
class SubjectReport:
    """How the registration of one subject went.

    Parameters
    ----------
    name
    used
        Whether it is among the correspondences; otherwise the last note says why not.
    is_reference, mirrored
    overlap
        Dice coefficient with the reference after registration.
    registered_median_mm, registered_p95_mm
        Distances between the reference's surface as the registration carries it over and the subject's own, both ways.
    median_mm, p95_mm
        The same of the points that are given.
    voxel_mm
        The smallest side of the mask's voxels.
    smallest_jacobian
        Of the displacements, about the bone.
    folds
        Voxels of the registration in which they fold.
    cut
        Share of the surface that lies on the volume's border.
    notes
    """

    name: str
    used: bool
    is_reference: bool = False
    mirrored: bool = False
    overlap: float = np.nan
    registered_median_mm: float = np.nan
    registered_p95_mm: float = np.nan
    median_mm: float = np.nan
    p95_mm: float = np.nan
    voxel_mm: float = np.nan
    smallest_jacobian: float = np.nan
    folds: int = 0
    cut: float = 0.0
    notes: tuple[str, ...] = ()

    @property
    def median_voxels(self) -> float:
        return self.median_mm / self.voxel_mm

    @property
    def p95_voxels(self) -> float:
        return self.p95_mm / self.voxel_mm


def coarse(source: Callable[[], BoneMask]) -> dict[str, np.ndarray]:
    """What the choice of the reference needs of a bone, or the "problem" for which it cannot be used."""
    try:
        bone = source()
    except InputError as error:
        return {"problem": as_array([str(error)])}
    distances = bone.continued
    spacing = spacing_for(distances, COARSE_VOXELS)
    grid = Grid.about(distances.bounds_mm, 2 * spacing, spacing)
    return {"values": distances.at(grid.points()).astype(np.float32), "origin_mm": grid.origin_mm,
            "spacing_mm": np.array(spacing), "cut": np.array(bone.cut), "notes": as_array(bone.notes),
            "voxel_mm": distances.spacing_mm.min(), "bounds_mm": bone.distances.bounds_mm}


def coarse_map(arrays: Mapping[str, np.ndarray]) -> DistanceMap:
    """The distances that `coarse` gives."""
    matrix = np.diag([*np.full(3, float(arrays["spacing_mm"])), 1.0])
    matrix[:3, 3] = arrays["origin_mm"]
    return DistanceMap(arrays["values"], matrix)


def registered(source: Callable[[], BoneMask], reference: BoneMask, surface: Mesh, start: np.ndarray,
               settings: CorrespondenceSettings) -> dict[str, np.ndarray]:
    """The reference's points on a subject, and how well they lie there.

    Parameters
    ----------
    source
    reference, surface
        And the points on it.
    start : (4, 4) array
        A rough map from the reference's world to the subject's.
    settings
    """
    bone, fixed, notes = source(), reference.distances, []
    subject = bone.distances
    matrix = affine(reference.continued, bone.continued, start, fixed.bounds_mm)
    spacing = settings.spacing_mm or spacing_for(fixed)
    for attempt in range(_ATTEMPTS):
        smoothing = min(settings.smoothing * _SMOOTHER**attempt, 5.0)
        warp = demons(fixed, subject, matrix, spacing, replace(settings, smoothing=smoothing))
        overlap, smallest, folds = _judged(warp, fixed, subject)
        if not folds:
            break
        notes.append(f"{folds} voxels folded with displacements smoothed by {smoothing:.3g} voxels")
    points = warp(surface.vertices)
    own = fine_surface(subject, max(subject.spacing_mm.min(), spacing / 2))
    before = _distances(Mesh(points, surface.faces), own)
    if settings.project:
        points = subject.onto_surface(points)
    after = _distances(Mesh(points, surface.faces), own) if settings.project else before
    good = not folds and overlap >= settings.least_overlap and before[1] <= _FAR * spacing
    if folds:
        notes.append(f"left out: the displacements fold in {folds} voxels")
    elif not good:
        notes.append(f"left out: the registration did not converge (overlap {overlap:.3f}, 95 % of the surface within "
                     f"{before[1]:.2f} mm)")
    return {"points": points, "overlap": np.array(overlap), "jacobian": np.array(smallest), "folds": np.array(folds),
            "before": np.array(before), "after": np.array(after), "notes": as_array(notes), "used": np.array(good)}


def _judged(warp: Warp, reference: DistanceMap, subject: DistanceMap) -> tuple[float, float, int]:
    """Dice coefficient, smallest Jacobian determinant, and voxels in which it is not positive, about the bone.

    Voxels on the surface count by their share inside, or the overlap of small bones would depend on the grid.
    """
    points = warp.grid.points()
    own = reference.at(points)
    shares = [np.clip(0.5 - d / warp.grid.spacing_mm, 0, 1) for d in (own, subject.at(warp(points)))]
    jacobian = warp.jacobian()[own < _NEAR * warp.grid.spacing_mm]
    overlap = 2 * np.minimum(*shares).sum() / np.sum(shares)
    return float(overlap), float(jacobian.min()), int((jacobian <= 0).sum())


def _distances(one: Mesh, other: Mesh) -> tuple[float, float]:
    """Median and 95th percentile of the distances between two surfaces, both ways."""
    rng = np.random.default_rng(0)
    both = np.concatenate([point_to_surface(sampled(a, _SAMPLES, rng), b) for a, b in ((one, other), (other, one))])
    return float(np.median(both)), float(np.percentile(both, 95))


def as_array(lines) -> np.ndarray:
    """Lines of text as an array that a run can keep."""
    return np.frombuffer("\n".join(lines).encode(), np.uint8)


def as_lines(array) -> tuple[str, ...]:
    """Inverse of `as_array`."""
    return tuple(line for line in np.asarray(array, np.uint8).tobytes().decode().split("\n") if line)


def points_of(arrays: Mapping[str, np.ndarray]) -> np.ndarray | None:
    """The points of a subject; None where it is left out."""
    return arrays["points"] if arrays["used"] else None
