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
POINTS_PER_INCH = 72.0
FONT_SIZE, LETTER_WIDTH, LINE_HEIGHT = 7, 4.0, 9.0  # points


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
    has_confidence = np.isfinite(landmarks.confidence).any()
    known = np.isfinite(points).all(1)
    for (row, column), confidence, detected in zip(
        points[known], landmarks.confidence[known], landmarks.detected[known], strict=True
    ):
        colour = colormap(confidence) if np.isfinite(confidence) else "white"
        _draw_landmark(axes, row, column, colour, bool(detected))
    names = [name for name, there in zip(landmarks.names, known, strict=True) if there]
    _write_names(axes, points[known], names, points_per_px=POINTS_PER_INCH * HEIGHT_INCHES / rows)
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


def _write_names(axes, points: np.ndarray, names: list[str], points_per_px: float) -> None:
    """On the side away from the middle; a name that would cover another one is moved down."""
    middle = points[:, 1].mean() if len(points) else 0.0
    taken: list[tuple[float, float, float]] = []
    for (row, column), name in sorted(zip(points.tolist(), names, strict=True)):
        left = column < middle
        width = LETTER_WIDTH * len(name)
        start = column * points_per_px + (-6 - width if left else 6)
        y = -row * points_per_px + 4
        while any(abs(y - at) < LINE_HEIGHT and start < end and begin < start + width for at, begin, end in taken):
            y -= 1
        taken.append((y, start, start + width))
        offset = (-6 if left else 6, y + row * points_per_px)
        text = {"xytext": offset, "textcoords": "offset points", "horizontalalignment": "right" if left else "left"}
        axes.annotate(name, (column, row), fontsize=FONT_SIZE, color="white", path_effects=[_outline(1.5)], **text)


def _outline(width: float):
    return patheffects.withStroke(linewidth=width, foreground="black")


def _display_range(pixels: np.ndarray) -> tuple[float, float]:
    finite = pixels[np.isfinite(pixels)] if np.issubdtype(pixels.dtype, np.floating) else pixels
    if finite.size == 0:
        return 0.0, 1.0
    low, high = np.percentile(finite[:: max(1, finite.size // 1_000_000)].ravel(), (0.5, 99.5))
    return (float(low), float(high)) if high > low else (float(low), float(low) + 1.0)
