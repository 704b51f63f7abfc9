"""A training set: films with landmarks in the layout of folders and tables that users prepare.

    images/         PNG, JPEG, TIFF or DICOM
    landmarks.csv   image,landmark,row_px,column_px and optional annotator
    images.csv      optional: image,spacing_mm,subject,split; one subject never crosses splits
    about.json      optional: name, anatomy, licence, citation, schema {pairs, subshapes, closed}
    contours/       optional: <image name without ending>.mrk.json
    masks/          optional: <image name without ending>.png

Films are read one at a time, when they are asked for.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from ..errors import InputError
from ..imaging import Radiograph
from ..landmarks import Contour, LandmarkSet

SINGLE_ANNOTATOR = ""


@dataclass(frozen=True)
class Film:
    """One image of a training set.

    Parameters
    ----------
    name
        The name of its file, as in the tables.
    path
        The file.
    spacing_mm
        (row, column) distance of pixel centres from `images.csv`; None where the table gives none.
    subject
        Whose film it is; the film's own name where the table does not say.
    split
        "train", "test", ...; "" where the table does not say.
    """

    name: str
    path: Path
    spacing_mm: tuple[float, float] | None = None
    subject: str = ""
    split: str = ""


@dataclass(frozen=True, eq=False)
class TrainingSet:
    """Films and what people marked in them.

    Parameters
    ----------
    folder
        Where it is.
    films
        In the order of their names.
    landmark_names
        In the order of every array.
    annotators
        Who marked them; one empty name where the table does not say.
    points_px : (annotators, films, landmarks, 2) array
        (row, column); NaN where an annotator left a landmark out.
    about
        What `about.json` says: name, anatomy, licence, citation, schema.
    """

    folder: Path
    films: tuple[Film, ...]
    landmark_names: tuple[str, ...]
    annotators: tuple[str, ...]
    points_px: np.ndarray
    about: Mapping = field(default_factory=dict)

    def __post_init__(self):
        expected = (len(self.annotators), len(self.films), len(self.landmark_names), 2)
        if self.points_px.shape != expected:
            raise ValueError(f"points_px must have shape {expected}, got {self.points_px.shape}")
        self.points_px.flags.writeable = False

    def __len__(self) -> int:
        return len(self.films)

    @cached_property
    def _positions(self) -> dict[str, int]:
        return {film.name: i for i, film in enumerate(self.films)}

    @cached_property
    def subjects(self) -> tuple[str, ...]:
        """Every subject once, sorted."""
        return tuple(sorted({film.subject for film in self.films}))

    def film(self, name: str) -> Film:
        """The film of that name; KeyError where there is none."""
        return self.films[self._positions[name]]

    def points_of(self, annotator: str | None = None) -> np.ndarray:
        """(films, landmarks, 2) points in pixels, of one annotator, or the mean of those who marked each landmark."""
        if annotator is None:
            return mean_of_annotators(self.points_px)
        if annotator not in self.annotators:
            known = ", ".join(repr(a) for a in self.annotators)
            raise InputError(self.folder, f"there is no annotator {annotator!r}", f"Annotators are: {known}")
        return self.points_px[self.annotators.index(annotator)]

    def landmarks(self, film: Film | str, annotator: str | None = None) -> LandmarkSet:
        """The landmarks in one film, in pixels: one annotator's, or the mean."""
        at = self._positions[film if isinstance(film, str) else film.name]
        points = self.points_px[:, at : at + 1] if annotator is None else self.points_of(annotator)[None, at : at + 1]
        return LandmarkSet(self.landmark_names, mean_of_annotators(points)[0])

    def radiograph(self, film: Film | str) -> Radiograph:
        """Read one film; `images.csv` has the last word on its spacing, and a film is called by its table name.

        Raises
        ------
        FileError
            If the file cannot be read or is no radiograph.
        """
        from .films import read_film

        return read_film(self.film(film) if isinstance(film, str) else film)

    def contours(self, film: Film | str) -> list[Contour]:
        """The outlines of one film in pixels; none where it has no file under `contours/`.

        Raises
        ------
        FileError
            If the file is damaged, or in mm while the film's spacing is unknown.
        """
        from .films import read_film_contours

        return read_film_contours(self.folder, self.film(film) if isinstance(film, str) else film)

    def mask_path(self, film: Film | str) -> Path | None:
        """The file of one film's mask, or None."""
        stem = Path(film if isinstance(film, str) else film.name).stem
        return next((p for p in sorted((self.folder / "masks").glob("*")) if p.stem == stem), None)

    def __iter__(self) -> Iterator[tuple[Film, Radiograph, LandmarkSet]]:
        """Each film that has landmarks, read when it is its turn, with the mean of its annotators."""
        for film in self.films:
            landmarks = self.landmarks(film)
            if landmarks.detected.any():
                yield film, self.radiograph(film), landmarks

    def subset(self, names: Sequence[str]) -> "TrainingSet":
        """The films of these names, in their order."""
        at = [self._positions[name] for name in names]
        return replace(self, films=tuple(self.films[i] for i in at), points_px=self.points_px[:, at])

    def of_split(self, split: str) -> "TrainingSet":
        """The films of one split of `images.csv`.

        Raises
        ------
        InputError
            If no film is of that split.
        """
        names = [film.name for film in self.films if film.split == split]
        if not names:
            known = ", ".join(sorted({repr(film.split) for film in self.films if film.split})) or "none"
            raise InputError(self.folder, f"no film is of the split {split!r}", f"Splits in images.csv: {known}")
        return self.subset(names)


def mean_of_annotators(points: np.ndarray) -> np.ndarray:
    """Mean over the first axis of those that are not NaN; NaN where all are.

    Parameters
    ----------
    points : (annotators, ..., 2) array
    """
    known = np.isfinite(points).all(axis=-1, keepdims=True)
    count = known.sum(axis=0)
    total = np.where(known, points, 0.0).sum(axis=0)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def split_by_subject(dataset: TrainingSet, folds: int, seed: int = 0) -> list[tuple[TrainingSet, TrainingSet]]:
    """Folds for cross-validation: (train, test) pairs in which every film is tested once and no subject is in both.

    Subjects are shuffled and each goes to the fold with the fewest films so far; the same seed gives the same folds.

    Raises
    ------
    InputError
        If there are fewer subjects than folds, or fewer than two folds.
    """
    if not 2 <= folds <= len(dataset.subjects):
        problem = f"{len(dataset.subjects)} subjects cannot be split into {folds} folds"
        raise InputError(dataset.folder, problem, "Choose from 2 folds to as many as there are subjects")
    films_of = {subject: [f.name for f in dataset.films if f.subject == subject] for subject in dataset.subjects}
    parts: list[list[str]] = [[] for _ in range(folds)]
    for at in np.random.default_rng(seed).permutation(len(dataset.subjects)):
        min(parts, key=len).extend(films_of[dataset.subjects[at]])
    every = [film.name for film in dataset.films]
    chosen = [set(part) for part in parts]
    return [
        (dataset.subset([n for n in every if n not in part]), dataset.subset([n for n in every if n in part]))
        for part in chosen
    ]
