import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_xray_landmarks.joint_displacement.calibration import _logistic, _mass
from napari_xray_landmarks.joint_displacement.subshape import calibrated

MASSES = np.linspace(0, 1, 200)


@given(seed=st.integers(0, 10**6), count=st.integers(2, 200), slope=st.floats(-15, 15))
@settings(max_examples=60, deadline=None)
def test_more_mass_never_means_less_confidence(seed, count, slope):
    """Also where chance, or a few odd films, say otherwise."""
    rng = np.random.default_rng(seed)
    mass = rng.uniform(0, 1, count)
    good = rng.uniform(0, 1, count) < 1 / (1 + np.exp(-slope * (mass - 0.5)))
    confidence = calibrated(MASSES, _logistic(mass, good))
    assert ((confidence > 0) & (confidence < 1)).all()
    assert (np.diff(confidence) >= -1e-12).all()


def test_the_confidence_is_the_share_that_is_right():
    rng = np.random.default_rng(0)
    mass = rng.uniform(0, 1, 4000)
    right = 1 / (1 + np.exp(-(6 * mass - 2)))
    confidence = calibrated(mass, _logistic(mass, rng.uniform(0, 1, 4000) < right))
    assert np.abs(confidence - right).max() < 0.06


def test_where_all_or_none_are_right_the_confidence_is_constant_and_not_certain():
    mass = np.linspace(0.1, 0.9, 20)
    for good, low, high in ((np.ones(20, bool), 0.9, 1), (np.zeros(20, bool), 0, 0.1)):
        confidence = calibrated(MASSES, _logistic(mass, good))
        assert np.ptp(confidence) == 0 and low < confidence[0] < high


def test_the_mass_comes_back_from_an_uncalibrated_confidence():
    np.testing.assert_allclose(_mass(calibrated(MASSES, (0.0, 1.0, 0.0))), MASSES, atol=1e-12)
