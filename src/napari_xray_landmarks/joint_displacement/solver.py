"""The convex joint estimate of all patches' displacements to all landmarks of a subshape (paper 000, section 2.2).

The unknown is D̂, here (N, L, 2): the displacement of each of N = K̃ + K patches to each of L landmarks; the first K̃ are
training patches. With weights alpha, beta, gamma the paper's objective is

    E(D̂) = 1/(2LK̃) ‖D̂P − D̃‖² + α/L Tr(D̂MD̂ᵀ) + β/(2LK) ‖D̂QU − C̄‖² + γ/(2LK) Tr(VD̂QHQᵀD̂ᵀVᵀ)

and we add two terms that are zero as published: δ/(2LK) ‖VD̂Q − Õ‖², the formation of the landmarks in training, and
corrections, landmarks whose place a person gave, which hold exactly for every test patch.

Rows and columns of the image never mix, and VᵀV is the Laplacian of a path over the landmarks. In its eigenbasis every
column of the unknown is a symmetric positive definite system of its own, with one sparse matrix and a rank-one term:
preconditioned conjugate gradients solve all of them at once (`kernels.conjugate_gradients`). Corrections couple the
landmarks; then one system over all landmarks is solved in the same way.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from napari_xray_landmarks.joint_displacement import kernels
from napari_xray_landmarks.joint_displacement.graph import PatchGraph

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
    terms
        Value of each weighted term of the objective, by name.
    """

    displacements: np.ndarray
    residual: float
    iterations: int
    terms: Mapping[str, float]


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
    basis: np.ndarray = field(init=False)
    spectrum: np.ndarray = field(init=False)

    def __post_init__(self):
        landmarks = self.train_displacements.shape[1]
        if self.train_displacements.shape != (self.graph.train_count, landmarks, 2):
            raise ValueError(f"train_displacements must be ({self.graph.train_count}, L, 2), "
                             f"got {self.train_displacements.shape}")
        if self.centres.shape != (self.graph.test_count, 2):
            raise ValueError(f"centres must be ({self.graph.test_count}, 2), got {self.centres.shape}")
        spectrum, basis = np.linalg.eigh(_path_laplacian(landmarks))
        shape = self.train_displacements.mean(0)
        values = {"formation": shape - shape.mean(0), "basis": basis, "spectrum": np.maximum(spectrum, 0),
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
        system = self.system(weights)
        rhs = self.right_hand_side(weights)
        guess = self.initial_guess() if start is None else start
        if corrections:
            found, residual, iterations = self._solve_coupled(system, rhs, guess, corrections, tolerance)
        else:
            spectrum = np.repeat(self.spectrum, 2)
            found, residual, iterations = kernels.conjugate_gradients(
                system, self._to_basis(rhs), self._to_basis(guess), spectrum, tolerance, MAX_ITERATIONS,
                preconditioner == "tridiagonal")
            found = self._from_basis(found)
        return Solution(found, residual, iterations, self.terms(found, weights))

    def descend(self, weights: Weights = Weights(), *, start: np.ndarray | None = None, tolerance: float = 1e-8,
                max_iterations: int = 1_000_000) -> Solution:
        """The paper's optimiser: gradient descent on Eq. 9, with the largest constant step that is stable.

        Slow, and kept as the reference that `solve` must agree with.
        """
        system, rhs = self.system(weights), self._to_basis(self.right_hand_side(weights))
        spectrum = np.repeat(self.spectrum, 2)
        guess = self._to_basis(self.initial_guess() if start is None else start)
        found, residual, iterations = kernels.gradient_descent(system, rhs, guess, spectrum, tolerance, max_iterations)
        found = self._from_basis(found)
        return Solution(found, residual, iterations, self.terms(found, weights))

    def system(self, weights: Weights) -> kernels.System:
        """The scalars and sparse rows of the linear system for these weights; cheap, nothing is rebuilt."""
        count, train = self.landmark_count, self.graph.train_count
        trace = self.edge_weights.sum()
        per_test = 1.0 / (count * self.graph.test_count)
        return kernels.System(
            self.graph.start, self.graph.other, self.edge_weights * (2 * weights.alpha / count / max(trace, 1e-300)),
            train, 1.0 / (count * train), weights.beta * per_test, weights.gamma * per_test, weights.delta * per_test,
            self.patch_weights)

    def right_hand_side(self, weights: Weights) -> np.ndarray:
        """−G of Eq. 9, (N, L, 2), with the formation term."""
        count, train, test = self.landmark_count, self.graph.train_count, self.graph.test_count
        rhs = np.zeros((train + test, count, 2))
        rhs[:train] = self.train_displacements / (count * train)
        steps = np.diff(self.centres, axis=0) * self._chain()[:, None]
        offsets = np.zeros((test, 2))
        offsets[:-1] += steps
        offsets[1:] -= steps
        rhs[train:] = (weights.beta / (count * test)) * offsets[:, None]
        formation = _path_laplacian(count) @ self.formation
        rhs[train:] += (weights.delta / (count * test)) * self.patch_weights[:, None, None] * formation
        return rhs

    def initial_guess(self) -> np.ndarray:
        """Training displacements, and for test patches the mean of their nearest training patches'."""
        nearest = self.train_displacements[self.graph.nearest].mean(1)
        return np.concatenate([self.train_displacements, nearest]).astype(float)

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

    def _to_basis(self, values: np.ndarray) -> np.ndarray:
        return _turned(values, self.basis).reshape(len(values), -1)

    def _from_basis(self, values: np.ndarray) -> np.ndarray:
        return _turned(values.reshape(len(values), -1, 2), self.basis.T)

    def _solve_coupled(self, system, rhs, guess, corrections, tolerance):
        count, train = self.landmark_count, self.graph.train_count
        unknown = [i for i in corrections if not 0 <= i < count]
        if unknown:
            raise ValueError(f"corrections name landmark {unknown[0]}, the subshape has {count}")
        free = np.ones((len(rhs), count))
        guess = guess.copy()
        for landmark, position in corrections.items():
            free[train:, landmark] = 0.0
            guess[train:, landmark] = np.asarray(position, dtype=float) - self.centres
        return kernels.coupled_conjugate_gradients(
            system, rhs, guess, free, _path_laplacian(count), tolerance, MAX_ITERATIONS)


def _turned(values: np.ndarray, basis: np.ndarray) -> np.ndarray:
    """(N, L, 2) values with the landmarks' axis multiplied by (L, L) `basis`."""
    by_axis = np.ascontiguousarray(values.transpose(0, 2, 1)) @ basis
    return np.ascontiguousarray(by_axis.transpose(0, 2, 1))


def _or_ones(values, count: int) -> np.ndarray:
    values = np.ones(count) if values is None else np.asarray(values, dtype=float)
    if values.shape != (count,):
        raise ValueError(f"expected {count} weights, got shape {values.shape}")
    return values


def _path_laplacian(count: int) -> np.ndarray:
    """VᵀV for one axis: the Laplacian of the path over the landmarks."""
    steps = np.diff(np.eye(count), axis=0)
    return steps.T @ steps
