"""The report of landmarks: against each reference, the annotators against each other, what the confidence is worth."""

from collections.abc import Mapping
from dataclasses import asdict
from html import escape

import pandas as pd

from .comparison_page import TITLES
from .evaluation import EVERY_LANDMARK, Evaluation
from .page import cell_html, document, gallery_html, images_html, notes_html, number_text, percent_text, table_html


def page(evaluation: Evaluation, svgs: Mapping[str, str]) -> str:
    """The report of landmarks as one HTML page that loads nothing."""
    unit, headline = evaluation.unit, evaluation.headline
    links, figures = gallery_html(evaluation.comparison)
    count = f"{int(headline['count'])} landmarks in {evaluation.images.images} images"
    title = f"{evaluation.predicted} against {evaluation.truth}"
    interval = f"95 % interval {number_text(headline['mean_low'])} to {number_text(headline['mean_high'])}"
    parts = [
        f"<h1>{escape(title)}</h1>",
        f"<p class=big>Mean radial error <b>{number_text(headline['mean'])} {unit}</b> ({interval}), "
        f"median {number_text(headline['median'])} {unit}</p>",
        f"<p>{count}, against {escape(evaluation.reference)}. Intervals are of the mean, drawn by subject.</p>",
        *notes_html(evaluation.notes),
        *links,
        "<h2>All landmarks</h2>",
        _metrics_html(evaluation.metrics[evaluation.metrics["landmark"] == EVERY_LANDMARK], "against"),
    ]
    if not evaluation.annotators.empty:
        rows = evaluation.annotators[evaluation.annotators["landmark"] == EVERY_LANDMARK]
        parts += ["<h2>The annotators against each other</h2>", _metrics_html(rows, "against")]
    parts += [f"<h2>Mean error of an image [{unit}]</h2>", _row_html(evaluation.images)]
    if evaluation.point_to_curve is not None:
        parts += [f"<h2>Mean distance of an image's shape from the true outline [{unit}]</h2>"]
        parts += [_row_html(evaluation.point_to_curve)]
    titles = {"cumulative_error": "Cumulative error", "per_landmark": "Error of each landmark",
              "reliability": "What the confidence is worth", "bland_altman": TITLES["bland_altman"]}  # fmt: skip
    for name, svg in svgs.items():
        parts += [f"<h2>{titles[name]}</h2>", svg]
        if name == "reliability":
            parts += [_reliability_html(evaluation)]
    rows = evaluation.metrics[evaluation.metrics["against"] == evaluation.reference]
    rows = rows[(rows["landmark"] != EVERY_LANDMARK) & (rows["unit"] == unit)]
    parts += ["<h2>Each landmark</h2>", _metrics_html(rows, "landmark")]
    return document(title, [*parts, *images_html(evaluation.comparison), *figures])


def _metrics_html(rows: pd.DataFrame, first: str) -> str:
    shares = [c for c in rows.columns if c.startswith("within_") and rows[c].notna().any()]
    columns = {"unit": "unit", "count": "landmarks", "missing": "missing", "mean": "mean", "mean_low": "from",
               "mean_high": "to", "median": "median", "sd": "SD", "p95": "95th percentile", "max": "max"}  # fmt: skip
    names = [first, *columns.values(), *(c.removeprefix("within_").join(("≤ ", "")).replace("_", " ") for c in shares)]
    cells = [
        [escape(str(row[first])), *(cell_html(row[c]) for c in columns), *(percent_text(row[c]) for c in shares)]
        for row in rows.to_dict("records")
    ]
    return table_html(names, cells)


def _row_html(row) -> str:
    names = ["images", "success rate", "median", "minimum", "maximum", "mean", "standard deviation"]
    values = list(asdict(row).values())
    return table_html(names, [[str(values[0]), percent_text(values[1]), *map(number_text, values[2:])]])


def _reliability_html(evaluation: Evaluation) -> str:
    found, unit = evaluation.reliability, evaluation.unit
    names = ["confidence", "landmarks", "mean confidence", f"within {found.threshold:g} {unit}", f"mean error [{unit}]"]
    cells = [
        [f"{b.low:.1f} to {b.high:.1f}", str(b.count), number_text(b.mean_confidence), percent_text(b.share_within),
         number_text(b.mean_error)]
        for b in found.bins
    ]  # fmt: skip
    text = f"calibration error {number_text(found.calibration_error)}, rank correlation with the error "
    return table_html(names, cells) + f"<p>{text}{number_text(found.rank_correlation)}</p>"
