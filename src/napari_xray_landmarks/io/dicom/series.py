"""CT, MR and PET slices to volumes, one a stack, with the geometry checked rather than assumed."""

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from math import atan, degrees
from pathlib import Path

import numpy as np

from ...errors import FileError
from ...imaging import Volume
from ..files import require_plausible_size
from ..frames import world_from_voxel
from .header import code, damaged, facts, number, numbers, value
from .pixels import decode, display_range, frame_count, integer_type, modality_values, rescale

_SAME_DIRECTION = 1e-3
_EVEN = 0.02
_EVEN_MM = 0.02
_TILT_PIXELS = 0.3
_FRAME_SEQUENCES = ("PlanePositionSequence", "PlaneOrientationSequence", "PixelMeasuresSequence",
                    "PixelValueTransformationSequence", "FrameVOILUTSequence")
_FRAME_ELEMENTS = ("RescaleSlope", "RescaleIntercept", "WindowCenter", "WindowWidth", "SliceThickness",
                   "SpacingBetweenSlices")
_PHASES = ("TemporalPositionIdentifier", "AcquisitionNumber", "EchoNumbers", "EchoTime", "DiffusionBValue",
           "TriggerTime", "ImageType")


@dataclass(frozen=True, eq=False)
class Slice:
    """One plane of a stack.

    Parameters
    ----------
    path, frame
        Where its pixels are.
    dataset
        The file's header.
    position, across, down : (3,) array
        LPS position of the first pixel in mm, direction of a row (columns rise) and of a column (rows rise).
    spacing_mm
        (row, column).
    """

    path: Path
    frame: int
    dataset: object
    position: np.ndarray
    across: np.ndarray
    down: np.ndarray
    spacing_mm: tuple[float, float]

    @property
    def shape(self) -> tuple[int, int]:
        return int(number(self.dataset, "Rows")), int(number(self.dataset, "Columns"))

    @property
    def normal(self) -> np.ndarray:
        return np.cross(self.across, self.down)

    def fits(self, other: "Slice") -> bool:
        """Whether both can be planes of one stack."""
        return (self.shape == other.shape and np.allclose(self.spacing_mm, other.spacing_mm, rtol=1e-4)
                and np.allclose(self.across, other.across, atol=_SAME_DIRECTION)
                and np.allclose(self.down, other.down, atol=_SAME_DIRECTION))


def slices(path, dataset) -> list[Slice]:
    """The planes in one file: one of an ordinary slice, many of an enhanced multi-frame file.

    Raises
    ------
    FileError
        If position, orientation or spacing are missing or make no sense.
    """
    count = frame_count(dataset)
    groups = value(dataset, "PerFrameFunctionalGroupsSequence")
    if not groups:
        if count > 1:
            raise FileError(path, f"has {count} frames without positions", "Export it as single slices")
        return [_slice(path, 0, dataset, [dataset])]
    if len(groups) < count:
        raise FileError(path, f"has {count} frames and positions for {len(groups)}", "Export it again")
    shared = value(dataset, "SharedFunctionalGroupsSequence")
    items = [_frame_items(group, shared[0] if shared else None) for group in groups[:count]]
    return [_slice(path, i, _frame_header(dataset, found), found) for i, found in enumerate(items)]


def _frame_items(own, shared) -> list:
    """The innermost items that may hold a frame's geometry, rescale and window, the frame's own first."""
    found = []
    for group in (own, shared):
        for keyword in _FRAME_SEQUENCES:
            sequence = value(group, keyword) if group is not None else None
            found += [sequence[0]] if sequence else []
    return found


def _frame_header(dataset, items: list):
    """The file's header with what a frame says of its own values, as an ordinary slice would."""
    header = copy(dataset)
    for keyword in _FRAME_ELEMENTS:
        found = next((v for item in items if (v := value(item, keyword)) is not None), None)
        if found is not None:
            setattr(header, keyword, found)
    return header


def _slice(path, frame: int, dataset, items: list) -> Slice:
    position, orientation, spacing = (
        next((v for item in items if len(v := numbers(item, key)) == n), None)
        for key, n in (("ImagePositionPatient", 3), ("ImageOrientationPatient", 6), ("PixelSpacing", 2))
    )
    for found, keyword in ((position, "ImagePositionPatient"), (orientation, "ImageOrientationPatient"),
                           (spacing, "PixelSpacing")):
        if found is None:
            raise FileError(path, f"is a {code(dataset, 'Modality')} slice without a usable {keyword}",
                            "Export the series again")
    if number(dataset, "Rows") is None or number(dataset, "Columns") is None:
        raise damaged(path)
    if min(spacing) <= 0:
        raise FileError(path, f"PixelSpacing is {spacing}", "Export the series again")
    across, down = np.array(orientation[:3]), np.array(orientation[3:])
    lengths = np.array([across @ across, down @ down, 1 + across @ down])
    if not np.allclose(lengths, 1, atol=1e-2):
        raise FileError(path, f"ImageOrientationPatient is {orientation}: no right angle", "Export the series again")
    across = across / np.linalg.norm(across)
    down = down - (down @ across) * across
    return Slice(Path(path), frame, dataset, np.array(position), across, down / np.linalg.norm(down), spacing)


def stacks(planes: Sequence[Slice]) -> list[list[Slice]]:
    """Planes of one series by size, spacing and direction; copies of one instance are dropped."""
    found: list[list[Slice]] = []
    seen = set()
    for plane in planes:
        uid = (str(value(plane.dataset, "SOPInstanceUID") or plane.path), plane.frame)
        if uid in seen:
            continue
        seen.add(uid)
        stack = next((s for s in found if s[0].fits(plane)), None)
        if stack is None:
            found.append([plane])
        else:
            stack.append(plane)
    return [phase for stack in found for phase in _phases(stack)]


def _phases(stack: list[Slice]) -> list[list[Slice]]:
    """A stack that visits every position several times, split by what tells the visits apart."""
    if _distinct(stack):
        return [stack]
    for keyword in _PHASES:
        groups: dict[str, list[Slice]] = {}
        for plane in stack:
            groups.setdefault(str(value(plane.dataset, keyword)), []).append(plane)
        if len(groups) > 1 and all(_distinct(g) for g in groups.values()):
            return list(groups.values())
    return [stack]


def _distinct(stack: list[Slice]) -> bool:
    along = np.sort(_along(stack))
    return len(stack) == 1 or bool((np.diff(along) > 1e-3).all())


def _along(stack: list[Slice]) -> np.ndarray:
    return np.array([plane.position @ stack[0].normal for plane in stack])


def volume(subject, stack: list[Slice], name: str) -> Volume:
    """The volume of one stack.

    Parameters
    ----------
    subject
        File or folder that errors name.
    stack
        Planes of one size, spacing and direction, in any order.
    name
        The volume's name.

    Raises
    ------
    FileError
        If slices are missing, doubled or unevenly spaced, the gantry was tilted, or a file is damaged.
    """
    stack = [stack[i] for i in np.argsort(_along(stack), kind="stable")]
    step_mm = _step(subject, stack)
    first = stack[0]
    matrix = np.eye(4)
    matrix[:3, 0] = first.across * first.spacing_mm[1]
    matrix[:3, 1] = first.down * first.spacing_mm[0]
    matrix[:3, 2] = first.normal * step_mm
    matrix[:3, 3] = first.position
    header = {"file": first.path.name, **facts(first.dataset)}
    if len(stack) > 1:
        header["file"], header["slices"] = first.path.parent.name, len(stack)
    window = display_range(first.dataset)
    if window is not None:
        header["display_range"] = window
    modality = code(first.dataset, "Modality")
    return Volume(_voxels(stack), world_from_voxel(matrix), name, modality, header)


def _step(subject, stack: list[Slice]) -> float:
    """The even distance of the planes, in mm."""
    if len(stack) == 1:
        between, thickness = (number(stack[0].dataset, k) for k in ("SpacingBetweenSlices", "SliceThickness"))
        return abs(between or thickness or 1.0)
    steps = np.diff(_along(stack))
    typical = float(np.median(steps))
    if steps.min() < 1e-3:
        raise FileError(subject, f"has {len(stack)} slices, several at the same position",
                        "Export one phase or echo as its own series")
    worst = int(np.argmax(np.abs(steps - typical)))
    if abs(steps[worst] - typical) > max(_EVEN * typical, _EVEN_MM):
        missing = "slices are missing" if steps[worst] > 1.5 * typical else "slices are unevenly spaced"
        raise FileError(subject, f"{missing}: they lie {typical:.3g} mm apart, but {steps[worst]:.3g} mm between "
                        f"slices {worst + 1} and {worst + 2} of {len(stack)}", "Export the whole series again")
    _refuse_tilt(subject, stack)
    return float(steps.mean())


def _refuse_tilt(subject, stack: list[Slice]) -> None:
    first = stack[0]
    offsets = np.array([plane.position - first.position for plane in stack])
    along = offsets @ first.normal
    sideways = np.linalg.norm(offsets - np.outer(along, first.normal), axis=1)
    if sideways.max() > _TILT_PIXELS * min(first.spacing_mm):
        angle = degrees(atan(sideways[-1] / along[-1]))
        raise FileError(subject, f"its slices are sheared by {angle:.1f} degrees (gantry tilt)",
                        "Export the series reformatted without tilt")


def _voxels(stack: list[Slice]) -> np.ndarray:
    """(planes, rows, columns) values after rescale, whole numbers where all slopes are 1."""
    first = stack[0]
    bits = int(number(first.dataset, "BitsAllocated") or 16)
    require_plausible_size(first.path, (len(stack), *first.shape), max(1, bits // 8))
    voxels = None
    decoded: tuple = (None, None)
    for i, plane in enumerate(stack):
        if decoded[0] != plane.path:
            decoded = (plane.path, _one_channel(plane))
        frame = decoded[1][plane.frame]
        if frame.shape != first.shape:
            raise FileError(plane.path, f"has {frame.shape} pixels, its series {first.shape}", "Export it again")
        values, ends = modality_values(frame, plane.dataset)
        if voxels is None:
            voxels = np.empty((len(stack), *first.shape), _type(stack, values, ends))
        elif not np.can_cast(values.dtype, voxels.dtype, "same_kind"):
            voxels = voxels.astype(np.result_type(voxels, values))
        voxels[i] = values
    return _narrowed(voxels)


def _narrowed(voxels: np.ndarray) -> np.ndarray:
    """16-bit numbers where 32 are not needed, as for a 16-bit CT whose offset could have led out of its range."""
    fits = voxels.dtype == np.int32 and integer_type(voxels.min(), voxels.max())
    return voxels.astype(np.int16) if fits is np.int16 else voxels


def _type(stack: list[Slice], values: np.ndarray, ends) -> type:
    if values.dtype.kind == "f" or any(rescale(p.dataset)[0] != 1 for p in stack):
        return np.float32
    offsets = [rescale(p.dataset)[1] for p in stack]
    shift = rescale(stack[0].dataset)[1]
    return integer_type(ends[0] + min(offsets) - shift, ends[1] + max(offsets) - shift)


def _one_channel(plane: Slice) -> np.ndarray:
    frames = decode(plane.path, plane.dataset)
    if frames.ndim != 3:
        raise FileError(plane.path, "is a colour slice", "Export the grey series")
    return frames
