"""Shape models as files: what `load_model` calls for a model that is nothing but a shape model."""

from collections.abc import Mapping

import numpy as np

from .point_distribution import PointDistributionModel


def load(header, tensors: Mapping[str, np.ndarray]) -> PointDistributionModel:
    """The point distribution model of a model file; ValueError where it holds none."""
    return PointDistributionModel.from_tensors(tensors, header.landmarks)
