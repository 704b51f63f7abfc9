"""Films of a training set as pyramids, with the corners of their vertebrae."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..errors import InputError
from ..landmarks import VERTEBRAE, vertebral_corners
from .sampling import FilmPyramid


@dataclass(frozen=True, eq=False)
class SpineFilm:
    """One film to learn from.

    Parameters
    ----------
    name, subject
        As in the training set.
    pyramid
        Its grey values.
    corners : (vertebrae, 4, 2) float64 tensor
        In film px; NaN where unmarked.
    """

    name: str
    subject: str
    pyramid: FilmPyramid
    corners: Tensor


def levels_of(names: Sequence[str], subject) -> tuple[tuple[str, ...], np.ndarray]:
    """The vertebrae that landmarks belong to, from above, and the (vertebrae, 4) numbers of their corners.

    Raises
    ------
    InputError
        If a name is none of `landmarks.vertebral_corners`, or a vertebra lacks one of its corners.
    """
    known = vertebral_corners()
    if strange := [name for name in names if name not in known]:
        raise InputError(subject, f"the landmark {strange[0]!r} is no corner of a vertebra",
                         f"Name corners as {known[0]}, {known[1]}, {known[2]}, {known[3]}")
    present = {name.partition("-")[0] for name in names}
    levels = tuple(level for level in VERTEBRAE if level in present)
    wanted = vertebral_corners(levels=levels)
    if missing := [name for name in wanted if name not in names]:
        raise InputError(subject, f"the corner {missing[0]} is missing", "Mark four corners a vertebra")
    index = {name: i for i, name in enumerate(names)}
    return levels, np.array([index[name] for name in wanted]).reshape(-1, 4)


def read_films(dataset, report) -> tuple[tuple[str, ...], list[SpineFilm]]:
    """Levels and films of a `training.dataset.TrainingSet` of spines.

    Raises
    ------
    InputError
        If its landmarks are no corners of vertebrae, or a film is not finite.
    """
    levels, index = levels_of(dataset.landmark_names, dataset.folder)
    films = []
    for i, (film, radiograph, landmarks) in enumerate(dataset):
        report(i / len(dataset), "reading films")
        if not np.isfinite(radiograph.pixels).all():
            raise InputError(film.path, "some pixels are NaN or infinite", "Replace them or leave the film out")
        films.append(SpineFilm(film.name, film.subject, FilmPyramid.of(radiograph.pixels),
                               torch.from_numpy(landmarks.points[index])))
    return levels, films


def split(films: Sequence[SpineFilm], share: float, seed: int) -> tuple[list[SpineFilm], list[SpineFilm]]:
    """Films to train with and films of other patients, about `share` of all patients, to measure with."""
    subjects = sorted({film.subject for film in films})
    count = round(share * len(subjects))
    held = {subjects[i] for i in np.random.default_rng(seed).permutation(len(subjects))[:count]}
    return [f for f in films if f.subject not in held], [f for f in films if f.subject in held]
