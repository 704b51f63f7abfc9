"""Where the films of an epoch come from: a training set, or CTs of which more and more films are rendered."""

from collections.abc import Callable, Sequence

import numpy as np

from ..errors import InputError
from ..learning.devices import agreed
from .films import StoredFilm, arrays_of, films_of, spacing_of, stored_film
from .settings import ViewInvariantSettings

VALIDATION_SHARE = 10  # one subject of so many validates where the films do not say
_FINER = 0.8  # stored films' pixels in those of the network: a picture may show things larger
_VALIDATED = 8  # one film in so many is of the subjects that validate


class FixedFilms:
    """The films of a training set; called with an epoch's number it gives all that train.

    Parameters
    ----------
    dataset
        A `training.dataset.TrainingSet`.
    settings, run
        Of the training.
    report
        Called as `report(fraction, stage)`.
    """

    def __init__(self, dataset, settings: ViewInvariantSettings, run, report: Callable[[float, str], None]):
        films = []
        for i, film in enumerate(dataset.films):
            report(i / len(dataset), "reading films")
            if film.split != "test":
                films.append(_stored(dataset, film, settings.pixel_mm))
        self.films, self.validation = _parted(films)
        _require_landmarks(self.films, dataset.folder)

    def __call__(self, epoch: int) -> Sequence[StoredFilm]:
        return self.films

    def facts(self) -> dict:
        return {"films": len(self.films), "validation_films": len(self.validation)}


class GrowingFilms:
    """Films of CTs, so many fresh ones before each epoch until there are enough; the parameters of `FixedFilms`.

    What is rendered is kept in the run, and is the same whenever a run is taken up.

    Parameters
    ----------
    dataset
        A `training.rendered.RenderedFilms`.
    settings, run, report
    """

    def __init__(self, dataset, settings: ViewInvariantSettings, run, report: Callable[[float, str], None]):
        self._dataset, self._settings, self._run, self._report = dataset, settings, run, report
        self.films: list[StoredFilm] = []
        report(0.0, "rendering films that validate")
        count = -(-settings.films // _VALIDATED)
        self.validation = self._rendered("validation", 0, count) if dataset.has("validation") else []

    def __call__(self, epoch: int) -> Sequence[StoredFilm]:
        wanted = min(self._settings.fresh * (epoch + 1), self._settings.films)
        while len(self.films) < wanted:
            first = len(self.films)
            self._report(0.0, f"rendering films {first + 1} to {min(first + self._settings.fresh, wanted)}")
            self.films += self._rendered("train", first, min(self._settings.fresh, self._settings.films - first))
        if epoch == 0:
            _require_landmarks(self.films, self._dataset.folder)
        return self.films

    def facts(self) -> dict:
        return {"films": len(self.films), "validation_films": len(self.validation),
                "subjects": sum(self._dataset.splits.values()), "splits": self._dataset.splits}

    def _rendered(self, split: str, first: int, count: int) -> list[StoredFilm]:
        name = f"films-{split}-{first:06d}"
        kept = self._run.kept(name) if self._run else None
        if kept is not None and len(kept["grey"]) == count:
            return films_of(kept)
        films = agreed(lambda: [_of_simulated(film, self._settings.pixel_mm) for film in
                                self._dataset.films_of_split(split, range(first, first + count))])
        if self._run:
            self._run.keep(name, arrays_of(films))
        return films


def _stored(dataset, film, pixel_mm: float) -> StoredFilm:
    radiograph, landmarks = dataset.radiograph(film), dataset.landmarks(film)
    points = np.full((len(dataset.landmark_names), 2), np.nan)
    for name, point in zip(landmarks.names, landmarks.points, strict=True):
        points[dataset.landmark_names.index(name)] = point
    return _kept(radiograph, points, np.isfinite(points).all(1), film, pixel_mm)


def _of_simulated(film, pixel_mm: float) -> StoredFilm:
    """A `training.simulated.SimulatedFilm` as it is kept; its detector has about the network's pixels already."""
    return _kept(film.radiograph, film.landmarks.points, film.landmarks.detected, film, pixel_mm)


def _kept(radiograph, points: np.ndarray, visible: np.ndarray, film, pixel_mm: float) -> StoredFilm:
    fine = max(_FINER * pixel_mm, min(spacing_of(radiograph)))
    return stored_film(radiograph, points, visible, fine, film.subject, film.split)


def _parted(films: list[StoredFilm]) -> tuple[list[StoredFilm], list[StoredFilm]]:
    """Films that train, and those of other subjects that validate; none of these where there is one subject alone."""
    if any(f.split == "validation" for f in films):
        return [f for f in films if f.split != "validation"], [f for f in films if f.split == "validation"]
    subjects = list(dict.fromkeys(f.subject for f in films))
    others = set(subjects[1::VALIDATION_SHARE])
    return [f for f in films if f.subject not in others], [f for f in films if f.subject in others]


def _require_landmarks(films: Sequence[StoredFilm], subject) -> None:
    if (marked := sum(bool(film.visible.any()) for film in films)) < 2:
        raise InputError(subject, f"only {marked} of the {len(films)} films that train show landmarks",
                         "Mark more films, or give CTs of more subjects")
