"""Poses from three points: the true one is among them, and all of them meet the rays."""

import numpy as np
from scipy.spatial.transform import Rotation

from napari_xray_landmarks.geometry.p3p import poses_of_triples


def triples(count, seed=0):
    rng = np.random.default_rng(seed)
    points = rng.normal(0, 80, (count, 3, 3))
    turns = Rotation.random(count, rng).as_matrix()
    shifts = np.array([0, 0, 750.0]) + rng.normal(0, 50, (count, 3))
    return points, turns, shifts, points @ turns.transpose(0, 2, 1) + shifts[:, None]


def test_the_true_pose_is_among_the_solutions():
    points, turns, shifts, rays = triples(300)
    for k in range(300):
        found = poses_of_triples(rays[k:k + 1] * [[1.0], [0.3], [2.0]], points[k:k + 1])
        assert 1 <= len(found[0]) <= 4
        off = [max(np.abs(t - turns[k]).max(), np.abs(s - shifts[k]).max() / 750) for t, s in zip(*found, strict=True)]
        assert min(off) < 1e-8, k


def test_every_solution_is_a_rotation_that_puts_points_on_their_rays():
    points, _, _, rays = triples(200, 1)
    for k in range(200):
        for turn, shift in zip(*poses_of_triples(rays[k:k + 1], points[k:k + 1]), strict=True):
            np.testing.assert_allclose(turn @ turn.T, np.eye(3), atol=1e-10)
            assert np.linalg.det(turn) > 0
            placed = points[k] @ turn.T + shift
            cosines = (placed * rays[k]).sum(1) / np.linalg.norm(placed, axis=1) / np.linalg.norm(rays[k], axis=1)
            np.testing.assert_allclose(cosines, 1, atol=1e-10)


def test_many_triples_at_once_give_what_each_gives_alone():
    points, _, _, rays = triples(50, 2)
    together = poses_of_triples(rays, points)[1]
    alone = np.concatenate([poses_of_triples(rays[k:k + 1], points[k:k + 1])[1] for k in range(50)])
    np.testing.assert_allclose(together, alone, atol=1e-6)


def test_three_points_on_a_line_give_none():
    points = np.array([[[0, 0, 0], [10, 20, 30], [20, 40, 60.0]]])
    assert len(poses_of_triples(points + [0, 0, 500], points)[0]) == 0
