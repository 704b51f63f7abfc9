"""Films at any resolution and pose, and where patches are sampled in them."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.ndimage import affine_transform, gaussian_filter

from ..geometry.similarity import apply, decompose
from .features import integral_histograms, patch_features

_SMALLEST = 16  # px, where a pyramid ends
_BLUR = 0.8  # px, before every second pixel is dropped


@dataclass(frozen=True, eq=False)
class Pyramid:
    """A film at full, half, quarter ... resolution, so that any part of it can be resampled without aliasing."""

    levels: tuple[np.ndarray, ...]

    @classmethod
    def of(cls, pixels: np.ndarray) -> "Pyramid":
        """Build from (rows, columns) grey values."""
        levels = [np.asarray(pixels, dtype=np.float32)]
        while min(levels[-1].shape) >= 2 * _SMALLEST:
            levels.append(gaussian_filter(levels[-1], _BLUR, mode="nearest")[::2, ::2])
        return cls(tuple(levels))

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
        return affine_transform(self.levels[level], image_from_target[:2, :2] / factor,
                                image_from_target[:2, 2] / factor, shape, order=1, mode="nearest")


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
