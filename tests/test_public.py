import pytest

import napari_xray_landmarks as xl


@pytest.mark.parametrize("name", xl.__all__)
def test_every_public_name_can_be_used(name):
    assert getattr(xl, name) is not None


def test_a_name_that_is_not_public_is_no_attribute():
    with pytest.raises(AttributeError, match="landmark_detector"):
        _ = xl.landmark_detector
