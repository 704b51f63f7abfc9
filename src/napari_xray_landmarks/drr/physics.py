"""From line integrals to the grey values of a film."""

import numpy as np
from scipy.ndimage import gaussian_filter, zoom

from .attenuation import attenuation_per_mm
from .exposure import Exposure

DIRECT = 0.7  # attenuation below which a pixel counts as exposed directly
METAL_REACH = 1.8  # from the median, in distances from the median to the brightest tenth
CT_KEV = 72.0  # effective energy of the scanner that HU come from


def attenuation_from_hu(hu, energy_kev: float = CT_KEV) -> np.ndarray:
    """Linear attenuation per mm of soft tissue and air at an energy; nothing attenuates less than air."""
    water = attenuation_per_mm("water", energy_kev)
    return np.maximum(np.asarray(hu, np.float32) + 1000.0, 0.0) * np.float32(water / 1000.0)


def bone_attenuation_per_hu(energy_kev: float = CT_KEV) -> float:
    """What one HU above soft tissue adds to the attenuation per mm at an energy, where the cause is bone mineral.

    Mineral gains more than water does as the energy falls: why bone stands out on a film more than in a CT.
    """
    excess = [attenuation_per_mm("bone", e) - attenuation_per_mm("water", e) for e in (energy_kev, CT_KEV)]
    return attenuation_per_mm("water", CT_KEV) / 1000.0 * excess[0] / excess[1]


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
    scattered = transmitted(_smooth(attenuation, exposure.scatter_width_px))
    signal = gaussian_filter(primary + exposure.scatter * scattered, exposure.blur_px)
    quanta = exposure.photons * signal
    noise = rng.standard_normal(quanta.shape, dtype=np.float32) * np.sqrt(quanta + exposure.electronic_noise**2)
    return -np.log(np.maximum(quanta + noise, 1.0) / exposure.photons)


def film(attenuation: np.ndarray, exposure: Exposure, rng: np.random.Generator) -> np.ndarray:
    """(H, W) float32 grey values in [0, 1] as a film shows them: bone bright, air black, a few pixels saturated.

    What the beam reaches directly does not count when the grey values are set, as in a film reader.
    """
    log_image = detected_log(np.asarray(attenuation, np.float32), exposure, rng)
    body = np.asarray(attenuation) > DIRECT
    level = np.where(body, log_image, log_image[body].min(initial=0) if body.any() else 0)
    flat = log_image - exposure.equalisation * _smooth(level, exposure.equalisation_width_px)
    return grey_values(flat, exposure.saturated, exposure.gamma, body)


def grey_values(image: np.ndarray, saturated: float = 0.025, gamma: float = 1.0, counted=None) -> np.ndarray:
    """Scale to [0, 1] so that the share `saturated` of the counted pixels is at either end; a flat image becomes zero.

    Four fifths of that share end at black. Metal saturates and does not count: it is far brighter than the brightest
    tenth, which no tissue is.
    """
    values = image if counted is None or not counted.any() else image[counted]
    low, middle, dense, high = np.quantile(values.ravel()[::3], [0.8 * saturated, 0.5, 0.9, 1 - 0.2 * saturated])
    high = min(high, middle + METAL_REACH * (dense - middle))
    if not high > low:
        return np.zeros(image.shape, np.float32)
    return (np.clip((image - low) / (high - low), 0, 1) ** gamma).astype(np.float32)


def _smooth(image: np.ndarray, sigma_px: float) -> np.ndarray:
    """A wide Gaussian filter, on every fourth pixel."""
    small = gaussian_filter(image, 2.0)[::4, ::4]
    wide = gaussian_filter(small, max(sigma_px / 4, 0.5), mode="nearest")
    large = zoom(wide, 4, order=1, mode="nearest", grid_mode=True)[: image.shape[0], : image.shape[1]]
    short = [(0, n - m) for n, m in zip(image.shape, large.shape, strict=True)]
    return np.pad(large, short, mode="edge").astype(np.float32)
