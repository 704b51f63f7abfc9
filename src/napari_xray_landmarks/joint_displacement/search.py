"""What a search of one film leaves behind: the evidence from which landmarks and outlines are read."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .subshape import Subshape
from .votes import Density


def by_landmark(subshapes: Sequence[Subshape], densities: Sequence[Sequence[Density]]) -> dict[int, Density]:
    """The response image of each landmark, from the first subshape that holds it."""
    found: dict[int, Density] = {}
    for subshape, own in zip(subshapes, densities, strict=True):
        for number, density in zip(subshape.numbers, own, strict=True):
            found.setdefault(number, density)
    return found


@dataclass(frozen=True, eq=False)
class Search:
    """Where the landmarks of one film may be, at the finest level.

    Parameters
    ----------
    film_shape
        (rows, columns) of the film in pixels.
    subshapes
        Each with the landmarks that were chosen, in `shape`.
    densities
        The response images of each subshape's landmarks, in level pixels.
    image_from_model : (3, 3) array
        The pose of the mean shape on the landmarks that were chosen.
    pose_score
        How well patches all over the film supported the first pose; NaN where that was given.
    """

    film_shape: tuple[int, int]
    subshapes: tuple[Subshape, ...]
    densities: tuple[list[Density], ...]
    image_from_model: np.ndarray
    pose_score: float
