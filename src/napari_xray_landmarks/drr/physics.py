"""From line integrals to the grey values of a film."""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter, zoom

WATER_PER_MM = 0.0193  # attenuation of water at 70 keV (NIST XCOM: 0.1929 cm2/g), a film's effective energy


@dataclass(frozen=True)
class Exposure:
    """How a film is taken and processed.

    Parameters
    ----------
    photons
        Quanta that reach a pixel where nothing is in the way.
    scatter
        Scattered over primary radiation behind the thickest part.
    scatter_width_px, blur_px
        Standard deviations of the scatter and of the detector's point spread.
    electronic_noise
        In quanta.
    equalisation, equalisation_width_px
        Share of the large structures that the processing takes out of the logarithmic image, and what counts as large.
    saturated
        Share of the pixels that end at black or white; a fifth of them at white.
    gamma
        Exponent of the final grey curve.
    """

    photons: float = 30000.0
    scatter: float = 0.5
    scatter_width_px: float = 40.0
    blur_px: float = 0.6
    electronic_noise: float = 3.0
    equalisation: float = 0.5
    equalisation_width_px: float = 60.0
    saturated: float = 0.025
    gamma: float = 1.0


def attenuation_from_hu(hu) -> np.ndarray:
    """Linear attenuation per mm; nothing attenuates less than air."""
    return np.maximum(np.asarray(hu, np.float32) + 1000.0, 0.0) * np.float32(WATER_PER_MM / 1000.0)


def transmitted(attenuation) -> np.ndarray:
    """The share of the quanta that passes (Beer-Lambert)."""
    return np.exp(-np.asarray(attenuation))


def detected_log(attenuation: np.ndarray, exposure: Exposure, rng: np.random.Generator) -> np.ndarray:
    """The logarithmic image that a noisy, blurred detector measures: denser is brighter.

    Parameters
    ----------
    attenuation : (H, W) array
        Line integrals of the linear attenuation.
    exposure
    rng
        Source of the noise.
    """
    primary = transmitted(attenuation)
    scattered = _smooth(primary, exposure.scatter_width_px)
    signal = gaussian_filter(primary + exposure.scatter * scattered, exposure.blur_px)
    quanta = exposure.photons * signal
    noise = rng.standard_normal(quanta.shape, dtype=np.float32) * np.sqrt(quanta + exposure.electronic_noise**2)
    return -np.log(np.maximum(quanta + noise, 1.0) / exposure.photons)


def film(attenuation: np.ndarray, exposure: Exposure, rng: np.random.Generator) -> np.ndarray:
    """(H, W) float32 grey values in [0, 1] as a film shows them: bone bright, air black, a few pixels saturated."""
    log_image = detected_log(np.asarray(attenuation, np.float32), exposure, rng)
    flat = log_image - exposure.equalisation * _smooth(log_image, exposure.equalisation_width_px)
    return grey_values(flat, exposure.saturated, exposure.gamma)


def grey_values(image: np.ndarray, saturated: float = 0.025, gamma: float = 1.0) -> np.ndarray:
    """Scale to [0, 1] so that the share `saturated` of the pixels is at either end; a constant image becomes zero."""
    low, high = np.quantile(image[::2, ::2], [0.8 * saturated, 1 - 0.2 * saturated])
    if high <= low:
        return np.zeros(image.shape, np.float32)
    return (np.clip((image - low) / (high - low), 0, 1) ** gamma).astype(np.float32)


def _smooth(image: np.ndarray, sigma_px: float) -> np.ndarray:
    """A wide Gaussian filter, on every fourth pixel."""
    small = gaussian_filter(image, 2.0)[::4, ::4]
    wide = gaussian_filter(small, max(sigma_px / 4, 0.5), mode="nearest")
    large = zoom(wide, 4, order=1, mode="nearest", grid_mode=True)[: image.shape[0], : image.shape[1]]
    short = [(0, n - m) for n, m in zip(image.shape, large.shape, strict=True)]
    return np.pad(large, short, mode="edge").astype(np.float32)
