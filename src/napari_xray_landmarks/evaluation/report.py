"""Evaluate, and write what was found: tables, plots and one page that needs nothing else."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from html import escape
from pathlib import Path

import pandas as pd

from .. import __version__
from ..errors import FileError
from ..io.files import replacing
from .evaluation import EVERY_LANDMARK, Evaluation, evaluate_files

STALE = {"annotators.csv", "reliability.png", "reliability.svg"}
"""What an earlier report in the same folder may have and this one not."""

CSS = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60em; margin: 2em auto; padding: 0 1em; color: #1c1c1c; }
h1 { font-size: 1.5em; } h2 { font-size: 1.15em; margin-top: 2em; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; display: block; overflow-x: auto; }
th, td { padding: .25em .7em; text-align: right; border-bottom: 1px solid #ddd; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; } .big { font-size: 1.3em; } .note { color: #8a4b00; }
svg { max-width: 100%; height: auto; }
"""


def evaluate(
    predicted,
    truth,
    output=None,
    *,
    thresholds: Mapping[str, Sequence[float]] | None = None,
    failure_above: float | None = None,
    seed: int = 0,
) -> Evaluation:
    """Compare predicted landmarks with true ones, and write a report.

    Parameters
    ----------
    predicted
        A detections CSV, or one image's markups.
    truth
        A training set's folder, a CSV of points with or without annotators, or one image's markups.
    output
        A folder for `report.html`, `metrics.csv`, `metrics.json`, `errors.csv` and plots; None writes nothing.
    thresholds
        Of the detection rates by unit: {"px": (10, 20, 30), "mm": (2, 2.5, 3, 4)} unless given.
    failure_above
        Mean error of an image above which it counts as failed in the table rows.
    seed
        Of the intervals.

    Raises
    ------
    FileError
        If a file cannot be read or written, they share no image or landmark, or px and mm cannot be brought together.
    """
    evaluation = evaluate_files(predicted, truth, thresholds=thresholds, failure_above=failure_above, seed=seed)
    if output is not None:
        write_report(evaluation, output)
    return evaluation


def write_report(evaluation: Evaluation, output) -> Path:
    """Write tables, plots and `report.html` into a folder; gives the path of the page."""
    from .plots import drawn, plots, svg_fragment

    folder = Path(output)
    figures = plots(evaluation)
    pictures = {f"{name}.{kind}": drawn(figure, kind) for name, figure in figures.items() for kind in ("png", "svg")}
    html = page(evaluation, {name: svg_fragment(pictures[f"{name}.svg"]) for name in figures})
    files = {
        "metrics.csv": _csv(evaluation.metrics),
        "errors.csv": _csv(evaluation.errors),
        "metrics.json": json.dumps(metrics_values(evaluation), indent=1, ensure_ascii=False).encode(),
        **pictures,
        "report.html": html.encode(),
    }
    if not evaluation.annotators.empty:
        files["annotators.csv"] = _csv(evaluation.annotators)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileError(folder, f"cannot be made a folder ({error.strerror})", "Choose another folder") from error
    for name in STALE - set(files):
        (folder / name).unlink(missing_ok=True)
    for name, data in files.items():
        with replacing(folder / name) as temporary:
            temporary.write_bytes(data)
    return folder / "report.html"


def metrics_values(evaluation: Evaluation) -> dict:
    """All numbers of an evaluation in JSON's types; null where a number is unknown."""
    headline = {}
    for unit in ("px", "mm"):
        rows = evaluation.metrics
        rows = rows[(rows["against"] == evaluation.reference) & (rows["landmark"] == EVERY_LANDMARK)]
        rows = rows[rows["unit"] == unit]
        complete = not evaluation.errors[f"error_{unit}"].isna().any()
        row = rows.iloc[0] if len(rows) and complete else {}
        headline |= {f"{key}_radial_error_{unit}": row.get(key) for key in ("mean", "median")}
    found = evaluation.reliability
    values = {
        "predicted": evaluation.predicted,
        "truth": evaluation.truth,
        "unit": evaluation.unit,
        "against": evaluation.reference,
        "images": evaluation.images.images,
        "landmarks": int(evaluation.headline["count"]),
        **headline,
        "metrics": evaluation.metrics.to_dict("records"),
        "annotators": evaluation.annotators.to_dict("records"),
        "image_mean_error": asdict(evaluation.images),
        "point_to_curve": None if evaluation.point_to_curve is None else asdict(evaluation.point_to_curve),
        "reliability": None if found is None else asdict(found),
        "thresholds": {unit: list(t) for unit, t in evaluation.thresholds.items()},
        "notes": list(evaluation.notes),
        "package_version": __version__,
    }
    return _without_nan(values)


def page(evaluation: Evaluation, svgs: Mapping[str, str]) -> str:
    """The report as one HTML page that loads nothing; every text of the user's is escaped."""
    unit, headline = evaluation.unit, evaluation.headline
    count = f"{int(headline['count'])} landmarks in {evaluation.images.images} images"
    title = f"{evaluation.predicted} against {evaluation.truth}"
    interval = f"95 % interval {number_text(headline['mean_low'])} to {number_text(headline['mean_high'])}"
    parts = [
        f"<h1>{escape(title)}</h1>",
        f"<p class=big>Mean radial error <b>{number_text(headline['mean'])} {unit}</b> ({interval}), "
        f"median {number_text(headline['median'])} {unit}</p>",
        f"<p>{count}, against {escape(evaluation.reference)}. Intervals are of the mean, drawn by subject.</p>",
        *[f"<p class=note>Note: {escape(note)}.</p>" for note in evaluation.notes],
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
              "reliability": "What the confidence is worth"}  # fmt: skip
    for name, svg in svgs.items():
        parts += [f"<h2>{titles[name]}</h2>", svg]
        if name == "reliability":
            parts += [_reliability_html(evaluation)]
    rows = evaluation.metrics[evaluation.metrics["against"] == evaluation.reference]
    rows = rows[(rows["landmark"] != EVERY_LANDMARK) & (rows["unit"] == unit)]
    parts += ["<h2>Each landmark</h2>", _metrics_html(rows, "landmark")]
    parts += [f"<p>napari-xray-landmarks {__version__}. Not for clinical use.</p>"]
    head = f"<meta charset=utf-8><title>{escape(title)}</title><style>{CSS}</style>"
    return f'<!doctype html><html lang="en"><head>{head}</head><body>\n' + "\n".join(parts) + "\n</body></html>\n"


def _metrics_html(rows: pd.DataFrame, first: str) -> str:
    shares = [c for c in rows.columns if c.startswith("within_") and rows[c].notna().any()]
    columns = {"unit": "unit", "count": "landmarks", "missing": "missing", "mean": "mean", "mean_low": "from",
               "mean_high": "to", "median": "median", "sd": "SD", "p95": "95th percentile", "max": "max"}  # fmt: skip
    names = [first, *columns.values(), *(c.removeprefix("within_").join(("≤ ", "")).replace("_", " ") for c in shares)]
    cells = [
        [escape(str(row[first])), *(_cell(row[c]) for c in columns), *(percent_text(row[c]) for c in shares)]
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


def table_html(names: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in names)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _cell(value) -> str:
    return escape(str(value)) if isinstance(value, (str, int)) else number_text(value)


def number_text(value: float) -> str:
    return f"{value:.2f}" if math.isfinite(value) else "–"


def percent_text(value: float) -> str:
    return f"{100 * value:.1f} %" if math.isfinite(value) else "–"


def _csv(table: pd.DataFrame) -> bytes:
    return table.to_csv(index=False, lineterminator="\n").encode()


def _without_nan(value):
    if isinstance(value, Mapping):
        return {str(key): _without_nan(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_nan(item) for item in value]
    if hasattr(value, "item"):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
