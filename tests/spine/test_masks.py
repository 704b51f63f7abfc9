"""Corners of masks."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.draw import polygon2mask
from skimage.morphology import disk

from napari_xray_landmarks.errors import InputError
from napari_xray_landmarks.spine.cobb import measure
from napari_xray_landmarks.spine.masks import corners_of_mask, smallest_quadrilateral, vertebrae_of_labels
from napari_xray_landmarks.spine.vertebrae import RING
from spines import stacked, three_curves

SPINE = three_curves(20, 40, 30)
SHAPE = (760, 700)


def painted(spine, values=None) -> np.ndarray:
    labels = np.zeros(SHAPE, np.uint8)
    for i, body in enumerate(spine.corners_px):
        labels[polygon2mask(SHAPE, body[list(RING)])] = i + 1 if values is None else values[i]
    return labels


@given(st.floats(-0.8, 0.8), st.floats(30, 90), st.floats(24, 70), st.lists(st.floats(-2, 2), min_size=8, max_size=8))
@settings(max_examples=40, deadline=None)
def test_turned_quadrilaterals(angle, width, height, jitter):
    box = np.array([(-1, -1), (-1, 1), (1, -1), (1, 1)]) * (height / 2, width / 2) + np.reshape(jitter, (4, 2))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    truth = box @ turn.T + (80, 80)
    corners, found = corners_of_mask(polygon2mask((160, 160), truth[list(RING)]), turn @ (1, 0))
    assert np.linalg.norm(corners - truth, axis=1).max() < 3
    assert found.sum() >= 3


def test_a_corner_that_is_missed_is_the_nearest_to_the_quadrilaterals():
    truth = np.array([(30, 30), (30, 110), (80, 30), (80, 110)], float)
    mask = polygon2mask((120, 140), truth[list(RING)])
    round_corner = polygon2mask((120, 140), [(30, 30), (52, 30), (30, 52)])
    mask &= ~round_corner
    mask[30:54, 30:54] |= np.pad(disk(22)[:24, :24], 0)[:24, :24].astype(bool)  # a quarter of a circle
    corners, found = corners_of_mask(mask)
    assert found.tolist() == [False, True, True, True]
    assert np.linalg.norm(corners[1:] - truth[1:], axis=1).max() < 2
    assert mask[tuple(corners[0].astype(int))] and np.linalg.norm(corners[0] - truth[0]) < 15


def test_a_body_that_stands_almost_on_its_side():
    spine = stacked(np.full(17, 70.0), start=(200, 40))
    body = spine.corners_px[4]
    mask = polygon2mask((1000, 1000), body[list(RING)] + (300, 300))
    corners, _ = corners_of_mask(mask, spine.corners_px[5].mean(0) - spine.corners_px[3].mean(0))
    assert np.linalg.norm(corners - body - (300, 300), axis=1).max() < 3


def test_the_smallest_quadrilateral_of_a_quadrilateral_is_itself():
    truth = np.array([(0, 0), (-3, 40), (26, 44), (30, 2)], float)
    inside = np.argwhere(polygon2mask((80, 80), truth + 20)) - 20
    found = smallest_quadrilateral(inside)
    away = np.linalg.norm(found[:, None] - truth[None], axis=-1)
    assert (away.min(1) < 2).all() and sorted(away.argmin(1)) == [0, 1, 2, 3]
    assert smallest_quadrilateral(np.array([[3, 1], [3, 2], [3, 3]])).shape == (4, 2)


@pytest.mark.parametrize("how", ["a value each", "one value", "values in any order", "with specks"])
def test_a_whole_spine(how):
    values = np.random.default_rng(0).permutation(17) + 3
    labels = painted(SPINE, {"one value": np.ones(17, int), "values in any order": values}.get(how))
    if how == "with specks":
        labels[5:8, 5:8], labels[700:702, 600] = 40, 3
    found = vertebrae_of_labels(labels)
    assert found.levels == SPINE.levels
    assert np.linalg.norm(found.corners_px - SPINE.corners_px, axis=-1).mean() < 1.2
    assert measure(found).angles_deg == pytest.approx(measure(SPINE).angles_deg, abs=3)


def test_named_values_and_a_first_level():
    labels = painted(SPINE)
    labels[labels > 5] = 0
    assert vertebrae_of_labels(labels, first="T8").levels == ("T8", "T9", "T10", "T11", "T12")
    named = vertebrae_of_labels(labels, {2: "L1", 3: "L2", 5: "sacrum", 90: "L5"})
    assert named.levels == ("L1", "L2")
    assert np.linalg.norm(named.corners_px - SPINE.corners_px[1:3], axis=-1).max() < 3


@pytest.mark.parametrize(("labels", "options", "expected"), [
    (np.zeros((40, 40), int), {}, "shows 0 vertebrae"),
    (np.zeros((40, 40, 3), int), {}, "is 3D"),
    (painted(stacked(0.0, levels=("L1", "L2"))), {}, "shows 2 vertebrae, neither 17"),
    (painted(stacked(0.0, levels=("L1", "L2"))), {"first": "L5"}, "2 vertebrae cannot begin with 'L5'"),
    (np.zeros((40, 40), int), {"levels": {1: "T1"}}, "shows no vertebra"),
])  # fmt: skip
def test_what_cannot_be_named_is_said(labels, options, expected):
    with pytest.raises(InputError, match=f"mask.png: {expected}"):
        vertebrae_of_labels(labels, subject="mask.png", **options)


def test_the_bodies_of_a_phantom():
    from napari_xray_landmarks.geometry.camera import CArm
    from napari_xray_landmarks.phantoms.outline import silhouette
    from napari_xray_landmarks.phantoms.thoracolumbar import spine
    from napari_xray_landmarks.phantoms.thoracolumbar_landmarks import corners_in_film

    person = spine(3)
    middle = tuple(np.mean([v.centre_mm for v in person.vertebrae], 0))
    camera = CArm(0, 0, 0, 1600, 1850, (0.5, 0.5), (1300, 700), middle).camera()
    truth = corners_in_film(person, camera).reshape(-1, 4, 2)
    labels = np.zeros((1300, 700), np.uint8)
    for i, vertebra in enumerate(person.vertebrae):
        labels[polygon2mask(labels.shape, silhouette(vertebra.body, camera)[0]) & (labels == 0)] = i + 1
    found = vertebrae_of_labels(labels)
    away = np.linalg.norm(found.corners_px - truth, axis=-1)
    assert found.levels[0] == "C7" and away.mean() < 2.5 and np.quantile(away, 0.95) < 6
    assert any("from the smallest quadrilateral" in note for note in found.notes)
