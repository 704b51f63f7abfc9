"""A film's pose (`.json`): the geometry's keys, and how far the pose can be trusted.

`covariance` is that of the camera's (turn in rad, shift in mm) about `isocentre_mm`, along the axes of LPS.
"""

import json

import numpy as np

from ..errors import FileError
from ..geometry.camera import CArm
from ..geometry.pose import Pose
from .files import replacing
from .frames import world_from_lps
from .geometry import geometry_document, load_arm, load_geometry, numbers, read_document

_CONVENTIONS = ("; residual_px is the root mean square over used_landmarks; covariance is that of the camera's turn "
                "(rad) and shift (mm) about isocentre_mm, in LPS")
_ARM = ("lao_deg", "cran_deg", "roll_deg", "source_to_isocentre_mm", "source_to_detector_mm")
_AGREE_PX = 1e-3
_AGAIN = "Estimate the pose again"

# both axes' order is reversed, which mirrors: a turn, unlike a shift, changes its sign besides
_LPS_FROM_WORLD = np.zeros((6, 6))
_LPS_FROM_WORLD[:3, :3], _LPS_FROM_WORLD[3:, 3:] = -np.eye(3)[::-1], np.eye(3)[::-1]


def pose_document(pose: Pose) -> dict:
    """The keys of a pose file."""
    document = geometry_document(pose.arm)
    document["conventions"] += _CONVENTIONS
    covariance = None if pose.covariance is None else (_LPS_FROM_WORLD @ pose.covariance @ _LPS_FROM_WORLD.T).tolist()
    document |= {"residual_px": None if pose.residual_px is None else float(pose.residual_px),
                 "used_landmarks": list(pose.used_landmarks), "covariance": covariance}
    if pose.similarity is not None:
        document["similarity"] = float(pose.similarity)
    return document | {"provenance": dict(pose.provenance)}


def save_pose(path, pose: Pose) -> None:
    """Write a pose; inverse of `load_pose`. `load_geometry` and `load_arm` read it as well.

    Raises
    ------
    FileError
        If the target cannot be written, or the provenance holds what JSON does not.
    """
    try:
        text = json.dumps(pose_document(pose), indent=1, allow_nan=False, ensure_ascii=False)
    except (TypeError, ValueError) as error:
        raise FileError(path, f"the provenance cannot be written ({error})", "Use texts and finite numbers") from error
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def load_pose(path) -> Pose:
    """The pose of a file, with the residual and the landmarks that it rests on.

    Raises
    ------
    FileError
        If it is not JSON, lacks a key, a value makes no sense, or values contradict each other.
    """
    document = read_document(path)
    if "residual_px" not in document or "used_landmarks" not in document:
        raise FileError(path, "is no pose: it has no residual_px and used_landmarks, as a geometry file has not",
                        "Give one that `pose` or `register` wrote")
    residual, similarity = (_number(path, document, key) for key in ("residual_px", "similarity"))
    try:
        return Pose(_arm(path, document), residual, _names(path, document), _covariance(path, document), similarity,
                    _provenance(path, document))
    except FileError:
        raise
    except ValueError as error:
        raise FileError(path, str(error), _AGAIN) from error


def _arm(path, document: dict) -> CArm:
    """The C-arm by its own keys, exactly, where the file has them all."""
    camera = load_geometry(path)
    if not {*_ARM, "pixel_spacing_mm", "size_px", "centre_px", "isocentre_mm"} <= document.keys():
        return load_arm(path)
    size = tuple(int(n) for n in numbers(path, document, "size_px", (2,)))
    arm = CArm(*(float(numbers(path, document, key, ())) for key in _ARM),
               tuple(numbers(path, document, "pixel_spacing_mm", (2,)).tolist()), size,
               tuple(world_from_lps([numbers(path, document, "isocentre_mm", (3,))])[0].tolist()),
               tuple(numbers(path, document, "centre_px", (2,)).tolist()))
    near = np.array(arm.isocentre_mm) + np.vstack([np.zeros(3), 100 * np.eye(3)])
    apart = np.abs(arm.camera().project(near) - camera.project(near))
    if not (apart <= _AGREE_PX * max(size)).all():
        raise FileError(path, "the angles, distances and isocentre are not those of detector_px_from_world: they put "
                        f"points {np.nanmax(apart):.3g} px apart", _AGAIN)
    return arm


def _number(path, document: dict, key: str) -> float | None:
    return None if document.get(key) is None else float(numbers(path, document, key, ()))


def _names(path, document: dict) -> tuple[str, ...]:
    names = document["used_landmarks"]
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise FileError(path, f"used_landmarks is not a list of names: {str(names)[:80]}", _AGAIN)
    return tuple(names)


def _covariance(path, document: dict) -> np.ndarray | None:
    if document.get("covariance") is None:
        return None
    return _LPS_FROM_WORLD.T @ numbers(path, document, "covariance", (6, 6)) @ _LPS_FROM_WORLD


def _provenance(path, document: dict) -> dict:
    provenance = document.get("provenance", {})
    if not isinstance(provenance, dict):
        raise FileError(path, f"provenance is not an object: {str(provenance)[:80]}", _AGAIN)
    return provenance
