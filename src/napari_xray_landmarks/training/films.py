"""Read the films of a training set one by one, and check that they and their landmarks fit together."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ..errors import FileError, listed
from ..imaging import Radiograph
from ..io import load_image, read_contours
from ..landmarks import Contour
from .dataset import Film, TrainingSet


def load_film(path: Path) -> Radiograph:
    """The film in a file; FileError where it holds something else."""
    image = load_image(path)
    if not isinstance(image, Radiograph):
        raise FileError(path, f"is a {type(image).__name__.lower()}, not a film", "Leave it out")
    return image


def read_film(film: Film) -> Radiograph:
    """Read one film, called by its table name; the table has the last word on its spacing.

    Raises
    ------
    FileError
        If the file cannot be read or is no radiograph.
    """
    image = replace(load_film(film.path), name=film.name)
    if film.spacing_mm is None:
        return image
    return replace(image, spacing_mm=film.spacing_mm, spacing_source="images.csv")


def read_film_contours(folder: Path, film: Film) -> list[Contour]:
    """The outlines of one film in pixels, from `contours/` in the training set's folder; none where there is no file.

    Raises
    ------
    FileError
        If the file is damaged, of curves in space, or in mm while the film's spacing is unknown.
    """
    path = folder / "contours" / f"{Path(film.name).stem}.mrk.json"
    contours = read_contours(path) if path.is_file() else []
    if any(contour.points.shape[1] != 2 for contour in contours):
        raise FileError(path, "holds curves in space, which have no pixel of a radiograph", "Save the film's own")
    if all(contour.unit == "px" for contour in contours):
        return contours
    spacing_mm = film.spacing_mm or read_film(film).spacing_mm
    if spacing_mm is None:
        raise FileError(path, f"is in mm, and the spacing of {film.name} is unknown", "Give it in images.csv")
    return [c if c.unit == "px" else replace(c, points=c.points / np.array(spacing_mm), unit="px") for c in contours]


@dataclass(frozen=True)
class Problem:
    """Something about one film that training would trip over.

    Parameters
    ----------
    kind
        "unreadable", "outside" (landmarks beyond the image), "missing" (landmarks not marked) or "unmarked" (none at
        all).
    film
        The film's name.
    line
        What is wrong, with the values.
    remedy
        What to do about it.
    """

    kind: str
    film: str
    line: str
    remedy: str


def find_problems(dataset: TrainingSet, *, progress=None) -> list[Problem]:
    """Open every film, one at a time, and list what is wrong with it."""
    problems = []
    for i, film in enumerate(dataset.films):
        if progress is not None:
            progress(i / len(dataset), f"checking {film.name}")
        problems += _marking_problems(dataset, i)
        try:
            shape = read_film(film).shape
        except FileError as error:
            problems.append(Problem("unreadable", film.name, error.problem, error.remedy or "Replace or remove it"))
            continue
        problems += _outside_problems(dataset, i, shape)
    return problems


def validate(dataset: TrainingSet, *, allow: tuple[str, ...] = ("missing", "unmarked"), progress=None) -> list[Problem]:
    """Refuse a training set that would fail halfway.

    Parameters
    ----------
    allow
        Kinds of problem to tolerate.

    Returns
    -------
    problems
        Those that were tolerated, to tell the user about.

    Raises
    ------
    FileError
        For the first problem that is not tolerated, with the number of others.
    """
    problems = find_problems(dataset, progress=progress)
    refused = [p for p in problems if p.kind not in allow]
    if refused:
        first, more = refused[0], len(refused) - 1
        rest = f" (and {more} more problem{'s' * (more > 1)} in this set)" if more else ""
        raise FileError(dataset.film(first.film).path, first.line + rest, first.remedy)
    return problems


def _marking_problems(dataset: TrainingSet, at: int) -> list[Problem]:
    film, problems = dataset.films[at], []
    marked = np.isfinite(dataset.points_px[:, at]).all(axis=-1)
    if not marked.any():
        return [Problem("unmarked", film.name, "has no landmarks", "Mark it, or remove it from images/")]
    for annotator, found in zip(dataset.annotators, marked, strict=True):
        if found.any() and not found.all():
            names = [name for name, there in zip(dataset.landmark_names, found, strict=True) if not there]
            line = f"lacks {listed(names, 3, '; ')}" + (f" by {annotator}" if annotator else "")
            problems.append(Problem("missing", film.name, line, "Mark them in landmarks.csv"))
    return problems


def _outside_problems(dataset: TrainingSet, at: int, shape: tuple[int, int]) -> list[Problem]:
    film, problems = dataset.films[at], []
    limits = np.array(shape) - 0.5
    for annotator, points in zip(dataset.annotators, dataset.points_px[:, at], strict=True):
        with np.errstate(invalid="ignore"):
            outside = ((points < -0.5) | (points > limits)).any(axis=-1)
        if outside.any():
            placed = [
                f"{name} at row {row:g}, column {column:g}"
                for name, (row, column), out in zip(dataset.landmark_names, points, outside, strict=True)
                if out
            ]
            by = f" by {annotator}" if annotator else ""
            line = f"{listed(placed, 3, '; ')}{by} outside the image of {shape[0]} rows and {shape[1]} columns"
            problems.append(Problem("outside", film.name, line, "Correct or remove the rows in landmarks.csv"))
    return problems
