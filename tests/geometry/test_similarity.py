import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_xray_landmarks.geometry.similarity import apply, decompose, invert, similarity, similarity_from_points

transforms = st.builds(similarity, st.floats(0.1, 10), st.floats(-179, 180),
                       st.tuples(st.floats(-500, 500), st.floats(-500, 500)))
POINTS = np.array([[0.0, 0], [10, 3], [-4, 8], [7, 7]])


@given(transforms)
def test_points_give_back_the_transform_that_moved_them(image_from_model):
    found = similarity_from_points(POINTS, apply(image_from_model, POINTS))
    np.testing.assert_allclose(found, image_from_model, atol=1e-9)


@given(transforms)
def test_invert_undoes(matrix):
    np.testing.assert_allclose(invert(matrix) @ matrix, np.eye(3), atol=1e-9)
    np.testing.assert_allclose(invert(matrix), np.linalg.inv(matrix), atol=1e-9)


@given(transforms)
def test_decompose_and_similarity_are_inverse(matrix):
    np.testing.assert_allclose(similarity(*decompose(matrix)), matrix, atol=1e-9)


def test_a_quarter_turn_takes_rows_to_columns():
    np.testing.assert_allclose(apply(similarity(2, 90), [1.0, 0.0]), [0, 2], atol=1e-12)


def test_the_fit_is_the_least_squares_one():
    rng = np.random.default_rng(0)
    target = apply(similarity(1.3, 20, (5, 6)), POINTS) + rng.normal(size=POINTS.shape)
    weights = np.array([1.0, 2, 3, 4])

    def cost(scale, angle, row, column):
        error = apply(similarity(scale, angle, (row, column)), POINTS) - target
        return weights @ (error**2).sum(1)

    scale, angle, shift = decompose(similarity_from_points(POINTS, target, weights))
    best = cost(scale, angle, *shift)
    for nudge in np.vstack([np.eye(4), -np.eye(4)]) * 1e-3:
        assert cost(*(np.array([scale, angle, *shift]) + nudge)) > best


def test_a_mirrored_target_is_not_reached_by_reflection():
    matrix = similarity_from_points(POINTS, POINTS * [1, -1])
    assert np.linalg.det(matrix[:2, :2]) > 0


def test_zero_weight_and_nan_do_not_count():
    target = apply(similarity(2, 30), POINTS)
    target[2], target[3] = 1e6, np.nan
    found = similarity_from_points(POINTS, target, [1, 1, 0, 1])
    np.testing.assert_allclose(found, similarity(2, 30), atol=1e-9)


@pytest.mark.parametrize("source, weights", [
    ([[1, 2], [1, 2]], None), ([[1, 2]], None), ([[1, 2], [3, 4]], [1, -1]), ([[1, 2, 3], [4, 5, 6]], None),
])
def test_what_has_no_answer_is_refused(source, weights):
    with pytest.raises(ValueError):
        similarity_from_points(source, source, weights)
