"""What a film's layer tells of how it was taken."""

import numpy as np
import pytest
from napari.layers import Layer

from napari_xray_landmarks.geometry.camera import CArm
from napari_xray_landmarks.imaging import Radiograph
from napari_xray_landmarks.io.geometry import geometry_document
from napari_xray_landmarks.plugin.convert import image_layer
from napari_xray_landmarks.plugin.film_geometry import Intrinsics, arm_of_document, describe_view, geometry_of
from napari_xray_landmarks.plugin.films import note

HEADER = {"distance_source_to_detector": 1100.0, "distance_source_to_patient": 700.0, "positioner_primary_angle": 25.0,
          "positioner_secondary_angle": -10.0}
ARM = CArm(20.0, -30.0, 5.0, 700.0, 1100.0, (0.4, 0.5), (30, 40), (3.0, -4.0, 5.0), (10.0, 25.0))


def layer_of(header=HEADER, detector=(0.4, 0.5)):
    film = Radiograph(np.zeros((30, 40), np.uint16), (0.3, 0.3), "calibrated", detector, name="film", header=header)
    return Layer.create(*image_layer(film))


def test_a_dicom_header_tells_detector_and_view():
    found = geometry_of(layer_of())
    assert found.intrinsics == Intrinsics(1100.0, 0.4, 0.5) and found.source_to_isocentre_mm == 700
    assert (found.view.lao_deg, found.view.cran_deg) == (25, -10) and found.truth is None and not found.missing
    assert geometry_of(layer_of({"distance_source_to_detector": 1100.0})).view is None


@pytest.mark.parametrize("header, detector, words", [({}, (0.4, 0.5), "DistanceSourceToDetector"),
                                                     (HEADER, None, "ImagerPixelSpacing"),
                                                     ({"distance_source_to_detector": 1e6}, (0.4, 0.5), "between")])
def test_what_is_missing_or_absurd_is_named(header, detector, words):
    found = geometry_of(layer_of(header, detector))
    assert found.intrinsics is None and words in found.missing


def test_a_film_of_ours_knows_its_true_pose():
    layer = layer_of({}, None)
    note(layer, geometry=geometry_document(ARM))
    found = geometry_of(layer)
    assert found.truth == arm_of_document(geometry_document(ARM))
    np.testing.assert_allclose(found.truth.isocentre_mm, ARM.isocentre_mm)
    assert found.intrinsics == Intrinsics(1100.0, 0.4, 0.5, 10.0 - 14.5, 25.0 - 19.5)
    np.testing.assert_allclose(found.intrinsics.arm((30, 40)).camera().ray_from_px[:, 2],
                               CArm(0, 0, 0, 687.5, 1100.0, (0.4, 0.5), (30, 40), centre_px=(10, 25)).camera()
                               .ray_from_px[:, 2])
    layer.data = np.zeros((31, 40), np.uint16)
    assert geometry_of(layer).truth is None, "a film that was cropped is another one"


def test_views_are_told_to_a_tenth_of_a_degree():
    assert describe_view(CArm(0.04, -0.04)) == "AP"
    assert describe_view(CArm(20.04, -30, 5)) == "LAO 20 CAUD 30, roll 5.0°"
