"""Spherical plots of what is found from each direction, and the report with them."""

from html import escape
from pathlib import Path

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure

from .. import __version__
from ..errors import FileError
from ..io.files import replacing
from .page import CSS, number_text, percent_text, table_html
from .plots import BLUE, GREY, ORANGE, STYLE, drawn, plain, svg_fragment
from .view_sphere import ACCURATE_PX, BELIEF, Summary, ViewSphere, table_of

_BALL = "#eceff1"
_EDGE = 0.5  # of a step: how far a view's patch reaches
_COLUMNS = {"mean_mm": "mean [mm]", "sd_mm": "SD [mm]", "mean_px": "mean [px]", "sd_px": "SD [px]",
            "median_mm": "median [mm]"}
_SHARES = {"recall": "found", "accurate": f"< {ACCURATE_PX:g} px", "outside_believed": "believed outside"}


def sphere_plots(sphere: ViewSphere, belief: float = BELIEF) -> dict[str, Figure]:
    """Accuracy and mean error over the sphere, belief in each landmark, and belief against error, by file name."""
    return {"view_accuracy": view_accuracy(sphere, belief), "landmark_belief": landmark_belief(sphere),
            "belief_error": belief_against_error(sphere, belief)}


def view_accuracy(sphere: ViewSphere, belief: float = BELIEF) -> Figure:
    """Three balls: share of the detected landmarks that are right, their mean error, and the share that is detected."""
    rows = sphere.by_view(belief)
    with rc_context(STYLE):
        figure = Figure(figsize=(8.4, 3.1), layout="constrained")
        panels = (("accurate", f"within {ACCURATE_PX:g} px", "viridis", (None, 1)),
                  ("mean_mm", "mean error [mm]", "viridis_r", (0, None)), ("recall", "found", "viridis", (None, 1)))
        for axes, (key, title, colours, limits) in zip(figure.subplots(1, 3), panels, strict=True):
            patches = on_ball(axes, rows["lao_deg"], rows["cran_deg"], rows[key], colours, limits)
            axes.set_title(title, fontsize=9)
            figure.colorbar(patches, ax=axes, shrink=0.7, pad=0.02)
    return figure


def landmark_belief(sphere: ViewSphere, across: int = 6) -> Figure:
    """A ball for each landmark: the mean belief in it, of the films that it is on."""
    down = -(-len(sphere.names) // across)
    with rc_context(STYLE):
        figure = Figure(figsize=(1.7 * across, 1.75 * down), layout="constrained")
        panels = figure.subplots(down, across, squeeze=False).ravel()
        for axes, name in zip(panels, sphere.names, strict=False):
            lao, cran, mean = _mean_belief(sphere.landmark(name))
            patches = on_ball(axes, lao, cran, mean, "viridis", (0, 1))
            axes.set_title(plain(name), fontsize=6.5)
        for axes in panels[len(sphere.names):]:
            axes.set_axis_off()
        figure.colorbar(patches, ax=list(panels), shrink=0.5, pad=0.02, label="belief")
    return figure


def belief_against_error(sphere: ViewSphere, belief: float = BELIEF, most: int = 4000) -> Figure:
    """Every landmark on its film, and the median error of those that are equally believed in."""
    x, y = sphere.belief[sphere.visible], sphere.errors_mm[sphere.visible]
    bins = sphere.by_belief()
    shown = np.random.default_rng(0).permutation(len(x))[:most]
    with rc_context(STYLE):
        figure = Figure(figsize=(4.4, 3.2), layout="constrained")
        axes = figure.add_subplot(xlabel="belief", ylabel="error [mm]", xlim=(0, 1), yscale="log")
        axes.scatter(x[shown], np.maximum(y[shown], 0.1), s=3, color=BLUE, alpha=0.25, lw=0)
        axes.plot((bins["low"] + bins["high"]) / 2, bins["median_mm"], color=ORANGE, lw=1.6, marker="o", ms=3,
                  label="median")
        axes.axvline(belief, color=GREY, lw=0.8, ls=":")
        axes.legend(frameon=False)
    return figure


def on_ball(axes, lao, cran, values, colours: str = "viridis", limits=(None, None)):
    """Colour the patch of each view on a ball seen from the front; LAO to the right, CRAN above. Gives the patches."""
    from matplotlib.collections import PolyCollection

    lao, cran, values = (np.asarray(v, float) for v in (lao, cran, values))
    steps = [_EDGE * _step(v) for v in (lao, cran)]
    corners = [_from_front(lao + i * steps[0], cran + j * steps[1]) for i, j in ((-1, -1), (1, -1), (1, 1), (-1, 1))]
    turn = np.linspace(0, 2 * np.pi, 181)
    axes.fill(np.cos(turn), np.sin(turn), color=_BALL, lw=0)
    for angle in range(-60, 61, 30):
        for line in (_from_front(np.full(61, angle), np.linspace(-90, 90, 61)),
                     _from_front(np.linspace(-90, 90, 61), np.full(61, angle))):
            axes.plot(*line, color="white", lw=0.6)
    quads = np.stack([np.stack(corner, -1) for corner in corners], 1)
    patches = PolyCollection(quads, array=values, cmap=colours, edgecolors="face", linewidths=0.2)
    patches.set_clim(*limits)
    axes.add_collection(patches)
    axes.set(xlim=(-1.02, 1.02), ylim=(-1.02, 1.02), aspect="equal")
    axes.set_axis_off()
    return patches


def _from_front(lao, cran) -> tuple[np.ndarray, np.ndarray]:
    """Where directions lie on a ball seen from the front."""
    lao, cran = np.deg2rad(lao), np.deg2rad(cran)
    return np.sin(lao) * np.cos(cran), np.sin(cran)


def _step(degrees: np.ndarray) -> float:
    steps = np.diff(np.unique(degrees))
    return float(steps.min()) if len(steps) else 5.0


def _mean_belief(sphere: ViewSphere) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Directions, and the mean belief of the films of each on which the one landmark lies; NaN where it never does."""
    directions = np.stack([sphere.lao, sphere.cran], 1)
    places, which = np.unique(directions, axis=0, return_inverse=True)
    which, seen = which.ravel(), sphere.visible[:, 0]
    count = np.bincount(which, seen, len(places))
    total = np.bincount(which, seen * sphere.belief[:, 0], len(places))
    mean = np.divide(total, count, out=np.full(len(places), np.nan), where=count > 0)
    return places[:, 0], places[:, 1], mean


def write_view_report(sphere: ViewSphere, folder, *, title: str = "Landmarks from any view", belief: float = BELIEF
                      ) -> Path:
    """Write `report.html`, `views.csv`, `landmarks.csv`, `view-sphere.csv` and the plots; gives the page.

    Raises
    ------
    FileError
        The folder cannot be made.
    """
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileError(folder, f"cannot be made a folder ({error.strerror})", "Choose another folder") from error
    figures = sphere_plots(sphere, belief)
    pictures = {f"{name}.{kind}": drawn(figure, kind) for name, figure in figures.items() for kind in ("png", "svg")}
    tables = {"views.csv": sphere.by_view(belief), "landmarks.csv": sphere.by_landmark(belief),
              "view-sphere.csv": table_of(sphere)}
    html = view_page(sphere, title, belief, {name: svg_fragment(pictures[f"{name}.svg"]) for name in figures})
    files = {**pictures, **{name: t.to_csv(index=False, lineterminator="\n").encode() for name, t in tables.items()},
             "report.html": html.encode()}
    for name, data in files.items():
        with replacing(folder / name) as temporary:
            temporary.write_bytes(data)
    return folder / "report.html"


def view_page(sphere: ViewSphere, title: str, belief: float, svgs: dict[str, str]) -> str:
    """The report as one HTML page that loads nothing."""
    whole = sphere.summary(belief)
    people, views = len(set(sphere.subjects)), len(set(zip(sphere.lao.tolist(), sphere.cran.tolist(), strict=True)))
    landmarks = [[escape(name), *_cells(sphere.landmark(name).summary(belief))] for name in sphere.names]
    names = [*_COLUMNS.values(), *_SHARES.values()]
    parts = [
        f"<h1>{escape(title)}</h1>",
        f"<p class=big>Mean error <b>{number_text(whole.mean_mm)} ± {number_text(whole.sd_mm)} mm</b> at the detector, "
        f"{percent_text(whole.recall)} found</p>",
        f"<p>{views} views of {people} subjects, landmarks with a belief of {belief:g} or more.</p>",
        "<h2>All landmarks</h2>", table_html(names, [_cells(whole)]),
        "<h2>Over the sphere of views</h2>", svgs["view_accuracy"],
        "<h2>Belief in each landmark</h2>", svgs["landmark_belief"],
        "<h2>Belief against error</h2>", svgs["belief_error"],
        "<h2>Each landmark</h2>", table_html(["landmark", *names], landmarks),
        f"<p>napari-xray-landmarks {__version__}. Not for clinical use.</p>"]
    head = f"<meta charset=utf-8><title>{escape(title)}</title><style>{CSS}</style>"
    return f'<!doctype html><html lang="en"><head>{head}</head><body>\n' + "\n".join(parts) + "\n</body></html>\n"


def _cells(summary: Summary) -> list[str]:
    return [*(number_text(getattr(summary, key)) for key in _COLUMNS),
            *(percent_text(getattr(summary, key)) for key in _SHARES)]
