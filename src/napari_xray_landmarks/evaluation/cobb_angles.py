"""Cobb angles against true ones: SMAPE, CMAE, limits of agreement."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from ..errors import FileError
from ..io.files import require_file
from ..spine.table import KEYS
from .angles import circular_mean_absolute_error, smape
from .cases import Case, image_source
from .comparison import Comparison, Measure, Pairs
from .curve_cases import curve_cases
from .matched import matched

COLUMNS = {curve: f"{key}_deg" for curve, key in KEYS.items()}


def read_angles(path) -> pd.DataFrame:
    """(films, curves) angles in degrees by image, of a table that `cobb` wrote; NaN where a cell is empty.

    Raises
    ------
    FileError
        If a column is missing, a number cannot be read, or an image stands twice.
    """
    path = require_file(path)
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        raise FileError(path, f"cannot be read as a table ({error})", "Give what `cobb` wrote") from error
    if missing := [c for c in ("image", *COLUMNS.values()) if c not in table]:
        raise FileError(path, f"has no column {missing[0]}", "Give what `cobb` wrote")
    if (twice := table["image"][table["image"].duplicated()]).size:
        raise FileError(path, f"has the image {twice.iloc[0]} twice", "Keep one row an image")
    try:
        angles = table[list(COLUMNS.values())].replace("", "nan").astype(float)
    except ValueError as error:
        raise FileError(path, f"holds an angle that is no number ({error})", "Correct the table") from error
    return angles.set_axis(list(COLUMNS), axis=1).set_axis(table["image"], axis=0)


def compare_angle_files(predicted, truth, *, thresholds=None, images=None, seed: int = 0) -> Comparison:
    """Compare two tables of Cobb angles; see `compare_angles`."""
    predicted, truth = Path(predicted), Path(truth)
    found, known = read_angles(predicted), read_angles(truth)
    pairs, _ = matched(predicted, dict.fromkeys(found.index), dict.fromkeys(known.index))
    case = curve_cases(predicted, truth, pairs, image_source(images, truth.parent, predicted.parent),
                       None if images is None else Path(images))
    return compare_angles(found, known, predicted=predicted, truth=truth, thresholds=thresholds, case=case, seed=seed)


def compare_angles(found: pd.DataFrame, known: pd.DataFrame, *, predicted: Path, truth: Path, thresholds=None,
                   case: Callable[[str], Case] | None = None, seed: int = 0) -> Comparison:
    """Compare (films, curves) angles in degrees, one row an image.

    SMAPE and CMAE (`evaluation.angles`) are over the films whose every angle is known on both sides.
    """
    pairs, notes = matched(predicted, dict.fromkeys(found.index), dict.fromkeys(known.index))
    one, true = found.loc[list(pairs.values())].to_numpy(float), known.loc[list(pairs)].to_numpy(float)
    if not np.isfinite(true).any():
        raise FileError(truth, "holds no angle", "Give a table with angles")
    errors = np.where(np.isfinite(true), np.where(np.isfinite(one), np.abs(one - true), np.inf), np.nan)
    rows = [{"image": image, "subject": image, "item": curve, "failed": bool(np.isinf(errors[i, j])),
             "error": errors[i, j]} for i, image in enumerate(pairs) for j, curve in enumerate(known.columns)]
    whole = np.isfinite(one).all(axis=1) & np.isfinite(true).all(axis=1)
    if not whole.all():
        notes.append(f"{int((~whole).sum())} of {len(whole)} films lack an angle on one side and are left out of SMAPE "
                     "and CMAE")
    headline = ()
    if whole.any():
        headline = (f"SMAPE {smape(one[whole], true[whole]):.2f} %",
                    f"CMAE {circular_mean_absolute_error(one[whole], true[whole]):.2f}°")
    agree = tuple(Pairs(curve, "°", one[:, j], true[:, j]) for j, curve in enumerate(known.columns))
    return Comparison("angles", predicted.name, truth.name, "curve", (Measure("error", "absolute error", "°"),),
                      pd.DataFrame(rows), headline, agree, tuple(notes),
                      **({} if thresholds is None else {"thresholds": thresholds}), case=case, seed=seed)
