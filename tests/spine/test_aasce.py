"""The AASCE data set's own angles, and the mistakes of its annotators."""

import os
from pathlib import Path

import numpy as np
import pytest

from napari_xray_landmarks.spine.aasce import aasce_angles, corners_from_fractions, corrected, expected_angles
from spines import stacked, three_curves

DATA = Path(os.environ.get("XRAY_LANDMARKS_DATA", Path(__file__).parents[3] / "shared" / "data")) / "aasce"
FILM = (900, 700)
SPINE = three_curves(22, 48, 31)


def test_a_c_takes_the_first_and_the_last_body():
    found = aasce_angles(stacked(np.linspace(-20, 28, 17)).corners_px, 5000)
    assert found.kind == "C" and found.angles_deg == pytest.approx((48, 0, 0), abs=1e-5)
    assert found.ends == (0, 16)


def test_an_s_takes_the_largest_above_and_below():
    found = aasce_angles(SPINE.corners_px, 5000)
    assert found.kind == "S" and found.angles_deg == pytest.approx((48, 22, 31))
    assert found.ends == (4, 11)


def test_low_in_the_film_the_third_angle_is_another_one():
    rows = 2 * int(SPINE.corners_px[4, 2, 0])
    found = aasce_angles(SPINE.corners_px, rows)
    assert found.kind == "S, low" and found.angles_deg == pytest.approx((48, 22, 0), abs=1e-5)


def test_people_place_corners_a_little_differently_so_the_largest_angle_is_larger():
    found = expected_angles(SPINE.corners_px, 5000)
    assert found == pytest.approx((48, 22, 31), abs=3) and found[0] > 48
    assert np.array_equal(found, expected_angles(SPINE.corners_px, 5000))


def test_where_the_rules_jump_the_expected_angle_lies_between():
    middles = SPINE.corners_px[:, 2:, 0].mean(1)
    at_the_jump = expected_angles(SPINE.corners_px, round(middles[4] + middles[11]))
    assert 0.2 * 31 < at_the_jump[2] < 0.8 * 31


def test_angles_beyond_ninety_degrees():
    found = aasce_angles(stacked(np.linspace(-60, 60, 17)).corners_px, 5000)
    assert found.angles_deg[0] == pytest.approx(120)


def test_what_is_no_film_of_the_data_set_is_refused():
    with pytest.raises(ValueError, match="17, 4, 2"):
        aasce_angles(SPINE.corners_px[:16], 900)
    with pytest.raises(ValueError, match="17, 4, 2"):
        expected_angles(SPINE.corners_px[:16], 900)


def test_fractions_become_whole_pixels():
    corners = np.round(SPINE.corners_px)
    row = np.concatenate([(corners[..., 1] / FILM[1]).ravel(), (corners[..., 0] / FILM[0]).ravel()]).round(5)
    assert np.array_equal(corners_from_fractions(row, FILM), corners)


def test_films_without_mistakes_stay_as_they_are():
    corners, notes = corrected(SPINE.corners_px, FILM)
    assert np.array_equal(corners, SPINE.corners_px) and not notes


def test_a_last_body_above_the_first_is_the_first():
    wrong = np.roll(SPINE.corners_px, -1, axis=0)
    corners, notes = corrected(wrong, FILM)
    assert np.array_equal(corners, SPINE.corners_px)
    assert notes == ("the last vertebra lay above the first: all moved down by one",)


def test_a_body_on_its_head_is_turned():
    wrong = np.array(SPINE.corners_px)
    wrong[15] = wrong[15][[2, 3, 0, 1]]
    corners, notes = corrected(wrong, FILM)
    assert np.array_equal(corners, SPINE.corners_px) and notes == ("L4: top and bottom corners were swapped",)


def test_what_cannot_be_put_right_is_left_out():
    wrong = np.array(SPINE.corners_px)
    wrong[3, [0, 1]] = wrong[3, [1, 0]]
    wrong[16] = wrong[15] + 1
    corners, notes = corrected(wrong, FILM)
    assert np.isnan(corners[[3, 16]]).all()
    assert np.array_equal(np.delete(corners, [3, 16], 0), np.delete(wrong, [3, 16], 0))
    assert notes == ("T4 left out: its corners are crossed", "L5 left out: it lies on L4")


def test_a_corner_outside_the_film_is_left_out_alone():
    wrong = np.array(SPINE.corners_px)
    wrong[8, 2] = (950, 20)
    corners, notes = corrected(wrong, FILM)
    assert np.argwhere(np.isnan(corners).any(-1)).tolist() == [[8, 2]]
    assert notes == ("T9-bottom-left left out: outside the film at row 950, column 20",)


@pytest.mark.skipif(not DATA.is_dir(), reason=f"the AASCE films are not at {DATA}")
def test_the_data_sets_angles_come_out_to_the_last_digit():
    from PIL import Image

    names = (DATA / "filenames.csv").read_text().splitlines()
    fractions, angles = (np.loadtxt(DATA / f"{f}.csv", delimiter=",") for f in ("landmarks", "angles"))
    for name, row, truth in zip(names[::12], fractions[::12], angles[::12], strict=True):
        with Image.open(DATA / "images" / name.strip()) as image:
            shape = image.height, image.width
        found = aasce_angles(corners_from_fractions(row, shape), shape[0])
        assert found.angles_deg == pytest.approx(truth, rel=6e-5, abs=1e-4), name
