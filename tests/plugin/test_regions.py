"""Regions of landmarks over an image: where they are, how large, and when there are none."""

import numpy as np
import pytest
from napari.components import ViewerModel

from napari_xray_landmarks.evaluation.conformal import Regions
from napari_xray_landmarks.landmarks import LandmarkSet
from napari_xray_landmarks.models import ModelHeader
from napari_xray_landmarks.plugin.regions import corners, show_regions
from napari_xray_landmarks.plugin.results import show_landmarks

WIDE = np.array([[9.0, 5.0], [5.0, 4.0]])
MARKS = LandmarkSet(("a", "b", "c"), [[50.0, 60], [20, 30], [np.nan, np.nan]])


def header(unit="mm", **more) -> ModelHeader:
    regions = Regions(0.9, unit, 30, {name: WIDE for name in "abc"}).to_header() | more
    return ModelHeader("joint-displacement", "pelvis", MARKS.names, extra={"regions": regions})


@pytest.fixture
def viewer():
    return ViewerModel()


def film(viewer, unit="mm"):
    pixels = np.random.default_rng(0).random((100, 120))
    return viewer.add_image(pixels, name="film", scale=(0.5, 0.5), units=(unit, unit))


def test_the_box_is_that_of_the_ellipse():
    box = corners((50, 60), WIDE)
    np.testing.assert_allclose(box.mean(axis=0), (50, 60))
    for a, b in ((box[0], box[1]), (box[1], box[2])):
        half = (b - a) / 2  # a half axis: it lies on the ellipse
        assert half @ np.linalg.solve(WIDE, half) == pytest.approx(1)
    assert (box[1] - box[0]) @ (box[2] - box[1]) == pytest.approx(0, abs=1e-9)


def test_regions_lie_below_the_landmarks_in_the_film_s_frame(viewer):
    image = film(viewer)
    marks = show_landmarks(viewer, image, MARKS, model="m", version="1", settings=Regions(0.9, "mm", 3, {}))
    for _ in range(2):  # found again: in place of the first
        layer = show_regions(viewer, image, MARKS, header(), placed=("b",))
    assert [one.name for one in viewer.layers] == ["film", "film · 90 % regions", "film · landmarks"]
    assert layer.features["name"].tolist() == ["a"] and viewer.layers.selection.active is marks
    sides_mm = np.linalg.norm(np.diff(layer.data[0][:3], axis=0), axis=1) * 0.5
    assert sorted(sides_mm) == pytest.approx(2 * np.sqrt(np.linalg.eigvalsh(WIDE)), rel=1e-4)
    np.testing.assert_allclose(layer.scale, image.scale)


def test_nothing_is_drawn_where_nothing_is_known(viewer):
    image = film(viewer, "pixel")
    assert show_regions(viewer, image, MARKS, header("mm")) is None, "mm, and the film has no spacing"
    assert show_regions(viewer, image, MARKS, header(landmarks={"a": "x"})) is None
    assert show_regions(viewer, image, MARKS, ModelHeader("joint-displacement", "pelvis", ("a",))) is None
    assert len(show_regions(viewer, image, MARKS, header("px")).data) == 2
