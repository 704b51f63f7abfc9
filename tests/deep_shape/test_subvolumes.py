"""Landmarks thinned, subvolumes placed and merged."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("monai")

from napari_xray_landmarks.deep_shape.subvolumes import (  # noqa: E402
    join,
    merged,
    starts,
    suppressed,
    thinned,
    weights_of,
)


@pytest.fixture
def ball():
    points = np.random.default_rng(0).standard_normal((800, 3))
    return 30 * points / np.linalg.norm(points, axis=1, keepdims=True)


def test_thinned_points_keep_their_distance(ball):
    kept = thinned(ball, np.ones(len(ball)), 40)
    apart = np.linalg.norm(ball[kept, None] - ball[kept], axis=-1) + 1e3 * np.eye(40)
    assert len(kept) == 40
    assert apart.min() > 0.6 * np.sqrt(4 * np.pi * 30**2 / 40), "a hexagonal lattice would have 1.07"
    everywhere = np.linalg.norm(ball[:, None] - ball[kept], axis=-1).min(1)
    assert everywhere.max() < 2 * apart.min(), "none of the surface is left out"


def test_the_better_point_suppresses_its_neighbours():
    points = np.array([[0.0, 0, 0], [1, 0, 0], [5, 0, 0]])
    assert suppressed(points, 2.0).tolist() == [0, 2]
    assert thinned(points, np.array([0.1, 0.9, 0.2]), 2).tolist() == [1, 2]


def test_points_without_a_score_do_not_count(ball):
    scores = (ball[:, 0] > 0).astype(float)
    assert (ball[thinned(ball, scores, 25), 0] > 0).all()
    assert len(thinned(ball, scores * (np.arange(800) < 30), 25)) <= 30


def test_subvolumes_stay_inside():
    corners = starts(np.array([[0.0, 10, 19], [7.5, 9.5, 9.5]]), (8, 8, 8), (16, 20, 20))
    assert corners.tolist() == [[0, 6, 12], [4, 6, 6]]
    assert starts(np.array([[3.0, 3, 3]]), (8, 8, 8), (4, 20, 20)).tolist() == [[0, 0, 0]]


def test_merging_constant_subvolumes_is_exact():
    rng, size = np.random.default_rng(1), (8, 6, 10)
    image = np.zeros((30, 28, 26), np.float32)
    corners = starts(rng.uniform(0, 30, (12, 3)), size, image.shape)
    constant = np.array([0.25, 0.625, 0.125], np.float32)[None, :, None, None, None]
    found, weight = merged(lambda given: np.broadcast_to(constant, (len(given), 3, *size)), image, corners, size, 3)
    covered = np.zeros(image.shape, bool)
    for corner in corners:
        covered[tuple(slice(c, c + s) for c, s in zip(corner, size, strict=True))] = True
    np.testing.assert_array_equal(weight > 0, covered)
    np.testing.assert_array_equal(found[:, covered], np.broadcast_to(constant[0, :, 0, 0], (3, covered.sum())))
    assert not found[:, ~covered].any()


def test_the_middle_of_a_subvolume_counts_most():
    size, image = (9, 9, 9), np.zeros((9, 9, 14), np.float32)
    values = iter([1.0, 0.0])
    found, _ = merged(lambda given: np.full((1, 1, *size), next(values)), image, np.array([[0, 0, 0], [0, 0, 5]]),
                      size, 1, batch=1)
    line = found[0, 4, 4].astype(float)
    assert (np.diff(line) <= 1e-3).all() and line[4] == 1 and line[9] == 0
    w = weights_of(size)[4, 4]
    assert line[6] == pytest.approx(w[6] / (w[6] + w[1]), abs=1e-3)


def test_an_array_smaller_than_a_subvolume_is_continued_by_its_edge():
    seen = []
    image = np.arange(27.0).reshape(3, 3, 3)
    found, weight = merged(lambda given: seen.append(given) or np.ones((1, 1, 8, 8, 8)), image, np.zeros((1, 3), int),
                           (8, 8, 8), 1)
    assert found.shape == (1, 3, 3, 3) and weight.shape == (3, 3, 3) and (found == 1).all()
    assert (seen[0][0, 0, 2:, 2:, 2:] == 26).all()


def test_probabilities_are_joined_where_both_are_known():
    slices, local = np.full((2, 1, 1, 2), 0.5), np.array([[0.25, 0.0], [0.75, 0.0]]).reshape(2, 1, 1, 2)
    join(slices, local, np.array([[[True, False]]]), np.array([1.0, 0.5]))
    np.testing.assert_allclose(slices[:, 0, 0], [[0.375, 0.5], [0.625, 0.5]])


def test_subvolumes_count_for_a_structure_what_its_weight_says():
    rng = np.random.default_rng(0)
    slices, local = rng.dirichlet(np.full(3, 0.5), (2, 4, 5, 6)).transpose(0, 4, 1, 2, 3).astype(np.float16)
    covered = np.ones((4, 5, 6), bool)
    for weights, wanted in (((0, 0, 0), slices), ((9, 1, 1), local), ((0, 0.5, 0.5), (slices + local) / 2)):
        joined = slices.copy()
        join(joined, local, covered, np.array(weights, float))
        np.testing.assert_allclose(joined, wanted, atol=2e-3)
    first, second = (np.array([[0.1, 0.3], [0.9, 0.0], [0.0, 0.7]]).reshape(3, 1, 1, 2) for _ in range(2))
    other = np.array([[0.9, 0.9], [0.1, 0.0], [0.0, 0.1]]).reshape(3, 1, 1, 2)
    join(first, other, np.ones((1, 1, 2), bool), np.array([0, 0.8, 0.1]))
    np.testing.assert_allclose(first[:, 0, 0], np.stack([0.2 * second[:, 0, 0, 0] + 0.8 * other[:, 0, 0, 0],
                                                         0.9 * second[:, 0, 0, 1] + 0.1 * other[:, 0, 0, 1]], 1))
