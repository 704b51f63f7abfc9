"""Numbers of shapes whose sizes are known exactly."""

import numpy as np
import pytest

from napari_xray_landmarks.geometry.similarity import apply, similarity
from napari_xray_landmarks.landmarks import Contour
from napari_xray_landmarks.shape.measures import label_image, measures, outliers_in_words, summary
from napari_xray_landmarks.shape.segmentation import BoneContour, HeadCircle, Segmentation

RECTANGLE = np.array([(10.0, 20.0), (10.0, 60.0), (40.0, 60.0), (40.0, 20.0)])


def rectangle(**options) -> BoneContour:
    options = {"bone": "femur-left", "confidence": 0.9, "displacement_px": np.full((4, 2), (3.0, 4.0)), **options}
    return BoneContour(Contour(RECTANGLE, options["bone"]), ("a", "b", "c", "d"), **options)


def test_a_rectangle_in_pixels_and_millimetres():
    open_ended = rectangle(drawn=[True, True, False, True])
    (px,), (mm,) = measures(Segmentation((open_ended,))), measures(Segmentation((open_ended,)), (0.5, 0.25))
    assert (px.area, px.perimeter, px.displacement, px.unit) == (1200, 100, 5, "px")
    assert px.centre == pytest.approx((25, 40)) and mm.centre == pytest.approx((12.5, 10))
    assert mm.area == pytest.approx(1200 / 8) and mm.perimeter == pytest.approx(10 + 15 + 15)
    assert mm.displacement == pytest.approx(np.hypot(1.5, 1.0))
    assert ("area", "150 mm²") in mm.in_words()


def test_circles_and_ellipses():
    circle = HeadCircle("femoral-head-left", (30, 50), (20, 20), confidence=0.8)
    ellipse = HeadCircle("femoral-head-right", (30, 50), (20, 10), angle_deg=30)
    (round_, long_) = measures(Segmentation(circles=(circle, ellipse)), (0.5, 0.5))
    assert (round_.kind, round_.radius, round_.angle_deg) == ("circle", pytest.approx(10), 0)
    assert round_.perimeter == pytest.approx(20 * np.pi) and round_.area == pytest.approx(100 * np.pi)
    assert (long_.kind, long_.radius) == ("ellipse", pytest.approx(np.sqrt(50)))
    assert long_.semi_axes == pytest.approx((10, 5)) and long_.angle_deg == pytest.approx(30)
    assert measures(Segmentation(circles=(circle,)), (0.5, 0.25))[0].semi_axes == pytest.approx((10, 5))


def test_labels_are_the_pixels_whose_centres_lie_inside():
    low = rectangle(bone="femur-right", found=False, reason="off the film")
    labels, names = label_image(Segmentation((rectangle(), low)), (50, 50))
    assert names == ("femur-left", "femur-right") and labels.max() == 1
    rows, columns = np.indices(labels.shape)
    inside = (rows > 10) & (rows < 40) & (columns > 20)
    assert (labels[inside] == 1).all() and not labels[(rows < 10) | (rows > 40) | (columns < 20)].any()
    head = HeadCircle("head", (25.3, 20.7), (12, 12))
    disc, names = label_image(Segmentation(circles=(head,)), (50, 50))
    distance = np.hypot(rows - 25.3, columns - 20.7)
    assert names == ("head",) and (disc[distance < 11.9] == 1).all() and not disc[distance > 12].any()


def test_words_for_what_was_found_and_what_hides_it():
    hidden = rectangle(outlier_px=[0, 9, 0, 0])
    assert outliers_in_words(Segmentation((hidden,))) == "Implant or occlusion near: b."
    assert outliers_in_words(Segmentation((rectangle(),))) == ""
    missed = rectangle(found=False, reason="no outline", confidence=0.04)
    assert summary(Segmentation((missed,))) == "femur-left not found: no outline (confidence 0.04)"
    assert summary(Segmentation((hidden,))) == "femur-left found (confidence 0.90)"
    assert summary(Segmentation()) == "not found"
    twice = Segmentation((hidden, hidden), (HeadCircle("head", (1, 1), (1, 1)),))
    assert twice.names == ("femur-left", "femur-left-2", "head")
    assert [m.structure for m in measures(twice)] == list(twice.names)


def test_a_heads_circle_follows_the_vertices_around_it():
    turn = np.linspace(0, 2 * np.pi, 12, endpoint=False)
    head = 30 + 20 * np.column_stack([np.cos(turn), np.sin(turn)])
    far = np.array([(200.0, 100.0), (220.0, 110.0)])
    after_from_before = similarity(1.1, 10, (4, -3))
    after = np.vstack([apply(after_from_before, head), far - 50])
    moved = HeadCircle("head", (30, 30), (20, 15)).following(np.vstack([head, far]), after)
    assert moved.centre_px == pytest.approx(apply(after_from_before, (30, 30)))
    assert moved.semi_axes_px == pytest.approx((22, 16.5)) and moved.angle_deg == pytest.approx(10)
