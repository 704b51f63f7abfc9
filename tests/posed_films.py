"""A small patient with two films: a body of water with dense balls in it, whose centres are the landmarks."""

import numpy as np

from napari_xray_landmarks.drr.scene import scene
from napari_xray_landmarks.drr.simulate import simulate
from napari_xray_landmarks.geometry.camera import CArm
from napari_xray_landmarks.imaging import Volume
from napari_xray_landmarks.landmarks import LandmarkSet

BALLS = np.array([(-40, -30, -55), (-45, 25, 50), (-20, 0, 5), (0, 30, -60), (5, -35, 55), (20, 10, -20), (35, -20, 30),
                  (45, 30, -45), (50, -5, 60), (-5, 5, 25)], float)  # (superior, posterior, left) in mm
NAMES = tuple(f"ball-{i}" for i in range(len(BALLS)))
VOXEL_MM, SHAPE = 4.0, (36, 28, 44)
FIRST, SECOND = (20.0, 10.0), (-35.0, 0.0)
CENTRE_MM = (300.0, -40.0, 12.0)


def landmarks() -> LandmarkSet:
    """The balls' centres."""
    return LandmarkSet(NAMES, BALLS + CENTRE_MM, unit="mm")


def ct() -> Volume:
    """The patient in HU; off the world's origin, as real ones are."""
    matrix = np.diag([VOXEL_MM, VOXEL_MM, VOXEL_MM, 1.0])
    matrix[:3, 3] = np.array(CENTRE_MM) - VOXEL_MM * (np.array(SHAPE) - 1) / 2
    at = np.stack(np.indices(SHAPE), -1) * VOXEL_MM + matrix[:3, 3] - CENTRE_MM
    hu = np.where((at[..., 1] / 48) ** 2 + (at[..., 2] / 78) ** 2 < 1, 0.0, -1000.0)
    for i, ball in enumerate(BALLS):
        hu[np.linalg.norm(at - ball, axis=-1) < 9 + i % 3] = 900.0
    return Volume(hu.astype(np.int16), matrix, "patient", "CT")


def arm(view=FIRST) -> CArm:
    """Where a film is taken from; a few large pixels."""
    return CArm(*view, pixel_spacing_mm=(3.0, 3.0), size_px=(96, 120), isocentre_mm=CENTRE_MM)


def film(volume: Volume, view=FIRST):
    """The radiograph of that view."""
    return simulate(scene(volume), arm(view))
