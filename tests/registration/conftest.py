"""A small patient of bone and soft tissue, and films of it."""

import numpy as np
import pytest

from napari_xray_landmarks.geometry.camera import CArm
from napari_xray_landmarks.imaging import Volume

SPACING_MM = 4.0


def bones(seed: int = 0) -> np.ndarray:
    """(40, 30, 40) HU: an ellipsoid of soft tissue with rods and balls of bone in it."""
    rng = np.random.default_rng(seed)
    at = np.stack(np.indices((40, 30, 40)), -1) - (19.5, 14.5, 19.5)
    hu = np.where(((at / (30, 13, 17)) ** 2).sum(-1) < 1, 40.0, -1000.0)
    for _ in range(10):
        centre, along = rng.uniform(-9, 9, 3) * (1.2, 0.8, 1.2), rng.normal(size=3)
        along /= np.linalg.norm(along)
        apart = at - centre
        up = apart @ along
        across = np.linalg.norm(apart - up[..., None] * along, axis=-1)
        hu[(across < rng.uniform(1.2, 2.5)) & (abs(up) < rng.uniform(3, 9))] = rng.uniform(300, 1200)
    return hu.astype(np.float32)


def ct_of(hu: np.ndarray) -> Volume:
    """A CT about the origin."""
    matrix = np.diag([SPACING_MM] * 3 + [1.0])
    matrix[:3, 3] = -SPACING_MM * (np.array(hu.shape) - 1) / 2
    return Volume(hu, matrix, "bones", "CT")


@pytest.fixture(scope="session")
def ct():
    return ct_of(bones())


@pytest.fixture(scope="session")
def other_ct():
    return ct_of(bones(5))


@pytest.fixture(scope="session")
def arm():
    return CArm(20.0, -10.0, pixel_spacing_mm=(2.4, 2.4), size_px=(120, 130))
