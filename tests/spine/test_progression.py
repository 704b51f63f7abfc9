"""One patient's films compared, and the curves' drawing and table."""

from datetime import date

import numpy as np
import pytest

from napari_xray_landmarks.spine.cobb import measure
from napari_xray_landmarks.spine.drawing import draw, outlines
from napari_xray_landmarks.spine.progression import compare, date_in, in_order
from napari_xray_landmarks.spine.table import CHANGE_COLUMNS, COLUMNS, change_row, row
from napari_xray_landmarks.spine.uncertainty import with_corner_sd
from napari_xray_landmarks.spine.vertebrae import Vertebrae
from spines import mirrored, three_curves

FIRST, LATER = three_curves(22, 40, 31), three_curves(20, 55, 24)
DAYS = [date(2020, 1, 1), date(2021, 7, 1)]


def test_each_curve_is_compared_between_the_first_films_end_vertebrae():
    changes = compare([measure(with_corner_sd(s, 0.5)) for s in (FIRST, LATER)], DAYS)
    assert [c.trend for c in changes[0]] == ["first"] * 3
    pt, mt, tll = changes[1]
    assert (mt.curve.upper, mt.curve.lower) == ("T5", "T12")
    assert [c.change_deg for c in changes[1]] == pytest.approx([-2, 15, -7])
    assert [c.trend for c in changes[1]] == ["stable", "progressed", "improved"]
    assert mt.sd_deg == pytest.approx(np.sqrt(2) * np.rad2deg(1 / 60))
    assert mt.per_year_deg == pytest.approx(15 / 1.497, rel=0.01)


def test_a_change_within_the_measurements_error_is_stable():
    changes = compare([measure(with_corner_sd(s, 6.0)) for s in (FIRST, LATER)])
    assert changes[1][1].trend == "stable" and np.isnan(changes[1][1].per_year_deg)
    assert compare([measure(s) for s in (FIRST, LATER)])[1][1].trend == "progressed"


def test_a_curve_to_the_other_side_counts_negative():
    change = compare([measure(FIRST), measure(mirrored(FIRST))])[1][1]
    assert change.change_deg == pytest.approx(-80) and change.trend == "improved"


def test_a_film_that_does_not_show_a_curve():
    lower = measure(Vertebrae(FIRST.levels[9:], FIRST.corners_px[9:]))
    first, second = compare([lower, measure(FIRST)])
    assert [c.trend for c in first] == ["", "", "first"] and [c.trend for c in second] == ["first", "first", "stable"]
    assert [c.trend for c in compare([measure(FIRST), lower])[1]] == ["", "", "stable"]


def test_order_of_dates():
    assert in_order([DAYS[1], DAYS[0]]) == [1, 0] and in_order([DAYS[1], None]) == [0, 1]
    with pytest.raises(ValueError, match="1 dates for 2 films"):
        compare([measure(FIRST)] * 2, DAYS[:1])


def test_a_row_of_the_table():
    film = measure(with_corner_sd(FIRST, 1.0))
    cells = dict(zip(COLUMNS, row("a.png", film, day=DAYS[0]), strict=True))
    assert cells["mt_deg"] == "40.00" and cells["mt_upper"] == "T5" and cells["mt_lower"] == "T12"
    assert cells["severity"] == "severe" and cells["largest"] == "MT" and cells["date"] == "2020-01-01"
    assert float(cells["mt_sd_deg"]) == pytest.approx(1.91, abs=0.01)
    assert len(change_row(compare([film, film])[1])) == len(CHANGE_COLUMNS)


@pytest.mark.parametrize("spine", [FIRST, LATER, mirrored(FIRST), three_curves(12, 85, 70)])
def test_the_perpendiculars_stand_on_the_endplates_and_show_the_angle(spine):
    found = measure(spine)
    drawings = draw(found)
    assert [d.curve.name for d in drawings] == ["PT", "MT", "TL/L"] and outlines(spine).shape == (17, 4, 2)
    for drawing in drawings:
        plates, perpendiculars = (np.diff(p, axis=1)[:, 0] for p in (drawing.endplates, drawing.perpendiculars))
        assert (plates * perpendiculars).sum(1) == pytest.approx(0, abs=1e-6)
        cosine = abs(perpendiculars[0] @ perpendiculars[1]) / np.prod(np.linalg.norm(perpendiculars, axis=1))
        assert np.degrees(np.arccos(cosine)) == pytest.approx(drawing.curve.angle_deg, abs=1e-6)
        middle = spine.corners_px[:, :, 1].mean()
        side = np.sign(drawing.text_at[1] - drawing.endplates[:, 0, 1].mean())
        assert side == (-1 if drawing.curve.convex == "right" else 1), middle  # on the concave side
        assert drawing.text == f"{drawing.curve.name} {drawing.curve.angle_deg:.1f}°"


def test_nearly_parallel_perpendiculars_meet_half_way():
    for drawing in draw(measure(three_curves(0.3, 0.5, 0.4))):
        assert np.isfinite(drawing.perpendiculars).all() and np.ptp(drawing.perpendiculars[..., 1]) < 200


@pytest.mark.parametrize(("name", "expected"), [("sunhl-1th-02-Jan-2017-162 A AP.jpg", "2017-01-02"),
                                                ("x 2020-02-30", None), ("2021-05-06 · landmarks", "2021-05-06"),
                                                ("film", None)])
def test_dates_in_names(name, expected):
    assert (date_in(name) and date_in(name).isoformat()) == expected
