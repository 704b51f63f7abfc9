"""The whole shape among the response images: sparse shape composition around their peaks (paper 000, section 3).

Each landmark moves to the best response near the current shape, and the shape is composed again of a few training
shapes (Zhang et al. 2012), until it settles. What a response says against the shape becomes a sparse outlier.
"""

from dataclasses import dataclass

import numpy as np

from ..geometry.similarity import invert
from ..shape.sparse_composition import compose
from .search import Search, by_landmark
from .settings import JointDisplacementSettings

_SETTLED = 0.05  # level px
_NONE = 1e-6  # in place of a weight of zero, with which the problem would have many answers
LEAST = 0.02  # of a peak's mass, so that no landmark is without any weight


@dataclass(frozen=True, eq=False)
class Composed:
    """A shape in a film; everything in level pixels.

    Parameters
    ----------
    shape : (L, 2) array
        All landmarks, as a sparse composition of training shapes.
    evidence : (L, 2) array
        The best response near each.
    mass : (L,) array
        Share of the votes within 2.5 bandwidths of the evidence; zero where that is an outlier.
    outliers : (L, 2) array
        What the composition gave up of the evidence; zero for most landmarks.
    level_from_model : (3, 3) array
        The pose of the training shapes.
    """

    shape: np.ndarray
    evidence: np.ndarray
    mass: np.ndarray
    outliers: np.ndarray
    level_from_model: np.ndarray

    @property
    def points(self) -> np.ndarray:
        """(L, 2) landmarks: the evidence, and the shape where that is an outlier."""
        return np.where(self.outliers.any(1)[:, None], self.shape, self.evidence)


def composed(search: Search, dictionary: np.ndarray, settings: JointDisplacementSettings) -> Composed:
    """Compose the shape that a search's response images speak for.

    Parameters
    ----------
    search
    dictionary : (K, L, 2) array
        Training shapes in the model's frame.
    settings
        Of the group "segmentation".
    """
    densities = by_landmark(search.subshapes, search.densities)
    first = search.subshapes[0]
    shape, pose = first.shape, invert(first.image_from_level) @ search.image_from_model
    for _ in range(settings.compositions):
        evidence = np.array([densities[i].towards(shape[i], settings.reach).peak() for i in range(len(shape))])
        mass = np.array([densities[i].mass(evidence[i]) for i in range(len(shape))])
        found = compose(evidence, dictionary, np.maximum(mass, LEAST), start=pose,
                        lambda_shape=max(settings.sparsity, _NONE), lambda_outlier=max(settings.outliers, _NONE))
        moved = np.abs(found.points - shape).max()
        shape, pose = found.points, found.image_from_model
        if moved < _SETTLED:
            break
    outliers = found.e @ pose[:2, :2].T
    return Composed(shape, evidence, np.where(outliers.any(1), 0.0, mass), outliers, pose)
