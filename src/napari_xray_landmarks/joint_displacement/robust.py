"""Robust re-weighting: votes and links that disagree with the joint estimate lose weight, and it is solved again.

The published objective is quadratic, so wrong patches pull the answer: on real films its mean is no better than a plain
forest. Here each link of the graph and each test patch gets a Cauchy weight 1 / (1 + r² (disagreement / scale)²), with
robustness r, and the convex problem is solved again from where it was, a few times.
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from . import kernels
from .solver import JointProblem, Solution, Weights

PASSES = 3
SCALE = 5.0  # level px at which a vote counts half where the robustness is 1
_LOOSE = 1e-5  # relative residual of all solves but the last


def agreement(distance2: np.ndarray, robustness: float) -> np.ndarray:
    """Cauchy weights of squared disagreements in level pixels."""
    return 1.0 / (1.0 + distance2 * (robustness / SCALE) ** 2)


def solve_robustly(problem: JointProblem, weights: Weights, robustness: float, *, start: np.ndarray | None = None,
                   corrections: Mapping[int, np.ndarray] | None = None) -> tuple[JointProblem, Solution]:
    """Solve, then re-weight and solve again `PASSES` times; once and exactly as published where `robustness` is 0.

    Returns
    -------
    problem
        With the last weights of links and patches.
    solution
        Its exact minimum.
    """
    if robustness <= 0:
        return problem, problem.solve(weights, start=start, corrections=corrections)
    trust = problem.patch_weights
    solution = problem.solve(weights, start=start, corrections=corrections, tolerance=_LOOSE)
    for i in range(PASSES):
        problem = _reweighted(problem, solution.displacements, robustness, trust)
        last = {} if i == PASSES - 1 else {"tolerance": _LOOSE}
        solution = problem.solve(weights, start=solution.displacements, corrections=corrections, **last)
    return problem, solution


def consensus(problem: JointProblem, displacements: np.ndarray) -> np.ndarray:
    """(L, 2) places that the test patches agree on: their trusted mean."""
    voted = problem.centres[:, None] + displacements[problem.graph.train_count:]
    trust = problem.patch_weights[:, None, None]
    return (trust * voted).sum(0) / max(float(trust.sum()), 1e-300)


def _reweighted(problem, displacements, robustness, trust):
    graph = problem.graph
    flat = displacements.reshape(len(displacements), -1)
    disagreement = kernels.link_distance2(graph.start, graph.other, flat) / displacements.shape[1]
    voted = problem.centres[:, None] + displacements[graph.train_count:]
    off = ((voted - consensus(problem, displacements)) ** 2).sum(-1).mean(-1)
    return replace(problem, edge_weights=agreement(disagreement, robustness),
                   patch_weights=trust * agreement(off, robustness))
