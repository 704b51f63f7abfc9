"""The report of a comparison of any kind."""

from collections.abc import Mapping
from html import escape

import pandas as pd

from .comparison import EVERY_ITEM, Comparison, Measure
from .page import document, gallery_html, images_html, notes_html, number_text, percent_text, table_html

TITLES = {"cumulative_error": "Cumulative error", "each_item": "Each {item}",
          "bland_altman": "Agreement (Bland and Altman): predicted less true against their mean"}  # fmt: skip


def sentences(comparison: Comparison) -> list[str]:
    """The result in words, with units: what stands first in the report, in the terminal and in the dock."""
    found = list(comparison.headline)
    for measure in comparison.measures:
        row = comparison.row(measure.key)
        if row["count"] > row["missing"]:
            interval = f"95 % interval {number_text(row['mean_low'])} to {number_text(row['mean_high'])}"
            unit = f" {measure.unit}".rstrip()
            found.append(f"{measure.title}: mean {number_text(row['mean'])}{unit} ({interval}), median "
                         f"{number_text(row['median'])}{unit}")
    if near := _shares(comparison.main, comparison):
        found.append(near)
    count, images = int(comparison.values[comparison.main.key].notna().sum()), len(comparison.images)
    items = f"{count} {comparison.item}s in {images} images" if count != images else f"{images} images"
    return [*found, f"{items}, {int(comparison.values['failed'].sum())} failed "
                    f"({percent_text(comparison.failure_rate)})"]


def _shares(measure: Measure, comparison: Comparison) -> str:
    """The successful detection rates of a measure, in words; empty where it has none."""
    row = comparison.row(measure.key)
    shares = [(t, row.get(f"within_{t:g}_{measure.unit}")) for t in comparison.thresholds.get(measure.unit, ())]
    shares = [] if measure.more_is_better else [(t, share) for t, share in shares if share == share]
    return ", ".join(f"{percent_text(share)} within {t:g} {measure.unit}" for t, share in shares)


def page(comparison: Comparison, svgs: Mapping[str, str]) -> str:
    """The report as one HTML page that loads nothing."""
    title = f"{comparison.predicted} against {comparison.truth}"
    first, *others = (text[0].upper() + text[1:] for text in sentences(comparison))
    links, figures = gallery_html(comparison)
    parts = [f"<h1>{escape(title)}</h1>", f"<p class=big>{escape(first)}</p>",
             *[f"<p>{escape(text)}.</p>" for text in others], *notes_html(comparison.notes), *links,
             f"<h2>All {escape(comparison.item)}s</h2>", _measures_html(comparison)]
    for name, svg in svgs.items():
        parts += [f"<h2>{escape(TITLES[name].format(item=comparison.item))}</h2>", svg]
    if comparison.values["item"].nunique() > 1:
        for measure in comparison.measures:
            parts += [f"<h2>{escape(measure.heading)} of each {escape(comparison.item)}</h2>",
                      _items_html(comparison, measure)]
    return document(title, [*parts, *images_html(comparison), *figures])


def _measures_html(comparison: Comparison) -> str:
    rows = comparison.table[comparison.table[comparison.item] == EVERY_ITEM]
    titles = {measure.key: measure.heading for measure in comparison.measures}
    return _rows_html("measure", rows.assign(measure=rows["measure"].map(titles)), "measure")


def _items_html(comparison: Comparison, measure: Measure) -> str:
    rows = comparison.table[(comparison.table["measure"] == measure.key)
                            & (comparison.table[comparison.item] != EVERY_ITEM)]
    return _rows_html(comparison.item, rows, comparison.item)


def _rows_html(heading: str, rows: pd.DataFrame, first: str) -> str:
    shares = [c for c in rows if c.startswith("within_") and rows[c].notna().any()]
    numbers = {"mean": "mean", "mean_low": "from", "mean_high": "to", "median": "median", "sd": "SD", "min": "min",
               "p95": "95th percentile", "max": "max"}  # fmt: skip
    names = [heading, "count", "failed", *numbers.values(), *("≤ " + c[7:].replace("_", " ") for c in shares)]
    cells = [[escape(str(row[first])), str(row["count"]), str(row["failed"]), *(number_text(row[c]) for c in numbers),
              *(percent_text(row[c]) for c in shares)] for row in rows.to_dict("records")]
    return table_html(names, cells)
