"""A radiograph with its landmarks as one picture to look at."""

import os
from pathlib import Path

import numpy as np
from matplotlib import colormaps, patheffects
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure

from ..imaging import Radiograph
from ..landmarks import LandmarkSet

COLORMAP = "viridis"
HEIGHT_INCHES = 9.0
DPI = 150


def overlay_figure(radiograph: Radiograph, landmarks: LandmarkSet, title: str = "") -> Figure:
    """The film with each landmark's name, coloured by confidence; a best guess is a cross.

    Parameters
    ----------
    radiograph
        The film.
    landmarks
        In pixels, or in mm where the film has a spacing.
    title
        A line above the picture.
    """
    points = landmarks.in_px(radiograph.scale).points
    rows, columns = radiograph.shape
    row_mm, column_mm = radiograph.scale
    width = np.clip(HEIGHT_INCHES * columns * column_mm / (rows * row_mm), 4.0, 14.0)
    figure = Figure(figsize=(width + 1.4, HEIGHT_INCHES), dpi=DPI, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    low, high = radiograph.display_range or _display_range(radiograph.pixels)
    axes.imshow(radiograph.pixels, cmap="gray", vmin=low, vmax=high, aspect=row_mm / column_mm)
    axes.set_axis_off()
    colormap = colormaps[COLORMAP]
    middle = np.nanmean(points[:, 1]) if np.isfinite(points).any() else 0.0
    has_confidence = np.isfinite(landmarks.confidence).any()
    for name, (row, column), confidence, detected in zip(
        landmarks.names, points, landmarks.confidence, landmarks.detected, strict=True
    ):
        if np.isfinite((row, column)).all():
            colour = colormap(confidence) if np.isfinite(confidence) else "white"
            _draw_landmark(axes, row, column, colour, bool(detected))
            _write_name(axes, row, column, name, on_the_left=column < middle)
    if has_confidence:
        bar = figure.colorbar(ScalarMappable(cmap=colormap), ax=axes, shrink=0.5, pad=0.01)
        bar.set_label("confidence")
    if title:
        axes.set_title(title, fontsize=10)
    return figure


def write_overlay(path: str | os.PathLike, radiograph: Radiograph, landmarks: LandmarkSet, title: str = "") -> Path:
    """Write `overlay_figure` as PNG; the file appears only when it is whole."""
    from ..io.files import replacing

    path = Path(path)
    with replacing(path) as partial:
        overlay_figure(radiograph, landmarks, title).savefig(partial, format="png")
    return path


def _draw_landmark(axes, row: float, column: float, colour, detected: bool) -> None:
    marker = {"marker": "o", "markersize": 6, "markeredgecolor": "white", "markeredgewidth": 0.8}
    if not detected:
        marker = {"marker": "x", "markersize": 6, "markeredgecolor": colour, "markeredgewidth": 1.8}
    axes.plot(column, row, markerfacecolor=colour, linestyle="none", path_effects=[_outline(2.4)], **marker)


def _write_name(axes, row: float, column: float, name: str, *, on_the_left: bool) -> None:
    """Away from the middle, so that names of the left and right side do not meet."""
    offset, side = ((-6, 4), "right") if on_the_left else ((6, 4), "left")
    text = {"xytext": offset, "textcoords": "offset points", "horizontalalignment": side, "fontsize": 7}
    axes.annotate(name, (column, row), color="white", path_effects=[_outline(1.5)], **text)


def _outline(width: float):
    return patheffects.withStroke(linewidth=width, foreground="black")


def _display_range(pixels: np.ndarray) -> tuple[float, float]:
    finite = pixels[np.isfinite(pixels)] if np.issubdtype(pixels.dtype, np.floating) else pixels
    if finite.size == 0:
        return 0.0, 1.0
    low, high = np.percentile(finite[:: max(1, finite.size // 1_000_000)].ravel(), (0.5, 99.5))
    return (float(low), float(high)) if high > low else (float(low), float(low) + 1.0)
