import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_xray_landmarks.geometry.balls import METHODS
from napari_xray_landmarks.shape.conics import fit, fit_robustly


def arc(radius=50.0, centre=(210.0, 80.0), width=2 * np.pi, count=200, noise=0.0, seed=0):
    angle = np.linspace(0, width, count, endpoint=width < 6)
    points = np.array(centre) + radius * np.column_stack([np.cos(angle), np.sin(angle)])
    return points + np.random.default_rng(seed).normal(0, noise, points.shape) if noise else points


def ellipse(centre, axes, angle, width=2 * np.pi, count=120):
    own = np.linspace(0, width, count, endpoint=False)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    return np.array(centre) + np.column_stack([axes[0] * np.cos(own), axes[1] * np.sin(own)]) @ turn


def cap(radius=25.0, centre=(5.0, -40.0, 120.0), count=300, seed=0):
    way = np.random.default_rng(seed).normal(size=(count, 3))
    way[:, 0] = np.abs(way[:, 0])
    return np.array(centre) + radius * way / np.linalg.norm(way, axis=1)[:, None]


@pytest.mark.parametrize("method", METHODS)
def test_exact_points_give_circle_and_sphere_by_every_method(method):
    circle, sphere = fit(arc(width=1.0), method=method), fit(cap(), "sphere", method=method)
    np.testing.assert_allclose([*circle.centre, circle.radius], [210, 80, 50], atol=1e-5)
    np.testing.assert_allclose([*sphere.centre, sphere.radius], [5, -40, 120, 25], atol=1e-6)
    assert circle.scatter < 1e-6 and circle.inliers.all()


def test_the_algebraic_fit_is_the_papers_equation():
    points = arc(noise=2.0, width=2.0)
    found = fit(points, method="algebraic")
    x, y = points.T
    b, c, d = np.linalg.lstsq(np.column_stack([x, y, np.ones(len(x))]), -(x**2 + y**2), rcond=None)[0]
    np.testing.assert_allclose(found.centre, [-b / 2, -c / 2])
    assert found.radius == pytest.approx(np.sqrt(b**2 / 4 + c**2 / 4 - d))


def test_the_geometric_fit_is_the_papers_equation():
    points = arc(noise=2.0, width=2.0)
    found = fit(points)
    def cost(row, column, radius):
        return ((np.hypot(points[:, 0] - row, points[:, 1] - column) - radius) ** 2).sum()
    for nudge in (*np.eye(3) * 1e-3, *np.eye(3) * -1e-3):
        assert cost(*(np.r_[found.centre, found.radius] + nudge)) > cost(*found.centre, found.radius)


def test_short_arcs_shrink_by_the_plain_algebraic_fit_only():
    radius = {m: np.mean([fit(arc(noise=1.0, width=1.2, seed=s), method=m).radius for s in range(60)]) for m in METHODS}
    assert radius["algebraic"] < 46
    assert all(abs(radius[m] - 50) < 2 for m in METHODS[1:])


def test_the_standard_deviation_is_that_of_repeated_fits():
    def spread(kind, make):
        found = [fit(make(seed), kind) for seed in range(100, 150)]
        values = np.array([np.r_[f.centre, f.semi_axes[: len(f.sd) - len(f.centre)]][: len(f.sd)] for f in found])
        return values.std(0), np.mean([f.sd[: values.shape[1]] for f in found], axis=0)

    def noise(points, seed):
        return points + np.random.default_rng(seed).normal(0, 0.5, points.shape)

    for seen, told in (spread("circle", lambda s: arc(noise=0.5, width=2.0, seed=s)),
                       spread("sphere", lambda s: noise(cap(), s)),
                       spread("ellipse", lambda s: noise(ellipse((9, 9), (60, 40), 0.4), s))):
        np.testing.assert_allclose(told, seen, rtol=0.35)


def test_weights_count_as_repeated_points():
    points, weights = arc(noise=1.0, width=2.5, count=40), np.random.default_rng(1).integers(0, 4, 40)
    repeated = np.repeat(points, weights, axis=0)
    for method in METHODS:
        one, other = fit(points, weights=weights, method=method), fit(repeated, method=method)
        np.testing.assert_allclose([*one.centre, one.radius], [*other.centre, other.radius], rtol=1e-6)
    one, other = fit(points, "ellipse", weights=weights), fit(repeated, "ellipse")
    np.testing.assert_allclose(one.semi_axes, other.semi_axes, rtol=1e-4)


@settings(max_examples=25, deadline=None)
@given(st.floats(-400, 400), st.floats(20, 80), st.floats(0.3, 0.95), st.floats(-1.5, 1.5), st.floats(3.5, 6.28))
def test_points_on_an_ellipse_give_the_ellipse(place, long, ratio, angle, width):
    points = ellipse((place, -place), (long, ratio * long), angle, width)
    for method in ("algebraic", "geometric"):
        found = fit(points, "ellipse", method=method)
        np.testing.assert_allclose([*found.centre, *found.semi_axes], [place, -place, long, ratio * long], atol=1e-3)
        np.testing.assert_allclose(np.sin(np.deg2rad(found.angle_deg) - angle), 0, atol=1e-4)
        np.testing.assert_allclose(found.off(points), 0, atol=1e-3)


def test_distances_from_an_ellipse_are_the_shortest_ones():
    points = np.random.default_rng(2).uniform(-90, 90, (200, 2))
    found = fit(ellipse((0, 0), (60, 25), 0.7), "ellipse")
    dense = ellipse((0, 0), (60, 25), 0.7, count=20_000)
    nearest = np.array([np.linalg.norm(dense - p, axis=1).min() for p in points])
    np.testing.assert_allclose(np.abs(found.off(points)), nearest, atol=0.05)
    inside = fit(ellipse((0, 0), (60, 25), 0.7) * 0.9, "ellipse")
    assert (found.off(inside.outline()) < 0).all()


@pytest.mark.parametrize("kind", ["circle", "ellipse", "sphere"])
def test_outliers_are_left_out(kind):
    rng = np.random.default_rng(3)
    good = {"circle": arc(width=3.5), "ellipse": ellipse((210, 80), (50, 35), 0.5), "sphere": cap()}[kind]
    good = good + rng.normal(0, 0.3, good.shape)
    bad = rng.uniform(good.min(0) - 20, good.max(0) + 20, (len(good) // 2, good.shape[1]))
    found = fit_robustly(np.vstack([good, bad]), kind, band=1.5)
    clean = fit(good, kind)
    np.testing.assert_allclose(found.centre, clean.centre, atol=0.5)
    np.testing.assert_allclose(found.semi_axes, clean.semi_axes, atol=0.7)
    assert found.inliers[: len(good)].mean() > 0.98 and found.inliers[len(good):].mean() < 0.3


def test_the_same_seed_gives_the_same():
    points = np.vstack([arc(width=2.0), np.random.default_rng(4).uniform(0, 300, (200, 2))])
    one, other = (fit_robustly(points, band=2.0, seed=5) for _ in range(2))
    np.testing.assert_array_equal(one.centre, other.centre)


@pytest.mark.parametrize("points, kind, options, says", [
    (arc()[:2], "circle", {}, "3 points"), (arc()[:4], "ellipse", {}, "5 points"),
    (cap()[:3], "sphere", {}, "4 points"),
    (np.outer(range(9), [1, 2]), "circle", {}, "line"), (np.outer(range(9), [1, 2]), "ellipse", {}, "line"),
    (cap() * [1, 1, 0], "sphere", {}, "plane"), (arc(), "parabola", {}, "kind"), (arc(), "sphere", {}, r"\(N, 3\)"),
    (arc(), "circle", {"method": "best"}, "method"), (arc(), "ellipse", {"method": "pratt"}, "method"),
    (arc(), "circle", {"weights": [1, 2]}, "weights"), (arc() * np.nan, "circle", {}, "finite"),
])
def test_what_fixes_no_curve_is_refused(points, kind, options, says):
    with pytest.raises(ValueError, match=says):
        fit(points, kind, **options)
