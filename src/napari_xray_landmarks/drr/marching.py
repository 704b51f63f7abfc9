"""The plain way of paper 001 (appendix, eqs. 8 to 10), kept as the reference: trilinear samples along whole rays."""

import numpy as np
from numba import njit, prange

from ..geometry.camera import Camera
from ..imaging import Volume
from .prepared import PreparedVolume, prepare
from .render import in_voxels

SAMPLES = 2000
GREY_RANGE = (20, 255)
SATURATED = 0.025


def attenuation_from_ct_numbers(hu, water_per_mm: float) -> np.ndarray:
    """Attenuation per mm, eq. 8: the CT number 0 is water, -1024 is air, and nothing attenuates less."""
    return np.maximum(np.asarray(hu, np.float32) + 1024.0, 0.0) * np.float32(water_per_mm / 1024.0)


def render_marching(volume: Volume | PreparedVolume, camera: Camera, samples: int = SAMPLES) -> np.ndarray:
    """Line integrals, eq. 9: the sum of equidistant trilinear samples from the source to each pixel.

    Parameters
    ----------
    volume
        Of one material; zero outside.
    camera
        Rays end at its detector.
    samples
        How many a ray; between the source and the first, and the last and the detector, there is half a step.

    Returns
    -------
    (rows, columns) float32 array

    Raises
    ------
    ValueError
        Fewer than one sample, several materials, or a volume that cannot be prepared.
    """
    prepared = prepare(volume)
    if samples < 1 or prepared.materials > 1:
        raise ValueError(f"marching takes 1 sample or more and 1 material, got {samples} and {prepared.materials}")
    source, rays = in_voxels(prepared, camera)
    out = np.empty(camera.size_px, dtype=np.float32)
    _march(prepared.straight, source + 1.0, rays, camera.ray_from_px, samples, out)
    return out


def grey_image(line_integrals) -> np.ndarray:
    """(rows, columns) uint8 intensities exp(-A), eq. 10: the share `SATURATED` at the highest, the rest linear."""
    intensity = np.exp(-np.asarray(line_integrals, dtype=float))
    low, high = intensity.min(), np.quantile(intensity, 1 - SATURATED)
    share = np.clip((intensity - low) / (high - low), 0, 1) if high > low else np.ones(intensity.shape)
    return np.rint(GREY_RANGE[0] + share * (GREY_RANGE[1] - GREY_RANGE[0])).astype(np.uint8)


@njit(parallel=True, cache=True, error_model="numpy")
def _march(values, source, rays, rays_mm, samples, out):
    """Sum the samples of each ray; coordinates count the border."""
    height, width = out.shape
    limit = np.array(values.shape) - 2.0
    for r in prange(height):
        point, ray = np.empty(3), np.empty(3)
        for c in range(width):
            squares = 0.0
            for i in range(3):
                ray[i] = rays[i, 0] * r + rays[i, 1] * c + rays[i, 2]
                squares += (rays_mm[i, 0] * r + rays_mm[i, 1] * c + rays_mm[i, 2]) ** 2
            total = 0.0
            for n in range(samples):
                inside = True
                for i in range(3):
                    point[i] = source[i] + (n + 0.5) / samples * ray[i]
                    inside = inside and 0 <= point[i] < limit[i]
                if inside:
                    total += _trilinear(values, point)
            out[r, c] = total * np.sqrt(squares) / samples


@njit(cache=True, error_model="numpy")
def _trilinear(values, point):
    i, j, k = int(point[0]), int(point[1]), int(point[2])
    f, g, h = point[0] - i, point[1] - j, point[2] - k
    total = 0.0
    for a in range(2):
        for b in range(2):
            row = (1 - h) * values[i + a, j + b, k] + h * values[i + a, j + b, k + 1]
            total += (f if a else 1 - f) * (g if b else 1 - g) * row
    return total
