"""Films of CTs that are rendered while a network trains."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from ..errors import InputError
from .patients import SPLITS, OfSplit, Patients
from .simulated import FilmPlan, Look, SimulatedFilm
from .views import ViewRanges

# Of a film half as fine as the paper's, somewhat beyond its 120 x 90 degrees; mirrored when it is drawn.
VIEWS = ViewRanges((-66, 66), (-50, 50), (-8, 8), size_px=(240, 308), pixel_spacing_mm=(1.232, 1.232),
                   translation_mm=(60, 30, 60), flipped=0.0)
LOOK = Look(appearance=False, tools=0.3)


@dataclass(frozen=True, eq=False)
class RenderedFilms:
    """Subjects to render films of, in place of a `dataset.TrainingSet`.

    Parameters
    ----------
    patients
        All with the same landmarks; subjects never cross splits.
    landmark_names
        In the order of every array.
    folder
        What to name in messages.
    views, look
        Of the films.
    seed
        Of the views.
    views_each
        Films of one subject in a row.
    about
        name, anatomy, licence, citation and schema, where they are known.
    """

    patients: Patients
    landmark_names: tuple[str, ...]
    folder: Path
    views: ViewRanges = VIEWS
    look: Look = LOOK
    seed: int = 0
    views_each: int = 40
    about: Mapping = field(default_factory=dict)

    annotators = ("",)

    def __len__(self) -> int:
        """None yet: films are rendered while it trains."""
        return 0

    def has(self, split: str) -> bool:
        """Whether any subject is of that split."""
        return split in self.splits

    @cached_property
    def splits(self) -> dict[str, int]:
        """How many subjects each split has, if any."""
        found = [self.patients.split_of(number) for number in range(len(self.patients))]
        return {split: found.count(split) for split in SPLITS if split in found}

    @property
    def subjects(self) -> range:
        return range(len(self.patients))

    def films_of_split(self, split: str, numbers) -> Iterator[SimulatedFilm]:
        """Those films of a split's subjects: the same whenever they are asked for.

        Raises
        ------
        InputError
            A subject's landmarks are others.
        """
        plan = FilmPlan(OfSplit(self.patients, split), self.views, self.seed, self.views_each, self.look, False)
        for film in plan.films(numbers):
            if film.landmarks.names != self.landmark_names:
                other = sorted({*film.landmarks.names} ^ {*self.landmark_names})
                raise InputError(film.subject, "its landmarks are not those of the first subject, in that order"
                                 + (f": {other[0]!r}" if other else ""), "Mark the same landmarks in all CTs")
            yield film

    def fingerprint(self) -> str:
        """A hash of what makes the films."""
        plan = FilmPlan(self.patients, self.views, self.seed, self.views_each, self.look, False)
        known = json.dumps([plan.describe(), self.landmark_names], default=list, sort_keys=True)
        return hashlib.sha256(known.encode()).hexdigest()
