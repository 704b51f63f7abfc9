"""Two annotators of one set: how far apart they marked each landmark."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from ..training.annotations import Annotations


@dataclass(frozen=True, eq=False)
class Difference:
    """Distances between two annotators' marks.

    Parameters
    ----------
    names
        The landmarks.
    films
        Films with a mark of either.
    errors : (films, landmarks) array
        Radial distances; NaN where not both marked a landmark.
    unit
        "mm" where the spacing of all these films is known, "px" otherwise.
    """

    names: tuple[str, ...]
    films: tuple[str, ...]
    errors: np.ndarray
    unit: str

    @property
    def known(self) -> np.ndarray:
        """Every distance, flat."""
        return self.errors[np.isfinite(self.errors)]

    def rows(self, film: str = "") -> list[tuple[str, str, str, str]]:
        """Landmark, distance in one film, mean over films, and number of films, as texts."""
        here = self.errors[self.films.index(film)] if film in self.films else np.full(len(self.names), np.nan)
        rows = []
        for name, distance, column in zip(self.names, here, self.errors.T, strict=True):
            both = column[np.isfinite(column)]
            rows.append((name, _text(distance), _text(both.mean() if both.size else np.nan), str(both.size)))
        return rows

    def summary(self) -> str:
        """The mean radial distance and its spread in a line."""
        if not self.known.size:
            return "No landmark is marked by both."
        films = int(np.isfinite(self.errors).any(1).sum())
        return (f"Mean radial distance {self.known.mean():.2f} {self.unit}, median {np.median(self.known):.2f}, 95 % "
                f"within {np.percentile(self.known, 95):.2f} {self.unit} ({self.known.size} landmarks, {films} films).")


def difference(store: "Annotations", first: str, second: str, names: Sequence[str] = ()) -> Difference:
    """How far two annotators are apart in all films."""
    from ..evaluation.metrics import radial_error

    names = tuple(names) or store.schema.names
    films = [f for f in store.films if store.marks(f.name, first) or store.marks(f.name, second)]
    in_mm = bool(films) and all(film.spacing_mm for film in films)
    nothing = (np.nan, np.nan)
    errors = np.full((len(films), len(names)), np.nan)
    for i, film in enumerate(films):
        a, b = (np.array([store.marks(film.name, who).get(n, nothing) for n in names]) for who in (first, second))
        errors[i] = radial_error(a, b, film.spacing_mm if in_mm else (1.0, 1.0))
    return Difference(names, tuple(film.name for film in films), errors, "mm" if in_mm else "px")


def _text(value: float) -> str:
    return f"{value:.1f}" if np.isfinite(value) else "–"
