"""A knee as an MR or a CT: coil, noise, side, and the nouns."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from ..imaging import Volume
from ..landmarks import LandmarkSet
from .knee import SIDES, Knee, knee
from .knee_tissues import SEQUENCES, look
from .knee_voxels import LABELS, draw
from .phantom import Phantom

FIELD_OF_VIEW_MM = (140.0, 140.0, 116.0)  # as of the sagittal DESS of the OAI
CENTRE_MM = (8.0, -4.0, 0.0)
SPACING_MM = (0.55, 0.55, 0.9)


def knee_phantom(subject: int = 0, *, implant: bool | None = None, spacing_mm=None, modality: str = "MR",
                 sequence: str = "dess", side: str | None = None, person: Knee | None = None) -> Phantom:
    """The knee of a number as an MR or CT volume with labels and landmarks in space.

    Parameters
    ----------
    subject
        The same number gives the same knee in every modality, sequence and spacing.
    implant
        There are none for the knee yet: True is refused.
    spacing_mm
        (superior, posterior, left) or one for all; None for 0.55, 0.55, 0.9. (0.365, 0.365, 0.7) is the OAI's.
    modality
        "MR" or "CT".
    sequence
        Of the MR: "dess", "t1" or "pd", see `knee_tissues`.
    side
        "left" or "right", each the other's mirror image; None leaves it to the subject.
    person
        A knee made otherwise, in place of the subject's; `side` then counts for nothing.
    """
    if modality not in ("MR", "CT") or sequence not in SEQUENCES:
        raise ValueError(f"no {modality!r} {sequence!r}: modality MR or CT, sequence {', '.join(SEQUENCES)}")
    if implant:
        raise ValueError("there is no knee phantom with an implant")
    spacing = np.broadcast_to(np.asarray(SPACING_MM if spacing_mm is None else spacing_mm, float), 3)
    if not (np.isfinite(spacing) & (spacing > 0)).all():
        raise ValueError(f"spacing_mm must be positive, got {spacing_mm}")
    person = person or knee(subject, side)
    shape = tuple(int(n) for n in np.round(np.array(FIELD_OF_VIEW_MM) / spacing))
    origin = np.array(CENTRE_MM) - 0.5 * (np.array(shape) - 1) * spacing
    body, device = (np.random.default_rng(r) for r in np.random.SeedSequence([73, subject]).spawn(2))
    kind = "ct" if modality == "CT" else sequence
    image, labels = draw(person, look(kind, device), origin, spacing, shape, body)
    voxels = _ct(image, device) if modality == "CT" else _mr(image, device)
    matrix = np.diag([*spacing, 1.0])
    matrix[:3, 3] = origin
    if SIDES[person.side] < 0:
        voxels, labels = (np.ascontiguousarray(a[:, :, ::-1]) for a in (voxels, labels))
    name = f"phantom knee {subject}"
    points = np.array(list(person.landmarks.values())) * (1, 1, SIDES[person.side])
    return Phantom(Volume(voxels, matrix, name, modality), Volume(labels, matrix, f"{name} labels", "labels"),
                   LandmarkSet(tuple(person.landmarks), points, unit="mm"), dict(LABELS), False)


def _ct(hu: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    noise = rng.standard_normal(hu.shape, dtype=np.float32)
    noise *= rng.uniform(8, 18)
    hu += noise
    return np.clip(np.round(hu, out=hu), -1024, 3071, out=hu).astype(np.int16)


def _mr(signal: np.ndarray, rng: np.random.Generator, gain: float = 800.0) -> np.ndarray:
    """Sensitivity of the coil over the field of view, and Rician noise."""
    for axis, size in enumerate(signal.shape):
        x = np.linspace(-1, 1, size)
        slope, bend = rng.uniform(-0.12, 0.12), rng.uniform(-0.10, 0.18)
        curve = np.exp(slope * x + bend * (x * x - 0.3) - 0.5 * np.maximum(np.abs(x) - 0.85, 0) * (axis == 0))
        signal *= curve.reshape([-1 if a == axis else 1 for a in range(3)]).astype(np.float32)
    sigma = rng.uniform(0.018, 0.04)
    planes = list(zip(signal, rng.spawn(len(signal)), strict=True))
    with ThreadPoolExecutor(2) as threads:
        list(threads.map(lambda plane: _rician(*plane, sigma), planes, chunksize=16))
    signal *= gain
    return np.round(signal, out=signal).astype(np.int16)


def _rician(plane: np.ndarray, rng: np.random.Generator, sigma: float) -> None:
    real, imaginary = rng.standard_normal((2, *plane.shape), dtype=np.float32)
    plane += sigma * real
    np.hypot(plane, sigma * imaginary, out=plane)
