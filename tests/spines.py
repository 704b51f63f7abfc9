"""Spines whose angles are known: rectangles stacked along a curve."""

import numpy as np

from napari_xray_landmarks.landmarks import VERTEBRAE, LandmarkSet, vertebral_corners
from napari_xray_landmarks.spine.vertebrae import Vertebrae

T1_TO_L5 = VERTEBRAE[1:]


def stacked(tilts_deg, *, levels=T1_TO_L5, width: float = 60.0, height: float = 34.0, gap: float = 8.0,
            start=(60.0, 300.0)) -> Vertebrae:
    """Rectangles one below the other; a tilt is that of both endplates, positive with the film's right end lower."""
    tilts = np.deg2rad(np.broadcast_to(np.asarray(tilts_deg, float), len(levels)))
    across = np.stack([np.sin(tilts), np.cos(tilts)], 1)
    down = np.stack([np.cos(tilts), -np.sin(tilts)], 1)
    centre, bodies = np.array(start), []
    for i in range(len(levels)):
        half_width, half_height = across[i] * width / 2, down[i] * height / 2
        bodies.append([centre - half_height - half_width, centre - half_height + half_width,
                       centre + half_height - half_width, centre + half_height + half_width])
        if i + 1 < len(levels):
            centre = centre + (height + gap) / 2 * (down[i] + down[i + 1])
    return Vertebrae(tuple(levels), np.array(bodies))


def eased(nodes: dict[str, float], levels=T1_TO_L5) -> np.ndarray:
    """Tilts that reach these values at these levels, level there, and rise or fall in between."""
    at = sorted((levels.index(level), value) for level, value in nodes.items())
    tilts = np.empty(len(levels))
    for i in range(len(levels)):
        j = int(np.clip(np.searchsorted([a for a, _ in at], i, side="right") - 1, 0, len(at) - 2))
        (a, first), (b, last) = at[j], at[j + 1]
        t = np.clip((i - a) / (b - a), 0, 1)
        tilts[i] = first + (last - first) * t * t * (3 - 2 * t)
    return tilts


def three_curves(pt: float, mt: float, tll: float) -> Vertebrae:
    """PT from T1 to T5 and TL/L from T12 to L4 that bulge to the film's right, MT in between to the left."""
    return stacked(eased({"T1": -pt, "T5": 0.0, "T12": -mt, "L4": tll - mt, "L5": tll - mt - 1}))


def landmark_set(vertebrae: Vertebrae, **changes) -> LandmarkSet:
    """The corners as landmarks."""
    return LandmarkSet(vertebral_corners(levels=vertebrae.levels), vertebrae.corners_px.reshape(-1, 2), **changes)


def turned(vertebrae: Vertebrae, degrees: float, scale: float = 1.0, shift=(0.0, 0.0)) -> Vertebrae:
    """The same spine turned, resized and moved on the film."""
    a = np.deg2rad(degrees)
    matrix = scale * np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]])
    return Vertebrae(vertebrae.levels, vertebrae.corners_px @ matrix.T + shift)


def mirrored(vertebrae: Vertebrae) -> Vertebrae:
    """The same spine on a film that is turned over."""
    return Vertebrae(vertebrae.levels, vertebrae.corners_px[:, [1, 0, 3, 2]] * (1, -1))
