"""Collimators: the part of the detector that the beam reaches."""

from dataclasses import dataclass

import numpy as np

SHAPES = ("circle", "rectangle")


@dataclass(frozen=True)
class Collimation:
    """A circular (C-arm) or rectangular (bucky) field.

    Parameters
    ----------
    shape
        "circle" or "rectangle".
    size
        (rows, columns) of the field as shares of the detector's; a circle takes the smaller in mm as its diameter.
    centre
        (row, column) of its middle as shares of the detector, 0.5 for the middle.
    turn_deg
        A rectangle's turn.
    penumbra_mm
        Over how much the edge fades, at the detector.
    blanked
        Whether the rest of the film is shown black, as most systems do; otherwise it is white but for scatter.
    """

    shape: str = "circle"
    size: tuple[float, float] = (1.0, 1.0)
    centre: tuple[float, float] = (0.5, 0.5)
    turn_deg: float = 0.0
    penumbra_mm: float = 1.0
    blanked: bool = True

    def __post_init__(self):
        if self.shape not in SHAPES:
            raise ValueError(f"a collimator is a {' or a '.join(SHAPES)}, got {self.shape!r}")
        if len(self.size) != 2 or not min(self.size) > 0:
            raise ValueError(f"a collimator's size must be two positive shares, got {self.size}")
        if not self.penumbra_mm >= 0:
            raise ValueError(f"the penumbra must not be negative, got {self.penumbra_mm} mm")


def field(collimation: Collimation, size_px, pixel_spacing_mm) -> np.ndarray:
    """(rows, columns) float32 share of the beam that reaches each pixel."""
    extent = np.array(size_px) * pixel_spacing_mm
    rows, columns = ((np.arange(n) + 0.5) * s - c * e
                     for n, s, c, e in zip(size_px, pixel_spacing_mm, collimation.centre, extent, strict=True))
    rows, columns = rows[:, None], columns[None, :]
    half = np.array(collimation.size) * extent / 2
    if collimation.shape == "circle":
        inside = half.min() - np.hypot(rows, columns)
    else:
        cos, sin = np.cos(np.deg2rad(collimation.turn_deg)), np.sin(np.deg2rad(collimation.turn_deg))
        inside = np.minimum(half[0] - np.abs(cos * rows + sin * columns), half[1] - np.abs(cos * columns - sin * rows))
    edge = max(collimation.penumbra_mm, 1e-3)
    return np.clip(inside / edge + 0.5, 0, 1).astype(np.float32)
