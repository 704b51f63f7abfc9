"""What a film might look like, drawn anew each time it trains."""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import affine_transform

from ..drr.appearance import Appearance, Ranges, random_appearance, vary
from ..drr.collimation import field
from .films import StoredFilm, standard

# Simulated films bring noise of their own, and at the network's resolution it is coarser than at the detector's.
LOOKS = Ranges(inverted=0.2, contrast_log2=(-0.5, 0.5), warped=0.3, shaded=0.4, equalised=0.3, blurred=0.3,
               blur_px=(0.3, 1.3), sharpened=0.25, noisy=0.5, noise=(0.003, 0.03), colour=(0.0, 0.8), collimated=0.2,
               gridded=0.05, marked=0.2, cut=0.2, cut_outs=(1, 3), cut_out_size=(0.05, 0.22), compressed=0.15,
               jpeg_quality=(30.0, 90.0))


@dataclass(frozen=True)
class Motion:
    """How pictures are taken out of films.

    Parameters
    ----------
    zoom
        Logarithm of how much larger or smaller than their spacing says they may show things.
    turn_deg
        Standard deviation of their turn.
    shift
        How far their middle leaves the film's, as a share of its sides.
    mirrored
        Share that is mirrored, with the names of left and right exchanged.
    """

    zoom: float = 0.25
    turn_deg: float = 7.0
    shift: float = 0.12
    mirrored: float = 0.5


def picture(film: StoredFilm, shape: tuple[int, int], pixel_mm: float, other_side: np.ndarray,
            rng: np.random.Generator, motion: Motion | None = None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A picture of a film: turned, scaled, moved, perhaps mirrored, and with another look.

    Parameters
    ----------
    film
    shape, pixel_mm
        Of the picture.
    other_side : (P,) int array
        The landmark that a mirror shows in the place of each.
    rng
    motion
        None takes the defaults.

    Returns
    -------
    (2, rows, columns) float32 array
        What the network is given.
    (P, 2) float32 array
        Landmarks in pixels of the picture.
    (P,) bool array
        Which of them can be seen.
    """
    matrix, offset, mirrored = _pose(film, shape, pixel_mm, rng, motion or Motion())
    look, outside = random_appearance(rng, LOOKS), float(rng.random() if rng.random() < 0.3 else 0.0)
    grey = affine_transform(film.grey.astype(np.float32) / 255, matrix, offset, shape, order=1, cval=outside)
    points = (film.points - offset) @ np.linalg.inv(matrix).T
    visible = film.visible & np.isfinite(points).all(1) & _open(points, shape, look)
    if mirrored:
        points, visible = points[other_side], visible[other_side]
    return standard(vary(np.clip(grey, 0, 1), look, rng)), points.astype(np.float32), visible


def _pose(film: StoredFilm, shape, pixel_mm: float, rng: np.random.Generator, motion: Motion):
    """(2, 2) matrix and (2,) offset from the picture's pixels to the film's, and whether it mirrors."""
    size = np.array(film.grey.shape)
    scale = pixel_mm / film.pixel_mm * np.exp(rng.uniform(-motion.zoom, motion.zoom))
    turn, mirrored = np.deg2rad(rng.normal(0, motion.turn_deg)), bool(rng.random() < motion.mirrored)
    cos, sin = np.cos(turn), np.sin(turn)
    matrix = scale * np.array([[cos, -sin], [sin, cos]]) @ np.diag([1, -1 if mirrored else 1])
    middle = (size - 1) / 2 + rng.uniform(-motion.shift, motion.shift, 2) * size
    return matrix, middle - matrix @ ((np.array(shape) - 1) / 2), mirrored


def _open(points: np.ndarray, shape: tuple[int, int], look: Appearance) -> np.ndarray:
    """Which points lie in the picture, and where the beam reaches."""
    cells = np.round(np.nan_to_num(points, nan=-1)).astype(int)
    inside = ((cells >= 0) & (cells < shape)).all(1)
    if look.collimator is not None:
        beam = field(look.collimator, shape, (1.0, 1.0))
        inside[inside] = beam[tuple(cells[inside].T)] > 0.5
    return inside


def pictures(films, shape: tuple[int, int], pixel_mm: float, other_side: np.ndarray, rng: np.random.Generator,
             motion: Motion | None = None):
    """A batch of tensors: (B, 2, rows, columns) images, (B, P, 2) points, (B, P) float flags of what can be seen."""
    import torch

    made = [picture(film, shape, pixel_mm, other_side, rng, motion) for film in films]
    images, points, visible = (torch.from_numpy(np.stack(part)) for part in zip(*made, strict=True))
    return images, points, visible.float()
