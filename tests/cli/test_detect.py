"""Train on a few films, detect in new ones, evaluate: as a user would, from the command line."""

import csv
import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter

from napari_xray_landmarks.io import load_image, load_landmarks, read_detections


@pytest.fixture
def films(tmp_path, write_film):
    """Three new films and where their landmarks are."""
    folder = tmp_path / "films"
    folder.mkdir()
    return {folder / f"new{seed}.png": write_film(folder / f"new{seed}.png", seed) for seed in (100, 101, 102)}


def test_detected_landmarks_are_near_the_truth(run, films, model_file, tmp_path):
    path, truth = next(iter(films.items()))
    outcome = run("detect", path, "--model", model_file, "-o", tmp_path / "out.csv")
    assert outcome.code == 0, outcome
    found = read_detections(tmp_path / "out.csv")["new100.png"]
    assert np.linalg.norm(found.landmarks.points - truth, axis=1).mean() < 2.5
    assert found.spacing_mm is None
    assert "new100.png: " in outcome.out


def test_the_table_has_the_documented_columns(run, films, model_file, tmp_path):
    run("detect", *films, "--model", model_file, "-o", tmp_path / "out.csv", "--quiet")
    with open(tmp_path / "out.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    columns = "image,landmark,row_px,column_px,row_mm,column_mm,confidence,detected"
    assert ",".join(rows[0]) == columns
    assert len(rows) == 15
    assert {row["image"] for row in rows} == {"new100.png", "new101.png", "new102.png"}
    assert {row["row_mm"] for row in rows} == {""}


def test_spacing_fills_the_millimetre_columns(run, films, model_file, tmp_path):
    path = next(iter(films))
    run("detect", path, "--model", model_file, "-o", tmp_path / "out.csv", "--spacing-mm", "0.5,0.25")
    assert read_detections(tmp_path / "out.csv")["new100.png"].spacing_mm == (0.5, 0.25)


def test_markups_hold_the_same_points_as_the_table(run, films, model_file, tmp_path):
    path = next(iter(films))
    for name in ("out.csv", "out.mrk.json", "out.fcsv"):
        assert run("detect", path, "-m", model_file, "-o", tmp_path / name, "--spacing-mm", "0.5").code == 0
    table = load_landmarks(tmp_path / "out.csv").in_mm((0.5, 0.5))
    for name in ("out.mrk.json", "out.fcsv"):
        markups = load_landmarks(tmp_path / name)
        assert markups.names == table.names
        np.testing.assert_allclose(markups.points, table.points, atol=1e-3)
    (lists,) = json.loads((tmp_path / "out.mrk.json").read_text())["markups"]
    assert lists["coordinateSystem"] == "LPS"


def test_a_folder_of_films_into_a_folder_with_pictures(run, films, model_file, tmp_path):
    out = tmp_path / "results"
    assert run("detect", tmp_path / "films", "--model", model_file, "-o", out, "--overlay").code == 0
    expected = {f"new{n}{ending}" for n in (100, 101, 102) for ending in (".mrk.json", "_landmarks.png")}
    assert {p.name for p in out.iterdir()} == {"landmarks.csv", *expected}
    assert Image.open(out / "new100_landmarks.png").size[0] > 300


def test_a_bad_film_among_good_ones_is_reported_and_skipped(run, films, model_file, tmp_path):
    bad = tmp_path / "films" / "text.dcm"
    bad.write_text("this is no DICOM file")
    outcome = run("detect", *films, bad, "--model", model_file, "-o", tmp_path / "out.csv")
    assert outcome.code == 1
    (line,) = outcome.err.strip().splitlines()
    assert "text.dcm" in line and "skipped" in line
    assert len(read_detections(tmp_path / "out.csv")) == 3


@pytest.mark.parametrize(
    ("pixels", "part"),
    [
        (np.full((120, 160), 7, np.uint8), "all pixels"),
        (np.arange(9, dtype=np.uint8).reshape(3, 3), "small"),
    ],
)
def test_an_unusable_film_ends_in_one_line(run, model_file, tmp_path, pixels, part):
    path = tmp_path / "film.png"
    Image.fromarray(pixels).save(path)
    run("detect", path, "--model", model_file, "-o", tmp_path / "out.csv").assert_bad_input("film.png", part)
    assert not (tmp_path / "out.csv").exists()


@pytest.mark.parametrize(
    ("option", "part"),
    [
        (["--set", "alpha=-3"], "alpha"),
        (["--set", "alpha=much"], "alpha"),
        (["--set", "aleph=1"], "aleph"),
        (["--set", "levels=5"], "levels"),
        (["--spacing-mm", "wide"], "--spacing-mm"),
    ],
)
def test_a_wrong_option_ends_in_one_line(run, films, model_file, tmp_path, option, part):
    path = next(iter(films))
    run("detect", path, "--model", model_file, "-o", tmp_path / "o.csv", *option).assert_bad_input(part)


@pytest.mark.parametrize("output", ["out.txt", "film.png/out.csv", "out.mrk.json"])
def test_an_unusable_output_is_refused_before_any_work(run, films, model_file, picture, tmp_path, output):
    inputs = list(films) if output == "out.mrk.json" else [picture]
    before = sorted(tmp_path.rglob("*"))
    run("detect", *inputs, "--model", model_file, "-o", tmp_path / output).assert_bad_input(str(tmp_path / output))
    assert sorted(tmp_path.rglob("*")) == before


def test_a_damaged_model_ends_in_one_line(run, films, tmp_path):
    bad = tmp_path / "bad.safetensors"
    bad.write_bytes(b"\x80\x04cos\nsystem\n")
    run("detect", next(iter(films)), "--model", bad, "-o", tmp_path / "o.csv").assert_bad_input("bad.safetensors")


def test_settings_change_the_result(run, films, model_file, tmp_path):
    path = next(iter(films))
    run("detect", path, "-m", model_file, "-o", tmp_path / "a.csv")
    run("detect", path, "-m", model_file, "-o", tmp_path / "b.csv", "--set", "method=nearest")
    a, b = (load_landmarks(tmp_path / f"{x}.csv").points for x in "ab")
    assert np.abs(a - b).max() > 1e-6


def test_the_same_run_twice_gives_the_same_file(run, films, model_file, tmp_path):
    path = next(iter(films))
    for name in ("a.csv", "b.csv"):
        run("detect", path, "-m", model_file, "-o", tmp_path / name, "--seed", "3")
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()


def test_models_describes_a_file(run, model_file):
    outcome = run("models", model_file)
    assert outcome.code == 0
    assert all(part in outcome.out for part in ("plate", "joint-displacement", "upper-left", "films: 10"))


def test_evaluate_reports_the_error(run, films, model_file, training_folder, tmp_path):
    run("detect", *sorted((training_folder / "images").iterdir())[:3], "-m", model_file, "-o", tmp_path / "results")
    outcome = run("evaluate", tmp_path / "results", training_folder, "-o", tmp_path / "report", "--within", "1,5")
    assert outcome.code == 0, outcome
    assert "mean radial error" in outcome.out and "within 5 px" in outcome.out
    metrics = json.loads((tmp_path / "report" / "metrics.json").read_text())
    assert metrics["images"] == 3
    assert (tmp_path / "report" / "report.html").stat().st_size > 1000


def test_evaluate_refuses_what_does_not_belong_together(run, training_folder, tmp_path):
    other = tmp_path / "other.csv"
    other.write_text("image,landmark,row_px,column_px\nelsewhere.png,nose,1,2\n")
    run("evaluate", other, training_folder, "-o", tmp_path / "report").assert_bad_input("other.csv")
    assert not (tmp_path / "report").exists()


def test_training_refuses_a_point_outside_its_film(run, training_folder, tmp_path):
    import shutil

    copy = shutil.copytree(training_folder, tmp_path / "copy")
    with open(copy / "landmarks.csv", "a") as file:
        file.write("000.png,far away,5000,5000\n")
    outcome = run("train", "joint-displacement", "--data", copy, "-o", tmp_path / "m.safetensors")
    outcome.assert_bad_input("000.png", "far away")
    assert not (tmp_path / "m.safetensors").exists()


def test_a_sample_can_be_read_back(run, tmp_path):
    assert run("sample", "proximal-femur", "-o", tmp_path, "--subject", "4").code == 0
    film, marks = load_image(tmp_path / "radiograph.nrrd"), load_landmarks(tmp_path / "radiograph.mrk.json")
    assert marks.unit == film.unit == "mm"
    assert (marks.in_px(film.spacing_mm).points < film.shape).mean() > 0.9


def test_a_samples_head_centre_lies_in_the_femur_of_its_ct(run, tmp_path):
    assert run("sample", "proximal-femur", "-o", tmp_path, "--subject", "4").code == 0
    ct, labels = load_image(tmp_path / "ct.nii.gz"), load_image(tmp_path / "labels.nii.gz")
    centre = load_landmarks(tmp_path / "landmarks.mrk.json")["femoral-head-left"]
    voxel = np.linalg.inv(labels.world_from_voxel) @ [*centre, 1.0]
    plane, row, column = np.round(voxel[:3]).astype(int)
    assert labels.voxels[plane, row, column] == 3 and ct.voxels[plane, row, column] > 50


def test_a_calibrated_model_tells_tempered_confidences_and_nothing_else_changes(run, films, model_file, tmp_path):
    from napari_xray_landmarks.models import read_model_file, save_model
    from napari_xray_landmarks.models.confidence import tempered

    header, tensors = read_model_file(model_file)
    save_model(tmp_path / "hot.safetensors", replace(header, extra={**header.extra, "temperature": {
        "temperature": 2.0, "tolerance": 2.0, "unit": "mm"}}), tensors)
    assert "tempered by 2.00; right is within 2 mm" in run("models", tmp_path / "hot.safetensors").out
    found = {}
    for name, model in (("plain", model_file), ("hot", tmp_path / "hot.safetensors")):
        assert run("detect", *films, "-m", model, "-o", tmp_path / f"{name}.csv", "-q").code == 0
        found[name] = read_detections(tmp_path / f"{name}.csv")
    for image, plain in found["plain"].items():
        one, other = plain.landmarks, found["hot"][image].landmarks
        np.testing.assert_allclose(other.confidence, tempered(one.confidence, 2.0), atol=1e-3)
        assert np.abs(other.confidence - one.confidence).max() > 0.01
        np.testing.assert_array_equal(other.points, one.points)
        np.testing.assert_array_equal(other.detected, one.detected)


def test_a_film_of_something_else_is_told(run, figure_model_file, figure_film, tmp_path):
    noise = gaussian_filter(np.random.default_rng(1).normal(size=(200, 160)), 4)
    for name, pixels in (("noise.png", 255 * (noise - noise.min()) / np.ptp(noise)), ("bone.png", figure_film[0])):
        Image.fromarray(np.asarray(pixels).astype(np.uint8)).save(tmp_path / name)
    outcome = run("detect", tmp_path / "noise.png", tmp_path / "bone.png", "-m", figure_model_file, "-o",
                  tmp_path / "out.csv")
    of_noise, of_bone = (line for line in outcome.out.splitlines() if "landmarks detected" in line)
    assert "Careful: the landmarks lie unlike those of the training films" in of_noise
    assert "Careful" not in of_bone
