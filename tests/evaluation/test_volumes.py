"""Overlap and surface distances of label volumes against shapes whose distances are known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import binary_erosion, distance_transform_edt
from scipy.spatial.transform import Rotation

from napari_xray_landmarks.errors import InputError
from napari_xray_landmarks.evaluation.volumes import assd_mm, dice, hd95_mm, mask_distances, overlaps
from napari_xray_landmarks.imaging import Volume


def ball(radius_mm: float, spacing, shape=(40, 40, 40), centre=(0.0, 0.0, 0.0)) -> np.ndarray:
    spacing = np.asarray(spacing, float)
    grid = np.stack(np.meshgrid(*(np.arange(n) - (n - 1) / 2 for n in shape), indexing="ij"), axis=-1) * spacing
    return np.linalg.norm(grid - centre, axis=-1) <= radius_mm


def volume(voxels, world_from_voxel=None, name="labels") -> Volume:
    return Volume(np.asarray(voxels), np.eye(4) if world_from_voxel is None else world_from_voxel, name=name)


def oblique(spacing, angle_deg=(10.0, -35.0, 60.0)) -> np.ndarray:
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_euler("xyz", angle_deg, degrees=True).as_matrix() @ np.diag(spacing)
    matrix[:3, 3] = (12.5, -400.0, 33.0)
    return matrix


def plate(start: int, stop: int) -> np.ndarray:
    """A plate through the whole grid: one voxel thick, so that all of it is surface."""
    mask = np.zeros((12, 6, 7), np.uint8)
    mask[start:stop] = 1
    return mask


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (5.0, 0.4, 0.7)])
@pytest.mark.parametrize("turned", [False, True])
def test_plates_are_as_far_apart_as_the_planes_are(spacing, turned):
    affine = oblique(spacing) if turned else np.diag([*spacing, 1.0])
    one, other = volume(plate(2, 3), affine), volume(plate(6, 7), affine)
    assert assd_mm(one, other) == pytest.approx(4 * spacing[0])
    assert hd95_mm(one, other) == pytest.approx(4 * spacing[0])
    assert overlaps(one, other)[0].dice == 0


@pytest.mark.parametrize("affine", [np.diag([0.5, 0.5, 0.5, 1.0]), oblique((0.5, 0.5, 0.5))])
def test_balls_about_one_centre_are_as_far_apart_as_their_radii_differ(affine):
    small, large = volume(ball(6, (0.5,) * 3), affine), volume(ball(9, (0.5,) * 3), affine)
    found = overlaps(small, large)[0]
    assert found.assd_mm == pytest.approx(3, abs=0.15)
    assert found.hd95_mm == pytest.approx(3, abs=0.5)
    assert found.dice == pytest.approx(2 * 6**3 / (6**3 + 9**3), rel=0.02)
    assert found.true_ml == pytest.approx(4 / 3 * np.pi * 9**3 / 1000, rel=0.02)


def test_a_box_moved_by_half_its_length_overlaps_by_half():
    one, other = np.zeros((2, 20, 20, 30), np.uint8)
    one[5:10, 5:10, 5:15], other[5:10, 5:10, 10:20] = 1, 1
    found = overlaps(volume(one), volume(other))[0]
    assert found.dice == 0.5
    assert mask_distances(one, other, np.eye(4)).largest == 5


def test_a_sheared_grid_is_measured_in_space():
    affine = np.eye(4)
    affine[1, 0] = 1.0  # each plane is one mm farther back: a tilted gantry
    one, other = np.zeros((2, 5, 9, 5), np.uint8)
    one[1, 2, 2], other[3, 2, 2] = 1, 1
    assert assd_mm(volume(one, affine), volume(other, affine)) == pytest.approx(np.hypot(2, 2))


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 1000), spacing=st.tuples(*[st.floats(0.3, 4)] * 3))
def test_distances_are_those_of_a_distance_transform(seed, spacing):
    rng = np.random.default_rng(seed)
    one, other = (rng.random((2, 6, 8, 7)) < 0.4)
    surfaces = [mask & ~binary_erosion(mask) for mask in (one, other)]
    far = [distance_transform_edt(~surface, sampling=spacing) for surface in surfaces]
    both = np.concatenate([far[1][surfaces[0]], far[0][surfaces[1]]])
    found = mask_distances(one, other, oblique(spacing))
    assert found.mean == pytest.approx(both.mean())
    assert found.percentile95 == pytest.approx(np.percentile(both, 95))


def test_distances_are_those_of_monai():
    torch, metrics = pytest.importorskip("torch"), pytest.importorskip("monai.metrics")
    spacing = (2.0, 0.5, 0.8)
    one, other = ball(7, spacing, (20, 40, 30)), ball(7, spacing, (20, 40, 30), centre=(2, 1.5, 0.8))
    pair = [torch.from_numpy(mask[None, None].astype(np.float32)) for mask in (one, other)]
    found = mask_distances(one, other, np.diag([*spacing, 1.0]))
    mean = metrics.compute_average_surface_distance(*pair, symmetric=True, include_background=True, spacing=spacing)
    far = metrics.compute_hausdorff_distance(*pair, include_background=True, spacing=spacing)
    assert found.mean == pytest.approx(float(mean), rel=1e-5)
    assert found.largest == pytest.approx(float(far), rel=1e-5)
    dices = metrics.compute_dice(*pair, include_background=True)
    assert dice(one, other) == pytest.approx(float(dices), rel=1e-6)


def test_each_structure_is_compared_by_itself():
    truth = np.zeros((6, 6, 6), np.int16)
    truth[1:3], truth[4] = 3, 7
    predicted = truth.copy()
    predicted[4] = 0
    three, seven = overlaps(volume(predicted), volume(truth), {"femur": 3, "tibia": 7})
    assert (three.structure, three.dice, three.assd_mm, three.failed) == ("femur", 1, 0, False)
    assert (seven.dice, seven.failed, seven.known) == (0, True, True)
    assert np.isnan([seven.assd_mm, seven.hd95_mm]).all()
    assert [found.structure for found in overlaps(volume(predicted), volume(truth))] == ["3", "7"]
    absent = overlaps(volume(predicted), volume(truth), {"patella": 9})[0]
    assert np.isnan(absent.dice) and not absent.failed and not absent.known


def test_an_invented_structure_is_a_failure():
    invented = overlaps(volume(plate(1, 2)), volume(plate(0, 0)))[0]
    assert invented.failed and invented.dice == 0 and np.isnan(invented.hd95_mm)


def test_other_grids_are_refused_in_one_line():
    labels = volume(plate(1, 2), name="truth")
    with pytest.raises(InputError, match="a.nii: has 12 x 6 x 6 voxels, and truth 12 x 6 x 7"):
        overlaps(volume(plate(1, 2)[..., :6], name="a.nii"), labels)
    moved = np.eye(4)
    moved[0, 3] = 0.5
    with pytest.raises(InputError, match="0.5 mm apart"):
        overlaps(volume(plate(1, 2), moved), labels)
    flipped = np.diag([1.0, 1.0, -1.0, 1.0])
    with pytest.raises(InputError, match="different places"):
        overlaps(volume(plate(1, 2), flipped), labels)
    rounded = np.eye(4) + 1e-6 * np.eye(4, k=1)
    rounded[3] = 0, 0, 0, 1
    assert overlaps(volume(plate(1, 2), rounded), labels)[0].dice == 1


def test_probabilities_are_no_labels():
    with pytest.raises(InputError, match="not whole"):
        overlaps(volume(plate(1, 2) * 0.5), volume(plate(1, 2)))
    assert overlaps(volume(plate(1, 2).astype(float)), volume(plate(1, 2)))[0].dice == 1
