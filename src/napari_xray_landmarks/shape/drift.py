"""Coherent point drift (Myronenko and Song 2010): a shape's points registered to points without correspondence.

Target points are drawn from a mixture of normal distributions about the moved source points, all alike, and a uniform
one of outliers; expectation and maximisation find the transform. It is started from many rotations at once, all of them
on few points, the best ones going on with more.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numba import njit
from scipy.spatial.distance import cdist
from scipy.spatial.transform import Rotation

from ..geometry.similarity import apply, rotation_of
from .procrustes import rms_radius

TRANSFORMS = ("rigid", "similarity", "affine")
_GROUPS = ((12, "T"), (24, "O"), (60, "I"))  # rotations of tetrahedron, octahedron, icosahedron
# source points, target points, most iterations, and how many starts go on
_STAGES = ((80, 250, 15, 8), (120, 400, 25, 2), (1000, 3000, None, 1))
_FIRST_SIGMA, _LEAST_SIGMA = 0.3, 2e-4  # in units of the target's size
_TOLERANCE = 1e-6


@dataclass(frozen=True, eq=False)
class Drift:
    """A registration of source points to target points.

    Parameters
    ----------
    matrix : (D + 1, D + 1) array
        target_from_source.
    likelihood
        Mean logarithm of the target points' density under the mixture, by their weights: the larger, the better the
        source explains the target. Comparable between sources for the same target.
    sigma
        Standard deviation of the target points about the source points.
    iterations
        Of the start that was best, at all stages.
    source : (N, D) array
    target : (M, D) array
    weights : (M,) array
    outliers
        Share of outliers that was assumed.
    """

    matrix: np.ndarray
    likelihood: float
    sigma: float
    iterations: int
    source: np.ndarray
    target: np.ndarray
    weights: np.ndarray
    outliers: float

    @property
    def points(self) -> np.ndarray:
        """(N, D) source points, moved."""
        return apply(self.matrix, self.source)

    @cached_property
    def posterior(self) -> np.ndarray:
        """(N, M) probability that a target point belongs to a source point; what columns lack of 1 are outliers."""
        near = np.exp(-cdist(self.points, self.target, "sqeuclidean") / (2 * self.sigma**2))
        uniform = _uniform(self.outliers, len(self.source), self.target, self.sigma**2)
        return near / (near.sum(0) + uniform)

    @property
    def support(self) -> np.ndarray:
        """(N,) weight of the target points that belong to each source point."""
        return self.posterior @ self.weights

    @property
    def inlier(self) -> np.ndarray:
        """(M,) probability that each target point belongs to the source."""
        return self.posterior.sum(0)

    @property
    def matched(self) -> np.ndarray:
        """(N, D) mean of the target points that belong to each source point; NaN where there are none."""
        support = self.support[:, None]
        with np.errstate(invalid="ignore"):
            return np.where(support > 1e-6, (self.posterior * self.weights) @ self.target / support, np.nan)


def register(source, target, weights=None, *, transform: str = "similarity", starts=36, reflect: bool = False,
             outliers: float = 0.1, iterations: int = 150, seed: int = 0) -> Drift:
    """Move source points onto target points.

    Parameters
    ----------
    source : (N, D) array
        D = 2 or 3.
    target : (M, D) array
        In any order.
    weights : (M,) array, optional
        How much each target point counts.
    transform
        "rigid", "similarity" or "affine".
    starts
        From how many rotations, spread evenly, to start (in space, 12, 24 or 60); 1 starts from none. Or an
        (S, D, D) array of rotations.
    reflect
        Whether to start from the mirrored source as well.
    outliers
        Share of the target that belongs to nothing, in [0, 1), roughly.
    iterations
        At most, with all points.
    seed
        Of the choice of points while many starts are tried.

    Raises
    ------
    ValueError
        The arrays do not fit or hold too few distinct points, or an option will not do.
    """
    problem = _Problem(source, target, weights, transform, outliers)
    states = problem.begin(_rotations(starts, problem.dimension), reflect)
    rng = np.random.default_rng(seed)
    for most_source, most_target, rounds, kept in _STAGES:
        states = problem.iterate(states, problem.thinned(most_source, most_target, rng), rounds or iterations)
        states = states.best(kept)
    return problem.result(states)


def _rotations(starts, dimension: int) -> np.ndarray:
    """(S, D, D) rotations to start from."""
    if np.ndim(starts) == 3 and np.shape(starts)[1:] == (dimension, dimension):
        return np.asarray(starts, float)
    if np.ndim(starts) != 0 or int(starts) < 1:
        raise ValueError(f"starts must be a number from 1 or rotations (S, {dimension}, {dimension}), got {starts}")
    if dimension == 2:
        angle = np.arange(int(starts)) * (2 * np.pi / int(starts))
        return np.moveaxis(np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]), 2, 0)
    if int(starts) == 1:
        return np.eye(3)[None]
    group = next((name for count, name in _GROUPS if starts <= count), "I")
    return Rotation.create_group(group).as_matrix()


@dataclass(frozen=True, eq=False)
class _States:
    """Where S starts are: linear parts, shifts, variances, mirror signs, likelihoods and numbers of iterations."""

    linear: np.ndarray
    shift: np.ndarray
    variance: np.ndarray
    mirror: np.ndarray
    likelihood: np.ndarray
    rounds: np.ndarray

    def best(self, count: int) -> "_States":
        order = np.argsort(-self.likelihood, kind="stable")[:count]
        return _States(*(getattr(self, name)[order] for name in self.__dataclass_fields__))


class _Problem:
    """Source and target, each about the origin and of size 1."""

    def __init__(self, source, target, weights, transform: str, outliers: float):
        source, target = np.array(source, float), np.array(target, float)
        for name, points in (("source", source), ("target", target)):
            if points.ndim != 2 or points.shape[1] not in (2, 3) or not np.isfinite(points).all():
                raise ValueError(f"{name} must be (N, 2) or (N, 3) and finite, got shape {points.shape}")
            if len(points) < points.shape[1] + 1 or not np.ptp(points, axis=0).any():
                raise ValueError(f"{name} has too few distinct points: {len(points)}")
        weights = np.ones(len(target)) if weights is None else np.array(weights, float)
        if source.shape[1] != target.shape[1] or weights.shape != (len(target),) or not (weights >= 0).all() or (
                not weights.any()):
            raise ValueError(f"source {source.shape}, target {target.shape} and weights {weights.shape} do not fit")
        if transform not in TRANSFORMS or not 0 <= outliers < 1:
            raise ValueError(f"transform must be one of {', '.join(TRANSFORMS)} and outliers in [0, 1), got "
                             f"{transform!r} and {outliers}")
        self.source, self.target, self.weights = source, target, weights
        self.transform, self.outliers, self.dimension = transform, outliers, source.shape[1]
        self.source_centre, self.source_size = source.mean(0), rms_radius(source)
        self.target_centre = np.average(target, axis=0, weights=weights)
        self.target_size = np.sqrt(np.average(((target - self.target_centre) ** 2).sum(1), weights=weights))
        self.unit_source = (source - self.source_centre) / self.source_size
        self.unit_target = (target - self.target_centre) / self.target_size

    def begin(self, rotations: np.ndarray, reflect: bool) -> _States:
        """The starts: every rotation, of the mirrored source too where it may be."""
        mirror = np.repeat([1.0, -1.0][: 1 + reflect], len(rotations))
        count = len(mirror)
        scale = self.source_size / self.target_size if self.transform == "rigid" else 1.0
        return _States(np.tile(scale * rotations, (1 + reflect, 1, 1)), np.zeros((count, self.dimension)),
                       np.full(count, _FIRST_SIGMA**2), mirror, np.full(count, -np.inf), np.zeros(count, int))

    def thinned(self, most_source: int, most_target: int, rng: np.random.Generator):
        """At most so many source points, evenly by their order, and target points, chosen by chance, with weights."""
        source = self.unit_source[np.linspace(0, len(self.source) - 1, min(most_source, len(self.source))).astype(int)]
        if len(self.target) <= most_target:
            return source, self.unit_target, self.weights
        chosen = rng.choice(np.flatnonzero(self.weights), min(most_target, np.count_nonzero(self.weights)),
                            replace=False)
        return source, self.unit_target[chosen], self.weights[chosen]

    def iterate(self, states: _States, points, rounds: int) -> _States:
        """Expectation and maximisation for all starts until none gets better."""
        source, target, weights = points
        sources = np.repeat(source[None], len(states.mirror), axis=0)
        sources[..., -1] *= states.mirror[:, None]
        rows = np.zeros((3, len(target)), np.float32)
        rows[: self.dimension] = target.T
        share = (weights / weights.sum()).astype(np.float32)
        for _ in range(rounds):
            expected = self._expect(states, sources, rows, share, target)
            gain = expected[0] - states.likelihood
            states = self._maximise(states, sources, expected)
            if (gain[np.isfinite(gain)] <= _TOLERANCE).all() and np.isfinite(gain).all():
                break
        return states

    def _expect(self, states: _States, sources: np.ndarray, rows: np.ndarray, share: np.ndarray, target: np.ndarray):
        """Likelihoods, sums of the posterior by source point, of the targets by source point, and squared distances."""
        moved = sources @ states.linear.swapaxes(1, 2) + states.shift[:, None]
        shape = (len(moved), 3, moved.shape[1])
        points = np.zeros(shape, np.float32)
        points[:, : self.dimension] = moved.swapaxes(1, 2)
        uniform = _uniform(self.outliers, moved.shape[1], target, states.variance)
        sums = np.empty((shape[0], shape[2]), np.float32)
        weighted = np.empty((shape[0], self.dimension, shape[2]), np.float32)
        logs, away = np.empty(len(moved)), np.empty(len(moved))
        _expectation(points, rows, share, (0.5 / states.variance).astype(np.float32), uniform.astype(np.float32), sums,
                     weighted, logs, away)
        normal = np.log((1 - self.outliers) / moved.shape[1]) - 0.5 * self.dimension * np.log(
            2 * np.pi * states.variance)
        return logs + normal, sums.astype(float), weighted.swapaxes(1, 2).astype(float), away

    def _maximise(self, states: _States, sources: np.ndarray, expected) -> _States:
        """The best transforms and variances for that posterior."""
        likelihood, sums, weighted, away = expected
        total = np.maximum(sums.sum(1), 1e-12)
        source_mean = (sums[:, None] @ sources)[:, 0] / total[:, None]
        target_mean = weighted.sum(1) / total[:, None]
        near = sources - source_mean[:, None]
        cross = weighted.swapaxes(1, 2) @ near
        spread = near.swapaxes(1, 2) @ (near * sums[:, :, None])
        if self.transform == "affine":
            linear = cross @ np.linalg.pinv(spread)
        else:
            linear, trace = rotation_of(cross)
            scale = (self.source_size / self.target_size if self.transform == "rigid"
                     else trace / np.maximum(np.trace(spread, axis1=1, axis2=2), 1e-12))
            linear = linear * np.reshape(scale, (-1, 1, 1))
        shift = target_mean - (linear @ source_mean[:, :, None])[:, :, 0]
        variance = np.maximum(away / (self.dimension * total), _LEAST_SIGMA**2)
        return replace(states, linear=linear, shift=shift, variance=variance, likelihood=likelihood,
                       rounds=states.rounds + 1)

    def result(self, states: _States) -> Drift:
        """The best start's transform, in the units of source and target."""
        flip = np.diag([*np.ones(self.dimension - 1), states.mirror[0]])
        matrix = np.eye(self.dimension + 1)
        matrix[:-1, :-1] = states.linear[0] @ flip * (self.target_size / self.source_size)
        matrix[:-1, -1] = self.target_centre + self.target_size * states.shift[0] - matrix[:-1, :-1] @ (
            self.source_centre)
        likelihood = states.likelihood[0] - self.dimension * np.log(self.target_size)
        return Drift(matrix, float(likelihood), float(np.sqrt(states.variance[0]) * self.target_size),
                     int(states.rounds[0]), self.source, self.target, self.weights, self.outliers)


def _uniform(outliers: float, count: int, target: np.ndarray, variance):
    """What outliers add to the sum of exp(-d^2 / 2 variance) over `count` source points: even over the target's box."""
    extent = np.ptp(target, axis=0)
    box = np.prod(np.maximum(extent, 0.1 * extent.max()))
    density = 2 * np.pi * variance
    return outliers / (1 - outliers) * count / box * density ** (target.shape[1] / 2)


@njit(cache=True, fastmath=True)
def _expectation(points, target, share, sharpness, uniform, sums, weighted, logs, away):
    """Fills the sums of one expectation for every start; see `_Problem._expect`."""
    near = np.empty(points.shape[2], np.float32)
    for s in range(len(points)):
        sums[s], weighted[s], logs[s], away[s] = 0, 0, 0, 0
        others = max(uniform[s], np.float32(1e-30))
        for m in range(target.shape[1]):
            total, moment = _kernel(points[s, 0], points[s, 1], points[s, 2], target[0, m], target[1, m], target[2, m],
                                    sharpness[s], near)
            factor = share[m] / (total + others)
            logs[s] += share[m] * np.log(total + others)
            away[s] += factor * moment
            _add(sums[s], near, factor)
            for d in range(weighted.shape[1]):
                _add(weighted[s, d], near, factor * target[d, m])


@njit(cache=True, fastmath=True)
def _kernel(one, two, three, a, b, c, sharpness, near):
    """exp(-sharpness d^2) for every point, their sum, and that of them times d^2."""
    total, moment = np.float32(0), np.float32(0)
    for n in range(len(near)):
        x, y, z = one[n] - a, two[n] - b, three[n] - c
        far = x * x + y * y + z * z
        value = _exp(-far * sharpness)
        near[n] = value
        total += value
        moment += value * far
    return total, moment


@njit(cache=True, fastmath=True)
def _add(out, values, factor):
    for n in range(len(out)):
        out[n] += factor * values[n]


@njit(cache=True, fastmath=True)
def _exp(x):
    """exp of x <= 0 to 1e-4, 1e-18 at least, in a way that compilers turn into vector instructions."""
    t = max(x * np.float32(1.442695), np.float32(-60.0))
    whole = np.floor(t)
    f = t - whole
    power = np.float32(1.0) + f * (np.float32(0.6931472) + f * (np.float32(0.2402265) + f * (
        np.float32(0.05550411) + f * (np.float32(0.009618129) + f * np.float32(0.001333356)))))
    return power * np.int32((np.int32(whole) + np.int32(127)) << np.int32(23)).view(np.float32)
