"""Films as the network sees them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import uniform_filter

from ..imaging import Radiograph

MIN_SIDE_PX = 48
FIELD_MM = 237.0  # the longest side of a C-arm's film at the patient: 615 px of 0.616 mm, magnified 1.6 times
_ENDS = (0.01, 0.99)  # of the grey values: what becomes black and white
_EVERY = 3  # pixel is looked at for them
_ABOUT_PX = 25  # side of what local contrast is the contrast to
_FLAT = np.float32(2e-3)  # variance that is noise


@dataclass(frozen=True, eq=False)
class StoredFilm:
    """A film with its landmarks, small enough to keep thousands.

    Parameters
    ----------
    grey : (rows, columns) uint8 array
    points : (P, 2) float32 array
        (row, column) in its pixels; NaN where unknown.
    visible : (P,) bool array
        Whether a landmark lies on the film.
    pixel_mm
        At the patient.
    subject, split
    """

    grey: np.ndarray
    points: np.ndarray
    visible: np.ndarray
    pixel_mm: float
    subject: str = ""
    split: str = ""


def spacing_of(radiograph: Radiograph) -> tuple[float, float]:
    """(row, column) millimetres a pixel; without a spacing, as if the longest side showed `FIELD_MM`."""
    if radiograph.spacing_mm is None:
        return (FIELD_MM / max(radiograph.shape),) * 2
    return radiograph.spacing_mm


def resampled(radiograph: Radiograph, pixel_mm: float) -> tuple[np.ndarray, np.ndarray]:
    """A film with square pixels of another size, smoothed where it shrinks.

    Returns
    -------
    (rows, columns) float32 array
        From 0 to 1: the middle 99 % of the film's grey values.
    (2,) array
        Pixels of the film to one of these, along rows and columns. Corners stay corners.
    """
    import torch
    from torch.nn.functional import interpolate

    pixels = np.asarray(radiograph.pixels, np.float32)
    low, high = np.percentile(pixels[::2, ::2], (0.5, 99.5))
    if high <= low:
        low, high = pixels.min(), pixels.max()
    grey = np.clip((pixels - low) / (high - low), 0, 1)
    shape = [max(round(n * s / pixel_mm), 16) for n, s in zip(pixels.shape, spacing_of(radiograph), strict=True)]
    small = interpolate(torch.from_numpy(grey)[None, None], size=shape, mode="bilinear", antialias=True)[0, 0]
    return small.numpy(), np.array(pixels.shape) / shape


def stored_film(radiograph: Radiograph, points_px, visible, pixel_mm: float, subject: str = "", split: str = ""
                ) -> StoredFilm:
    """A film as it is kept for training, with (P, 2) landmarks in its pixels."""
    small, film_px = resampled(radiograph, pixel_mm)
    points = (np.asarray(points_px, float) + 0.5) / film_px - 0.5
    return StoredFilm(np.round(255 * small).astype(np.uint8), points.astype(np.float32), np.asarray(visible, bool),
                      pixel_mm, subject, split)


def standard(image: np.ndarray) -> np.ndarray:
    """(2, rows, columns) float32 that the network is given of a film: its grey values, and its local contrast.

    All grey values but a hundredth at either end lie in [-1, 1]. The local contrast is their distance from the mean
    about them by the standard deviation about them: bones that are faint beside bright and dark parts stand out in it.
    """
    low, high = np.quantile(image[::_EVERY, ::_EVERY], _ENDS)
    grey = (np.asarray(image, np.float32) - np.float32(low)) / np.float32(max(high - low, 1e-3))
    grey = 2 * np.clip(grey, -0.2, 1.2, dtype=np.float32) - 1
    mean, square = (uniform_filter(x, _ABOUT_PX, mode="nearest") for x in (grey, grey * grey))
    local = (grey - mean) / np.sqrt(np.maximum(square - mean * mean, 0) + _FLAT)
    return np.stack([grey, np.clip(local, -3, 3)])


def arrays_of(films: Sequence[StoredFilm]) -> dict[str, np.ndarray]:
    """Films of any sizes as arrays by name; inverse of `films_of`."""
    rows, columns = np.max([f.grey.shape for f in films], axis=0)
    grey = np.stack([np.pad(f.grey, ((0, rows - f.grey.shape[0]), (0, columns - f.grey.shape[1]))) for f in films])
    return {"grey": grey, "size": np.array([f.grey.shape for f in films]),
            "points": np.stack([f.points for f in films]), "visible": np.stack([f.visible for f in films]),
            "pixel_mm": np.array([f.pixel_mm for f in films], np.float32),
            **{key: _letters([getattr(f, key) for f in films]) for key in ("subject", "split")}}


def films_of(arrays: Mapping[str, np.ndarray]) -> list[StoredFilm]:
    """The films in arrays by name."""
    texts = ([bytes(row).rstrip(b"\0").decode() for row in arrays[key]] for key in ("subject", "split"))
    return [StoredFilm(grey[:rows, :columns], points, visible, float(pixel), subject, split)
            for grey, (rows, columns), points, visible, pixel, subject, split in
            zip(arrays["grey"], arrays["size"], arrays["points"], arrays["visible"], arrays["pixel_mm"], *texts,
                strict=True)]


def _letters(texts: Sequence[str]) -> np.ndarray:
    """(N, longest) uint8 array of texts."""
    encoded = [text.encode() for text in texts]
    longest = max(1, *map(len, encoded))
    return np.array([list(text.ljust(longest, b"\0")) for text in encoded], np.uint8)
