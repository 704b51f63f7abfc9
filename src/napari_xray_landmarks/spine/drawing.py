"""Curves drawn as surgeons draw them: endplates made longer, perpendiculars on them, and the angle between these."""

from dataclasses import dataclass

import numpy as np

from .cobb import Curvature, Curve
from .vertebrae import RING, Vertebrae

BESIDE = 1.3  # endplates' lengths from the line between the end vertebrae to where the perpendiculars cross
TEXT_BESIDE = 1.1  # endplates' lengths from the perpendiculars' feet to the middle of the text
BEYOND = 0.25  # of a perpendicular, past the crossing
PARALLEL_DEG = 1.0  # perpendiculars of smaller angles do not meet on any film
WIDEST_DEG = 120.0
ARC_POINTS = 12


@dataclass(frozen=True, eq=False)
class CurveDrawing:
    """The lines of one curve, in the film's pixels.

    Parameters
    ----------
    curve
    endplates : (2, 2, 2) array
        The upper and the lower endplate's line, from the convex end of the endplate to beyond the perpendicular.
    perpendiculars : (2, 2, 2) array
        From each endplate's line to beyond the crossing.
    arc : (N, 2) array
        Between the perpendiculars, about their crossing.
    text_at : (2,) array
        Where there is room for the angle.
    """

    curve: Curve
    endplates: np.ndarray
    perpendiculars: np.ndarray
    arc: np.ndarray
    text_at: np.ndarray

    @property
    def text(self) -> str:
        """The angle, "MT 34.2°"."""
        return f"{self.curve.name} {self.curve.angle_deg:.1f}°"


def draw(curvature: Curvature) -> list[CurveDrawing]:
    """The drawing of every curve that there is."""
    return [draw_curve(curvature.vertebrae, curve) for curve in curvature.curves if curve.there]


def outlines(vertebrae: Vertebrae) -> np.ndarray:
    """(V, 4, 2) corners of each body as they follow each other round it, in pixels."""
    return vertebrae.corners_px[:, list(RING)]


def draw_curve(vertebrae: Vertebrae, curve: Curve) -> CurveDrawing:
    """The lines of one curve, on its concave side."""
    spacing, width = np.asarray(vertebrae.spacing), vertebrae.width
    a, b = (vertebrae.levels.index(level) for level in (curve.upper, curve.lower))
    plates = np.stack([vertebrae.corners[a, :2], vertebrae.corners[b, 2:]])  # (plate, left and right, 2)
    concave = 0 if curve.convex == "right" else 1
    ends, starts = plates[:, concave], plates[:, 1 - concave]
    along = (ends - starts) / np.linalg.norm(ends - starts, axis=1, keepdims=True)
    middles = plates.mean(1)
    height = np.linalg.norm(middles[1] - middles[0])
    half = np.deg2rad(min(curve.angle_deg, WIDEST_DEG)) / 2
    feet = middles + along * (BESIDE * width + height / 2 * np.tan(half))
    crossing = _crossing(feet, along, curve.angle_deg)
    perpendiculars = np.stack([feet, crossing + BEYOND * (crossing - feet)], axis=1)
    endplates = np.stack([starts, feet + 0.3 * width * along], axis=1)
    towards = np.stack([crossing - feet[0], feet[1] - crossing])  # downwards, past the crossing and to the lower foot
    arc = crossing + _arc(towards, 0.18 * height)
    text_at = feet.mean(0) + along.mean(0) * TEXT_BESIDE * width
    return CurveDrawing(curve, endplates / spacing, perpendiculars / spacing, arc / spacing, text_at / spacing)


def _crossing(feet: np.ndarray, along: np.ndarray, angle_deg: float) -> np.ndarray:
    """Where the perpendiculars at the feet of the two endplate lines meet; half way where they are nearly parallel."""
    half_way = feet.mean(0)
    if angle_deg < PARALLEL_DEG:
        return half_way
    normals = np.stack([along[:, 1], -along[:, 0]], axis=1)
    steps = np.linalg.solve(np.stack([normals[0], -normals[1]], axis=1), feet[1] - feet[0])
    found = feet[0] + steps[0] * normals[0]
    return found if np.linalg.norm(found - half_way) < np.linalg.norm(feet[1] - feet[0]) else half_way


def _arc(towards: np.ndarray, radius: float) -> np.ndarray:
    """(N, 2) points of the arc about the origin between two directions."""
    first, last = np.arctan2(towards[:, 1], towards[:, 0])
    turn = (last - first + np.pi) % (2 * np.pi) - np.pi
    angles = first + turn * np.linspace(0, 1, ARC_POINTS)
    return radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)
