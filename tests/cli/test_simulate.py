"""`simulate` from end to end on a small phantom: the files, what is in them, and bad input."""

import shutil
from dataclasses import replace

import numpy as np
import pydicom
import pytest

from napari_xray_landmarks.imaging import Volume
from napari_xray_landmarks.io import (
    load_image,
    load_landmarks,
    read_contours,
    read_detections,
    save_landmarks,
    write_volume,
)
from napari_xray_landmarks.io.geometry import load_arm, load_geometry
from napari_xray_landmarks.landmarks import LandmarkSet
from napari_xray_landmarks.phantoms import phantom

FEMUR = 3
SMALL = ("--size", "90x120", "--pixel-mm", "2", "--quiet")


@pytest.fixture(scope="session")
def subject(tmp_path_factory):
    """A folder with ct.nii.gz, labels.nii.gz and landmarks.mrk.json of a femur, one landmark far off the film."""
    folder = tmp_path_factory.mktemp("subject")
    made = phantom("proximal-femur", 3, implant=False, spacing_mm=3.0)
    write_volume(folder / "ct.nii.gz", made.volume)
    write_volume(folder / "labels.nii.gz", made.labels)
    assert made.label_names["femur-left"] == FEMUR
    far = np.vstack([made.landmarks.points, made.landmarks.points[0] + (400, 0, 0)])
    marks = LandmarkSet((*made.landmarks.names, "far"), far, unit="mm")
    save_landmarks(folder / "landmarks.mrk.json", marks)
    return folder


@pytest.fixture(scope="session")
def known(subject):
    return "--landmarks", subject / "landmarks.mrk.json", "--labels", subject / "labels.nii.gz"


@pytest.fixture
def simulated(run, subject, known, tmp_path):
    centre = load_landmarks(subject / "landmarks.mrk.json")["femoral-head-left"][::-1]
    outcome = run("simulate", subject / "ct.nii.gz", "-o", tmp_path / "out", "--view", "-30,12.5", "--view", "inlet",
                  *known, "--isocentre", ",".join(map(str, centre)), "--sod", 700, "--sdd", 1000, "--png", *SMALL)
    assert (outcome.code, outcome.out, outcome.err) == (0, "", "")
    return tmp_path / "out"


def test_every_view_has_its_files(simulated):
    endings = (".dcm", ".json", ".csv", ".png", "_contours.mrk.json")
    assert {p.name for p in simulated.iterdir()} == {f"view_00{i}{e}" for i in (0, 1) for e in endings}


def test_the_film_is_a_dicom_file_that_says_where_from(simulated):
    dataset = pydicom.dcmread(simulated / "view_000.dcm")
    assert (dataset.PositionerPrimaryAngle, dataset.PositionerSecondaryAngle) == (-30, 12.5)
    assert (dataset.DistanceSourceToPatient, dataset.DistanceSourceToDetector) == (700, 1000)
    assert list(dataset.ImagerPixelSpacing) == [2, 2] and dataset.KVP == 75 and dataset.BitsAllocated == 16
    assert (dataset.Rows, dataset.Columns) == (90, 120)
    film = load_image(simulated / "view_000.dcm")
    assert film.spacing_mm == pytest.approx((1.4, 1.4)) and film.pixels.std() > 100
    assert dataset.StudyInstanceUID == pydicom.dcmread(simulated / "view_001.dcm").StudyInstanceUID


def test_geometry_and_landmarks_agree(simulated, subject):
    camera, arm = load_geometry(simulated / "view_000.json"), load_arm(simulated / "view_000.json")
    assert (arm.lao_deg, arm.cran_deg) == (pytest.approx(-30), pytest.approx(12.5))
    marks = load_landmarks(subject / "landmarks.mrk.json")
    (table,) = read_detections(simulated / "view_000.csv").values()
    assert table.image == "view_000.dcm" and table.spacing_mm == pytest.approx((1.4, 1.4))
    np.testing.assert_allclose(table.landmarks.points, camera.project(marks.points), atol=1e-6)
    np.testing.assert_allclose(table.landmarks["femoral-head-left"], (44.5, 59.5), atol=1e-6)
    outside = [n for n, d in zip(table.landmarks.names, table.landmarks.detected, strict=True) if not d]
    assert outside == ["far"]


def test_outlines_are_closed_curves_round_the_bone(simulated):
    found = {c.name: c for c in read_contours(simulated / "view_000_contours.mrk.json")}
    contour = found[f"label-{FEMUR}"]
    assert contour.closed and contour.unit == "mm"
    film = load_image(simulated / "view_000.dcm")
    from skimage.draw import polygon2mask

    inside = polygon2mask(film.shape, contour.points / film.spacing_mm)
    head = inside[35:55, 50:70]
    assert head.mean() > 0.9, "the femoral head, in the isocentre, lies in the outline"
    assert film.pixels[inside].mean() > film.pixels[~inside].mean()


def test_the_same_seed_gives_the_same_files(run, subject, tmp_path):
    def films(name, *more):
        assert run("simulate", subject / "ct.nii.gz", "-o", tmp_path / name, *SMALL, *more).code == 0
        return (tmp_path / name / "view_000.dcm").read_bytes(), load_image(tmp_path / name / "view_000.dcm").pixels

    first, again, other = films("a"), films("b", "--seed", 0), films("c", "--seed", 5)
    assert first[0] == again[0] and not np.array_equal(first[1], other[1])


def test_settings_of_the_exposure_are_taken(run, subject, tmp_path):
    options = ("--set", "kvp=110", "--exposure", "fluoroscopy", "--collimator", "circle", "--monochrome1")
    assert run("simulate", subject / "ct.nii.gz", "-o", tmp_path, *SMALL, *options).code == 0
    dataset = pydicom.dcmread(tmp_path / "view_000.dcm")
    assert dataset.KVP == 110 and dataset.PhotometricInterpretation == "MONOCHROME1"
    corners = load_image(tmp_path / "view_000.dcm").pixels[[0, 0, -1, -1], [0, -1, 0, -1]]
    assert not corners.any(), "nothing outside the circle"


def test_named_labels_alone_are_outlined(run, subject, known, tmp_path):
    command = ("simulate", subject / "ct.nii.gz", "-o", tmp_path, *known, *SMALL)
    assert run(*command, "--label", f"{FEMUR}=femur").code == 0
    assert {c.name for c in read_contours(tmp_path / "view_000_contours.mrk.json")} == {"femur"}
    run(*command, "--label", "99").assert_bad_input("labels.nii.gz", "no label 99")


def test_of_several_a_bad_one_is_skipped(run, subject, tmp_path):
    labels = tmp_path / "labels.nii.gz"
    write_volume(labels, replace(load_image(subject / "labels.nii.gz"), modality="labels"))
    inputs = subject / "ct.nii.gz", labels, tmp_path / "missing.nii.gz"
    outcome = run("simulate", *inputs, "-o", tmp_path / "out", *SMALL)
    assert outcome.code == 1
    assert [line.rpartition(" ")[2] for line in outcome.err.splitlines()] == ["(skipped)"] * 2
    assert "labels.nii.gz" in outcome.err and "missing.nii.gz" in outcome.err
    assert [p.parent.name for p in (tmp_path / "out").rglob("*.dcm")] == ["ct"]


def test_a_view_past_the_ct_is_blank_and_said_so(run, subject, tmp_path):
    outcome = run("simulate", subject / "ct.nii.gz", "-o", tmp_path, "--isocentre", "5000,0,0", *SMALL[:4])
    assert outcome.code == 0 and "misses the CT" in outcome.out
    assert not load_image(tmp_path / "view_000.dcm").pixels.any()


@pytest.mark.parametrize(("options", "parts"), [
    (["--view", "sideways"], ["sideways", "lateral"]),
    (["--view", "10"], ["--view 10", "LAO,CRAN"]),
    (["--view", "nan,0"], ["nan,0"]),
    (["--view", "0,100"], ["0,100"]),
    (["--sod", "1200", "--sdd", "1000"], ["--sod 1200", "behind the detector"]),
    (["--sdd", "0"], ["--sdd 0"]),
    (["--size", "100"], ["--size 100", "479x615"]),
    (["--size", "100x1e6"], ["100x1e6"]),
    (["--pixel-mm", "0"], ["--pixel-mm 0"]),
    (["--isocentre", "1,2"], ["--isocentre 1,2", "3 numbers"]),
    (["--set", "kvp=900"], ["kvp", "900"]),
    (["--set", "colour=red"], ["colour", "kvp"]),
    (["--exposure", "sunlight"], ["sunlight", "fluoroscopy"]),
    (["--label", "hip"], ["--label hip"]),
    (["--landmarks", "a.mrk.json", "--landmarks", "b.mrk.json"], ["--landmarks", "2 files for 1 CTs"]),
    (["--landmarks", "nowhere.mrk.json"], ["nowhere.mrk.json"]),
])
def test_bad_options_end_in_one_line(run, subject, tmp_path, options, parts):
    run("simulate", subject / "ct.nii.gz", "-o", tmp_path / "out", *options).assert_bad_input(*parts)
    assert not (tmp_path / "out").exists()


def test_what_is_no_ct_ends_in_one_line(run, subject, known, picture, tmp_path):
    run("simulate", picture, "-o", tmp_path / "out").assert_bad_input("film.png", "not a volume")
    noise = tmp_path / "mr.nii.gz"
    write_volume(noise, Volume(np.random.default_rng(0).integers(0, 900, (20, 20, 20)).astype(np.int16)))
    run("simulate", noise, "-o", tmp_path / "out").assert_bad_input("mr.nii.gz: its values", "Hounsfield")
    points = tmp_path / "film.csv"
    save_landmarks(points, LandmarkSet(("a",), [[1.0, 2]]))
    run("simulate", subject / "ct.nii.gz", "-o", tmp_path / "out", "--landmarks", points).assert_bad_input("film.csv")
    strange = tmp_path / "strange.mrk.json"
    save_landmarks(strange, LandmarkSet(("a",), [[9000.0, 2, 3]], unit="mm"))
    run("simulate", subject / "ct.nii.gz", "-o", tmp_path / "out", "--landmarks", strange).assert_bad_input(
        "strange.mrk.json", "none of its 1 landmarks")


def test_a_file_in_place_of_the_folder_is_refused(run, subject, picture):
    run("simulate", subject / "ct.nii.gz", "-o", picture).assert_bad_input("film.png", "not a folder")


def test_many_cts_on_a_cluster_give_the_same_films(run, subject, cluster, tmp_path):
    cts = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        cts.append(shutil.copy(subject / "ct.nii.gz", tmp_path / name / f"{name}.nii.gz"))
    (tmp_path / "bad.nii.gz").write_text("no volume")
    command = "simulate", *cts, tmp_path / "bad.nii.gz", "--size", "90x120", "--pixel-mm", "2", "-o"
    here, there = run(*command, tmp_path / "here"), run(*command, tmp_path / "there", "--scheduler", cluster)
    assert here.code == there.code == 1 and "bad.nii.gz" in there.err and len(there.err.splitlines()) == 1
    films = [{str(p.relative_to(folder)) for p in folder.rglob("view_*")} for folder in (tmp_path / "here",
                                                                                          tmp_path / "there")]
    assert films[0] == films[1] == {f"{name}/view_000.{end}" for name in ("one", "two") for end in ("dcm", "json")}
    one, two = (load_image(tmp_path / where / "two" / "view_000.dcm").pixels for where in ("here", "there"))
    np.testing.assert_array_equal(one, two)
    assert here.out.replace("here", "there") == there.out
    again = run(*command, tmp_path / "there", "--scheduler", cluster)
    assert "2 of 3 inputs are done already" in again.out
