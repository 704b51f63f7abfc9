import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

from napari_xray_landmarks.joint_displacement import features
from napari_xray_landmarks.joint_displacement.features import FEATURE_LENGTH, integral_histograms, patch_features

BINS, BORDER = 18, 6


def box(integral, top, left, bottom, right):
    """(18,) sums over rows top to bottom - 1 and columns left to right - 1, in mean gradient magnitudes."""
    total = integral[bottom, right].astype(float) - integral[top, right] - integral[bottom, left] + integral[top, left]
    return total * features.quantum((len(integral) - 1, integral.shape[1] - 1))


def oriented_magnitudes(image):
    """(rows, columns, 18) gradient magnitude of each pixel, shared between its two nearest bins; mean 1."""
    by_row, by_column = np.gradient(gaussian_filter(image.astype(float), features.SMOOTHING_PX, mode="nearest"))
    magnitude = np.hypot(by_row, by_column)
    position = np.arctan2(by_row, by_column) / (2 * np.pi) * BINS % BINS
    out = np.zeros((*image.shape, BINS))
    rows, columns = np.indices(image.shape)
    low = np.floor(position).astype(int)
    np.add.at(out, (rows, columns, low % BINS), magnitude * (1 - position + low))
    np.add.at(out, (rows, columns, (low + 1) % BINS), magnitude * (position - low))
    return out / magnitude.mean()


def brute_force(image, centre, cell):
    """The 360 values of one patch, pixel by pixel; what lies outside the image is flat."""
    bins = np.pad(oriented_magnitudes(image), ((50, 50), (50, 50), (0, 0)))
    corner = np.array(centre) + 50 - 2 * cell
    cells = np.array([[bins[corner[0] + i * cell:corner[0] + (i + 1) * cell,
                            corner[1] + j * cell:corner[1] + (j + 1) * cell].sum((0, 1)) for j in range(4)]
                      for i in range(4)])
    whole = cells.reshape(2, 2, 2, 2, BINS).sum((1, 3))
    quarters = [cells[i:i + 2, j:j + 2] for i in (0, 2) for j in (0, 2)]
    return np.concatenate([block.ravel() / max(np.linalg.norm(block), 1e-9) for block in (whole, *quarters)])


@given(angle=st.floats(0, 2 * np.pi), steepness=st.floats(0.01, 1000))
@settings(max_examples=25, deadline=None)
def test_a_ramp_fills_the_two_bins_beside_its_direction(angle, steepness):
    rows, columns = np.indices((40, 50))
    integral = integral_histograms(steepness * (np.sin(angle) * rows + np.cos(angle) * columns))
    found = box(integral, BORDER, BORDER, 40 - BORDER, 50 - BORDER)
    position = angle / (2 * np.pi) * BINS
    expected = np.zeros(BINS)
    expected[int(position) % BINS] += 1 - position % 1
    expected[(int(position) + 1) % BINS] += position % 1
    np.testing.assert_allclose(found / found.sum(), expected, atol=2e-3)


@pytest.mark.parametrize(("axis", "sign", "expected"), [(1, 1, 0), (0, 1, 4.5), (1, -1, 9), (0, -1, 13.5)])
def test_an_edge_has_a_signed_direction(axis, sign, expected):
    step = (np.indices((40, 40))[axis] >= 20).astype(float) * sign
    found = box(integral_histograms(step), 0, 0, 40, 40)
    position = np.angle(found @ np.exp(2j * np.pi * np.arange(BINS) / BINS)) / (2 * np.pi) * BINS % BINS
    assert position == pytest.approx(expected, abs=1e-3) or position == pytest.approx(expected + BINS, abs=1e-3)
    assert np.count_nonzero(found > 1e-3 * found.sum()) <= 2


def test_an_integral_histogram_sums_any_rectangle():
    image = np.random.default_rng(0).normal(size=(30, 41))
    bins, integral = oriented_magnitudes(image), integral_histograms(image)
    for top, left, bottom, right in [(0, 0, 30, 41), (3, 4, 4, 5), (10, 0, 30, 20), (5, 6, 5, 30)]:
        np.testing.assert_allclose(box(integral, top, left, bottom, right),
                                   bins[top:bottom, left:right].sum((0, 1)), atol=2e-3)


@given(seed=st.integers(0, 1000), row=st.integers(-30, 70), column=st.integers(-30, 80), cell=st.integers(2, 10))
@settings(max_examples=25, deadline=None)
def test_features_equal_a_histogram_pixel_by_pixel_also_beyond_the_border(seed, row, column, cell):
    image = np.random.default_rng(seed).normal(size=(44, 52))
    found = patch_features(integral_histograms(image), np.array([[row, column]]), cell)
    assert found.shape == (1, FEATURE_LENGTH) == (1, 360)
    np.testing.assert_allclose(found[0], brute_force(image, (row, column), cell), atol=2e-3)


def test_every_block_has_unit_length_and_a_flat_one_none():
    image = np.random.default_rng(1).normal(size=(80, 60))
    image[:, 30:] = 0  # where float32 sums would leave their rounding errors, and a block of noise of unit length
    found = patch_features(integral_histograms(image), np.array([[40, 14], [40, 48], [500, 500]]), 3)
    norms = np.linalg.norm(found.reshape(3, 5, 72), axis=2)
    np.testing.assert_allclose(norms[0], 1, atol=1e-4)
    np.testing.assert_allclose(norms[1:], 0, atol=1e-3)


@given(gain=st.floats(1e-3, 1e4), offset=st.floats(-1e3, 1e3))
@settings(max_examples=15, deadline=None)
def test_contrast_and_brightness_do_not_matter(gain, offset):
    image = gaussian_filter(np.random.default_rng(2).normal(size=(50, 50)), 2) * 100
    centres = np.array([[25, 25], [4, 44]])
    plain = patch_features(integral_histograms(image), centres, 4)
    np.testing.assert_allclose(patch_features(integral_histograms(gain * (image + offset)), centres, 4), plain,
                               atol=5e-3)


def test_a_constant_image_gives_zeros():
    assert not patch_features(integral_histograms(np.full((30, 30), 7.0)), np.array([[15, 15]]), 4).any()


class Counted:
    """An integral histogram that counts how often it is read."""

    def __init__(self, values):
        self.values, self.shape, self.reads = values, values.shape, 0

    def __getitem__(self, at):
        self.reads += 1
        return self.values[at]


def test_the_cost_does_not_depend_on_the_patch_size():
    integral = integral_histograms(np.random.default_rng(3).normal(size=(100, 100)))
    reads = set()
    for cell in (1, 4, 20):
        counted = Counted(integral)
        features._describe.py_func(counted, np.array([[50, 50]]), cell, np.float32(1e-6))
        reads.add(counted.reads)
    assert len(reads) == 1 and reads.pop() <= 4 * 16 * BINS


def test_small_cells_far_from_the_origin_of_a_large_image_are_exact():
    rng = np.random.default_rng(4)
    corner = rng.normal(size=(60, 60))
    image = np.tile(corner, (40, 40))
    integral = integral_histograms(image)
    near, far = patch_features(integral, np.array([[90, 90], [90 + 60 * 37, 90 + 60 * 37]]), 3)
    np.testing.assert_allclose(far, near, atol=2e-3)
