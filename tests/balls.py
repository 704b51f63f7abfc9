"""Patients of water with dense balls as landmarks: quick to make and to render."""

from dataclasses import dataclass

import numpy as np

from napari_xray_landmarks.drr.scene import scene
from napari_xray_landmarks.imaging import Volume
from napari_xray_landmarks.landmarks import LandmarkSet
from napari_xray_landmarks.training.patients import Patient, splits_of
from napari_xray_landmarks.training.views import ViewRanges

NAMES = ("ball-left", "ball-right", "top")
BALLS = np.array([[10.0, -12.0, 44.0], [-8.0, 9.0, -36.0], [40.0, 3.0, 5.0]])
VIEWS = ViewRanges(translation_mm=(60, 20, 60), size_px=(72, 96), pixel_spacing_mm=(3.5, 3.5))


def ball_ct(number: int) -> tuple[Volume, LandmarkSet]:
    """Water with three dense balls, at other places in each subject."""
    points = BALLS + np.random.default_rng(number).uniform(-8, 8, BALLS.shape)
    shape, spacing = (48, 32, 48), 3.0
    matrix = np.diag([spacing] * 3 + [1.0])
    matrix[:3, 3] = -spacing * (np.array(shape) - 1) / 2
    grid = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), -1) * spacing + matrix[:3, 3]
    hu = np.where((np.abs(grid) < (60, 40, 62)).all(-1), 0.0, -1000.0)
    for point in points:
        hu += 1500 * np.clip((9 - np.linalg.norm(grid - point, axis=-1)) / spacing + 0.5, 0, 1)
    return Volume(hu.astype(np.float32), matrix, f"balls {number}", "CT"), LandmarkSet(NAMES, points, unit="mm")


@dataclass(frozen=True)
class Balls:
    """Six subjects with balls."""

    made: list

    def __len__(self) -> int:
        return 6

    def describe(self) -> dict:
        return {"kind": "balls"}

    def split_of(self, number: int) -> str:
        return splits_of(range(6), 0)[number]

    def patient(self, number: int, variant: int, *, outlined: bool = True) -> Patient:
        self.made.append((number, variant))
        ct, landmarks = ball_ct(number)
        return Patient(str(number), self.split_of(number), scene(ct), landmarks)
