import numpy as np
import pytest

from napari_xray_landmarks.drr.toolbox import box, nail, plate, random_tools, screw, stem, tube, wire
from napari_xray_landmarks.drr.tools import METALS, thickness
from napari_xray_landmarks.geometry.camera import CArm


def test_a_tube_has_its_volume_and_faces_outwards():
    straight = tube([(0, 0, 0), (30, 40, 0)], [3.0, 3.0])
    assert straight.volume_mm3 == pytest.approx(np.pi * 9 * 50, rel=0.02)
    assert box((1, 2, 3), (0, 1, 1), (1, 0, 0), (2, 3, 4)).volume_mm3 == pytest.approx(8 * 24)
    with pytest.raises(ValueError, match="positive radius"):
        tube([(0, 0, 0), (1, 0, 0)], [1.0, 0.0])


TOOLS = {
    "wire": lambda: [wire((0, 0, 0), (80, 0, 10))],
    "screw": lambda: [screw((0, 0, 0), (40, 10, 0))],
    "nail": lambda: [nail([(0, 0, 0), (60, 4, 0), (150, 0, 0)], lag=((10, 0, 40), (40, 0, -40)))],
    "plate": lambda: plate([(0, 0, 0), (50, 3, 0), (100, 0, 0)], (0, -1, 0), screws=25.0),
    "stem": lambda: [stem((0, 0, 0), (-20, 0, 20), (-40, 0, 32), (-140, 0, 34))],
}


@pytest.mark.parametrize("kind", TOOLS)
def test_tools_have_their_kind_and_size(kind):
    tools = TOOLS[kind]()
    assert tools[0].kind == kind and all(t.material in METALS for t in tools)
    assert all(m.volume_mm3 > 0 for t in tools for m in t.solids + t.holes)
    assert np.ptp(np.concatenate([t.bounds_mm for t in tools]), axis=0).max() > 35


def test_a_screw_points_where_its_tip_is():
    tool = screw((0, 0, 0), (40, 0, 0), radius=2.0)
    low, high = tool.bounds_mm
    assert low[0] == pytest.approx(0) and 40 < high[0] < 43
    thread = tool.solids[0].vertices
    assert np.hypot(*thread[:, 1:].T).max() == pytest.approx(2.0)


def test_a_plates_holes_let_the_beam_through():
    tool = plate([(-40, 0, 0), (40, 0, 0)], (0, -1, 0), width=12, depth=4, holes=3)[0]
    image = thickness(tool, CArm(0, 0, 0, 700, 1000, (0.5, 0.5), (201, 201)).camera())
    middle, beside = image[100, 100], image[100 + round(10 / 0.35), 100]
    assert middle == 0 and beside == pytest.approx(4, abs=0.2)


def test_random_tools_come_from_their_seed_and_lie_near():
    points = np.array([[0.0, 0, 0], [300, 0, 0]])
    one, two = (random_tools(points, np.random.default_rng(3), count=6) for _ in range(2))
    assert [t.kind for t in one] == [t.kind for t in two] and len(one) >= 6
    np.testing.assert_array_equal(one[-1].solids[0].vertices, two[-1].solids[0].vertices)
    middles = np.array([t.bounds_mm.mean(0) for t in one])
    assert (np.linalg.norm(middles[:, None] - points, axis=-1).min(1) < 250).all()
