"""Points of two films and more in space, and epipolar lines."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from landmark_views import SIZE, view
from napari_xray_landmarks.geometry.camera import CArm
from napari_xray_landmarks.geometry.triangulation import epipolar_line, triangulate

AP, LATERAL, OBLIQUE = (CArm(lao, cran).camera() for lao, cran in ((0, 0), (90, 0), (35, -20)))
places = st.tuples(*[st.floats(-60, 60)] * 3).map(np.array)


@settings(deadline=None)
@given(places, st.integers(0, 1000), st.integers(0, 1000))
def test_a_point_comes_back(point, one, other):
    cameras = [view(one).camera(), view(other).camera(), LATERAL]
    found = triangulate(cameras, [c.project(point[None])[0] for c in cameras])
    np.testing.assert_allclose(found.point_mm, point, atol=1e-6)
    assert found.residual_px < 1e-6


def test_the_covariance_is_that_of_the_errors():
    rng, point, cameras = np.random.default_rng(0), np.array([10.0, -30, 40]), [AP, OBLIQUE]
    exact = np.array([c.project(point[None])[0] for c in cameras])
    found = [triangulate(cameras, exact + rng.normal(0, 1.5, exact.shape), sd_px=1.5) for _ in range(400)]
    scores = [(f.point_mm - point) @ np.linalg.solve(f.covariance, f.point_mm - point) for f in found]
    assert np.mean(scores) == pytest.approx(3, rel=0.2)
    sd = np.sqrt(np.linalg.eigvalsh(found[0].covariance))
    assert sd[0] < 1 < sd[-1] < 3  # mm; least certain along the beams


def test_a_surer_film_counts_for_more():
    point = np.array([5.0, 5, 5])
    marked = np.array([c.project(point[None])[0] for c in (AP, OBLIQUE)])
    marked[1, 0] += 8.0  # rows disagree
    found = triangulate([AP, OBLIQUE], marked, sd_px=[0.1, 5.0])
    assert found.residuals_px[0] < 0.1 < 5 < found.residuals_px[1]


def test_films_that_do_not_show_it_do_not_count():
    point = np.array([5.0, 5, 5])
    marked = [AP.project(point[None])[0], (np.nan, np.nan), LATERAL.project(point[None])[0]]
    found = triangulate([AP, OBLIQUE, LATERAL], marked)
    np.testing.assert_allclose(found.point_mm, point, atol=1e-9)
    assert np.isnan(found.residuals_px).tolist() == [False, True, False]


@pytest.mark.parametrize(("cameras", "marked", "reason"), [
    ([AP, LATERAL], [(240, 300), (np.nan, 1)], "two films"),
    ([AP, CArm(1, 0).camera()], [(240, 300), (240, 300)], "same side"),
    ([AP], [(240, 300), (1, 1)], "one .row, column. a film"),
    ([CArm(20).camera(), CArm(-20).camera()], [(240, 1500), (240, -900)], "behind"),
])
def test_what_gives_no_point_is_refused(cameras, marked, reason):
    with pytest.raises(ValueError, match=reason):
        triangulate(cameras, marked)


@settings(deadline=None)
@given(places, st.integers(0, 1000))
def test_the_point_lies_on_its_epipolar_line(point, seed):
    camera = view(seed).camera()
    there = LATERAL.project(point[None])[0]
    ends = epipolar_line(camera, camera.project(point[None])[0], LATERAL)
    along = ends[1] - ends[0]
    off = there - ends[0]
    assert abs(along[0] * off[1] - along[1] * off[0]) / np.linalg.norm(along) < 1e-6
    assert -1e-6 <= off @ along / (along @ along) <= 1 + 1e-6
    low, high = np.full(2, -0.5), np.array(SIZE) - 0.5
    assert (ends >= low - 1e-6).all() and (ends <= high + 1e-6).all()
    on_edge = np.isclose(ends, low) | np.isclose(ends, high)
    assert on_edge.any(1).all(), "from edge to edge"


def test_the_line_begins_at_the_end_nearer_to_the_source():
    ends = epipolar_line(AP, (239, 307), LATERAL)  # through the isocentre, from the front to the back
    (first,), (last,) = (LATERAL.project([[0.0, posterior, 0]]) for posterior in (-100, 100))
    assert np.linalg.norm(ends[0] - first) < np.linalg.norm(ends[1] - first)
    assert np.linalg.norm(ends[1] - last) < np.linalg.norm(ends[0] - last)


def test_a_ray_that_misses_the_film_has_no_line():
    far = CArm(90, 0, isocentre_mm=(600.0, 0, 0)).camera()
    assert epipolar_line(AP, (239, 307), far) is None
