import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.neighbors import NearestNeighbors

from napari_xray_landmarks.joint_displacement.graph import neighbour_table, patch_graph


def features(seed, count, length=8):
    return np.random.default_rng(seed).normal(size=(count, length)).astype(np.float32)


def dense(graph):
    count = len(graph.start) - 1
    affinity = np.zeros((count, count), int)
    np.add.at(affinity, (np.repeat(np.arange(count), graph.degree), graph.other), 1)
    return affinity


def brute_force(everything, k):
    links = NearestNeighbors(n_neighbors=k, algorithm="brute").fit(everything).kneighbors_graph().toarray()
    return (links * links.T).astype(int)


@given(seed=st.integers(0, 10**6), train=st.integers(8, 150), test=st.integers(2, 150), k=st.integers(1, 20))
@settings(max_examples=40, deadline=None)
def test_the_graph_is_that_of_mutual_nearest_neighbours(seed, train, test, k):
    a, b = features(seed, train), features(seed + 1, test)
    affinity = dense(patch_graph(a, b, k))
    np.testing.assert_array_equal(affinity, brute_force(np.concatenate([a, b]), min(k, train - 1)))
    np.testing.assert_array_equal(affinity, affinity.T)
    assert not affinity.diagonal().any() and affinity.max() <= 1


def test_more_patches_than_fit_one_block_of_distances():
    a, b = features(0, 1500), features(1, 1300)
    np.testing.assert_array_equal(dense(patch_graph(a, b, 20)), brute_force(np.concatenate([a, b]), 20))


def test_nearest_training_patches_come_with_their_distances():
    a, b = features(2, 90), features(3, 40)
    graph = patch_graph(a, b, 7)
    distance, index = NearestNeighbors(n_neighbors=7, algorithm="brute").fit(a).kneighbors(b)
    np.testing.assert_array_equal(graph.nearest, index)
    np.testing.assert_allclose(graph.nearest_distance, distance, rtol=1e-4)


def test_a_table_made_for_more_neighbours_gives_the_same_graph():
    a, b = features(4, 120), features(5, 60)
    table = neighbour_table(a, 30)
    for k in (3, 12, 30):
        fresh, reused = patch_graph(a, b, k), patch_graph(a, b, k, table)
        np.testing.assert_array_equal(dense(fresh), dense(reused))
        np.testing.assert_array_equal(fresh.nearest, reused.nearest)


def test_isolated_share_counts_test_patches_that_nothing_resembles():
    # Four test patches sit far out, one behind the other on the way there: each prefers the inner ones, which have
    # enough neighbours of their own.
    train = features(6, 60, 2)
    test = np.concatenate([features(7, 16, 2), [[1e3, 0], [0, 1e4], [-1e5, 0], [0, -1e6]]]).astype(np.float32)
    graph = patch_graph(train, test, 5)
    lonely = graph.degree[graph.train_count:] == 0
    assert lonely[16:].all()
    assert graph.isolated_share == lonely.mean() >= 0.2


def test_identical_patches_are_each_others_neighbours():
    same = np.ones((4, 8), np.float32)
    graph = patch_graph(same, same[:3], 6)
    np.testing.assert_array_equal(dense(patch_graph(same, same, 3)), dense(patch_graph(same, same, 3)).T)
    assert graph.nearest.min() >= 0 and graph.nearest.max() < 4 and np.isfinite(graph.nearest_distance).all()


@pytest.mark.parametrize(("train", "test"), [(1, 5), (5, 1), (0, 0)])
def test_too_few_patches_are_refused(train, test):
    with pytest.raises(ValueError, match="two patches"):
        patch_graph(features(0, train), features(1, test), 5)
