"""Calibrate a model on validation films: conformal regions and the temperature of its confidence, in files."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from ..errors import InputError
from ..io.files import replacing
from ..models.confidence import KEY, READ_BY_OTHERS, temperature_of, tempered
from .conformal import Regions, regions_of, temperature
from .evaluation import Evaluation
from .statistics import reliability


def calibration(evaluation: Evaluation, coverage: float, *, seed: int = 0) -> dict:
    """Regions and temperature, as JSON's types.

    The calibration errors before and after temperature scaling are those of half of the subjects, with a temperature
    that the other half gave; the temperature that is given is that of all.

    Raises
    ------
    InputError
        The coverage is not between 0 and 1.
    """
    if not 0 < coverage < 1:
        raise InputError(f"--conformal {coverage:g}", "is no probability between 0 and 1", "For example 0.9")
    main = evaluation.errors[evaluation.errors["against"] == evaluation.reference]
    regions = regions_of(main, evaluation.unit, coverage, seed=seed)
    return {"regions": regions.to_header(), KEY: _temperature(evaluation, main, seed)}


def _temperature(evaluation: Evaluation, main, seed: int) -> dict | None:
    threshold, errors = evaluation.thresholds[evaluation.unit][0], main[f"error_{evaluation.unit}"]
    known = np.isfinite(main["confidence"]) & np.isfinite(errors)
    confidence, errors, subjects = (v[known].to_numpy() for v in (main["confidence"], errors, main["subject"]))
    if not len(confidence):
        return None
    right = errors <= threshold
    order = np.random.default_rng(seed).permutation(np.unique(subjects))
    first = np.isin(subjects, order[: len(order) // 2])
    values = {KEY: temperature(confidence, right), "tolerance": threshold, "unit": evaluation.unit,
              "before": None, "after": None, "films": hashlib.sha256(np.sort(confidence).tobytes()).hexdigest()[:16]}
    if first.any() and not first.all():
        cool = tempered(confidence, temperature(confidence[first], right[first]))
        for key, shown in (("before", confidence), ("after", cool)):
            values[key] = reliability(shown[~first], errors[~first], threshold).calibration_error
    return values


def write_calibration(values: dict, folder) -> Path:
    """Write `calibration.json` into a folder."""
    path = Path(folder) / "calibration.json"
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(values, indent=1, ensure_ascii=False), encoding="utf-8")
    return path


def write_into_model(values: dict, model) -> float | None:
    """Put regions and temperature into a model file's header: the regions are drawn where it detects, and its
    confidences are tempered.

    A model that has a temperature already predicted with it, so the new one comes on top; but the same confidences
    once more only take the place of what they gave before. Gives the temperature that the model has now; None where its
    method's confidences keep their own meaning.

    Raises
    ------
    InputError
        The model has none of these landmarks, or cannot be read or written.
    """
    from ..models import read_model_file, save_model

    header, tensors = read_model_file(model)
    if not set(values["regions"]["landmarks"]) & set(header.landmarks):
        raise InputError(model, "has none of the evaluated landmarks", "Give the model that predicted them")
    extra = {**header.extra, "regions": values["regions"]}
    if values[KEY] and header.method not in READ_BY_OTHERS:
        stored = header.extra.get(KEY)
        again = isinstance(stored, Mapping) and stored.get("films") == values[KEY]["films"]
        before = float(stored.get("first", 1.0)) if again else temperature_of(header)
        extra[KEY] = {**values[KEY], KEY: before * values[KEY][KEY], "first": before}
    header = replace(header, extra=extra)
    save_model(model, header, tensors)
    return None if header.method in READ_BY_OTHERS else temperature_of(header)


def regions_in(header) -> Regions | None:
    """The regions of a model's header; None where it has none, or they cannot be read."""
    try:
        return Regions.from_header(header.extra["regions"]) if "regions" in header.extra else None
    except ValueError:
        return None
