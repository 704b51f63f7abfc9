import pytest

from napari_xray_landmarks.models import ModelHeader
from napari_xray_landmarks.models.header import metric_in_words
from napari_xray_landmarks.plugin.widgets.model_combo import describe


@pytest.mark.parametrize("metrics, end", [
    ({"mean_radial_error_px": 11.24, "films": 40}, "mean radial error 11.2 px."),
    ({"mean_radial_error_px": 2.7, "mean_radial_error_mm": 1.952, "how": "held out"}, "mean radial error 1.95 mm."),
    ({}, "of phantoms."),
])
def test_one_line_says_what_it_was_trained_on_and_how_exact_it_is(metrics, end):
    header = ModelHeader("joint-displacement", "pelvis", ("a", "b"), {}, {"films": 100, "data": "phantoms"}, metrics)
    assert describe(header).startswith("2 landmarks, trained on 100 films of phantoms")
    assert describe(header).endswith(end)


def test_a_model_that_outlines_tells_how_exact_its_outlines_are():
    metrics = {"mean_radial_error_mm": 1.2, "mean_point_to_curve_px": 0.9, "mean_point_to_curve_mm": 0.322}
    header = ModelHeader("joint-displacement", "pelvis", ("a", "b"), metrics=metrics)
    assert describe(header, "segment").endswith("mean point to curve 0.322 mm.")
    assert describe(header).endswith("mean radial error 1.2 mm.")


def test_units():
    assert metric_in_words("cobb_error_deg", 2.5) == "Cobb error 2.5 °"
    assert metric_in_words("mean_dice", 0.9583) == "mean Dice 0.958"
    assert metric_in_words("success", 0.981) == "success 0.981"
