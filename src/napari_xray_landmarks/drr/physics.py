"""From line integrals to the grey values of a film."""

from dataclasses import dataclass, replace

import numpy as np
from scipy.ndimage import gaussian_filter, zoom

from .attenuation import attenuation_per_mm

DIRECT = 0.7  # attenuation below which a pixel counts as exposed directly
METAL_REACH = 1.8  # from the median, in distances from the median to the brightest tenth
CT_KEV = 72.0  # effective energy of the scanner that HU come from


@dataclass(frozen=True)
class Exposure:
    """How a film is taken and processed.

    Parameters
    ----------
    photons
        Quanta that reach a pixel where nothing is in the way.
    energy_kev
        Of a beam of one energy, in place of a spectrum.
    scatter
        Scattered over primary radiation.
    scatter_width_px, blur_px
        Standard deviations of the scatter and of the detector's point spread.
    electronic_noise
        In quanta.
    equalisation, equalisation_width_px
        Share of the large structures that the processing takes out of the logarithmic image, and what counts as large.
    saturated
        Share of the pixels behind the body that end at black or white; a fifth of them at white.
    gamma
        Exponent of the final grey curve.
    kvp
        Voltage of the tube.
    aluminium_mm, copper_mm
        Filters beside the tube's own.
    pixel_mm
        Size of the pixels that the above are told for, at the detector.
    """

    photons: float = 30000.0
    energy_kev: float | None = None
    scatter: float = 0.5
    scatter_width_px: float = 40.0
    blur_px: float = 0.6
    electronic_noise: float = 3.0
    equalisation: float = 0.5
    equalisation_width_px: float = 60.0
    saturated: float = 0.025
    gamma: float = 1.0
    kvp: float = 75.0
    aluminium_mm: float = 2.5
    copper_mm: float = 0.0
    pixel_mm: float = 0.6


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


def film_of_transmission(transmission: np.ndarray, exposure: Exposure, rng, open_field=None) -> np.ndarray:
    """(H, W) float32 grey values in [0, 1]; black where `open_field`, the share of the beam let through, is zero."""
    attenuation = -np.log(np.maximum(transmission, 1e-12))
    grey = film(attenuation, exposure, rng)
    return grey if open_field is None else grey * open_field


def in_pixels(exposure: Exposure, pixel_spacing_mm) -> Exposure:
    """The same exposure of a detector with other pixels."""
    size = float(np.sqrt(np.prod(pixel_spacing_mm)))
    factor = size / exposure.pixel_mm
    return replace(exposure, photons=exposure.photons * factor**2, scatter_width_px=exposure.scatter_width_px / factor,
                   blur_px=exposure.blur_px / factor, equalisation_width_px=exposure.equalisation_width_px / factor,
                   pixel_mm=size)


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
