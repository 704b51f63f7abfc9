"""The pose of a film in a CT: landmarks are paired, the pose estimated, refined and judged. No layer changes here."""

from dataclasses import dataclass, replace

import numpy as np

from .. import __version__
from ..drr.projection import in_volume, require_in_volume
from ..errors import InputError
from ..geometry.camera import CArm
from ..geometry.film_arm import contradictions
from ..geometry.frame_checks import RAS_READ_AS_LPS, checked_pose, contradicts_view
from ..geometry.landmark_pairs import LandmarkPairs, landmark_pairs
from ..geometry.pose import DegeneratePose, Pose, PoseEstimate, pose_of_estimate
from ..geometry.pose_errors import pose_error, target_errors
from ..imaging import Radiograph, Volume
from ..landmarks import LandmarkSet
from .film_geometry import FilmGeometry, Intrinsics


@dataclass(frozen=True)
class Residual:
    """One landmark and how far its projection is from its place on the film.

    Parameters
    ----------
    name
    place_px, projected_px
        (row, column).
    px
        The distance.
    mm
        The same at the isocentre.
    used
        Whether the pose rests on it.
    """

    name: str
    place_px: tuple[float, float]
    projected_px: tuple[float, float]
    px: float
    mm: float
    used: bool


@dataclass(frozen=True)
class TrueErrors:
    """How far a pose is from the true one.

    Parameters
    ----------
    rotation_deg, translation_mm
        Of the patient before the C-arm.
    target_mm
        Mean projected error of the landmarks at the isocentre (mTRE).
    """

    rotation_deg: float
    translation_mm: float
    target_mm: float

    def describe(self) -> str:
        """In one line."""
        return (f"{self.rotation_deg:.2f}° and {self.translation_mm:.2f} mm from the true pose, "
                f"{self.target_mm:.2f} mm at the isocentre")


def require_one_frame(landmarks: LandmarkSet, subject: str, ct: Volume) -> None:
    """Refuse landmarks that do not lie in the CT.

    Raises
    ------
    InputError
        It says so where they would lie in it as LPS read as RAS or the other way round.
    """
    points = landmarks.points[np.isfinite(landmarks.points).all(1)]
    inside, turned = (int(in_volume(p, ct).sum()) for p in (points, points * RAS_READ_AS_LPS))
    if turned > inside and inside < len(points) / 2:
        raise InputError(subject, f"{inside} of its {len(points)} landmarks lie in {ct.name}, and {turned} would with "
                         "left and posterior the other way round: LPS was taken for RAS, or RAS for LPS",
                         "Save them with their coordinate system, or correct it in the file")
    require_in_volume(landmarks, ct, subject)


@dataclass(frozen=True, eq=False)
class Estimation:
    """What an estimate of a film's pose starts from.

    Parameters
    ----------
    film
    geometry
        What its layer tells.
    intrinsics
        None finds them too, by the direct linear transformation.
    trusted
        Whether the header is, which the intrinsics and the pose then must not contradict.
    on_film
        In px.
    in_space
        In mm.
    in_space_name
        Of their layer.
    ct
    least_confidence
        Of landmarks on the film that count.
    seed
        Of the random choice of landmarks.
    """

    film: Radiograph
    geometry: FilmGeometry
    intrinsics: Intrinsics | None
    trusted: bool
    on_film: LandmarkSet
    in_space: LandmarkSet
    in_space_name: str
    ct: Volume
    least_confidence: float = 0.0
    seed: int = 0


def estimated(task: Estimation) -> tuple[Pose, LandmarkPairs]:
    """The pose at which landmarks are seen where they are on the film, and the landmarks that were taken.

    Raises
    ------
    InputError
        Layers that do not belong together, intrinsics that contradict the header, or landmarks that do not fix a pose;
        with the reason.
    """
    name = task.film.name
    if task.intrinsics is not None and task.trusted:
        require_agreement(task.intrinsics.arm(task.film.shape), task.film)
    require_one_frame(task.in_space, task.in_space_name, task.ct)
    try:
        pairs = landmark_pairs(task.on_film, task.in_space, task.least_confidence)
        found = _found(task, pairs)
        pose = pose_of_estimate(found, pairs.names, task.geometry.source_to_isocentre_mm, _provenance(task, pairs))
    except DegeneratePose as error:
        raise InputError(name, f"no pose: {error}", "Check the landmarks' names and places") from error
    except ValueError as error:
        raise InputError(name, f"no pose: {error}", "Enter the detector, or add landmarks") from error
    if task.trusted and task.geometry.view is not None and (
            said := contradicts_view(found.camera, task.geometry.view.camera())):
        raise InputError(task.in_space_name, said,
                         "Correct film, names or coordinate system, or say that the header is wrong")
    return pose, pairs


def require_agreement(arm: CArm, film: Radiograph) -> None:
    """Refuse a detector that is not that of a film's header.

    Raises
    ------
    InputError
        It names the film and each value.
    """
    if said := contradictions(arm, film):
        raise InputError(film.name, f"the detector contradicts the film: {'; '.join(said)}",
                         "Take the header's values, or say that the header is wrong")


def _found(task: Estimation, pairs: LandmarkPairs) -> PoseEstimate:
    rng = np.random.default_rng(task.seed)
    if task.intrinsics is None:
        from ..geometry.dlt import projection_from_points

        return projection_from_points(pairs.points_px, pairs.points_mm, task.film.shape, weights=pairs.weights, rng=rng)
    camera = task.intrinsics.arm(task.film.shape).camera()
    return checked_pose(pairs.points_px, pairs.points_mm, camera, weights=pairs.weights, rng=rng)


def _provenance(task: Estimation, pairs: LandmarkPairs) -> dict:
    return {"method": "dlt" if task.intrinsics is None else "pnp", "film": task.film.name, "ct": task.ct.name,
            "landmarks": task.in_space_name, "landmark_count": len(pairs.names), "seed": task.seed,
            "least_confidence": task.least_confidence, "package_version": __version__}


def residuals(pose: Pose, pairs: LandmarkPairs) -> tuple[Residual, ...]:
    """Every landmark's residual at a pose."""
    arm = pose.arm
    projected = arm.camera().project(pairs.points_mm)
    mm = np.asarray(arm.pixel_spacing_mm) * arm.source_to_isocentre_mm / arm.source_to_detector_mm
    off = pairs.points_px - projected
    return tuple(Residual(name, tuple(place), tuple(seen), float(np.hypot(*gap)), float(np.hypot(*(gap * mm))),
                          name in pose.used_landmarks)
                 for name, place, seen, gap in zip(pairs.names, pairs.points_px.tolist(), projected.tolist(), off,
                                                   strict=True))


def true_errors(pose: Pose, truth: CArm, points_mm: np.ndarray) -> TrueErrors:
    """Against the true pose of a film that was simulated."""
    camera, true = pose.arm.camera(), truth.camera()
    turn = pose_error(camera, true, truth.isocentre_mm)
    targets = target_errors(camera, true, points_mm, truth.isocentre_mm)
    return TrueErrors(turn.rotation_deg, turn.translation_mm, targets.mtre_mm)


def with_residual(pose: Pose, pairs: LandmarkPairs | None) -> Pose:
    """The same pose with the residual of its landmarks as they are now."""
    used = [r.px for r in residuals(pose, pairs) if r.used] if pairs is not None else []
    if not used or not np.isfinite(used).all():
        return pose
    return replace(pose, residual_px=float(np.sqrt(np.mean(np.square(used)))))
