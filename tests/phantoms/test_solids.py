import numpy as np
import pytest

from napari_xray_landmarks.phantoms.hip_bone import mirrored
from napari_xray_landmarks.phantoms.solids import CUT, Solid, capsule, ellipsoid, half_space

BALL = ellipsoid((1, 2, 3), (10, 10, 10), 0)


def _solid(*rows, **kwargs):
    return Solid(np.array(rows), **kwargs)


def test_a_ball_and_a_capsule_have_their_exact_distance():
    points = np.random.default_rng(0).uniform(-30, 30, (200, 3))
    np.testing.assert_allclose(_solid(BALL).distance_mm(points), np.linalg.norm(points - [1, 2, 3], axis=1) - 10)
    rod = _solid(capsule((0, 0, -5), (0, 0, 5), 2, 2))
    ends = np.maximum(np.abs(points[:, 2]) - 5, 0)
    np.testing.assert_allclose(rod.distance_mm(points), np.hypot(np.hypot(points[:, 0], points[:, 1]), ends) - 2)


def test_a_cut_takes_away_and_a_half_space_keeps_one_side():
    bowl = _solid(BALL, ellipsoid((1, 2, 3), (6, 6, 6), 0, CUT), half_space((1, 0, 0), 1.0, 0))
    inside = bowl.distance_mm([[1, 2, 3], [-7, 2, 3], [9, 2, 3]]) < 0
    assert inside.tolist() == [False, True, False]


def test_a_smooth_union_never_loses_bone():
    a, b = ellipsoid((0, 0, 0), (8, 8, 8), 6), ellipsoid((10, 0, 0), (5, 5, 5), 6)
    points = np.random.default_rng(1).uniform(-15, 15, (500, 3))
    apart = np.minimum(_solid(a).distance_mm(points), _solid(b).distance_mm(points))
    joined = _solid(a, b).distance_mm(points)
    assert (joined <= apart + 1e-9).all() and (joined >= apart - 6 / 4 - 1e-9).all()


def test_the_farthest_point_of_a_ball_is_where_it_must_be():
    turn = np.eye(4)
    turn[:3, :3] = [[0, -1, 0], [1, 0, 0], [0, 0, 1]]
    turn[:3, 3] = 5, 6, 7
    direction = np.array([1.0, 2, -2]) / 3
    solid = _solid(BALL, world_from_body=turn)
    centre = turn[:3, :3] @ [1, 2, 3] + turn[:3, 3]
    start = centre + 10 * np.array([1, 0, 0])
    np.testing.assert_allclose(solid.farthest_mm(start, direction, 30), centre + 10 * direction, atol=0.15)


def test_bounds_hold_the_solid(people):
    for bone in people[0].bones:
        low, high = bone.solid.bounds_mm()
        around = np.random.default_rng(2).uniform(low - 15, high + 15, (3000, 3))
        inside = around[bone.solid.distance_mm(around) < 0]
        assert len(inside) and (inside >= low).all() and (inside <= high).all(), bone.name


@pytest.mark.parametrize("row", [BALL, capsule((1, 2, 3), (4, 5, 6), 2, 3), half_space((0, 0.6, 0.8), 1)])
def test_mirroring_a_primitive_mirrors_its_distance(row):
    points = np.random.default_rng(0).uniform(-10, 10, (50, 3))
    np.testing.assert_allclose(_solid(mirrored(row)).distance_mm(points), _solid(row).distance_mm(points * [1, 1, -1]))
