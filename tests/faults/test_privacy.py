"""Who the patient is stands in every element of a DICOM header that may tell it, and comes out nowhere."""

import gzip
import json
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.datadict import DicomDictionary
from pydicom.uid import generate_uid

import posed_films
from figure import NAMES, SETTINGS, figure
from napari_xray_landmarks import io
from napari_xray_landmarks.cli import main
from napari_xray_landmarks.errors import FileError
from napari_xray_landmarks.geometry.camera import CArm
from napari_xray_landmarks.imaging import Radiograph, Volume
from napari_xray_landmarks.io.dicom.header import _READ
from napari_xray_landmarks.io.dicom.writing import write_dx
from napari_xray_landmarks.landmarks import LandmarkSet

MARK, BIRTH = "ZQSECRET", "19121212"
TEXTS = {"PN", "LO", "SH", "ST", "LT", "UT", "UC"}
GROUPS = (0x0008, 0x0010, 0x0018, 0x0020, 0x0032, 0x0038, 0x0040, 0x4000, 0x4008)


def marked(path: Path) -> None:
    """Put the mark into every free text of the header, and into what only its maker knows."""
    dataset = pydicom.dcmread(path)
    with pydicom.config.disable_value_validation():
        for tag, (kind, _, _, _, keyword) in DicomDictionary.items():
            if tag >> 16 in GROUPS and kind in TEXTS and keyword and keyword not in _READ:
                setattr(dataset, keyword, f"{MARK}{tag:08X}")
        dataset.PatientBirthDate = dataset.StudyDate = BIRTH
        dataset.private_block(0x0011, MARK, create=True).add_new(0x01, "LO", MARK)
        dataset.file_meta.SourceApplicationEntityTitle = MARK
        dataset.preamble = MARK.encode().ljust(128, b"\0")
        dataset.save_as(path)


def write_film(path: Path, seed: int):
    """A film of a patient; its landmarks."""
    pixels, landmarks = figure(seed)
    grey = (60_000 * (pixels - pixels.min()) / np.ptp(pixels)).astype(np.uint16)
    write_dx(path, Radiograph(grey), CArm(0, 0, 0, 750, 1200, (0.5, 0.5), grey.shape), study=path.stem)
    marked(path)
    return landmarks


def ball() -> Volume:
    """A ball in air."""
    at = np.stack(np.indices((12, 14, 16)), -1) - (6, 7, 8)
    voxels = np.where(np.linalg.norm(at, axis=-1) < 4, 400, -1000).astype(np.int16)
    return Volume(voxels, np.diag([5.0, 5.0, 5.0, 1.0]))


def write_series(folder: Path, volume: Volume) -> None:
    """A CT of a patient."""
    step, (superior, posterior, left) = volume.spacing_mm[0], volume.world_from_voxel[:3, 3]
    folder.mkdir()
    for number, plane in enumerate(volume.voxels):
        path = folder / f"{number:02d}.dcm"
        write_dx(path, Radiograph(np.zeros(plane.shape, np.uint16)),
                 CArm(0, 0, 0, 750, 1200, (1, 1), plane.shape), number=number)
        dataset = pydicom.dcmread(path)
        dataset.Modality, dataset.SOPClassUID = "CT", "1.2.840.10008.5.1.4.1.1.2"
        dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
        dataset.SOPInstanceUID = generate_uid(entropy_srcs=[str(number)])
        dataset.ImagePositionPatient = [left, posterior, superior + step * number]
        dataset.ImageOrientationPatient, dataset.FrameOfReferenceUID = [1, 0, 0, 0, 1, 0], "1.2.3"
        dataset.PixelSpacing, dataset.SliceThickness = [step, step], step
        dataset.SeriesInstanceUID, dataset.PixelRepresentation = "1.2.3.4", 1
        dataset.PixelData = plane.tobytes()
        dataset.save_as(path)
        marked(path)


def run(*arguments) -> None:
    with pytest.raises(SystemExit) as caught:
        main([str(a) for a in arguments])
    assert caught.value.code == 0, arguments


def leaks(folder: Path) -> list[str]:
    """Files that hold the mark, packed ones too."""
    found = []
    for path in folder.rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            data += gzip.decompress(data) if path.name.endswith(".gz") else b""
            if any(text.encode(code) in data for text in (MARK, BIRTH) for code in ("utf-8", "utf-16-le")):
                found.append(str(path.relative_to(folder)))
    return found


@pytest.fixture(scope="module")
def films(tmp_path_factory):
    folder = tmp_path_factory.mktemp("films")
    landmarks = {name: write_film(folder / name, seed) for seed, name in enumerate(("one.dcm", "two.dcm"), 100)}
    assert MARK.encode() in (folder / "one.dcm").read_bytes() and len(leaks(folder)) == 2
    return folder, landmarks


def test_layers_say_nothing_of_the_patient(films, tmp_path):
    from napari_xray_landmarks.plugin.readers import get_image_reader

    folder, _ = films
    write_series(tmp_path / "ct", ball())
    for path in (folder / "one.dcm", folder, tmp_path / "ct"):
        for data, attributes, _ in get_image_reader(str(path))(str(path)):
            assert np.ptp(np.asarray(data)) > 0
            assert MARK not in repr(attributes) and BIRTH not in repr(attributes)


def test_errors_say_nothing_of_the_patient(films, tmp_path):
    content = (films[0] / "one.dcm").read_bytes()
    for end in (len(content) // 2, len(content) - 1000, 3000, 600):
        (tmp_path / "cut.dcm").write_bytes(content[:end])
        with pytest.raises(FileError) as caught:
            io.load_images(tmp_path / "cut.dcm")
        assert MARK not in str(caught.value)


def test_no_command_on_films_tells_the_patient(films, figure_model, tmp_path, capfd, caplog):
    folder, landmarks = films
    one, out = folder / "one.dcm", tmp_path / "out"
    out.mkdir()
    quick = "-m", figure_model
    run("detect", one, folder / "two.dcm", *quick, "-o", out / "found", "--overlay")
    run("detect", one, *quick, "-o", out / "a.mrk.json")
    run("detect", one, *quick, "-o", out / "a.fcsv")
    run("segment", one, folder / "two.dcm", *quick, "-o", out / "outlines", "--overlay")
    truth = {name: io.Detections(name, marks) for name, marks in landmarks.items()}
    io.write_detections(out / "truth.csv", truth)
    run("evaluate", out / "found", out / "truth.csv", "-o", out / "report", "--images", folder)
    assert (out / "report" / "report.html").is_file()
    said = capfd.readouterr()
    assert MARK not in said.out + said.err + caplog.text and BIRTH not in said.out + said.err
    assert leaks(out) == []


def test_dicom_objects_and_ct_tell_the_patient_only_when_asked(films, figure_model, tmp_path, capfd):
    pytest.importorskip("highdicom")
    one, out = films[0] / "one.dcm", tmp_path / "out"
    out.mkdir()
    write_series(tmp_path / "ct", ball())
    run("detect", one, "-m", figure_model, "-o", out / "a.dcm")
    run("segment", one, "-m", figure_model, "-o", out / "b.dcm")
    run("simulate", tmp_path / "ct", "-o", out / "views", "--view", "0,0", "--size", "40x40", "--pixel-mm", 6, "--png")
    said = capfd.readouterr()
    assert MARK not in said.out + said.err and leaks(out) == []
    run("detect", one, "-m", figure_model, "-o", tmp_path / "kept.dcm", "--keep-patient")
    assert MARK in str(pydicom.dcmread(tmp_path / "kept.dcm").PatientName)


def test_poses_and_registered_films_tell_no_patient(tmp_path, capfd):
    patient, arm, marks, out = posed_films.ct(), posed_films.arm(), posed_films.landmarks(), tmp_path / "out"
    write_series(tmp_path / "ct", patient)
    write_dx(tmp_path / "film.dcm", posed_films.film(patient), arm)
    marked(tmp_path / "film.dcm")
    out.mkdir()
    io.save_landmarks(out / "ct.mrk.json", marks)
    seen = LandmarkSet(marks.names, arm.camera().project(marks.points))
    io.write_detections(out / "found.csv", [io.Detections("film.dcm", seen)])
    run("pose", out / "found.csv", out / "ct.mrk.json", "--film", tmp_path / "film.dcm", "-o", out / "pose.json")
    few = [word for text in ("levels=2", "coarsest_mm=6", "finest_mm=3", "starts=4", "kept=2")
           for word in ("--set", text)]
    run("register", tmp_path / "film.dcm", tmp_path / "ct", "--pose", out / "pose.json", "-o", out / "refined.json",
        *few)
    said = capfd.readouterr()
    assert (out / "refined.json").is_file()
    assert MARK not in said.out + said.err and BIRTH not in said.out + said.err and leaks(out) == []


def test_a_model_that_was_trained_on_films_tells_no_patient(films, tmp_path, capfd):
    from napari_xray_landmarks.training.writing import SourceFilm, write_training_set

    folder, _ = films
    (tmp_path / "made").mkdir()
    more = [(folder / "one.dcm", 100), *((tmp_path / f"{seed}.dcm", seed) for seed in range(101, 106))]
    marks = [films[1]["one.dcm"], *(write_film(path, seed) for path, seed in more[1:])]
    write_training_set(tmp_path / "set", [SourceFilm(path.stem, path, {"": own})
                                          for (path, _), own in zip(more, marks, strict=True)])
    run("train", "joint-displacement", "--data", tmp_path / "set", "-o", tmp_path / "made" / "m.safetensors",
        "--anatomy", "figure", *(word for key, value in SETTINGS.items() for word in ("--set", f"{key}={value}")))
    said = capfd.readouterr()
    assert MARK not in said.out + said.err and leaks(tmp_path / "made") == [] and leaks(tmp_path / "set") == []


def test_a_training_set_and_its_model_know_no_patient(films, tmp_path, capfd):
    from napari_xray_landmarks.training.growing import add_films
    from napari_xray_landmarks.training.writing import SourceFilm, write_training_set

    folder, landmarks = films
    sources = [SourceFilm(Path(name).stem, folder / name, {"": marks}) for name, marks in landmarks.items()]
    made = write_training_set(tmp_path / "set", sources)
    add_films(tmp_path / "more", sources)
    assert leaks(tmp_path) == []
    for film in made.films:
        original = io.load_image(folder / film.name)
        copied = made.radiograph(film)
        assert np.array_equal(copied.pixels, original.pixels) and copied.spacing_mm == original.spacing_mm
        assert dict(io.load_image(film.path).header) == dict(original.header)
    assert made.landmark_names == NAMES
    assert json.dumps(dict(made.about)) == "{}"
