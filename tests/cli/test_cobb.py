"""`cobb` as a user runs it."""

import csv

import numpy as np
import pytest
from PIL import Image

from napari_xray_landmarks.io import save_landmarks, write_detections
from napari_xray_landmarks.io.tables import Detections
from napari_xray_landmarks.landmarks import LandmarkSet
from napari_xray_landmarks.spine.vertebrae import Vertebrae
from spines import landmark_set, mirrored, stacked, three_curves

SPINE, LATER = three_curves(22, 40, 31), three_curves(20, 55, 24)


def rows_of(path):
    return list(csv.DictReader(path.read_text().splitlines()))


def write(path, spacing=None, **spines):
    marked = {name: s if isinstance(s, LandmarkSet) else landmark_set(s) for name, s in spines.items()}
    write_detections(path, [Detections(f"{name}.png", marks, spacing) for name, marks in marked.items()])
    return path


def test_a_row_an_image(tmp_path, run):
    table = write(tmp_path / "found.csv", first=SPINE, second=mirrored(LATER).__class__(
        LATER.levels, mirrored(LATER).corners_px + (0, 900)))
    out = run("cobb", table, "-o", tmp_path / "out" / "angles.csv")
    assert out.code == 0 and not out.err
    assert "MT 40.0° ± " in out.out and "T5 to T12" in out.out and "severe scoliosis" in out.out.splitlines()[0]
    first, second = rows_of(tmp_path / "out" / "angles.csv")
    assert [first[k] for k in ("image", "pt_deg", "mt_deg", "tll_deg", "severity", "largest")] == \
        ["first.png", "22.00", "40.00", "31.00", "severe", "MT"]
    assert [first[f"mt_{k}"] for k in ("upper", "lower", "apex", "convex")] == ["T5", "T12", "T8/9", "left"]
    assert first["vertebrae"] == "T1 to L5" and first["definition"] == "endplates" and not first["note"]
    assert second["mt_deg"] == "55.00" and second["mt_convex"] == "right"


def test_points_in_order_markups_and_pixels_that_are_not_square(tmp_path, run):
    marks = landmark_set(SPINE)
    numbered = LandmarkSet(tuple(f"p{i}" for i in range(68)), marks.points / (1.0, 2.0))
    write(tmp_path / "a.csv", spacing=(0.5, 1.0), film=numbered)
    save_landmarks(tmp_path / "b.mrk.json", marks, spacing_mm=(0.2, 0.2))
    save_landmarks(tmp_path / "c.mrk.json", marks)
    out = run("cobb", *(tmp_path / n for n in ("a.csv", "b.mrk.json", "c.mrk.json")), "-o", tmp_path / "o.csv", "-q")
    assert out.code == 0 and not out.out
    found = rows_of(tmp_path / "o.csv")
    assert [r["image"] for r in found] == ["film.png", "b.mrk.json", "c.mrk.json"]
    assert [r["mt_deg"] for r in found] == ["40.00"] * 3


def test_the_uncertainty_follows_the_corners(tmp_path, run):
    write(tmp_path / "a.csv", film=landmark_set(SPINE, confidence=np.full(68, 0.95)))
    write(tmp_path / "b.csv", film=landmark_set(SPINE, confidence=np.full(68, 0.3)))
    out = run("cobb", tmp_path / "a.csv", tmp_path / "b.csv", "-o", tmp_path / "o.csv")
    sure, unsure = rows_of(tmp_path / "o.csv")
    assert sure["image"] == "a/film.png" and unsure["image"] == "b/film.png" and out.code == 0
    assert float(sure["mt_sd_deg"]) < float(unsure["mt_sd_deg"])
    run("cobb", tmp_path / "a.csv", "-o", tmp_path / "o.csv", "--corner-sd-px", "3")
    assert float(rows_of(tmp_path / "o.csv")[0]["mt_sd_deg"]) == pytest.approx(np.rad2deg(6 / 60), abs=0.01)


def test_a_cropped_spine(tmp_path, run):
    out = run("cobb", write(tmp_path / "a.csv", film=Vertebrae(SPINE.levels[5:], SPINE.corners_px[5:])), "-o",
              tmp_path / "o.csv")
    row, = rows_of(tmp_path / "o.csv")
    assert "PT: not on the film" in out.out and row["pt_deg"] == "" and row["vertebrae"] == "T6 to L5"


def wrong_spine() -> Vertebrae:
    corners = np.array(SPINE.corners_px)
    corners[6, [0, 1]] = corners[6, [1, 0]]
    return Vertebrae(SPINE.levels, corners)


def test_bad_corners_are_named_and_others_go_on(tmp_path, run):
    table = write(tmp_path / "found.csv", bad=wrong_spine(), good=SPINE)
    out = run("cobb", table, "-o", tmp_path / "o.csv")
    assert out.code == 1 and [r["image"] for r in rows_of(tmp_path / "o.csv")] == ["good.png"]
    line, = out.err.strip().splitlines()
    assert f"{table}: bad.png: T7: its corners are crossed" in line and "(skipped)" in line
    out = run("cobb", table, "-o", tmp_path / "o.csv", "--lenient")
    bad, good = rows_of(tmp_path / "o.csv")
    assert out.code == 0 and bad["note"] == "T7 left out: its corners are crossed" and bad["mt_deg"] == "40.00"
    assert bad["vertebrae"] == "T1 to L5 without T7" and not good["note"]


@pytest.mark.parametrize(("change", "parts"), [
    (lambda t: write(t, film=wrong_spine()), ("film.png", "T7: its corners are crossed", "Correct the corners")),
    (lambda t: write(t, film=landmark_set(SPINE).__class__(("nose",), np.ones((1, 2)))), ("has 1 landmarks",)),
    (lambda t: write(t, film=LandmarkSet(landmark_set(SPINE).names[:-1], landmark_set(SPINE).points[:-1])),
     ("L5: it has 3 of its four corners, no bottom-right",)),
    (lambda t: t.write_text("image,landmark,row_px\n"), ("has no column",)),
    (lambda t: write(t, film=landmark_set(stacked(0, levels=("L1",)))), ("shows L1 only",)),
])  # fmt: skip
def test_one_bad_input_is_one_line(tmp_path, run, change, parts):
    change(tmp_path / "found.csv")
    run("cobb", tmp_path / "found.csv", "-o", tmp_path / "o.csv").assert_bad_input("found.csv", *parts)
    assert not (tmp_path / "o.csv").exists()


def test_bad_options(tmp_path, run):
    table = write(tmp_path / "found.csv", film=SPINE)
    run("cobb", table, "-o", tmp_path / "o.txt").assert_bad_input("o.txt", "no name of a table")
    run("cobb", table, "-o", tmp_path / "o.csv", "--corner-sd-px", "-1").assert_bad_input("--corner-sd-px -1")
    run("cobb", tmp_path / "none.csv", "-o", tmp_path / "o.csv").assert_bad_input("none.csv", "does not exist")
    run("cobb", table, "-o", tmp_path / "o.csv", "--dates", table).assert_bad_input("no columns image and date")
    run("cobb", table, "-o", tmp_path / "o.csv", "--definition", "aasce").assert_bad_input("needs its height")
    run("cobb", table, "-o", tmp_path / "o.csv", "--definition", "best").assert_bad_input("best")


def test_a_corner_outside_the_film(tmp_path, run):
    table = write(tmp_path / "found.csv", film=SPINE)
    (tmp_path / "images").mkdir()
    Image.new("L", (900, 600)).save(tmp_path / "images" / "film.png")
    run("cobb", table, "-o", tmp_path / "o.csv").assert_bad_input("outside the film of 600 rows and 900 columns")


def test_the_data_sets_own_definition(tmp_path, run):
    table = write(tmp_path / "found.csv", film=SPINE)
    (tmp_path / "films").mkdir()
    Image.new("L", (900, 1500)).save(tmp_path / "films" / "film.png")
    run("cobb", table, "-o", tmp_path / "o.csv", "--definition", "aasce", "--images", tmp_path / "films")
    row, = rows_of(tmp_path / "o.csv")
    assert [row[k] for k in ("pt_deg", "mt_deg", "tll_deg", "definition")] == ["40.00", "22.00", "31.00", "aasce"]


def test_the_data_sets_definition_of_a_models_corners_is_what_people_would_measure(tmp_path, run):
    table = write(tmp_path / "found.csv", film=landmark_set(SPINE, confidence=np.full(68, 0.7)))
    (tmp_path / "images").mkdir()
    Image.new("L", (900, 1500)).save(tmp_path / "images" / "film.png")
    out = run("cobb", table, "-o", tmp_path / "o.csv", "--definition", "aasce")
    row, = rows_of(tmp_path / "o.csv")
    assert 40 < float(row["pt_deg"]) < 43 and "people would measure" in out.out + row["note"]


def test_one_patients_films_compared(tmp_path, run):
    table = write(tmp_path / "found.csv", later=LATER, first=SPINE)
    (tmp_path / "dates.csv").write_text("image,date\nfirst.png,2020-01-01\nlater,2021-07-01\n")
    out = run("cobb", table, "-o", tmp_path / "o.csv", "--compare", "--dates", tmp_path / "dates.csv")
    first, later = rows_of(tmp_path / "o.csv")
    assert (first["image"], first["mt_trend"], first["date"]) == ("first.png", "first", "2020-01-01")
    assert (later["mt_trend"], later["mt_change_deg"], later["tll_trend"]) == ("progressed", "15.00", "improved")
    assert float(later["mt_change_deg_per_year"]) == pytest.approx(10, abs=0.1)
    assert "MT progressed (+15.0°)" in out.out
    (tmp_path / "dates.csv").write_text("image,date,subject\nfirst.png,2020-01-01,a\nlater,2021-07-01,b\n")
    run("cobb", table, "-o", tmp_path / "o.csv", "--compare", "--dates", tmp_path / "dates.csv")
    assert [r["mt_trend"] for r in rows_of(tmp_path / "o.csv")] == ["first", "first"]
    (tmp_path / "dates.csv").write_text("image,date\nfirst.png,1.1.2020\n")
    run("cobb", table, "-o", tmp_path / "o.csv", "--compare", "--dates", tmp_path / "dates.csv").assert_bad_input(
        "dates.csv: line 2: the date is '1.1.2020'", "2024-05-31")


def test_dates_in_the_films_names_and_no_other_definition(tmp_path, run):
    table = write(tmp_path / "found.csv", **{"x 2021-07-01": LATER, "x 2020-01-01": SPINE})
    run("cobb", table, "-o", tmp_path / "o.csv", "--compare")
    assert [r["date"] for r in rows_of(tmp_path / "o.csv")] == ["2020-01-01", "2021-07-01"]
    run("cobb", table, "-o", tmp_path / "o.csv", "--compare", "--definition", "aasce").assert_bad_input("--compare")


def test_tables_of_the_same_name_in_two_folders(tmp_path, run):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        write(tmp_path / folder / "found.csv", film=SPINE)
    run("cobb", tmp_path / "a" / "found.csv", tmp_path / "b" / "found.csv", "-o", tmp_path / "o.csv")
    assert [r["image"] for r in rows_of(tmp_path / "o.csv")] == ["a/found/film.png", "b/found/film.png"]


def test_the_films_order_counts_without_dates(tmp_path, run):
    table = write(tmp_path / "found.csv", first=SPINE, later=LATER)
    run("cobb", table, "-o", tmp_path / "o.csv", "--compare")
    assert [r["mt_trend"] for r in rows_of(tmp_path / "o.csv")] == ["first", "progressed"]


def test_a_cluster_measures_the_same_in_the_same_order(tmp_path, run, cluster):
    spines = {f"film{i}": three_curves(20 + i, 40, 25) for i in range(4)}
    broken = Vertebrae(SPINE.levels, SPINE.corners_px[:, ::-1])
    table = write(tmp_path / "found.csv", **spines, broken=broken)
    here = run("cobb", table, "-o", tmp_path / "here.csv")
    there = run("cobb", table, "-o", tmp_path / "there.csv", "--scheduler", cluster)
    assert (here.code, here.err) == (there.code, there.err) == (1, here.err) and "broken.png" in here.err
    assert (tmp_path / "there.csv").read_bytes() == (tmp_path / "here.csv").read_bytes()
    assert here.out.replace("here.csv", "there.csv") == there.out and len(rows_of(tmp_path / "there.csv")) == 4
