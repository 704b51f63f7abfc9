"""What a shape model is worth, as a table and pictures: compactness, generalisation, specificity, and its modes."""

from pathlib import Path

import numpy as np
from matplotlib import colormaps, rc_context
from matplotlib.collections import PolyCollection
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from ..errors import FileError
from ..io.files import replacing
from ..io.tables import number, write_table
from ..shape.point_distribution import PointDistributionModel
from ..shape.quality import Quality
from .plots import BLUE, GREY, ORANGE, STYLE, drawn, plain
from .registration_report import TABLE, registration_plot, write_registrations

MEASURES = ("generalisation", "generalisation_sd", "specificity", "specificity_sd")
MOST_MODES = 4


def write_shape_report(trained, folder) -> Path:
    """Write `quality.csv` and pictures of the quality and the modes into a folder; of masks `registration.csv` too.

    Parameters
    ----------
    trained
        A `training.shape_models.TrainedShape`.
    folder
        Made where it does not exist.

    Raises
    ------
    FileError
        The folder cannot be made or written to.
    """
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileError(folder, f"cannot be made a folder ({error.strerror})", "Choose another folder") from error
    unit, shapes = trained.shapes.unit, trained.shapes
    figures = {"modes": modes_plot(trained.model, unit, closed=shapes.closed, faces=shapes.faces)}
    if trained.quality is not None:
        figures["quality"] = quality_plot(trained.quality, unit, kept=len(trained.model.modes))
        columns = ["modes", "compactness", *(f"{name}_{unit}" for name in MEASURES)]
        write_table(folder / "quality.csv", columns, _lines(trained.quality))
    if trained.correspondences is not None:
        write_registrations(folder / TABLE, trained.correspondences)
        figures["registration"] = registration_plot(trained.correspondences)
    for name, figure in figures.items():
        for kind in ("png", "svg"):
            with replacing(folder / f"{name}.{kind}") as temporary:
                temporary.write_bytes(drawn(figure, kind))
    return folder


def _lines(quality: Quality) -> list[list[str]]:
    values = [quality.compactness, *(getattr(quality, name) for name in MEASURES)]
    return [[str(m), *(number(v[m]) if m < len(v) else "" for v in values)] for m in range(len(quality.compactness))]


def quality_plot(quality: Quality, unit: str, *, kept: int | None = None) -> Figure:
    """Three panels over the number of modes; a line marks how many the model keeps."""
    with rc_context(STYLE):
        figure = Figure(figsize=(9, 2.9), layout="constrained")
        panels = figure.subplots(1, 3)
        panels[0].plot(100 * quality.compactness, color=BLUE, marker=".", ms=4)
        panels[0].set(title="compactness", ylabel="variance held [%]", ylim=(0, 102))
        for axes, name, color in ((panels[1], "generalisation", BLUE), (panels[2], "specificity", ORANGE)):
            mean, sd = getattr(quality, name), getattr(quality, f"{name}_sd")
            axes.fill_between(np.arange(len(mean)), mean - sd, mean + sd, color=color, alpha=0.18, lw=0)
            axes.plot(mean, color=color, marker=".", ms=4)
            axes.set(title=name, ylabel=f"mean distance [{unit}]")
            axes.set_ylim(bottom=0)
        for axes in panels:
            axes.set_xlabel("modes")
            axes.xaxis.get_major_locator().set_params(integer=True)
            if kept is not None:
                axes.axvline(kept, color=GREY, lw=0.8, ls=":")
    return figure


def modes_plot(model: PointDistributionModel, unit: str, *, closed: bool = True, faces=None) -> Figure:
    """The first modes: a film's outlines at three standard deviations to either side of the mean, as the film shows
    them; a surface seen from the front, coloured by how far the mode moves it."""
    count, flat = min(len(model.modes), MOST_MODES), model.mean.shape[1] == 2
    if not flat and faces is not None:
        return surfaces_plot(model, faces, unit)
    with rc_context(STYLE):
        figure = Figure(figsize=(2.4 * count + 0.8, 3.6), layout="constrained")
        panels = np.atleast_1d(figure.subplots(1, count, sharex=True, sharey=True))
        for m, axes in enumerate(panels):
            share = 100 * model.variances[m] / (model.variances.sum() + model.residual * model.mean.size)
            axes.set(title=plain(f"mode {m + 1}: {share:.0f} %"), aspect="equal")
            axes.set_xlabel(f"column [{unit}]" if flat else f"left [{unit}]")
            drawing = _draw_outlines(axes, model, m, closed) if flat else _draw_surface(axes, model, m)
        panels[0].set_ylabel(f"row [{unit}]" if flat else f"superior [{unit}]")
        if flat:
            panels[0].invert_yaxis()
            figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=3, frameon=False)
        else:
            figure.colorbar(drawing, ax=panels, label=f"moved by 3 sd [{unit}]", location="bottom", shrink=0.4)
    return figure


def _draw_outlines(axes, model: PointDistributionModel, mode: int, closed: bool) -> None:
    for deviations, color, label in ((-3, BLUE, "−3 sd"), (0, "#222222", "mean"), (3, ORANGE, "+3 sd")):
        shape = model.mean + deviations * model.deviations[mode] * model.modes[mode]
        line = np.vstack([shape, shape[:1]]) if closed else shape
        axes.plot(line[:, 1], line[:, 0], color=color, lw=1.2, label=label)


def _draw_surface(axes, model: PointDistributionModel, mode: int):
    moved = 3 * np.linalg.norm(model.modes, axis=2) * model.deviations[:, None]
    order = np.argsort(-model.mean[:, 1])
    row, _, column = model.mean[order].T
    return axes.scatter(column, row, s=4, c=moved[mode, order], cmap="viridis", vmin=0,
                        vmax=np.percentile(moved[:MOST_MODES], 99.5), lw=0)


def surfaces_plot(model: PointDistributionModel, faces, unit: str) -> Figure:
    """The first modes of a surface from the front, at three standard deviations to either side, coloured by how far it
    is from the mean there."""
    count = min(len(model.modes), MOST_MODES)
    moved = 3 * np.linalg.norm(model.modes[:count], axis=2) * model.deviations[:count, None]
    colours = Normalize(0, np.percentile(moved, 99.5))
    with rc_context(STYLE):
        figure = Figure(figsize=(2.4 * count + 0.8, 6.4), layout="constrained")
        panels = figure.subplots(2, count, sharex=True, sharey=True, squeeze=False)
        for m in range(count):
            share = 100 * model.variances[m] / (model.variances.sum() + model.residual * model.mean.size)
            panels[0, m].set_title(plain(f"mode {m + 1}: {share:.0f} %"))
            panels[1, m].set_xlabel(f"left [{unit}]")
            for axes, deviations in zip(panels[:, m], (-3, 3), strict=True):
                shape = model.mean + deviations * model.deviations[m] * model.modes[m]
                axes.add_collection(_shaded(shape, np.asarray(faces), moved[m], colours))
                axes.set_aspect("equal")
                axes.autoscale_view()
        for axes, label in zip(panels[:, 0], ("−3 sd", "+3 sd"), strict=True):
            axes.set_ylabel(f"{label}: superior [{unit}]")
        figure.colorbar(panels[0, 0].collections[0], ax=panels, label=f"distance from the mean [{unit}]",
                        location="bottom", shrink=0.4)
    return figure


def _shaded(points: np.ndarray, faces: np.ndarray, values: np.ndarray, colours: Normalize) -> PolyCollection:
    """A surface from the front, (superior, posterior, left): the triangles that face it, the farthest ones first."""
    corners = points[faces]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    front = -normals[:, 1] / np.maximum(np.linalg.norm(normals, axis=1), 1e-12)
    order = np.argsort(-corners[:, :, 1].mean(1))
    order = order[front[order] > 0]
    light = (0.35 + 0.65 * front[order])[:, None]
    tints = colormaps["viridis"](colours(values[faces[order]].mean(1)))
    tints[:, :3] *= light
    drawing = PolyCollection(corners[order][:, :, [2, 0]], facecolors=tints, edgecolors=tints, linewidths=0.2,
                             rasterized=True)
    drawing.set(norm=colours, cmap="viridis")
    return drawing
