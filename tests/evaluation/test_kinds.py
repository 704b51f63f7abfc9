"""Evaluations of contours, labels, angles and poses from files whose errors are known."""

import json

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from typer.testing import CliRunner

from marked_films import TRUE, detections, training_set
from napari_xray_landmarks.cli import app
from napari_xray_landmarks.errors import FileError, InputError
from napari_xray_landmarks.evaluation import evaluate
from napari_xray_landmarks.evaluation.contours import area_dice
from napari_xray_landmarks.evaluation.kinds import common_kind, kinds_in
from napari_xray_landmarks.geometry.camera import CArm
from napari_xray_landmarks.imaging import Radiograph, Volume
from napari_xray_landmarks.io import (
    Detections,
    save_landmarks,
    write_contours,
    write_detections,
    write_labels,
    write_volume,
)
from napari_xray_landmarks.io.geometry import save_geometry
from napari_xray_landmarks.io.tables import write_contours_of_all
from napari_xray_landmarks.landmarks import Contour, LandmarkSet
from spines import landmark_set, three_curves

ANGLES = "image,pt_deg,mt_deg,tll_deg\n"


def circle(radius: float, centre=(50.0, 60.0), name="bone", count=720) -> Contour:
    angle = np.linspace(0, 2 * np.pi, count, endpoint=False)
    return Contour(np.asarray(centre) + radius * np.stack([np.sin(angle), np.cos(angle)], axis=1), name)


def test_circles_about_one_centre_are_as_far_apart_as_their_radii_differ(tmp_path):
    write_contours_of_all(tmp_path / "p.csv", [("f1", [circle(22)], None), ("f2", [circle(20)], None)])
    write_contours_of_all(tmp_path / "t.csv", [("f1", [circle(20)], (0.5, 0.5)), ("f2", [circle(20)], (0.5, 0.5))])
    found = evaluate(tmp_path / "p.csv", tmp_path / "t.csv", tmp_path / "out")
    assert (found.kind, found.main.unit) == ("contours", "mm")
    first = found.values[found.values["image"] == "f1"].iloc[0]
    assert [first[k] for k in ("assd", "hd95", "point_to_curve")] == pytest.approx([1, 1, 1], abs=2e-3)
    assert first["dice"] == pytest.approx(2 * 20**2 / (20**2 + 22**2), abs=2e-3)
    assert found.by_image["image"].tolist() == ["f1", "f2"] and [w[0] for w in found.worst()] == ["f1"]
    area = found.pairs[0]
    assert area.predicted[0] == pytest.approx(np.pi * 11**2, rel=1e-3) and area.unit == "mm²"
    assert found.failure_rate == 0 and not found.notes
    values = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert values["agreement"]["area"]["bias"] == pytest.approx(np.pi * (11**2 - 10**2) / 2, rel=1e-2)


def test_dice_of_circles_side_by_side_is_that_of_the_lens():
    d, r = 12.0, 20.0  # the lens' area: 2 r² acos(d / 2r) - d/2 sqrt(4 r² - d²)
    lens = 2 * r**2 * np.arccos(d / (2 * r)) - d / 2 * np.sqrt(4 * r**2 - d**2)
    found = area_dice(circle(r).points, circle(r, (50.0, 72.0)).points)
    assert found == pytest.approx(lens / (np.pi * r**2), abs=2e-3)


def test_outlines_of_one_image_are_matched_by_name_and_missing_ones_fail(tmp_path):
    truth = tmp_path / "truth"
    training_set(truth, {"f1.png": {"": TRUE}}, (1.0, 1.0), contours=(circle(20, name="a"), circle(9, name="b")))
    (tmp_path / "p").mkdir()
    write_contours(tmp_path / "p" / "f1.mrk.json", [circle(20, name="b"), circle(3, name="c")])
    found = evaluate(tmp_path / "p", truth)
    rows = found.values.set_index("item")
    assert rows.loc["b", "assd"] == pytest.approx(11, abs=0.02)
    assert np.isinf(rows.loc["a", "assd"]) and rows.loc["a", "dice"] == 0 and rows["failed"].tolist() == [True, False]
    assert found.failure_rate == 0.5 and found.row("assd")["missing"] == 1
    assert found.main.unit == "mm"


def test_outlines_of_the_other_unit_are_refused_where_the_spacing_is_unknown(tmp_path):
    write_contours(tmp_path / "p.mrk.json", [circle(20)], spacing_mm=(0.5, 0.5))
    write_contours(tmp_path / "t.csv", [circle(20)])
    with pytest.raises(FileError, match="in mm on one side and in px of unknown spacing"):
        evaluate(tmp_path / "p.mrk.json", tmp_path / "t.csv")


def boxes(lengths: dict[int, int], shift: int = 0) -> np.ndarray:
    labels = np.zeros((12, 20, 30), np.uint8)
    for label, length in lengths.items():
        labels[1 + 6 * (label - 1) : 5 + 6 * (label - 1), 4:10, 3 + shift : 3 + shift + length] = label
    return labels


def label_folder(folder, by_name: dict, spacing=(2.0, 0.5, 0.5)):
    folder.mkdir()
    for name, labels in by_name.items():
        write_volume(folder / name, Volume(labels, np.diag([*spacing, 1.0])))
    return folder


def test_folders_of_label_volumes_are_compared_structure_by_structure(tmp_path):
    truth = tmp_path / "set"
    truth.mkdir()
    label_folder(truth / "masks", {"one.nii.gz": boxes({1: 10, 2: 8}), "two.nii.gz": boxes({1: 10})})
    (truth / "about.json").write_text('{"structures": {"femur": 1, "tibia": 2}}')
    predicted = label_folder(tmp_path / "p", {"one.nrrd": boxes({1: 10, 2: 8}, 5), "two.nrrd": boxes({1: 10, 2: 3})})
    found = evaluate(predicted, truth, tmp_path / "out")
    table = pd.read_csv(tmp_path / "out" / "values.csv").set_index(["image", "item"])
    assert table.loc[("one.nii.gz", "femur"), "dice"] == 0.5
    assert table.loc[("two.nii.gz", "femur"), "dice"] == 1
    assert table.loc[("two.nii.gz", "tibia"), ["dice", "failed"]].tolist() == [0, True]  # invented
    assert found.row("dice", "femur")["mean"] == 0.75
    assert found.pairs[0].true[0] == pytest.approx(4 * 6 * 10 * 2 * 0.5 * 0.5 / 1000)
    assert [w[0] for w in found.worst()] == ["two.nii.gz", "one.nii.gz"]
    case = found.case("one.nii.gz")
    assert len(case.true_curves) == 1 and case.true_curves[0][:, 1].min() == 2.5
    page = (tmp_path / "out" / "report.html").read_text()
    assert page.count("<img") == 4 and "HD95 [mm] of each structure" in page


def test_labels_on_another_grid_are_refused(tmp_path):
    one = label_folder(tmp_path / "a", {"x.nii.gz": boxes({1: 5})})
    other = label_folder(tmp_path / "b", {"x.nii.gz": boxes({1: 5})}, (2.0, 0.5, 0.6))
    with pytest.raises(InputError, match="corners lie 2.9 mm apart"):
        evaluate(one, other)


def test_masks_of_films_are_measured_in_their_plane(tmp_path):
    labels = np.zeros((2, 40, 50), np.uint8)
    labels[0, 10:20, 10:11], labels[1, 10:20, 14:15] = 1, 1
    for name, one in zip(("p.png", "t.png"), labels, strict=True):
        write_labels(tmp_path / name, one, Radiograph(one))
    found = evaluate(tmp_path / "p.png", tmp_path / "t.png")
    assert found.row("hd95")["mean"] == 4 and found.main.key == "dice"
    assert found.measures[1].unit == "px" and found.notes == (
        "p.png is taken for t.png: there is one on either side", "no pixel spacing is known: results are in pixels")
    for name, one in zip(("p.nii.gz", "t.nii.gz"), labels, strict=True):
        write_labels(tmp_path / name, one, Radiograph(one, (0.5, 0.25), "given"))
    assert evaluate(tmp_path / "p.nii.gz", tmp_path / "t.nii.gz").row("hd95")["mean"] == pytest.approx(1)


def discs(*places) -> np.ndarray:
    """Labels 1, 2, ... of (radius, row, column)."""
    row, column = np.indices((100, 120))
    labels = np.zeros((100, 120), np.uint8)
    for number, (radius, *centre) in enumerate(places, 1):
        labels[np.hypot(row - centre[0], column - centre[1]) <= radius] = number
    return labels


def test_outlines_are_compared_with_masks(tmp_path):
    """The outline of a disc's pixels lies a circle's mean distance off; a piece of dirt beside it does not count."""
    mask = discs((20, 50, 60))
    radius = np.sqrt(mask.sum() / np.pi)
    mask[5:8, 5:8] = 1
    write_labels(tmp_path / "f_labels.nii.gz", mask, Radiograph(mask, (0.5, 0.5), "given"))
    write_contours(tmp_path / "f.mrk.json", [circle(22.25)], spacing_mm=(0.5, 0.5))
    found = evaluate(tmp_path / "f.mrk.json", tmp_path / "f_labels.nii.gz", tmp_path / "out")
    assert (found.kind, found.main.unit) == ("contours", "mm")
    assert found.row("assd")["mean"] == pytest.approx((22.25 - radius) / 2, abs=0.05)  # corners of pixels stick out
    assert found.row("dice")["mean"] == pytest.approx(2 * radius**2 / (radius**2 + 22.25**2), abs=0.003)
    other = evaluate(tmp_path / "f_labels.nii.gz", tmp_path / "f.mrk.json")
    assert other.row("assd")["mean"] == pytest.approx(found.row("assd")["mean"], rel=1e-6)


def test_masks_without_names_take_those_of_the_outlines_in_their_place(tmp_path):
    for folder in ("masks", "found"):
        (tmp_path / folder).mkdir()
    for name in ("f1", "f2"):
        mask = discs((10, 30, 30), (14, 60, 80))
        write_labels(tmp_path / "masks" / f"{name}_labels.nii.gz", mask, Radiograph(mask))
    rows = [(name, [circle(14, (60, 80), "femur"), circle(10, (30, 30), "hip")], None) for name in ("f1", "f2")]
    write_contours_of_all(tmp_path / "found" / "contours.csv", rows)
    found = evaluate(tmp_path / "found", tmp_path / "masks")
    assert set(found.values["item"]) == {"femur", "hip"} and found.failure_rate == 0
    assert found.row("assd")["mean"] < 0.5 and found.main.unit == "px"
    write_volume(tmp_path / "masks" / "f1_labels.nii.gz", Volume(boxes({1: 5}), np.eye(4)))
    with pytest.raises(FileError, match="masks of films"):
        evaluate(tmp_path / "found", tmp_path / "masks")


def test_films_of_angles_show_the_curves_of_both_tables(tmp_path):
    films = tmp_path / "films"
    films.mkdir()
    Image.fromarray(np.full((1200, 700), 90, np.uint8)).save(films / "one.png")
    for folder, spine in (("found", three_curves(20, 45, 25)), ("true", three_curves(22, 40, 31))):
        (tmp_path / folder).mkdir()
        write_detections(tmp_path / folder / "landmarks.csv", [Detections("one.png", landmark_set(spine), None)])
        done = CliRunner().invoke(app, ["cobb", str(tmp_path / folder / "landmarks.csv"), "-o",
                                        str(tmp_path / folder / "angles.csv"), "-q"])
        assert done.exit_code == 0, done.output
    tables = tmp_path / "found" / "angles.csv", tmp_path / "true" / "angles.csv"
    found = evaluate(*tables, tmp_path / "out", images=films)
    case = found.case("one.png")
    assert case.pixels.shape == (1200, 700)
    assert len(case.true_curves) == len(case.predicted_curves) == 12  # two endplates, two perpendiculars a curve
    for lines, angle in ((case.true_curves, 40), (case.predicted_curves, 45)):
        (upper, lower), across = (line[1] - line[0] for line in lines[4:6]), lambda v: np.arctan2(v[0], v[1])
        assert abs(np.rad2deg(across(upper) - across(lower))) % 180 == pytest.approx(angle, abs=0.1)
    assert (tmp_path / "out" / "report.html").read_text().count("<img") == 2
    (tmp_path / "found" / "landmarks.csv").unlink()
    alone = evaluate(*tables, images=films).case("one.png")
    assert alone.predicted_curves == () and len(alone.true_curves) == 12
    (tmp_path / "true" / "landmarks.csv").unlink()
    assert evaluate(*tables, images=films).case("one.png").true_curves == ()
    assert evaluate(*tables).case is None


def test_cobb_angles_have_the_challenge_s_numbers(tmp_path):
    (tmp_path / "p.csv").write_text(ANGLES + "a,10,20,30\nb,5,,7\n")
    (tmp_path / "t.csv").write_text(ANGLES + "a,12,24,30\nb,5,6,9\nc,1,1,1\n")
    found = evaluate(tmp_path / "p.csv", tmp_path / "t.csv", tmp_path / "out")
    assert found.headline == (f"SMAPE {100 * 6 / 126:.2f} %", "CMAE 2.00°")
    assert found.row("error", "PT")["mean"] == 1
    assert found.row("error")["missing"] == 1 and found.failure_rate == pytest.approx(1 / 6)
    assert any("1 of 2 films lack an angle" in note for note in found.notes)
    assert any("1 of 3 true images have no prediction" in note for note in found.notes)
    assert (tmp_path / "out" / "bland_altman.svg").exists()
    (tmp_path / "t.csv").write_text(ANGLES + "a,12,24,30\nb,,6,9\n")  # nobody knows b's first curve: no failure
    assert evaluate(tmp_path / "p.csv", tmp_path / "t.csv").failure_rate == pytest.approx(1 / 5)
    (tmp_path / "t.csv").write_text(ANGLES + "a,x,24,30\n")
    with pytest.raises(FileError, match="no number"):
        evaluate(tmp_path / "p.csv", tmp_path / "t.csv")


def test_a_pose_that_is_moved_is_off_by_the_move(tmp_path):
    arm = CArm(10.0, 5.0)
    moved = CArm(10.0, 5.0, isocentre_mm=(0.0, 3.0, 4.0))
    far = CArm(10.0, 5.0, isocentre_mm=(0.0, 30.0, 40.0))
    for folder, arms in (("t", (arm, arm)), ("p", (moved, far))):
        (tmp_path / folder).mkdir()
        for number, one in enumerate(arms):
            save_geometry(tmp_path / folder / f"view_{number}.json", one)
    found = evaluate(tmp_path / "p", tmp_path / "t", tmp_path / "out")
    assert found.kind == "poses" and found.failure_rate == 0.5
    first = found.values.iloc[0]
    assert [first["mtre_mm"], first["translation_mm"], first["rotation_deg"]] == pytest.approx([5, 5, 0], abs=1e-4)
    assert 0 < first["projected_mtre_mm"] <= 5.5
    assert "1 of 2 poses failed (mTRE above 10 mm): 50.0 %" in found.headline[0]
    save_landmarks(tmp_path / "points.mrk.json", LandmarkSet(("a", "b"), [[0.0, 0, 0], [9, 9, 9]], unit="mm"))
    one = evaluate(tmp_path / "p" / "view_0.json", tmp_path / "t" / "view_0.json", targets=tmp_path / "points.mrk.json",
                   failure_above=4)
    assert one.failure_rate == 1 and "targets: points.mrk.json" in one.headline


def test_an_annotator_is_compared_with_the_others(tmp_path):
    truth = training_set(tmp_path / "set", {n: {"ann": TRUE, "bob": TRUE + (0, 6)} for n in ("f1", "f2")})
    found = evaluate(truth, truth, annotator="bob")
    assert found.headline["mean"] == 6 and found.reference == "ann"
    assert found.predicted == found.comparison.predicted == "bob in set"
    with pytest.raises(FileError, match="no annotator 'eve'"):
        evaluate(truth, truth, annotator="eve")


def test_what_a_file_holds_is_told_by_a_look(tmp_path):
    write_contours(tmp_path / "c.csv", [circle(3)])
    write_contours(tmp_path / "c.mrk.json", [circle(3)])
    save_landmarks(tmp_path / "l.mrk.json", LandmarkSet(("a",), [[1.0, 2.0]]))
    detections(tmp_path / "l.csv", {"f": TRUE})
    (tmp_path / "a.csv").write_text(ANGLES)
    kinds = {"c.csv": "contours", "c.mrk.json": "contours", "l.mrk.json": "landmarks", "l.csv": "landmarks",
             "a.csv": "angles", "x.nii.gz": "labels", "x.json": "poses", "x.png": "labels"}  # fmt: skip
    assert {name: kinds_in(tmp_path / name) for name in kinds} == {name: (kind,) for name, kind in kinds.items()}
    assert kinds_in(tmp_path / "nothing.txt") == ()
    with pytest.raises(FileError, match="c.csv: holds contours, and .*l.csv landmarks"):
        evaluate(tmp_path / "c.csv", tmp_path / "l.csv")
    with pytest.raises(InputError, match="--kind bones"):
        common_kind("a", "b", "bones")


def test_label_volumes_are_compared_by_processes_as_here(tmp_path):
    one = label_folder(tmp_path / "a", {f"{i}.nii.gz": boxes({1: 5 + i, 2: 12}) for i in range(3)})
    other = label_folder(tmp_path / "b", {f"{i}.nii.gz": boxes({1: 6, 2: 12 + i}) for i in range(3)})
    here, there = evaluate(one, other), evaluate(one, other, workers=2)
    pd.testing.assert_frame_equal(here.values, there.values)
    assert here.notes == there.notes
