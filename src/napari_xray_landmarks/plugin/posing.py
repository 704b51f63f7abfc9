"""The pose of a film in a CT: landmarks are paired, the pose estimated, refined and judged. No layer changes here."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from .. import __version__
from ..drr.projection import in_volume, require_in_volume
from ..errors import InputError
from ..geometry.camera import Camera, CArm
from ..geometry.pose import MIN_LANDMARKS, DegeneratePose, Pose, PoseEstimate, covariance_about
from ..geometry.pose_errors import pose_error, target_errors
from ..geometry.views import arm_from_camera
from ..imaging import Volume
from ..landmarks import LandmarkSet
from .film_geometry import FilmGeometry, Intrinsics, require_agreement

MIRRORED = np.array([1.0, -1.0, -1.0])
"""What LPS read as RAS, or the other way round, does to (superior, posterior, left)."""


@dataclass(frozen=True, eq=False)
class Pairs:
    """Landmarks that are known on the film and in space.

    Parameters
    ----------
    film
        The film's name.
    names
    points_px : (N, 2) array
        On the film.
    points_mm : (N, 3) array
        In the CT's world.
    weights : (N,) array
        Confidence; 1 where there is none, as for points that a person placed.
    """

    film: str
    names: tuple[str, ...]
    points_px: np.ndarray
    points_mm: np.ndarray
    weights: np.ndarray

    def __len__(self) -> int:
        return len(self.names)


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


def pair(film: str, on_film: LandmarkSet, in_space: LandmarkSet, least_confidence: float = 0.0) -> Pairs:
    """The landmarks of one name on the film and in space.

    Parameters
    ----------
    film
        Its name, for messages.
    on_film
        In px; those that were not detected, or are less sure than `least_confidence`, are left out.
    in_space
        In mm.

    Raises
    ------
    InputError
        Fewer than six are left.
    """
    sure = ~(on_film.confidence < least_confidence) & on_film.detected & np.isfinite(on_film.points).all(1)
    known = np.isfinite(in_space.points).all(1) & in_space.detected
    shared = [name for name in on_film.names if name in in_space.names]
    if not shared:
        raise InputError(film, "its landmarks and those in space have no name in common: "
                         f"{_few(on_film.names)} on the film, {_few(in_space.names)} in space",
                         "Take the landmarks of the same anatomy, or rename them in the layer's features")
    there, here = on_film.names.index, in_space.names.index
    names = [name for name in shared if sure[there(name)] and known[here(name)]]
    if len(names) < MIN_LANDMARKS:
        why = f" with a confidence of {least_confidence:g} and more" if least_confidence else ""
        raise InputError(film, f"{len(names)} landmarks are on the film and in space{why}, and a pose needs "
                         f"{MIN_LANDMARKS}", "Place or detect more of them")
    first, second = [there(n) for n in names], [here(n) for n in names]
    return Pairs(film, tuple(names), np.array(on_film.points[first]), np.array(in_space.points[second]),
                 np.nan_to_num(on_film.confidence[first], nan=1.0))


def _few(names) -> str:
    return ", ".join(names[:2]) + (" …" if len(names) > 2 else "")


def require_one_frame(landmarks: LandmarkSet, subject: str, ct: Volume) -> None:
    """Refuse landmarks that do not lie in the CT.

    Raises
    ------
    InputError
        It says so where they would lie in it as LPS read as RAS or the other way round.
    """
    points = landmarks.points[np.isfinite(landmarks.points).all(1)]
    inside, turned = (int(in_volume(p, ct).sum()) for p in (points, points * MIRRORED))
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
        Its name.
    size_px
        (rows, columns).
    geometry
        What the film's layer tells.
    intrinsics
        None finds them too, by the direct linear transformation.
    agreed
        What the intrinsics must not contradict, by name.
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

    film: str
    size_px: tuple[int, int]
    geometry: FilmGeometry
    intrinsics: Intrinsics | None
    agreed: Mapping[str, float]
    on_film: LandmarkSet
    in_space: LandmarkSet
    in_space_name: str
    ct: Volume
    least_confidence: float = 0.0
    seed: int = 0


def estimated(task: Estimation) -> tuple[Pose, Pairs]:
    """The pose at which landmarks are seen where they are on the film, and the landmarks that were taken.

    Raises
    ------
    InputError
        Layers that do not belong together, intrinsics that contradict the header, or landmarks that do not fix a pose;
        with the reason.
    """
    if task.intrinsics is not None:
        require_agreement(task.film, task.intrinsics, task.agreed)
    require_one_frame(task.in_space, task.in_space_name, task.ct)
    pairs = pair(task.film, task.on_film, task.in_space, task.least_confidence)
    try:
        found = _found(task, pairs)
        return _pose(found, pairs, task), pairs
    except DegeneratePose as error:
        raise InputError(task.film, f"no pose: {error}", "Check the landmarks' names and places") from error
    except ValueError as error:
        raise InputError(task.film, f"no pose: {error}", "Enter the detector, or add landmarks") from error


def _found(task: Estimation, pairs: Pairs) -> PoseEstimate:
    rng = np.random.default_rng(task.seed)
    if task.intrinsics is None:
        from ..geometry.dlt import projection_from_points

        return projection_from_points(pairs.points_px, pairs.points_mm, task.size_px, weights=pairs.weights,
                                      source_to_detector_mm=task.geometry.known.get("source_to_detector_mm"), rng=rng)
    from ..geometry.pnp import estimate_pose

    camera = task.intrinsics.camera(task.size_px)
    return estimate_pose(pairs.points_px, pairs.points_mm, camera, weights=pairs.weights, rng=rng)


def _pose(found: PoseEstimate, pairs: Pairs, task: Estimation) -> Pose:
    arm = arm_at(found.camera, found.centre_mm, task.geometry.source_to_isocentre_mm)
    provenance = {"method": "DLT" if task.intrinsics is None else "PnP", "film": task.film, "ct": task.ct.name,
                  "landmarks": task.in_space_name, "least_confidence": task.least_confidence}
    used = tuple(name for name, inlier in zip(pairs.names, found.inliers, strict=True) if inlier)
    covariance = found.covariance
    if covariance is not None:
        covariance = covariance_about(covariance, found.centre_mm, arm.isocentre_mm)
    provenance |= {"landmark_count": len(pairs), "package_version": __version__}
    return Pose(arm, found.residual_px, used, covariance, provenance=provenance)


def arm_at(camera: Camera, centre_mm, source_to_isocentre_mm: float | None = None) -> CArm:
    """The C-arm of a camera, its isocentre at a given distance or at the depth of a point.

    Raises
    ------
    ValueError
        No C-arm has this detector.
    """
    if source_to_isocentre_mm is None:
        arm = arm_from_camera(camera, 1.0)
        beam = np.asarray(arm.isocentre_mm) - camera.source_mm
        source_to_isocentre_mm = float(beam @ (np.asarray(centre_mm) - camera.source_mm))
    return arm_from_camera(camera, source_to_isocentre_mm)


def residuals(pose: Pose, pairs: Pairs) -> tuple[Residual, ...]:
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


def with_residual(pose: Pose, pairs: Pairs | None) -> Pose:
    """The same pose with the residual of its landmarks as they are now."""
    used = [r.px for r in residuals(pose, pairs) if r.used] if pairs is not None else []
    if not used or not np.isfinite(used).all():
        return pose
    return replace(pose, residual_px=float(np.sqrt(np.mean(np.square(used)))))
