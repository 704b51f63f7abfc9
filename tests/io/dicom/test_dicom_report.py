"""Landmarks written as DICOM SR (TID 1500): read by pydicom and by our reader."""

import numpy as np
import pydicom
import pytest
from pydicom.uid import generate_uid

pytest.importorskip("highdicom")

from napari_xray_landmarks.errors import FileError  # noqa: E402
from napari_xray_landmarks.io.dicom.report import read_report, write_report  # noqa: E402
from napari_xray_landmarks.io.dicom.sources import read_sources  # noqa: E402
from napari_xray_landmarks.landmarks import LandmarkSet  # noqa: E402

NAMES = ("femoral-head-left", "teardrop", "Schädeldach")
SECRETS = (b"Secret", b"SECRET-ID", b"19000101")


@pytest.fixture
def film(write_dicom, tmp_path):
    return write_dicom(tmp_path / "film.dcm", np.zeros((60, 80), np.uint16), SeriesInstanceUID=generate_uid(),
                       StudyInstanceUID=generate_uid())


@pytest.fixture
def series(write_series):
    return write_series(np.zeros((3, 4, 5), np.uint16), np.diag([0.5, 0.5, 2.0]), StudyInstanceUID=generate_uid(),
                        FrameOfReferenceUID=generate_uid())[0]


def marks(points, unit, **more) -> LandmarkSet:
    return LandmarkSet(NAMES[:len(points)], points, **{"unit": unit} | more)


@pytest.mark.parametrize("seed", range(3))
def test_points_of_a_film_come_back_with_names_and_confidence(film, tmp_path, seed):
    points = np.random.default_rng(seed).uniform(0, 59, (3, 2))
    write_report(tmp_path / "sr.dcm", marks(points, "px", confidence=[0.25, 1.0, np.nan]), read_sources(film))
    back = read_report(tmp_path / "sr.dcm")
    assert back.names == NAMES and back.unit == "px"
    np.testing.assert_allclose(back.points, points, atol=1e-5)
    np.testing.assert_allclose(back.confidence, [0.25, 1.0, np.nan])


def test_points_of_a_volume_come_back_in_its_world(series, tmp_path):
    points = np.random.default_rng(4).uniform(-400, 400, (3, 3))
    write_report(tmp_path / "sr.dcm", marks(points, "mm"), read_sources(series))
    back = read_report(tmp_path / "sr.dcm")
    assert back.unit == "mm" and np.isnan(back.confidence).all()
    np.testing.assert_allclose(back.points, points, atol=1e-4)


def items(dataset):
    """Every content item of a report."""
    for item in dataset.get("ContentSequence", ()):
        yield item
        yield from items(item)


def test_pydicom_finds_the_template_and_the_places(film, series, tmp_path):
    write_report(tmp_path / "sr.dcm", marks([[10.0, 20.5]], "px"), read_sources(film), model="pelvis-ap")
    dataset = pydicom.dcmread(tmp_path / "sr.dcm")
    source = pydicom.dcmread(film)
    assert (dataset.Modality, dataset.ContentTemplateSequence[0].TemplateIdentifier) == ("SR", "1500")
    assert dataset.StudyInstanceUID == source.StudyInstanceUID
    (point,) = [item for item in items(dataset) if item.ValueType == "SCOORD"]
    assert (point.GraphicType, list(point.GraphicData)) == ("POINT", [21.0, 10.5])
    assert point.ContentSequence[0].ReferencedSOPSequence[0].ReferencedSOPInstanceUID == source.SOPInstanceUID
    assert "pelvis-ap" in {item.get("TextValue") for item in items(dataset)}
    write_report(tmp_path / "sr.dcm", marks([[1.0, 2.0, 3.0]], "mm"), read_sources(series))
    (point,) = [item for item in items(pydicom.dcmread(tmp_path / "sr.dcm")) if item.ValueType == "SCOORD3D"]
    assert list(point.GraphicData) == [3.0, 2.0, 1.0]
    assert point.ReferencedFrameOfReferenceUID == pydicom.dcmread(next(series.iterdir())).FrameOfReferenceUID


@pytest.mark.parametrize("keep", [False, True])
def test_the_patient_is_named_only_where_that_is_asked_for(film, tmp_path, keep):
    write_report(tmp_path / "sr.dcm", marks([[1, 2]], "px"), read_sources(film, keep_patient=keep))
    content = (tmp_path / "sr.dcm").read_bytes()
    assert [secret in content for secret in SECRETS] == [keep] * 3


def test_guesses_and_points_off_the_film_are_left_out(film, tmp_path):
    points = [[1.0, 2.0], [3.0, 4.0], [200.0, 5.0]]
    write_report(tmp_path / "sr.dcm", marks(points, "px", detected=[True, False, True]), read_sources(film))
    assert read_report(tmp_path / "sr.dcm").names == NAMES[:1]


def test_what_does_not_fit_is_refused_and_nothing_is_written(film, series, tmp_path):
    for landmarks, source in ((marks([[1.0, 2.0, 3.0]], "mm"), film), (marks([[1.0, 2.0]], "px"), series),
                              (marks([[1.0, 2.0]], "mm"), film), (marks([[1.0, 2.0]], "px", detected=[False]), film)):
        with pytest.raises(FileError, match="sr.dcm"):
            write_report(tmp_path / "sr.dcm", landmarks, read_sources(source))
    assert not (tmp_path / "sr.dcm").exists()
    with pytest.raises(FileError, match="not a DICOM structured report"):
        read_report(film)
