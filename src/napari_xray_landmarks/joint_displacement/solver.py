"""The convex joint estimate of all patches' displacements to all landmarks of a subshape (paper 000, section 2.2).

The unknown is D̂, here (N, L, 2): the displacement of each of N = K̃ + K patches to each of L landmarks; the first K̃ are
training patches. With weights alpha, beta, gamma the paper's objective is

    E(D̂) = 1/(2LK̃) ‖D̂P − D̃‖² + α/L Tr(D̂MD̂ᵀ) + β/(2LK) ‖D̂QU − C̄‖² + γ/(2LK) Tr(VD̂QHQᵀD̂ᵀVᵀ)

and we add two terms that are zero as published: δ/(2LK) ‖VD̂Q − Õ‖², the formation of the landmarks in training, and
corrections, landmarks whose place a person gave, which hold exactly for every test patch.

Rows and columns of the image never mix, and VᵀV is the Laplacian of a path over the landmarks. In its eigenbasis every
column of the unknown is a symmetric positive definite system of its own, with one sparse matrix and a rank-one term:
preconditioned conjugate gradients solve all of them at once (`kernels.conjugate_gradients`). A correction takes its
landmark out of the path for every test patch alike, so the rest of the path has an eigenbasis as before.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

import numpy as np

from . import kernels
from .graph import PatchGraph

TOLERANCE = 1e-10
MAX_ITERATIONS = 2000


@dataclass(frozen=True)
class Weights:
    """Weights of the terms: smooth mapping, patch offset, landmark offset, formation."""

    alpha: float = 0.1
    beta: float = 0.1
    gamma: float = 0.1
    delta: float = 0.0

    def __post_init__(self):
        for name, value in vars(self).items():
            if not (np.isfinite(value) and value >= 0):
                raise ValueError(f"{name} must be zero or more, got {value!r}")


@dataclass(frozen=True, eq=False)
class Solution:
    """A minimum of the objective.

    Parameters
    ----------
    displacements : (N, L, 2) array
        D̂, training patches first.
    residual
        ‖gradient‖ / ‖right-hand side‖ at the end.
    iterations
        Steps taken.
    problem, weights
        What was solved.
    """

    displacements: np.ndarray
    residual: float
    iterations: int
    problem: "JointProblem"
    weights: Weights

    @cached_property
    def terms(self) -> Mapping[str, float]:
        """Value of each weighted term of the objective, by name."""
        return self.problem.terms(self.displacements, self.weights)


@dataclass(frozen=True, eq=False)
class JointProblem:
    """Everything about one subshape in one image that does not depend on the weights. Build once, solve many times.

    Parameters
    ----------
    graph
        Which patches look alike.
    train_displacements : (K̃, L, 2) array
        D̃, displacements of the training patches to their own landmarks.
    centres : (K, 2) array
        Centres of the test patches, in the same unit and frame.
    patch_weights : (K,) array, optional
        Trust in each test patch, within [0, 1]; ones as published.
    edge_weights : (E,) array, optional
        Weight of each entry of `graph.other`, symmetric; ones as published.
    """

    graph: PatchGraph
    train_displacements: np.ndarray
    centres: np.ndarray
    patch_weights: np.ndarray | None = None
    edge_weights: np.ndarray | None = None
    formation: np.ndarray = field(init=False)

    def __post_init__(self):
        landmarks = self.train_displacements.shape[1]
        if self.train_displacements.shape != (self.graph.train_count, landmarks, 2):
            raise ValueError(f"train_displacements must be ({self.graph.train_count}, L, 2), "
                             f"got {self.train_displacements.shape}")
        if self.centres.shape != (self.graph.test_count, 2):
            raise ValueError(f"centres must be ({self.graph.test_count}, 2), got {self.centres.shape}")
        shape = self.train_displacements.mean(0)
        values = {"formation": shape - shape.mean(0),
                  "patch_weights": _or_ones(self.patch_weights, self.graph.test_count),
                  "edge_weights": _or_ones(self.edge_weights, len(self.graph.other))}
        for name, value in values.items():
            object.__setattr__(self, name, value)

    @property
    def landmark_count(self) -> int:
        return self.train_displacements.shape[1]

    def solve(self, weights: Weights = Weights(), *, start: np.ndarray | None = None,
              corrections: Mapping[int, np.ndarray] | None = None, tolerance: float = TOLERANCE,
              preconditioner: str = "tridiagonal") -> Solution:
        """The exact minimum, by preconditioned conjugate gradients.

        Parameters
        ----------
        weights
            Of the terms.
        start : (N, L, 2) array, optional
            A guess, such as the solution for other weights.
        corrections
            Landmark number -> (2,) position, in the unit and frame of `centres`, that every test patch must point to.
        tolerance
            Relative residual at which to stop.
        preconditioner
            "tridiagonal" (the diagonal and the chain of patch offsets) or "diagonal" (Jacobi).
        """
        if preconditioner not in ("tridiagonal", "diagonal"):
            raise ValueError(f"preconditioner must be 'tridiagonal' or 'diagonal', got {preconditioner!r}")
        system, rhs = self.system(weights), self.right_hand_side(weights)
        guess = self.initial_guess if start is None else start
        held = self._held(corrections or {})
        if held.any():
            guess, rhs = self._corrected(system, guess, rhs, corrections)
        found, residual, iterations = _by_blocks(
            lambda r, x, spectrum, fixed, enough: kernels.conjugate_gradients(
                system, r, x, spectrum, fixed, enough, MAX_ITERATIONS, preconditioner == "tridiagonal"),
            rhs, guess, held, tolerance)
        for landmark in np.flatnonzero(held):  # to the last bit
            found[self.graph.train_count:, landmark] = guess[self.graph.train_count:, landmark]
        return Solution(found, residual, iterations, self, weights)

    def descend(self, weights: Weights = Weights(), *, start: np.ndarray | None = None, tolerance: float = 1e-8,
                max_iterations: int = 1_000_000) -> Solution:
        """The paper's optimiser: gradient descent on Eq. 9, with nearly the largest constant step that is
        stable.

        Slow, and kept as the reference that `solve` must agree with.
        """
        guess = self.initial_guess if start is None else start
        system = self.system(weights)
        found, residual, iterations = _by_blocks(
            lambda r, x, spectrum, _fixed, enough: kernels.gradient_descent(
                system, r, x, spectrum, enough, max_iterations),
            self.right_hand_side(weights), guess, np.zeros(self.landmark_count, bool), tolerance)
        return Solution(found, residual, iterations, self, weights)

    def system(self, weights: Weights) -> kernels.System:
        """The scalars and sparse rows of the linear system for these weights; cheap, nothing is rebuilt."""
        count, train = self.landmark_count, self.graph.train_count
        similar = 2 * weights.alpha / count / max(self._degree.sum(), 1e-300)
        per_test = 1.0 / (count * self.graph.test_count)
        return kernels.System(
            self.graph.start, self.graph.other, self.edge_weights * similar, self._degree * similar,
            train, 1.0 / (count * train), weights.beta * per_test, weights.gamma * per_test, weights.delta * per_test,
            self.patch_weights)

    def right_hand_side(self, weights: Weights) -> np.ndarray:
        """−G of Eq. 9, (N, L, 2), with the formation term."""
        per_test = 1.0 / (self.landmark_count * self.graph.test_count)
        truth, offsets, formation = self._right_hand_sides
        rhs = truth.copy()
        rhs[self.graph.train_count:] = (weights.beta * per_test) * offsets
        if weights.delta:
            rhs[self.graph.train_count:] += (weights.delta * per_test) * formation
        return rhs

    @cached_property
    def _right_hand_sides(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(N, L, 2) of the ground truth, and for unit weights (K, L, 2) of the patch offsets and of the formation."""
        count, train, test = self.landmark_count, self.graph.train_count, self.graph.test_count
        truth = np.zeros((train + test, count, 2))
        truth[:train] = self.train_displacements / (count * train)
        steps = np.diff(self.centres, axis=0) * self._chain()[:, None]
        offsets = np.zeros((test, 2))
        offsets[:-1] += steps
        offsets[1:] -= steps
        formation = self.patch_weights[:, None, None] * (_path_laplacian(count) @ self.formation)
        return truth, np.repeat(offsets[:, None], count, axis=1), formation

    @cached_property
    def initial_guess(self) -> np.ndarray:
        """(N, L, 2) training displacements, and for test patches the mean of their three nearest."""
        columns = self.graph.nearest[:, :3].T
        nearest = sum(self.train_displacements[column] for column in columns) / len(columns)
        return np.concatenate([self.train_displacements, nearest]).astype(float)

    @cached_property
    def _degree(self) -> np.ndarray:
        """(N,) sum of the weights of each patch's links."""
        return kernels.row_sums(self.graph.start, self.edge_weights)

    def terms(self, displacements: np.ndarray, weights: Weights) -> dict[str, float]:
        """Value of each weighted term of the objective at (N, L, 2) displacements."""
        count, train, test = self.landmark_count, self.graph.train_count, self.graph.test_count
        trained, tested = displacements[:train], displacements[train:]
        chain = np.diff(tested, axis=0) + np.diff(self.centres, axis=0)[:, None]
        between = np.diff(tested, axis=1)
        trust = self.patch_weights[:, None, None]
        mean = (trust * between).sum(0) / max(trust.sum(), 1e-300)
        smooth = kernels.smoothness(self.graph.start, self.graph.other, self.edge_weights,
                                    displacements.reshape(train + test, -1))
        per_test = 1.0 / (2 * count * test)
        return {
            "ground truth": float(((trained - self.train_displacements) ** 2).sum() / (2 * count * train)),
            "smooth mapping": float(weights.alpha / count * smooth / max(self.edge_weights.sum(), 1e-300)),
            "patch offset": float(weights.beta * per_test * (self._chain()[:, None, None] * chain**2).sum()),
            "landmark offset": float(weights.gamma * per_test * (trust * (between - mean) ** 2).sum()),
            "formation": float(weights.delta * per_test
                               * (trust * (between - np.diff(self.formation, axis=0)) ** 2).sum()),
        }

    def _chain(self) -> np.ndarray:
        """(K - 1,) weight of each link of the chain of test patches."""
        return np.minimum(self.patch_weights[1:], self.patch_weights[:-1])

    def _held(self, corrections: Mapping[int, np.ndarray]) -> np.ndarray:
        """(L,) which landmarks are corrected."""
        held = np.zeros(self.landmark_count, bool)
        for landmark in corrections:
            if not 0 <= landmark < len(held):
                raise ValueError(f"corrections name landmark {landmark}, the subshape has {len(held)}")
            held[landmark] = True
        return held

    def _corrected(self, system, guess, rhs, corrections) -> tuple[np.ndarray, np.ndarray]:
        """A guess that holds the corrections, and the right-hand side of the rest with what they contribute."""
        test, path = slice(self.graph.train_count, None), _path_laplacian(self.landmark_count)
        guess, rhs = guess.copy(), rhs.copy()
        for landmark, position in corrections.items():
            own = np.asarray(position, dtype=float) - self.centres
            guess[test, landmark] = own
            trust = self.patch_weights[:, None]
            mean = (trust * own).sum(0) / max(float(trust.sum()), 1e-300)
            pull = trust * (system.landmark_offset * (own - mean) + system.formation * own)
            rhs[test] -= pull[:, None] * path[landmark][:, None]
        rhs[test, list(corrections)] = 0.0
        return guess, rhs


def _decoupled(held: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Basis (L, L) in which the path over the landmarks that are not held is diagonal, and its (L,) diagonal."""
    free = np.flatnonzero(~held)
    basis, spectrum = np.eye(len(held)), np.zeros(len(held))
    values, vectors = np.linalg.eigh(_path_laplacian(len(held))[np.ix_(free, free)])
    basis[np.ix_(free, free)], spectrum[free] = vectors, np.maximum(values, 0)
    return basis, spectrum


@lru_cache(maxsize=64)
def _columns(held: tuple[bool, ...]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What takes (N, 2L) to columns of the eigenbasis, filled up to whole blocks; their eigenvalues; which are held."""
    basis, spectrum = _decoupled(np.array(held))
    padding = (0, -2 * len(held) % kernels.WIDTH)
    turn = np.pad(np.kron(basis, np.eye(2)), ((0, 0), padding))
    return turn, *(np.pad(np.repeat(values, 2), padding) for values in (spectrum, held))


def _by_blocks(run, rhs: np.ndarray, guess: np.ndarray, held: np.ndarray, tolerance: float):
    """Solve (N, L, 2) systems in the landmarks' eigenbasis, `kernels.WIDTH` columns at a time.

    `run` takes right-hand side, guess, spectrum, what is held, and the norm of the residual to reach. Returns the
    solution, its relative residual and the most iterations that a block took.
    """
    turn, spectrum, held = _columns(tuple(held))
    rhs, found = (values.reshape(len(values), -1) @ turn for values in (rhs, guess))
    blocks = [slice(i, i + kernels.WIDTH) for i in range(0, len(spectrum), kernels.WIDTH)]
    norm = max(float(np.linalg.norm(rhs)), 1e-300)
    squared, most = 0.0, 0
    for own in blocks:
        right, start = (np.ascontiguousarray(values[:, own]) for values in (rhs, found))
        found[:, own], residual, iterations = run(right, start, spectrum[own], held[own],
                                                  tolerance * norm / np.sqrt(len(blocks)))
        squared, most = squared + residual**2, max(most, iterations)
    solution = found @ turn.T
    return solution.reshape(len(solution), -1, 2), np.sqrt(squared) / norm, most


def _or_ones(values, count: int) -> np.ndarray:
    values = np.ones(count) if values is None else np.asarray(values, dtype=float)
    if values.shape != (count,):
        raise ValueError(f"expected {count} weights, got shape {values.shape}")
    return values


def _path_laplacian(count: int) -> np.ndarray:
    """VᵀV for one axis: the Laplacian of the path over the landmarks."""
    steps = np.diff(np.eye(count), axis=0)
    return steps.T @ steps
