import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from napari_xray_landmarks.geometry.similarity import apply, similarity
from napari_xray_landmarks.shape.huber_lasso import solve
from napari_xray_landmarks.shape.procrustes import align
from napari_xray_landmarks.shape.sparse_composition import compose

POSE = similarity(4.0, 75, (150, 90))


@pytest.fixture(scope="module")
def dictionary(model):
    rng = np.random.default_rng(0)
    return align([model.sample(rng) for _ in range(60)])[1]


def conditions(target, atoms, weights, lambda_shape, lambda_outlier, x, e):
    """By how much the optimality (KKT) conditions of the convex problem are violated: of x, and of e."""
    slope = 2 * weights * (target - x @ atoms - e)
    for_x = atoms @ slope
    x_off = np.where(x != 0, np.abs(for_x - lambda_shape * np.sign(x)), np.maximum(np.abs(for_x) - lambda_shape, 0))
    e_off = np.where(e != 0, np.abs(slope - lambda_outlier * np.sign(e)),
                     np.maximum(np.abs(slope) - lambda_outlier, 0))
    return x_off.max(), e_off.max()


@pytest.mark.parametrize("penalties", [(1.0, 1.0), (0.1, 0.02), (0.003, 0.01), (1e-4, 1.0)])
@pytest.mark.parametrize("collinear", [0.0, 3.0])
def test_the_optimality_conditions_hold(penalties, collinear):
    rng = np.random.default_rng(1)
    atoms = collinear * rng.normal(size=(1, 60)) + rng.normal(size=(100, 60))
    target, weights = atoms[:3].sum(0) + 0.1 * rng.normal(size=60), rng.uniform(0.1, 2, 60)
    target[:15] += 4
    x, e = solve(target, atoms, weights, *penalties)
    assert max(conditions(target, atoms, weights, *penalties, x, e)) < 1e-7 * min(penalties) + 1e-12


@given(arrays(float, (6, 10), elements=st.floats(-3, 3)), arrays(float, 10, elements=st.floats(-3, 3)),
       arrays(float, 10, elements=st.floats(0, 2)), st.floats(0.01, 3), st.floats(0.01, 3))
@settings(max_examples=100, deadline=None)
def test_no_nearby_answer_is_better(atoms, target, weights, lambda_shape, lambda_outlier):
    def objective(x, e):
        return (weights @ (target - x @ atoms - e) ** 2 + lambda_shape * np.abs(x).sum()
                + lambda_outlier * np.abs(e).sum())

    x, e = solve(target, atoms, weights, lambda_shape, lambda_outlier)
    best, rng = objective(x, e), np.random.default_rng(0)
    for size in (1e-3, 0.1, 1.0):
        for _ in range(10):
            assert objective(x + size * rng.normal(size=6), e + size * rng.normal(size=10)) >= best - 1e-9
    assert objective(np.zeros(6), np.zeros(10)) >= best - 1e-9


def test_a_warm_start_gives_the_same_answer():
    rng = np.random.default_rng(2)
    atoms, target = rng.normal(size=(80, 50)) + 2 * rng.normal(size=50), rng.normal(size=50)
    cold = solve(target, atoms, np.ones(50), 0.05, 0.1)
    for start in (rng.normal(size=80), solve(target + 0.1, atoms, np.ones(50), 0.05, 0.1)[0]):
        for one, other in zip(cold, solve(target, atoms, np.ones(50), 0.05, 0.1, start=start), strict=True):
            np.testing.assert_allclose(one, other, atol=1e-7)


def test_a_training_shape_in_any_pose_is_recognised(dictionary):
    found = compose(apply(POSE, dictionary[17]), dictionary, lambda_shape=1e-3, lambda_outlier=1e-2)
    np.testing.assert_allclose(found.points, apply(POSE, dictionary[17]), atol=0.5)
    assert np.abs(found.x).argmax() == 17 and not found.e.any()
    np.testing.assert_allclose(found.points, apply(found.image_from_model, found.shape))


def test_gross_errors_go_into_the_outliers_and_not_into_the_shape(model, dictionary):
    rng = np.random.default_rng(3)
    true = apply(POSE, model.sample(rng))
    observed = true + rng.normal(0, 0.5, true.shape)
    wrong = np.zeros(40, bool)
    wrong[10:20] = True
    observed[wrong] += [40, 25]
    found, published = compose(observed, dictionary), compose(observed, dictionary, reweightings=0)
    error, error_as_published = (np.linalg.norm(c.points - true, axis=1) for c in (found, published))
    assert error.mean() < 2 and error.max() < 6
    assert error_as_published.mean() < 12
    assert found.outlier_px[wrong].min() > 30 and found.outlier_px[~wrong].max() < 5


def test_hidden_points_and_those_without_weight_do_not_count(dictionary):
    true = apply(POSE, dictionary[5])
    hidden, wrong, weights = true.copy(), true.copy(), np.ones(40)
    hidden[:8], wrong[:8], weights[:8] = np.nan, 1e3, 0.0
    one, other = compose(hidden, dictionary), compose(wrong, dictionary, weights)
    np.testing.assert_allclose(one.points, other.points, atol=1e-3)
    np.testing.assert_allclose(one.points, true, atol=2)
    assert not one.e[:8].any()


def test_it_does_not_depend_on_where_the_points_lie(dictionary):
    rng = np.random.default_rng(4)
    observed = apply(POSE, dictionary[3]) + rng.normal(size=(40, 2))
    moved = similarity(0.5, -140, (7, -3))
    one, other = (compose(o, dictionary, lambda_outlier=1.0) for o in (observed, apply(moved, observed)))
    assert other.objective == pytest.approx(one.objective, rel=1e-3)
    np.testing.assert_allclose(other.points, apply(moved, one.points), atol=0.05)


def test_a_mirrored_shape_is_found_where_it_may_be(dictionary):
    observed = apply(POSE, dictionary[3]) * [1, -1]
    assert np.abs(compose(observed, dictionary, reflect=True).points - observed).max() < 3
    assert np.abs(compose(observed, dictionary).points - observed).max() > 10


def test_it_goes_on_from_a_pose(dictionary):
    rng = np.random.default_rng(5)
    observed = apply(POSE, dictionary[3]) + rng.normal(size=(40, 2))
    first = compose(observed, dictionary)
    again = compose(observed, dictionary, start=first.image_from_model)
    np.testing.assert_allclose(again.points, first.points, atol=0.1)
    assert again.rounds < first.rounds


def test_nothing_is_composed_where_sparseness_costs_too_much(dictionary):
    found = compose(apply(POSE, dictionary[3]), dictionary, lambda_shape=1e4)
    assert not found.x.any()
    np.testing.assert_allclose(found.shape, dictionary.mean(0))


def test_shapes_in_space_are_composed_too():
    rng = np.random.default_rng(6)
    shapes = align(rng.normal(size=(1, 12, 3)) * 30 + rng.normal(size=(20, 12, 3)))[1]
    found = compose(shapes[4] * 2 + 50, shapes, lambda_shape=1e-3, lambda_outlier=0.01)
    np.testing.assert_allclose(found.points, shapes[4] * 2 + 50, atol=0.5)


@pytest.mark.parametrize("points, dictionary, options", [
    (np.zeros((4, 2)), np.zeros((3, 5, 2)), {}), (np.zeros((4, 2)), np.zeros((4, 2)), {}),
    (np.zeros((4, 2)), np.ones((3, 4, 2)), {"lambda_shape": 0.0}),
    (np.zeros((4, 2)), np.ones((3, 4, 2)), {"weights": [1, 1, -1, 1]}),
    (np.full((4, 2), np.nan), np.random.default_rng(0).normal(size=(3, 4, 2)), {}),
])
def test_what_does_not_fit_is_refused(points, dictionary, options):
    with pytest.raises(ValueError):
        compose(points, dictionary, **options)
