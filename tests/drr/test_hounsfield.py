from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_xray_landmarks.drr.hounsfield import in_hounsfield
from napari_xray_landmarks.errors import InputError
from napari_xray_landmarks.imaging import Volume


@cache
def trunk() -> Volume:
    """Fat round muscle round a bone, with a scanner's noise, in air."""
    rng = np.random.default_rng(5)
    s, p, l = np.indices((24, 60, 70)) - np.array([12.0, 30, 35])[:, None, None, None]  # noqa: E741
    r = np.hypot(p / 24, l / 30)
    hu = np.select([np.hypot(p, l) < 6, r < 0.85, r < 1], [700.0, 45.0, -105.0], -1000.0)
    return Volume(np.round(hu + rng.normal(0, 12, hu.shape)).astype(np.int32), np.eye(4), "trunk")


@cache
def cut_out_bone() -> Volume:
    s, p, l = np.indices((30, 40, 40)) - 20.0  # noqa: E741
    r = np.sqrt((s + 5) ** 2 + p**2 + l**2)
    rng = np.random.default_rng(6)
    hu = np.where(r < 12, rng.normal(np.where(r > 10, 1000, 150), 90), 0)
    return Volume(np.round(hu).astype(np.int32), np.eye(4), "bone")


@given(multiple=st.integers(-4, 12), cropped=st.booleans())
@settings(max_examples=40, deadline=None)
def test_any_multiple_of_the_offset_is_taken_off(multiple, cropped):
    voxels = trunk().voxels[:, 21:40, 9:62] if cropped else trunk().voxels
    hu, notes = in_hounsfield(replace(trunk(), voxels=voxels + 1024 * multiple))
    np.testing.assert_array_equal(hu, voxels)
    assert bool(notes) == (multiple != 0)
    assert all(f"offset of {1024 * multiple}" in note for note in notes)


@given(multiple=st.integers(-4, 12))
@settings(max_examples=15, deadline=None)
def test_what_was_cut_out_of_a_ct_stands_in_air(multiple):
    bone = cut_out_bone()
    hu, notes = in_hounsfield(replace(bone, voxels=bone.voxels + 1024 * multiple))
    inside = bone.voxels != 0
    np.testing.assert_array_equal(hu[inside], bone.voxels[inside])
    assert (hu[~inside] == -1000).all()
    assert "taken as air" in notes[-1]


def test_a_clipped_ct_without_sign_is_put_right():
    clipped = np.clip(trunk().voxels + 1024, 0, 4095).astype(np.uint16)
    hu, notes = in_hounsfield(replace(trunk(), voxels=clipped))
    np.testing.assert_array_equal(hu, clipped.astype(float) - 1024)
    assert len(notes) == 1


def test_16_bits_that_lost_their_sign_are_put_right():
    hu, notes = in_hounsfield(replace(trunk(), voxels=trunk().voxels.astype(np.int16).view(np.uint16)))
    np.testing.assert_array_equal(hu, trunk().voxels)
    assert "lost their sign" in notes[0]


def test_a_scanners_padding_becomes_air():
    voxels = np.array(trunk().voxels)
    outside = np.broadcast_to(np.hypot(*(np.indices(voxels.shape[1:]) - np.array([[[30]], [[35]]]))) > 33, voxels.shape)
    voxels[outside] = -2000
    hu, notes = in_hounsfield(replace(trunk(), voxels=voxels))
    assert (hu[outside] == -1000).all() and "-2000 taken as air" in notes[0]
    np.testing.assert_array_equal(hu[~outside], voxels[~outside])


def test_a_ct_in_air_with_water_of_exactly_zero_keeps_its_water():
    voxels = np.full((20, 40, 40), -1000)
    voxels[:, 8:32, 8:32] = 0
    hu, notes = in_hounsfield(Volume(voxels))
    np.testing.assert_array_equal(hu, voxels)
    assert notes == ()


def magnetic_resonance(scale: float) -> np.ndarray:
    rng = np.random.default_rng(1)
    tissue = np.select([trunk().voxels > 300, trunk().voxels > -50, trunk().voxels > -300], [120, 350, 560], 15)
    return np.abs(rng.normal(tissue, 25 + 0.15 * tissue)) * scale


@pytest.mark.parametrize("voxels, problem", [
    (magnetic_resonance(1.0), "not Hounsfield units"),
    (magnetic_resonance(3.0), "not Hounsfield units"),
    ((trunk().voxels > 300).astype(np.uint8), "2 whole values from 0 to 1, like labels"),
    ((trunk().voxels > 300) * 7 + (trunk().voxels > -300), "like labels"),
    ((trunk().voxels + 1000) / 4000.0, "not Hounsfield units"),
    (np.zeros((9, 9, 9)), "1 whole values"),
], ids=["MR", "bright MR", "mask", "labels", "scaled to 1", "constant"])
def test_what_is_no_ct_is_refused(voxels, problem):
    with pytest.raises(InputError, match=problem) as error:
        in_hounsfield(Volume(voxels, name="thing"))
    assert str(error.value).startswith("thing: ") and "Give a CT" in str(error.value)


@pytest.mark.parametrize("modality", ["MR", "labels"])
def test_a_modality_that_is_known_counts(modality):
    with pytest.raises(InputError, match=f"its modality is '{modality}'"):
        in_hounsfield(replace(trunk(), modality=modality))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_are_refused(value):
    voxels = trunk().voxels.astype(np.float32)
    voxels[3, 4, 5] = value
    with pytest.raises(InputError, match="trunk: 1 of its values are not finite"):
        in_hounsfield(replace(trunk(), voxels=voxels))
