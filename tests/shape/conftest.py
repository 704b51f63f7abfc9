"""Shapes whose variation is known: ovals with a bump, made by a linear model."""

import numpy as np
import pytest

from napari_xray_landmarks.shape.point_distribution import PointDistributionModel


def oval(count: int = 40) -> np.ndarray:
    angle = np.linspace(0, 2 * np.pi, count, endpoint=False)
    radius = 30 * (1 + 0.3 * np.exp(-((angle - 1) ** 2) / 0.1) + 0.2 * np.exp(-((angle - 3.5) ** 2) / 0.3))
    return np.column_stack([1.6 * radius * np.cos(angle), radius * np.sin(angle)])


def two_modes(mean: np.ndarray) -> np.ndarray:
    """(2, N, 2) orthonormal: one breathes, one shears, free of motion, turn and scale."""
    from napari_xray_landmarks.shape.fitted import _pose_tangents

    rng = np.random.default_rng(5)
    angle = np.linspace(0, 2 * np.pi, len(mean), endpoint=False)
    raw = [np.cos(3 * angle)[:, None] * mean, np.sin(2 * angle)[:, None] * mean[:, ::-1] + rng.normal(size=mean.shape)]
    basis, _ = np.linalg.qr(np.array([*_pose_tangents(mean), *raw]).reshape(6, -1).T)
    return basis.T[4:].reshape(2, *mean.shape)


@pytest.fixture(scope="session")
def model() -> PointDistributionModel:
    mean = oval() - oval().mean(0)
    return PointDistributionModel(mean, two_modes(mean), np.array([400.0, 90.0]), residual=0.01)
