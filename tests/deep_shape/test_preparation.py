"""Grey values, slices and boxes."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("monai")

from napari_xray_landmarks.deep_shape.preparation import (  # noqa: E402
    Cube,
    bounds,
    cube_of,
    normalised,
    resampled,
    slice_stack,
)


@pytest.fixture
def ramps():
    """Each voxel's value is a linear function of its place."""
    i, j, k = np.indices((30, 24, 20), np.float32)
    return i + 100 * j - 10 * k


def test_grey_values_have_zero_mean_and_unit_variance_whatever_their_scale():
    grey = np.random.default_rng(0).gamma(2.0, 1.0, (20, 30, 40))
    one, other = normalised(grey), normalised(700 * grey + 50)
    np.testing.assert_allclose(one, other, atol=1e-4)
    assert one.mean() == pytest.approx(0, abs=1e-3) and one.std() == pytest.approx(1, abs=1e-3)


def test_hu_keep_their_scale():
    assert normalised(np.array([[[200.0, 700.0, 9000.0]]]), "CT").tolist() == [[[0.0, 1.0, 3.0]]]


def test_a_slice_comes_with_its_neighbours_and_the_last_is_its_own(ramps):
    stack = slice_stack(ramps, 1, [0, 7], 1)
    assert stack.shape == (2, 3, 30, 20)
    np.testing.assert_array_equal(stack[1], ramps[:, 6:9].transpose(1, 0, 2))
    np.testing.assert_array_equal(stack[0, 0], stack[0, 1])


def test_a_cube_has_equal_sides_round_the_middle_of_the_bone():
    mask = np.zeros((40, 40, 40), bool)
    mask[5:15, 10:12, 20:26] = True
    cube = cube_of(mask, (1.0, 2.0, 0.5), margin=1.0)
    np.testing.assert_allclose(cube.centre_vox, [9.5, 10.5, 22.5])
    np.testing.assert_allclose(cube.half_vox * (1.0, 2.0, 0.5), 5.0)
    assert bounds(mask)[1].tolist() == [14, 11, 25]


def test_an_empty_mask_has_no_bounds():
    with pytest.raises(ValueError, match="empty"):
        bounds(np.zeros((3, 3, 3), bool))


@pytest.mark.parametrize("mirrored", [False, True])
def test_a_box_is_sampled_where_its_points_say(ramps, mirrored):
    cube = Cube(np.array([14.0, 11.0, 9.0]), np.array([6.0, 5.0, 4.0]), mirrored)
    values = cube.sample(ramps, size=9)
    line = np.linspace(-1, 1, 9)
    places = cube.voxels_of(np.array(np.meshgrid(line, line, line, indexing="ij")).reshape(3, -1).T)
    np.testing.assert_allclose(values.ravel(), places @ [1, 100, -10], rtol=1e-4, atol=0.05)
    np.testing.assert_allclose(cube.voxels_of(cube.in_box(places)), places)
    np.testing.assert_allclose(places @ np.eye(3), (np.c_[cube.in_box(places), np.ones(len(places))]
                                                   @ cube.voxel_from_box.T)[:, :3])


def test_a_mirrored_box_shows_the_mirror_image(ramps):
    cube = Cube(np.array([14.0, 11.0, 9.0]), np.array([6.0, 5.0, 4.0]))
    np.testing.assert_allclose(cube.mirror().sample(ramps), cube.sample(ramps)[:, :, ::-1], atol=0.05)


def test_beyond_the_volume_its_edge_counts(ramps):
    box = Cube(np.array([29.0, 12.0, 10.0]), np.array([10.0, 2.0, 2.0])).sample(ramps, size=5)
    np.testing.assert_allclose(box[3:], np.broadcast_to(box[2], (2, 5, 5)), atol=0.05)


def test_labels_are_not_mixed():
    labels = torch.zeros(1, 8, 8, 8, dtype=torch.uint8)
    labels[:, 4:] = 3
    affine = np.diag([3.3, 3.3, 3.3, 1.0])
    affine[:3, 3] = 3.5
    assert set(np.unique(resampled(labels, affine, (11, 11, 11), "nearest"))) == {0, 3}
