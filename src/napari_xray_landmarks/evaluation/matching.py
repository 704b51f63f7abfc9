"""Bring predictions and truths together, whatever file they come from."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd

from ..errors import FileError, listed
from ..io import load_landmarks, read_detections
from ..io.files import stem, suffix
from ..io.tables import columns_of
from ..landmarks import Contour, LandmarkSet
from ..training.dataset import TrainingSet, mean_of_annotators
from ..training.tables import read_marked_points, read_training_set
from .metrics import point_to_curve, radial_error

MEAN = "mean of annotators"
TRUTH = "truth"
SPACING_TOLERANCE = 0.01
ON_CONTOUR_PX = 2.0


@dataclass(frozen=True, eq=False)
class Marked:
    """The landmarks of one image, as detected or as people marked them.

    Parameters
    ----------
    image
        Its name in the file.
    by
        Landmarks by annotator, all in px or all in mm; one entry for a detector.
    spacing_mm
        (row, column) distance of pixel centres, or None where unknown.
    subject
        Whose image it is, "" where unknown.
    contours
        Outlines in pixels.
    named
        Whether the file says which image it is; one image's markups do not.
    """

    image: str
    by: Mapping[str, LandmarkSet]
    spacing_mm: tuple[float, float] | None = None
    subject: str = ""
    contours: tuple[Contour, ...] = field(default=())
    named: bool = True


def read_marked(path) -> dict[str, Marked]:
    """Predictions or truths by image.

    Parameters
    ----------
    path
        A detections CSV or a folder with one, a table of points with an `annotator` column, a training set's folder, or
        one image's `.mrk.json` or `.fcsv`, which is called after the file.

    Raises
    ------
    FileError
        If it is none of these, or damaged.
    """
    path = Path(path)
    if path.is_dir() and not (path / "images").is_dir() and (path / "landmarks.csv").is_file():
        path = path / "landmarks.csv"
    if path.is_dir() or (path.name == "landmarks.csv" and (path.parent / "images").is_dir()):
        return _of_training_set(read_training_set(path if path.is_dir() else path.parent))
    if suffix(path) == ".csv":
        return _of_annotators(path) if _has_annotators(path) else _of_detections(path)
    name, landmarks = stem(path), load_landmarks(path)
    if landmarks.points.shape[1] != 2:
        raise FileError(path, "holds points of a volume, not of a film", "Give landmarks of radiographs")
    return {name: Marked(name, {TRUTH: landmarks}, named=False)}


def _of_training_set(dataset: TrainingSet) -> dict[str, Marked]:
    found = {}
    for i, film in enumerate(dataset.films):
        points = dataset.points_px[:, i]
        by = {
            annotator or TRUTH: LandmarkSet(dataset.landmark_names, points[j])
            for j, annotator in enumerate(dataset.annotators)
            if np.isfinite(points[j]).any()
        }
        if by:
            contours = tuple(dataset.contours(film))
            found[film.name] = Marked(film.name, by, film.spacing_mm, film.subject, contours)
    return found


def _has_annotators(path: Path) -> bool:
    try:
        return "annotator" in columns_of(path)
    except OSError as error:
        raise FileError(path, f"cannot be read ({error.strerror})", "Check the path") from error


def _of_annotators(path: Path) -> dict[str, Marked]:
    found = {}
    for image, rows in read_marked_points(path).groupby("image", sort=False):
        by = {
            annotator or TRUTH: LandmarkSet(tuple(part["landmark"]), part[["row_px", "column_px"]].to_numpy(float))
            for annotator, part in rows.groupby("annotator", sort=False)
        }
        found[image] = Marked(image, by)
    return found


def _of_detections(path: Path) -> dict[str, Marked]:
    return {name: Marked(name, {TRUTH: d.landmarks}, d.spacing_mm) for name, d in read_detections(path).items()}


def of_annotator(path, marked: Mapping[str, Marked], annotator: str) -> dict[str, Marked]:
    """What one annotator marked.

    Raises
    ------
    FileError
        There is no such annotator.
    """
    found = {name: replace(one, by={annotator: one.by[annotator]}) for name, one in marked.items()
             if annotator in one.by}
    if not found:
        known = listed(dict.fromkeys(who for one in marked.values() for who in one.by))
        raise FileError(path, f"has no annotator {annotator!r}", f"Annotators are: {known}")
    return found


def without_annotator(path, marked: Mapping[str, Marked], annotator: str) -> dict[str, Marked]:
    """What the other annotators marked; FileError where there is none."""
    left = {name: replace(one, by={who: marks for who, marks in one.by.items() if who != annotator})
            for name, one in marked.items()}
    left = {name: one for name, one in left.items() if one.by}
    if not left:
        raise FileError(path, f"has no annotator but {annotator!r}", "Give the truth of somebody else")
    return left


def match_images(predicted: Mapping[str, Marked], truth: Mapping[str, Marked]) -> dict[str, str]:
    """The predicted image of each true one: of the same name, or the same name but for folders and endings.

    One image on either side is the same one, whatever the names, where a file does not say which image it is.
    """
    short = Counter(stem(name) for name in predicted)
    by_stem = {stem(name): name for name in predicted if short[stem(name)] == 1}
    short_truth = Counter(stem(name) for name in truth)
    pairs = {}
    for name in truth:
        if name in predicted:
            pairs[name] = name
        elif short_truth[stem(name)] == 1 and stem(name) in by_stem:
            pairs[name] = by_stem[stem(name)]
    if not pairs and len(predicted) == len(truth) == 1:
        (one, found), (other, known) = *predicted.items(), *truth.items()
        return {} if found.named and known.named else {other: one}
    return pairs


def references(marked: Marked, several: bool) -> dict[str, LandmarkSet]:
    """What to compare with: each annotator, and first their mean where the truth has several annotators."""
    if not several:
        return dict(marked.by)
    sets = list(marked.by.values())
    names = tuple(dict.fromkeys(name for s in sets for name in s.names))
    points = mean_of_annotators(np.stack([aligned(s, names) for s in sets]))
    return {MEAN: LandmarkSet(names, points, unit=sets[0].unit), **marked.by}


def compare(image: str, predicted: LandmarkSet, truth: LandmarkSet, spacing_mm, against: str) -> pd.DataFrame:
    """One row for each landmark that the truth has, NaN where the unit cannot be known or nothing was predicted.

    `error_px` and `error_mm`, which are infinite where nothing was predicted, and `off_row_px` and the like: true less
    predicted.
    """
    names = tuple(n for n, known in zip(truth.names, np.isfinite(truth.points).all(axis=1), strict=True) if known)
    errors, offsets = {}, {}
    for unit in ("px", "mm"):
        try:
            pair = [aligned(in_unit(marks, unit, spacing_mm), names) for marks in (predicted, truth)]
            errors[unit], offsets[unit] = radial_error(*pair), pair[1] - pair[0]
        except LookupError:
            errors[unit], offsets[unit] = np.full(len(names), np.nan), np.full((len(names), 2), np.nan)
    off = {f"off_{axis}_{unit}": o[:, i] for unit, o in offsets.items() for i, axis in enumerate(("row", "column"))}
    place = [predicted.names.index(n) if n in predicted.names else -1 for n in names]
    confidence, detected = np.append(predicted.confidence, np.nan), np.append(predicted.detected, False)
    return pd.DataFrame(
        {
            "against": against,
            "image": image,
            "landmark": names,
            "error_px": errors["px"],
            "error_mm": errors["mm"],
            "confidence": confidence[place],
            "detected": detected[place],
            **off,
        }
    )


def common_spacing(path, image: str, predicted, truth) -> tuple[float, float] | None:
    """The spacing that prediction and truth agree on, or that of the one that has it.

    Raises
    ------
    FileError
        If they differ by more than 1 %: millimetres of one are not those of the other.
    """
    if predicted is None or truth is None:
        return truth if predicted is None else predicted
    if not np.allclose(predicted, truth, rtol=SPACING_TOLERANCE, atol=0):
        problem = f"has a spacing of {predicted} mm for {image}, and the truth one of {truth} mm"
        raise FileError(path, problem, "Correct the spacing in one of them and detect again")
    return truth


def contour_errors(predicted: LandmarkSet, truth: LandmarkSet, marked: Marked, spacing_mm) -> np.ndarray:
    """Distances from the true outlines, in `spacing_mm` or px, of those landmarks whose true places lie on them."""
    scale = np.ones(2) if spacing_mm is None else np.array(spacing_mm)
    if not marked.contours or truth.unit != "px":
        return np.empty(0)
    places = aligned(truth, truth.names)
    on = np.min([point_to_curve(places, c.points, closed=c.closed) for c in marked.contours], axis=0) <= ON_CONTOUR_PX
    names = tuple(n for n, there in zip(truth.names, on, strict=True) if there)
    if not names:
        return np.empty(0)
    points = aligned(in_unit(predicted, "px", spacing_mm), names) * scale
    return np.min([point_to_curve(points, c.points * scale, closed=c.closed) for c in marked.contours], axis=0)


def in_unit(marks: LandmarkSet, unit: str, spacing_mm) -> LandmarkSet:
    """`marks` in that unit; LookupError where the spacing that it takes is unknown."""
    if marks.unit == unit:
        return marks
    if spacing_mm is None:
        raise LookupError("the spacing is unknown")
    return marks.in_mm(spacing_mm) if unit == "mm" else marks.in_px(spacing_mm)


def aligned(marks: LandmarkSet, names: tuple[str, ...]) -> np.ndarray:
    """(N, 2) points in the order of `names`, NaN for those that it lacks."""
    points = np.full((len(names), 2), np.nan)
    index = {name: i for i, name in enumerate(marks.names)}
    for i, name in enumerate(names):
        if name in index:
            points[i] = marks.points[index[name]]
    return points
