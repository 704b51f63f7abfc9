"""A volume through all stages, with networks that tell classes by grey value and so are right wherever a joint lies."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

pytest.importorskip("torch")
pytest.importorskip("monai")

import ball_joints  # noqa: E402
from napari_xray_landmarks.deep_shape import region  # noqa: E402
from napari_xray_landmarks.deep_shape.grid import Grid, seen  # noqa: E402
from napari_xray_landmarks.errors import Cancelled, InputError  # noqa: E402
from napari_xray_landmarks.imaging import Volume  # noqa: E402

VALUES = np.array([0, 1, 5, 9])


def dice(found: np.ndarray, known: np.ndarray) -> float:
    return 2 * float((found & known).sum()) / float(found.sum() + known.sum())


@pytest.fixture(scope="module")
def segmenter():
    return ball_joints.segmenter()


@pytest.fixture(scope="module")
def whole(segmenter):
    """A joint, its classes, and what was found in it."""
    volume, classes = ball_joints.joint(2)
    return volume, classes, segmenter.segment(volume)


def test_labels_are_those_of_the_structures_on_the_sources_grid(whole):
    volume, classes, found = whole
    np.testing.assert_array_equal(found.labels.voxels, VALUES[classes])
    np.testing.assert_array_equal(found.labels.world_from_voxel, volume.world_from_voxel)
    assert found.labels.voxels.dtype == np.uint8 and found.labels.modality == "labels" and not found.notes
    for structure, number in zip(found.structures, (1, 2, 3), strict=True):
        assert structure.found and structure.confidence > 0.95
        assert structure.volume_ml == pytest.approx((classes == number).sum() / 1000)


def test_the_fitted_bone_lies_on_the_ball(whole):
    found = whole[2]
    bone, radius = ball_joints.ball_model(), ball_joints.radius_of(2)
    surface, points = found.surfaces["ball"], found.landmarks.points
    np.testing.assert_allclose(surface.vertices.mean(0), ball_joints.BALL_MM, atol=0.6)
    assert np.linalg.norm(surface.vertices - ball_joints.BALL_MM, axis=1).mean() == pytest.approx(radius, abs=0.7)
    assert surface.volume_mm3 > 0
    np.testing.assert_allclose(found.fits["ball"].points_mm, surface.vertices)
    np.testing.assert_allclose(points, surface.vertices[bone.thinned])
    assert found.landmarks.unit == "mm" and found.landmarks.detected.all()
    thick = found.thickness["cap"]
    above = surface.vertices[:, 0] > ball_joints.BALL_MM[0] + 3
    assert np.nanmean(thick[above]) == pytest.approx(ball_joints.CAP_MM, abs=0.3)
    assert np.isnan(thick[surface.vertices[:, 0] < ball_joints.BALL_MM[0] - 3]).all()


def test_stages_are_kept_on_the_working_grid_and_told_as_they_come(segmenter):
    told = []
    volume, classes = ball_joints.joint(1)
    found = segmenter.segment(volume, watch=lambda name, stage: told.append((name, stage)))
    assert dict(told).keys() == found.stages.keys()
    assert set(found.stages) == {"slices", "local", "merged", "slices probability", "probability"}
    np.testing.assert_array_equal(found.stages["slices"].voxels, VALUES[classes])
    local = found.stages["local"].voxels
    assert local.any() and (local[local > 0] == VALUES[classes][local > 0]).all()
    assert found.stages["probability"].voxels.dtype.kind == "f"


def test_subvolumes_alone_or_none_can_be_asked_for(segmenter):
    volume, classes = ball_joints.joint(0)
    for values in ({"local": False}, {"ensemble": False}, {"subvolumes": 0.2}):
        found = segmenter.segment(volume, replace(segmenter.settings, **values))
        assert ("local" in found.stages) == values.get("local", True)
        np.testing.assert_array_equal(found.labels.voxels, VALUES[classes])
    assert not segmenter.segment(volume, replace(segmenter.settings, thickness=False)).thickness


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (1, 2, 0), (2, 1, 0)])
@pytest.mark.parametrize("signs", [(1, 1, 1), (-1, 1, -1)])
def test_a_flipped_and_permuted_copy_gives_the_same_labels(segmenter, whole, order, signs):
    volume, _, found = whole
    flips = tuple(slice(None, None, s) for s in signs)
    matrix = np.eye(4)
    matrix[:3, :3] = np.eye(3)[:, order] * signs
    matrix[order, 3] = [0 if s > 0 else volume.shape[a] - 1 for a, s in zip(order, signs, strict=True)]
    copy = replace(volume, voxels=volume.voxels.transpose(order)[flips],
                   world_from_voxel=volume.world_from_voxel @ matrix)
    again = segmenter.segment(copy)
    np.testing.assert_array_equal(again.labels.voxels, found.labels.voxels.transpose(order)[flips])
    np.testing.assert_allclose(again.landmarks.points, found.landmarks.points, atol=1e-3)
    np.testing.assert_allclose(again.surfaces["ball"].vertices, found.surfaces["ball"].vertices, atol=1e-3)


@pytest.mark.parametrize(("turn", "spacing", "least"), [
    ((8, -5, 10), (1.0, 1.0, 1.0), 0.9), ((35, 20, -30), (1.0, 1.0, 1.0), 0.9), ((0, 0, 0), (0.7, 0.7, 5.0), 0.85),
    ((0, 90, 0), (5.0, 0.8, 0.8), 0.85), ((5, 5, 5), (2.5, 2.5, 2.5), 0.85),
])
def test_an_oblique_or_coarse_copy_has_its_labels_at_the_same_places(segmenter, turn, spacing, least):
    shape = tuple(int(n) for n in np.ceil(56 / np.array(spacing)))
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_euler("xyz", turn, degrees=True).as_matrix() * spacing
    matrix[:3, 3] = -matrix[:3, :3] @ ((np.array(shape) - 1) / 2)
    volume, classes = ball_joints.joint(2, matrix=matrix, shape=shape)
    found = segmenter.segment(volume)
    assert found.labels.shape == volume.shape
    assert dice(found.labels.voxels == 1, classes == 1) > least
    np.testing.assert_allclose(found.surfaces["ball"].vertices.mean(0), ball_joints.BALL_MM, atol=1.6)


def test_nothing_is_found_beyond_the_border_of_an_oblique_volume(segmenter):
    matrix, shape = np.eye(4), (16, 44, 44)
    matrix[:3, :3] = Rotation.from_euler("xyz", (35, 20, -30), degrees=True).as_matrix()
    matrix[:3, 3] = ball_joints.BALL_MM - matrix[:3, :3] @ ((np.array(shape) - 1) / 2)
    volume, classes = ball_joints.joint(2, matrix=matrix, shape=shape)
    found = segmenter.segment(volume)
    for stage in ("slices", "merged"):
        own = found.stages[stage]
        inside = seen(Grid(own.shape, own.world_from_voxel), volume)
        assert not own.voxels[~inside].any() and own.voxels[inside].any()
    assert dice(found.labels.voxels == 1, classes == 1) > 0.9
    far = np.linalg.norm(found.surfaces["ball"].vertices - ball_joints.BALL_MM, axis=1)
    assert far.mean() == pytest.approx(ball_joints.radius_of(2), abs=0.7), "the cut is no surface"


def test_two_bones_of_a_pair_are_fitted_each_on_its_own_side(segmenter):
    volume, _ = ball_joints.joint(2)
    two = replace(volume, voxels=np.concatenate([volume.voxels, volume.voxels[:, :, ::-1]], 2))
    bone = replace(ball_joints.ball_model(), sides="pair")
    found = replace(segmenter, bones=(bone,), landmarks=tuple(bone.landmark_names)).segment(two)
    assert set(found.surfaces) == {"ball-left", "ball-right"} and set(found.thickness) == {"cap-left", "cap-right"}
    left, right = (found.surfaces[f"ball-{side}"] for side in ("left", "right"))
    assert left.vertices[:, 2].mean() > right.vertices[:, 2].mean() + 20
    assert left.volume_mm3 > 0 and right.volume_mm3 > 0, "the mirrored one faces outwards too"
    middle = volume.world_from_voxel[2, 3] + (two.shape[2] - 1) / 2
    mirrored = left.vertices * (1, 1, -1) + (0, 0, 2 * middle)
    np.testing.assert_allclose(right.vertices, mirrored, atol=0.5)
    assert found.landmarks.detected.all() and found.structure("ball").found


def test_what_is_not_there_is_not_found_and_says_why(segmenter):
    rng = np.random.default_rng(0)
    noise = Volume(rng.normal(300, 200, (40, 40, 40)).astype(np.float32), name="noise")
    found = segmenter.segment(noise)
    assert not found.found and not found.labels.voxels.any() and not found.surfaces
    assert not found.landmarks.detected.any() and all(s.reason and s.confidence < 0.5 for s in found.structures)
    assert len(found.notes) == 3


def test_cartilage_without_its_bone_is_not_found(segmenter):
    volume, classes = ball_joints.joint(2)
    grey = np.where(classes == 1, -900, volume.voxels).astype(np.int16)
    found = segmenter.segment(replace(volume, voxels=grey))
    assert not found.structure("cap").found and found.structure("block").found
    assert set(np.unique(found.labels.voxels)) == {0, 9}


def test_another_modality_shows_nothing(segmenter):
    volume, _ = ball_joints.joint(2)
    unsaid = replace(volume, modality="")
    assert segmenter.segment(unsaid).found
    found = replace(segmenter, modality="MR").segment(unsaid)
    assert not found.found and "values down to -1" in found.structures[0].reason
    found = segmenter.segment(replace(unsaid, voxels=volume.voxels + 1100))
    assert not found.found and "as a CT has" in found.structures[0].reason


@pytest.mark.parametrize(("voxels", "part"), [
    (np.full((20, 20, 20), 7.0), "all voxels have the value 7"),
    (np.where(np.arange(8000).reshape(20, 20, 20) == 5, np.nan, 1.0), "NaN"),
    (np.arange(8000).reshape(20, 20, 20) % 3, "holds labels"),
    (np.arange(1200).reshape(3, 20, 20), "too few"),
    (np.arange(2000).reshape(5, 20, 20), "covers only 5 x 20 x 20 mm"),
    (np.ones((20, 20, 20), complex), "type complex128"),
])
def test_volumes_that_show_nothing_are_refused_in_one_line(segmenter, voxels, part):
    with pytest.raises(InputError, match=part) as caught:
        segmenter.segment(Volume(voxels, name="bad"))
    assert str(caught.value).startswith("bad: ")


def test_a_volume_too_large_for_the_memory_is_cut_to_what_a_first_look_finds(segmenter, monkeypatch):
    volume, classes = ball_joints.joint(2, shape=(56, 48, 160))
    monkeypatch.setattr(region, "BUDGET", int(0.7 * volume.voxels.size * (14 + 8 * 4)))
    monkeypatch.setattr(region, "_MARGIN_MM", 6.0)
    found = segmenter.segment(volume)
    assert found.stages["merged"].shape[2] < 80 and "too large" in found.notes[0]
    np.testing.assert_array_equal(found.labels.voxels, VALUES[classes])


def test_a_volume_that_is_hopelessly_large_is_refused_before_anything_is_allocated(segmenter):
    huge = Volume(np.broadcast_to(np.arange(100, dtype=np.int16), (3000, 3000, 100)), name="huge")
    with pytest.raises(InputError, match="huge: is too large: 3e.03 x 3e.03 x 100 voxels of 1 x 1 x 1 mm"):
        segmenter.segment(huge)


def test_what_the_volume_itself_takes_is_left_for_less():
    """A volume of 600 million voxels leaves little of 6 GiB: the networks look at a part of it, and take no more."""
    grid = Grid((300, 500, 400), np.eye(4))
    room, parts = region.BUDGET - region.bytes_of(grid, 4), []

    def look(thin):
        parts.append(thin.voxels)
        seen = np.zeros(thin.shape, np.uint8)
        seen[100:150, 200:250, 50:60] = 1
        return seen

    assert region.region(grid, 4, 2, look, "large", held=room).grid is grid and not parts
    cut = region.region(grid, 4, 2, look, "large", held=region.BUDGET - region.bytes_of(grid, 4) // 3)
    assert parts == [300 * 500 * 133] and cut.grid.voxels < grid.voxels // 3
    with pytest.raises(InputError, match="large: is too large: .* would take 8 GiB, 5 are allowed"):
        region.region(grid, 4, 2, look, "large", held=region.BUDGET)


def test_progress_runs_through_all_stages_and_can_be_cancelled(segmenter):
    volume, _ = ball_joints.joint(0)
    told = []
    segmenter.segment(volume, progress=lambda fraction, stage: told.append((fraction, stage)))
    fractions = [fraction for fraction, _ in told]
    assert fractions == sorted(fractions) and fractions[0] == 0 and fractions[-1] == pytest.approx(1)
    assert {stage for _, stage in told} == {"resampling", "slices", "shapes", "subvolumes", "labels"}
    for wanted in ("slices", "subvolumes", "labels"):

        def cancel(fraction, stage, wanted=wanted):
            if stage == wanted:
                raise Cancelled

        with pytest.raises(Cancelled):
            segmenter.segment(volume, progress=cancel)


def test_specks_and_cartilage_far_from_bone_are_left_out(segmenter):
    volume, _ = ball_joints.joint(2)
    grey = volume.voxels.copy()
    grey[2:5, 2:5, 2:5] = 800
    grey[50:54, 2:6, 38:42] = 450
    found = segmenter.segment(replace(volume, voxels=grey))
    assert not found.labels.voxels[:8, :8, :8].any() and not found.labels.voxels[48:, :8, 36:].any()
    everything = segmenter.segment(replace(volume, voxels=grey), replace(segmenter.settings, largest=False))
    assert everything.labels.voxels[3, 3, 3] == 1 and everything.labels.voxels[51, 3, 39] == 5
