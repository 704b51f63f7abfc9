"""Single bones in a mask."""

import numpy as np
import pytest

pytest.importorskip("torch")

from napari_xray_landmarks.deep_shape.bones import instances, largest_component, sides_of  # noqa: E402


def two_bones(small=6):
    mask = np.zeros((12, 12, 30), bool)
    mask[2:9, 2:9, 2:9] = True
    mask[2:2 + small, 2:2 + small, 20:26] = True
    return mask


def test_the_left_bone_lies_farther_along_the_last_axis():
    (first, right), (second, left) = instances(two_bones(), "pair")
    assert (first, second) == ("right", "left")
    assert right[4, 4, 4] and left[4, 4, 22] and not (right & left).any()


def test_specks_are_no_bones():
    (side, only), = instances(two_bones(small=2), "pair")
    assert side == "right" and only[4, 4, 4] and not only[2, 2, 22]
    assert instances(two_bones(small=2), "")[0][1].sum() == 7**3


def test_nothing_is_no_bone():
    assert instances(np.zeros((3, 3, 3), bool), "pair") == []
    assert not largest_component(np.zeros((3, 3, 3), bool)).any()


@pytest.mark.parametrize(("masks", "sides"), [([two_bones()] * 2 + [two_bones(2)], "pair"), ([two_bones(2)] * 2, ""),
                                              ([np.zeros((3, 3, 3), bool)], "")])
def test_pairs_are_told_by_their_sizes(masks, sides):
    assert sides_of(masks) == sides
