import numpy as np
import pytest

from napari_xray_landmarks.errors import InputError
from napari_xray_landmarks.imaging import Volume
from napari_xray_landmarks.shape.bone_masks import mirrored
from napari_xray_landmarks.shape.correspondence import correspond
from napari_xray_landmarks.shape.correspondence_settings import CorrespondenceSettings
from napari_xray_landmarks.training.runs import open_run

QUICK = CorrespondenceSettings(points=200, spacing_mm=2.0, iterations=30)
SHAPE = (40, 36, 44)


def world(shape=SHAPE, matrix=None) -> np.ndarray:
    index = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), axis=-1)
    matrix = np.eye(4) if matrix is None else matrix
    return index @ matrix[:3, :3].T + matrix[:3, 3]


def egg(radii, centre=(20, 18, 22), bump=3.0, shape=SHAPE, matrix=None) -> Volume:
    """An ellipsoid with a bump on the left side of its upper end."""
    matrix = np.eye(4) if matrix is None else matrix
    at = world(shape, matrix) - centre
    inside = ((at / radii) ** 2).sum(-1) < 1
    knob = np.array([0.6 * radii[0], 0, 0.75 * radii[2]])
    return Volume(inside | (np.linalg.norm(at - knob, axis=-1) < bump + 2), matrix)


def implicit(points, radii, centre=(20, 18, 22)) -> np.ndarray:
    return np.linalg.norm((points - centre) / radii, axis=-1)


RADII = [(14, 9, 10), (12, 10, 11), (15, 10, 12), (13, 8, 12)]
NAMES = ["a", "b", "c", "d"]


@pytest.fixture(scope="module")
def eggs():
    return [egg(radii) for radii in RADII]


@pytest.fixture(scope="module")
def found(eggs):
    return correspond(eggs, NAMES, settings=QUICK)


def test_points_lie_on_every_bone_s_own_surface(found):
    assert found.names == tuple(NAMES) and found.points.shape == (4, 200, 3)
    for radii, points in zip(RADII, found.points, strict=True):
        away = (implicit(points, radii) - 1) * min(radii)
        assert np.median(np.abs(away)) < 0.3
    for subject in found.report:
        assert subject.used and subject.folds == 0 and subject.smallest_jacobian > 0
        assert subject.registered_median_mm <= 0.5 * subject.voxel_mm
        assert subject.is_reference or 0.9 < subject.overlap < 1


def test_points_correspond(found):
    """On ellipsoids the same places are the same ones relative to the axes."""
    relative = np.array([(p - (20, 18, 22)) / r for p, r in zip(found.points, RADII, strict=True)])
    relative /= np.linalg.norm(relative, axis=-1, keepdims=True)
    apart = np.degrees(np.arccos(np.clip((relative * relative[0]).sum(-1), -1, 1)))
    assert np.median(apart) < 8


def test_the_triangles_are_a_closed_surface_outwards(found):
    from napari_xray_landmarks.mesh import Mesh

    edges = np.sort(np.vstack([found.faces[:, [0, 1]], found.faces[:, [1, 2]], found.faces[:, [2, 0]]]), axis=1)
    unique, counts = np.unique(edges, axis=0, return_counts=True)
    assert (counts == 2).all() and 200 - len(unique) + len(found.faces) == 2
    for radii, points in zip(RADII, found.points, strict=True):
        assert Mesh(points, found.faces).volume_mm3 == pytest.approx(4 / 3 * np.pi * np.prod(radii), rel=0.08)


def test_the_other_side_is_mirrored_and_put_back(eggs):
    masks = [*eggs[:3], mirrored(eggs[3])]
    found = correspond(masks, NAMES, settings=QUICK, mirrored=[False, False, False, True])
    assert (found.points[3, :, 2] < 0).all() and (found.shapes[3, :, 2] > 0).all()
    np.testing.assert_allclose(found.shapes[3] * (1, 1, -1), found.points[3])
    assert found.report[3].mirrored and found.report[3].overlap > 0.95


def test_slices_that_are_thick_turned_and_flipped_give_the_same_surface(eggs):
    angle = np.radians(20)
    turn = np.array([[np.cos(angle), 0, -np.sin(angle)], [0, 1, 0], [np.sin(angle), 0, np.cos(angle)]])
    matrix = np.eye(4)
    matrix[:3, :3] = turn @ np.diag([1.0, -5.0, 1.0])
    shape = (60, 9, 60)
    matrix[:3, 3] = np.array([20, 18, 22]) - matrix[:3, :3] @ (np.array(shape) / 2 - 0.3)
    thick = egg(RADII[3], shape=shape, matrix=matrix)
    found = correspond([*eggs[:3], thick], NAMES, settings=QUICK)
    assert found.report[3].used and found.report[3].voxel_mm == pytest.approx(1)
    away = (implicit(found.points[3], RADII[3]) - 1) * 9
    assert np.median(np.abs(away)) < 0.6


def test_a_mask_that_cannot_be_used_is_left_out_and_named(eggs):
    empty = Volume(np.zeros(SHAPE, bool), name="c")
    found = correspond([*eggs[:2], empty, eggs[3]], NAMES, settings=QUICK)
    assert found.names == ("a", "b", "d") and found.kept.tolist() == [0, 1, 3]
    assert not found.report[2].used and "empty" in found.report[2].notes[-1]


def test_what_is_another_shape_is_left_out(eggs):
    """A ring does not become an egg without folds or a bad fit."""
    at = world() - (20, 18, 22)
    ring = (np.hypot(np.hypot(at[..., 0], at[..., 2]) - 13, at[..., 1])) < 3
    found = correspond([*eggs[:3], Volume(ring)], NAMES, settings=QUICK)
    assert "d" not in found.names and found.report[3].notes[-1].startswith("left out: ")


def test_one_subject_is_refused(eggs):
    with pytest.raises(InputError, match="at least two subjects"):
        correspond(eggs[:1], ["a"])
    with pytest.raises(InputError, match=r"1 of 2 masks can be used \(c: the mask is empty"):
        correspond([eggs[0], Volume(np.zeros(SHAPE, bool), name="c")], ["a", "c"])


def test_a_stopped_run_goes_on_to_the_same_points(eggs, found, tmp_path):
    class Data:
        def fingerprint(self):
            return "eggs"

    run = open_run(tmp_path / "run", recipe="x", settings={}, seed=0, dataset=Data())
    read = []

    def stop(fraction, stage=""):
        if stage == "registration" and fraction > 0.5:
            raise KeyboardInterrupt

    sources = [lambda egg=egg, i=i: read.append(i) or egg for i, egg in enumerate(eggs)]
    with pytest.raises(KeyboardInterrupt):
        correspond(sources, NAMES, settings=QUICK, run=run, progress=stop)
    before = len(read)
    again = correspond(sources, NAMES, settings=QUICK, run=run)
    assert len(read) - before < len(eggs)
    np.testing.assert_array_equal(again.points, found.points)


def test_processes_of_their_own_give_the_same_points(eggs, found):
    by_two = correspond(eggs, NAMES, settings=QUICK, workers=2).points
    np.testing.assert_allclose(by_two, found.points, atol=1e-9)  # the number of threads may move the last bits
