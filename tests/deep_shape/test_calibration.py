"""What subvolumes count for a structure, and what makes a structure like none of the training."""

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("monai")
pytest.importorskip("lightning_fabric")

from napari_xray_landmarks.deep_shape.calibration import WEIGHTS, for_new_subjects, ranges, weight_of  # noqa: E402
from napari_xray_landmarks.deep_shape.confidence import KINDS, agreement, judged, known_ranges, plausibility  # noqa: E402
from napari_xray_landmarks.models.format import read_model_file  # noqa: E402


def test_subvolumes_count_nothing_unless_what_they_bring_is_sure():
    rng, subjects = np.random.default_rng(0), np.linspace(-0.05, 0.05, 8)[:, None]
    helped = 0.9 + subjects - 0.1 * (WEIGHTS - 0.4) ** 2
    harmed = 0.9 + subjects - 0.1 * WEIGHTS
    noise = 0.9 + subjects + 0.02 * np.outer(rng.choice([-1, 1], 8), WEIGHTS)
    noise += 0.0001 * WEIGHTS
    assert weight_of(helped) == pytest.approx(0.4)
    assert weight_of(harmed) == 0 and weight_of(noise) == 0
    helped[3] = np.nan
    assert weight_of(helped) == pytest.approx(0.4)
    assert weight_of(helped[:1]) == 0.5


def test_ranges_are_open_where_a_value_cannot_be_too_good():
    found = ranges([{"distance_mm": [0.8, 1.2], "size": [0.9]}, {"distance_mm": [2.0], "size": [1.1]}, {},
                    {"agreement": [0.8], "spread": [0.5], "size": [1.0]}])
    assert found == {"distance_mm": [0.0, 2.0], "size": [0.9, 1.1], "agreement": [0.8, 1.0], "spread": [0.0, 0.5]}


def test_a_new_subject_may_lie_farther_from_the_mean_than_those_that_made_it():
    rng, (count, modes) = np.random.default_rng(0), (25, 6)
    outside = []
    for _ in range(400):
        own = rng.normal(size=(count, modes)) * np.arange(1, modes + 1)
        _, axes = np.linalg.eigh(np.cov(own.T))
        scores = (own - own.mean(0)) @ axes
        new = (rng.normal(size=(20, modes)) * np.arange(1, modes + 1) - own.mean(0)) @ axes / scores.std(0, ddof=1)
        limit = for_new_subjects({"spread": [0.0, 0.5]}, count, modes, 1.0)["spread"][1]
        outside.append(np.mean(np.sqrt((new**2).mean(1)) > limit))
    assert 0.005 < np.mean(outside) < 0.015
    wide = {"spread": [0.0, 9.0], "size": [0.9, 1.1]}
    assert for_new_subjects(wide, 25, 6, 1.0) == wide and for_new_subjects(wide, 6, 6, 1.0) == {"size": [0.9, 1.1]}


def test_distances_within_a_voxel_say_nothing():
    assert for_new_subjects({"distance_mm": [0.0, 0.8]}, 25, 6, 5.2) == {"distance_mm": [0.0, 2.6]}
    assert for_new_subjects({"distance_mm": [0.0, 0.8]}, 25, 6, 0.9) == {"distance_mm": [0.0, 0.8]}


def test_agreement_is_the_dice_coefficient_where_both_have_looked():
    one, other = np.array([[1, 1, 2, 0, 3]]), np.array([[1, 2, 2, 0, 1]])
    where = np.array([[True, True, True, True, False]])
    np.testing.assert_allclose(agreement(one, other, where, 5), [1, 2 / 3, 2 / 3, 0, 0])


@pytest.mark.parametrize(("value", "known", "wanted"), [
    (3.0, (2, 4), 1), (1.0, (2, 4), np.exp(-1)), (8.0, (2, 4), np.exp(-1)), (0.1, (0, 4), 1), (0.0, (0, 4), 1),
    (0.0, (2, 4), 0), (7.0, None, 1),
])
def test_a_value_is_less_plausible_the_farther_it_lies_outside_the_training(value, known, wanted):
    assert plausibility(value, known) == pytest.approx(wanted)


KNOWN = {"volume_ml": (100, 200), "distance_mm": (0.0, 1.0), "size": (0.9, 1.1), "spread": (0.0, 1.0),
         "agreement": (0.8, 1.0)}
RIGHT = {"volume_ml": [120, 130], "distance_mm": [0.8, 0.9], "size": [1.0, 1.0], "spread": [0.7, 0.6],
         "agreement": [0.9]}


@pytest.mark.parametrize(("kind", "values", "part"), [
    ("volume_ml", [30, 20], "only 30 ml and 20 ml look like it"), ("volume_ml", [500], "more than the 100 to 200 ml"),
    ("distance_mm", [2.5, 3.1], "3.1 mm off"), ("size", [0.4], "0.4 times as large"), ("spread", [5.4], "5.4 standard"),
    ("agreement", [0.09], "do not agree on it (Dice 0.09"),
])
def test_what_speaks_against_a_structure_is_said(kind, values, part):
    assert judged(RIGHT, 0.95, KNOWN, 0.5) == (pytest.approx(0.95), "")
    confidence, reason = judged(RIGHT | {kind: values}, 0.95, KNOWN, 0.5)
    assert confidence < 0.5 and part in reason
    assert judged(RIGHT | {kind: values}, 0.95, {}, 0.5) == (pytest.approx(0.95), ""), "of old models nothing is known"
    assert "not sure" in judged(RIGHT, 0.3, KNOWN, 0.5)[1]


def test_ranges_of_a_header_are_checked():
    extra = {"volume_ml": {"femur": [134, 231]}, "known": {"femur": {"size": [0.9, 1.0]}, "spine": {}}}
    assert known_ranges(extra) == {"femur": {"volume_ml": (134.0, 231.0), "size": (0.9, 1.0)}}
    assert known_ranges({}) == {}
    for bad in ([1.1, 0.9], [-1, 2], [0, float("nan")], [1], [1, 2, 3], ["a", 2]):
        with pytest.raises(ValueError):
            known_ranges({"known": {"femur": {"size": bad}}})


def test_training_keeps_weights_and_ranges(ellipsoid_model):
    extra = read_model_file(ellipsoid_model)[0].extra
    weights = extra["local_weights"]
    assert set(weights) == {"bone", "cartilage", "pegs"} and set(weights.values()) <= set(map(float, WEIGHTS))
    assert weights["pegs"] == 0, "no subvolume is aimed at what has no shape"
    assert set(extra["known"]["bone"]) == set(KINDS) - {"volume_ml"} and not extra["known"]["pegs"]
    assert set(extra["known"]["cartilage"]) == {"agreement"}
