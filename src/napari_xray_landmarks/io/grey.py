"""Colour pictures as grey ones."""

import numpy as np

_ROWS = 256
LUMINANCE = np.array([0.299, 0.587, 0.114])
"""Weights of red, green and blue (ITU-R BT.601)."""


def grey(pixels) -> np.ndarray:
    """(rows, columns[, channels]) pixels as (rows, columns) grey values of the same type.

    One or two channels are grey (and alpha), three or four are RGB (and alpha, which is dropped). Three equal channels
    come back exactly.
    """
    pixels = np.asarray(pixels)
    if pixels.dtype == bool:
        pixels = pixels.astype(np.uint8)
    if pixels.ndim == 2:
        return pixels
    if pixels.shape[2] < 3:
        return pixels[..., 0]
    red, green, blue = (pixels[..., i] for i in range(3))
    if np.array_equal(red, green) and np.array_equal(red, blue):
        return np.ascontiguousarray(red)
    values = np.empty(red.shape, pixels.dtype)
    for first in range(0, len(values), _ROWS):  # in 64-bit floats the whole would be many times as large
        rows = slice(first, first + _ROWS)
        luminance = sum(weight * channel[rows] for weight, channel in zip(LUMINANCE, (red, green, blue), strict=True))
        values[rows] = np.rint(luminance) if pixels.dtype.kind in "iu" else luminance
    return values


def grey_note(pixels) -> dict[str, str]:
    """The header fact that says that colour was dropped; empty for grey pixels."""
    if np.ndim(pixels) == 3 and np.shape(pixels)[2] >= 3:
        return {"colour": "RGB, converted to grey luminance"}
    return {}
