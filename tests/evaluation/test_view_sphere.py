"""The evaluation over the sphere of views: its numbers against counts by hand, its plots, its files."""

from types import SimpleNamespace

import numpy as np
import pytest

from napari_xray_landmarks.errors import FileError
from napari_xray_landmarks.evaluation.view_sphere import (
    ViewSphere,
    arms_about,
    joined,
    measure,
    read_view_sphere,
    view_grid,
    write_view_sphere,
)
from napari_xray_landmarks.evaluation.view_sphere_plots import on_ball, sphere_plots, write_view_report
from napari_xray_landmarks.geometry.camera import CArm
from napari_xray_landmarks.imaging import Radiograph
from napari_xray_landmarks.landmarks import LandmarkSet

NAMES = ("asis-left", "asis-right", "promontory")


def sphere(step: float = 15.0, subject: str = "one", seed: int = 0) -> ViewSphere:
    rng = np.random.default_rng(seed)
    views = np.array(view_grid(step))
    px = rng.exponential(6, (len(views), 3))
    return ViewSphere(NAMES, views[:, 0], views[:, 1], px, 0.616 * px, rng.random(px.shape), rng.random(px.shape) < 0.8,
                      (subject,) * len(views))


def test_the_grid_is_the_paper_s():
    views = view_grid()
    assert len(views) == 475 and len(set(views)) == 475
    assert (min(views), max(views)) == ((-60.0, -45.0), (60.0, 45.0))
    assert (0.0, 0.0) in view_grid(20.0)


def test_the_arms_look_at_the_point_from_the_paper_s_distances():
    arm = next(arms_about((10.0, -20.0, 5.0), [(30.0, -15.0)]))
    assert arm.camera().project(np.array([[10.0, -20.0, 5.0]]))[0] == pytest.approx((239, 307))
    assert (arm.source_to_isocentre_mm, arm.source_to_detector_mm, arm.size_px) == (750, 1200, (479, 615))


def test_a_summary_counts_what_is_on_the_film_and_believed_in():
    whole = ViewSphere(NAMES, [0.0, 5.0], [0.0, 0.0], [[10, 20, 5], [2, 40, 8]], [[6, 12, 3], [1, 24, 5]],
                       [[0.9, 0.5, 0.1], [0.6, 0.3, 0.8]], [[True, True, True], [True, True, False]])
    found = whole.summary()
    assert found.count == 3 and found.mean_px == pytest.approx(32 / 3) and found.median_mm == 6
    assert found.recall == pytest.approx(3 / 5) and found.accurate == pytest.approx(2 / 3)
    assert found.outside_believed == 1.0
    assert whole.summary(0.95).count == 0 and np.isnan(whole.summary(0.95).mean_mm)


def test_tables_have_a_row_for_each_view_and_landmark():
    both = joined([sphere(), sphere(subject="two", seed=1)])
    views, landmarks = both.by_view(), both.by_landmark()
    assert len(views) == len(view_grid(15.0)) and tuple(landmarks["landmark"]) == NAMES
    assert views["count"].sum() == landmarks["count"].sum() == both.summary().count
    assert both.by_belief()["count"].sum() == both.visible.sum()


def test_it_comes_back_from_its_file(tmp_path):
    one = sphere()
    write_view_sphere(tmp_path / "views.csv", one)
    again = read_view_sphere(tmp_path / "views.csv")
    assert again.names == one.names and again.subjects == one.subjects
    for key in ("lao", "cran", "errors_px", "errors_mm", "belief", "visible"):
        assert np.allclose(getattr(again, key), getattr(one, key))


def test_another_file_is_refused(tmp_path):
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    with pytest.raises(FileError, match="no views"):
        read_view_sphere(tmp_path / "other.csv")
    with pytest.raises(FileError, match="cannot be read"):
        read_view_sphere(tmp_path / "none.csv")


def test_arrays_that_do_not_fit_together_are_refused():
    with pytest.raises(ValueError, match="belief"):
        ViewSphere(NAMES, [0.0], [0.0], np.zeros((1, 3)), np.zeros((1, 3)), np.zeros((1, 2)), np.ones((1, 3)))


def test_measuring_compares_with_where_landmarks_are_projected():
    landmarks = LandmarkSet(NAMES, np.array([[0.0, 0, 0], [20, 0, 30], [0, 0, 400]]), unit="mm")
    arms = [CArm(lao, 0.0) for lao in (-20.0, 0.0)]
    cameras = iter([arm.camera() for arm in arms])

    def detect(film):
        points = next(cameras).project(landmarks.points) + (3, 4)
        return SimpleNamespace(landmarks=LandmarkSet(NAMES, points, np.full(3, 0.7)), beliefs=np.array([0.9, 0.5, 0.1]))

    found = measure(detect, lambda arm: Radiograph(np.eye(4)), landmarks, arms, subject="one")
    assert np.allclose(found.errors_px, 5) and np.allclose(found.errors_mm, 5 * 0.616)
    assert found.visible.tolist() == [[True, True, False]] * 2 and found.belief[0].tolist() == [0.9, 0.5, 0.1]


def test_patches_lie_on_the_ball_with_lao_to_the_right_and_cran_above():
    from matplotlib.figure import Figure

    patches = on_ball(Figure().add_subplot(), [0.0, 60.0, 0.0], [0.0, 0.0, 45.0], [1.0, 2.0, 3.0])
    middles = np.array([path.vertices[:4].mean(0) for path in patches.get_paths()])
    assert middles[0] == pytest.approx((0, 0), abs=1e-9)
    assert middles[1, 0] > 0.5 and middles[2, 1] > 0.5
    assert (np.hypot(*middles.T) <= 1).all()


def test_the_report_says_what_was_found(tmp_path):
    one = sphere(30.0)
    page = write_view_report(one, tmp_path / "report", title="Views <of> a model").read_text(encoding="utf-8")
    assert "Views &lt;of&gt; a model" in page and f"{one.summary().mean_mm:.2f}" in page
    assert page.count("<svg") == len(sphere_plots(one)) == 3
    assert read_view_sphere(tmp_path / "report" / "view-sphere.csv").names == NAMES
    assert (tmp_path / "report" / "view_accuracy.png").stat().st_size > 5000
