import numpy as np
import pytest

from napari_xray_landmarks.geometry.similarity import apply, similarity, similarity_from_points
from napari_xray_landmarks.shape.point_distribution import PointDistributionModel, significant_modes


def drawn(model, count, rng, noise=0.0):
    shapes = np.array([model.sample(rng, 4.0) for _ in range(count)])
    return shapes + noise * rng.normal(size=shapes.shape)


def test_the_modes_of_the_model_that_made_the_shapes_are_found(model):
    rng = np.random.default_rng(0)
    shapes = [apply(similarity(1, angle, (9, 2)), shape)
              for angle, shape in zip(rng.uniform(-99, 99, 400), drawn(model, 400, rng), strict=True)]
    found = PointDistributionModel.fit(shapes)
    assert len(found.modes) == 2
    np.testing.assert_allclose(found.variances, model.variances, rtol=0.2)
    turn = similarity_from_points(found.mean, model.mean)[:2, :2]
    overlap = np.tensordot(found.modes @ turn.T, model.modes, ((1, 2), (1, 2)))
    np.testing.assert_allclose(np.abs(overlap), np.eye(2), atol=0.06)


def test_shape_and_coefficients_are_inverse_within_the_modes(model):
    np.testing.assert_allclose(model.coefficients(model.shape([3.0, -2.0])), [3, -2])
    np.testing.assert_allclose(model.shape([3.0]), model.shape([3.0, 0.0]))
    np.testing.assert_allclose(model.clip([100.0, -5.0], 3.0), [60, -5])


def test_retained_variance_sets_the_number_of_modes():
    rng = np.random.default_rng(1)
    shapes = rng.normal(size=(1, 10, 2)) * 50 + rng.normal(size=(30, 10, 2))
    share = [PointDistributionModel.fit(shapes, retained=r, aligned=True) for r in (0.5, 0.9, 1.0)]
    everything = share[-1].variances.sum()
    for found, wanted in zip(share[:2], (0.5, 0.9), strict=True):
        assert found.variances.sum() >= wanted * everything > found.variances[:-1].sum()
        left_out = everything - found.variances.sum()
        assert found.residual == pytest.approx(left_out / (20 - len(found.modes)))
    assert len(share[-1].modes) == 20
    np.testing.assert_allclose(share[-1].shape(share[-1].coefficients(shapes[4])), shapes[4])
    short = share[-1].with_modes(len(share[0].modes))
    assert short.residual == pytest.approx(share[0].residual)


@pytest.mark.parametrize("criterion", ["mdl", "bic"])
def test_the_criterion_finds_the_modes_that_stand_out_of_noise(model, criterion):
    shapes = drawn(model, 400, np.random.default_rng(2), noise=0.5)
    assert len(PointDistributionModel.fit(shapes, criterion=criterion, aligned=True).modes) == 2
    variances = np.r_[400.0, 90.0, np.full(30, 0.25)]
    assert significant_modes(variances, 400, criterion) == 2
    assert significant_modes(np.full(9, 0.3), 400, criterion) == 0


def test_the_criterion_is_the_description_length_of_the_definition():
    variances, shapes = np.array([7.0, 3, 1, 0.9]), 25
    def length(k):
        tail = variances[k:]
        fit = -shapes * (len(tail) * (np.log(tail).mean() - np.log(tail.mean()))) / 2
        return fit + k * (8 - k + 1) / 4 * np.log(shapes)
    assert significant_modes(variances, shapes) == int(np.argmin([length(k) for k in range(4)]))


def test_the_posterior_is_the_ridge_solution(model):
    rng = np.random.default_rng(3)
    points, weights = model.shape([20.0, 5.0]) + rng.normal(size=model.mean.shape), rng.uniform(0, 1, len(model.mean))
    mean, covariance = model.posterior(points, weights, noise=0.7)
    rows = np.sqrt(np.repeat(weights, 2)) / 0.7
    design = np.vstack([rows[:, None] * model.modes.reshape(2, -1).T, np.diag(1 / model.deviations)])
    expected = np.linalg.lstsq(design, np.r_[rows * (points - model.mean).ravel(), 0, 0], rcond=None)[0]
    np.testing.assert_allclose(mean, expected)
    np.testing.assert_allclose(covariance, np.linalg.inv(design.T @ design))


def test_what_is_unknown_leaves_the_prior_and_directions_count_alone(model):
    nothing = np.full_like(model.mean, np.nan)
    mean, covariance = model.posterior(nothing)
    np.testing.assert_allclose(mean, 0)
    np.testing.assert_allclose(covariance, np.diag(model.variances))
    normals = np.random.default_rng(4).normal(size=model.mean.shape)
    normals /= np.linalg.norm(normals, axis=1)[:, None]
    slid = model.shape([15.0, -8.0]) + 30 * np.column_stack([-normals[:, 1], normals[:, 0]])
    found = model.posterior(slid, np.einsum("ni,nj->nij", normals, normals), noise=0.01)[0]
    np.testing.assert_allclose(found, [15, -8], atol=1e-2)


def test_tensors_give_the_model_back(model):
    names = [f"p{i}" for i in range(len(model.mean))]
    back = PointDistributionModel.from_tensors(model.to_tensors("femur."), names, "femur.")
    np.testing.assert_allclose(back.shape([9.0, 9.0]), model.shape([9.0, 9.0]), rtol=1e-5)
    assert back.names[3] == "p3" and back.residual == pytest.approx(model.residual)
    with pytest.raises(ValueError, match="'mean'"):
        PointDistributionModel.from_tensors(model.to_tensors("femur."))


def test_works_in_space():
    rng = np.random.default_rng(6)
    shapes = rng.normal(size=(1, 15, 3)) * 40 + rng.normal(size=(6, 15, 3))
    found = PointDistributionModel.fit(shapes, retained=1.0)
    assert found.modes.shape == (5, 15, 3)
    np.testing.assert_allclose(np.einsum("mnd,knd->mk", found.modes, found.modes), np.eye(5), atol=1e-9)


@pytest.mark.parametrize("change", [
    {"mean": np.zeros(4)}, {"variances": np.array([1.0])}, {"variances": np.array([1.0, 0.0])}, {"residual": -1.0},
    {"names": ("one",)}, {"mean": np.full((40, 2), np.nan)},
])
def test_what_is_no_model_is_refused(model, change):
    parts = {"mean": model.mean, "modes": model.modes, "variances": model.variances}
    with pytest.raises(ValueError):
        PointDistributionModel(**parts | change)


@pytest.mark.parametrize("shapes, options", [
    (np.ones((1, 4, 2)), {}), (np.ones((3, 4, 2)) * np.arange(4)[:, None], {}), (np.zeros((3, 4)), {}),
    (np.random.default_rng(0).normal(size=(3, 4, 2)), {"retained": 1.5}),
    (np.random.default_rng(0).normal(size=(3, 4, 2)), {"criterion": "elbow"}),
])
def test_shapes_that_make_no_model_are_refused(shapes, options):
    with pytest.raises(ValueError):
        PointDistributionModel.fit(shapes, **options)
