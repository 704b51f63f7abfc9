"""Three planes of a volume with the outlines of what was found in it, as one picture to look at."""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ..deep_shape.grid import canonical
from ..imaging import Volume, contrast_limits
from ..shape.volume_measures import VolumeMeasures
from ..shape.volume_segmentation import Structure, VolumeSegmentation
from .overlay_outlines import MISSED

HEIGHT_INCHES, DPI, LINE = 5.0, 150, 1.2
# name, the axis that the plane is perpendicular to, letters at its left, right, upper and lower edge
PLANES = (("axial", 0, "RLAP"), ("coronal", 1, "RLSI"), ("sagittal", 2, "APSI"))


def planes_figure(volume: Volume, segmentation: VolumeSegmentation, measures: Sequence[VolumeMeasures],
                  title: str = "") -> Figure:
    """The axial, coronal and sagittal plane that show most of what was found.

    Patients' right is on the left of the picture, as radiologists look at them; of oblique volumes the planes are the
    volume's own.
    """
    (voxels, matrix), (labels, _) = canonical(volume), canonical(segmentation.labels)
    spacing, at = np.linalg.norm(matrix[:3, :3], axis=0), fullest(labels)
    sizes = np.array(voxels.shape) * spacing
    widths, heights = sizes[[2, 2, 1]], sizes[[1, 0, 0]]
    shown = widths / heights.max()
    figure = Figure(figsize=(np.clip(HEIGHT_INCHES * shown.sum(), 6.0, 20.0), HEIGHT_INCHES + 1.0), dpi=DPI,
                    layout="constrained")
    FigureCanvasAgg(figure)
    row = figure.subplots(1, 3, width_ratios=shown)
    limits = contrast_limits(volume)
    for axes, (name, axis, letters) in zip(row, PLANES, strict=True):
        across = [a for a in range(3) if a != axis]
        plane = [array.take(at[axis], axis=axis) for array in (voxels, labels)]
        _draw(axes, *plane, segmentation.structures, limits, spacing[across[0]] / spacing[across[1]], axis == 0)
        axes.set_title(name, fontsize=9)
        _write_letters(axes, letters)
    found = [_handle(one) for one in measures]
    figure.legend(handles=found, loc="outside lower center", ncols=min(len(found), 3), fontsize=8, frameon=False)
    figure.suptitle(title, fontsize=10, parse_math=False)
    return figure


def fullest(labels: np.ndarray) -> tuple[int, int, int]:
    """The plane along each axis with the most labelled voxels; the middle where there are none."""
    counts = [np.zeros(n, np.int64) for n in labels.shape]
    for i, plane in enumerate(labels):
        mask = plane > 0
        counts[0][i] = mask.sum()
        counts[1] += mask.sum(1)
        counts[2] += mask.sum(0)
    return tuple(int(c.argmax()) if c.any() else len(c) // 2 for c in counts)


def write_planes(path: str | os.PathLike, volume: Volume, segmentation: VolumeSegmentation,
                 measures: Sequence[VolumeMeasures], title: str = "") -> Path:
    """Write `planes_figure` as PNG; the file appears only when it is whole."""
    from ..io.files import replacing

    with replacing(path) as partial:
        planes_figure(volume, segmentation, measures, title).savefig(partial, format="png")
    return Path(path)


def _draw(axes: Axes, plane: np.ndarray, labels: np.ndarray, structures: Sequence[Structure], limits, aspect: float,
          axial: bool) -> None:
    low, high = limits
    axes.imshow(plane, cmap="gray", vmin=low, vmax=high, aspect=aspect, origin="upper" if axial else "lower")
    for structure in structures:
        mask = np.pad(labels == structure.label, 1)
        if mask.any():
            rows, columns = (np.arange(-1, n - 1) for n in mask.shape)
            axes.contour(columns, rows, mask.astype(float), [0.5], colors=[structure.colour], linewidths=LINE)
    axes.set_axis_off()


def _write_letters(axes: Axes, letters: str) -> None:
    places = ((0.02, 0.5), (0.98, 0.5), (0.5, 0.97), (0.5, 0.03))
    for letter, (x, y) in zip(letters, places, strict=True):
        axes.text(x, y, letter, transform=axes.transAxes, color="white", fontsize=8, ha="center", va="center")


def _handle(one: VolumeMeasures) -> Line2D:
    found = one.structure.found
    return Line2D([], [], color=one.structure.colour if found else MISSED, linestyle="-" if found else ":",
                  label=one.in_words())
