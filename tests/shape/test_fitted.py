import numpy as np
import pytest

from napari_xray_landmarks.geometry.similarity import apply, similarity
from napari_xray_landmarks.shape.fitted import FittedShape, fit
from napari_xray_landmarks.shape.point_distribution import PointDistributionModel

POSE = similarity(3.0, 160, (200, 300))


@pytest.fixture(scope="module")
def fitted(model) -> FittedShape:
    observed = apply(POSE, model.shape([20.0, -9.0])) + np.random.default_rng(0).normal(size=model.mean.shape)
    return fit(model, observed)


@pytest.mark.parametrize("mirror", [1, -1])
def test_pose_and_coefficients_of_exact_points_come_back(model, mirror):
    pose = POSE @ np.diag([1.0, mirror, 1.0])
    found = fit(model, apply(pose, model.shape([20.0, -9.0])), noise_px=0.01, reflect=mirror < 0)
    np.testing.assert_allclose(found.image_from_model, pose, atol=1e-4)
    np.testing.assert_allclose(found.coefficients, [20, -9], atol=1e-4)
    np.testing.assert_allclose(found.deviations, found.coefficients / model.deviations)
    np.testing.assert_allclose(found.mean_px, apply(pose, model.mean), atol=1e-2)
    assert found.scale == pytest.approx(3)


def test_the_fit_is_the_most_probable_one(model, fitted):
    def cost(shape):
        return ((shape.points_px - shape.observed_px) ** 2).sum() + (shape.deviations**2).sum()

    best = cost(fitted)
    for nudge in (0.01, -0.01):
        assert cost(FittedShape(model, similarity(1 + nudge) @ fitted.image_from_model, fitted.coefficients,
                                fitted.observed_px, fitted.weights)) > best
        for mode in np.eye(2):
            assert cost(fitted.with_coefficients(fitted.deviations + nudge * mode)) > best


def test_hidden_vertices_are_where_the_others_say(model):
    shape = apply(POSE, model.shape([20.0, -9.0]))
    hidden = shape.copy()
    hidden[5:15] = np.nan
    wrong = shape.copy()
    wrong[5:15] += 50
    weights = np.r_[np.ones(5), np.zeros(10), np.ones(25)]
    for observed, trust in ((hidden, None), (wrong, weights)):
        found = fit(model, observed, trust, noise_px=0.01)
        np.testing.assert_allclose(found.points_px, shape, atol=1e-2)
        assert found.rms_px < 0.01


def test_a_corrected_vertex_is_held_and_its_neighbours_follow(fitted):
    before = fitted.points_px
    places = {12: tuple(before[12] + [14, -6]), 30: tuple(before[30])}
    after = fitted.refit(places)
    np.testing.assert_allclose(after.points_px[[12, 30]], [places[12], places[30]], atol=1e-6)
    moved = np.linalg.norm(after.points_px - before, axis=1)
    assert (moved[[11, 13]] > 0.4 * moved[12]).all() and moved[[12]] > 15
    assert moved[[28, 29, 31, 32]].max() < 1.5
    steps = np.diff(after.points_px - before, axis=0)
    assert np.linalg.norm(steps, axis=1).max() < 0.55 * moved[12], "the outline must not kink at the vertex"


def test_nothing_held_gives_the_fit_to_the_film_back(fitted):
    back = fitted.refit({3: (0.0, 0.0)}).refit({})
    np.testing.assert_allclose(back.points_px, fitted.points_px, atol=1e-3)


def test_all_vertices_can_be_held(model, fitted):
    wished = {i: tuple(p) for i, p in enumerate(apply(similarity(1.2, 30), fitted.points_px))}
    np.testing.assert_allclose(fitted.refit(wished).points_px, list(wished.values()), atol=1e-6)


def test_a_correction_that_the_model_explains_moves_the_rest_as_the_model_does(model):
    shape = apply(POSE, model.mean)
    vague = fit(model, shape, np.full(len(shape), 1e-4))
    target = apply(POSE, model.shape([30.0, 0.0]))
    found = vague.refit({i: tuple(target[i]) for i in range(0, 40, 4)})
    error, start = (np.linalg.norm(x - target, axis=1).mean() for x in (found.points_px, shape))
    assert error < 0.1 * start


def test_sliders_move_the_shape_and_leave_held_vertices(model, fitted):
    np.testing.assert_allclose(fitted.with_coefficients([1.0, -2.0]).points_px,
                               apply(fitted.image_from_model, model.shape([20.0, -2 * np.sqrt(90)])))
    place = tuple(fitted.points_px[7] + 10)
    slid = fitted.refit({7: place}).with_coefficients([2.0, 2.0])
    np.testing.assert_allclose(slid.points_px[7], place, atol=1e-6)
    np.testing.assert_allclose(slid.deviations, 2)


def test_one_direction_of_each_vertex_is_enough(model):
    shape = apply(POSE, model.shape([20.0, -9.0]))
    along = np.roll(shape, -1, axis=0) - np.roll(shape, 1, axis=0)
    along /= np.linalg.norm(along, axis=1)[:, None]
    normals = np.column_stack([-along[:, 1], along[:, 0]])
    slid = shape + along * np.random.default_rng(1).normal(0, 4, (len(shape), 1))
    free = fit(model, slid, np.einsum("ni,nj->nij", normals, normals), noise_px=0.1)
    tied = fit(model, slid, noise_px=0.1)
    error = [np.linalg.norm(f.points_px - shape, axis=1).mean() for f in (free, tied)]
    assert error[0] < 0.1 and error[1] > 3 * error[0]


def test_a_shape_in_a_volume_is_fitted_too():
    rng = np.random.default_rng(2)
    model = PointDistributionModel.fit(rng.normal(size=(1, 20, 3)) * 30 + rng.normal(size=(8, 20, 3)))
    pose = np.eye(4)
    pose[:3, :3] = 1.3 * np.linalg.qr(rng.normal(size=(3, 3)))[0]
    pose[:3, :3] *= np.sign(np.linalg.det(pose[:3, :3]))
    pose[:3, 3] = 5, 6, 7
    target = apply(pose, model.shape(model.deviations))
    found = fit(model, target, noise_px=1e-3)
    np.testing.assert_allclose(found.points_px, target, atol=1e-4)
    held = found.refit({4: tuple(target[4] + 3)})
    np.testing.assert_allclose(held.points_px[4], target[4] + 3, atol=1e-6)


@pytest.mark.parametrize("change", [
    {"noise_px": 0.0}, {"held": {99: (1.0, 2.0)}}, {"held": {1: (1.0, float("nan"))}}, {"coefficients": [1.0]},
    {"observed_px": np.zeros((3, 2))}, {"weights": np.zeros(3)}, {"image_from_model": np.eye(4)},
])
def test_what_does_not_fit_the_model_is_refused(fitted, change):
    from dataclasses import replace

    with pytest.raises(ValueError):
        replace(fitted, **change)


def test_too_little_to_go_by_is_refused(model):
    with pytest.raises(ValueError, match="2 distinct"):
        fit(model, np.full((40, 2), np.nan))
