"""See how well a pose fits: the rendering in the film's look, its edges, and a checkerboard of both."""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter

from ..drr.prepared import PreparedVolume
from ..drr.render import render
from ..geometry.camera import Camera
from ..imaging import Radiograph, Volume
from .films import film_of
from .patients import Patient, patient_of

LEVELS = 256
EDGE_MM = 1.5  # standard deviation of the filter before edges are found, at the detector
STRONG, WEAK = 0.9, 0.8  # quantiles of the slope between which an edge begins and goes on


@dataclass(frozen=True, eq=False)
class Comparison:
    """A film and a rendering of the CT from where it was taken.

    Parameters
    ----------
    film : (rows, columns) float32 array
        Grey values.
    drr : (rows, columns) float32 array
        The rendering with the film's distribution of grey values.
    edges : (rows, columns) bool array
        Thin edges of the rendering.
    usable : (rows, columns) bool array
        Where the film is neither collimated nor saturated.
    ncc
        Normalised cross-correlation of film and rendering there.
    """

    film: np.ndarray
    drr: np.ndarray
    edges: np.ndarray
    usable: np.ndarray
    ncc: float

    def checkerboard(self, squares: int = 8) -> np.ndarray:
        """(rows, columns) film and rendering in turn, in so many squares along the shorter side.

        Raises
        ------
        ValueError
            Fewer than one square.
        """
        if squares < 1:
            raise ValueError(f"squares must be at least 1, got {squares}")
        side = max(1, -(-min(self.film.shape) // squares))
        row, column = np.indices(self.film.shape) // side
        return np.where((row + column) % 2 == 0, self.film, self.drr)


def compare(radiograph: Radiograph, ct: Volume | PreparedVolume | Patient, camera: Camera) -> Comparison:
    """Render a CT from where a film is thought to have been taken, to be laid over it.

    Parameters
    ----------
    radiograph
    ct
        As for `refinement.refine`.
    camera
        Of the film's size.

    Raises
    ------
    InputError
        The CT is none, or the film is empty.
    ValueError
        Film and camera are not of one size.
    """
    if tuple(radiograph.shape) != tuple(camera.size_px):
        raise ValueError(f"the film has {radiograph.shape} pixels, the camera {camera.size_px}")
    usable = film_of(radiograph).usable
    film = np.nan_to_num(np.asarray(radiograph.pixels, np.float32))
    sums = render(patient_of(ct).finest, camera)
    ncc = _ncc(film[usable], sums[usable])
    drr = in_the_look_of(film, sums if ncc >= 0 else -sums, usable)
    return Comparison(film, drr, edges_of(sums, camera), usable, ncc)


def in_the_look_of(film: np.ndarray, image: np.ndarray, counted: np.ndarray) -> np.ndarray:
    """An image with grey values so that those of the pixels that count are distributed as the film's are."""
    shares = np.linspace(0, 1, LEVELS)
    have, want = np.quantile(image[counted], shares), np.quantile(film[counted], shares)
    have, first = np.unique(have, return_index=True)
    return np.interp(image, have, want[first]).astype(np.float32)


def edges_of(sums: np.ndarray, camera: Camera) -> np.ndarray:
    """(rows, columns) whether there is an edge (Canny 1986) in a rendering."""
    from skimage.feature import canny

    side = np.sqrt(np.linalg.norm(camera.row_step_mm) * np.linalg.norm(camera.column_step_mm))
    local = sums - gaussian_filter(sums, 10 * EDGE_MM / side)
    if not np.ptp(local) > 0:
        return np.zeros(sums.shape, bool)
    return canny(local, EDGE_MM / side, WEAK, STRONG, use_quantiles=True)


def _ncc(one: np.ndarray, other: np.ndarray) -> float:
    one, other = one - one.mean(dtype=float), other - other.mean(dtype=float)
    norms = np.linalg.norm(one) * np.linalg.norm(other)
    return float(one @ other / norms) if norms > 0 else 0.0
