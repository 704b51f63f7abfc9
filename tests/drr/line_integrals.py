"""Objects whose line integrals have closed forms, sampled on a grid, and the rays of a camera."""

from functools import cache

import numpy as np
from scipy.special import erf

from napari_xray_landmarks.geometry.camera import Camera
from napari_xray_landmarks.imaging import Volume

CENTRE, RADII, SIGMAS = np.array([8.0, -6, 10]), np.array([35.0, 22, 30]), np.array([13.0, 9, 11])


def grid(spacing=(1.0, 1.3, 0.9), turn=None, half_mm=48.0):
    """A volume's affine that covers the object, and the world position of every voxel."""
    rotation = np.eye(3) if turn is None else turn
    count = np.ceil(2 * half_mm / np.array(spacing)).astype(int)
    matrix = np.eye(4)
    matrix[:3, :3] = rotation * spacing
    matrix[:3, 3] = CENTRE - matrix[:3, :3] @ ((count - 1) / 2)
    index = np.stack(np.meshgrid(*map(np.arange, count), indexing="ij"), -1)
    return matrix, index @ matrix[:3, :3].T + matrix[:3, 3]


def oblique():
    axis = np.linalg.qr(np.array([[1.0, 0.3, 0.1], [0.2, 1, -0.4], [-0.1, 0.3, 1]]))[0]
    return axis * np.sign(np.linalg.det(axis))


def sheared():
    """Directions that are not at right angles, as of a tilted gantry or an affine registration."""
    return oblique() @ np.array([[1.0, 0.2, -0.1], [0, 1, 0.3], [0.1, 0, 1]])


def gauss(world):
    return np.exp(-0.5 * (((world - CENTRE) / SIGMAS) ** 2).sum(-1)).astype(np.float32)


def ellipsoid(world, edge_mm=1.0):
    """1 inside, 0 outside, with the share of a voxel at the surface."""
    q = (world - CENTRE) / RADII
    distance = np.linalg.norm(q, axis=-1)
    gradient = np.maximum(np.linalg.norm(q / RADII, axis=-1) / np.maximum(distance, 1e-6), 1e-6)
    return np.clip(0.5 - (distance - 1) / gradient / edge_mm, 0, 1).astype(np.float32)


@cache
def gauss_volume(spacing=(0.9, 0.9, 0.9), turned=False, skewed=False) -> Volume:
    matrix, world = grid(spacing, sheared() if skewed else oblique() if turned else None)
    return Volume(gauss(world), matrix)


@cache
def ellipsoid_volume(spacing=(1.0, 1.3, 0.9)) -> Volume:
    matrix, world = grid(spacing)
    return Volume(ellipsoid(world, min(spacing)), matrix)


def rays(camera: Camera):
    """(H, W, 3) vectors from the source to every pixel."""
    row, column = np.indices(camera.size_px)
    return np.stack([row, column, np.ones_like(row)], -1) @ camera.ray_from_px.T


def gauss_integral(camera: Camera, to_detector: bool = False):
    """From the source on, through the Gaussian; to the detector, or without end."""
    ray = rays(camera)
    length = np.linalg.norm(ray, axis=-1)
    d, o = ray / length[..., None] / SIGMAS, (camera.source_mm - CENTRE) / SIGMAS
    a, b, c = (d * d).sum(-1), (d * o).sum(-1), o @ o
    near, far = b / np.sqrt(2 * a), (length * a + b) / np.sqrt(2 * a)
    share = 0.5 * ((erf(far) if to_detector else 1.0) - erf(near))
    return np.exp(-0.5 * (c - b * b / a)) * np.sqrt(2 * np.pi / a) * share


def ellipsoid_integral(camera: Camera, centre=CENTRE, radii=RADII):
    """Between the two crossings of the surface, as far as they are in front of the source."""
    ray = rays(camera)
    d, o = ray / np.linalg.norm(ray, axis=-1, keepdims=True) / radii, (camera.source_mm - centre) / radii
    a, b, c = (d * d).sum(-1), (d * o).sum(-1), o @ o - 1
    root = np.sqrt(np.maximum(b * b - a * c, 0))
    return (np.maximum(root - b, 0) - np.maximum(-root - b, 0)) / a
