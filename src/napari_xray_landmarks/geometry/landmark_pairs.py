"""Landmarks that are known both on a film and in the CT, by name."""

from dataclasses import dataclass

import numpy as np

from ..errors import listed
from ..landmarks import LandmarkSet
from .pose import MIN_LANDMARKS, DegeneratePose

CONFIDENT = 0.7
"""Belief from which a detection counts for a pose (paper 002)."""


@dataclass(frozen=True, eq=False)
class LandmarkPairs:
    """What a pose is estimated from.

    Parameters
    ----------
    names
    points_px : (N, 2) array
        On the film.
    points_mm : (N, 3) array
        In the CT.
    weights : (N,) array
        Confidences; 1 for points that a person placed.
    """

    names: tuple[str, ...]
    points_px: np.ndarray
    points_mm: np.ndarray
    weights: np.ndarray

    def named(self, chosen: np.ndarray) -> tuple[str, ...]:
        """The names where a (N,) bool array is true."""
        return tuple(name for name, here in zip(self.names, chosen, strict=True) if here)


def landmark_pairs(film: LandmarkSet, ct: LandmarkSet, min_confidence: float = CONFIDENT) -> LandmarkPairs:
    """The landmarks that were detected on the film with enough confidence and have a place in the CT.

    Parameters
    ----------
    film
        2D, in px.
    ct
        3D, in mm.
    min_confidence
        Points without a confidence, which a person placed, always count.

    Raises
    ------
    DegeneratePose
        Fewer than six of them, with the reason.
    ValueError
        One of the two is no set of such landmarks.
    """
    if film.points.shape[1] != 2 or film.unit != "px":
        raise ValueError(f"the film's landmarks must be 2D and in px, got {film.points.shape[1]}D in {film.unit}")
    if ct.points.shape[1] != 3 or ct.unit != "mm":
        raise ValueError(f"the CT's landmarks must be 3D and in mm, got {ct.points.shape[1]}D in {ct.unit}")
    placed = {name for name, known in zip(ct.names, np.isfinite(ct.points).all(1) & ct.detected, strict=True) if known}
    shared = np.array([name in placed for name in film.names], dtype=bool)
    if shared.sum() < MIN_LANDMARKS:
        raise DegeneratePose(f"only {int(shared.sum())} landmarks have the same name on the film "
                             f"({listed(film.names, 3)}) and in the CT ({listed(ct.names, 3)}): {MIN_LANDMARKS} are "
                             "needed")
    sure = np.where(np.isnan(film.confidence), 1.0, film.confidence)
    good = shared & film.detected & np.isfinite(film.points).all(1) & (sure >= min_confidence) & (sure > 0)
    if good.sum() < MIN_LANDMARKS:
        raise DegeneratePose(f"only {int(good.sum())} of {int(shared.sum())} landmarks are detected with a confidence "
                             f"of {min_confidence:g} or more: {MIN_LANDMARKS} are needed")
    names = tuple(name for name, here in zip(film.names, good, strict=True) if here)
    return LandmarkPairs(names, film.points[good], np.array([ct[name] for name in names]), sure[good])
