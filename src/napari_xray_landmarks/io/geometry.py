"""The geometry of a view (`view_000.json`): a projection with its parts, on LPS millimetres, giving (column, row).

`detector_px_from_world` is `intrinsics` @ `detector_from_world`[:3] over the distance of the detector: homogeneous,
positive in front of the source. The detector's frame has its origin at the source and its axes along column, row and
beam. Sizes and spacings are (rows, columns), as in DICOM.
"""

import json

import numpy as np

from ..errors import FileError
from ..geometry.calibration import camera_from_projection, projection_from_camera
from ..geometry.camera import Camera, CArm
from ..geometry.views import arm_from_camera
from .files import read_text, replacing
from .frames import lps_from_world

_CONVENTIONS = ("world: LPS mm; detector_px_from_world and intrinsics give (column, row, 1) times the depth; "
                "size_px, pixel_spacing_mm and centre_px are (row, column); detector_from_world has its origin at the "
                "source")
_AGREE = 1e-6


def geometry_document(arm: CArm) -> dict:
    """The keys of a geometry file, for one view."""
    row, column = (np.asarray(arm.size_px) - 1) / 2 if arm.centre_px is None else arm.centre_px
    focal = arm.source_to_detector_mm / np.asarray(arm.pixel_spacing_mm, dtype=float)
    camera = arm.camera()
    return {
        "conventions": _CONVENTIONS,
        "detector_px_from_world": projection_from_camera(camera).tolist(),
        "intrinsics": [[float(focal[1]), 0.0, float(column)], [0.0, float(focal[0]), float(row)], [0.0, 0.0, 1.0]],
        "detector_from_world": _rigid(arm, camera).tolist(),
        "pixel_spacing_mm": [float(s) for s in arm.pixel_spacing_mm],
        "size_px": [int(n) for n in arm.size_px],
        "centre_px": [float(row), float(column)],
        "source_to_detector_mm": float(arm.source_to_detector_mm),
        "source_to_isocentre_mm": float(arm.source_to_isocentre_mm),
        "lao_deg": float(arm.lao_deg),
        "cran_deg": float(arm.cran_deg),
        "roll_deg": float(arm.roll_deg),
        "isocentre_mm": lps_from_world([arm.isocentre_mm])[0].tolist(),
    }


def _rigid(arm: CArm, camera: Camera) -> np.ndarray:
    """(4, 4) matrix from LPS mm to (column, row, beam) in mm from the source."""
    superior, beam, left = arm.world_from_arm.T
    matrix = np.eye(4)
    matrix[:3, :3] = lps_from_world([left, -superior, beam])
    matrix[:3, 3] = -matrix[:3, :3] @ lps_from_world([camera.source_mm])[0]
    return matrix


def save_geometry(path, arm: CArm) -> None:
    """Write one view's geometry; inverse of `load_arm`.

    Raises
    ------
    FileError
        If the target cannot be written.
    """
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(geometry_document(arm), indent=1, allow_nan=False), encoding="utf-8")


def load_geometry(path) -> Camera:
    """The camera of a geometry file, ours or anybody's with a projection, a size and the detector's distance.

    The projection may have any scale and sign; the image must not be mirrored.

    Raises
    ------
    FileError
        If it is not JSON, lacks one of the three, or its projection is not that of its parts.
    """
    document = read_document(path)
    projection = numbers(path, document, "detector_px_from_world", (3, 4))
    size = numbers(path, document, "size_px", (2,))
    distance = float(numbers(path, document, "source_to_detector_mm", ()))
    if "intrinsics" in document and "detector_from_world" in document:
        rigid = numbers(path, document, "detector_from_world", (4, 4))[:3]
        _require_alike(path, projection, numbers(path, document, "intrinsics", (3, 3)) @ rigid)
    try:
        if (size != np.floor(size)).any() or size.min() < 1:
            raise ValueError(f"size_px must be (rows, columns) in whole pixels, got {size.tolist()}")
        return camera_from_projection(projection, tuple(int(n) for n in size), in_front_lps_mm=_in_front(projection),
                                      source_to_detector_mm=distance)
    except (ValueError, np.linalg.LinAlgError) as error:
        raise FileError(path, str(error), "Write the geometry again") from error


def load_arm(path) -> CArm:
    """The C-arm of a geometry file; inverse of `save_geometry`.

    Raises
    ------
    FileError
        As `load_geometry`, and if `source_to_isocentre_mm` is missing or no C-arm has that detector.
    """
    camera, distance = load_geometry(path), float(numbers(path, read_document(path), "source_to_isocentre_mm", ()))
    try:
        arm = arm_from_camera(camera, distance)
        arm.camera()  # which rounding may leave without a detector
        return arm
    except ValueError as error:
        raise FileError(path, str(error), "Use the projection alone") from error


def _in_front(projection: np.ndarray) -> np.ndarray:
    """A point in LPS mm that is seen: an image that is not mirrored has it where rows, columns and beam are right."""
    linear = projection[:, :3]
    centre = -np.linalg.solve(linear, projection[:, 3])
    return centre + np.sign(np.linalg.det(linear)) * linear[2] / np.linalg.norm(linear[2])


def _require_alike(path, projection: np.ndarray, parts: np.ndarray) -> None:
    sizes = np.linalg.norm(projection), np.linalg.norm(parts)
    one, other = projection * sizes[1], parts * sizes[0]
    if min(np.abs(one - other).max(), np.abs(one + other).max()) > _AGREE * sizes[0] * sizes[1]:
        raise FileError(path, "detector_px_from_world is not intrinsics times detector_from_world",
                        "Correct or leave out one of them")


def read_document(path) -> dict:
    """The keys of a geometry file; FileError where it is none."""
    try:
        document = json.loads(read_text(path))
    except (ValueError, RecursionError) as error:
        if isinstance(error, FileError):
            raise
        raise FileError(path, f"is not JSON ({error})", "Write the geometry again") from error
    if not isinstance(document, dict):
        raise FileError(path, "is not a geometry file", "Give one that `simulate` wrote")
    return document


def numbers(path, document: dict, key: str, shape: tuple[int, ...]) -> np.ndarray:
    """The finite numbers of that shape under a key of a geometry file; FileError where they are not there."""
    if key not in document:
        raise FileError(path, f"is not a geometry file: it has no {key}", "Give one that `simulate` wrote")
    try:
        values = np.array(document[key], dtype=float)
    except (TypeError, ValueError):
        values = np.empty(0)
    if values.shape != shape or not np.isfinite(values).all():
        expected = f"{' x '.join(map(str, shape))} numbers" if shape else "a number"
        raise FileError(path, f"{key} is not {expected}: {str(document[key])[:80]}", "Write the geometry again")
    return values
