"""Evaluate, and write what was found: tables, plots and one page that needs nothing else."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import pandas as pd

from .. import __version__
from ..errors import FileError
from ..io.files import replacing
from .comparison import Comparison
from .evaluation import EVERY_LANDMARK, Evaluation, evaluate_files

PLOTS = ("cumulative_error", "per_landmark", "each_item", "reliability", "bland_altman")
STALE = {"annotators.csv", "errors.csv", "values.csv", "calibration.json",
         *(f"{name}.{kind}" for name in PLOTS for kind in ("png", "svg"))}  # fmt: skip
"""What an earlier report in the same folder may have and this one not."""


def evaluate(
    predicted,
    truth,
    output=None,
    *,
    kind: str | None = None,
    thresholds: Mapping[str, Sequence[float]] | None = None,
    failure_above: float | None = None,
    annotator: str | None = None,
    targets=None,
    images=None,
    seed: int = 0,
    progress=None,
    workers: int = 1,
    scheduler: str | None = None,
    retries: int = 0,
) -> Evaluation | Comparison:
    """Compare what was predicted with what is true, and write a report.

    Parameters
    ----------
    predicted, truth
        Two of a kind. Landmarks: a detections CSV or a folder with one, one image's markups, a training set's folder, a
        CSV of points with or without annotators. Contours: a CSV, markups or a folder of them, a training set with
        `contours/`. Labels: volumes or masks, or folders of them (or of a data set, its `masks/`). Angles: what `cobb`
        wrote. Poses: `.json` files, or folders of them.
    output
        A folder for `report.html`, `metrics.csv`, `metrics.json`, every value and plots; None writes nothing.
    kind
        One of `kinds.KINDS`; by default what the files hold.
    thresholds
        Of the shares within an error by unit: {"px": (10, 20, 30), "mm": (2, 2.5, 3, 4), "°": (2, 5, 10)} unless given.
    failure_above
        Error above which an image (of landmarks: its mean error) or a pose (its mTRE) failed.
    annotator
        Whose landmarks of PREDICTED are evaluated, where it has several annotators; against the others, where PREDICTED
        is the truth.
    targets
        Of poses: markups of points in space.
    images
        A folder with the images, for pictures of the worst cases, where the truth has none.
    seed
        Of the intervals.
    progress
        Called as `progress(fraction, image)` while labels are compared, which takes long; may raise `errors.Cancelled`.
    workers, scheduler, retries
        Of labels: who compares the images, as of `shape.workers.outcomes`.

    Returns
    -------
    evaluation
        An `Evaluation` of landmarks, otherwise a `Comparison`.

    Raises
    ------
    FileError
        If a file cannot be read or written, they share no image or landmark, or px and mm cannot be brought together.
    """
    from .kinds import common_kind

    kind = common_kind(predicted, truth, kind)
    common = {"thresholds": thresholds, "images": images, "seed": seed}
    if kind == "landmarks":
        found = evaluate_files(predicted, truth, failure_above=failure_above, annotator=annotator, **common)
    elif kind == "poses":
        from .poses import compare_pose_files

        found = compare_pose_files(predicted, truth, targets=targets, failure_above=failure_above, **common)
    else:
        hands = {"workers": workers, "scheduler": scheduler, "retries": retries}
        more = {"progress": progress, **hands} if kind == "labels" else {}
        found = _comparer(kind)(predicted, truth, **common, **more)
    if output is not None:
        write_report(found, output)
    return found


def _comparer(kind: str):
    from .cobb_angles import compare_angle_files
    from .contours import compare_contour_files
    from .labels import compare_label_files

    return {"angles": compare_angle_files, "contours": compare_contour_files, "labels": compare_label_files}[kind]


def write_report(found: Evaluation | Comparison, output) -> Path:
    """Write tables, plots and `report.html` into a folder; gives the path of the page."""
    folder, files = Path(output), report_files(found)
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


def report_files(found: Evaluation | Comparison) -> dict[str, bytes]:
    """The files of a report by name."""
    from . import comparison_page, landmark_page
    from .comparison_plots import comparison_plots
    from .plots import drawn, plots, svg_fragment

    if isinstance(found, Evaluation):
        general, page, figures = found.comparison, landmark_page.page, plots(found)
        figures |= {k: v for k, v in comparison_plots(general).items() if k == "bland_altman"}
        tables, values = {"metrics.csv": found.metrics, "errors.csv": found.errors}, metrics_values(found)
        tables |= {} if found.annotators.empty else {"annotators.csv": found.annotators}
    else:
        general, page, figures = found, comparison_page.page, comparison_plots(found)
        tables, values = {"metrics.csv": found.table, "values.csv": found.values}, comparison_values(found)
    pictures = {f"{name}.{kind}": drawn(figure, kind) for name, figure in figures.items() for kind in ("png", "svg")}
    html = page(found, {name: svg_fragment(pictures[f"{name}.svg"]) for name in figures})
    return {
        **{name: _csv(table) for name, table in ({"images.csv": general.by_image} | tables).items()},
        "metrics.json": json.dumps(values, indent=1, ensure_ascii=False).encode(),
        **pictures,
        "report.html": html.encode(),
    }


def comparison_values(found: Comparison) -> dict:
    """All numbers of a comparison in JSON's types; null where a number is unknown."""
    from .comparison_page import sentences

    values = {
        "kind": found.kind,
        "predicted": found.predicted,
        "truth": found.truth,
        "images": len(found.images),
        "failure_rate": found.failure_rate,
        "summary": sentences(found),
        "metrics": found.table.to_dict("records"),
        "agreement": _agreements(found),
        "thresholds": {unit: list(t) for unit, t in found.thresholds.items()},
        "notes": list(found.notes),
        "package_version": __version__,
    }
    return _without_nan(values)


def _agreements(found: Comparison) -> dict[str, dict]:
    """Limits of agreement by quantity."""
    from .agreement import agreement
    from .comparison_plots import known_pairs

    return {p.name: asdict(agreement(p.predicted, p.true)) for p in found.pairs if known_pairs(p) >= 2}


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
        "failure_rate": evaluation.comparison.failure_rate,
        "agreement": _agreements(evaluation.comparison),
        "thresholds": {unit: list(t) for unit, t in evaluation.thresholds.items()},
        "notes": list(evaluation.notes),
        "package_version": __version__,
    }
    return _without_nan(values)


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
