"""What a shape model is worth, as a table and pictures: compactness, generalisation, specificity, and its modes."""

from pathlib import Path

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure

from ..errors import FileError
from ..io.files import replacing
from ..io.tables import number, write_table
from ..shape.point_distribution import PointDistributionModel
from ..shape.quality import Quality
from .plots import BLUE, GREY, ORANGE, STYLE, drawn, plain

MEASURES = ("generalisation", "generalisation_sd", "specificity", "specificity_sd")
MOST_MODES = 4


def write_shape_report(trained, folder) -> Path:
    """Write `quality.csv` and pictures of the quality and the modes into a folder.

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
    figures = {"modes": modes_plot(trained.model, unit, closed=shapes.closed)}
    if trained.quality is not None:
        figures["quality"] = quality_plot(trained.quality, unit, kept=len(trained.model.modes))
        columns = ["modes", "compactness", *(f"{name}_{unit}" for name in MEASURES)]
        write_table(folder / "quality.csv", columns, _lines(trained.quality))
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


def modes_plot(model: PointDistributionModel, unit: str, *, closed: bool = True) -> Figure:
    """The first modes: a film's outlines at three standard deviations to either side of the mean, as the film shows
    them; a surface seen from the front, coloured by how far the mode moves it."""
    count, flat = min(len(model.modes), MOST_MODES), model.mean.shape[1] == 2
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
