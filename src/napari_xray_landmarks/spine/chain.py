"""From maps of centres and levels to the vertebrae of a spine: the most probable chain in order, found exactly.

Candidates are the peaks of the centre map. A chain gives successive levels to candidates; dynamic programming (Viterbi)
finds the best one under how sure the network is of each centre and level and how far apart neighbours were in training.
So no vertebra comes twice or out of order, and a shift by one level costs at every level. What the network says of the
levels counts less than it would if its errors were independent: those of a film's vertebrae go together.
"""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import maximum_filter

MOST_CANDIDATES = 64
FAINTEST = 0.03  # probability of a centre
ABSENT = 1.5  # cost of a level that no candidate takes
LONGEST_GAP = 3  # levels from one candidate to the next
PRIOR, LEVEL = 1.0, 0.3  # log-odds for any candidate; weight of what is said of its level
_ALONG, _ACROSS = 0.15, 0.3  # spread of a step: of the logarithm of its length, and sideways in widths
_MOST_STEP = 12.0  # cost


@dataclass(frozen=True, eq=False)
class Chain:
    """The vertebrae of one film.

    Parameters
    ----------
    corners : (levels, 4, 2) array
        In px of the input; of absent levels, put in between or on from the others; all NaN where there are none.
    found : (levels,) bool array
        Which levels have a candidate.
    sureness : (levels,) array
        Probability of the centre and of being this level given the chain's other levels; 0 where absent.
    score
        Of the chain: above 0 where a spine is more probable than none.
    """

    corners: np.ndarray
    found: np.ndarray
    sureness: np.ndarray
    score: float


def spacing_of(films) -> np.ndarray:
    """(levels - 1,) mean distance from one centre to the next, in mean heights of the two, over training films."""
    ratios = [_steps(np.asarray(film.corners)) for film in films]
    return np.exp(np.nanmean(ratios, axis=0)).astype(np.float32)


def candidates(centre: np.ndarray, offsets: np.ndarray, levels: np.ndarray, stride: int
               ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Peaks of the centre map with what the network says there.

    Parameters
    ----------
    centre : (h, w) array
        Probability of a centre.
    offsets : (4, 2, h, w) array
        Corners from the cell, in cells.
    levels : (L, h, w) array
        Probability of each level.

    Returns
    -------
    probability : (C,) array
    corners : (C, 4, 2) array
        In px of the input.
    level : (C, L) array
    """
    peaks = np.argwhere((centre == maximum_filter(centre, size=3)) & (centre > FAINTEST))
    peaks = peaks[np.argsort(-centre[tuple(peaks.T)], kind="stable")[:MOST_CANDIDATES]]
    rows, columns = peaks.T
    corners = offsets[:, :, rows, columns].transpose(2, 0, 1) + peaks[:, None]
    return centre[rows, columns], (corners + 0.5) * stride - 0.5, levels[:, rows, columns].T


def best_chain(probability: np.ndarray, corners: np.ndarray, level: np.ndarray, spacing: np.ndarray) -> Chain:
    """The chain of levels and candidates with the highest sum of log-odds, less the costs of its steps.

    Parameters
    ----------
    probability, corners, level
        Of `candidates`.
    spacing : (levels - 1,) array
        Of `spacing_of`.
    """
    count, depth = level.shape
    if not count:
        nothing = np.full((depth, 4, 2), np.nan)
        return Chain(nothing, np.zeros(depth, bool), np.zeros(depth), -np.inf)
    p = np.clip(probability, 1e-4, 1 - 1e-4)
    gain = (np.log(p / (1 - p)) + PRIOR)[:, None] + LEVEL * np.log(np.clip(level, 1e-4, 1) * depth)
    best, back = np.empty((depth, count)), np.full((depth, count, 2), -1)
    for k in range(depth):
        best[k] = gain[:, k] - ABSENT * k
        for gap in range(1, min(LONGEST_GAP, k) + 1):
            cost = _step_costs(corners, spacing[k - gap:k].sum()) + 2 * ABSENT * (gap - 1)
            value = best[k - gap][:, None] - cost
            previous = value.argmax(0)
            better = value.max(0) + gain[:, k] > best[k]
            best[k] = np.where(better, value.max(0) + gain[:, k], best[k])
            back[k][better] = np.stack([np.full(better.sum(), k - gap), previous[better]], -1)
    end = best - ABSENT * (depth - 1 - np.arange(depth))[:, None]
    k, c = np.unravel_index(end.argmax(), end.shape)
    return _traced(int(k), int(c), back, probability, corners, level, float(end[k, c]))


def _traced(k: int, c: int, back, probability, corners, level, score: float) -> Chain:
    depth = level.shape[1]
    placed, found, sureness = np.full((depth, 4, 2), np.nan), np.zeros(depth, bool), np.zeros(depth)
    while k >= 0:
        placed[k], found[k], sureness[k] = corners[c], True, probability[c]
        k, c = back[k, c]
    return Chain(completed(placed), found, sureness, score)


def completed(corners: np.ndarray) -> np.ndarray:
    """(levels, 4, 2) corners with those of absent levels put in between their neighbours, or on as the last two go."""
    known = np.flatnonzero(np.isfinite(corners).all((1, 2)))
    if len(known) < 2:
        return corners
    every = np.arange(len(corners))
    flat = corners[known].reshape(len(known), -1)
    filled = np.stack([np.interp(every, known, column) for column in flat.T], -1)
    for end, inner in ((known[0], known[1]), (known[-1], known[-2])):
        beyond = every < end if end == known[0] else every > end
        step = (filled[end] - filled[inner]) / abs(int(end) - int(inner))
        filled[beyond] = filled[end] + step * np.abs(every[beyond] - end)[:, None]
    return filled.reshape(corners.shape)


def _step_costs(corners: np.ndarray, spacing: float) -> np.ndarray:
    """(C, C) cost of going from one candidate to the next, `spacing` mean heights below it."""
    centre, height, width, down = _geometry(corners)
    step = centre[None] - centre[:, None]
    direction = down[None] + down[:, None]
    direction = direction / np.maximum(np.linalg.norm(direction, axis=-1, keepdims=True), 1e-6)
    along = (step * direction).sum(-1)
    across = step[..., 1] * direction[..., 0] - step[..., 0] * direction[..., 1]
    expected = spacing * (height[None] + height[:, None]) / 2
    length = np.log(np.maximum(along, 1e-3) / np.maximum(expected, 1e-3)) / _ALONG
    side = across / (_ACROSS * (width[None] + width[:, None]) / 2)
    cost = np.minimum((length**2 + side**2) / 2, _MOST_STEP)
    return np.where(along > 0.3 * expected, cost, 1e6)


def _geometry(corners: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Centre, height, width, and the unit vector downwards, of (..., 4, 2) corners."""
    across = (corners[..., 1, :] + corners[..., 3, :] - corners[..., 0, :] - corners[..., 2, :]) / 2
    width = np.maximum(np.linalg.norm(across, axis=-1), 1e-6)
    height = np.linalg.norm(corners[..., 2:, :].mean(-2) - corners[..., :2, :].mean(-2), axis=-1)
    down = np.stack([across[..., 1], -across[..., 0]], -1) / width[..., None]
    return corners.mean(-2), height, width, down


def _steps(corners: np.ndarray) -> np.ndarray:
    """(levels - 1,) logarithm of the distance to the next centre in mean heights; NaN where either is unmarked."""
    centre, height, _, _ = _geometry(corners)
    return np.log(np.linalg.norm(np.diff(centre, axis=0), axis=-1) / ((height[1:] + height[:-1]) / 2))
