"""Options of deep shape fitting."""

import pytest

from napari_xray_landmarks.deep_shape.settings import AS_PUBLISHED, DeepShapeSettings


def test_as_published_looks_at_single_slices_and_the_image_alone():
    assert (AS_PUBLISHED.neighbours, AS_PUBLISHED.stem, AS_PUBLISHED.guided) == (0, 1, False)


@pytest.mark.parametrize("wrong", [{"rotation": "quaternion"}, {"subvolumes": 0.0}, {"local": 1}])
def test_what_an_option_does_not_take_is_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        DeepShapeSettings(**wrong)
