"""Sparse shape composition (Zhang et al., Medical Image Analysis 2012).

A shape is composed of few training shapes; what no shape explains, such as an implant's edge, goes into a sparse error:

    minimise over x, e, T   sum_i w_i |T(y)_i - (Phi x)_i - e_i|^2 + lambda_shape |x|_1 + lambda_outlier |e|_1

with T a similarity. For a fixed T the problem is convex, and solved exactly. Its e is known where x is: what remains is
a lasso with Huber's loss. T is fitted in turn, with Huber's weights. The composed shape is held at the size of the mean
while T is fitted, or T and x would shrink to nothing together.
"""

from dataclasses import dataclass

import numpy as np

from ..geometry.similarity import apply, rotation_of, similarity_from_points
from .huber_lasso import solve
from .procrustes import rms_radius

_TURNS, _STILL = 20, 1e-4
_SAMPLES, _SAMPLE, _AGREED = 100, 4, 0.1


@dataclass(frozen=True, eq=False)
class Composition:
    """A shape composed of training shapes.

    Parameters
    ----------
    shape : (N, D) array
        In the training shapes' frame, as large as their mean.
    image_from_model : (D + 1, D + 1) array
        From that frame.
    x : (K,) array
        Share of each training shape; most are zero.
    e : (N, D) array
        Gross errors in the training shapes' frame, zero where the shape explains what was observed.
    objective
        The least value of the problem with the final T, in units in which the mean shape has the size 1.
    rounds
        How often T was fitted.
    """

    shape: np.ndarray
    image_from_model: np.ndarray
    x: np.ndarray
    e: np.ndarray
    objective: float
    rounds: int

    @property
    def points(self) -> np.ndarray:
        """(N, D) points of the shape in the image."""
        return apply(self.image_from_model, self.shape)

    @property
    def outlier_px(self) -> np.ndarray:
        """(N,) lengths of the gross errors in the image."""
        return np.linalg.norm(self.e @ self.image_from_model[:-1, :-1].T, axis=1)


def compose(points, dictionary, weights=None, *, lambda_shape: float = 0.005, lambda_outlier: float = 0.04,
            reweightings: int = 1, start=None, reflect: bool = False, seed: int = 0) -> Composition:
    """The sparse composition nearest to some points.

    Parameters
    ----------
    points : (N, D) array
        Observed in the image; NaN where nothing is known.
    dictionary : (K, N, D) array
        Training shapes, aligned (`procrustes.align`).
    weights : (N,) array, optional
        Confidence of each point.
    lambda_shape
        Weight of the composition's sparseness.
    lambda_outlier
        Weight of the errors' sparseness: a coordinate is off by more than the shape explains where it is off by more
        than `lambda_outlier / (2 w)` of the shape's size (the root mean square distance from its centroid).
    reweightings
        How often the problem is solved again with less weight on the errors where they are large (Candes et al. 2008),
        so that a far point pulls no more; the first time, by its distance from the mean shape. 0 is the method as
        published.
    start : (D + 1, D + 1) array, optional
        `image_from_model` to start from; by default the pose of the mean shape that most points agree on.
    reflect
        Whether T may mirror.
    seed
        Of the random choice of points for that pose.

    Raises
    ------
    ValueError
        The arrays do not fit, a weight is not positive, or fewer than two points are known.
    """
    problem = _Problem(points, dictionary, weights, lambda_shape, lambda_outlier)
    if start is None:
        pose = problem.agreed_pose(np.random.default_rng(seed), reflect)
    else:
        pose = np.asarray(start, float) @ problem.model_from_unit
    if reweightings > 0:
        problem.reweight(np.maximum(problem.off_mean(pose) - _AGREED, 0.0))
    pose, x, e = problem.alternate(pose, None, reflect)
    for _ in range(reweightings):
        problem.reweight(np.linalg.norm(e, axis=1))
        pose, x, e = problem.alternate(pose, x, reflect)
    return problem.composition(pose, x, e)


class _Problem:
    """One composition, in units in which the mean of the training shapes has the size 1 and lies at the origin."""

    def __init__(self, points, dictionary, weights, lambda_shape: float, lambda_outlier: float):
        dictionary, points = np.asarray(dictionary, float), np.asarray(points, float)
        if dictionary.ndim != 3 or len(dictionary) < 1 or dictionary.shape[2] not in (2, 3):
            raise ValueError(f"the dictionary must be (K, N, 2) or (K, N, 3), got {dictionary.shape}")
        if points.shape != dictionary.shape[1:]:
            raise ValueError(f"points {points.shape} do not fit a dictionary of shapes {dictionary.shape[1:]}")
        if not (lambda_shape > 0 and lambda_outlier > 0):
            raise ValueError(f"both lambdas must be positive, got {lambda_shape} and {lambda_outlier}")
        weights = np.ones(len(points)) if weights is None else np.asarray(weights, float)
        if weights.shape != (len(points),) or not (weights >= 0).all():
            raise ValueError(f"weights must be {len(points)} non-negative numbers")
        known = np.isfinite(points).all(1)
        self.weights = np.where(known, weights, 0.0)
        self.points = np.where(known[:, None], points, 0.0)
        mean = dictionary.mean(0)
        centre, self.size = mean.mean(0), rms_radius(mean)
        self.atoms = (dictionary - centre) / self.size
        self.mean = self.atoms.mean(0)
        self.lambda_shape, self.penalty = float(lambda_shape), float(lambda_outlier)
        self.lambda_outlier = np.full(len(points), self.penalty)
        self.rounds = 0
        self.model_from_unit = np.diag([*np.full(dictionary.shape[2], self.size), 1.0])
        self.model_from_unit[:-1, -1] = centre

    def agreed_pose(self, rng: np.random.Generator, reflect: bool) -> np.ndarray:
        """The mean shape's pose through a few points from which the others are least far off, farther than a bound all
        alike (MSAC, Torr and Zisserman 2000)."""
        known = np.flatnonzero(self.weights > 0)
        least = similarity_from_points(self.mean, self.points, self.weights, reflect=reflect)
        if len(known) <= _SAMPLE:
            return least
        chosen = rng.permuted(np.broadcast_to(known, (_SAMPLES, len(known))), axis=1)[:, :_SAMPLE]
        poses = np.concatenate([least[None], _similarities(self.mean[chosen], self.points[chosen], reflect)])
        shapes = self.mean @ poses[:, :-1, :-1].swapaxes(1, 2) + poses[:, None, :-1, -1]
        area = np.abs(np.linalg.det(poses[:, :-1, :-1])) ** (2 / self.mean.shape[1])
        off = ((shapes - self.points) ** 2).sum(2) / np.maximum(area, 1e-300)[:, None]
        return poses[(np.minimum(off, _AGREED**2) @ self.weights).argmin()]

    def shape(self, x: np.ndarray) -> np.ndarray:
        return np.tensordot(x, self.atoms, 1)

    def sized(self, x: np.ndarray) -> np.ndarray:
        """The composed shape at size 1; the mean where nothing is composed."""
        shape = self.shape(x)
        return shape / rms_radius(shape) if np.abs(x).sum() > 1e-6 else self.mean

    def alternate(self, pose: np.ndarray, x: np.ndarray | None, reflect: bool):
        """Pose, x and e, the pose fitted to the shape and the shape to the points in the pose until nothing moves."""
        for _ in range(_TURNS):
            x, e = self.compose(pose, x)
            shape = self.sized(x)
            before, pose = pose, self.pose(shape, pose, reflect)
            self.rounds += 1
            if np.abs(apply(pose, shape) - apply(before, shape)).max() <= _STILL * rms_radius(apply(pose, shape)):
                break
        return pose, *self.compose(pose, x)

    @property
    def bound(self) -> np.ndarray:
        """(N,) residuals beyond which there is an error."""
        return self.lambda_outlier / np.maximum(2 * self.weights, 1e-300)

    def off_mean(self, pose: np.ndarray) -> np.ndarray:
        """(N,) distances of the points from the mean shape in a pose."""
        return np.linalg.norm(apply(np.linalg.inv(pose), self.points) - self.mean, axis=1)

    def reweight(self, errors: np.ndarray) -> None:
        """Let the penalty of each error fall with its length."""
        self.lambda_outlier = self.penalty / (1 + errors * 2 * self.weights / self.penalty)

    def compose(self, pose: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The best x and e in a pose."""
        target = apply(np.linalg.inv(pose), self.points)
        weights, penalty = (np.repeat(values, target.shape[1]) for values in (self.weights, self.lambda_outlier))
        x, e = solve(target.ravel(), self.atoms.reshape(len(self.atoms), -1), weights, self.lambda_shape, penalty,
                     start=x)
        return x, e.reshape(target.shape)

    def pose(self, shape: np.ndarray, pose: np.ndarray, reflect: bool) -> np.ndarray:
        """The similarity of a shape to the points; those beyond the threshold of an error weigh less."""
        off = np.abs(apply(np.linalg.inv(pose), self.points) - shape).max(1)
        weights = self.weights * np.minimum(1.0, self.bound / np.maximum(off, 1e-12))
        return similarity_from_points(shape, self.points, weights, reflect=reflect)

    def composition(self, pose: np.ndarray, x: np.ndarray, e: np.ndarray) -> Composition:
        """The result in the units of the dictionary and the image."""
        misfit = apply(np.linalg.inv(pose), self.points) - self.shape(x) - e
        value = (self.weights @ (misfit**2).sum(1) + self.lambda_shape * np.abs(x).sum()
                 + self.lambda_outlier @ np.abs(e).sum(1))
        shape = apply(self.model_from_unit, self.sized(x))
        image_from_model = pose @ np.linalg.inv(self.model_from_unit)
        return Composition(shape, image_from_model, x, e * self.size, float(value), self.rounds)


def _similarities(source: np.ndarray, target: np.ndarray, reflect: bool) -> np.ndarray:
    """(S, D + 1, D + 1) least-squares similarities of (S, n, D) points."""
    source_mean, target_mean = source.mean(1, keepdims=True), target.mean(1, keepdims=True)
    near, far = source - source_mean, target - target_mean
    turns, traces = rotation_of(far.swapaxes(1, 2) @ near, reflect)
    matrices = np.zeros((len(source), source.shape[2] + 1, source.shape[2] + 1))
    matrices[:, :-1, :-1] = turns * (traces / np.maximum((near**2).sum((1, 2)), 1e-300))[:, None, None]
    matrices[:, :-1, -1] = (target_mean - source_mean @ matrices[:, :-1, :-1].swapaxes(1, 2))[:, 0]
    matrices[:, -1, -1] = 1
    return matrices
