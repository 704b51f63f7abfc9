import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from napari_xray_landmarks.geometry.similarity import apply, similarity
from napari_xray_landmarks.shape.drift import register


def observed(shape, matrix, rng, *, outliers=0.0, noise=0.5, count=600):
    """Points of a shape under a transform in any order, part of them anywhere in their box."""
    points = apply(matrix, shape[rng.integers(len(shape), size=count)]) + rng.normal(0, noise, (count, shape.shape[1]))
    lost = int(outliers * count)
    points[:lost] = rng.uniform(points.min(0), points.max(0), (lost, shape.shape[1]))
    return rng.permutation(points)


@pytest.mark.parametrize("outliers", [0.0, 0.3])
def test_every_rotation_is_recovered(model, outliers):
    for angle in range(5, 365, 30):
        pose = similarity(3, angle, (200, 300))
        target = observed(model.mean, pose, np.random.default_rng(angle), outliers=outliers)
        found = register(model.mean, target)
        np.testing.assert_allclose(found.points, apply(pose, model.mean), atol=1.0)
        assert found.sigma == pytest.approx(0.5, rel=0.4 if outliers else 0.15)


def test_a_mirrored_shape_is_recognised_by_its_likelihood(model):
    rng = np.random.default_rng(1)
    pose = similarity(3, 130, (200, 300)) @ np.diag([1, -1, 1])
    target = observed(model.mean, pose, rng, outliers=0.2)
    found, forbidden = register(model.mean, target, reflect=True), register(model.mean, target)
    np.testing.assert_allclose(found.points, apply(pose, model.mean), atol=1)
    assert np.linalg.det(found.matrix) < 0 < np.linalg.det(forbidden.matrix)
    assert found.likelihood > forbidden.likelihood + 0.1


def test_rigid_keeps_the_size_and_affine_shears(model):
    rng = np.random.default_rng(2)
    turn = similarity(1, 70, (10, 20))
    rigid = register(model.mean, observed(model.mean, turn, rng), transform="rigid")
    np.testing.assert_allclose(rigid.matrix, turn, atol=0.3)
    np.testing.assert_allclose(rigid.matrix[:2, :2] @ rigid.matrix[:2, :2].T, np.eye(2), atol=1e-9)
    shear = turn @ np.array([[1, 0.2, 0], [0, 1.1, 0], [0, 0, 1]])
    target = observed(model.mean, shear, rng)
    affine = register(model.mean, target, transform="affine")
    np.testing.assert_allclose(affine.points, apply(shear, model.mean), atol=0.6)
    assert affine.likelihood > register(model.mean, target).likelihood + 0.5


def test_the_posterior_tells_correspondences_and_outliers(model):
    rng = np.random.default_rng(3)
    pose = similarity(2, 45, (50, 50))
    true = apply(pose, model.mean)
    target = np.vstack([true[::-1], rng.uniform(true.min(0), true.max(0), (10, 2))])
    found = register(model.mean, target, outliers=0.2)
    assert found.posterior.shape == (40, 50)
    np.testing.assert_array_equal(found.posterior[:, :40].argmax(0), np.arange(40)[::-1])
    np.testing.assert_allclose(found.matched, true, atol=0.5)
    assert found.inlier[:40].min() > 0.9 and np.median(found.inlier[40:]) < 0.1
    assert found.support.sum() == pytest.approx(found.inlier.sum())


def test_the_likelihood_is_that_of_the_mixture(model):
    found = register(model.mean, observed(model.mean, similarity(2, 20), np.random.default_rng(4)), outliers=0.15)
    away = ((found.points[:, None] - found.target) ** 2).sum(2)
    normal = np.exp(-away / (2 * found.sigma**2)) / (2 * np.pi * found.sigma**2)
    density = 0.85 * normal.mean(0) + 0.15 / np.prod(np.ptp(found.target, axis=0))
    assert found.likelihood == pytest.approx(np.log(density).mean(), abs=1e-3)


def test_the_model_that_made_the_points_has_the_largest_likelihood(model):
    target = observed(model.shape([40.0, -15.0]), similarity(3, 200), np.random.default_rng(5), outliers=0.2)
    likelihood = {b: register(model.shape(b), target).likelihood for b in ((40.0, -15.0), (0.0, 0.0), (-40.0, 15.0))}
    assert max(likelihood, key=likelihood.get) == (40.0, -15.0)


def test_points_count_by_their_weights(model):
    rng = np.random.default_rng(6)
    pose = similarity(3, 75, (9, 9))
    good = observed(model.mean, pose, rng)
    clutter = rng.normal(good.max(0), 10, (900, 2))
    weights = np.r_[np.ones(600), np.full(900, 1e-3)]
    found = register(model.mean, np.vstack([good, clutter]), weights)
    np.testing.assert_allclose(found.points, apply(pose, model.mean), atol=1)


@pytest.mark.parametrize("starts", [60, 24])
def test_shapes_in_space_are_registered_from_any_rotation(starts):
    rng = np.random.default_rng(7)
    shape = rng.normal(size=(80, 3)) * [20, 12, 7] + 5 * np.abs(rng.normal(size=(80, 1)))
    for turn in Rotation.random(4, rng=rng):
        pose = np.eye(4)
        pose[:3, :3], pose[:3, 3] = 1.5 * turn.as_matrix(), (10, -20, 30)
        found = register(shape, observed(shape, pose, rng, outliers=0.2), starts=starts)
        np.testing.assert_allclose(found.points, apply(pose, shape), atol=1)


def test_one_start_stays_in_its_own_valley(model):
    target = observed(model.mean, similarity(3, 20, (5, 5)), np.random.default_rng(8))
    found = register(model.mean, target, starts=1)
    np.testing.assert_allclose(found.points, apply(similarity(3, 20, (5, 5)), model.mean), atol=1)
    turned = register(model.mean, target, starts=similarity(1, 200)[None, :2, :2])
    assert turned.likelihood < found.likelihood - 0.3


def test_many_points_of_few_are_thinned_and_the_same_seed_gives_the_same(model):
    target = observed(model.mean, similarity(3, 250), np.random.default_rng(9), count=8000)
    one, other = register(model.mean, target, seed=3), register(model.mean, target, seed=3)
    np.testing.assert_array_equal(one.matrix, other.matrix)
    np.testing.assert_allclose(one.points, apply(similarity(3, 250), model.mean), atol=0.5)


@pytest.mark.parametrize("source, target, options", [
    (np.zeros((5, 2)), np.eye(4)[:, :2], {}), (np.eye(4)[:, :2], np.eye(4)[:, :3], {}),
    (np.eye(4)[:, :2], np.full((4, 2), np.nan), {}), (np.eye(4)[:, :2], np.eye(4)[:, :2], {"transform": "warp"}),
    (np.eye(4)[:, :2], np.eye(4)[:, :2], {"outliers": 1.0}), (np.eye(4)[:, :2], np.eye(4)[:, :2], {"starts": 0}),
    (np.eye(4)[:, :2], np.eye(4)[:, :2], {"weights": np.zeros(4)}), (np.eye(4)[:, :2], np.eye(2), {}),
])
def test_what_cannot_be_registered_is_refused(source, target, options):
    with pytest.raises(ValueError):
        register(source, target, **options)
