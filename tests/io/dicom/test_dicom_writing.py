"""DICOM films that we write: read by pydicom and by our own reader."""

import warnings
from dataclasses import replace

import numpy as np
import pydicom
import pytest
from pydicom.uid import DigitalXRayImageStorageForPresentation

from napari_xray_landmarks import io
from napari_xray_landmarks.geometry.camera import CArm
from napari_xray_landmarks.geometry.views import VIEWS
from napari_xray_landmarks.imaging import Radiograph
from napari_xray_landmarks.io.dicom.writing import patient_orientation, write_dx

ARM = CArm(30.5, -12.25, 4, 730, 1180, (0.5, 0.616), (40, 61), (3, 4, 5))
PIXELS = np.random.default_rng(0).integers(0, 65536, ARM.size_px, dtype=np.uint16)
FILM = Radiograph(PIXELS, name="Secret Patient", display_range=(1000.0, 60000.0), header={"kvp": 75.0})


@pytest.mark.parametrize("photometric", ["MONOCHROME2", "MONOCHROME1"])
def test_grey_values_window_and_spacing_come_back(tmp_path, photometric):
    write_dx(tmp_path / "film.dcm", FILM, ARM, photometric=photometric)
    film = io.load_image(tmp_path / "film.dcm")
    np.testing.assert_array_equal(film.pixels, PIXELS)
    assert film.pixels.dtype == np.uint16 and film.display_range == (1000, 60000)
    np.testing.assert_allclose(film.spacing_mm, np.array([0.5, 0.616]) * 730 / 1180, rtol=1e-12)
    assert film.detector_spacing_mm == (0.5, 0.616) and "Magnification" in film.spacing_source
    assert (film.header["positioner_primary_angle"], film.header["positioner_secondary_angle"]) == (30.5, -12.25)
    assert film.header["photometric_interpretation"] == photometric


def test_pydicom_reads_what_the_standard_asks_for(tmp_path):
    write_dx(tmp_path / "film.dcm", FILM, ARM, study="ct", number=7)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # pydicom warns of values that break the standard's rules
        dataset = pydicom.dcmread(tmp_path / "film.dcm")
        str(dataset)
    assert dataset.SOPClassUID == DigitalXRayImageStorageForPresentation
    assert (dataset.Modality, dataset.PresentationIntentType) == ("DX", "FOR PRESENTATION")
    assert (dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation) == (16, 16, 15, 0)
    assert (dataset.DistanceSourceToDetector, dataset.DistanceSourceToPatient) == (1180, 730)
    assert list(dataset.ImagerPixelSpacing) == [0.5, 0.616] and "PixelSpacing" not in dataset
    assert (dataset.PositionerType, dataset.KVP, dataset.InstanceNumber) == ("CARM", 75, 7)
    assert (dataset.PixelIntensityRelationship, dataset.PixelIntensityRelationshipSign) == ("LOG", -1)
    assert dataset.PresentationLUTShape == "IDENTITY" and list(dataset.PatientOrientation) == ["LP", "F"]
    np.testing.assert_array_equal(dataset.pixel_array, PIXELS)
    for keyword in ("PatientName", "PatientID", "StudyDate", "AcquisitionContextSequence", "AnatomicRegionSequence"):
        assert keyword in dataset and not dataset[keyword].value


def test_nothing_tells_who_the_patient_is(tmp_path):
    write_dx(tmp_path / "film.dcm", FILM, ARM, study="/home/somebody/Secret Patient/ct.nii.gz")
    content = (tmp_path / "film.dcm").read_bytes()
    assert b"Secret" not in content and b"somebody" not in content


def test_the_same_film_is_the_same_instance_and_another_view_is_not(tmp_path):
    def uids(film, arm, number=1):
        write_dx(tmp_path / "film.dcm", film, arm, study="ct", number=number)
        dataset = pydicom.dcmread(tmp_path / "film.dcm")
        assert dataset.file_meta.MediaStorageSOPInstanceUID == dataset.SOPInstanceUID
        return dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.SOPInstanceUID

    first, again, other = uids(FILM, ARM), uids(FILM, ARM), uids(FILM, replace(ARM, lao_deg=0.0), 2)
    assert first == again and len(set(first)) == 3
    assert other[:2] == first[:2] and other[2] != first[2]


@pytest.mark.parametrize(("view", "orientation"), [
    ("ap", ["L", "F"]), ("lateral", ["P", "F"]), ("inlet", ["L", "FA"]), ("iliac-oblique-left", ["LA", "F"])])
def test_the_sides_of_the_film(view, orientation):
    assert [set(letters) for letters in patient_orientation(CArm(*VIEWS[view]))] == [set(o) for o in orientation]


@pytest.mark.parametrize("pixels", [PIXELS.astype(np.float32), PIXELS.astype(np.int32) - 65536,
                                    PIXELS.astype(np.int32) + 65536, PIXELS[1:]])
def test_a_film_that_does_not_fit_is_refused_and_nothing_is_written(tmp_path, pixels):
    with pytest.raises(ValueError):
        write_dx(tmp_path / "film.dcm", replace(FILM, pixels=pixels), ARM)
    assert not list(tmp_path.iterdir())


def test_an_unknown_photometric_interpretation_is_refused(tmp_path):
    with pytest.raises(ValueError, match="RGB"):
        write_dx(tmp_path / "film.dcm", FILM, ARM, photometric="RGB")
