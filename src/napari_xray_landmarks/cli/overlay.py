"""A radiograph with its landmarks and outlines as one picture to look at."""

import os
from pathlib import Path

import numpy as np
from matplotlib import colormaps
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure
from matplotlib.text import Text

from ..imaging import Radiograph, contrast_limits
from ..landmarks import LandmarkSet
from ..shape.segmentation import Segmentation
from .overlay_outlines import COLORMAP, colour_of, dark_edge, draw_segmentation

HEIGHT_INCHES = 9.0
DPI = 150
FONT_SIZE, STEP, MARKER_RADIUS, GAP = 7, 8.0, 4.0, 2.0  # typographic points, 72 an inch
DIRECTIONS, RINGS = 16, 6
"""Around a point and outwards: the places that are tried for its name."""
NO_LANDMARKS = LandmarkSet((), np.empty((0, 2)))


def overlay_figure(radiograph: Radiograph, landmarks: LandmarkSet = NO_LANDMARKS, title: str = "",
                   segmentation: Segmentation | None = None) -> Figure:
    """The film with what was found in it, coloured by confidence.

    Parameters
    ----------
    radiograph
        The film.
    landmarks
        In pixels, or in mm where the film has a spacing: each with its name, a best guess as a cross.
    title
        A line above the picture.
    segmentation
        Outlines and circles; dashed where an edge only closes an outline, thin and dotted where one was not found.
    """
    figure, axes = _film_figure(radiograph)
    if segmentation is not None:
        draw_segmentation(axes, segmentation, radiograph)
    points = landmarks.in_px(radiograph.scale).points
    known = np.isfinite(points).all(1)
    for (row, column), confidence, detected in zip(
        points[known], landmarks.confidence[known], landmarks.detected[known], strict=True
    ):
        _draw_landmark(axes, row, column, colour_of(confidence), bool(detected))
    if np.isfinite(landmarks.confidence).any() or segmentation is not None:
        bar = figure.colorbar(ScalarMappable(cmap=colormaps[COLORMAP]), ax=axes, shrink=0.5, pad=0.01)
        bar.set_label("confidence")
    if title:
        axes.set_title(title, fontsize=10, parse_math=False)
    names = [name for name, there in zip(landmarks.names, known, strict=True) if there]
    _write_names(axes, points[known][:, ::-1], names)
    return figure


def _film_figure(radiograph: Radiograph):
    rows, columns = radiograph.shape
    row_mm, column_mm = radiograph.scale
    width = np.clip(HEIGHT_INCHES * columns * column_mm / (rows * row_mm), 4.0, 14.0)
    figure = Figure(figsize=(width + 1.4, HEIGHT_INCHES), dpi=DPI, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    low, high = contrast_limits(radiograph)
    axes.imshow(radiograph.pixels, cmap="gray", vmin=low, vmax=high, aspect=row_mm / column_mm)
    axes.set_axis_off()
    axes.autoscale(False)
    return figure, axes


def write_overlay(path: str | os.PathLike, radiograph: Radiograph, landmarks: LandmarkSet = NO_LANDMARKS,
                  title: str = "", segmentation: Segmentation | None = None) -> Path:
    """Write `overlay_figure` as PNG; the file appears only when it is whole."""
    from ..io.files import replacing

    path = Path(path)
    with replacing(path) as partial:
        overlay_figure(radiograph, landmarks, title, segmentation).savefig(partial, format="png")
    return path


def _draw_landmark(axes, row: float, column: float, colour, detected: bool) -> None:
    marker = {"marker": "o", "markersize": 6, "markeredgecolor": "white", "markeredgewidth": 0.8}
    if not detected:
        marker = {"marker": "x", "markersize": 6, "markeredgecolor": colour, "markeredgewidth": 1.8}
    axes.plot(column, row, markerfacecolor=colour, linestyle="none", path_effects=[dark_edge(2.4)], **marker)


def _write_names(axes, points_xy: np.ndarray, names: list[str]) -> None:
    """Write each name beside its point, with a line to it where there is room only farther off."""
    if not names:
        return
    axes.figure.draw_without_rendering()  # lays out the picture, so that places in it are known
    to_points = 72.0 / axes.figure.dpi
    at = axes.transData.transform(points_xy) * to_points
    style = {"fontsize": FONT_SIZE, "color": "white", "parse_math": False, "path_effects": [dark_edge(1.5)]}
    boxes = [Text(text=name, figure=axes.figure, **style).get_window_extent() for name in names]
    sizes = np.array([(box.width, box.height) for box in boxes]) * to_points + GAP
    film = axes.get_window_extent().get_points() * to_points
    for xy, name, (offset, far) in zip(points_xy, names, place_names(at, sizes, film), strict=True):
        line = {"arrowstyle": "-", "color": "white", "linewidth": 0.6, "shrinkA": 0, "shrinkB": MARKER_RADIUS}
        axes.annotate(
            name, xy, xytext=offset, textcoords="offset points", horizontalalignment="center",
            verticalalignment="center", arrowprops=line if far else None, **style,
        ).set_in_layout(False)  # fmt: skip


def place_names(points: np.ndarray, sizes: np.ndarray, film: np.ndarray) -> list[tuple[np.ndarray, bool]]:
    """Where to write names so that they cover no point and no other name: near, and away from the middle.

    Parameters
    ----------
    points : (N, 2) array
        (x, y) on the page.
    sizes : (N, 2) array
        (width, height) of each name.
    film : (2, 2) array
        Lower left and upper right corner of where names may stand.

    Returns
    -------
    list of (offset, far)
        From each point to the middle of its name; `far` where a line should join them. Where there is no room, the
        name stands where it covers least.
    """
    low, high = points - MARKER_RADIUS, points + MARKER_RADIUS
    places = []
    for point, size in zip(points, sizes, strict=True):
        offsets = _offsets(point - points.mean(0), size)
        begin, end = point + offsets - size / 2, point + offsets + size / 2
        covered = ((begin[:, None] < high) & (end[:, None] > low)).all(2).sum(1)
        outside = ((begin < film[0]) | (end > film[1])).any(1)
        best = int(np.argmin(covered + outside))
        low, high = np.vstack([low, begin[best]]), np.vstack([high, end[best]])
        places.append((offsets[best], best >= DIRECTIONS))
    return places


def _offsets(outwards: np.ndarray, size: np.ndarray) -> np.ndarray:
    """(RINGS * DIRECTIONS, 2) middles of a name around its point, the nearest first, and of those the outward ones."""
    turns = np.arange(DIRECTIONS) * 2 * np.pi / DIRECTIONS
    directions = np.stack([np.cos(turns), np.sin(turns)], 1)
    directions = directions[np.argsort(-directions @ outwards, kind="stable")]
    rings = MARKER_RADIUS + STEP * np.arange(RINGS)[:, None, None]
    return (directions * (size / 2 + rings)).reshape(-1, 2)
