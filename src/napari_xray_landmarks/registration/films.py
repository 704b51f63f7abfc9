"""The film's side of a registration: which of its pixels can be compared, and the film at several resolutions."""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import binary_dilation, gaussian_filter, label

from ..errors import InputError
from ..geometry.camera import Camera
from ..imaging import Radiograph

NEAR_END = 0.02  # of the range of grey values: what is so near to either end counts as saturated
SMOOTH_PX = 1.5
LEAST_AREA = 0.001  # of the film: a smaller saturated area is left as it is
MARGIN_PX = 4  # left out around saturated areas and along the film's edge
LEAST_USABLE = 0.05


@dataclass(frozen=True, eq=False)
class Film:
    """A film, made ready.

    Parameters
    ----------
    grey : (rows, columns) float32 array
    usable : (rows, columns) bool array
    """

    grey: np.ndarray
    usable: np.ndarray

    def coarser(self, factor: int) -> tuple[np.ndarray, np.ndarray]:
        """Means over the usable of squares of pixels, and their share; what is left over at the far ends is cut."""
        rows, columns = (n // factor for n in self.grey.shape)

        def sums(image):
            return image[:rows * factor, :columns * factor].reshape(rows, factor, columns, factor).sum((1, 3))

        count = sums(self.usable.astype(np.float32))
        mean = sums(self.grey * self.usable) / np.maximum(count, 1)
        middle = mean[count > 0].mean() if (count > 0).any() else 0.0
        return np.where(count > 0, mean, middle).astype(np.float32), count / factor**2

    def halves(self, factor: int) -> tuple[np.ndarray, np.ndarray] | None:
        """Two coarser films that share no pixel, each of opposite quarters of all squares; None for factor 1.

        What they differ in is noise.
        """
        half = factor // 2
        if not half:
            return None
        row, column = (np.arange(n) % factor for n in self.grey.shape)
        upper, left = row < half, column < half
        lower, right = row >= factor - half, column >= factor - half
        masks = (np.outer(upper, left) | np.outer(lower, right), np.outer(upper, right) | np.outer(lower, left))
        return tuple(Film(self.grey, self.usable & mask).coarser(factor)[0] for mask in masks)


def film_of(radiograph: Radiograph) -> Film:
    """A radiograph made ready for registration.

    What a collimator covers and what is saturated, such as air and the inside of metal, is not usable.

    Raises
    ------
    InputError
        There is nothing on it.
    """
    grey = np.asarray(radiograph.pixels, np.float32)
    finite = np.isfinite(grey)
    if not finite.any() or grey[finite].max() <= grey[finite].min():
        raise InputError(radiograph.name, "has one grey value only", "Choose a film with something on it")
    low, high = np.percentile(grey[finite][::7], (0.1, 99.9))
    high = high if high > low else low + 1.0
    grey = np.clip((np.where(finite, grey, low) - low) / (high - low), 0, 1).astype(np.float32)
    usable = finite & ~saturated(grey)
    if usable.mean() < LEAST_USABLE:
        raise InputError(radiograph.name, f"only {usable.mean():.1%} of it is neither collimated nor saturated",
                         "Choose a film with something on it")
    return Film(grey, usable)


def saturated(grey: np.ndarray) -> np.ndarray:
    """(rows, columns) whether a pixel of an image from 0 to 1 is in a large area at either end, or next to one."""
    smooth = gaussian_filter(grey, SMOOTH_PX, mode="nearest")
    found = np.zeros(grey.shape, bool)
    for at_end in (smooth < NEAR_END, smooth > 1 - NEAR_END):
        areas, count = label(at_end)
        if count:
            large = np.bincount(areas.ravel()) >= max(LEAST_AREA * grey.size, 9)
            large[0] = False
            found |= large[areas]
    return binary_dilation(found, iterations=MARGIN_PX)


def coarser_camera(camera: Camera, factor: int) -> Camera:
    """The camera of `Film.coarser`: each pixel is a square of so many."""
    if factor == 1:
        return camera
    offset = (factor - 1) / 2
    corner = camera.corner_mm + offset * (camera.row_step_mm + camera.column_step_mm)
    size = tuple(n // factor for n in camera.size_px)
    return Camera(camera.source_mm, corner, factor * camera.row_step_mm, factor * camera.column_step_mm, size)
