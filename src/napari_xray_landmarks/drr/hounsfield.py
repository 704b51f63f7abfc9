"""Whether a volume is a CT in Hounsfield units, and the ways back where it is stored otherwise."""

import numpy as np

from ..errors import InputError
from ..imaging import Volume

STEP_HU = 1024
MULTIPLES = range(-8, 33)
AIR_HU, SOFT_HU = (-1060.0, -880.0), (-200.0, 200.0)
BONE_HU = (-200.0, 800.0)  # where the median of a whole bone lies
LOWEST_HU = (-1300.0, -20.0)  # where the lowest values of a CT lie: noise in air, or fat where there is no air
PADDING = (-1500, -2000, -2048, -3000, -3024, -32768)  # what scanners write outside their field of view
ENOUGH, SURE = 0.35, 0.75  # share of a CT that is air or soft tissue, and of one that is to have an offset
MOST_BONE = 0.5  # of the soft tissue's volume, in a CT that is to have an offset
WRAPPED = 2**16
SAMPLES = 300_000
AIR = np.float32(-1000)


def in_hounsfield(volume: Volume) -> tuple[np.ndarray, tuple[str, ...]]:
    """A volume's HU, and what was changed to get there.

    A CT is told by its lowest values and by the shares that lie about air and about fat, water and muscle. What was
    stored with an offset of any multiple of 1024, or in 16 bits without their sign, is put right; a background of
    exactly 0, or of a scanner's padding, becomes air.

    Returns
    -------
    hu : (planes, rows, columns) float32 array
    notes
        One line for each change.

    Raises
    ------
    InputError
        The volume is an MR or of labels, holds values that are not finite, or has no scale that can be told.
    """
    voxels = np.asarray(volume.voxels)
    if volume.modality in ("MR", "labels"):
        raise InputError(volume.name, f"its modality is {volume.modality!r}, not CT", "Choose the CT itself")
    if not np.isfinite(voxels.sum(dtype=float)):
        raise InputError(volume.name, f"{int((~np.isfinite(voxels)).sum())} of its values are not finite",
                         "Replace them, by -1000 where there is air")
    hu, notes = voxels.astype(np.float32), []
    sample = sparse(hu).ravel()
    if voxels.dtype.kind == "u" and sample.max() > 0.9 * WRAPPED:
        hu[hu >= WRAPPED / 2] -= WRAPPED
        sample = sparse(hu).ravel()
        notes.append(f"{volume.name}: values from {WRAPPED // 2} on were negative and lost their sign, given back")
    background = _background(hu, sample)
    if background is not None:
        share = float((sample == background).mean())
        sample = sample[sample != background]
    multiple = _multiple(volume, sample, background)
    outside = None if background is None else hu == background
    if multiple:
        hu -= np.float32(STEP_HU * multiple)
        notes.append(f"{volume.name}: stored with an offset of {STEP_HU * multiple}, taken off")
    if outside is not None:
        hu[outside] = AIR
        notes.append(f"{volume.name}: the {share:.0%} of it that hold exactly {background:g} taken as air")
    return hu, tuple(notes)


def sparse(voxels: np.ndarray) -> np.ndarray:
    """Some of the voxels, evenly along all axes: enough for shares and quantiles."""
    step = max(1, int((voxels.size / SAMPLES) ** (1 / 3)))
    return voxels[::step, ::step, ::step]


def _background(hu: np.ndarray, sample: np.ndarray) -> float | None:
    """The value of what lies outside a mask or a scanner's field of view, if any: that of all corners and of many."""
    corners = hu[::max(1, hu.shape[0] - 1), :: max(1, hu.shape[1] - 1), :: max(1, hu.shape[2] - 1)]
    value = float(corners.flat[0])
    masked = value % STEP_HU == 0 and sample.min() - value < LOWEST_HU[1]
    if (corners != value).any() or not (masked or value in PADDING):
        return None
    share = (sample == value).mean()
    return value if 0.1 < share < 1 else None


def _multiple(volume: Volume, sample: np.ndarray, background: float | None) -> int:
    """How many times 1024 the values lie above HU."""
    if background is not None and background % STEP_HU == 0:
        inside = sample - background
        if LOWEST_HU[0] < inside.min() < LOWEST_HU[1] and BONE_HU[0] < np.median(inside) < BONE_HU[1]:
            return int(background // STEP_HU)  # bone that was cut out of a CT
    lowest = np.quantile(sample, 0.002)
    fits = {}
    for k in MULTIPLES:
        if LOWEST_HU[0] < lowest - STEP_HU * k < LOWEST_HU[1]:
            hu = sample - np.float32(STEP_HU * k)
            air, soft, bone = (_share(hu, window) for window in (AIR_HU, SOFT_HU, (SOFT_HU[1], np.inf)))
            sure = air + soft >= SURE and soft >= 0.05 and bone <= MOST_BONE * soft
            if sure or (k == 0 and air + soft >= ENOUGH):
                fits[k] = (soft >= 0.05, air + soft, k == 0)
    if not fits:
        raise InputError(volume.name, _problem(sample), "Give a CT in Hounsfield units: air -1000, water 0")
    return max(fits, key=fits.get)


def _share(hu: np.ndarray, window: tuple[float, float]) -> float:
    return float(((hu > window[0]) & (hu < window[1])).mean())


def _problem(sample: np.ndarray) -> str:
    """What a volume that is no CT looks like."""
    low, high, middle = sample.min(), sample.max(), np.median(sample)
    values = np.unique(sample)
    if low >= 0 and len(values) < 150 and (values == np.round(values)).all():
        return f"it holds {len(values)} whole values from {low:g} to {high:g}, like labels, not CT numbers"
    return (f"its values, {low:g} to {high:g} with a median of {middle:g}, are not Hounsfield units, "
            f"with whatever offset of {STEP_HU}")
