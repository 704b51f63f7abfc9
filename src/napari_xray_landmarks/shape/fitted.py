"""A shape model in a film: fitted to what the film tells of each vertex, moved by sliders, corrected by hand."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import combinations
from types import MappingProxyType

import numpy as np
from scipy.linalg import cho_factor, cho_solve, expm
from scipy.spatial.distance import cdist

from ..geometry.similarity import apply, similarity_from_points
from .point_distribution import PointDistributionModel, precision_matrices

_ROUNDS, _TOLERANCE = 30, 1e-7
_BEND = 0.005  # least standard deviation of what the model cannot show, and how far that reaches along
_REACH = 0.25  # the shape, both as shares of the shape's size
_LIMIT = 3.0  # standard deviations of a mode


@dataclass(frozen=True, eq=False)
class FittedShape:
    """A shape model in a film.

    Parameters
    ----------
    model
        In two dimensions for a film; in a volume everything here has three.
    image_from_model : (3, 3) array
        Similarity that maps the model's (row, column, 1) to px of the film; it may mirror.
    coefficients : (M,) array
        Of the model's modes.
    observed_px : (N, 2) array
        What the film told of each vertex; NaN where nothing.
    weights : (N,) or (N, 2, 2) array
        How far to trust that, as in `PointDistributionModel.posterior`.
    noise_px
        Standard deviation of a coordinate observed with weight 1.
    held
        Vertices that a person put somewhere, and where; the shape goes exactly through them.
    """

    model: PointDistributionModel
    image_from_model: np.ndarray
    coefficients: np.ndarray
    observed_px: np.ndarray
    weights: np.ndarray
    noise_px: float = 1.0
    held: Mapping[int, tuple[float, ...]] = field(default_factory=dict)

    def __post_init__(self):
        count, dimension = self.model.mean.shape
        matrix, coefficients, observed, weights = (
            np.array(a, float) for a in (self.image_from_model, self.coefficients, self.observed_px, self.weights))
        if matrix.shape != (dimension + 1, dimension + 1) or not np.isfinite(matrix).all():
            raise ValueError(f"image_from_model must be ({dimension + 1}, {dimension + 1}) and finite, got {matrix}")
        if coefficients.shape != self.model.variances.shape or not np.isfinite(coefficients).all():
            raise ValueError(f"{len(self.model.variances)} coefficients are needed, got {coefficients}")
        if observed.shape != (count, dimension):
            raise ValueError(f"observed_px must be ({count}, {dimension}), got {observed.shape}")
        precision_matrices(weights, observed.shape)
        if not self.noise_px > 0:
            raise ValueError(f"noise_px must be positive, got {self.noise_px}")
        for vertex, place in self.held.items():
            if not 0 <= vertex < count or np.shape(place) != (dimension,) or not np.isfinite(place).all():
                raise ValueError(f"vertex {vertex} cannot be held at {place}")
        for key, value in (("image_from_model", matrix), ("coefficients", coefficients), ("observed_px", observed),
                           ("weights", weights)):
            value.flags.writeable = False
            object.__setattr__(self, key, value)
        held = {int(vertex): tuple(map(float, place)) for vertex, place in sorted(self.held.items())}
        object.__setattr__(self, "held", MappingProxyType(held))

    @property
    def points_px(self) -> np.ndarray:
        """(N, 2) vertices: the model's shape, bent to go through the held ones."""
        points = apply(self.image_from_model, self.model.shape(self.coefficients))
        if not self.held:
            return points
        vertices, places = _held_arrays(self.held)
        bend = _Bend(self.model, vertices)
        return points + bend.rest @ bend.solve(places - points[vertices])

    @property
    def mean_px(self) -> np.ndarray:
        """(N, 2) vertices of the mean shape in the same pose."""
        return apply(self.image_from_model, self.model.mean)

    @property
    def deviations(self) -> np.ndarray:
        """(M,) coefficients in standard deviations."""
        return self.coefficients / self.model.deviations

    @property
    def scale(self) -> float:
        """Pixels in a unit of the model."""
        return _scale(self.image_from_model)

    @property
    def rms_px(self) -> float:
        """Root mean square distance of the shape from what was observed, by the weights."""
        known = np.isfinite(self.observed_px).all(1)
        away = ((self.points_px - self.observed_px)[known] ** 2).sum(1)
        return float(np.sqrt(np.average(away, weights=_confidence(self.weights)[known])))

    def with_coefficients(self, deviations) -> "FittedShape":
        """The shape with coefficients given in standard deviations, as by sliders; held vertices stay held."""
        return replace(self, coefficients=np.asarray(deviations, float) * self.model.deviations)

    def refit(self, held: Mapping[int, tuple[float, ...]]) -> "FittedShape":
        """The shape that goes exactly through the held vertices and for the rest fits the film as before.

        Parameters
        ----------
        held
            All vertices that are held, and where, in px; an empty one gives back the fit to the film.
        """
        return fit(self.model, self.observed_px, self.weights, noise_px=self.noise_px, held=held,
                   start=self.image_from_model)


def fit(model: PointDistributionModel, observed_px, weights=None, *, noise_px: float = 1.0,
        held: Mapping[int, tuple[float, ...]] | None = None, start=None, reflect: bool = False) -> FittedShape:
    """Pose and coefficients that are most probable, given what was observed of the vertices.

    Vertices are normal about what was observed, coefficients about zero, and every pose is as probable as any other.
    Where vertices are held, the shape differs from the model's by a smooth field with a Gaussian covariance along the
    shape, so that all of it follows: a conditional Gaussian. Found by Gauss-Newton iteration.

    Parameters
    ----------
    model
    observed_px : (N, D) array
        NaN where nothing is known.
    weights : (N,) or (N, D, D) array, optional
        As in `PointDistributionModel.posterior`.
    noise_px
        Standard deviation of a coordinate observed with weight 1.
    held
        Vertices through which the shape must go, and where.
    start : (D + 1, D + 1) array, optional
        Where the pose starts from; by default the least-squares fit of the mean shape.
    reflect
        Whether that fit may mirror.

    Raises
    ------
    ValueError
        Fewer than two vertices are known, or the arrays do not fit.
    """
    weights = np.ones(len(model.mean)) if weights is None else weights
    observed = FittedShape(model, np.eye(model.mean.shape[1] + 1), np.zeros(len(model.variances)), observed_px, weights,
                           noise_px, held or {})
    problem = _Problem(observed)
    matrix = problem.start(reflect) if start is None else np.array(start, float)
    coefficients = observed.coefficients
    for _ in range(_ROUNDS):
        before = apply(matrix, model.shape(coefficients))
        coefficients, matrix = problem.step(coefficients, matrix)
        moved = np.abs(apply(matrix, model.shape(coefficients)) - before).max()
        if moved <= _TOLERANCE * model.size * _scale(matrix):
            break
    return replace(observed, image_from_model=matrix, coefficients=model.clip(coefficients, _LIMIT))


class _Problem:
    """Gauss-Newton steps towards the most probable pose and coefficients."""

    def __init__(self, given: FittedShape):
        self.model, self.held = given.model, given.held
        known = np.isfinite(given.observed_px).all(1)
        self.target = np.where(known[:, None], given.observed_px, 0.0)
        self.precision = precision_matrices(given.weights, self.target.shape) / given.noise_px**2
        self.precision *= known[:, None, None]
        self.vertices, places = _held_arrays(given.held)
        self.bend = _Bend(given.model, self.vertices) if given.held else None
        if given.held:
            self.target[self.vertices], self.precision[self.vertices] = places, 0.0

    def start(self, reflect: bool) -> np.ndarray:
        """The mean shape's least-squares pose."""
        weights = _confidence(self.precision)
        weights[self.vertices] = max(weights.max(), 1.0)
        return similarity_from_points(self.model.mean, self.target, weights, reflect=reflect)

    def step(self, coefficients: np.ndarray, matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Better coefficients and pose."""
        points = apply(matrix, self.model.shape(coefficients))
        modes = self.model.modes @ matrix[:-1, :-1].T
        columns = np.concatenate([modes, _pose_tangents(points)])
        misfit = self.target - points + np.tensordot(coefficients, modes, 1)
        weighed = np.einsum("nde,cne->cnd", self.precision, columns)
        if self.bend is not None:
            weighed[:, self.vertices] = self.bend.solve(columns[:, self.vertices]) / _scale(matrix) ** 2
        flat = weighed.reshape(len(columns), -1)
        information = flat @ columns.reshape(len(columns), -1).T
        count = len(coefficients)
        information[np.arange(count), np.arange(count)] += 1 / self.model.variances
        answer = np.linalg.solve(information, flat @ misfit.ravel())
        return answer[:count], _moved(answer[count:], points.mean(0)) @ matrix


class _Bend:
    """The smooth field by which shapes differ from the model's: Matern covariance (3/2) of the distance on the mean."""

    def __init__(self, model: PointDistributionModel, vertices: np.ndarray):
        near = np.sqrt(3) * cdist(model.mean, model.mean[vertices]) / (_REACH * model.size)
        self.rest = max(model.residual, (_BEND * model.size) ** 2) * (1 + near) * np.exp(-near)
        own = self.rest[vertices]
        self._factor = cho_factor(own + 1e-10 * own[0, 0] * np.eye(len(own)))

    def solve(self, values: np.ndarray) -> np.ndarray:
        """The inverse covariance of the held vertices times (..., held, D) values."""
        moved = np.moveaxis(values, -2, 0)
        solved = cho_solve(self._factor, moved.reshape(len(moved), -1))
        return np.moveaxis(solved.reshape(moved.shape), 0, -2)


def _pose_tangents(points: np.ndarray) -> np.ndarray:
    """(P, N, D) how points move with the logarithm of the scale, the turns, and the shifts."""
    centred = points - points.mean(0)
    shifts = [np.broadcast_to(unit, points.shape) for unit in np.eye(points.shape[1])]
    return np.stack([centred, *(centred @ turn.T for turn in _turns(points.shape[1])), *shifts])


def _turns(dimension: int) -> list[np.ndarray]:
    """Generators of the rotations: one in the plane, three in space."""
    unit = np.eye(dimension)
    return [np.outer(unit[j], unit[i]) - np.outer(unit[i], unit[j]) for i, j in combinations(range(dimension), 2)]


def _moved(step: np.ndarray, centre: np.ndarray) -> np.ndarray:
    """The similarity about a centre for a step along the tangents."""
    dimension = len(centre)
    turns = _turns(dimension)
    matrix = np.eye(dimension + 1)
    log_scale = np.clip(step[0], -0.5, 0.5)
    matrix[:-1, :-1] = expm(log_scale * np.eye(dimension) + np.tensordot(step[1:1 + len(turns)], turns, 1))
    matrix[:-1, -1] = centre + step[1 + len(turns):] - matrix[:-1, :-1] @ centre
    return matrix


def _held_arrays(held: Mapping[int, tuple[float, ...]]) -> tuple[np.ndarray, np.ndarray]:
    vertices = np.fromiter(held, int, len(held))
    return vertices, np.array([held[vertex] for vertex in vertices])


def _confidence(weights: np.ndarray) -> np.ndarray:
    """One number a vertex for (N,) or (N, D, D) weights."""
    return np.trace(weights, axis1=1, axis2=2) / weights.shape[1] if weights.ndim == 3 else np.array(weights)


def _scale(matrix: np.ndarray) -> float:
    return float(abs(np.linalg.det(matrix[:-1, :-1])) ** (1 / (len(matrix) - 1)))
