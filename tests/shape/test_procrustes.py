import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from napari_xray_landmarks.geometry.similarity import apply, similarity
from napari_xray_landmarks.shape.procrustes import align, rms_radius


@given(st.floats(0.2, 5), st.floats(-180, 180), st.tuples(st.floats(-99, 99), st.floats(-99, 99)))
def test_moved_copies_of_one_shape_come_to_lie_on_it(scale, angle, shift):
    shape = np.random.default_rng(0).normal(size=(7, 2))
    mean, aligned = align([shape, apply(similarity(scale, angle, shift), shape)])
    expected = (shape - shape.mean(0)) * (1 + scale) / 2
    np.testing.assert_allclose(aligned, [expected, expected], atol=1e-8)
    np.testing.assert_allclose(mean, expected, atol=1e-8)


def test_the_mean_is_that_of_the_aligned_shapes_and_no_shape_can_be_turned_better():
    rng = np.random.default_rng(1)
    shapes = rng.normal(size=(1, 12, 2)) * 20 + rng.normal(size=(6, 12, 2))
    mean, aligned = align(shapes)
    np.testing.assert_allclose(aligned.mean(0), mean, atol=1e-7)
    np.testing.assert_allclose([(a * mean).sum() for a in aligned], (mean**2).sum())
    assert rms_radius(mean) == pytest.approx(np.mean([rms_radius(s) for s in shapes]))
    for shape in aligned:
        for angle in (-0.1, 0.1):
            assert ((apply(similarity(1, angle), shape) - mean) ** 2).sum() > ((shape - mean) ** 2).sum()


def test_size_stays_where_it_counts_as_shape():
    shape = np.random.default_rng(2).normal(size=(9, 3))
    turned = 2 * shape @ Rotation.from_rotvec([0.3, 1, -2]).as_matrix().T + [4, 5, 6]
    mean, aligned = align([shape, turned], scaled=False)
    centred = shape - shape.mean(0)
    np.testing.assert_allclose(aligned, [centred, 2 * centred], atol=1e-8)
    np.testing.assert_allclose(mean, 1.5 * centred, atol=1e-8)


def test_mirrored_shapes_meet_only_where_they_may():
    shape = np.random.default_rng(3).normal(size=(8, 2))
    both = [shape, shape * [1, -1]]
    _, apart = align(both)
    _, together = align(both, reflect=True)
    assert np.abs(apart[0] - apart[1]).max() > 0.1
    np.testing.assert_allclose(together[0], together[1], atol=1e-8)


@pytest.mark.parametrize("shapes", [
    np.zeros((2, 4)), np.zeros((2, 5, 4)), np.full((2, 4, 2), np.nan), np.ones((2, 4, 2)),
])
def test_what_is_no_set_of_shapes_is_refused(shapes):
    with pytest.raises(ValueError):
        align(shapes)
