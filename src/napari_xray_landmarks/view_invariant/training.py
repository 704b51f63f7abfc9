"""Train the view-invariant network: on films with landmarks, or on CTs whose films are rendered meanwhile."""

from collections.abc import Sequence

import numpy as np
import torch

from ..imaging import Radiograph
from ..learning.weights import tensors_of
from .calibration import RIGHT_MM, Calibration, calibrated
from .detector import Detector, mirrored_order
from .films import StoredFilm
from .learning import learn
from .settings import ViewInvariantSettings
from .sources import FixedFilms, GrowingFilms

_MOST_MEASURED = 200


def fit(dataset, *, settings: ViewInvariantSettings, seed: int = 0, progress=None, run=None, start=None
        ) -> tuple[dict, dict]:
    """The recipe `view-invariant`: tensors and header values.

    Parameters
    ----------
    dataset
        A `training.dataset.TrainingSet`, or a `training.rendered.RenderedFilms`, whose CTs are rendered while it
        trains. Films of the split "validation", or of a tenth of the subjects, calibrate the confidence.
    settings
    seed
        The same seed gives the same model on the same processor.
    progress
        Called as `progress(fraction, stage)`.
    run
        A `training.runs.TrainingRun`, or None; finished epochs and rendered films are taken from it.
    start
        A `learning.starts.Start`, or None.

    Raises
    ------
    InputError
        If hardly any film shows landmarks, or `start` has others, or another network.
    """
    report = progress or (lambda fraction, stage: None)
    names, rendered = tuple(dataset.landmark_names), hasattr(dataset, "films_of_split")
    if start:
        start.require_landmarks(names)
    source = (GrowingFilms if rendered else FixedFilms)(dataset, settings, run, lambda f, s: report(0.05 * f, s))
    threads = torch.get_num_threads()
    torch.set_num_threads(settings.threads)
    try:
        network = learn(source, source.validation, mirrored_order(names), settings, seed, run,
                        lambda f, s: report(0.05 + 0.9 * f, s), start)
        halved = network.half().float()  # as it will be read again
        detector = Detector(names, halved, Calibration(), settings)
        report(0.95, "measuring on subjects held out")
        calibration, metrics = measured(detector, source.validation)
    finally:
        torch.set_num_threads(threads)
    tensors = tensors_of(halved, "network") | {"calibration": calibration.to_tensor()}
    return tensors, {"landmarks": list(names), "metrics": metrics, "training": source.facts()}


def measured(detector: Detector, films: Sequence[StoredFilm]) -> tuple[Calibration, dict[str, float]]:
    """How sure beliefs are, and how exact the found landmarks, on films of subjects that did not train."""
    beliefs, errors = [], []
    for film in films[::max(-(-len(films) // _MOST_MEASURED), 1)]:
        found = detector.detect(Radiograph(film.grey, (film.pixel_mm,) * 2, "training"))
        error = np.linalg.norm(found.landmarks.points - film.points, axis=1) * film.pixel_mm
        beliefs.append(found.beliefs)
        errors.append(np.where(film.visible, error, np.inf))
    calibration = calibrated(beliefs, [e < RIGHT_MM for e in errors])
    if not errors:
        return calibration, {}
    error, there = np.concatenate(errors), np.concatenate([f < np.inf for f in errors])
    found = there & (np.concatenate(beliefs) >= detector.settings.threshold)
    if not found.any():
        return calibration, {"recall": 0.0}
    return calibration, {"mean_radial_error_mm": float(error[found].mean()),
                         "median_radial_error_mm": float(np.median(error[found])),
                         "recall": float(found.sum() / there.sum())}
