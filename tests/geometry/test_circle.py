import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_xray_landmarks.geometry.circle import find_ball, fit_circle, fit_three

finite = st.floats(-500, 500)


@given(finite, finite, st.floats(1, 300), st.floats(0.3, 6.28), st.integers(3, 60))
def test_points_on_a_circle_give_the_circle(row, column, radius, arc, count):
    angle = np.linspace(0, arc, count)
    circle = fit_circle(np.c_[row + radius * np.sin(angle), column + radius * np.cos(angle)])
    assert np.allclose([*circle.centre, circle.radius], [row, column, radius], atol=1e-4 * (1 + radius))


def test_short_noisy_arc_is_not_shrunk_and_the_uncertainty_is_told():
    angle = np.linspace(0, 1.2, 400)
    radii = []
    for seed in range(40):
        noise = np.random.default_rng(seed).normal(0, 0.5, (400, 2))
        circle = fit_circle(np.c_[50 * np.sin(angle), 50 * np.cos(angle)] + noise)
        radii.append((circle.radius, circle.radius_sd))
    radii = np.array(radii)
    assert abs(radii[:, 0].mean() - 50) < 0.5
    assert 0.7 < radii[:, 1].mean() / radii[:, 0].std() < 1.4


def test_points_on_a_line_are_refused():
    with pytest.raises(ValueError, match="line"):
        fit_circle([[0, 0], [1, 1], [5, 5]])
    with pytest.raises(ValueError, match="line"):
        fit_three(np.array([[0, 0], [1, 1], [5, 5.0]]))
    with pytest.raises(ValueError, match="3 points"):
        fit_circle([[0, 0], [1, 1]])


def ball(radius=23.4, centre=(300.3, 210.7), sign=1.0, noise=8.0):
    rows, columns = np.indices((600, 500))
    away = np.hypot(rows - centre[0], columns - centre[1])
    background = 100 + 30 * np.sin(rows / 40) + 20 * np.cos(columns / 30)
    edge = 200 / (1 + np.exp((away - radius) / 0.7))
    return sign * (background + edge) + np.random.default_rng(0).normal(0, noise, rows.shape)


@pytest.mark.parametrize("sign", [1.0, -1.0], ids=["bright", "dark"])
@pytest.mark.parametrize("near, radius", [((300, 211), None), ((290, 205), None), ((304, 207), 30.0)])
def test_ball_is_found_from_a_click_or_a_rough_circle(sign, near, radius):
    circle = find_ball(ball(sign=sign), near, radius)
    assert np.hypot(*np.subtract(circle.centre, (300.3, 210.7))) < 0.3
    assert abs(circle.radius - 23.4) < 0.25


def test_half_hidden_ball_is_found():
    pixels = ball()
    pixels[:, 218:] = pixels[:, 218:219]
    circle = find_ball(pixels, (300, 208), 24.0)
    assert abs(circle.radius - 23.4) < 1.0


@pytest.mark.parametrize("near", [(100, 100), (3, 3), (599, 499)])
def test_no_ball_is_no_ball(near):
    assert find_ball(ball(), near) is None
