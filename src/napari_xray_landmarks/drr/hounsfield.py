"""Whether a volume is a CT in Hounsfield units, and the ways back where it is stored otherwise."""

import numpy as np

from ..errors import InputError
from ..imaging import Volume

STEP_HU = 1024
MULTIPLES = range(-4, 65)
AIR_HU, SOFT_HU = (-1060, -900), (-200, 200)
SAMPLES = 400_000


def in_hounsfield(volume: Volume) -> tuple[np.ndarray, tuple[str, ...]]:
    """(planes, rows, columns) float32 HU, and notes on what was changed to get there.

    Raises
    ------
    InputError
        The volume is an MR or of labels, holds values that are not finite, or is of no scale that can be told.
    """
    voxels = np.asarray(volume.voxels)
    if volume.modality in ("MR", "labels"):
        raise _refusal(volume, f"its modality is {volume.modality!r}, not CT", "Choose the CT itself")
    if not np.isfinite(voxels.sum(dtype=float)):
        raise _refusal(volume, "it holds values that are not finite", "Replace them, for example by -1000 (air)")
    sample = voxels.ravel()[:: max(1, voxels.size // SAMPLES)].astype(float)
    low, high = sample.min(), sample.max()
    if low >= 0 and high < 256 and len(np.unique(sample)) < 130:
        raise _refusal(volume, f"it looks like labels: {len(np.unique(sample))} whole values up to {high:g}",
                       "Choose the CT itself, and give this as its labels")
    if high - low < 100:
        raise _refusal(volume, f"its values reach from {low:g} to {high:g} only", "Use a CT in Hounsfield units")
    multiple = _multiple(volume, sample)
    hu = voxels.astype(np.float32)
    notes = ()
    if multiple:
        hu -= np.float32(STEP_HU * multiple)
        notes = (f"{volume.name}: stored with an offset of {STEP_HU * multiple}, which was taken off",)
    background = _background(sample - STEP_HU * multiple)
    if background:
        hu[voxels == STEP_HU * multiple] = -1000
        notes += (f"{volume.name}: cut out of a CT, {background:.0%} of it holds exactly 0; taken as air",)
    return hu, notes


def _background(sample: np.ndarray) -> float:
    share = float((sample == 0).mean())
    return share if share > 0.2 and (sample < -800).mean() < 0.01 else 0.0


def _multiple(volume: Volume, sample: np.ndarray) -> int:
    """How many times 1024 the values lie above HU."""
    inside = sample[sample != 0] if (sample == 0).mean() > 0.2 else sample
    shares = {k: _explained(inside - STEP_HU * k) for k in MULTIPLES}
    best = max(shares, key=shares.get)
    if inside.size < sample.size and sample.min() < 0 and -200 < np.median(inside) < 800:
        return 0
    if sample.min() < -100 and shares[0] >= 0.3:
        others = shares[best]
        return 0 if others < 1.5 * shares[0] else best
    if shares[best] < 0.5:
        raise _refusal(volume, f"its values, {sample.min():g} to {sample.max():g} with a median of "
                       f"{np.median(sample):g}, fit no CT in Hounsfield units, nor one with an offset of {STEP_HU}",
                       "Rescale it to HU: air -1000, water 0")
    return best


def _explained(hu: np.ndarray) -> float:
    """The share of a sample that is air or soft tissue."""
    air = (hu > AIR_HU[0]) & (hu < AIR_HU[1])
    return float((air | ((hu > SOFT_HU[0]) & (hu < SOFT_HU[1]))).mean())


def _refusal(volume: Volume, problem: str, remedy: str) -> InputError:
    return InputError(volume.name, problem, remedy)
