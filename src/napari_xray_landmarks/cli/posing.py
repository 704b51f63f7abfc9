"""The pose of one film: what is known of how it was taken, the estimate, and the checks that a person needs."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import FileError, InputError, listed
from .inputs import load_one_film

if TYPE_CHECKING:
    from ..geometry.camera import Camera, CArm
    from ..geometry.landmark_pairs import LandmarkPairs
    from ..geometry.pose import Pose, PoseEstimate
    from ..landmarks import LandmarkSet

_POINTS = "Check the landmarks, their names, and that film and CT are one patient's"


@dataclass(frozen=True, eq=False)
class Facts:
    """What is known of how a film was taken.

    Parameters
    ----------
    size_px
    camera
        Source and detector, where known.
    source
        Where that comes from.
    source_to_isocentre_mm, pixel_mm
        Where known.
    has_view
        Whether the camera's own pose means something.
    """

    size_px: tuple[int, int]
    camera: "Camera | None" = None
    source: str = ""
    source_to_isocentre_mm: float | None = None
    pixel_mm: tuple[float, float] | None = None
    has_view: bool = False


def facts_of_film(path: Path, intrinsics: bool = True) -> Facts:
    """What a film's header tells; where intrinsics are not needed, its size is enough."""
    from ..geometry.film_arm import arm_of_film, tells_view

    film = load_one_film(path)
    try:
        arm = arm_of_film(film)
    except ValueError as error:
        if not intrinsics:
            return Facts(film.shape, None, str(path), None, film.detector_spacing_mm)
        raise FileError(path, str(error), "Give the geometry with --geometry") from error
    return _facts_of_arm(arm, str(path), tells_view(film))


def facts_of_geometry(path: Path, film: Path | None = None) -> Facts:
    """What a geometry file tells; it may not contradict the film's header."""
    from ..geometry.film_arm import contradictions
    from ..geometry.views import arm_from_camera
    from ..io.geometry import load_geometry, numbers, read_document

    camera, document, isocentre = load_geometry(path), read_document(path), None
    if "source_to_isocentre_mm" in document:
        isocentre = float(numbers(path, document, "source_to_isocentre_mm", ()))
    try:
        arm = arm_from_camera(camera, isocentre or 1.0)
    except ValueError as error:
        raise FileError(path, str(error), "Give the geometry of a flat detector with square corners") from error
    if film is not None and (said := contradictions(arm, load_one_film(film))):
        raise InputError(path, f"contradicts the header of {film}: {'; '.join(said)}",
                         "Give the geometry of this film, or leave --film out if its header is wrong")
    return replace(_facts_of_arm(arm, str(path), True), source_to_isocentre_mm=isocentre)


def _facts_of_arm(arm: "CArm", source: str, has_view: bool) -> Facts:
    return Facts(arm.size_px, arm.camera(), source, arm.source_to_isocentre_mm, arm.pixel_spacing_mm, has_view)


def pose_of(subject: str, points_3d: Path, film: "LandmarkSet", ct: "LandmarkSet", facts: Facts, *, seed: int,
            compare: bool, min_confidence: float, unknown_intrinsics: bool) -> "Pose":
    """The pose of one film, checked.

    Raises
    ------
    InputError
        The landmarks do not fix a pose, or contradict what is known of the film.
    """
    import numpy as np

    from ..geometry.landmark_pairs import landmark_pairs
    from ..geometry.pose import DegeneratePose

    try:
        pairs = landmark_pairs(film, ct, min_confidence)
        _require_on_film(subject, pairs, facts)
        find = _with_unknown_intrinsics if unknown_intrinsics or facts.camera is None else _with_intrinsics
        found = find(pairs, facts, np.random.default_rng(seed))
    except DegeneratePose as error:
        raise InputError(subject, str(error), _POINTS) from error
    if compare and facts.has_view and facts.camera is not None:
        _require_known_view(points_3d, found, facts)
    return _pose(points_3d, pairs, found, facts, "dlt" if find is _with_unknown_intrinsics else "pnp", seed)


def _require_on_film(subject: str, pairs: "LandmarkPairs", facts: Facts) -> None:
    import numpy as np

    beyond = ((pairs.points_px < -0.5) | (pairs.points_px > np.array(facts.size_px) - 0.5)).any(1)
    if beyond.mean() > 0.5:
        raise InputError(subject, f"{int(beyond.sum())} of {len(beyond)} landmarks lie beyond the film of "
                         f"{' x '.join(map(str, facts.size_px))} pixels that {facts.source or '--size'} tells",
                         "Give the geometry of this film, in its own pixels")


def _with_intrinsics(pairs: "LandmarkPairs", facts: Facts, rng) -> "PoseEstimate":
    from ..geometry.frame_checks import checked_pose

    return checked_pose(pairs.points_px, pairs.points_mm, facts.camera, weights=pairs.weights, rng=rng)


def _with_unknown_intrinsics(pairs: "LandmarkPairs", facts: Facts, rng) -> "PoseEstimate":
    from ..geometry.dlt import projection_from_points

    return projection_from_points(pairs.points_px, pairs.points_mm, facts.size_px, weights=pairs.weights, rng=rng)


def _require_known_view(points_3d: Path, found: "PoseEstimate", facts: Facts) -> None:
    from ..geometry.frame_checks import contradicts_view

    if said := contradicts_view(found.camera, facts.camera):
        raise InputError(points_3d, f"{said} ({facts.source})", "Correct the film, the names or the coordinate system "
                         "that the file names; or give --any-view if the view that is told means nothing")


def _pose(points_3d: Path, pairs: "LandmarkPairs", found: "PoseEstimate", facts: Facts, method: str,
          seed: int) -> "Pose":
    from .. import __version__
    from ..geometry.pose import pose_of_estimate
    from ..geometry.views import view_of_arm

    pose = pose_of_estimate(found, pairs.names, facts.source_to_isocentre_mm)
    if method == "dlt":
        pose = replace(pose, arm=_scaled(pose.arm, facts))
    left_out = pairs.named(~found.inliers)
    summary = f"{found.describe()}; {view_of_arm(pose.arm)}" + (f"; left out: {listed(left_out)}" if left_out else "")
    residuals = {name: round(float(r), 4) if r >= 0 else None  # None: not in front of the source
                 for name, r in zip(pairs.names, found.residuals_px, strict=True)}
    return replace(pose, provenance={
        "method": method, "landmarks": points_3d.name, "intrinsics": Path(facts.source).name, "seed": seed,
        "package_version": __version__, "residuals_px": residuals, "left_out": list(left_out), "summary": summary})


def _scaled(arm: "CArm", facts: Facts) -> "CArm":
    """With the detector where its pixels have the size that is known; which no film tells."""
    if facts.pixel_mm is None:
        return arm
    factor = facts.pixel_mm[1] / arm.pixel_spacing_mm[1]
    spacing = tuple(factor * s for s in arm.pixel_spacing_mm)
    return replace(arm, source_to_detector_mm=factor * arm.source_to_detector_mm, pixel_spacing_mm=spacing)
