"""How the landmarks lie to each other: a Gaussian over whole shapes, which chooses among the peaks of responses."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from math import sqrt

import numpy as np
from scipy.special import gammainccinv

from ..geometry.similarity import apply, invert, similarity_from_points
from .votes import Density

_SWEEPS = 3
_RARE = 1e-5  # of shapes like those of the training lie further from their mean than the limit, were they normal
_SLACK = 1.5  # standard deviations that are no reason for doubt: a few films tell the covariance too narrowly


@dataclass(frozen=True, eq=False)
class Formation:
    """Mean shape and covariance of the landmarks in the model's frame (root mean square radius 1).

    Parameters
    ----------
    mean : (L, 2) array
    covariance : (2L, 2L) array
        Over (row, column) of all landmarks, regularised so that it can be inverted.
    """

    mean: np.ndarray
    covariance: np.ndarray

    @cached_property
    def precision(self) -> np.ndarray:
        return np.linalg.inv(self.covariance)

    @property
    def freedoms(self) -> int:
        """Numbers that tell a shape, once its place, turn and size are taken off."""
        return max(0, 2 * len(self.mean) - 4)

    def distance(self, points: np.ndarray) -> float:
        """How far a shape lies from the mean, in standard deviations: about 1 for shapes like those of the training.

        The Mahalanobis distance over the root of `freedoms`, 0 where there are none.

        Parameters
        ----------
        points : (L, 2) array
            In any frame.
        """
        if not self.freedoms:
            return 0.0
        deviation = (apply(similarity_from_points(points, self.mean), points) - self.mean).ravel()
        return float(np.sqrt(deviation @ self.precision @ deviation / self.freedoms))

    @property
    def _rare_square(self) -> float:
        """Beyond which chi-squared is with a probability of `_RARE`."""
        return 2 * float(gammainccinv(self.freedoms / 2, _RARE))

    def doubt(self, points: np.ndarray) -> str:
        """Why (L, 2) landmarks may not be those of the anatomy: they lie unlike those of the training; "" otherwise."""
        distance = self.distance(points)
        if not self.freedoms or distance <= max(_SLACK, sqrt(self._rare_square / self.freedoms)):
            return ""
        return (f"the landmarks lie unlike those of the training films ({distance:.1f} standard deviations): the film "
                "may show something else, and the confidences may be too high")

    def expected(self, landmark: int, shape: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean (2,) and covariance (2, 2) of one landmark, given (L, 2) others in the model's frame."""
        own = slice(2 * landmark, 2 * landmark + 2)
        deviation = (shape - self.mean).ravel()
        deviation[own] = 0
        covariance = np.linalg.inv(self.precision[own, own])
        return self.mean[landmark] - covariance @ (self.precision[own] @ deviation), covariance

    def choose(self, densities: Mapping[int, Density], shape: np.ndarray, level_from_model: np.ndarray, weight: float,
               held: frozenset[int] = frozenset()) -> np.ndarray:
        """Peaks of response images that also fit the shape, landmark by landmark until they settle.

        Parameters
        ----------
        densities
            Response images of the landmarks to place, by landmark.
        shape : (L, 2) array
            All landmarks in level pixels; those without a density stay.
        level_from_model : (3, 3) array
        weight
            Of the shape against the response image; 0 takes the highest peak.
        held
            Landmarks whose place is given.

        Returns
        -------
        (L, 2) array
            All landmarks in level pixels.
        """
        found = shape.copy()
        free = [i for i in densities if i not in held]
        for landmark in free:
            found[landmark] = densities[landmark].peak()
        if weight <= 0 or len(self.mean) < 3:
            return found
        for _ in range(_SWEEPS):
            before = found.copy()
            own_from_level = invert(similarity_from_points(apply(level_from_model, self.mean), before))
            own = apply(invert(level_from_model) @ own_from_level, before)
            for landmark in free:
                mean, covariance = self.expected(landmark, own)
                prior = _log_gaussian(densities[landmark], mean, covariance, level_from_model, own_from_level)
                found[landmark] = densities[landmark].peak(weight * prior)
            if np.abs(found - before).max() < 0.05:
                break
        return found


def _log_gaussian(density: Density, mean, covariance, level_from_model, own_from_level) -> np.ndarray:
    """Logarithm (up to a constant) of a Gaussian in the model's frame over a density's pixels."""
    model_from_level = invert(level_from_model) @ own_from_level
    centre = apply(invert(model_from_level), mean)
    linear = model_from_level[:2, :2]
    precision = linear.T @ np.linalg.inv(covariance) @ linear
    rows, columns = density.values.shape
    r = np.arange(rows)[:, None] + density.origin_px[0] - centre[0]
    c = np.arange(columns)[None, :] + density.origin_px[1] - centre[1]
    return -0.5 * (precision[0, 0] * r * r + 2 * precision[0, 1] * r * c + precision[1, 1] * c * c)
