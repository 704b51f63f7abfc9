import numpy as np
import pytest

from napari_xray_landmarks.drr.collimation import Collimation, field


def test_a_circle_has_its_area_middle_and_smaller_side():
    opened = field(Collimation("circle", (0.8, 0.8), (0.4, 0.5)), (300, 400), (0.5, 0.5))
    assert opened.sum() * 0.25 == pytest.approx(np.pi * 60**2, rel=0.002)  # 0.8 of 150 mm across
    rows, columns = np.nonzero(opened > 0.5)
    assert rows.mean() == pytest.approx(0.4 * 300 - 0.5, abs=0.3)
    assert columns.mean() == pytest.approx(199.5, abs=0.3)


def test_a_circle_is_round_in_millimetres():
    opened = field(Collimation("circle"), (200, 200), (0.5, 1.0)) > 0.5
    assert opened.any(1).sum() == pytest.approx(200, abs=1)
    assert opened.any(0).sum() == pytest.approx(100, abs=1)


@pytest.mark.parametrize("turn", [0.0, 7.0, 45.0])
def test_a_rectangle_keeps_its_area_when_turned(turn):
    opened = field(Collimation("rectangle", (0.4, 0.6), turn_deg=turn), (300, 300), (1.0, 1.0))
    assert opened.sum() == pytest.approx(120 * 180, rel=0.002)


def test_the_edge_fades_over_the_penumbra():
    opened = field(Collimation("rectangle", (0.5, 0.5), penumbra_mm=8.0), (200, 200), (1.0, 1.0))
    profile = opened[100]
    assert profile.max() == 1 and profile.min() == 0
    assert ((profile > 0) & (profile < 1)).sum() == 16


@pytest.mark.parametrize("wrong", [{"shape": "star"}, {"size": (0.0, 1.0)}, {"size": (1.0,)}, {"penumbra_mm": -1.0}])
def test_what_is_no_collimator_is_refused(wrong):
    with pytest.raises(ValueError, match="must|is a"):
        Collimation(**wrong)
