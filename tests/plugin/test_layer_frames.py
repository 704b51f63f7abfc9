import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from napari.layers import Image, Points

from napari_xray_landmarks.plugin import frames


@settings(deadline=None, max_examples=60)
@given(seed=st.integers(0, 2**32), ndim=st.sampled_from([2, 3]), whole=st.booleans())
def test_the_composed_affine_is_naparis(seed, ndim, whole):
    rng = np.random.default_rng(seed)
    affine = np.eye(ndim + 1)
    affine[:ndim] += rng.normal(size=(ndim, ndim + 1)) * 0.3
    given_ = {
        "scale": rng.uniform(0.2, 5, ndim),
        "translate": rng.normal(size=ndim) * 50,
        "rotate": float(rng.uniform(-180, 180)) if ndim == 2 else tuple(rng.uniform(-180, 180, 3)),
        "shear": rng.normal(size=ndim * (ndim - 1) // 2) * 0.5,
        "affine": affine,
    }
    layer = Points(rng.normal(size=(4, ndim)) * 100, **given_)
    attributes = layer.as_layer_data_tuple()[1] if whole else given_
    world = frames.transformed(frames.world_from_data(attributes, ndim), layer.data)
    expected = [layer.data_to_world(p) for p in layer.data]
    assert np.allclose(world, expected, rtol=1e-9, atol=1e-7)


def test_a_frame_that_is_not_given_is_the_identity():
    assert np.array_equal(frames.world_from_data({}, 3), np.eye(4))


def test_a_short_scale_belongs_to_the_last_axes():
    layer = Image(np.zeros((2, 3, 4)), scale=(2, 3))
    assert np.allclose(np.diag(frames.world_from_data({"scale": (2, 3)}, 3))[:3], layer.scale)


@pytest.mark.parametrize(("units", "expected"), [
    (("mm", "mm"), [1, 1]), ("um", [1e-3, 1e-3]), (("cm", "m"), [10, 1000]), (("pixel", "pixel"), None), (None, None),
])
def test_units_in_mm(units, expected):
    attributes = {} if units is None else {"units": units}
    found = frames.mm_per_unit(attributes, 2)
    assert (found is None) if expected is None else np.allclose(found, expected)
    if units is not None:
        live = Points(np.zeros((1, 2)), units=units).as_layer_data_tuple()[1]
        live_found = frames.mm_per_unit(live, 2)
        assert (live_found is None) if expected is None else np.allclose(live_found, expected)
