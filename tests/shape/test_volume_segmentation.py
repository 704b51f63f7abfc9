"""What a segmentation of a volume refuses, and where a fitted bone lies."""

import numpy as np
import pytest

from napari_xray_landmarks.imaging import Volume
from napari_xray_landmarks.mesh import Mesh
from napari_xray_landmarks.shape.point_distribution import PointDistributionModel
from napari_xray_landmarks.shape.volume_segmentation import Structure, VolumeFit, VolumeSegmentation

LABELS = Volume(np.zeros((2, 3, 4), np.uint8))
BONE, CARTILAGE = Structure("femur", 1), Structure("femoral-cartilage", 2, bone="femur")
TRIANGLE = Mesh(np.eye(3), [[0, 1, 2]], "femur")


def test_structures_are_told_by_their_labels():
    found = VolumeSegmentation(LABELS, (BONE, Structure("tibia", 4, found=False, reason="none")))
    assert found.names == {1: "femur", 4: "tibia"} and found.found
    assert found.structure("tibia").reason == "none"
    with pytest.raises(KeyError):
        found.structure("patella")


@pytest.mark.parametrize(("values", "part"), [
    ({"labels": Volume(np.zeros((2, 3, 4)))}, "whole numbers"),
    ({"structures": (BONE, Structure("tibia", 1))}, "same label"),
    ({"structures": (BONE, BONE)}, "same name"),
    ({"structures": (CARTILAGE,)}, "no bone 'femur'"),
    ({"thickness": {"femoral-cartilage": np.zeros(4)}}, "one value a vertex"),
])
def test_what_does_not_fit_together_is_refused(values, part):
    good = {"labels": LABELS, "structures": (BONE, CARTILAGE), "surfaces": {"femur": TRIANGLE},
            "thickness": {"femoral-cartilage": np.zeros(3)}}
    VolumeSegmentation(**good)
    with pytest.raises(ValueError, match=part):
        VolumeSegmentation(**good | values)


def test_cartilage_lies_on_the_surface_of_its_own_side():
    found = VolumeSegmentation(LABELS, (BONE, CARTILAGE), surfaces={"femur-left": TRIANGLE},
                               thickness={"femoral-cartilage-left": np.zeros(3)})
    assert found.surface_under("femoral-cartilage-left") == "femur-left"
    assert found.surface_under("femoral-cartilage") == "femur"
    for name in ("femur", "femoral-cartilage-x", "cartilage"):
        with pytest.raises(ValueError, match="no cartilage"):
            found.surface_under(name)


@pytest.mark.parametrize("values", [{"label": 0}, {"name": ""}, {"confidence": 1.2}, {"volume_ml": -1.0},
                                    {"colour": (255, 0, 0)}])
def test_a_structure_names_the_value_that_will_not_do(values):
    with pytest.raises(ValueError):
        Structure(**{"name": "femur", "label": 1} | values)


def test_a_fitted_bone_lies_where_its_transform_puts_it():
    rng = np.random.default_rng(0)
    model = PointDistributionModel.fit(rng.normal(0, 1, (5, 6, 3)), aligned=True)
    matrix = np.diag([2.0, 3.0, -4.0, 1.0])
    matrix[:3, 3] = 5, 6, 7
    fit = VolumeFit(model, model.deviations, matrix)
    expected = (model.mean + np.tensordot(model.deviations, model.modes, 1)) * (2, 3, -4) + (5, 6, 7)
    np.testing.assert_allclose(fit.points_mm, expected)
    np.testing.assert_allclose(fit.deviations, 1)
    np.testing.assert_allclose(fit.at(()), model.mean * (2, 3, -4) + (5, 6, 7))
    with pytest.raises(ValueError):
        VolumeFit(model, [1.0], matrix)
