"""The curve in space is the one that was asked for."""

import numpy as np
import pytest

from napari_xray_landmarks.phantoms.scoliosis import LEVELS, TYPES, Scoliosis, posture, random_scoliosis

SEGMENTS_MM, ROOM_DEG = np.full(18, 26.0), np.full(18, 12.0)


def stand(curves, **changes):
    asked = {"kyphosis_deg": 34.0, "lordosis_deg": 50.0, "balance_mm": (0.0, 0.0)} | changes
    return posture(curves, segments_mm=SEGMENTS_MM, disc_room_deg=ROOM_DEG, **asked)


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("largest", [0, 25, 60, 100])
def test_the_end_vertebrae_stand_at_the_cobb_angles(kind, largest):
    for seed in range(5):
        curves = random_scoliosis(np.random.default_rng(seed), largest, kind)
        made, nodes = stand(curves), curves.nodes
        between = made.upper_tilt_deg[nodes[:-1]] - made.lower_tilt_deg[nodes[1:]]
        np.testing.assert_allclose(between, curves.signed_deg, atol=1e-9)
        assert (np.diff(nodes) >= 2).all()


def test_no_other_vertebrae_enclose_a_larger_angle():
    curves = Scoliosis((30, 60, 40))
    made = stand(curves)
    for i, (first, last) in enumerate(zip(curves.nodes, curves.nodes[1:], strict=False)):
        inside = made.upper_tilt_deg[first:last + 1, None] - made.lower_tilt_deg[None, first:last + 1]
        assert np.abs(inside).max() == pytest.approx(curves.cobb_deg[i])


def test_fronts_turn_to_the_convex_side_most_at_the_apex_and_not_at_the_ends():
    right, left = stand(Scoliosis((20, 60, 30), convex="right")), stand(Scoliosis((20, 60, 30), convex="left"))
    np.testing.assert_allclose(right.rotation_deg, -left.rotation_deg)
    thoracic = right.rotation_deg[LEVELS.index("T5"):LEVELS.index("T12") + 1]
    assert thoracic[0] == thoracic[-1] == 0 and (thoracic[1:-1] > 0).all()
    assert 2 <= int(np.argmax(thoracic)) <= 5 and thoracic.max() == pytest.approx(21, abs=1)
    assert np.abs(np.diff(stand(Scoliosis((45, 100, 60))).rotation_deg)).max() < 12  # neighbours can follow


def test_bodies_and_discs_share_a_curve_and_end_vertebrae_are_not_wedged():
    curves = Scoliosis((20, 50, 30), wedging=0.4)
    made = stand(curves)
    wedge = made.upper_tilt_deg - made.lower_tilt_deg
    np.testing.assert_allclose(wedge[curves.nodes], 0, atol=1e-12)
    inside = slice(curves.nodes[1], curves.nodes[2] + 1)
    assert 0.25 * 50 < wedge[inside].sum() < 0.45 * 50
    assert wedge[inside].max() == pytest.approx(wedge[LEVELS.index("T8"):LEVELS.index("T10")].max())


def test_discs_are_turned_no_further_than_they_have_room():
    made = posture(Scoliosis((45, 100, 60)), kyphosis_deg=30, lordosis_deg=50, balance_mm=(0, 0),
                   segments_mm=SEGMENTS_MM, disc_room_deg=np.full(18, 4.0))
    assert np.abs(made.lower_tilt_deg[:-1] - made.upper_tilt_deg[1:]).max() < 14
    straight = stand(Scoliosis())
    np.testing.assert_allclose(straight.tilt_deg, 0, atol=0.05)


def test_kyphosis_and_lordosis_are_those_asked_for():
    made = stand(Scoliosis(), kyphosis_deg=40.0, lordosis_deg=55.0)
    upper, lower = made.upper_lean_deg, made.lower_lean_deg
    assert upper[LEVELS.index("T4")] - lower[LEVELS.index("T12")] == pytest.approx(40, abs=4)
    assert made.sacrum_lean_deg - upper[LEVELS.index("L1")] == pytest.approx(55, abs=5)


@pytest.mark.parametrize("balance", [(0.0, 0.0), (25.0, -12.0)])
def test_the_neck_stands_where_the_balance_says(balance):
    made = stand(Scoliosis((20, 60, 30)), balance_mm=balance)
    tilt, lean = np.deg2rad(made.tilt_deg), np.deg2rad(made.lean_deg)
    assert (SEGMENTS_MM * np.sin(tilt)).sum() == pytest.approx(balance[1], abs=8)
    assert -(SEGMENTS_MM * np.sin(lean)).sum() == pytest.approx(balance[0], abs=8)


def test_random_patients_are_as_varied_as_the_clinic():
    patients = [random_scoliosis(np.random.default_rng(s)) for s in range(400)]
    largest = np.array([max(p.cobb_deg) for p in patients])
    assert 20 < np.quantile(largest, 0.25) < 30 < np.median(largest) < 42 < np.quantile(largest, 0.75) < 60
    assert largest.max() <= 100 and largest.min() < 10
    assert 0.78 < np.mean([p.convex == "right" for p in patients]) < 0.92
    assert np.argmax([p.cobb_deg for p in patients], axis=1).tolist().count(2) > 60


@pytest.mark.parametrize("wrong, says", [
    ({"cobb_deg": (0, 101, 0)}, "0 to 100"), ({"cobb_deg": (0, float("nan"), 0)}, "0 to 100"),
    ({"cobb_deg": (1, 2)}, "three angles"), ({"cobb_deg": (60, 0, 0)}, "PT of 60 degrees is too much for 3 levels"),
    ({"end_vertebrae": ("T2", "T5", "T4", "L4")}, "downwards"), ({"end_vertebrae": ("T2", "T5", "T12", "S1")}, "S1"),
    ({"convex": "up"}, "'up'"), ({"wedging": 1.5}, "1.5"),
])
def test_what_no_spine_can_do_is_refused(wrong, says):
    with pytest.raises(ValueError, match=says):
        Scoliosis(**wrong)


def test_an_unknown_type_is_refused():
    with pytest.raises(ValueError, match="no scoliosis 'lenke 9'"):
        random_scoliosis(np.random.default_rng(0), kind="lenke 9")
