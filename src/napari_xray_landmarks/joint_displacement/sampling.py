"""Films at any resolution and pose, and where patches are sampled in them."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.ndimage import affine_transform, gaussian_filter

from ..geometry.similarity import apply, decompose
from .features import integral_histograms, patch_features

_SMALLEST = 16  # px, where a pyramid ends
_BLUR = 0.8  # px, before every second pixel is dropped
_REACH = 4  # px that the blur looks to each side, or more; even
_BAND = 256  # rows that are halved at once; even
_DEEPEST = 65535
_OWN_TYPES = tuple(np.dtype(t) for t in (np.uint8, np.int8, np.uint16, np.int16, np.float32))


@dataclass(frozen=True, eq=False)
class Pyramid:
    """A film at full, half, quarter ... resolution, so that any part of it can be resampled without aliasing.

    Parameters
    ----------
    levels
        The film's own array, then smaller ones of 16 bits: beside a large film they take little memory.
    low, step
        A smaller level holds (grey value - low) / step.
    """

    levels: tuple[np.ndarray, ...]
    low: float = 0.0
    step: float = 1.0

    @classmethod
    def of(cls, pixels: np.ndarray) -> "Pyramid":
        """Build from (rows, columns) grey values."""
        pixels = np.asarray(pixels)
        if pixels.dtype not in _OWN_TYPES:
            pixels = pixels.astype(np.float32)
        low, high = float(pixels.min()), float(pixels.max())
        step = (high - low) / _DEEPEST or 1.0
        levels = [pixels]
        while min(levels[-1].shape) >= 2 * _SMALLEST:
            levels.append(_halved(levels[-1], *((low, step) if len(levels) == 1 else (0.0, 1.0))))
        return cls(tuple(levels), low, step)

    @property
    def shape(self) -> tuple[int, int]:
        return self.levels[0].shape

    def resample(self, image_from_target: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
        """Grey values on another grid, linearly interpolated; beyond the film its border is repeated.

        Parameters
        ----------
        image_from_target : (3, 3) array
            Similarity that takes (row, column, 1) of the result to pixels of the film.
        shape
            Of the result.
        """
        scale = decompose(image_from_target)[0]
        level = int(np.clip(np.floor(np.log2(max(scale, 1e-9)) + 1e-6), 0, len(self.levels) - 1))
        factor = 2.0**level
        found = affine_transform(self.levels[level], image_from_target[:2, :2] / factor,
                                 image_from_target[:2, 2] / factor, shape, np.float32, order=1, mode="nearest")
        return found if level == 0 else self.low + self.step * found


def _halved(image: np.ndarray, low: float, step: float) -> np.ndarray:
    """Every second row and column of the blurred (image - low) / step, in 16 bits; a band of rows at a time."""
    rows, columns = image.shape
    half = np.empty(((rows + 1) // 2, (columns + 1) // 2), np.uint16)
    for start in range(0, rows, _BAND):
        first, last = max(start - _REACH, 0), min(start + _BAND + _REACH, rows)
        band = (image[first:last].astype(np.float32) - np.float32(low)) / np.float32(step)
        blurred = gaussian_filter(band, _BLUR, mode="nearest")[start - first:][:_BAND:2, ::2]
        half[start // 2:][:len(blurred)] = np.round(np.clip(blurred, 0, _DEEPEST))
    return half


@dataclass(frozen=True, eq=False)
class LevelImage:
    """Part of a film in the model's pose at one level's resolution.

    Parameters
    ----------
    pyramid
        The film.
    image_from_level : (3, 3) array
        Takes level pixels (row, column, 1) to pixels of the film.
    shape
        (rows, columns) of the part.
    """

    pyramid: Pyramid
    image_from_level: np.ndarray
    shape: tuple[int, int]

    @classmethod
    def around(cls, pyramid: Pyramid, image_from_model: np.ndarray, resolution: float, points: np.ndarray,
               margin: float) -> "LevelImage":
        """The part that holds (N, 2) `points`, in the model's frame, with a margin in level pixels on all sides."""
        low = np.floor(points.min(0) * resolution - margin)
        high = np.ceil(points.max(0) * resolution + margin)
        model_from_level = np.array([[1 / resolution, 0, low[0] / resolution], [0, 1 / resolution, low[1] / resolution],
                                     [0, 0, 1]])
        rows, columns = (high - low + 1).astype(int)
        return cls(pyramid, image_from_model @ model_from_level, (int(rows), int(columns)))

    @cached_property
    def integral(self) -> np.ndarray:
        """(rows + 1, columns + 1, 18) integral histograms."""
        return integral_histograms(self.pyramid.resample(self.image_from_level, self.shape))

    def features(self, centres_px: np.ndarray, cell_px: int) -> np.ndarray:
        """(K, 360) features of patches at whole level pixels."""
        return patch_features(self.integral, centres_px, cell_px)

    def inside_film(self, points_px: np.ndarray) -> np.ndarray:
        """Whether each of (N, 2) level pixels lies on the film."""
        on_film = apply(self.image_from_level, points_px)
        return ((on_film >= -0.5) & (on_film <= np.array(self.pyramid.shape) - 0.5)).all(-1)


def sample_centres(expected: np.ndarray, reach: float, count: int, generator: np.random.Generator) -> np.ndarray:
    """Whole pixels at random in squares of half-width `reach` around (L, 2) expected landmarks, equally many each.

    Returns
    -------
    (count, 2) integer array
        In random order, so that the chain of patch offsets links far and near.
    """
    owner = generator.permutation(np.arange(count) % len(expected))
    return np.round(expected[owner] + generator.uniform(-reach, reach, (count, 2))).astype(np.int64)
