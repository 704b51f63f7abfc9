import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.sparse.csgraph import laplacian

from napari_xray_landmarks.joint_displacement import solver
from napari_xray_landmarks.joint_displacement.solver import Weights

ALL = Weights(0.2, 0.3, 0.15, 0.4)
weight = st.one_of(st.just(0.0), st.floats(1e-4, 1e2))


class PaperMatrices:
    """The objective of the paper, section 2.2, literally: D̂ is (2L, K̃ + K), all matrices dense."""

    def __init__(self, problem, weights):
        count, train, test = problem.landmark_count, problem.graph.train_count, problem.graph.test_count
        both = train + test
        affinity = np.zeros((both, both))
        affinity[np.repeat(np.arange(both), problem.graph.degree), problem.graph.other] = 1
        laplace = laplacian(affinity)
        smooth = laplace / np.trace(laplace)
        pick_train, pick_test = np.eye(both)[:, :train], np.eye(both)[:, train:]
        chain = np.eye(test)[:, :-1] - np.eye(test)[:, 1:]
        steps = np.tile(np.diff(problem.centres, axis=0).T, (count, 1))
        rows = np.eye(2 * count)
        between = np.array([rows[i] - rows[i + 2] for i in range(2 * count - 2)]).reshape(-1, 2 * count)
        centring = np.eye(test) - 1 / test
        given = problem.train_displacements.reshape(train, -1).T
        k, lk = 1 / (count * train), 1 / (count * test)
        self.a = (k * pick_train @ pick_train.T + 2 * weights.alpha / count * smooth
                  + weights.beta * lk * pick_test @ chain @ chain.T @ pick_test.T)
        self.b = weights.gamma * lk * between.T @ between
        self.c = pick_test @ centring @ pick_test.T
        self.g = -k * given @ pick_train.T - weights.beta * lk * steps @ chain.T @ pick_test.T
        self.formation = weights.delta * lk * between.T @ between
        self.formation_target = self.formation @ problem.formation.reshape(-1)
        self.test_block = pick_test @ pick_test.T
        self.objective = lambda d: {
            "ground truth": k / 2 * np.sum((d @ pick_train - given) ** 2),
            "smooth mapping": weights.alpha / count * np.trace(d @ smooth @ d.T),
            "patch offset": weights.beta * lk / 2 * np.sum((d @ pick_test @ chain - steps) ** 2),
            "landmark offset": weights.gamma * lk / 2 * np.trace(
                between @ d @ pick_test @ centring @ centring.T @ pick_test.T @ d.T @ between.T)}

    def system(self):
        """Eq. 9 with the formation term, as one dense system over vec(D̂), patches outermost."""
        matrix = (np.kron(self.a.T, np.eye(len(self.b))) + np.kron(self.c.T, self.b)
                  + np.kron(self.test_block, self.formation))
        target = self.test_block.diagonal()[:, None] * self.formation_target - self.g.T
        return matrix, target.ravel()


@pytest.mark.parametrize("landmarks", [1, 2, 4])
@pytest.mark.parametrize("weights", [Weights(), Weights(3.0, 0.01, 20.0), ALL])
def test_the_solution_is_that_of_the_papers_matrices(make_problem, landmarks, weights):
    problem = make_problem(landmarks=landmarks)
    matrix, target = PaperMatrices(problem, weights).system()
    expected = np.linalg.solve(matrix, target).reshape(-1, landmarks, 2)
    np.testing.assert_allclose(problem.solve(weights).displacements, expected, atol=1e-6)


def test_the_terms_are_those_of_the_paper(make_problem):
    problem = make_problem(1)
    anything = np.random.default_rng(0).normal(0, 10, (64, 4, 2))
    expected = PaperMatrices(problem, Weights(0.2, 0.3, 0.5)).objective(anything.reshape(64, -1).T)
    found = problem.terms(anything, Weights(0.2, 0.3, 0.5))
    assert found.pop("formation") == 0
    assert found == pytest.approx(expected, rel=1e-10)


@example(seed=0, alpha=0.0, beta=1e-4, gamma=0.0, delta=30.0, weighted=False)  # the chain's matrix is singular
@given(seed=st.integers(0, 1000), alpha=weight, beta=weight, gamma=weight, delta=weight, weighted=st.booleans())
@settings(max_examples=25, deadline=None)
def test_no_direction_lowers_the_objective_at_the_solution(make_problem, seed, alpha, beta, gamma, delta, weighted):
    problem, weights = make_problem(seed, weighted=weighted), Weights(alpha, beta, gamma, delta)
    solution = problem.solve(weights)
    assert solution.terms == pytest.approx(problem.terms(solution.displacements, weights))
    rng, scale = np.random.default_rng(seed), max(1e-12, sum(solution.terms.values()))
    for direction in rng.normal(size=(4, *solution.displacements.shape)):
        up, down = (sum(problem.terms(solution.displacements + step * direction, weights).values())
                    for step in (1.0, -1.0))
        curvature = (up + down) / 2 - sum(solution.terms.values())
        assert curvature >= -1e-9 * scale  # convex, and quadratic: the slope is exact
        assert abs(up - down) / 2 <= 1e-6 * (curvature + scale)


@pytest.mark.parametrize("weights", [Weights(), Weights(1.0, 0.05, 0.5), ALL])
def test_the_papers_gradient_descent_gives_the_same(make_problem, weights):
    problem = make_problem(2)
    slow = problem.descend(weights, tolerance=1e-11)
    fast = problem.solve(weights)
    assert slow.residual <= 1e-11 and fast.residual <= solver.TOLERANCE
    assert fast.iterations < slow.iterations / 5
    np.testing.assert_allclose(fast.displacements, slow.displacements, atol=1e-5)


@given(seed=st.integers(0, 1000), weighted=st.booleans())
@settings(max_examples=10, deadline=None)
def test_both_preconditioners_give_the_same(make_problem, seed, weighted):
    problem = make_problem(seed, weighted=weighted)
    one, other = (problem.solve(ALL, preconditioner=name) for name in ("tridiagonal", "diagonal"))
    np.testing.assert_allclose(one.displacements, other.displacements, atol=1e-6)
    assert one.iterations <= other.iterations


def test_a_solution_is_where_the_next_solve_starts(make_problem):
    problem = make_problem(3)
    first = problem.solve(ALL)
    assert problem.solve(ALL, start=first.displacements, tolerance=1e-9).iterations == 0
    near = Weights(0.21, 0.3, 0.15, 0.4)
    again = problem.solve(near, start=first.displacements)
    assert again.iterations < problem.solve(near).iterations
    np.testing.assert_allclose(again.displacements, problem.solve(near).displacements, atol=1e-6)


def test_ground_truth_alone_leaves_training_patches_where_they_are(make_problem):
    problem = make_problem(4)
    solution = problem.solve(Weights(0, 0, 0, 0))
    np.testing.assert_allclose(solution.displacements[:40], problem.train_displacements, atol=1e-12)
    assert np.isfinite(solution.displacements).all() and sum(solution.terms.values()) == pytest.approx(0, abs=1e-20)


def test_a_consistent_image_is_explained_exactly(make_problem):
    """Where every patch sees the same places, every term but the smooth mapping vanishes."""
    problem = make_problem(5)
    places = np.random.default_rng(5).uniform(-8, 8, (4, 2))
    truth = places - problem.centres[:, None]
    train = places - np.random.default_rng(6).uniform(-20, 20, (40, 1, 2))
    exact = solver.JointProblem(problem.graph, train, problem.centres)
    terms = exact.terms(np.concatenate([train, truth]), Weights(0, 1, 1, 1))
    assert max(terms.values()) < 1e-20


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("corrected", [(0,), (1, 3), (0, 1, 2, 3)])
def test_corrections_hold_exactly_and_the_rest_is_the_best_that_remains(make_problem, corrected, weighted):
    problem = make_problem(7, weighted=weighted)
    given = {i: np.array([3.0 + i, -5.0 * i]) for i in corrected}
    solution = problem.solve(ALL, corrections=given)
    voted = problem.centres[:, None] + solution.displacements[40:]
    for landmark, place in given.items():
        np.testing.assert_allclose(voted[:, landmark], np.broadcast_to(place, (24, 2)), atol=1e-12)
    if weighted:
        return
    matrix, target = PaperMatrices(problem, ALL).system()
    held = np.zeros((64, 4, 2), bool)
    held[40:, list(corrected)] = True
    held, expected = held.ravel(), solution.displacements.ravel().copy()
    free = ~held
    expected[free] = np.linalg.solve(matrix[np.ix_(free, free)],
                                     target[free] - matrix[np.ix_(free, held)] @ expected[held])
    np.testing.assert_allclose(solution.displacements.ravel(), expected, atol=1e-6)


def test_the_others_follow_a_corrected_landmark_only_where_the_formation_counts(make_problem):
    problem = make_problem(8)

    def places(weights, corrections=None):
        found = problem.solve(weights, corrections=corrections).displacements[40:]
        return (problem.centres[:, None] + found).mean(0)

    loose, tight = Weights(0.1, 0.1, 0.0, 0.0), Weights(0.1, 0.1, 0.1, 1e3)
    moved = {0: places(loose)[0] + [10.0, -4.0]}
    np.testing.assert_allclose(places(loose, moved)[1:], places(loose)[1:], atol=1e-6)
    followed = places(tight, moved)
    np.testing.assert_allclose(followed - followed[0], problem.formation - problem.formation[0], atol=0.1)


def test_an_untrusted_patch_does_not_pull(make_problem):
    problem = make_problem(9)
    trust = np.ones(24)
    trust[5] = 0.0
    away = problem.centres.copy()
    away[5] += 1e4
    places = [solver.JointProblem(problem.graph, problem.train_displacements, centres, trust).solve(ALL).displacements
              for centres in (problem.centres, away)]
    np.testing.assert_allclose(places[0], places[1], atol=1e-6)


def test_what_does_not_fit_is_refused(make_problem):
    problem = make_problem()
    with pytest.raises(ValueError, match="train_displacements"):
        solver.JointProblem(problem.graph, problem.train_displacements[1:], problem.centres)
    with pytest.raises(ValueError, match="centres"):
        solver.JointProblem(problem.graph, problem.train_displacements, problem.centres[1:])
    with pytest.raises(ValueError, match="24 weights"):
        solver.JointProblem(problem.graph, problem.train_displacements, problem.centres, np.ones(3))
    with pytest.raises(ValueError, match="landmark 4"):
        problem.solve(corrections={4: np.zeros(2)})
    with pytest.raises(ValueError, match="preconditioner"):
        problem.solve(preconditioner="none")


@given(st.sampled_from(("alpha", "beta", "gamma", "delta")), st.sampled_from((-1.0, np.nan, np.inf)))
def test_weights_are_finite_and_not_negative(name, value):
    with pytest.raises(ValueError, match=name):
        Weights(**{name: value})
