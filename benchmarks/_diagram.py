"""The picture of what a confidence is worth."""

from collections.abc import Mapping
from pathlib import Path

COLOURS = ("#0072B2", "#D55E00", "#009E73")


def draw_reliability(found: Mapping, share: str, path: Path) -> None:
    """Write a reliability diagram.

    Parameters
    ----------
    found
        `evaluation.statistics.Reliability` by name; a marker is the larger, the more results its bin holds.
    share
        What the second axis shows.
    path
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.2, 3.6), layout="constrained")
    axes = figure.add_subplot(xlabel="confidence", ylabel=share, xlim=(0, 1), ylim=(0, 1.03))
    axes.plot([0, 1], [0, 1], color="#666666", lw=0.8, ls=":")
    for colour, (name, own) in zip(COLOURS, found.items(), strict=False):
        x, y = [b.mean_confidence for b in own.bins], [b.share_within for b in own.bins]
        axes.plot(x, y, color=colour, lw=1, label=name)
        axes.scatter(x, y, s=[8 + 60 * b.count / max(c.count for c in own.bins) for b in own.bins], color=colour)
    axes.legend(loc="upper left", frameon=False)
    path.parent.mkdir(exist_ok=True)
    figure.savefig(path, dpi=120)
