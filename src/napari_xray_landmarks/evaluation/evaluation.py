"""From predictions and truths to errors, metrics and what they rest on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd

from ..errors import FileError, listed
from ..io.files import stem
from .cases import ImageSource, image_source
from .comparison import Comparison
from .landmarks import landmark_comparison
from .matching import (
    Marked,
    common_spacing,
    compare,
    contour_errors,
    match_images,
    of_annotator,
    read_marked,
    references,
    without_annotator,
)
from .statistics import PairedTest, Reliability, TableRow, paired_test, reliability, summary, table_row

THRESHOLDS = {"px": (10.0, 20.0, 30.0), "mm": (2.0, 2.5, 3.0, 4.0)}
EVERY_LANDMARK = "all"


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What an evaluation found.

    Parameters
    ----------
    predicted, truth
        The files' names.
    unit
        "mm" where every image's spacing is known, otherwise "px": the unit of headline, plots and table rows.
    errors
        One row for each image, landmark and reference: `against`, `image`, `landmark`, `error_px`, `error_mm`,
        `confidence`, `detected`, `subject`. Infinite where a prediction is missing, NaN where the unit is unknown.
    metrics
        One row for each reference, landmark (and "all") and unit.
    annotators
        The same of the annotators against each other; empty where there is one.
    images
        The paper's table row of the images' mean radial errors, against the first reference.
    point_to_curve
        The same of the mean distances from the true outlines; None where the truth has none.
    reliability
        Of the confidences; None where there are none.
    notes
        What a reader must know: unmatched images, missing spacings.
    thresholds
        Of the detection rates, by unit.
    comparison
        The same in the form of every kind of evaluation, with the worst cases; against the first reference.
    """

    predicted: str
    truth: str
    unit: str
    errors: pd.DataFrame
    metrics: pd.DataFrame
    annotators: pd.DataFrame
    annotator_errors: pd.DataFrame
    images: TableRow
    point_to_curve: TableRow | None
    reliability: Reliability | None
    notes: tuple[str, ...] = ()
    thresholds: Mapping[str, Sequence[float]] = field(default_factory=lambda: dict(THRESHOLDS))
    comparison: Comparison | None = None

    @property
    def reference(self) -> str:
        """What the headline compares with: the only truth, or the mean of the annotators."""
        return self.metrics["against"].iloc[0]

    @property
    def headline(self) -> pd.Series:
        """The metrics of all landmarks against the first reference, in `unit`."""
        return self.row(self.reference)

    def row(self, against: str, landmark: str = EVERY_LANDMARK, unit: str | None = None) -> pd.Series:
        """One row of `metrics`, without the other unit's shares; KeyError where there is none."""
        unit, table = unit or self.unit, self.metrics
        found = table[(table["against"] == against) & (table["landmark"] == landmark)]
        found = found[found["unit"] == unit]
        if found.empty:
            raise KeyError((against, landmark, unit))
        return found.iloc[0].drop([c for c in table if c.startswith("within") and not c.endswith(f"_{unit}")])

    def image_means(self, against: str | None = None) -> pd.Series:
        """Mean error of each image in `unit`; infinite where nothing was predicted in it."""
        return image_means(self.errors[self.errors["against"] == (against or self.reference)], self.unit)


def evaluate_files(predicted, truth, *, annotator: str | None = None, images=None, **options) -> Evaluation:
    """Compare predicted landmarks with true ones; parameters and errors are those of `report.evaluate`."""
    predicted_path, truth_path = Path(predicted), Path(truth)
    found, known = read_marked(predicted_path), read_marked(truth_path)
    if annotator is not None:
        found = of_annotator(predicted_path, found, annotator)
        if predicted_path.resolve() == truth_path.resolve():
            known = without_annotator(truth_path, known, annotator)
    source = image_source(images, truth_path, predicted_path)
    evaluation = evaluate_marked(found, known, predicted_path, truth_path, source=source, **options)
    if annotator is None:
        return evaluation
    title = f"{annotator} in {evaluation.predicted}"
    return replace(evaluation, predicted=title, comparison=replace(evaluation.comparison, predicted=title))


def evaluate_marked(
    found: Mapping[str, Marked], known: Mapping[str, Marked], predicted_path: Path, truth_path: Path, *,
    thresholds: Mapping[str, Sequence[float]] | None = None, failure_above=None, seed: int = 0,
    source: ImageSource = lambda _: None,
) -> Evaluation:  # fmt: skip
    """Compare landmarks that are in memory, by image; the paths are what messages call them."""
    pairs = match_images(found, known)
    if not pairs:
        names = f"{listed(found)}, and those of {truth_path} are {listed(known)}"
        raise FileError(
            predicted_path, f"shares no image with the truth: its images are {names}", "Use one's own truth"
        )
    thresholds = {**THRESHOLDS, **(thresholds or {})}
    errors, between, outlines = _all_errors(predicted_path, pairs, found, known)
    unit = _unit(predicted_path, errors)
    main = errors[errors["against"] == errors["against"].iloc[0]]
    threshold = thresholds[unit][0]
    return Evaluation(
        predicted_path.name,
        truth_path.resolve().name,
        unit,
        errors,
        metrics_table(errors, thresholds, seed),
        metrics_table(between, thresholds, seed),
        between,
        table_row(image_means(main, unit), failure_above=failure_above),
        table_row(outlines[unit], failure_above=failure_above) if outlines[unit] else None,
        reliability(main["confidence"], main[f"error_{unit}"], threshold),
        notes := tuple(_notes(pairs, found, known, errors)),
        thresholds,
        landmark_comparison(main, unit, found, known, pairs, names=(predicted_path.name, truth_path.resolve().name),
                            notes=notes, thresholds=thresholds, failure_above=failure_above, source=source, seed=seed),
    )


def _all_errors(path: Path, pairs, found, known) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, list[float]]]:
    """Errors against every reference, of the annotators against each other, and each image's distance from outlines."""
    errors, between, outlines = [], [], {"px": [], "mm": []}
    several = len({annotator for marked in known.values() for annotator in marked.by}) > 1
    for name, partner in pairs.items():
        truth, prediction = known[name], _single(path, found[partner])
        spacing = common_spacing(path, name, found[partner].spacing_mm, truth.spacing_mm)
        sets = references(truth, several)
        for against, marks in sets.items():
            errors.append(compare(name, prediction, marks, spacing, against).assign(subject=truth.subject or name))
        for one, other in combinations(truth.by, 2):
            rows = compare(name, truth.by[one], truth.by[other], spacing, f"{one} against {other}")
            between.append(rows[np.isfinite(rows["error_px"])].assign(subject=truth.subject or name))
        first = next(iter(sets.values()))
        for unit, scale in (("px", None), ("mm", spacing)):
            distances = contour_errors(prediction, first, truth, scale)
            if distances.size and (unit == "px" or spacing is not None):
                outlines[unit].append(float(distances.mean()))
    table = pd.concat(errors, ignore_index=True)
    names = dict.fromkeys(n for partner in pairs.values() for n in _single(path, found[partner]).names)
    if not set(table["landmark"]) & set(names):
        both = f"{listed(names)}, and the true ones are {listed(table['landmark'].unique())}"
        raise FileError(
            path, f"shares no landmark with the truth: its landmarks are {both}", "Give the truth of these landmarks"
        )
    order = {against: i for i, against in enumerate(dict.fromkeys(table["against"]))}
    table = table.sort_values("against", key=lambda column: column.map(order), kind="stable", ignore_index=True)
    return table, pd.concat(between, ignore_index=True) if between else table.iloc[:0], outlines


def _single(path: Path, marked: Marked):
    if len(marked.by) > 1:
        raise FileError(path, f"holds several annotators of {marked.image}", "Give predictions first, then the truth")
    return next(iter(marked.by.values()))


def _unit(path: Path, errors: pd.DataFrame) -> str:
    """mm where all errors are known in mm, px where all are known in px."""
    for unit in ("mm", "px"):
        if not errors[f"error_{unit}"].isna().any():
            return unit
    image = errors["image"][errors["error_px"].isna()].iloc[0]
    problem = f"{image} is in mm on one side and in px of unknown spacing on the other, or images differ in their units"
    raise FileError(path, problem, "Give the spacing in images.csv")


def image_means(errors: pd.DataFrame, unit: str) -> pd.Series:
    """Mean error of each image's predicted landmarks; infinite where none of them was predicted."""
    values = errors[f"error_{unit}"]
    finite = values.where(np.isfinite(values))
    means = finite.groupby(errors["image"], sort=False).mean()
    known = values.notna().groupby(errors["image"], sort=False).any()
    return means.where(means.notna() | ~known, np.inf)


def metrics_table(errors: pd.DataFrame, thresholds: Mapping[str, Sequence[float]], seed: int) -> pd.DataFrame:
    """One row for each reference, landmark and unit that is known; `within_2_mm` and the like are shares."""
    rows = []
    for against, part in errors.groupby("against", sort=False):
        groups = [(EVERY_LANDMARK, part), *part.groupby("landmark", sort=False)]
        for landmark, group in groups:
            for unit in ("px", "mm"):
                values = group[f"error_{unit}"]
                if values.notna().any():
                    numbers = summary(values, thresholds[unit], clusters=group["subject"], seed=seed)
                    named = {f"{k}_{unit}" if k.startswith("within") else k: v for k, v in numbers.items()}
                    images = group["image"][values.notna()].nunique()
                    rows.append({"against": against, "landmark": landmark, "unit": unit, "images": images} | named)
    return pd.DataFrame(rows)


def _notes(pairs, found, known, errors: pd.DataFrame) -> list[str]:
    notes = []
    if different := [(name, partner) for name, partner in pairs.items() if stem(name) != stem(partner)]:
        notes.append("{1} is taken for the image of {0}: there is one image on either side".format(*different[0]))
    if left := [name for name in known if name not in pairs]:
        notes.append(f"{len(left)} of {len(known)} true images have no prediction and are left out: {listed(left)}")
    if left := [name for name in found if name not in pairs.values()]:
        notes.append(f"{len(left)} of {len(found)} predicted images have no truth and are left out: {listed(left)}")
    without = errors["image"][errors["error_mm"].isna()].unique()
    if 0 < len(without) < len(pairs):
        notes.append(f"the spacing of {len(without)} of {len(pairs)} images is unknown: results are in px, and rows in "
                     f"mm leave these out: {listed(without)}")  # fmt: skip
    elif len(without):
        notes.append("no pixel spacing is known: results are in pixels")
    first = errors[errors["against"] == errors["against"].iloc[0]]
    if missing := int(np.isinf(first["error_px"].fillna(first["error_mm"])).sum()):
        notes.append(
            f"{missing} of {len(first)} true landmarks have no prediction: they count as missed in the shares, and are "
            "left out of the means"
        )
    if guessed := int((~first["detected"]).sum()) - missing:
        notes.append(f"{guessed} landmarks count although they were not detected: their rows hold best guesses")
    return notes


def compare_methods(first: Evaluation, second: Evaluation) -> PairedTest:
    """Paired test of two methods' mean errors on the images that both were evaluated on.

    Raises
    ------
    ValueError
        If one is in px and the other in mm.
    """
    if first.unit != second.unit:
        raise ValueError(f"one evaluation is in {first.unit}, the other in {second.unit}")
    one, other = first.image_means().align(second.image_means(), join="inner")
    return paired_test(one.to_numpy(), other.to_numpy())
