"""Corners by name and by order, and what cannot be a spine."""

import numpy as np
import pytest

from napari_xray_landmarks.errors import InputError
from napari_xray_landmarks.landmarks import VERTEBRAE, LandmarkSet, vertebral_corners
from napari_xray_landmarks.phantoms import SCHEMAS
from napari_xray_landmarks.spine.vertebrae import (
    CORNERS,
    Vertebrae,
    corner_of,
    has_corners,
    landmarks_of,
    shown,
    spans,
    vertebrae_of,
)
from spines import landmark_set, stacked, three_curves

SPINE = three_curves(20, 40, 30)


def changed(change) -> LandmarkSet:
    """The landmarks of a spine after `change(corners by level and number)`."""
    corners = np.array(SPINE.corners_px)
    change(corners)
    names, points = vertebral_corners(levels=SPINE.levels), corners.reshape(-1, 2)
    given = np.isfinite(points).all(1)
    return LandmarkSet(tuple(np.array(names)[given]), points[given])


@pytest.mark.parametrize(("name", "expected"), [
    ("T1-top-left", ("T1", 0)), ("L5-bottom-right", ("L5", 3)), ("T1_TL", ("T1", 0)), ("Th12 upper right", ("T12", 1)),
    ("c7.inferior.left", ("C7", 2)), ("L3 BR", ("L3", 3)), ("T13-top-left", None), ("L6-top-left", None),
    ("T1-centre", None), ("femoral-head-left", None), ("", None), ("T1-top", None),
])  # fmt: skip
def test_names(name, expected):
    assert corner_of(name) == expected


def test_the_phantoms_schema_is_ours():
    assert SCHEMAS["spine"].names == vertebral_corners()
    assert [corner_of(n) for n in vertebral_corners()] == [(v, c) for v in VERTEBRAE for c in range(4)]
    assert vertebral_corners()[:4] == tuple(f"C7-{corner}" for corner in CORNERS)


@pytest.mark.parametrize("count", [68, 72])
def test_points_in_order_need_no_names(count):
    spine = SPINE if count == 68 else stacked(np.linspace(-5, 5, 18), levels=VERTEBRAE)
    numbered = LandmarkSet(tuple(f"point-{i + 1}" for i in range(count)), spine.corners_px.reshape(-1, 2))
    found = vertebrae_of(numbered)
    assert found.levels == spine.levels and np.array_equal(found.corners_px, spine.corners_px)
    assert has_corners(numbered.names) and not has_corners(numbered.names[:67])


def test_round_trip_and_any_order_of_names():
    marks = landmarks_of(SPINE)
    mixed = np.random.default_rng(0).permutation(len(marks))
    found = vertebrae_of(LandmarkSet(tuple(marks.names[i] for i in mixed), marks.points[mixed]))
    assert np.array_equal(found.corners_px, SPINE.corners_px) and not found.notes


def test_vertebrae_that_were_not_detected_are_not_there():
    detected = np.ones(68, bool)
    detected[[0, 5]] = False
    found = vertebrae_of(landmark_set(SPINE, detected=detected))
    assert found.describe() == "T3 to L5" and found.notes == ("T1 to T2 left out: not all corners detected",)
    blank = np.array(SPINE.corners_px.reshape(-1, 2))
    blank[7] = np.nan  # a row without a place
    found = vertebrae_of(LandmarkSet(vertebral_corners(levels=SPINE.levels), blank))
    assert found.notes == ("T2 left out: not all corners detected",) and found.describe() == "T1 to L5 without T2"


def test_levels_in_words():
    assert spans(("T1", "T2", "T5", "T12", "L1")) == "T1 to T2 and T5 and T12 to L1"
    assert spans(()) == ""


def test_which_vertebrae_a_film_shows():
    detected = np.arange(68) >= 20
    assert shown(landmark_set(SPINE, detected=detected)) == "T6 to L5"
    assert shown(landmark_set(SPINE, detected=np.zeros(68, bool))) == "no vertebra"
    assert shown(LandmarkSet(("nose",), np.ones((1, 2)))) == ""


def test_a_film_in_which_nothing_is_sure_is_refused_in_a_line():
    with pytest.raises(InputError, match=r"no vertebra with four corners \(T1 to L5 left out: not all corners"):
        vertebrae_of(landmark_set(SPINE, detected=np.zeros(68, bool)))


def swap(body, *corners):
    def change(all_corners):
        all_corners[body, list(corners)] = all_corners[body, list(corners)[::-1]]
    return change


def put(body, corner, value):
    def change(corners):
        corners[body, corner] = value
    return change


def onto(body, other):
    def change(corners):
        corners[body] = corners[other] + 1
    return change


WRONG = [
    (swap(6, 0, 1), "T7: its corners are crossed"),
    (swap(6, 0, 2), "T7: its corners are crossed"),
    (lambda c: c.__setitem__(6, c[6][[1, 0, 3, 2]]), "T7: its left and right corners are swapped"),
    (put(6, 3, np.nan), "T7: it has 3 of its four corners, no bottom-right"),
    (lambda c: c.__setitem__((6, slice(1, 4)), np.nan), "T7: it has 1 of its four corners, no top-right, bottom-left"),
    (put(0, 0, (-9, 20)), "T1: top-left lies outside the film, at row -9, column 20"),
    (onto(9, 8), "T10: it lies on T9"),
    (onto(16, 0), "L5: it lies above L4"),
]


@pytest.mark.parametrize(("change", "expected"), WRONG)
def test_what_is_wrong_is_named(change, expected):
    with pytest.raises(InputError, match=f"film.png: {expected}") as caught:
        vertebrae_of(changed(change), subject="film.png")
    assert caught.value.remedy and "\n" not in str(caught.value)


@pytest.mark.parametrize(("change", "expected"), WRONG)
def test_or_left_out_with_a_note(change, expected):
    found = vertebrae_of(changed(change), lenient=True)
    level, _, fault = expected.partition(": ")
    assert len(found) == 16 and level not in found.levels
    assert any(note.startswith(f"{level} left out") and fault[:12] in note for note in found.notes)


def test_outside_a_film_of_known_size():
    rows = int(SPINE.corners_px[..., 0].max()) + 2
    assert len(vertebrae_of(landmark_set(SPINE), shape=(rows, 2000))) == 17
    with pytest.raises(InputError, match="L5: .* lies outside the film of 600 rows and 2000 columns, at row"):
        vertebrae_of(landmark_set(Vertebrae(SPINE.levels[-2:], SPINE.corners_px[-2:] * (600 / (rows - 5), 1))),
                     shape=(600, 2000))


def test_random_points_are_no_spine():
    points = np.random.default_rng(1).uniform(0, 900, (68, 2))
    for lenient in (False, True):
        with pytest.raises(InputError, match="does not show a spine: .* of 17 vertebrae cannot be"):
            vertebrae_of(LandmarkSet(vertebral_corners(levels=VERTEBRAE[1:]), points), lenient=lenient)


def test_the_patients_sides_are_turned_round():
    other = Vertebrae(SPINE.levels, SPINE.corners_px[:, [1, 0, 3, 2]])
    found = vertebrae_of(landmark_set(other))
    assert np.array_equal(found.corners_px, SPINE.corners_px)
    assert found.notes == ("left and right taken the other way round, as the film shows them",)


@pytest.mark.parametrize(("landmarks", "expected"), [
    (LandmarkSet(("nose", "chin"), np.ones((2, 2))), "has 2 landmarks, and none is called"),
    (LandmarkSet(("T1-top-left", "T1 TL"), np.ones((2, 2))), "has the corner T1-top-left twice"),
    (LandmarkSet(vertebral_corners(levels=("L1",)), SPINE.corners_px[0]), "shows L1 only. An angle needs two"),
    (LandmarkSet(("T1-top-left",), np.ones((1, 2)), unit="mm"), "not in pixels"),
    (LandmarkSet(vertebral_corners(levels=("L1",)), np.full((4, 2), np.nan)), "shows no vertebra with four corners"),
])  # fmt: skip
def test_too_little_is_said(landmarks, expected):
    with pytest.raises(InputError, match=expected):
        vertebrae_of(landmarks)


def test_values_that_cannot_be_are_refused():
    for arguments in ((("T1",), np.zeros((2, 4, 2))), (("T2", "T1"), np.zeros((2, 4, 2))),
                      (("S1",), np.zeros((1, 4, 2))), (("T1",), np.full((1, 4, 2), np.nan)),
                      (("T1",), np.zeros((1, 4, 2)), (0.0, 1.0))):
        with pytest.raises(ValueError, match="must be"):
            Vertebrae(*arguments)
