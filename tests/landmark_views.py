"""Landmarks of the pelvis' size on films from any side, for the tests of poses."""

import numpy as np

from napari_xray_landmarks.geometry.camera import CArm

SIZE = (479, 615)


def landmarks(count: int = 23, seed: int = 0) -> np.ndarray:
    """(N, 3) mm, as wide and deep as a pelvis."""
    return np.random.default_rng(seed).uniform([-65, -60, -95], [65, 60, 95], (count, 3))


def view(seed: int) -> CArm:
    """From anywhere in 120 by 90 degrees around AP, not quite centred."""
    rng = np.random.default_rng(1000 + seed)
    angles = rng.uniform([-60, -45, -10], [60, 45, 10]).tolist()
    return CArm(*angles, isocentre_mm=tuple(rng.normal(0, 8, 3).tolist()))


def on_film(arm: CArm, points: np.ndarray, noise: float = 0.0, wrong: int = 0, seed: int = 0) -> np.ndarray:
    """(N, 2) px with normal errors; the first `wrong` of them anywhere."""
    rng = np.random.default_rng(2000 + seed)
    places = arm.camera().project(points) + rng.normal(0, noise, (len(points), 2))
    places[:wrong] = rng.uniform(0, SIZE, (wrong, 2))
    return places
