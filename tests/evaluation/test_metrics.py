"""Metrics against truths that are known without computing them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from napari_xray_landmarks.evaluation.metrics import (
    detection_rate,
    mean_radial_error,
    point_to_curve,
    radial_error,
    shape_error,
    success_rate,
)

COORDINATES = st.floats(-1e4, 1e4)
POINTS = hnp.arrays(float, st.tuples(st.integers(1, 20), st.just(2)), elements=COORDINATES)


@settings(deadline=None)
@given(points=POINTS, shift=st.tuples(COORDINATES, COORDINATES))
def test_a_shifted_set_has_exactly_the_shift_as_error(points, shift):
    errors = radial_error(points + shift, points)
    assert mean_radial_error(errors) == pytest.approx(np.hypot(*shift), rel=1e-9, abs=1e-9)
    np.testing.assert_allclose(errors, np.hypot(*shift), rtol=1e-9, atol=1e-9)


def test_spacing_stretches_each_axis():
    assert radial_error([3.0, 4.0], [0.0, 0.0], (0.1, 0.2)) == pytest.approx(np.hypot(0.3, 0.8))


def test_no_truth_is_unknown_and_no_prediction_is_infinitely_off():
    nothing = [np.nan, np.nan]
    errors = radial_error([[0, 3], nothing, [1, 1], nothing], [[0, 0], [1, 1], nothing, nothing])
    np.testing.assert_array_equal(errors, [3, np.inf, np.nan, np.nan])
    assert mean_radial_error(errors) == 3
    np.testing.assert_array_equal(detection_rate(errors, [2.9, 3]), [0, 0.5])
    assert np.isnan(mean_radial_error([np.nan]))
    assert np.isnan(detection_rate([np.nan], [1]))


def test_detection_rates_count_the_errors_up_to_the_threshold():
    np.testing.assert_allclose(detection_rate(np.arange(1, 101), [0.5, 10, 10.5, 100]), [0, 0.1, 0.1, 1])
    assert success_rate([1.0, 2.0, 3.0, np.inf], 2.0) == 0.5


@settings(deadline=None)
@given(radius=st.floats(1, 1e3), inner=st.floats(0, 3), centre=st.tuples(COORDINATES, COORDINATES))
def test_points_on_a_circle_are_as_far_from_another_as_their_radii_differ(radius, inner, centre):
    angle = np.linspace(0, 2 * np.pi, 720, endpoint=False)
    unit = np.stack([np.sin(angle), np.cos(angle)], axis=1)
    sagitta = radius * (1 - np.cos(np.pi / 720))
    distance = point_to_curve(centre + inner * radius * unit[::7], centre + radius * unit)
    np.testing.assert_allclose(distance, abs(inner - 1) * radius, atol=sagitta + 1e-9 * (1 + np.abs(centre).max()))


def test_distance_from_a_square_is_to_its_sides_and_corners():
    square = [[0, 0], [0, 10], [10, 10], [10, 0]]
    points = [[5, 5], [-3, 5], [-3, -4], [5, 0], [9, 4]]
    np.testing.assert_allclose(point_to_curve(points, square), [5, 3, 5, 0, 1])
    np.testing.assert_allclose(point_to_curve([[5, -1], [5, 1]], square, closed=False), [np.hypot(5, 1), 5])
    assert shape_error(points, square) == pytest.approx(14 / 5)


def test_a_curve_of_one_or_repeated_vertices_is_a_point():
    np.testing.assert_allclose(point_to_curve([[3, 4]], [[0, 0]]), [5])
    np.testing.assert_allclose(point_to_curve([[3, 4], [np.nan, 1]], [[0, 0], [0, 0], [0, 0]]), [5, np.inf])


@settings(deadline=None)
@given(points=POINTS, curve=hnp.arrays(float, st.tuples(st.integers(2, 12), st.just(2)), elements=COORDINATES))
def test_a_curve_is_no_farther_than_its_nearest_vertex(points, curve):
    to_vertices = np.hypot(*(points[:, None] - curve[None]).transpose(2, 0, 1)).min(axis=1)
    closed, open_ = point_to_curve(points, curve), point_to_curve(points, curve, closed=False)
    assert (closed <= open_ + 1e-9).all()
    assert (open_ <= to_vertices + 1e-9).all()
    np.testing.assert_allclose(point_to_curve(curve, curve), 0, atol=1e-9)
