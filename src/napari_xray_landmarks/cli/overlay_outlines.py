"""Outlines of bones and circles of heads, drawn over a film; a legend below it says what they are."""

from math import isfinite

import numpy as np
from matplotlib import colormaps, patheffects
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.lines import Line2D

from ..imaging import Radiograph
from ..shape.measures import Measures, measures, outlying
from ..shape.segmentation import BoneContour, HeadCircle, Segmentation

COLORMAP = "viridis"
CIRCLE, OUTLIER, MISSED = "#ff4fa8", "#e8590c", "#c8c8c8"
LINE, THIN, VERTEX, RING = 2.4, 1.4, 3.0, 8.0  # typographic points


def colour_of(confidence: float):
    """On one map everywhere; white where there is none."""
    return colormaps[COLORMAP](confidence) if isfinite(confidence) else "white"


def dark_edge(width: float):
    """A dark line below a bright one, so that it is seen on bone and on air."""
    return patheffects.withStroke(linewidth=width, foreground="black")


def draw_segmentation(axes: Axes, segmentation: Segmentation, radiograph: Radiograph) -> None:
    """Draw every outline and circle, and the legend.

    An edge that only closes an outline is dashed; what was not found is thin, grey and dotted.
    """
    said = iter(map(_said, measures(segmentation, radiograph.spacing_mm)))
    handles = []
    for bone in segmentation.bones:
        _draw_bone(axes, bone)
        handles.append(_handle(colour_of(bone.confidence), bone.found, next(said)))
    for circle in segmentation.circles:
        _draw_circle(axes, circle)
        handles.append(_handle(CIRCLE, circle.found, next(said)))
    if any(outlying(bone).any() for bone in segmentation.bones if bone.found):
        ring = {"marker": "o", "markerfacecolor": "none", "markeredgecolor": OUTLIER, "markeredgewidth": 1.6}
        handles.append(Line2D([], [], linestyle="none", label="implant or occlusion?", markersize=RING, **ring))
    if not handles:
        handles.append(Line2D([], [], linestyle="none", label="nothing was found"))
    axes.figure.legend(handles=handles, loc="outside lower center", ncols=min(len(handles), 3), fontsize=8,
                       frameon=False)


def _draw_bone(axes: Axes, bone: BoneContour) -> None:
    points = bone.points_px[:, ::-1]
    edges = np.stack([points, np.roll(points, -1, axis=0)], axis=1)
    if not bone.found:
        axes.add_collection(LineCollection(edges, colors=MISSED, linewidths=THIN, linestyles=":",
                                           path_effects=[dark_edge(THIN + 1)]))
        return
    confidence = np.full(len(points), bone.confidence) if bone.contour.confidence is None else bone.contour.confidence
    colours = [colour_of(value) for value in (confidence + np.roll(confidence, -1)) / 2]
    for drawn, style, width in ((True, "-", LINE), (False, "--", THIN)):
        own = bone.drawn == drawn
        axes.add_collection(LineCollection(
            edges[own], colors=[c for c, o in zip(colours, own, strict=True) if o] if drawn else "white",
            linewidths=width, linestyles=style, capstyle="round", path_effects=[dark_edge(width + 1.6)]))
    axes.scatter(*points.T, s=VERTEX**2, c=[colour_of(c) for c in confidence], edgecolors="black", linewidths=0.4,
                 zorder=3)
    axes.scatter(*points[outlying(bone)].T, s=RING**2, facecolors="none", edgecolors=OUTLIER, linewidths=1.6, zorder=4)


def _draw_circle(axes: Axes, circle: HeadCircle) -> None:
    outline = circle.outline_px(180)[:, ::-1]
    outline = np.vstack([outline, outline[:1]])
    style = {"color": CIRCLE, "linewidth": LINE * 0.8} if circle.found else {
        "color": MISSED, "linewidth": THIN, "linestyle": ":"}
    axes.plot(*outline.T, zorder=1.9, path_effects=[dark_edge(style["linewidth"] + 1.4)], **style)
    row, column = circle.centre_px
    axes.plot(column, row, marker="+", color=style["color"], markersize=8, markeredgewidth=1.6,
              path_effects=[dark_edge(3.0)])


def _handle(colour, found: bool, label: str) -> Line2D:
    return Line2D([], [], color=colour if found else MISSED, linewidth=LINE if found else THIN,
                  linestyle="-" if found else ":", label=label)


def _said(number: Measures) -> str:
    sure = f", confidence {number.confidence:.2f}" if isfinite(number.confidence) else ""
    if not number.found:
        return f"{number.structure}: not found{sure}"
    size = "" if number.kind == "contour" else f": radius {number.radius:.1f} {number.unit}"
    return f"{number.structure}{size}{sure}"
