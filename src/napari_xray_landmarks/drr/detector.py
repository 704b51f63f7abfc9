"""From the share of the beam that passes to the grey values of a film: scatter, detector, processing."""

import numpy as np
from scipy.ndimage import gaussian_filter

from .exposure import Exposure
from .physics import grey_values
from .smoothing import wide_gaussian

REFERENCE_DEPTH = 4.0  # logarithm of what 20 cm of water leave of the signal
DIRECT, DIRECT_SHARE = 0.7, 0.15  # below this, or this share of the densest, a pixel counts as exposed directly
PENUMBRA = 0.05  # shares of the field below this count as this
NEAR_BODY = 0.05  # share of body in the neighbourhood below which it counts as this
NOTHING = 0.003  # logarithmic: what is nowhere denser is not there


def detect(transmission: np.ndarray, exposure: Exposure, rng: np.random.Generator, field=None) -> np.ndarray:
    """What a detector measures, as shares of the signal where nothing is in the way.

    Scatter comes from where radiation is absorbed: its source is P log(1/P), P the share that passes, spread wide
    (Ohnesorge, Flohr and Klingenbeck-Regn, Eur. Radiol. 9:563, 1999). Quantum noise is blurred with the image by
    the scintillator, electronic noise is not.

    Parameters
    ----------
    transmission : (rows, columns) array
    exposure
        In pixels of this detector.
    rng
        Source of the noise.
    field : (rows, columns) array, optional
        Share of the beam that a collimator lets through.

    Returns
    -------
    (rows, columns) float32 array
        Above zero, so that it has a logarithm.
    """
    signal = np.asarray(transmission, np.float32)
    source = signal * np.log(np.maximum(signal, 1e-12)) if exposure.scatter else None
    if field is not None:
        signal = signal * field
    if source is not None:
        source = source if field is None else source * field
        signal = signal - exposure.scatter / REFERENCE_DEPTH * wide_gaussian(source, exposure.scatter_width_px)
    if exposure.vignetting:
        signal = signal * vignette(signal.shape, exposure.vignetting)
    noise = rng.standard_normal(signal.shape, dtype=np.float32)
    noise *= np.sqrt(np.maximum(signal, 0) / np.float32(exposure.photons))
    measured = gaussian_filter(signal + noise, exposure.blur_px, mode="nearest") if exposure.blur_px else signal + noise
    if exposure.electronic_noise:
        electronic = rng.standard_normal(signal.shape, dtype=np.float32)
        measured += electronic * np.float32(exposure.electronic_noise / exposure.photons)
    return np.maximum(measured, np.float32(1 / exposure.photons))


def develop(measured: np.ndarray, transmission: np.ndarray, exposure: Exposure, field=None, blanked: bool = True):
    """(rows, columns) float32 grey values in [0, 1]: bone bright, air black, a few pixels saturated.

    Grey values are set by what is behind the body and in the field; where there is nothing, the film is black.

    Parameters
    ----------
    measured : (rows, columns) array
        From `detect`.
    transmission : (rows, columns) array
        What it is of: it tells the body from what is exposed directly.
    exposure
    field
        As in `detect`.
    blanked
        Whether what lies outside the field is shown black.
    """
    log_image = -np.log(measured)
    thickness = -np.log(np.maximum(transmission, 1e-12))
    seen = np.ones(log_image.shape, bool) if field is None else field > 0.5
    densest = float(np.quantile(thickness[seen][::7], 0.99)) if seen.any() else 0.0
    if not densest > NOTHING:
        return np.zeros(log_image.shape, np.float32)
    body = seen & (thickness > min(DIRECT, DIRECT_SHARE * densest))
    if field is not None and blanked:
        log_image += np.log(np.maximum(field, PENUMBRA))
    if exposure.equalisation:
        log_image -= exposure.equalisation * _level(log_image, body, exposure.equalisation_width_px)
    grey = grey_values(log_image, exposure.saturated, exposure.gamma, body)
    return grey * field if field is not None and blanked else grey


def _level(log_image: np.ndarray, body: np.ndarray, width_px: float) -> np.ndarray:
    """Large structures of the body: means over its part of a wide neighbourhood, so that its edge leaves no rim."""
    return wide_gaussian(log_image * body, width_px) / np.maximum(wide_gaussian(body, width_px), NEAR_BODY)


def vignette(shape: tuple[int, int], loss: float) -> np.ndarray:
    """(rows, columns) float32 factors that fall with the square of the distance from the middle, to 1 - loss."""
    rows, columns = (((np.arange(n) - (n - 1) / 2) / max(n, 2) * 2).astype(np.float32) ** 2 for n in shape)
    return 1 - np.float32(loss / 2) * (rows[:, None] + columns[None, :])
