import numpy as np
import pytest

from napari_xray_landmarks.errors import InputError
from napari_xray_landmarks.imaging import Volume
from napari_xray_landmarks.shape.bone_masks import bone_mask, mirrored, sides

SHAPE = (24, 20, 60)


def ball(centre, radius, shape=SHAPE) -> np.ndarray:
    at = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), axis=-1)
    return np.linalg.norm(at - np.array(centre), axis=-1) < radius


def test_stray_voxels_are_left_out_and_holes_filled():
    mask = ball((12, 10, 30), 8) & ~ball((12, 10, 30), 3)
    mask[2, 2, 2] = True
    found = bone_mask(Volume(mask))
    assert found.volume_mm3 == ball((12, 10, 30), 8).sum()
    holes = int(ball((12, 10, 30), 3).sum())
    assert found.notes == ("1 voxels apart from the bone left out", f"holes of {holes} voxels filled")
    assert found.cut == 0


def test_what_the_border_cuts_is_said():
    found = bone_mask(Volume(ball((3, 10, 30), 8)))
    assert 0.1 < found.cut < 0.4 and "cut by the volume's border" in found.notes[0]
    assert found.distances.at([[-3.0, 10, 30]])[0] > 2.3


def test_two_bones_are_refused_with_the_way_out():
    mask = ball((12, 10, 15), 8) | ball((12, 10, 45), 8)
    with pytest.raises(InputError, match="two bones, of 2103 and 2103 voxels. Choose one with --set side"):
        bone_mask(Volume(mask, name="hips"))


def test_a_bone_in_pieces_stays_whole():
    found = bone_mask(Volume(ball((12, 10, 25), 8) | ball((12, 10, 38), 4)))
    assert found.notes == ("the bone is in 2 pieces",)


@pytest.mark.parametrize("direction", [1, -1])
def test_sides_go_by_the_world_whichever_way_the_voxels_run(direction):
    left, right = ball((12, 10, 45), 8), ball((12, 10, 15), 6)
    matrix = np.diag([1.0, 1, direction, 1])
    found, notes = sides(Volume(left | right, matrix))
    assert not notes
    expected = {"left": left, "right": right} if direction > 0 else {"left": right, "right": left}
    for side, mask in expected.items():
        np.testing.assert_array_equal(found[side].voxels, mask)


def test_sides_that_touch_are_cut_in_the_middle():
    both = ball((12, 10, 20), 9) | ball((12, 10, 36), 9)
    found, notes = sides(Volume(both))
    assert "touch" in notes[0]
    assert found["left"].voxels.sum() == pytest.approx(found["right"].voxels.sum(), rel=0.1)
    np.testing.assert_array_equal(found["left"].voxels | found["right"].voxels, both)


def test_a_single_bone_is_on_its_side_of_the_volume():
    assert list(sides(Volume(ball((12, 10, 45), 8)))[0]) == ["left"]
    assert list(sides(Volume(ball((12, 10, 12), 8) | ball((22, 18, 14), 2)))[0]) == ["right"]


def test_mirroring_is_its_own_inverse():
    volume = Volume(ball((12, 10, 45), 8), np.array([[0, 1, 0, 3], [0, 0, 2, 4], [-1, 0, 0, 5], [0, 0, 0, 1.0]]))
    np.testing.assert_array_equal(mirrored(mirrored(volume)).world_from_voxel, volume.world_from_voxel)
    np.testing.assert_allclose(mirrored(volume).world_from_voxel[2], -volume.world_from_voxel[2])


def test_an_empty_mask_and_a_sheared_one_are_refused():
    with pytest.raises(InputError, match="the mask is empty"):
        bone_mask(Volume(np.zeros(SHAPE, bool)))
    sheared = np.eye(4)
    sheared[0, 1] = 0.3
    with pytest.raises(InputError, match="right angles"):
        bone_mask(Volume(ball((12, 10, 30), 8), sheared))
