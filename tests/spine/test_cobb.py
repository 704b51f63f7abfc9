"""Cobb angles of spines whose angles are known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_xray_landmarks.landmarks import VERTEBRAE, LandmarkSet, vertebral_corners
from napari_xray_landmarks.spine.cobb import (
    CURVES,
    endplate_tilts_deg,
    measure,
    measure_between,
    severity,
    signed_angles_deg,
)
from napari_xray_landmarks.spine.vertebrae import Vertebrae, vertebrae_of
from spines import eased, mirrored, stacked, three_curves, turned

ANGLES = st.floats(12, 70)


def test_a_circle_arc_is_one_curve_from_end_to_end():
    tilts = np.linspace(-24, 24, 17)
    found = measure(stacked(tilts))
    assert found["MT"].angle_deg == pytest.approx(48)
    assert (found["MT"].upper, found["MT"].lower) == ("T1", "L5")
    assert found["MT"].apex == "T9" and found["MT"].convex == "right"
    assert found["PT"].angle_deg == found["TL/L"].angle_deg == 0
    assert not found["PT"].there and found.largest.name == "MT" and found.severity == "severe"


def test_three_curves_share_their_end_vertebrae():
    found = measure(three_curves(22, 48, 31))
    assert found.angles_deg == pytest.approx([22, 48, 31])
    assert [(c.upper, c.lower) for c in found.curves] == [("T1", "T5"), ("T5", "T12"), ("T12", "L4")]
    assert [c.convex for c in found.curves] == ["right", "left", "right"]
    assert [c.apex for c in found.curves] == ["T3", "T8/9", "L2"]


@given(ANGLES, ANGLES, ANGLES, st.floats(-70, 70), st.floats(0.05, 20))
@settings(max_examples=40, deadline=None)
def test_turning_and_resizing_the_film_changes_nothing(pt, mt, tll, degrees, scale):
    spine = three_curves(pt, mt, tll)
    before, after = measure(spine), measure(turned(spine, degrees, scale, (40, -900)))
    assert after.angles_deg == pytest.approx(before.angles_deg, abs=1e-6)
    assert [(c.upper, c.lower, c.apex, c.convex) for c in after.curves] == \
        [(c.upper, c.lower, c.apex, c.convex) for c in before.curves]


@given(ANGLES, ANGLES, ANGLES)
@settings(max_examples=30, deadline=None)
def test_a_mirrored_film_swaps_sides_and_keeps_magnitudes(pt, mt, tll):
    spine = three_curves(pt, mt, tll)
    before, after = measure(spine), measure(mirrored(spine))
    assert after.angles_deg == pytest.approx(before.angles_deg, abs=1e-6)
    other = {"left": "right", "right": "left", "": ""}
    assert [c.convex for c in after.curves] == [other[c.convex] for c in before.curves]


@given(st.lists(st.floats(-40, 40), min_size=17, max_size=17))
@settings(max_examples=60, deadline=None)
def test_the_major_curve_is_the_largest_of_all_and_its_neighbours_bulge_the_other_way(tilts):
    spine = stacked(tilts)
    found, angles = measure(spine), signed_angles_deg(endplate_tilts_deg(spine.corners))
    whole = [abs(angles[a, b]) for a in range(17) for b in range(a + 2, 17)
             if not any(-np.sign(angles[a, b]) * angles[c, d] >= 10 for c in range(a, b + 1)
                        for d in range(c + 2, b + 1))]
    assert found.largest.angle_deg == pytest.approx(max(whole, default=0), abs=1e-9)
    there = [c for c in found.curves if c.there]
    for upper, lower in zip(there, there[1:], strict=False):
        assert upper.convex != lower.convex
        assert VERTEBRAE.index(upper.lower) <= VERTEBRAE.index(lower.upper)


def test_pixels_that_are_not_square():
    spine = three_curves(20, 40, 30)
    squeezed = Vertebrae(spine.levels, spine.corners_px / (1.0, 2.0), spacing=(1.0, 2.0))
    assert measure(squeezed).angles_deg == pytest.approx(measure(spine).angles_deg)


def test_wedged_bodies_count_from_their_outer_endplates():
    spine = stacked(np.zeros(17))
    corners = spine.corners_px.copy()
    corners[5, 1, 0] -= 60 * np.tan(np.deg2rad(10))   # T6's upper endplate, right end up
    corners[10, 3, 0] += 60 * np.tan(np.deg2rad(15))  # T11's lower endplate, right end down
    curve = measure(Vertebrae(spine.levels, corners))["MT"]
    assert (curve.upper, curve.lower) == ("T6", "T11") and curve.angle_deg == pytest.approx(25)


def test_a_major_lumbar_curve_keeps_its_name():
    found = measure(stacked(eased({"T1": 2, "T5": 0, "T11": 12, "L3": -40, "L5": -20})))
    assert found["TL/L"].angle_deg == pytest.approx(52) and found.largest.name == "TL/L"
    assert (found["TL/L"].upper, found["TL/L"].lower) == ("T11", "L3")
    assert found["MT"].angle_deg == pytest.approx(12) and found["MT"].lower == "T11"


def test_a_cropped_spine_says_what_it_does_not_show():
    whole = three_curves(22, 48, 31)
    lower = measure(Vertebrae(whole.levels[4:], whole.corners_px[4:]))
    assert np.isnan(lower["PT"].angle_deg) and lower["PT"].describe() == "PT: not on the film"
    assert lower.angles_deg[1:] == pytest.approx([48, 31])
    assert lower.vertebrae.describe() == "T5 to L5"
    lumbar = measure(Vertebrae(whole.levels[11:], whole.corners_px[11:]))
    assert np.isnan(lumbar.angles_deg[:2]).all() and lumbar["TL/L"].angle_deg == pytest.approx(31)
    nothing = measure(Vertebrae(whole.levels[13:], whole.corners_px[13:]))
    assert np.isnan(nothing.angles_deg).all() and nothing.severity == ""


def test_a_missing_vertebra_is_passed_over():
    whole = three_curves(22, 48, 31)
    keep = [i for i in range(17) if i not in (7, 8)]
    found = measure(Vertebrae(tuple(whole.levels[i] for i in keep), whole.corners_px[keep]))
    assert found.angles_deg == pytest.approx([22, 48, 31])
    assert found.vertebrae.describe() == "T1 to L5 without T8, T9"


def test_a_straight_spine_has_no_curve():
    found = measure(stacked(0.0))
    assert (found.angles_deg < 1e-9).all() and found.severity == "none"


def test_between_given_end_vertebrae():
    spine = three_curves(22, 48, 31)
    assert measure_between(spine, "MT", "T6", "T11").angle_deg < 48
    assert measure_between(spine, "MT", "T5", "T12").angle_deg == pytest.approx(48)
    assert np.isnan(measure_between(Vertebrae(spine.levels[6:], spine.corners_px[6:]), "MT", "T5", "T12").angle_deg)


@pytest.mark.parametrize(("angle", "expected"), [(9.99, "none"), (10, "mild"), (24.9, "mild"), (25, "moderate"),
                                                 (39.9, "moderate"), (40, "severe"), (float("nan"), "")])
def test_severity(angle, expected):
    assert severity(angle) == expected


@pytest.mark.parametrize("subject", [3, 8])
def test_the_angles_of_a_phantom_are_those_of_its_scoliosis(subject):
    from napari_xray_landmarks.phantoms.thoracolumbar import spine
    from napari_xray_landmarks.phantoms.thoracolumbar_landmarks import corners_in_space

    person = spine(subject)
    space = corners_in_space(person)
    points = np.array([(-space[n][0], space[n][2]) for n in vertebral_corners()])  # as an AP film shows them
    found = measure(vertebrae_of(LandmarkSet(vertebral_corners(), points + 2000)))
    truth = person.scoliosis
    assert found.angles_deg[1:] == pytest.approx(truth.cobb_deg[1:], abs=0.2)
    assert (found["MT"].upper, found["MT"].lower) == truth.end_vertebrae[1:3]
    assert found["MT"].convex == {"right": "left", "left": "right"}[truth.convex]  # the patient's right is at the left
    assert [c.name for c in found.curves] == list(CURVES)
