"""Honest figures while training: each film is searched by the model without its own patches.

The confidence is fitted to the errors found so.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ..geometry.similarity import decompose, similarity_from_points
from .detector import Detector
from .patches import PatchModel
from .settings import JointDisplacementSettings

MAX_FILMS = 40  # searched for calibration; more add time and little else


def calibrate(model: PatchModel, examples: Sequence, names: Sequence[str], settings: JointDisplacementSettings,
              progress) -> tuple[PatchModel, dict]:
    """Fit the confidence to the errors in films left out one at a time, from no initial position.

    Parameters
    ----------
    model
        With each patch's film.
    examples
        The training films.
    names
        Of the landmarks.
    settings
        Of the method.
    progress
        Called as `progress(fraction, stage)`.

    Returns
    -------
    model
        With its calibration.
    metrics
        Errors in the films left out. The mean shape has seen them, their patches have not.
    """
    step = max(1, int(np.ceil(len(examples) / MAX_FILMS)))
    masses, errors_px, units = [], [], []
    for done, number in enumerate(range(0, len(examples), step)):
        progress(done * step / len(examples), "testing on films left out")
        example = examples[number]
        without = replace(model.without_film(number), confidence=(0.0, 1.0, 0.0))
        found = Detector(tuple(names), without, settings).detect_in(example.pyramid, example.spacing_mm, settings)
        marked = np.isfinite(example.points_px).all(1)
        masses.append(_mass(found.landmarks.confidence[marked]))
        errors_px.append(np.linalg.norm(found.landmarks.points[marked] - example.points_px[marked], axis=1))
        unit = decompose(similarity_from_points(model.formation.mean, example.points_px))[0]
        units.append(np.full(marked.sum(), unit))
    mass, error, unit = map(np.concatenate, (masses, errors_px, units))
    parameters = _logistic(mass, error / unit <= model.tolerance)
    metrics = {
        "mean_radial_error_px": round(float(error.mean()), 2),
        "median_radial_error_px": round(float(np.median(error)), 2),
        "mean_radial_error_percent_of_size": round(float(100 * (error / unit).mean()), 2),
        "confidence_tolerance_percent_of_size": 100 * model.tolerance,
        "films": len(masses),
        "how": "each film left out in turn, no initial position",
    }
    spacings = [e.spacing_mm for e in examples]
    if all(s is not None for s in spacings):
        metrics["mean_radial_error_mm"] = round(float(error.mean() * np.mean(spacings)), 3)
    return replace(model, confidence=parameters), metrics


def _mass(confidence: np.ndarray) -> np.ndarray:
    """The peak's mass that a confidence with parameters (0, 1, 0) came from."""
    return np.log(confidence / (1 - confidence))


def _logistic(mass: np.ndarray, good: np.ndarray) -> tuple[float, float, float]:
    """Intercept and slopes (on the mass, on its logarithm) of a logistic regression that never falls with the mass.

    A slope that comes out negative is left out; a constant remains where all or none are good, or none of the slopes.
    """
    from sklearn.linear_model import LogisticRegression

    values = np.stack([mass, np.log(mass + 1e-3)], 1)
    for kept in ([0, 1], [0], [1]) if good.any() and not good.all() else ():
        fitted = LogisticRegression(C=10.0).fit(values[:, kept], good)
        if (fitted.coef_ >= 0).all():
            slopes = np.zeros(2)
            slopes[kept] = fitted.coef_[0]
            return float(fitted.intercept_[0]), float(slopes[0]), float(slopes[1])
    share = (good.sum() + 1) / (len(good) + 2)
    return float(np.log(share / (1 - share))), 0.0, 0.0
