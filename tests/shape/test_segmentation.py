"""The result of a segmentation: outlines that keep their vertices' meaning, circles and ellipses."""

import numpy as np
import pytest

from napari_xray_landmarks.landmarks import Contour
from napari_xray_landmarks.shape.segmentation import BoneContour, HeadCircle, Segmentation

SQUARE = np.array([[0.0, 0], [0, 10], [10, 10], [10, 0]])
NAMES = ("a", "b", "c", "d")


def bone(**other):
    values = {"contour": Contour(SQUARE), "names": NAMES, "displacement_px": np.zeros((4, 2)), "bone": "femur-left"}
    return BoneContour(**values | other)


def test_every_edge_is_drawn_unless_said_otherwise():
    assert bone().drawn.all()
    assert bone(drawn=[True, True, True, False]).drawn.tolist() == [True, True, True, False]


@pytest.mark.parametrize(("wrong", "message"), [
    ({"names": NAMES[:3]}, "3 names for the 4 vertices"),
    ({"displacement_px": np.zeros((3, 2))}, "displacement_px must have shape"),
    ({"outlier_px": np.zeros(5)}, "outlier_px must have shape"),
    ({"confidence": 1.2}, "confidence must lie in"),
    ({"contour": Contour(SQUARE, closed=False)}, "closed and in px"),
    ({"contour": Contour(SQUARE, unit="mm")}, "closed and in px"),
])  # fmt: skip
def test_an_outline_that_does_not_hold_together_is_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        bone(**wrong)


def test_a_circle_has_one_radius_and_lies_at_it():
    circle = HeadCircle("femoral-head-left", (30.0, 40.0), (12.0, 12.0))
    assert circle.radius_px == pytest.approx(12)
    assert np.linalg.norm(circle.outline_px() - (30, 40), axis=1) == pytest.approx(np.full(72, 12.0))


def test_an_ellipse_is_longest_along_its_angle():
    ellipse = HeadCircle("femoral-head-left", (0.0, 0.0), (20.0, 5.0), angle_deg=30.0)
    farthest = max(ellipse.outline_px(720), key=np.linalg.norm)
    assert np.rad2deg(np.arctan2(farthest[1], farthest[0])) % 180 == pytest.approx(30)
    assert ellipse.radius_px == pytest.approx(10)


def test_a_circle_without_extent_is_refused():
    with pytest.raises(ValueError, match="positive semi-axes"):
        HeadCircle("head", (0.0, 0.0), (0.0, 3.0))


def test_something_is_found_where_one_part_is():
    assert not Segmentation().found
    assert not Segmentation((bone(found=False),)).found
    assert Segmentation((bone(found=False),), (HeadCircle("head", (0.0, 0.0), (3.0, 3.0)),)).found
