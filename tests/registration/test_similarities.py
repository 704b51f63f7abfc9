"""Against closed forms, and derivatives against finite differences."""

import numpy as np
import pytest

from napari_xray_landmarks.registration.similarities import channels_of, patch_sums, scatter, similarity_to

KINDS = [(gradients, patch) for gradients in (False, True) for patch in (0, 8, 16)]


@pytest.fixture
def film():
    return np.random.default_rng(0).random((41, 53)).astype(np.float32)


def weights_of(film):
    return np.ones(film.shape, np.float32)


@pytest.mark.parametrize(("gradients", "patch"), KINDS)
def test_whatever_the_contrast_an_image_is_most_like_itself(film, gradients, patch):
    compare = similarity_to(film, weights_of(film), gradients=gradients, patch_px=patch)
    same, other = compare(3 * film - 7).value, compare(np.roll(film, 5, axis=0)).value
    assert same > 0.93, "1 but for the flattening of patches without contrast"
    assert compare(-film).value == pytest.approx(-same, abs=1e-4)
    assert abs(other) < 0.3


def test_ncc_of_the_whole_is_the_correlation_coefficient(film):
    other = film + 0.5 * np.random.default_rng(1).random(film.shape).astype(np.float32)
    found = similarity_to(film, weights_of(film), gradients=False, patch_px=0)(other).value
    assert found * 1.05 == pytest.approx(np.corrcoef(film.ravel(), other.ravel())[0, 1], abs=1e-5)


def test_gradients_are_those_of_a_plane():
    rows, columns = np.indices((7, 9)).astype(np.float32)
    down, across = channels_of((2 * rows - 3 * columns)[None], True)[:, 0]
    np.testing.assert_allclose(down, 2, atol=1e-5)
    np.testing.assert_allclose(across, -3, atol=1e-5)
    assert down.shape == (5, 7)


def test_patches_overlap_by_half_and_leave_nothing_out(film):
    sums = patch_sums(film[None], weights_of(film), 4)
    down, across = -(-41 // 4), -(-53 // 4)
    assert sums.shape == ((down - 1) * (across - 1), 2, 2)
    np.testing.assert_allclose(sums[0], [[64, film[:8, :8].sum()], [film[:8, :8].sum(), (film[:8, :8] ** 2).sum()]],
                               rtol=1e-5)


def test_scatter_is_about_the_weighted_means(film):
    weights = np.random.default_rng(2).random(film.shape).astype(np.float32)
    other = np.roll(film, 1, axis=1)
    (found,) = scatter(patch_sums(np.stack([film, other]), np.sqrt(weights), 0))
    expected = np.cov(film.ravel(), other.ravel(), aweights=weights.ravel(), ddof=0) * weights.sum()
    np.testing.assert_allclose(found[1:, 1:], expected, rtol=1e-3)
    assert found[0, 0] == pytest.approx(weights.sum(), rel=1e-5)


@pytest.mark.parametrize(("gradients", "patch"), KINDS)
def test_the_gradient_is_that_of_finite_differences(film, gradients, patch):
    rng = np.random.default_rng(3)
    jacobian = rng.standard_normal((4, *film.shape)).astype(np.float32)
    moving = film + 0.4 * rng.random(film.shape).astype(np.float32)
    compare = similarity_to(film, rng.random(film.shape), gradients=gradients, patch_px=patch)
    found = compare(moving, jacobian)
    for i in range(4):
        ahead, behind = (compare(moving + step * jacobian[i]).value for step in (2e-3, -2e-3))
        assert found.gradient[i] == pytest.approx((ahead - behind) / 4e-3, rel=0.02, abs=2e-4)
    np.testing.assert_allclose(found.parts.sum(0), found.gradient)
    assert np.linalg.eigvalsh(found.hessian)[0] > 0


@pytest.mark.parametrize("gradients", [False, True])
def test_the_curvature_is_that_of_finite_differences_at_the_best(film, gradients):
    rng = np.random.default_rng(4)
    jacobian = rng.standard_normal((3, *film.shape)).astype(np.float32)
    compare = similarity_to(film, weights_of(film), gradients=gradients, patch_px=0)
    best = compare(film, jacobian)
    for i in range(3):
        ahead, behind = (compare(film + step * jacobian[i]).value for step in (0.02, -0.02))
        assert best.hessian[i, i] == pytest.approx(-(ahead + behind - 2 * best.value) / 0.02**2, rel=0.1)


def test_what_has_no_weight_does_not_count(film):
    weights, spoilt = weights_of(film), film.copy()
    weights[:, 20:30], spoilt[:, 20:30] = 0, 1e3
    for gradients in (False, True):
        compare = similarity_to(film, weights, gradients=gradients, patch_px=8)
        assert compare(spoilt).value == pytest.approx(compare(film).value, abs=1e-4)


def test_flat_images_are_like_nothing(film):
    flat = np.ones_like(film)
    for one, other in ((film, flat), (flat, film)):
        found = similarity_to(one, weights_of(film), gradients=True, patch_px=8)(other, film[None])
        assert found.value == 0 and np.isfinite(found.gradient).all()
    nothing = similarity_to(film, 0 * film, gradients=True, patch_px=8)(film, film[None])
    assert nothing.value == 0 and not nothing.gradient.any()
