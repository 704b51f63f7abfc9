"""Training sets of phantom films, for the bundled models and for anyone who wants to try a recipe."""

from collections.abc import Iterator, Sequence

from ..phantoms import SCHEMAS, film
from ..phantoms.outlined import outlined
from .dataset import TrainingSet
from .writing import SourceFilm, write_training_set

LICENCE = "BSD-3-Clause"


def write_phantom_set(name: str, subjects: Sequence[int], folder, *, progress=None) -> TrainingSet:
    """Films of phantoms with their exact landmarks, a subject each, in the training layout.

    Parameters
    ----------
    name
        "pelvis" or "proximal-femur".
    subjects
        Numbers of the individuals; every third has implants.
    folder
        A new or empty folder.
    progress
        Called as `progress(fraction, stage)`; may raise `errors.Cancelled`.

    Raises
    ------
    FileError
        If the folder holds something already or cannot be written.
    """
    schema = SCHEMAS[name]
    about = {
        "name": f"{name} phantoms, subjects {min(subjects)} to {max(subjects)}",
        "anatomy": schema.anatomy,
        "licence": LICENCE,
        "schema": {"pairs": schema.pairs, "subshapes": schema.subshapes, "closed": schema.closed},
    } | outlined(name)
    return write_training_set(folder, _Films(name, subjects), about=about, progress=progress)


class _Films:
    """Films that are made when it is their turn; their number is known beforehand, for the progress."""

    def __init__(self, name: str, subjects: Sequence[int]):
        self.name, self.subjects = name, subjects

    def __len__(self) -> int:
        return len(self.subjects)

    def __iter__(self) -> Iterator[SourceFilm]:
        for subject in self.subjects:
            made = film(self.name, subject)
            yield SourceFilm(f"{self.name}-{subject:04d}", made.radiograph, {"": made.landmarks}, subject=str(subject))
