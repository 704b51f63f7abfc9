import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import Dataset

from napari_xray_landmarks import io
from napari_xray_landmarks.io.dicom.spacing import magnification, radiograph_spacing

PIXELS = np.arange(12, dtype=np.uint16).reshape(3, 4)


def header(**elements) -> Dataset:
    ds = Dataset()
    for keyword, value in elements.items():
        setattr(ds, keyword, value)
    return ds


def test_pixel_spacing_alone_is_used_row_first():
    found = radiograph_spacing(header(PixelSpacing=["0.2", "0.3"]))
    assert (found.spacing_mm, found.source, found.detector_mm) == ((0.2, 0.3), "PixelSpacing", None)


@pytest.mark.parametrize("elements", [
    {}, {"PixelSpacing": ["0.000", "0.000"]}, {"PixelSpacing": ["0.2"]}, {"PixelSpacing": None},
    {"PixelSpacing": ["0.2", "-0.2"]}, {"ImagerPixelSpacing": ["0", "0"]}, {"PixelSpacing": ["900", "900"]},
])
def test_missing_zero_and_nonsense_mean_unknown(elements):
    found = radiograph_spacing(header(**elements))
    assert (found.spacing_mm, found.source, found.detector_mm) == (None, "unknown", None)


def test_a_damaged_number_means_unknown(tmp_path, write_dicom):
    path = write_dicom(tmp_path / "a.dcm", PIXELS, PixelSpacing=["0.2", "0.2"])
    path.write_bytes(path.read_bytes().replace(b"0.2\\0.2", b"0.x\\n/a"))
    film = io.load_image(path)
    assert film.spacing_mm is None and film.unit == "px"


def test_the_detectors_spacing_is_kept_apart_and_magnified():
    found = radiograph_spacing(header(ImagerPixelSpacing=["0.15", "0.30"],
                                      EstimatedRadiographicMagnificationFactor="1.2"))
    assert np.allclose(found.spacing_mm, (0.125, 0.25)) and found.detector_mm == (0.15, 0.3)
    assert found.source == "ImagerPixelSpacing / EstimatedRadiographicMagnificationFactor 1.2"


def test_distances_give_the_magnification():
    found = radiograph_spacing(header(ImagerPixelSpacing=["0.3", "0.3"], DistanceSourceToDetector="1200",
                                      DistanceSourceToPatient="800"))
    assert np.allclose(found.spacing_mm, (0.2, 0.2)) and "1200" in found.source and "800" in found.source


def test_without_magnification_the_detector_is_said():
    found = radiograph_spacing(header(ImagerPixelSpacing=["0.15", "0.15"], DistanceSourceToDetector="1200"))
    assert found.spacing_mm == found.detector_mm == (0.15, 0.15) and "at the detector" in found.source
    assert "larger than in the patient" in found.note


@pytest.mark.parametrize("kind", ["GEOMETRY", "FIDUCIAL"])
def test_a_calibrated_spacing_wins(kind):
    found = radiograph_spacing(header(PixelSpacing=["0.14", "0.14"], ImagerPixelSpacing=["0.14", "0.14"],
                                      PixelSpacingCalibrationType=kind,
                                      EstimatedRadiographicMagnificationFactor="1.2"))
    assert found.spacing_mm == (0.14, 0.14) and kind in found.source and found.detector_mm == (0.14, 0.14)


def test_a_pixel_spacing_that_differs_from_the_detectors_is_calibrated():
    found = radiograph_spacing(header(PixelSpacing=["0.12", "0.12"], ImagerPixelSpacing=["0.15", "0.15"],
                                      EstimatedRadiographicMagnificationFactor="1.5"))
    assert (found.spacing_mm, found.detector_mm) == ((0.12, 0.12), (0.15, 0.15))
    assert "calibrated" in found.source


def test_equal_spacings_are_both_at_the_detector():
    found = radiograph_spacing(header(PixelSpacing=["0.15", "0.15"], ImagerPixelSpacing=["0.15", "0.15"],
                                      EstimatedRadiographicMagnificationFactor="1.5"))
    assert np.allclose(found.spacing_mm, 0.1)


@pytest.mark.parametrize("elements", [
    {"EstimatedRadiographicMagnificationFactor": "0"}, {"EstimatedRadiographicMagnificationFactor": "0.5"},
    {"DistanceSourceToDetector": "1000", "DistanceSourceToPatient": "0"},
    {"DistanceSourceToDetector": "800", "DistanceSourceToPatient": "1000"},
])
def test_implausible_magnifications_are_left_out(elements):
    assert magnification(header(**elements)) == (None, "")


def test_a_scanned_film_has_the_films_spacing():
    found = radiograph_spacing(header(NominalScannedPixelSpacing=["0.17", "0.17"]))
    assert found.spacing_mm == (0.17, 0.17) and "NominalScannedPixelSpacing" in found.source


def test_a_converters_filler_in_a_colour_picture_is_not_trusted():
    filler = header(PixelSpacing=["1.0", "1.0"], SamplesPerPixel=3)
    assert radiograph_spacing(filler).spacing_mm is None and "filler" in radiograph_spacing(filler).note
    grey = radiograph_spacing(header(PixelSpacing=["1.0", "1.0"], SamplesPerPixel=1))
    assert grey.spacing_mm == (1.0, 1.0) and "check it" in grey.note


@given(st.floats(0.02, 2), st.floats(0.02, 2), st.floats(1, 5))
def test_the_patients_spacing_times_the_magnification_is_the_detectors(row, column, factor):
    found = radiograph_spacing(header(ImagerPixelSpacing=[row, column],
                                      EstimatedRadiographicMagnificationFactor=factor))
    assert np.allclose(np.array(found.spacing_mm) * factor, (row, column), rtol=1e-9)
