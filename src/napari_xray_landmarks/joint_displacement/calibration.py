"""Honest figures while training: films are searched by the model without their own patches and shapes.

The confidence of landmarks, and that of whole outlines, is fitted to the errors found so.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from ..errors import InputError
from ..geometry.similarity import decompose, similarity_from_points
from ..shape.distances import point_to_curve
from .detector import Detector
from .outlines import OutlineModel
from .patches import PatchModel
from .reliability import learn_reliability, spoilt
from .sampling import Pyramid
from .segmentation import outlined
from .settings import JointDisplacementSettings

MAX_FILMS = 24  # searched for calibration; more add time and little else
_TOGETHER = 20  # one in so many of the films is left out at a time
_SPOIL_EVERY = 3  # of the searched films
RIGHT_MM = 2.5  # mean distance from the bone up to which an outline is right; where films have no spacing, 3 % of size
_RIGHT = 0.03


@dataclass
class _Record:
    """What was found in the films left out: landmarks' masses and errors (px), and each outline's."""

    masses: list = field(default_factory=list)
    errors: list = field(default_factory=list)
    units: list = field(default_factory=list)
    evidence: list = field(default_factory=list)
    off: list = field(default_factory=list)
    whole: list = field(default_factory=list)


def calibrate(model: PatchModel, examples: Sequence, names: Sequence[str], settings: JointDisplacementSettings,
              progress, outlines: OutlineModel | None = None) -> tuple[PatchModel, OutlineModel | None, dict]:
    """Fit the confidences to the errors in films left out, from no initial position.

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
    outlines
        With each shape's film.

    Returns
    -------
    model, outlines
        With their calibration.
    metrics
        Errors in the films left out. The mean shape has seen them, their patches have not.
    """
    record, films = _Record(), range(0, len(examples), max(1, int(np.ceil(len(examples) / MAX_FILMS))))
    for done, (detector, number) in enumerate(_left_out(model, outlines, films, len(examples), names, settings)):
        error = f" (error {np.concatenate(record.errors).mean():.1f} px)" if record.errors else ""
        progress(done / len(films), f"testing on films left out{error}")
        _search(detector, examples[number], record, np.random.default_rng(number) if done % _SPOIL_EVERY == 0 else None)
    mass, error, unit = map(np.concatenate, (record.masses, record.errors, record.units))
    model = replace(model, confidence=_logistic(mass, error / unit <= model.tolerance))
    spacings = [e.spacing_mm for e in examples]
    mm = float(np.mean(spacings)) if all(s is not None for s in spacings) else None
    metrics = _landmark_metrics(error, unit, mm) | {
        "confidence_tolerance_percent_of_size": 100 * model.tolerance, "films": len(films),
        "how": "films left out of the model that searches them, no initial position"}
    if outlines is None or not record.evidence:
        return model, outlines, metrics
    size = float(np.mean(unit))
    tolerance = RIGHT_MM / (mm * size) if mm else _RIGHT
    off = np.array(record.off)
    outlines = replace(outlines, reliability=learn_reliability(np.array(record.evidence), off <= tolerance, tolerance))
    return model, outlines, _outline_metrics(off[np.array(record.whole)], tolerance, size, mm) | metrics


def _left_out(model, outlines, films, count, names, settings) -> Iterator[tuple[Detector, int]]:
    """Each film with a detector that has not seen it, nor its neighbours in the list."""
    together = max(1, count // _TOGETHER)
    for start in range(0, len(films), together):
        group = films[start:start + together]
        without = replace(model.without_films(group), confidence=(0.0, 1.0, 0.0))
        detector = Detector(tuple(names), without, settings, outlines and outlines.without_films(group))
        for number in group:
            yield detector, number


def _search(detector: Detector, example, record: _Record, rng: np.random.Generator | None) -> None:
    """Search a film, and where `rng` is given also what becomes of it when it is spoilt."""
    search = detector.search(example.pyramid, example.spacing_mm, detector.settings)
    found, points = detector.detection(search, detector.settings).landmarks, example.points_px
    marked = np.isfinite(points).all(1)
    unit = decompose(similarity_from_points(detector.model.formation.mean, points))[0]
    record.masses.append(_mass(found.confidence[marked]))
    record.errors.append(np.linalg.norm(found.points[marked] - points[marked], axis=1))
    record.units.append(np.full(marked.sum(), unit))
    if detector.outlines is None or not marked.all():
        return
    _judge(detector, search, points, unit, record, True)
    if rng is None:
        return
    for pixels, moved in spoilt(example.pyramid.levels[0], points, rng, detector.outlines.partner):
        try:
            searched = detector.search(Pyramid.of(pixels), example.spacing_mm, detector.settings)
        except InputError:  # too little is left
            continue
        _judge(detector, searched, moved, unit, record, False)


def _judge(detector: Detector, search, points, unit: float, record: _Record, whole: bool) -> None:
    """Note what speaks for each outline, and how far it is off in units of the frame."""
    for outline, bone, evidence in outlined(search, detector.model, detector.outlines, detector.names,
                                            detector.settings):
        off = point_to_curve(bone.points_px, points[list(outline.numbers)], closed=True).mean()
        record.evidence.append(evidence)
        record.off.append(float(off) / unit)
        record.whole.append(whole)


def _landmark_metrics(error: np.ndarray, unit: np.ndarray, px_in_mm: float | None) -> dict:
    """Figures of single landmarks; `error` and the frame's `unit` are in pixels."""
    metrics = {
        "mean_radial_error_px": round(float(error.mean()), 2),
        "median_radial_error_px": round(float(np.median(error)), 2),
        "mean_radial_error_percent_of_size": round(float(100 * (error / unit).mean()), 2),
    }
    return metrics | ({"mean_radial_error_mm": round(float(error.mean() * px_in_mm), 3)} if px_in_mm else {})


def _outline_metrics(off: np.ndarray, tolerance: float, unit: float, px_in_mm: float | None) -> dict:
    """Figures of whole outlines in films that were not spoilt; `off` is in units of the frame, `unit` in pixels."""
    scale, suffix = (unit * px_in_mm, "mm") if px_in_mm else (unit, "px")
    return {f"mean_point_to_curve_{suffix}": round(float(off.mean() * scale), 3),
            "outlines_right_percent": round(float(100 * (off <= tolerance).mean()), 1),
            f"outlines_right_within_{suffix}": round(float(tolerance * scale), 2)}


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
