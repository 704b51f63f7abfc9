from dataclasses import replace

import numpy as np
import pytest

from napari_xray_landmarks.joint_displacement.graph import neighbour_table
from napari_xray_landmarks.joint_displacement.patches import from_tensors, patch_set, to_tensors


@pytest.fixture
def tensors(patch_model):
    return to_tensors(patch_model)


def test_a_model_comes_back_from_its_arrays(patch_model, tensors):
    again = from_tensors(tensors)
    for name in ("subshapes", "resolutions", "pose_resolution", "scales", "scales_mm", "confidence", "tolerance"):
        assert getattr(again, name) == getattr(patch_model, name), name
    np.testing.assert_array_equal(again.formation.covariance, patch_model.formation.covariance)
    np.testing.assert_allclose(again.formation.mean, patch_model.formation.mean, rtol=1e-6)
    for own, other in zip((patch_model.pose, *patch_model.levels[-1]), (again.pose, *again.levels[-1]), strict=True):
        for name in ("basis", "mean", "displacements"):
            np.testing.assert_allclose(getattr(other, name), getattr(own, name), rtol=1e-3, atol=1e-4, err_msg=name)
        assert (np.abs(other.features - own.features) <= np.abs(own.features).max(0) / 127 + 1e-7).all()
        assert not len(other.film)


def test_arrays_of_a_model_that_was_read_are_the_same_again(tensors):
    again = to_tensors(from_tensors(tensors))
    assert again.keys() == tensors.keys()
    for name, values in tensors.items():
        np.testing.assert_array_equal(again[name], values, err_msg=name)
        assert again[name].dtype == values.dtype


def test_eight_bits_leave_the_neighbours_as_they_are(patch_model, tensors):
    patches, again = patch_model.levels[-1][0], from_tensors(tensors).levels[-1][0]
    assert tensors["level1.subshape0.features"].dtype == np.int8
    own, other = (neighbour_table(p.features, 5) for p in (patches, again))
    np.testing.assert_allclose(np.sqrt(other.distance2), np.sqrt(own.distance2), rtol=0.1)
    assert np.mean([len(set(a) & set(b)) for a, b in zip(own.index, other.index, strict=True)]) > 4.5


def test_features_in_half_precision_can_be_read_too(patch_model, tensors):
    """As in model files of earlier versions, and where all 360 values are kept."""
    old = {key: value for key, value in tensors.items() if not key.endswith(".step")}
    name = "level0.subshape0.features"
    old |= {key: tensors[key].astype(np.float16) for key in tensors if key.endswith(".features")}
    np.testing.assert_array_equal(from_tensors(old).levels[0][0].features, tensors[name].astype(np.float32))
    whole = replace(patch_model.pose, features=np.ones((9, 360), np.float32) / 3, basis=np.empty((360, 0)),
                    displacements=patch_model.pose.displacements[:9], film=np.zeros(9))
    kept = to_tensors(replace(patch_model, pose=whole))
    assert kept["pose.features"].dtype == np.float16 and "pose.step" not in kept
    np.testing.assert_allclose(from_tensors(kept).pose.features, whole.features, atol=1e-3)


def test_every_array_is_needed(tensors):
    for name in tensors:
        rest = {key: value for key, value in tensors.items() if key != name}
        with pytest.raises((KeyError, ValueError)):
            from_tensors(rest)


def damaged(name, change):
    return pytest.param(name, change, id=f"{name} {change.__doc__ or change.__name__}")


def shorter(values):
    return values[:-1]


def empty(values):
    return values[:0]


def flat(values):
    return values.ravel()


def negative(values):
    return -values


def not_a_number(values):
    return np.full_like(values, np.nan)


def narrower(values):
    return values[:, :-1]


@pytest.mark.parametrize(("name", "change"), [
    damaged("mean_shape", shorter), damaged("mean_shape", flat), damaged("covariance", shorter),
    damaged("covariance", negative), damaged("resolutions", negative), damaged("resolutions", not_a_number),
    damaged("scales", shorter), damaged("scales", negative), damaged("tolerance", negative),
    damaged("pose_resolution", not_a_number), damaged("subshape0", lambda v: v + 1000), damaged("subshape0", empty),
    damaged("pose.features", shorter), damaged("pose.features", narrower), damaged("pose.features", empty),
    damaged("pose.step", shorter), damaged("pose.step", negative),
    damaged("level0.subshape0.displacements", flat), damaged("level0.subshape0.displacements", narrower),
    damaged("level0.subshape0.displacements", shorter), damaged("level1.subshape1.basis", shorter),
    damaged("level1.subshape1.basis", narrower), damaged("level1.subshape1.mean", shorter)])
def test_damaged_arrays_are_refused(tensors, name, change):
    with pytest.raises(ValueError):
        from_tensors(tensors | {name: change(tensors[name])})


def test_principal_components_keep_distances():
    rng = np.random.default_rng(0)
    features = (rng.normal(size=(200, 12)) @ rng.normal(size=(12, 360))).astype(np.float32)
    displacements, film = rng.normal(size=(200, 3, 2)), np.arange(200) % 4
    few, all_ = (patch_set(features, displacements, film, n) for n in (12, 0))
    assert few.features.shape == (200, 12) and all_.features.shape == (200, 360)
    far = np.linalg.norm(features[1:] - features[0], axis=1)
    np.testing.assert_allclose(np.linalg.norm(few.features[1:] - few.features[0], axis=1), far, rtol=1e-3)
    np.testing.assert_allclose(few.describe(features), few.features, atol=1e-2)
    np.testing.assert_array_equal(all_.describe(features), features)


def test_a_film_can_be_left_out():
    rng = np.random.default_rng(1)
    whole = patch_set(rng.normal(size=(40, 360)), rng.normal(size=(40, 2, 2)), np.arange(40) % 4, 8)
    rest = whole.without_films([2])
    assert len(rest.features) == 30 and 2 not in rest.film
    np.testing.assert_array_equal(rest.displacements, whole.displacements[np.arange(40) % 4 != 2])


def test_the_table_of_neighbours_is_kept_and_grows():
    rng = np.random.default_rng(2)
    patches = patch_set(rng.normal(size=(50, 360)), rng.normal(size=(50, 2, 2)), np.zeros(50), 6)
    few = patches.table(5)
    assert patches.table(3) is few
    more = patches.table(9)
    assert more.index.shape == (50, 9) and patches.table(5) is more
    np.testing.assert_array_equal(more.index, neighbour_table(patches.features, 9).index)
    assert patches.typical_distance2 == pytest.approx(np.median(more.distance2[:, 0]))
