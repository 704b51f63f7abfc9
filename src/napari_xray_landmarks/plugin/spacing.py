"""Calibrated spacing: from a length or a marker ball that a user marked to millimetres for an image and its results."""

from dataclasses import dataclass

import numpy as np

from ..errors import InputError
from ..geometry.circle import Circle, find_ball
from .films import note, our_metadata, spacing_of
from .results import place_results

PLAUSIBLE_MM = (0.005, 5.0)
PLAUSIBLE_WIDTH_MM = (5.0, 2500.0)
MIN_LINE_PX, MIN_BALL_PX = 20.0, 8.0
CLICK_SD_PX = 0.7


@dataclass(frozen=True)
class Calibration:
    """A spacing that a user measured.

    Parameters
    ----------
    spacing_mm
        (row, column).
    relative_sd
        Standard deviation of the spacing as a share of it.
    how
        What was measured, in one line.
    """

    spacing_mm: tuple[float, float]
    relative_sd: float
    how: str


def why_not_calibrated(layer) -> str | None:
    """Why a layer's spacing cannot be calibrated; "" for layers that nobody would ask about."""
    if type(layer).__name__ != "Image" or "source" in our_metadata(layer):
        return ""
    return None if layer.ndim == 2 else f"{layer.ndim}D: calibrate one 2D image"


def pixel_aspect(layer) -> np.ndarray:
    """(row, column) size of a pixel relative to its geometric mean."""
    scale = np.abs(np.asarray(layer.scale, dtype=float))
    return scale / np.sqrt(scale.prod())


def from_line(layer, start, end, length_mm: float) -> Calibration:
    """The spacing at which a line in an image is as long as it is known to be.

    Parameters
    ----------
    start, end : (row, column)
        In the image's pixels.

    Raises
    ------
    InputError
        The line is too short, leaves the image, or gives an implausible spacing.
    """
    ends = np.array([start, end], dtype=float)
    _inside(layer, ends)
    length_px = float(np.linalg.norm((ends[1] - ends[0]) * pixel_aspect(layer)))
    if length_px < MIN_LINE_PX:
        raise InputError(layer.name, f"the line is only {length_px:.1f} px long", "Draw it along a longer distance")
    return _calibration(layer, length_mm, length_px, np.sqrt(2) * CLICK_SD_PX / length_px, "line")


def from_ball(layer, near, diameter_mm: float, radius_px: float | None = None) -> tuple[Calibration, Circle]:
    """The spacing at which the marker ball around a point is as large as it is known to be.

    Raises
    ------
    InputError
        No ball there, pixels that are not square, or an implausible spacing.
    """
    _inside(layer, np.array([near], dtype=float))
    aspect = pixel_aspect(layer)
    if abs(aspect[0] / aspect[1] - 1) > 0.01:
        raise InputError(layer.name, f"pixels are not square ({aspect[0] / aspect[1]:.2f} to 1)", "Draw a line instead")
    circle = find_ball(grey(layer), near, radius_px)
    where = f"row {near[0]:.0f}, column {near[1]:.0f}"
    if circle is None:
        raise InputError(layer.name, f"no round outline around {where}",
                         "Draw a circle along the ball's outline, or use a line")
    if 2 * circle.radius < MIN_BALL_PX:
        raise InputError(layer.name, f"the ball is only {2 * circle.radius:.1f} px wide", "Use a line instead")
    sd = max(circle.radius_sd, 0.1) / circle.radius
    return _calibration(layer, diameter_mm, 2 * circle.radius, sd, "ball"), circle


def grey(layer) -> np.ndarray:
    """(rows, columns) grey values of an image layer, RGB or not."""
    pixels = np.asarray(layer.data[0] if layer.multiscale else layer.data)
    return pixels[..., :3].mean(-1) if layer.rgb else pixels


def calibrate(viewer, layer, calibration: Calibration) -> None:
    """Give an image that spacing; our results of it stay on the same pixels."""
    layer.scale = calibration.spacing_mm
    layer.units = ("mm", "mm")
    note(layer, spacing_source="calibrated", calibration=calibration.how)
    place_results(viewer, layer)


def describe_spacing(layer) -> str:
    """The spacing of an image now, and where it comes from."""
    spacing = spacing_of(layer)
    if spacing is None:
        return "Now: no pixel spacing known, results are in pixels."
    row, column = spacing
    size = f"{row:.4g} mm" if abs(row - column) < 1e-6 * row else f"{row:.4g} × {column:.4g} mm"
    source = our_metadata(layer).get("spacing_source")
    return f"Now: {size} per pixel" + (f" ({source})." if source else ".")


def _calibration(layer, length_mm: float, length_px: float, relative_sd: float, what: str) -> Calibration:
    if not (np.isfinite(length_mm) and length_mm > 0):
        raise InputError(layer.name, f"a length of {length_mm} mm", "Give a length above zero")
    spacing = length_mm / length_px * pixel_aspect(layer)
    width = float(max(np.array(layer_shape(layer)) * spacing))
    if not PLAUSIBLE_MM[0] <= spacing.mean() <= PLAUSIBLE_MM[1]:
        raise InputError(layer.name, f"{length_mm:g} mm over {length_px:.1f} px is {spacing.mean():.3g} mm per pixel",
                         "No radiograph has such pixels: check the length and what is marked")
    if not PLAUSIBLE_WIDTH_MM[0] <= width <= PLAUSIBLE_WIDTH_MM[1]:
        raise InputError(layer.name, f"the whole film would be {width:.0f} mm long",
                         "Check the length and what is marked")
    how = f"{what}: {length_mm:g} mm over {length_px:.1f} px"
    return Calibration((float(spacing[0]), float(spacing[1])), float(relative_sd), how)


def layer_shape(layer) -> tuple[int, int]:
    """(rows, columns) of an image layer."""
    pixels = layer.data[0] if layer.multiscale else layer.data
    return tuple(int(n) for n in pixels.shape[:2])


def _inside(layer, points: np.ndarray) -> None:
    top = np.array(layer_shape(layer)) - 0.5
    if not np.isfinite(points).all() or (points < -0.5).any() or (points > top).any():
        raise InputError(layer.name, "the mark lies outside the image", "Draw it on the image")
