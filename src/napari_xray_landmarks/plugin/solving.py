"""Between the docks and the method: search films, and solve subshapes again with other weights or moved points."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from ..errors import InputError
from ..imaging import Radiograph, Volume
from ..landmarks import LandmarkSet
from .results import names_of, show_landmarks, update_landmarks
from .session import Live, remember

if TYPE_CHECKING:
    from .volumes import Painted


@dataclass(frozen=True, eq=False)
class Search:
    """One image to search.

    Parameters
    ----------
    image
        The layer.
    film
        The radiograph or volume in it.
    corrections
        Landmarks that a user placed and wants to keep, (row, column) in pixels; of a volume, the labels that a user
        painted.
    """

    image: object
    film: Radiograph | Volume
    corrections: "Mapping[str, tuple[float, float]] | Painted" = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Found:
    """What a search came to: the landmarks to show, and the state that tuning goes on from."""

    search: Search
    landmarks: LandmarkSet
    live: Live


def detect_in(searches: list[Search], model_path: str, settings, progress) -> tuple[list[Found], list[InputError]]:
    """Search images one after the other; one that cannot be searched does not stop the others."""
    from ..models import load_model

    progress(0.0, "loading the model")
    model = load_model(model_path)

    def detect(search: Search, part) -> Found:
        detection = model.detect(search.film, settings, progress=part)
        live = Live(model, search.film, detection, dict.fromkeys(range(max(1, len(detection.subshapes))), settings),
                    {n: p for n, p in search.corrections.items() if n in detection.landmarks.names})
        landmarks = detection.landmarks
        if live.corrections:
            landmarks = merged(landmarks, {n: solve(live, n) for n in owners(live, live.corrections)}, live)
        return Found(search, landmarks, live)

    return each(searches, detect, progress, "detecting")


def each(searches: list[Search], find: Callable, progress, stage: str) -> tuple[list, list[InputError]]:
    """`find(search, progress)` of every search; `stage` is told where `find` tells none."""
    found, failures = [], []
    for i, search in enumerate(searches):
        prefix = "" if len(searches) == 1 else f"{search.film.name}: "

        def part(fraction: float, said: str = "", i=i, prefix=prefix) -> None:
            progress((i + fraction) / len(searches), prefix + (said or stage))

        try:
            found.append(find(search, part))
        except InputError as error:
            failures.append(error)
    return found, failures


def show_search(viewer, found: Found):
    """Put what was found on its image and keep what tuning needs; the landmark layer."""
    live, header = found.live, found.live.model.header
    layer = show_landmarks(viewer, found.search.image, found.landmarks, model=header.name,
                           version=header.package_version, settings=found.live.settings[0])
    if live.corrections:
        update_landmarks(layer, found.landmarks, live.corrections)
    if live.detection.subshapes:  # otherwise there is nothing to tune
        remember(layer, live)
    return layer


def owner(live: Live, landmark: str) -> int:
    """Number of the subshape that a landmark is read from: the first that has it."""
    return next(i for i, s in enumerate(live.detection.subshapes) if landmark in s.names)


def owners(live: Live, landmarks) -> list[int]:
    """Numbers of the subshapes that some landmarks are read from."""
    return sorted({owner(live, name) for name in landmarks}) if live.detection.subshapes else []


def solve(live: Live, number: int, settings=None, corrections: Mapping | None = None):
    """Solve one subshape again.

    Parameters
    ----------
    number
        Of the subshape.
    settings
        None takes those that it was solved with last.
    corrections
        Points that are held, by landmark; None takes the user's as they stand.

    Returns
    -------
    Estimate
    """
    subshape = live.detection.subshapes[number]
    corrections = live.corrections if corrections is None else corrections
    held = {name: point for name, point in corrections.items() if name in subshape.names}
    return subshape.estimate(settings or live.settings[number], corrections=held)


def warm_up(live: Live) -> None:
    """Solve once with a held point, so that what is compiled at first use is ready before a user drags one."""
    subshape = live.detection.subshapes[0]
    name = subshape.names[0]
    subshape.estimate(live.settings[0], corrections={name: tuple(live.detection.landmarks[name])})


def merged(landmarks: LandmarkSet, estimates: Mapping[int, object], live: Live) -> LandmarkSet:
    """Landmarks with some subshapes' points replaced by new estimates; corrected points stand where they were put.

    A landmark that two subshapes share is read from the first, so that no point has two places.
    """
    from ..models.confidence import calibrated

    points, confidence, detected = (np.array(v) for v in (landmarks.points, landmarks.confidence, landmarks.detected))
    index = {name: i for i, name in enumerate(landmarks.names)}
    for number, estimate in estimates.items():
        for j, name in enumerate(live.detection.subshapes[number].names):
            if owner(live, name) == number:
                points[index[name]] = estimate.points_px[j]
                sure = np.clip(estimate.confidence[j], 0.0, 1.0)
                confidence[index[name]] = calibrated(live.model.header, sure)
                detected[index[name]] = estimate.confidence[j] >= live.settings[number].threshold
    for name, point in live.corrections.items():
        points[index[name]], confidence[index[name]], detected[index[name]] = point, np.nan, True
    return replace(landmarks, points=points, confidence=confidence, detected=detected)


def shown(layer) -> LandmarkSet:
    """The landmarks of a layer as they stand on the screen, in pixels."""
    features = layer.features
    return LandmarkSet(names_of(layer), np.array(layer.data), np.asarray(features["confidence"], dtype=float),
                       np.asarray(features["detected"], dtype=bool))
