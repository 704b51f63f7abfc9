"""The published objective's linear system, written out with scipy from the paper's formulas, solved by factorisation.

It shares no code with the solver that it checks.
"""

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import splu

from napari_xray_landmarks.joint_displacement.solver import JointProblem, Weights


@dataclass(frozen=True, eq=False)
class Factorised:
    """(N, L, 2) displacements and what the equations leave, relative to their right-hand side."""

    displacements: np.ndarray
    residual: float


def factorised(problem: JointProblem, weights: Weights) -> Factorised:
    """Minimum of the published objective (Eqs. 2 to 9), by a sparse LU for each eigenvalue of VᵀV.

    The rank-one part of H = I − 11ᵀ/K is put back by the formula of Sherman and Morrison.
    """
    count, train, test = problem.landmark_count, problem.graph.train_count, problem.graph.test_count
    common, select = _common(problem, weights)
    right = _right(problem, weights)
    steps = np.diff(np.eye(count), axis=0)
    spectrum, basis = np.linalg.eigh(steps.T @ steps)
    turned = np.einsum("nlx,lm->nmx", right, basis)
    ones = np.concatenate([np.zeros(train), np.ones(test)])
    found, left = np.empty_like(turned), 0.0
    for i, value in enumerate(np.maximum(spectrum, 0)):
        scale = weights.gamma * value / (count * test)
        matrix = (common + scale * select).tocsc()
        factors = splu(matrix)
        found[:, i] = factors.solve(np.ascontiguousarray(turned[:, i]))
        if scale:
            along = factors.solve(ones)
            share = (scale / test) / (1 - (scale / test) * (ones @ along))
            found[:, i] += share * np.outer(along, ones @ found[:, i])
        rest = turned[:, i] - matrix @ found[:, i] + (scale / test) * np.outer(ones, ones @ found[:, i])
        left += float((rest**2).sum())
    return Factorised(np.einsum("nmx,lm->nlx", found, basis), float(np.sqrt(left / (right**2).sum())))


def _common(problem: JointProblem, weights: Weights):
    """A of Eq. 9, and QQᵀ."""
    count, train, test = problem.landmark_count, problem.graph.train_count, problem.graph.test_count
    total = train + test
    links = np.ones(len(problem.graph.other))
    affinity = sparse.csr_matrix((links, problem.graph.other, problem.graph.start), shape=(total, total))
    degree = np.asarray(affinity.sum(1)).ravel()
    laplacian = (sparse.diags(degree) - affinity) / degree.sum()
    trained = sparse.diags(np.r_[np.ones(train), np.zeros(test)])
    select = sparse.diags(np.r_[np.zeros(train), np.ones(test)])
    chain = sparse.diags([np.ones(test - 1), -np.ones(test - 1)], [0, -1], shape=(test, test - 1))
    offsets = sparse.block_diag([sparse.csr_matrix((train, train)), chain @ chain.T])
    common = trained / (count * train) + 2 * weights.alpha / count * laplacian
    return common + weights.beta / (count * test) * offsets, select


def _right(problem: JointProblem, weights: Weights) -> np.ndarray:
    """−G of Eq. 9, (N, L, 2)."""
    count, train, test = problem.landmark_count, problem.graph.train_count, problem.graph.test_count
    right = np.zeros((train + test, count, 2))
    right[:train] = problem.train_displacements / (count * train)
    offsets = np.zeros((test, 2))
    towards = np.diff(problem.centres, axis=0)  # d_i − d_(i+1) must be c_(i+1) − c_i
    offsets[:-1] += towards
    offsets[1:] -= towards
    right[train:] = weights.beta / (count * test) * offsets[:, None]
    return right
