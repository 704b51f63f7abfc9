import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from napari_xray_landmarks.drr.smoothing import wide_gaussian


@pytest.mark.parametrize("shape, sigma", [((150, 211), 1.5), ((150, 211), 5.0), ((150, 211), 12.0), ((448, 448), 40.0)])
def test_is_a_gaussian_filter(shape, sigma):
    image = gaussian_filter(np.random.default_rng(0).standard_normal(shape), 6) * 10
    image[40:90, 60:120] += 3
    exact = gaussian_filter(image, sigma, mode="nearest")
    error = np.abs(wide_gaussian(image, sigma) - exact)
    margin = int(2 * sigma)  # past the edge the last pixels go on in blocks
    inner = tuple(slice(margin, n - margin) for n in shape)
    assert error[inner].max() < 0.03 * np.ptp(exact)
    assert error.mean() < 0.01 * np.ptp(exact)


def test_keeps_what_is_flat_and_small():
    np.testing.assert_allclose(wide_gaussian(np.full((37, 53), 4.2), 15.0), 4.2, rtol=1e-5)
    assert wide_gaussian(np.ones((2, 3)), 30.0).shape == (2, 3)
