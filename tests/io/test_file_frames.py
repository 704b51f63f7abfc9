import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from napari_xray_landmarks.io import frames

coordinates = st.floats(-1e4, 1e4)


@given(arrays(float, (4, 3), elements=coordinates))
def test_world_is_lps_reversed(points):
    assert np.array_equal(frames.lps_from_world(points), points[:, ::-1])
    assert np.array_equal(frames.world_from_lps(frames.lps_from_world(points)), points)


@given(arrays(float, (4, 2), elements=coordinates))
def test_a_films_point_lies_in_the_plane_zero(points):
    lps = frames.lps_from_world(points)
    assert np.array_equal(lps[:, 0], points[:, 1]) and np.array_equal(lps[:, 1], points[:, 0]) and not lps[:, 2].any()
    assert np.array_equal(frames.world_from_lps(lps, 2), points)


@given(arrays(float, (3, 4), elements=coordinates), arrays(float, 3, elements=st.floats(-100, 100)))
def test_affines_change_both_ends(matrix, index):
    lps_from_index = np.vstack([matrix, [0, 0, 0, 1]])
    world_from_voxel = frames.world_from_voxel(lps_from_index)
    lps = lps_from_index @ [*index, 1]
    world = world_from_voxel @ [*index[::-1], 1]
    assert np.allclose(world[:3], lps[:3][::-1], atol=1e-6)
    assert np.array_equal(frames.lps_from_index(world_from_voxel), lps_from_index)
