"""How good a shape model is: compactness, generalisation and specificity (Davies 2002; Styner et al. 2003)."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..geometry.similarity import apply, similarity_from_points
from .point_distribution import PointDistributionModel


@dataclass(frozen=True, eq=False)
class Quality:
    """The three measures by the number of modes, from 0 on.

    Parameters
    ----------
    compactness : (M + 1,) array
        Share of the variance that the modes hold.
    generalisation : (K - 1,) array or shorter
        Mean distance between the points of a shape that the model was not made of and of the shape nearest to it that
        the model gives (leave one out), in the unit of the shapes.
    generalisation_sd
        Over the shapes.
    specificity : (M + 1,) array
        Mean distance of random shapes of the model from the nearest of the shapes that it was made of.
    specificity_sd
        Over the random shapes.
    """

    compactness: np.ndarray
    generalisation: np.ndarray
    generalisation_sd: np.ndarray
    specificity: np.ndarray
    specificity_sd: np.ndarray


def quality(shapes, *, scaled: bool = True, groups=None, samples: int = 200, rng: np.random.Generator | None = None,
            progress: Callable | None = None) -> Quality:
    """All three measures of the model of some shapes.

    Parameters
    ----------
    shapes : (K, N, D) array
        K >= 3.
    scaled
        As in `PointDistributionModel.fit`.
    groups : (K,) sequence, optional
        Whose shape each is: with it, the others of the same subject are left out too.
    samples
        Random shapes for the specificity.
    rng
        Draws them.
    progress
        Called as `progress(fraction, stage)`.

    Raises
    ------
    ValueError
        There are fewer than three shapes: none can be left out.
    """
    shapes = np.asarray(shapes, float)
    if len(shapes) < 3 or _rest(len(shapes), groups) < 2:
        raise ValueError(f"quality needs at least 3 shapes, and 2 without any one subject's, got {len(shapes)}")
    report = progress or (lambda fraction, stage="": None)
    model = PointDistributionModel.fit(shapes, retained=1.0, scaled=scaled)
    general = generalisation(shapes, scaled=scaled, groups=groups, progress=lambda f: report(0.7 * f, "generalisation"))
    rng = rng or np.random.default_rng(0)
    special = specificity(model, _placed(shapes, model.mean, scaled), samples=samples, rng=rng,
                          progress=lambda f: report(0.7 + 0.3 * f, "specificity"))
    return Quality(compactness(model), general.mean(0), general.std(0, ddof=1), special.mean(0), special.std(0, ddof=1))


def compactness(model: PointDistributionModel) -> np.ndarray:
    """(M + 1,) share of the variance that the first 0 to M modes hold."""
    held = np.concatenate([[0], np.cumsum(model.variances)])
    return held / (held[-1] + model.residual * max(model.mean.size - len(model.modes), 0))


def generalisation(shapes, *, scaled: bool = True, groups=None, progress: Callable = lambda fraction: None
                   ) -> np.ndarray:
    """(K, K - 1) mean distance of each shape from the nearest one that 0, 1, ... modes of the others' model give."""
    errors, groups = [], np.arange(len(shapes)) if groups is None else np.asarray(groups)
    for left_out in range(len(shapes)):
        model = PointDistributionModel.fit(np.asarray(shapes)[groups != groups[left_out]], retained=1.0, scaled=scaled)
        shape = _placed(shapes[left_out][None], model.mean, scaled)[0]
        size = _size(shape) / _size(np.asarray(shapes[left_out], float))
        coefficients, rest = model.coefficients(shape), shape - model.mean
        errors.append([np.linalg.norm(rest, axis=1).mean() / size])
        for b, mode in zip(coefficients, model.modes, strict=True):
            rest = rest - b * mode
            errors[-1].append(np.linalg.norm(rest, axis=1).mean() / size)
        progress((left_out + 1) / len(shapes))
    least = min(map(len, errors))
    return np.array([row[:least] for row in errors])


def specificity(model: PointDistributionModel, shapes, *, samples: int, rng: np.random.Generator,
                progress: Callable = lambda fraction: None) -> np.ndarray:
    """(samples, M + 1) mean distance of random shapes of 0 to M modes from the nearest of the aligned shapes.

    The same random numbers serve for every number of modes. Of more than 1000 points a part is looked at.
    """
    step = max(1, -(-len(model.mean) // 1000))
    shapes, mean, modes = np.asarray(shapes, float)[:, ::step], model.mean[::step], model.modes[:, ::step]
    distances = np.empty((samples, len(modes) + 1))
    for i in range(samples):
        shape = mean.copy()
        weights = np.clip(rng.standard_normal(len(modes)), -3, 3) * model.deviations
        distances[i, 0] = _nearest(shape, shapes)
        for m, (weight, mode) in enumerate(zip(weights, modes, strict=True)):
            shape += weight * mode
            distances[i, m + 1] = _nearest(shape, shapes)
        progress((i + 1) / samples)
    return distances


def _rest(count: int, groups) -> int:
    """How many shapes are left at least, when one subject is left out."""
    return count - (1 if groups is None else int(np.unique(np.asarray(groups), return_counts=True)[1].max()))


def _nearest(shape: np.ndarray, shapes: np.ndarray) -> float:
    away = shapes - shape
    return float(np.sqrt(np.einsum("knd,knd->kn", away, away)).mean(1).min())


def _placed(shapes: np.ndarray, mean: np.ndarray, scaled: bool) -> np.ndarray:
    return np.array([apply(similarity_from_points(shape, mean, scaled=scaled), shape) for shape in shapes])


def _size(shape: np.ndarray) -> float:
    return float(np.sqrt(((shape - shape.mean(0)) ** 2).sum()))
