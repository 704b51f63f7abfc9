"""Films of a plain femur with an outline that is known exactly."""

import numpy as np
from scipy.interpolate import CubicSpline

from napari_xray_landmarks.deep_morphing.films import BONE, HEAD
from napari_xray_landmarks.imaging import Radiograph
from napari_xray_landmarks.landmarks import Contour

RADIUS = 24.0  # mm, of the head about (0, 0); rows downwards, the film's left is the body's right
# The outline of a left femur in mm, from the shaft's medial side over the head to the lateral side.
MEDIAL = np.array([[190, 27], [130, 27], [90, 25], [70, 22], [55, 14], [40, 19], [28, 13]])
LATERAL = np.array([[10, 26], [2, 34], [-6, 44], [6, 58], [25, 64], [50, 62], [90, 56], [130, 55], [190, 55]])
MARKS = np.array([[0.0, 0.0], [-6.0, 46.0], [55.0, 14.0]])  # head, greater and lesser trochanter


def outline_mm(rng=None) -> tuple[np.ndarray, float]:
    """(N, 2) close points along an individual's outline, and the radius of its head."""
    wide = 1.0 if rng is None else rng.uniform(0.93, 1.07)
    radius = RADIUS if rng is None else RADIUS * rng.uniform(0.94, 1.06)
    angle = np.deg2rad(np.linspace(20, 300, 13))
    head = radius * np.column_stack([np.cos(angle), -np.sin(angle)])
    points = np.concatenate([MEDIAL, head, LATERAL])
    shaft = points[:, 0] > 40
    points[shaft, 1] = 40 + wide * (points[shaft, 1] - 40)
    along = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
    return CubicSpline(along, points)(np.linspace(0, along[-1], 1200)), radius


def plain_film(rng, side="left", size=256, pixel_mm=0.8, turn_deg=0.0, individual=True):
    """A radiograph, its contours and its marks in px: the femur is bright, noise is faint."""
    from skimage.draw import polygon

    line, radius = outline_mm(rng if individual else None)
    turn = np.deg2rad(turn_deg)
    linear = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]) / pixel_mm
    linear = linear * (1.0, 1.0 if side == "left" else -1.0)
    shift = np.array([0.36 * size, 0.5 * size]) - linear @ [0.0, 20.0]
    points, marks = line @ linear.T + shift, MARKS @ linear.T + shift
    inside = np.zeros((3 * size, 3 * size))
    inside[polygon(*(3 * (points + 0.5) - 0.5).T, inside.shape)] = 1
    inside = inside.reshape(size, 3, size, 3).mean((1, 3))
    pixels = 60 + 100 * inside + rng.normal(0, 4, inside.shape)
    radiograph = Radiograph(np.clip(pixels, 0, 255).astype(np.uint8), (pixel_mm, pixel_mm))
    around = np.linspace(0, 2 * np.pi, 200, endpoint=False)
    circle = marks[0] + radius / pixel_mm * np.column_stack([np.cos(around), np.sin(around)])
    clipped = np.clip(points, -0.5, size - 0.5)
    kept = np.concatenate([[True], np.linalg.norm(np.diff(clipped, axis=0), axis=1) > 1e-6])
    contours = [Contour(clipped[kept], f"{BONE}-{side}"), Contour(circle, f"{HEAD}-{side}")]
    return radiograph, contours, marks
