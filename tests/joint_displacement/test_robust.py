import numpy as np
import pytest

from napari_xray_landmarks.joint_displacement.graph import patch_graph
from napari_xray_landmarks.joint_displacement.robust import agreement, consensus, solve_robustly
from napari_xray_landmarks.joint_displacement.solver import JointProblem, Weights

PLACES = np.array([[0, 0], [12, 3], [20, -6], [31, 4]], dtype=float)
OUTLIERS = slice(0, 24)


@pytest.fixture(scope="module")
def problem():
    """120 test patches of which the first 24 look like training patches 40 px from where they are."""
    rng = np.random.default_rng(0)
    train, test = rng.uniform(-25, 45, (300, 2)), rng.uniform(-25, 45, (120, 2))
    seen = test.copy()
    seen[OUTLIERS] += [0.0, 40.0]
    graph = patch_graph(train.astype(np.float32), seen.astype(np.float32), 8)
    return JointProblem(graph, PLACES - train[:, None] + rng.normal(0, 0.5, (300, 4, 2)), test)


def test_without_robustness_the_problem_is_solved_as_published(problem):
    same, solution = solve_robustly(problem, Weights(), 0.0)
    assert same is problem
    np.testing.assert_array_equal(solution.displacements, problem.solve(Weights()).displacements)


def test_planted_outliers_lose_their_influence(problem):
    weights = Weights(1.0, 0.1, 0.1, 0.0)
    plain = problem.solve(weights)
    reweighted, solution = solve_robustly(problem, weights, 2.0)
    trust = reweighted.patch_weights
    assert trust[OUTLIERS].mean() < 0.3 * trust[OUTLIERS.stop:].mean()
    before = np.linalg.norm(consensus(problem, plain.displacements) - PLACES, axis=1)
    after = np.linalg.norm(consensus(reweighted, solution.displacements) - PLACES, axis=1)
    assert before.max() > 4 and (after < before / 3).all()


def test_links_between_patches_that_disagree_weaken_alike_in_both_directions(problem):
    reweighted, _ = solve_robustly(problem, Weights(), 1.0)
    graph, node = problem.graph, np.repeat(np.arange(420), problem.graph.degree)
    dense = np.zeros((420, 420))
    dense[node, graph.other] = reweighted.edge_weights
    np.testing.assert_allclose(dense, dense.T, rtol=1e-9)
    assert 0 < reweighted.edge_weights.min() < reweighted.edge_weights.max() <= 1


def test_the_last_solve_is_exact_for_the_last_weights(problem):
    reweighted, solution = solve_robustly(problem, Weights(), 1.0)
    np.testing.assert_allclose(solution.displacements, reweighted.solve(Weights()).displacements, atol=1e-6)


def test_corrections_hold_while_weights_change(problem):
    _, solution = solve_robustly(problem, Weights(delta=0.1), 1.0, corrections={2: np.array([22.0, -9.0])})
    voted = problem.centres + solution.displacements[300:, 2]
    np.testing.assert_allclose(voted, np.broadcast_to([22.0, -9.0], voted.shape), atol=1e-9)


def test_patches_that_do_not_vote_stay_without_trust(problem):
    trust = np.ones(120)
    trust[50:] = 0
    silent = JointProblem(problem.graph, problem.train_displacements, problem.centres, trust)
    reweighted, _ = solve_robustly(silent, Weights(), 1.0)
    assert not reweighted.patch_weights[50:].any() and reweighted.patch_weights[:50].all()


def test_agreement_falls_with_distance_and_robustness():
    assert agreement(np.array([0.0]), 3.0) == 1
    assert agreement(np.array([25.0]), 1.0) == pytest.approx(0.5)
    assert (np.diff(agreement(np.linspace(0, 100, 50), 0.7)) < 0).all()
    assert agreement(np.array([9.0]), 0.5) > agreement(np.array([9.0]), 1.5)
