"""From belief to the probability that a landmark is right."""

from dataclasses import astuple, dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit

RIGHT_MM = 5.8  # 15 px of 0.616 mm at the detector, magnified 1.6 times: the paper's limit of accuracy
_LEAST = 1e-3


@dataclass(frozen=True)
class Calibration:
    """A logistic function of the log-odds of a landmark's belief and of the mean belief of its film.

    The confidence is the probability that a landmark lies within `RIGHT_MM` of the truth. More belief never gives less.

    Parameters
    ----------
    own, film, offset
        Weights of the landmark's log-odds and of the film's, and a constant.
    """

    own: float = 1.0
    film: float = 0.0
    offset: float = 0.0

    def confidence(self, belief: np.ndarray) -> np.ndarray:
        """(N,) confidences from the (N,) beliefs of a film's landmarks."""
        return expit(evidence(belief) @ np.array(astuple(self)))

    def to_tensor(self) -> np.ndarray:
        return np.array(astuple(self), np.float32)


def evidence(belief: np.ndarray) -> np.ndarray:
    """(N, 3) a landmark's log-odds, those of the film's mean belief, and 1."""
    mean = np.full_like(belief, belief.mean())
    return np.stack([_log_odds(belief), _log_odds(mean), np.ones_like(mean)], -1)


def calibrated(beliefs: list[np.ndarray], right: list[np.ndarray]) -> Calibration:
    """The calibration of greatest likelihood, weakly pulled to the default.

    Parameters
    ----------
    beliefs
        (N,) of each film.
    right
        (N,) flags of each film: there, and within `RIGHT_MM`.
    """
    start = np.array(astuple(Calibration()))
    if not beliefs:
        return Calibration()
    x, sign = np.concatenate([evidence(b) for b in beliefs]), np.where(np.concatenate(right), 1.0, -1.0)

    def loss(weights: np.ndarray) -> tuple[float, np.ndarray]:
        odds, away = sign * (x @ weights), weights - start
        return float(np.logaddexp(0, -odds).sum() + away @ away / 2), away - (sign * expit(-odds)) @ x

    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=[(0.05, None), (0, None), (None, None)])
    return Calibration(*map(float, found.x))


def _log_odds(probability: np.ndarray) -> np.ndarray:
    p = np.clip(probability, _LEAST, 1 - _LEAST)
    return np.log(p / (1 - p))
