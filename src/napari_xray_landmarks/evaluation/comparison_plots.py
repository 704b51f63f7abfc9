"""The plots of a comparison of any kind, drawn without a window."""

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure

from .agreement import agreement
from .comparison import Comparison, Pairs
from .metrics import finite
from .plots import BLUE, GREY, ORANGE, STYLE, boxes, plain, steps

LINES = ("-", "--", "-.", ":")
MOST_BOXES = 40


def comparison_plots(comparison: Comparison) -> dict[str, Figure]:
    """All plots that the data allow, by file name without ending."""
    with rc_context(STYLE):
        figures = {"cumulative_error": cumulative_error(comparison)}
        if comparison.values["item"].nunique() > 1:
            figures["each_item"] = each_item(comparison)
        pairs = [p for p in comparison.pairs if known_pairs(p) >= 2]
        if pairs:
            figures["bland_altman"] = bland_altman(pairs)
    return figures


def cumulative_error(comparison: Comparison) -> Figure:
    """Share of items within each error, a panel for each unit; of measures of which more is better, the share below."""
    units = list(dict.fromkeys((m.unit, m.more_is_better) for m in comparison.measures))
    figure = Figure(figsize=(min(3.4 * len(units) + 1, 9), 3.4), layout="constrained")
    for axes, (unit, more) in zip(np.atleast_1d(figure.subplots(1, len(units))), units, strict=True):
        measures = [m for m in comparison.measures if (m.unit, m.more_is_better) == (unit, more)]
        for measure, style in zip(measures, LINES, strict=False):
            steps(axes, comparison.values[measure.key].to_numpy(float), measure.title, color=BLUE, lw=1.6, ls=style)
        ends = [np.quantile(found, 0.98) for m in measures if (found := finite(comparison.values[m.key])).size]
        thresholds = () if more else comparison.thresholds.get(unit, ())
        for threshold in thresholds:
            axes.axvline(threshold, color=GREY, lw=0.6, ls=":")
        lowest = min(float(finite(comparison.values[m.key]).min(initial=1)) for m in measures)
        axes.set(xlim=(max(lowest - 0.02, 0), 1) if more else (0, 1.05 * max([*ends, 1e-9])), ylim=(0, 101))
        axes.set(xlabel=measures[0].title if more else f"error [{unit}]", ylabel=f"share of {comparison.item}s [%]")
        axes.legend(loc="upper left" if more else "lower right", frameon=False, fontsize=7)
    return figure


def each_item(comparison: Comparison) -> Figure:
    """A box of the main measure of each item, the worst on top; the worst forty where there are more."""
    main = comparison.main
    groups = {name: finite(rows[main.key]) for name, rows in comparison.values.groupby("item", sort=False)}
    return boxes(groups, main.heading, more_is_better=main.more_is_better, most=MOST_BOXES)


def known_pairs(pairs: Pairs) -> int:
    """How many of both are known."""
    return int((np.isfinite(pairs.predicted) & np.isfinite(pairs.true)).sum())


def bland_altman(pairs: list[Pairs]) -> Figure:
    """Difference of predicted and true against their mean, with bias and limits of agreement; a panel a quantity."""
    with rc_context(STYLE):
        figure = Figure(figsize=(min(3.2 * len(pairs) + 0.6, 9.6), 3.2), layout="constrained")
        for axes, one in zip(np.atleast_1d(figure.subplots(1, len(pairs))), pairs, strict=True):
            found = agreement(one.predicted, one.true)
            axes.plot((one.predicted + one.true) / 2, one.predicted - one.true, ls="none", marker=".", ms=4, color=BLUE,
                      alpha=0.7)
            for value, style in ((found.bias, "-"), (found.low, "--"), (found.high, "--")):
                axes.axhline(value, color=ORANGE, lw=1.2, ls=style)
            axes.axhline(0, color=GREY, lw=0.6)
            limits = f"bias {found.bias:+.2f}, limits {found.low:+.2f} to {found.high:+.2f} {one.unit}"
            axes.set_title(f"{plain(one.name)}\n{limits}", size=8)
            axes.set_xlabel(plain(f"mean [{one.unit}]"))
        figure.axes[0].set_ylabel("predicted less true")
    return figure
