"""What a confidence and an error are worth on films that nobody has marked: conformal regions, temperature scaling.

A region is calibrated on films that trained nothing (split conformal prediction: Vovk et al., Algorithmic Learning in
a Random World, 2005; Lei et al., JASA 113:1094, 2018). Where a new film and those n films are exchangeable - drawn from
the same population and predicted in the same way - it holds the true place with probability of at least the coverage,
and at most coverage + 1 / (n + 1) where no two scores are equal: one landmark at a time, on average over films. It says
nothing of films from elsewhere.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil

import numpy as np
import pandas as pd

from ..models.confidence import tempered

ASSUMPTION = ("a new film comes from the same population as the calibration films, and is predicted in the same way: "
              "then each region holds its landmark with at least this probability, one landmark at a time")
_SMALLEST_SHAPE = 5  # residuals from which an ellipse's shape is taken


@dataclass(frozen=True)
class Regions:
    """Where the true landmarks lie about predicted ones.

    Parameters
    ----------
    coverage
        Probability that a region holds its landmark.
    unit
        "mm" or "px".
    films
        How many films calibrated the landmark with fewest.
    matrices
        By landmark a (2, 2) matrix A in `unit`²: the region is the ellipse (x - p)ᵀ A⁻¹ (x - p) <= 1 about the
        predicted (row, column) p.
    unbounded
        Landmarks that too few films have for this coverage, or that are missed too often: anywhere in the film.
    """

    coverage: float
    unit: str
    films: int
    matrices: Mapping[str, np.ndarray]
    unbounded: tuple[str, ...] = ()

    def holds(self, landmark: str, offset) -> bool:
        """Whether a true landmark that lies `offset` (row, column) off the predicted one is in its region."""
        if landmark in self.unbounded:
            return True
        offset = np.asarray(offset, float)
        return bool(offset @ np.linalg.solve(self.matrices[landmark], offset) <= 1 + 1e-9)

    def to_header(self) -> dict:
        """For a model's header; inverse of `from_header`."""
        return {"coverage": self.coverage, "unit": self.unit, "films": self.films, "assumption": ASSUMPTION,
                "landmarks": {name: np.asarray(matrix).tolist() for name, matrix in self.matrices.items()},
                "unbounded": list(self.unbounded)}  # fmt: skip

    @classmethod
    def from_header(cls, values: Mapping) -> "Regions":
        """Read them from a model's header.

        Raises
        ------
        ValueError
            They are not what `to_header` gives.
        """
        try:
            matrices = {str(name): np.array(m, float) for name, m in values["landmarks"].items()}
            found = cls(float(values["coverage"]), str(values["unit"]), int(values["films"]), matrices,
                        tuple(map(str, values.get("unbounded", ()))))
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"the regions of the header cannot be read ({error!r})") from error
        if any(m.shape != (2, 2) or not (np.linalg.eigvalsh(m) > 0).all() for m in matrices.values()):
            raise ValueError("a region of the header is no ellipse")
        return found


def quantile(scores, coverage: float) -> float:
    """The ceil((n + 1) coverage)-th smallest score; infinite where there are too few.

    Parameters
    ----------
    scores : (N,) array
        Of calibration films; infinite where nothing was predicted.
    coverage
        In (0, 1).

    Raises
    ------
    ValueError
        The coverage is not in (0, 1).
    """
    if not 0 < coverage < 1:
        raise ValueError(f"coverage must lie between 0 and 1, got {coverage}")
    scores = np.sort(np.asarray(scores, float))
    place = ceil(round((len(scores) + 1) * coverage, 9))
    return float(scores[place - 1]) if place <= len(scores) else float("inf")


def calibrate(residuals, coverage: float, *, shape=None, scale=None) -> np.ndarray | None:
    """The ellipse about a prediction that holds the truth with a given probability.

    Parameters
    ----------
    residuals : (N, 2) array
        True less predicted (row, column), of calibration films; NaN where nothing was predicted, which is outside.
    coverage
        1 - alpha.
    shape : (2, 2) array, optional
        Covariance that says how wide and turned the ellipse is; from other films than the residuals. A circle without.
    scale : (N,) array, optional
        How uncertain each film's prediction says it is; the ellipse is then that of a scale of 1.

    Returns
    -------
    matrix : (2, 2) array
        As in `Regions`; None where the region is unbounded.
    """
    residuals, shape = np.asarray(residuals, float).reshape(-1, 2), np.eye(2) if shape is None else np.asarray(shape)
    squared = np.einsum("ni,ni->n", residuals, np.linalg.solve(shape, residuals.T).T)
    scores = np.sqrt(np.where(np.isfinite(squared), squared, np.inf))
    radius = quantile(scores if scale is None else scores / np.asarray(scale, float), coverage)
    return max(radius, 1e-9) ** 2 * shape if np.isfinite(radius) else None


def regions_of(errors: pd.DataFrame, unit: str, coverage: float, *, seed: int = 0) -> Regions:
    """Regions of all landmarks, from an evaluation on films that trained nothing.

    One film a subject takes part, because films of one subject are not exchangeable with those of others. Half of the
    subjects give the ellipses' shapes and the others calibrate them, where that leaves enough; otherwise all calibrate
    circles.

    Parameters
    ----------
    errors
        `Evaluation.errors` against one reference: `image`, `landmark`, `subject`, and `off_row_mm` and the like.
    unit
        "mm" or "px".
    coverage, seed
        The seed chooses films and halves.
    """
    rng = np.random.default_rng(seed)
    order = rng.permutation(errors["subject"].unique())
    chosen = {subject: rng.choice(errors["image"][errors["subject"] == subject].unique()) for subject in order}
    errors = errors[errors["image"].isin(chosen.values())]
    needed = ceil(round(coverage / (1 - coverage), 9))
    shaping = set(order[: len(order) // 2]) if len(order) - len(order) // 2 >= needed else set()
    matrices, unbounded, fewest = {}, [], len(order)
    for name, rows in errors.groupby("landmark", sort=False):
        offsets = rows[[f"off_row_{unit}", f"off_column_{unit}"]].to_numpy(float)
        first = rows["subject"].isin(shaping).to_numpy()
        matrix = calibrate(offsets[~first], coverage, shape=_shape(offsets[first]))
        fewest = min(fewest, int((~first).sum()))
        if matrix is None:
            unbounded.append(str(name))
        else:
            matrices[str(name)] = matrix
    return Regions(coverage, unit, fewest, matrices, tuple(unbounded))


def _shape(offsets: np.ndarray) -> np.ndarray:
    """(2, 2) second moments of offsets about zero but for the farthest tenth, of determinant 1, at most 5 times as long
    as wide."""
    offsets = offsets[np.isfinite(offsets).all(axis=1)]
    if len(offsets) < _SMALLEST_SHAPE:
        return np.eye(2)
    first = _round_enough(offsets.T @ offsets)
    far = np.einsum("ni,ni->n", offsets, np.linalg.solve(first, offsets.T).T)
    near = offsets[far <= np.quantile(far, 0.9)]
    return _round_enough(near.T @ near)


def _round_enough(moments: np.ndarray) -> np.ndarray:
    """(2, 2) moments of determinant 1, at most five times as long as wide; the identity where there are none."""
    values, axes = np.linalg.eigh(moments)
    if not values[-1] > 0:
        return np.eye(2)
    values = np.maximum(values, values[-1] / 25)
    return axes @ np.diag(values / np.sqrt(values.prod())) @ axes.T


def temperature(confidence, right) -> float:
    """The temperature at which confidences of validation films are likeliest (Guo et al., ICML 2017).

    Parameters
    ----------
    confidence : (N,) array
        In [0, 1].
    right : (N,) bool array
        Whether each landmark was within the tolerance.

    Returns
    -------
    temperature
        Above 1 where the confidences were too extreme; 1 where all or none are right, which tells nothing.
    """
    from scipy.optimize import minimize_scalar

    confidence, right = np.asarray(confidence, float), np.asarray(right, bool)
    if right.all() or not right.any():
        return 1.0

    def surprise(log_temperature: float) -> float:
        p = np.clip(tempered(confidence, np.exp(log_temperature)), 1e-12, 1 - 1e-12)
        return -float(np.mean(np.where(right, np.log(p), np.log1p(-p))))

    return float(np.exp(minimize_scalar(surprise, bounds=(-3.0, 3.0), method="bounded").x))
