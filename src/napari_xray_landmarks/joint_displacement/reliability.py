"""Whether a whole outline is right: what speaks for it, and the probability learnt from films that the model failed on.

A search always ends somewhere, also in a film that does not show the bone. So the model is tried on films that it has
not seen, and on spoilt ones: mirrored, inverted, cut through the bone. What the search finds there tells right outlines
from wrong ones.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

EVIDENCE = ("support", "agreement", "likeness", "pose", "shape")
_CERTAIN = 30.0
_PRIOR = 0.5  # of the squared slopes (of evidence scaled to unit deviation), as much as the surprise of one film


@dataclass(frozen=True)
class Reliability:
    """A logistic function of the evidence.

    Parameters
    ----------
    intercept, slopes
        Of the log odds; no slope is negative: more evidence never means less confidence.
    tolerance
        The mean distance of an outline's vertices from the bone's, in units of the model's frame, up to which it is
        right.
    """

    intercept: float = 0.0
    slopes: tuple[float, ...] = (0.0,) * len(EVIDENCE)
    tolerance: float = 0.03

    def __post_init__(self):
        values = (self.intercept, *self.slopes, self.tolerance)
        if len(self.slopes) != len(EVIDENCE) or not np.isfinite(values).all() or min(self.slopes) < 0:
            raise ValueError(f"a reliability needs {len(EVIDENCE)} slopes of zero or more, got {self.slopes}")
        if not self.tolerance > 0:
            raise ValueError(f"the tolerance must be positive, got {self.tolerance}")

    def confidence(self, evidence: np.ndarray) -> np.ndarray:
        """(...) probability that an outline is right, from (..., 5) values of `EVIDENCE`."""
        odds = self.intercept + np.asarray(evidence) @ np.array(self.slopes)
        return 1.0 / (1.0 + np.exp(-np.clip(odds, -_CERTAIN, _CERTAIN)))


def learn_reliability(evidence: np.ndarray, right: np.ndarray, tolerance: float) -> Reliability:
    """The most probable logistic function without negative slopes, with a weak prior towards flat ones.

    Parameters
    ----------
    evidence : (F, 5) array
        Of F outlines, as `EVIDENCE` names it.
    right : (F,) bool array
        Whether each is within the tolerance.
    tolerance
        In units of the model's frame.
    """
    from scipy.optimize import minimize

    centre, spread = evidence.mean(0), np.maximum(evidence.std(0), 1e-6)
    values = (evidence - centre) / spread
    signs, prior = np.where(right, 1.0, -1.0), _PRIOR / len(right)

    def cost(parameters):
        odds = signs * (parameters[0] + values @ parameters[1:])
        slack = -signs / (1.0 + np.exp(np.clip(odds, -_CERTAIN, _CERTAIN)))
        gradient = np.concatenate([[slack.mean()], values.T @ slack / len(signs)])
        gradient[1:] += 2 * prior * parameters[1:]
        return np.logaddexp(0, -odds).mean() + prior * (parameters[1:] ** 2).sum(), gradient

    limits = [(-_CERTAIN, _CERTAIN)] + [(0.0, None)] * len(centre)
    found = minimize(cost, np.zeros(1 + len(centre)), jac=True, method="L-BFGS-B", bounds=limits).x
    slopes = found[1:] / spread
    return Reliability(float(found[0] - slopes @ centre), tuple(map(float, slopes)), tolerance)


def spoilt(pixels: np.ndarray, points_px: np.ndarray, rng: np.random.Generator, partner=None) -> Iterator[tuple]:
    """A film's pixels spoilt in several ways, each with the (L, 2) landmarks where they are then.

    Parameters
    ----------
    pixels : (rows, columns) array
    points_px : (L, 2) array
    rng
        Draws where the film is cut.
    partner : (L,) integer array, optional
        The landmark of the other side that each becomes in a mirrored film: a mirrored pelvis is a pelvis, but a
        mirrored left femur is none.
    """
    pixels = np.asarray(pixels, np.float32)
    mirrored = (points_px * [1, -1]) + [0, pixels.shape[1] - 1]
    yield pixels[:, ::-1], mirrored if partner is None else mirrored[partner]
    yield pixels.max() - pixels, points_px
    low, high = points_px.min(0), points_px.max(0)
    axis, first, share = int(rng.integers(2)), bool(rng.integers(2)), rng.uniform(0.35, 0.65)
    at = int(np.clip(low[axis] + share * (high[axis] - low[axis]), 1, pixels.shape[axis] - 1))
    if first:
        yield (pixels[:at] if axis == 0 else pixels[:, :at]), points_px
    else:
        yield (pixels[at:] if axis == 0 else pixels[:, at:]), points_px - at * np.eye(2)[axis]
