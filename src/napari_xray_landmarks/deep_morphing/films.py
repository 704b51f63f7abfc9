"""Films as the network sees them, and how near each of their pixels is to an outline."""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import binary_dilation
from scipy.spatial import cKDTree

from ..imaging import Radiograph
from ..landmarks import Contour

BONE, HEAD = "femur", "femoral-head"
MAPS = (BONE, HEAD)
STORED_PX = 448  # longest side of a film that trains
NEAR_PX = 8.0  # of a stored film: how far from an outline its nearness says more than "far"
FIELD_MM = 230.0  # what a C-arm's film of the hip shows along its longest side, where nothing is known
_STEP_PX = 0.25


@dataclass(frozen=True, eq=False)
class StoredFilm:
    """A film made ready for training.

    Parameters
    ----------
    grey : (STORED_PX, STORED_PX) uint8 array
    nearness : (maps, STORED_PX, STORED_PX) uint8 array
        255 on an outline, 0 from `NEAR_PX` on.
    size : (2,) ints
        The part that is film, from the first row and column.
    pixel_mm
        Of the stored film.
    """

    grey: np.ndarray
    nearness: np.ndarray
    size: tuple[int, int]
    pixel_mm: float


def stored(radiograph: Radiograph, contours: list[Contour]) -> StoredFilm:
    """A film with its outlines of `MAPS` as it is kept for training; contours of other names do not count."""
    scale = STORED_PX / max(radiograph.shape)
    grey = np.zeros((STORED_PX, STORED_PX), np.uint8)
    size = tuple(max(round(n * scale), 1) for n in radiograph.shape)
    grey[: size[0], : size[1]] = np.round(255 * resampled(stretched(radiograph.pixels), size))
    nearness = np.zeros((len(MAPS), STORED_PX, STORED_PX), np.uint8)
    for i, name in enumerate(MAPS):
        lines = [drawn(c.points, radiograph.shape) for c in contours if of_map(c.name) == name]
        if points := [(line + 0.5) * scale - 0.5 for line in lines if len(line)]:
            nearness[i] = _nearness(np.concatenate(points))
    return StoredFilm(grey, nearness, size, spacing_of(radiograph) / scale)


def of_map(name: str) -> str:
    """The map that an outline of this name belongs to; "" for none."""
    return next((m for m in MAPS if name == m or name.startswith((f"{m}-left", f"{m}-right"))), "")


def spacing_of(radiograph: Radiograph) -> float:
    """Millimetres a pixel; without a spacing, as if the film's longest side showed `FIELD_MM`."""
    if radiograph.spacing_mm is None:
        return FIELD_MM / max(radiograph.shape)
    return float(np.sqrt(np.prod(radiograph.spacing_mm)))


def stretched(pixels) -> np.ndarray:
    """float32 grey values from 0 to 1: all but a two-hundredth at either end lie between."""
    pixels = np.asarray(pixels, np.float32)
    low, high = np.percentile(pixels[::2, ::2], (0.5, 99.5))
    if high <= low:
        low, high = pixels.min(), pixels.max()
    return np.clip((pixels - low) / max(high - low, 1e-6), 0, 1)


def resampled(image: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """A float32 image with another number of pixels, corners kept; smoothed where it shrinks."""
    import torch
    from torch.nn.functional import interpolate

    tensor = torch.from_numpy(np.ascontiguousarray(image, np.float32))[None, None]
    return interpolate(tensor, size=shape, mode="bilinear", antialias=True)[0, 0].clamp(0, 1).numpy()


def drawn(points: np.ndarray, size_px) -> np.ndarray:
    """(N, 2) close points on a closed outline, without the parts that only close it along the film's edge."""
    points = np.asarray(points, float)
    following = np.roll(points, -1, axis=0)
    low, high = np.array([-0.5, -0.5]) + 0.26, np.asarray(size_px) - 0.5 - 0.26
    edge = ((points <= low) & (following <= low) | (points >= high) & (following >= high)).any(1)
    counts = np.where(edge, 0, np.ceil(np.linalg.norm(following - points, axis=1) / _STEP_PX)).astype(int)
    which = np.repeat(np.arange(len(points)), counts)
    share = (np.arange(len(which)) - np.repeat(np.cumsum(counts) - counts, counts)) / counts[which]
    return points[which] + share[:, None] * (following - points)[which]


def _nearness(points: np.ndarray) -> np.ndarray:
    """(STORED_PX, STORED_PX) uint8 nearness to a curve."""
    near = np.zeros((STORED_PX, STORED_PX), bool)
    cells = np.round(points).astype(int)
    inside = ((cells >= 0) & (cells < STORED_PX)).all(1)
    near[tuple(cells[inside].T)] = True
    near = binary_dilation(near, np.ones((3, 3)), iterations=int(NEAR_PX))
    distance, _ = cKDTree(points).query(np.argwhere(near), distance_upper_bound=NEAR_PX)
    image = np.zeros(near.shape, np.uint8)
    image[near] = np.round(255 * (1 - np.minimum(distance, NEAR_PX) / NEAR_PX))
    return image
