"""The AASCE challenge's measures of angles, by hand."""

import numpy as np
import pytest

from napari_xray_landmarks.evaluation.angles import circular_mean_absolute_error, smape


def test_smape_by_hand():
    assert smape([[10, 20, 30]], [[10, 20, 30]]) == 0
    assert smape([[11, 19, 30], [0, 0, 0]], [[9, 21, 30], [0, 0, 0]]) == pytest.approx(100 * (4 / 120) / 2)
    assert smape([[5, 0, 0]], [[0, 0, 0]]) == pytest.approx(100)


def test_the_circular_error_is_the_mean_of_small_errors():
    rng = np.random.default_rng(0)
    truth = rng.uniform(0, 60, (40, 3))
    errors = rng.normal(0, 3, truth.shape)
    found = circular_mean_absolute_error(truth + errors, truth)
    assert found == pytest.approx(np.abs(errors).mean(), rel=1e-2)
    assert circular_mean_absolute_error([[10.0]], [[13.0]]) == pytest.approx(3)
    by_hand = np.arctan2((np.sin(np.pi / 2) + 0) / 2, (np.cos(np.pi / 2) + 1) / 2)
    assert circular_mean_absolute_error([[90.0, 0.0]], [[0.0, 0.0]]) == pytest.approx(np.rad2deg(by_hand))


@pytest.mark.parametrize(("predicted", "truth"), [([[1, 2]], [[1, 2, 3]]), ([[np.nan]], [[1]]), ([[]], [[]])])
def test_what_cannot_be_compared_is_refused(predicted, truth):
    with pytest.raises(ValueError, match="angles must be"):
        smape(predicted, truth)
