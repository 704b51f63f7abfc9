"""From a volume's own grid to the working grid and back: places in the world stay where they are."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from napari_xray_landmarks.deep_shape import grid as grids
from napari_xray_landmarks.deep_shape.grid import Grid, back_to, canonical, onto, seen, to_working, working_grid
from napari_xray_landmarks.imaging import Volume

SLOPE = np.array([1.0, -2.0, 0.5])


def stored(shape, spacing, order=(0, 1, 2), signs=(1, 1, 1), turn=(0.0, 0.0, 0.0)) -> Volume:
    """A volume with a linear function of the place in the world, its axes permuted, flipped and turned."""
    matrix = np.eye(4)
    matrix[:3, :3] = (Rotation.from_euler("xyz", turn, degrees=True).as_matrix() * signs)[:, order] * spacing
    matrix[:3, 3] = 11, -7, 30
    at = np.moveaxis(np.indices(shape), 0, -1) @ matrix[:3, :3].T + matrix[:3, 3]
    return Volume((at @ SLOPE).astype(np.float32), matrix)


def places(grid: Grid) -> np.ndarray:
    return np.moveaxis(np.indices(grid.shape), 0, -1) @ grid.world_from_voxel[:3, :3].T + grid.world_from_voxel[:3, 3]


@pytest.mark.parametrize("order", list(permutations(range(3))))
@pytest.mark.parametrize("signs", [(1, 1, 1), (-1, 1, 1), (1, -1, -1), (-1, -1, -1)])
def test_any_way_of_storing_gives_axes_superior_posterior_left(order, signs):
    volume = stored((5, 6, 7), (1, 2, 3), order, signs, turn=(4, -6, 3))
    voxels, matrix = canonical(volume)
    assert np.shares_memory(voxels, volume.voxels)
    assert (np.diag(matrix[:3, :3]) > 0).all()
    assert np.abs(matrix[:3, :3]).argmax(0).tolist() == [0, 1, 2]
    at = places(Grid(voxels.shape, matrix))
    np.testing.assert_allclose(voxels, at @ SLOPE, atol=1e-4)


@settings(max_examples=40, deadline=None)
@given(st.tuples(*[st.integers(6, 20)] * 3), st.tuples(*[st.floats(0.4, 6.0)] * 3), st.permutations(range(3)),
       st.tuples(*[st.sampled_from((-1, 1))] * 3), st.tuples(*[st.floats(-40, 40)] * 3), st.floats(0.7, 3.0))
def test_the_working_grid_holds_the_world_in_place(shape, spacing, order, signs, turn, wanted):
    volume = stored(shape, spacing, order, signs, turn)
    grid = working_grid(volume, (wanted,) * 3)
    array, matrix = to_working(volume, (wanted,) * 3)
    assert array.shape == grid.shape and array.dtype == np.float32
    np.testing.assert_allclose(np.sort(grid.spacing_mm), wanted, rtol=0.021)
    inside = (places(grid) - volume.world_from_voxel[:3, 3]) @ np.linalg.inv(volume.world_from_voxel[:3, :3]).T
    margin = 3 * wanted * 1.5 / np.array(volume.spacing_mm) + 1  # beyond it the smoothing sees the edge
    deep = ((inside > margin) & (inside < np.array(volume.shape) - 1 - margin)).all(-1)
    off = 0.09 * np.abs(SLOPE @ volume.world_from_voxel[:3, :3]).sum()  # by the triangles' place between voxels
    np.testing.assert_allclose(array[deep], (places(grid) @ SLOPE)[deep], atol=0.02 + off)


def test_small_tilts_keep_the_slices_and_large_ones_are_laid_along_the_world():
    assert working_grid(stored((9, 9, 9), (1, 1, 5), turn=(10, 0, 0)), (1, 1, 5)).shape == (9, 9, 9)
    turned = working_grid(stored((9, 9, 9), (1, 1, 5), turn=(40, 0, 0)), (1, 1, 5))
    assert np.count_nonzero(turned.world_from_voxel[:3, :3]) == 3 and turned.shape[1] > 9


def test_a_spacing_that_is_almost_the_models_is_left_alone():
    volume = stored((6, 7, 8), (1.01, 0.99, 1.0), (2, 0, 1))
    array, matrix = to_working(volume, (1, 1, 1))
    np.testing.assert_array_equal(array, canonical(volume)[0])
    np.testing.assert_allclose(matrix, canonical(volume)[1])


def test_what_gets_coarser_is_averaged_and_labels_are_not():
    rng = np.random.default_rng(0)
    noise = Volume(rng.normal(0, 1, (40, 40, 40)).astype(np.float32))
    assert to_working(noise, (4, 4, 4))[0].std() < 0.15
    labels = Volume(rng.choice([0, 3, 200], (40, 40, 40)).astype(np.uint8))
    taken, _ = to_working(labels, (4, 4, 4), labels=True)
    assert taken.dtype == np.uint8 and set(np.unique(taken)) == {0, 3, 200}


def one_hot(classes: np.ndarray, count: int) -> np.ndarray:
    return np.stack([classes == k for k in range(count)]).astype(np.float16)


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_labels_come_back_to_the_source_voxel_by_voxel(order):
    rng = np.random.default_rng(1)
    volume = stored((10, 12, 14), (0.7, 1.1, 3.0), order, (-1, 1, -1), turn=(5, 2, -7))
    voxels, matrix = canonical(volume)
    grid = Grid(voxels.shape, matrix)
    classes = rng.integers(0, 3, voxels.shape)
    labels = back_to(volume, grid, one_hot(classes, 3), classes, np.array([0, 7, 300], np.uint16))
    assert labels.shape == volume.shape and labels.dtype == np.uint16
    np.testing.assert_array_equal(canonical(Volume(labels, volume.world_from_voxel))[0],
                                  np.array([0, 7, 300])[classes])


@pytest.mark.parametrize("turn", [(0, 0, 0), (8, 3, 0), (35, 20, 0)])
@pytest.mark.parametrize("source", [(1.0, 1.0, 1.0), (0.6, 0.6, 5.0), (2.5, 1.2, 0.8)])
def test_a_ball_stays_where_it_is(turn, source):
    centre, radius = np.array([3.0, -2.0, 5.0]), 17.0
    shape = tuple(np.ceil(56 / np.array(source)).astype(int))
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_euler("xyz", turn, degrees=True).as_matrix() * source
    matrix[:3, 3] = centre - matrix[:3, :3] @ ((np.array(shape) - 1) / 2)
    volume = Volume(np.zeros(shape, np.int16), matrix)
    grid = working_grid(volume, (1.5, 1.5, 1.5))
    inside = np.linalg.norm(places(grid) - centre, axis=-1) < radius
    labels = back_to(volume, grid, one_hot(inside, 2), inside, np.array([0, 1], np.uint8))
    at = places(Grid(volume.shape, volume.world_from_voxel))[labels == 1]
    np.testing.assert_allclose(at.mean(0), centre, atol=0.15)
    assert len(at) * abs(np.linalg.det(matrix[:3, :3])) == pytest.approx(4 / 3 * np.pi * radius**3, rel=0.06)


def test_blocks_cover_the_grid_once_and_make_no_seams(monkeypatch):
    volume = stored((30, 31, 32), (1, 1, 1), turn=(30, 0, 10))
    whole, _ = to_working(volume, (0.8, 1.9, 1.3))
    monkeypatch.setattr(grids, "_BLOCK", 9)
    parts, _ = to_working(volume, (0.8, 1.9, 1.3))
    np.testing.assert_allclose(parts, whole, atol=1e-4)
    covered = np.zeros((10, 11, 12), int)
    for block in grids._blocks(covered.shape, (4, 5, 6)):
        covered[block] += 1
    assert (covered == 1).all()


def test_outside_a_tilted_volume_labels_are_background():
    volume = stored((20, 20, 20), (1, 1, 1), turn=(45, 0, 0))
    full = Volume(np.ones(volume.shape, np.uint8), volume.world_from_voxel)
    taken = onto(working_grid(full, (1, 1, 1)), full, labels=True)
    assert not taken[:, :2, :2].any() and int(taken.sum()) == pytest.approx(8000, rel=0.06)


@pytest.mark.parametrize(("turn", "order"), [
    ((0, 0, 0), (2, 0, 1)), ((8, -6, 5), (1, 0, 2)), ((40, 20, -10), (0, 1, 2)), ((0, 90, 30), (0, 2, 1))])
@pytest.mark.parametrize("spacing_mm", [(1.0, 1.0, 1.0), (0.7, 3.0, 1.1)])
def test_what_lies_outside_of_an_oblique_volume_is_known(turn, order, spacing_mm):
    volume = stored((30, 24, 12), (1.0, 0.8, 2.5), order, (1, -1, 1), turn)
    grid = working_grid(volume, spacing_mm)
    inside = seen(grid, volume)
    if max(turn) < 15:
        assert inside is None
        return
    back = np.linalg.inv(volume.world_from_voxel)
    index = places(grid) @ back[:3, :3].T + back[:3, 3]
    last = np.array(volume.shape) - 1
    near, far = (((index > -beyond) & (index < last + beyond)).all(-1) for beyond in (0.99, 1.01))
    assert (near <= inside).all() and (inside <= far).all() and 0.1 < inside.mean() < 0.9
