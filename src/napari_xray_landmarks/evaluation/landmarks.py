"""Landmarks in the form of every kind of evaluation: values, pairs of coordinates, worst cases."""

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd

from .cases import Case, ImageSource, film_pixels
from .comparison import Comparison, Measure, Pairs
from .matching import Marked, aligned, common_spacing, in_unit, references

DEFAULT_FAILURE = np.finfo(float).max


def landmark_comparison(errors: pd.DataFrame, unit: str, found: Mapping[str, Marked], known: Mapping[str, Marked],
                        pairs: Mapping[str, str], *, names: tuple[str, str], notes: tuple[str, ...], thresholds,
                        failure_above: float | None, source: ImageSource, seed: int) -> Comparison:
    """The comparison of landmarks with the first reference.

    Parameters
    ----------
    errors
        The rows of `evaluation.Evaluation.errors` of that reference.
    unit
        Of the results.
    found, known, pairs
        Predictions and truths by image, and the predicted image of each true one.
    names
        Of the files.
    failure_above
        Error of a landmark above which it failed; None counts those without a prediction.
    """
    values = pd.DataFrame({
        "image": errors["image"], "item": errors["landmark"], "subject": errors["subject"],
        "error": errors[f"error_{unit}"],
        "failed": errors[f"error_{unit}"] > (DEFAULT_FAILURE if failure_above is None else failure_above),
    })  # fmt: skip
    return Comparison("landmarks", *names, "landmark", (Measure("error", "radial error", unit),), values, (),
                      _coordinates(unit, found, known, pairs), notes, thresholds, _cases(found, known, pairs, source),
                      seed)


def _both(found: Mapping[str, Marked], known: Mapping[str, Marked], name: str, other: str):
    """Prediction and first reference of an image, and their spacing."""
    truth, prediction = known[name], next(iter(found[other].by.values()))
    several = len({annotator for marked in known.values() for annotator in marked.by}) > 1
    spacing = common_spacing("", name, found[other].spacing_mm, truth.spacing_mm)
    return prediction, next(iter(references(truth, several).values())), spacing


def _coordinates(unit: str, found, known, pairs) -> tuple[Pairs, ...]:
    """Rows and columns of all landmarks, as predicted and as they are."""
    places = []
    for name, other in pairs.items():
        prediction, truth, spacing = _both(found, known, name, other)
        places.append([aligned(in_unit(marks, unit, spacing), truth.names) for marks in (prediction, truth)])
    predicted, true = (np.concatenate(side) for side in zip(*places, strict=True))
    return tuple(Pairs(axis, unit, predicted[:, i], true[:, i]) for i, axis in enumerate(("row", "column")))


def _cases(found, known, pairs, source: ImageSource) -> Callable[[str], Case]:
    def case(name: str) -> Case:
        *sets, spacing = _both(found, known, name, pairs[name])
        unit = "px" if spacing is not None or all(s.unit == "px" for s in sets) else "mm"
        predicted, true = ({n: p for n, p in zip(s.names, in_unit(s, unit, spacing).points, strict=True)
                            if np.isfinite(p).all()} for s in sets)
        pixels = film_pixels(source(name)) if unit == "px" else None
        aspect = 1.0 if spacing is None or unit == "mm" else spacing[0] / spacing[1]
        return Case(name, pixels, true, {n: p for n, p in predicted.items() if n in true}, aspect=aspect)

    return case
