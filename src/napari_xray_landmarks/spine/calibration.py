"""From what the networks say to the probability that a corner is right."""

from collections.abc import Sequence
from dataclasses import astuple, dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit as _sigmoid

from .chain import Chain
from .search import Corners
from .uncertainty import TOLERANCE

_LEAST = 1e-3


@dataclass(frozen=True)
class Calibration:
    """A logistic function of what is known about a corner.

    The confidence is the probability that a corner lies within `uncertainty.TOLERANCE` mean widths of the truth.

    Parameters
    ----------
    mass, centre, offset
        Weights of the log-odds that the corner's map and its vertebra's centre give, and a constant.
    chain
        Weight of the mean log-odds of all centres of the film.
    """

    mass: float = 1.0
    centre: float = 0.0
    offset: float = 0.0
    chain: float = 0.0

    def confidence(self, chain: Chain, found: Corners) -> np.ndarray:
        """(vertebrae, 4) probability that each corner is right; 0 for all where a spine is less probable than none."""
        if chain.score <= 0:
            return np.zeros(found.points.shape[:2])
        return _sigmoid(evidence(chain, found) @ np.array(astuple(self)))

    def to_tensor(self) -> np.ndarray:
        return np.array(astuple(self), np.float32)


def evidence(chain: Chain, found: Corners) -> np.ndarray:
    """(vertebrae, 4, 4) log-odds of each corner's map and of its centre, 1, and the mean log-odds of the centres."""
    first, last = np.flatnonzero(chain.found)[[0, -1]]
    centre = _log_odds(chain.sureness[first:last + 1])
    mass = _log_odds(found.mass_within(TOLERANCE * mean_width(found.points.numpy())).numpy())
    rest = np.broadcast_to(np.stack([centre, np.ones_like(centre), np.full_like(centre, centre.mean())], -1)[:, None],
                           (*mass.shape, 3))
    return np.concatenate([mass[..., None], rest], -1)


def calibrated(seen: Sequence[np.ndarray], errors: Sequence[np.ndarray]) -> Calibration:
    """The calibration that fits films with known corners best: maximum likelihood, with a weak pull to the default.

    Parameters
    ----------
    seen
        `evidence` of each film.
    errors
        (vertebrae, 4) distance of each corner from the truth in mean widths; NaN where unknown.
    """
    x = np.concatenate([e.reshape(-1, e.shape[-1]) for e in seen]) if len(seen) else np.empty((0, 4))
    y = np.concatenate([e.ravel() for e in errors]) if len(errors) else np.empty(0)
    known = np.isfinite(y)
    x, sign = x[known], np.where(y[known] < TOLERANCE, 1.0, -1.0)
    start = np.array(astuple(Calibration()))

    def loss(weights: np.ndarray) -> tuple[float, np.ndarray]:
        odds, away = sign * (x @ weights), weights - start
        gradient = away - (sign * _sigmoid(-odds)) @ x
        return float(np.logaddexp(0, -odds).sum() + away @ away / 2), gradient

    # more evidence never makes less sure
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=[(0, None), (0, None), (None, None), (0, None)])
    return Calibration(*map(float, found.x))


def mean_width(corners: np.ndarray) -> float:
    """Mean length of the endplates of (vertebrae, 4, 2) corners."""
    return float(np.linalg.norm(corners[:, [1, 3]] - corners[:, [0, 2]], axis=-1).mean())


def _log_odds(probability: np.ndarray) -> np.ndarray:
    p = np.clip(probability, _LEAST, 1 - _LEAST)
    return np.log(p / (1 - p))
