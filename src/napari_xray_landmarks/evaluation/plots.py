"""The plots of an evaluation, drawn without a window."""

import re
from io import BytesIO

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure

from .evaluation import Evaluation
from .metrics import finite

BLUE, ORANGE, GREY = "#0072B2", "#D55E00", "#666666"
STYLE = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e4e4e4",
    "svg.hashsalt": "napari-xray-landmarks",
}


def plots(evaluation: Evaluation) -> dict[str, Figure]:
    """All plots that the data allow, by file name without ending."""
    with rc_context(STYLE):
        figures = {"cumulative_error": cumulative_error(evaluation), "per_landmark": per_landmark(evaluation)}
        if evaluation.reliability is not None:
            figures["reliability"] = reliability_diagram(evaluation)
    return figures


def cumulative_error(evaluation: Evaluation) -> Figure:
    """Share of landmarks within each error: against the reference, and of the annotators against each other."""
    unit = evaluation.unit
    figure = Figure(figsize=(6, 3.6), layout="constrained")
    axes = figure.add_subplot(xlabel=f"radial error [{unit}]", ylabel="share of landmarks [%]")
    errors = evaluation.errors
    main = errors[errors["against"] == evaluation.reference][f"error_{unit}"].to_numpy()
    steps(axes, main, f"predicted, against {evaluation.reference}", color=BLUE, lw=1.8)
    for pair, rows in evaluation.annotator_errors.groupby("against", sort=False):
        steps(axes, rows[f"error_{unit}"].to_numpy(), f"annotators: {pair}", color=ORANGE, lw=1.2, ls="--")
    for threshold in evaluation.thresholds[unit]:
        axes.axvline(threshold, color=GREY, lw=0.6, ls=":")
    good = finite(main)
    end = max([*evaluation.thresholds[unit], *(np.quantile(good, [0.98]) if good.size else ())])
    axes.set(xlim=(0, 1.05 * end), ylim=(0, 101))
    axes.legend(loc="lower right", frameon=False)
    return figure


def steps(axes, errors: np.ndarray, label: str, **style) -> None:
    """Draw the share of values up to each; infinite ones count, NaN do not."""
    known = errors[~np.isnan(errors)]
    found = np.sort(known[np.isfinite(known)])
    share = 100 * np.arange(1, len(found) + 1) / max(len(known), 1)
    axes.step(np.r_[0, found], np.r_[0, share], where="post", label=plain(label), **style)


def per_landmark(evaluation: Evaluation) -> Figure:
    """A box of the errors of each landmark, the worst on top."""
    unit, errors = evaluation.unit, evaluation.errors
    main = errors[errors["against"] == evaluation.reference]
    groups = {name: finite(rows[f"error_{unit}"]) for name, rows in main.groupby("landmark", sort=False)}
    return boxes(groups, f"radial error [{unit}]")


def boxes(groups: dict[str, np.ndarray], label: str, *, more_is_better=False, most: int | None = None) -> Figure:
    """A box of each group of values, the worst on top; only the worst where there are more than `most`."""
    sign = -1.0 if more_is_better else 1.0
    order = sorted(groups, key=lambda name: sign * np.median(groups[name]) if groups[name].size else -np.inf)
    order = order if most is None else order[-most:]
    figure = Figure(figsize=(6, 0.8 + 0.26 * len(order)), layout="constrained")
    axes = figure.add_subplot(xlabel=label)
    drawn_boxes = axes.boxplot(
        [groups[name] for name in order],
        orientation="horizontal",
        widths=0.6,
        patch_artist=True,
        flierprops={"marker": ".", "markersize": 3, "markeredgecolor": GREY},
        medianprops={"color": ORANGE, "lw": 1.6},
        boxprops={"facecolor": "#cfe3f1", "edgecolor": BLUE},
    )
    for line in (*drawn_boxes["whiskers"], *drawn_boxes["caps"]):
        line.set_color(BLUE)
    axes.set_yticks(np.arange(1, len(order) + 1), [plain(_shortened(name)) for name in order])
    if not more_is_better:
        axes.set_xlim(left=0)
    axes.grid(axis="y", visible=False)
    return figure


def reliability_diagram(evaluation: Evaluation) -> Figure:
    """Confidence against the share of landmarks that are right, with their number and mean error."""
    found, unit = evaluation.reliability, evaluation.unit
    confidence = [b.mean_confidence for b in found.bins]
    figure = Figure(figsize=(6, 3.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    left.plot([0, 1], [0, 1], color=GREY, lw=0.8, ls=":")
    largest = max(b.count for b in found.bins)
    sizes = [12 + 90 * b.count / largest for b in found.bins]
    left.plot(confidence, [b.share_within for b in found.bins], color=BLUE, lw=1)
    left.scatter(confidence, [b.share_within for b in found.bins], s=sizes, color=BLUE)
    left.set(xlim=(0, 1), ylim=(0, 1.03), xlabel="confidence", ylabel=f"share within {found.threshold:g} {unit}")
    right.plot(confidence, [b.mean_error for b in found.bins], color=ORANGE, lw=1)
    right.scatter(confidence, [b.mean_error for b in found.bins], s=sizes, color=ORANGE)
    right.set(xlim=(0, 1), xlabel="confidence", ylabel=f"mean error [{unit}]")
    right.set_ylim(bottom=0)
    return figure


def drawn(figure: Figure, kind: str) -> bytes:
    """The figure as a PNG or SVG file, the same bytes for the same figure."""
    buffer = BytesIO()
    with rc_context(STYLE):
        figure.savefig(buffer, format=kind, dpi=150, metadata={"Date": None} if kind == "svg" else None)
    return buffer.getvalue()


def plain(text: str) -> str:
    """`text` as matplotlib must get it to draw it as it is: no formula after $, nothing hidden after an underscore."""
    text = "".join(c if c.isprintable() else " " for c in text).replace("\\", "\\\\").replace("$", r"\$")
    return f" {text}" if text.startswith("_") else text


def _shortened(text: str, most: int = 40) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def svg_fragment(data: bytes) -> str:
    """The `<svg>` element of an SVG file, to stand in a page: without declaration, name spaces and metadata."""
    text = data.decode("utf-8")
    text = re.sub(r"<metadata>.*?</metadata>", "", text[text.index("<svg") :], flags=re.DOTALL)
    return re.sub(r' xmlns(:xlink)?="[^"]*"', "", text).replace("xlink:href", "href")
