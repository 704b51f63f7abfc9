"""Outlines from the command line, as a user would ask for them, with a real model of a made-up bone."""

import csv
import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from skimage.draw import polygon

import figure
from napari_xray_landmarks import io
from napari_xray_landmarks.imaging import Radiograph
from napari_xray_landmarks.io import load_image, load_landmarks, read_contours, tables
from napari_xray_landmarks.io.pictures import write_png
from napari_xray_landmarks.models import read_model_file, save_model
from napari_xray_landmarks.shape.measures import COLUMNS

STRUCTURES = ["bone-left", "head-left"]


@pytest.fixture
def films(tmp_path):
    """Two new films as PNG, and their landmarks."""
    folder = tmp_path / "films"
    folder.mkdir()
    found = {}
    for seed in (101, 102):
        pixels, landmarks = figure.figure(seed)
        write_png(folder / f"{seed}.png", np.clip(pixels, 0, 65535).astype(np.uint16))
        found[folder / f"{seed}.png"] = landmarks
    return found


@pytest.fixture
def film(films):
    return next(iter(films))


def rows_of(path) -> list[dict]:
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def test_the_outline_is_where_the_bone_is(run, films, film, figure_model_file, tmp_path):
    outcome = run("segment", film, "--model", figure_model_file, "-o", tmp_path / "out.csv")
    assert outcome.code == 0, outcome
    bone, head = tables.read_contours(tmp_path / "out.csv")["101.png"]
    assert [bone.name, head.name] == STRUCTURES and bone.closed and bone.found
    truth = np.array([films[film][name] for name in figure.OUTLINE])
    assert bone.names == figure.OUTLINE and np.linalg.norm(bone.points - truth, axis=1).mean() < 4
    assert "101.png: bone-left found (confidence 0.88); head-left found" in outcome.out
    assert "out.csv" in outcome.out and "out_measures.csv" in outcome.out


def test_measures_are_in_pixels_and_in_millimetres_where_those_are_known(run, film, figure_model_file, tmp_path):
    run("segment", film, "-m", figure_model_file, "-o", tmp_path / "px.csv")
    run("segment", film, "-m", figure_model_file, "-o", tmp_path / "mm.csv", "--spacing-mm", "0.5")
    bone, head = rows_of(tmp_path / "mm_measures.csv")
    assert tuple(bone) == COLUMNS and [bone["structure"], head["structure"]] == STRUCTURES
    for name in ("perimeter", "displacement"):
        assert float(bone[f"{name}_mm"]) == pytest.approx(0.5 * float(bone[f"{name}_px"]))
    assert (bone["label"], head["label"]) == ("1", ""), "the mask has the bone"
    assert float(bone["area_mm2"]) == pytest.approx(0.25 * float(bone["area_px2"]))
    assert float(head["radius_mm"]) == pytest.approx(0.5 * float(head["radius_px"])) and head["kind"] == "circle"
    assert {row["radius_mm"] for row in rows_of(tmp_path / "px_measures.csv")} == {""}


def test_markups_hold_the_outline_and_the_heads_radius(run, film, figure_model_file, tmp_path):
    for name in ("out.csv", "out.mrk.json"):
        arguments = ["segment", film, "-m", figure_model_file, "-o", tmp_path / name, "--spacing-mm", "0.5"]
        assert run(*arguments).code == 0
    lists = json.loads((tmp_path / "out.mrk.json").read_text())["markups"]
    assert [m["type"] for m in lists] == ["ClosedCurve", "ClosedCurve", "Fiducial"]
    assert {m["coordinateSystem"] for m in lists} == {"LPS"}
    table, markups = read_contours(tmp_path / "out.csv"), read_contours(tmp_path / "out.mrk.json")
    for a, b in zip(table, markups, strict=True):
        assert (a.name, a.names, a.found, b.unit) == (b.name, b.names, b.found, "mm")
        np.testing.assert_allclose(0.5 * a.points, b.points, atol=1e-9)
    head = rows_of(tmp_path / "out_measures.csv")[1]
    assert load_landmarks(tmp_path / "out.mrk.json")["head-left"] == pytest.approx(
        (float(head["row_mm"]), float(head["column_mm"])))
    assert f"radius={float(head['radius_mm']):.6g} mm" in lists[2]["controlPoints"][0]["description"]


def test_a_folder_holds_everything(run, films, figure_model_file, tmp_path):
    out = tmp_path / "results"
    arguments = ["segment", tmp_path / "films", "-m", figure_model_file, "-o", out, "--labels", "--overlay"]
    assert run(*arguments, "--spacing-mm", "0.5").code == 0
    own = {f"{n}{ending}" for n in (101, 102) for ending in (".mrk.json", "_labels.nii.gz", "_contours.png")}
    assert {p.name for p in out.iterdir()} == {"contours.csv", "measures.csv", *own}
    assert list(tables.read_contours(out / "contours.csv")) == ["101.png", "102.png"]
    assert Image.open(out / "101_contours.png").size[0] > 600


@pytest.mark.parametrize("ending", [".nii.gz", ".nrrd", ".mha", ".png"])
def test_a_mask_has_the_films_frame_and_spacing(run, film, figure_model_file, tmp_path, ending):
    run("segment", film, "-m", figure_model_file, "-o", tmp_path / "out.csv")
    outcome = run("segment", film, "-m", figure_model_file, "-o", tmp_path / f"m{ending}", "--spacing-mm", "0.5,0.25")
    assert outcome.code == 0, outcome
    mask = load_image(tmp_path / f"m{ending}")
    assert mask.shape == (200, 160)
    assert mask.spacing_mm == (None if ending == ".png" else pytest.approx((0.5, 0.25)))
    outline = read_contours(tmp_path / "out.csv")[0].points
    inside = np.zeros(mask.shape, bool)
    inside[polygon(*outline.T, shape=mask.shape)] = True
    assert np.array_equal(mask.pixels == 1, inside) and inside.sum() > 1000


def test_a_mask_lies_on_a_film_that_was_moved(run, figure_model_file, tmp_path):
    pixels, _ = figure.figure(101)
    placed = [[0.0, 0.5, 7.0], [-0.5, 0.0, 90.0], [0.0, 0.0, 1.0]]
    film = Radiograph(pixels, (0.5, 0.5), "given", header={"world_from_pixel": placed})
    io.write_volume(tmp_path / "film.nrrd", film)
    assert run("segment", tmp_path / "film.nrrd", "-m", figure_model_file, "-o", tmp_path / "m.nrrd").code == 0
    assert load_image(tmp_path / "m.nrrd").header["world_from_pixel"] == placed


def test_what_is_not_sure_is_said_to_be_not_found(run, film, figure_model_file, tmp_path):
    for name in ("out.csv", "out.mrk.json", "out.png"):
        outcome = run("segment", film, "-m", figure_model_file, "-o", tmp_path / name, "--set", "certainty=0.99")
        assert outcome.code == 0
        assert "101.png: bone-left not found: " in outcome.out and "(confidence 0.88)" in outcome.out
    assert not any(c.found for c in (*read_contours(tmp_path / "out.csv"), *read_contours(tmp_path / "out.mrk.json")))
    rows = rows_of(tmp_path / "out_measures.csv")
    assert {row["found"] for row in rows} == {"false"} and "0.88" in rows[0]["reason"]
    assert not load_image(tmp_path / "out.png").pixels.any()


def test_a_bad_film_among_good_ones_is_reported_and_skipped(run, films, figure_model_file, tmp_path):
    bad = tmp_path / "films" / "text.dcm"
    bad.write_text("this is no DICOM file")
    outcome = run("segment", *films, bad, "-m", figure_model_file, "-o", tmp_path / "out.csv")
    assert outcome.code == 1
    (line,) = outcome.err.strip().splitlines()
    assert "text.dcm" in line and "skipped" in line
    assert list(tables.read_contours(tmp_path / "out.csv")) == ["101.png", "102.png"]


@pytest.mark.parametrize(("output", "options", "part"), [
    ("out.txt", [], ".txt' is not a contour file"),
    ("out.fcsv", [], "is not a contour file"),
    ("out.csv", ["--overlay"], "--overlay needs a folder"),
    ("out.csv", ["--labels"], "--labels needs a folder"),
    ("out.csv", ["--set", "certainty=2"], "certainty"),
])
def test_bad_arguments_end_in_one_line(run, film, figure_model_file, tmp_path, output, options, part):
    run("segment", film, "-m", figure_model_file, "-o", tmp_path / output, *options).assert_bad_input(part)
    assert not list(tmp_path.glob("out*"))


def test_several_films_do_not_fit_one_markup_file(run, films, figure_model_file, tmp_path):
    outcome = run("segment", *films, "-m", figure_model_file, "-o", tmp_path / "out.mrk.json")
    outcome.assert_bad_input("holds the contours of one image, not of 2")


def test_a_model_that_only_detects_is_refused_before_any_work(run, films, figure_model_file, tmp_path):
    header, tensors = read_model_file(figure_model_file)
    points = {name: tensor for name, tensor in tensors.items() if not name.startswith("outlines.")}
    save_model(tmp_path / "points.safetensors", replace(header, extra={}), points)
    outcome = run("segment", *films, "-m", tmp_path / "points.safetensors", "-o", tmp_path / "out.csv")
    outcome.assert_bad_input("model points", "cannot segment, only detect")


def test_models_say_what_they_can_do(run, figure_model):
    listed = run("models").out
    line = next(line for line in listed.splitlines() if line.startswith("figure"))
    assert "detect, segment" in line and "detect, segment" in run("models", "figure").out


def test_the_same_run_twice_gives_the_same_file(run, film, figure_model_file, tmp_path):
    for name in ("a.csv", "b.csv"):
        run("segment", film, "-m", figure_model_file, "-o", tmp_path / name, "--seed", "3")
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()
