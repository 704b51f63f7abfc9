"""Corrections of two bones at once: each follows its own vertices, circles follow their own bone."""

import numpy as np
import pytest

from napari_xray_landmarks.geometry.similarity import similarity
from napari_xray_landmarks.landmarks import Contour
from napari_xray_landmarks.plugin.reshaping import reshaped, vertex_names, vertices_of
from napari_xray_landmarks.shape.fitted import fit
from napari_xray_landmarks.shape.point_distribution import PointDistributionModel
from napari_xray_landmarks.shape.segmentation import BoneContour, HeadCircle, Segmentation

NAMES = tuple(f"v{i}" for i in range(12))


def bone(name: str, centre, names=NAMES, fitted=True) -> BoneContour:
    """An ellipse of a shape model of ellipses."""
    turn = np.linspace(0, 2 * np.pi, len(NAMES), endpoint=False)
    rng = np.random.default_rng(0)
    shapes = [np.column_stack([a * np.cos(turn), b * np.sin(turn)]) for a, b in rng.uniform(0.8, 1.2, (9, 2))]
    model = PointDistributionModel.fit(np.array(shapes), names=NAMES)
    placed = similarity(40, 0, centre)
    shape = fit(model, shapes[0] @ placed[:2, :2].T + placed[:2, 2], noise_px=0.5)
    points = shape.points_px
    return BoneContour(Contour(points, name, confidence=np.full(12, 0.9)), names, points - shape.mean_px, name,
                       fitted=shape if fitted else None, confidence=0.9)


@pytest.fixture
def two():
    circles = HeadCircle("head-left", (100, 60), (10, 10)), HeadCircle("head-right", (100, 260), (10, 10))
    return Segmentation((bone("hip-left", (100, 100)), bone("hip-right", (100, 300))), circles)


def test_vertices_of_bones_that_share_names_are_told_apart(two):
    assert vertex_names(two)[0] == "hip-left: v0" and vertex_names(two)[12] == "hip-right: v0"
    assert vertices_of(two, 1) == slice(12, 24)
    assert vertex_names(Segmentation(two.bones[:1])) == NAMES


def test_each_bone_and_its_circle_follow_their_own_vertices(two):
    place = tuple(two.bones[1].points_px[3] + (6.0, -9.0))
    after = reshaped(two, {"hip-right: v3": place}, {})
    assert after.bones[0] is two.bones[0] and after.circles[0] == two.circles[0]
    assert after.bones[1].points_px[3] == pytest.approx(place)
    assert np.flatnonzero(np.isnan(after.bones[1].contour.confidence)).tolist() == [3], "placed by a person"
    assert np.abs(after.bones[1].points_px[4] - two.bones[1].points_px[4]).max() > 0.5
    assert after.circles[1] != two.circles[1]
    np.testing.assert_allclose(after.bones[1].displacement_px,
                               after.bones[1].points_px - after.bones[1].fitted.mean_px)


def test_modes_by_hand_keep_held_vertices(two):
    place = tuple(two.bones[0].points_px[0] + (5.0, 5.0))
    deviations = np.array(two.bones[0].fitted.deviations)
    deviations[0] = 2.5
    after = reshaped(two, {"hip-left: v0": place}, {0: tuple(deviations)})
    assert after.bones[0].points_px[0] == pytest.approx(place)
    assert after.bones[0].fitted.deviations == pytest.approx(deviations)
    assert after.bones[1] is two.bones[1]


def test_without_a_shape_model_only_the_vertex_moves():
    alone = Segmentation((bone("hip-left", (100, 100), fitted=False),))
    after = reshaped(alone, {"v2": (1.0, 2.0)}, {})
    assert after.bones[0].points_px[2] == pytest.approx((1, 2))
    assert np.array_equal(np.delete(after.bones[0].points_px, 2, 0), np.delete(alone.bones[0].points_px, 2, 0))
