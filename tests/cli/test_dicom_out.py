"""Results as DICOM objects from the command line: they refer to their film, and name the patient only when told to."""

import numpy as np
import pydicom
import pytest

pytest.importorskip("highdicom")

from napari_xray_landmarks.geometry.camera import CArm  # noqa: E402
from napari_xray_landmarks.imaging import Radiograph  # noqa: E402
from napari_xray_landmarks.io import load_image, load_landmarks  # noqa: E402
from napari_xray_landmarks.io.dicom.report import read_report  # noqa: E402
from napari_xray_landmarks.io.dicom.segmentation import read_seg  # noqa: E402
from napari_xray_landmarks.io.dicom.writing import write_dx  # noqa: E402

SECRETS = (b"Secret^Patient", b"SECRET-ID", b"19000101")


def write_film(path, pixels) -> None:
    """A DX film of a patient with a name."""
    pixels = np.asarray(pixels, float)
    grey = (60000 * (pixels - pixels.min()) / np.ptp(pixels)).astype(np.uint16)
    write_dx(path, Radiograph(grey), CArm(0, 0, 0, 1000, 1000, (0.5, 0.5), grey.shape, (0, 0, 0)))
    dataset = pydicom.dcmread(path)
    dataset.PatientName, dataset.PatientID, dataset.PatientBirthDate = (s.decode() for s in SECRETS)
    dataset.save_as(path)


def test_landmarks_of_a_film_become_a_report(run, figure_model, figure_film, tmp_path):
    film, command = tmp_path / "film.dcm", ("detect", tmp_path / "film.dcm", "-m", figure_model, "-o")
    write_film(film, figure_film[0])
    outcome = run(*command, tmp_path / "marks.dcm")
    assert outcome.code == 0, outcome
    assert run(*command, tmp_path / "marks.csv").code == 0
    table, report = load_landmarks(tmp_path / "marks.csv"), read_report(tmp_path / "marks.dcm")
    shown = np.flatnonzero(table.detected)
    assert report.names == tuple(table.names[i] for i in shown) and len(shown) > 4
    np.testing.assert_allclose(report.points, table.points[shown], atol=1e-4)
    np.testing.assert_allclose(report.confidence, table.confidence[shown])
    content = (tmp_path / "marks.dcm").read_bytes()
    assert not any(secret in content for secret in SECRETS)
    assert run(*command, tmp_path / "kept.dcm", "--keep-patient").code == 0
    assert all(secret in (tmp_path / "kept.dcm").read_bytes() for secret in SECRETS)


def test_outlines_of_a_film_become_a_segmentation(run, figure_model, figure_film, tmp_path):
    film, command = tmp_path / "film.dcm", ("segment", tmp_path / "film.dcm", "-m", figure_model, "-o")
    write_film(film, figure_film[0])
    outcome = run(*command, tmp_path / "mask.dcm")
    assert outcome.code == 0, outcome
    assert run(*command, tmp_path / "mask.nii.gz").code == 0
    labels, names = read_seg(tmp_path / "mask.dcm")
    np.testing.assert_array_equal(labels, load_image(tmp_path / "mask.nii.gz").pixels)
    assert names == {1: "bone-left"} and labels.any()
    assert not any(secret in (tmp_path / "mask.dcm").read_bytes() for secret in SECRETS)


def test_what_cannot_be_a_dicom_object_ends_in_one_line(run, figure_model, picture, tmp_path):
    for command in ("detect", "segment"):
        run(command, picture, "-m", figure_model, "-o", tmp_path / "o.dcm").assert_bad_input("film.png", "DICOM")
        run(command, picture, "-m", figure_model, "-o", tmp_path / "o.csv", "--keep-patient"
            ).assert_bad_input("--keep-patient", ".dcm")
    assert not (tmp_path / "o.dcm").exists()
