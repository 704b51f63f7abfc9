"""Whole evaluations of tables whose errors are known, in every unit and layout."""

import json
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from marked_films import NAMES, TRUE, detections, marks, training_set
from napari_xray_landmarks.errors import FileError
from napari_xray_landmarks.evaluation import compare_methods, evaluate
from napari_xray_landmarks.io import Detections, save_landmarks, write_detections
from napari_xray_landmarks.landmarks import Contour


@pytest.mark.parametrize("shift", [(3, 4), (0, 0), (-1.5, 2)])
def test_a_shifted_set_has_exactly_the_shift_as_mean_error(tmp_path, shift):
    truth = detections(tmp_path / "truth.csv", {"one": TRUE, "two": TRUE + 1})
    predicted = detections(tmp_path / "predicted.csv", {"one": TRUE + shift, "two": TRUE + 1 + shift})
    found = evaluate(predicted, truth)
    assert found.unit == "px"
    assert found.headline["mean"] == pytest.approx(np.hypot(*shift))
    assert found.headline["count"] == 8
    assert found.row("truth", "b")["count"] == 2
    assert found.images.mean == pytest.approx(np.hypot(*shift))
    assert "no pixel spacing is known: results are in pixels" in found.notes
    with pytest.raises(KeyError):
        found.row("truth", unit="mm")


def test_millimetres_follow_each_axis_and_each_images_spacing(tmp_path):
    truth = training_set(tmp_path / "one", {"f1": {"": TRUE}}, (0.5, 0.1))
    predicted = detections(tmp_path / "p.csv", {"f1": TRUE + (4, 10)})
    found = evaluate(predicted, truth, tmp_path / "out")
    assert found.unit == "mm"
    assert found.headline["mean"] == pytest.approx(np.hypot(2, 1))
    assert found.row("truth", unit="px")["mean"] == pytest.approx(np.hypot(4, 10))
    assert found.headline["within_2.5_mm"] == 1
    assert "within_10_px" not in found.headline
    assert found.row("truth", unit="px")["within_20_px"] == 1
    values = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert values["mean_radial_error_mm"] == pytest.approx(np.hypot(2, 1))
    assert values["mean_radial_error_px"] == pytest.approx(np.hypot(4, 10))


def test_spacing_may_come_with_the_predictions(tmp_path):
    truth = training_set(tmp_path / "set", {"f1": {"": TRUE}})
    predicted = detections(tmp_path / "p.csv", {"f1": TRUE + (3, 4)}, (0.2, 0.2))
    assert evaluate(predicted, truth).headline["mean"] == pytest.approx(1.0)


def test_some_images_without_spacing_give_pixels_and_say_so(tmp_path):
    truth = detections(tmp_path / "t.csv", {"f1": TRUE, "f2": TRUE})
    rows = [Detections("f1", marks(TRUE + (3, 4)), (0.2, 0.2)), Detections("f2", marks(TRUE + (6, 8)))]
    write_detections(tmp_path / "p.csv", rows)
    found = evaluate(tmp_path / "p.csv", truth, tmp_path / "out")
    assert found.unit == "px"
    assert found.headline["mean"] == pytest.approx(7.5)
    assert found.row("truth", unit="mm")["images"] == 1
    assert any("the spacing of 1 of 2 images is unknown" in note and "f2" in note for note in found.notes)
    assert json.loads((tmp_path / "out" / "metrics.json").read_text())["mean_radial_error_mm"] is None


def test_two_spacings_for_one_image_are_refused(tmp_path):
    truth = detections(tmp_path / "t.csv", {"f1": TRUE}, (0.1, 0.1))
    predicted = detections(tmp_path / "p.csv", {"f1": TRUE}, (0.2, 0.2))
    with pytest.raises(FileError, match=r"p.csv: has a spacing of \(0.2, 0.2\) mm for f1, and the truth"):
        evaluate(predicted, truth)


def test_millimetres_against_pixels_of_unknown_spacing_are_refused(tmp_path):
    save_landmarks(tmp_path / "f1.mrk.json", marks(TRUE, unit="mm"))
    truth = detections(tmp_path / "t.csv", {"f1": TRUE})
    with pytest.raises(FileError, match="f1 is in mm on one side and in px of unknown spacing on the other"):
        evaluate(tmp_path / "f1.mrk.json", truth)


def test_markups_in_millimetres_compare_with_a_table_that_has_a_spacing(tmp_path):
    save_landmarks(tmp_path / "f1.mrk.json", marks(TRUE * 0.2 + (0, 1), unit="mm"))
    truth = detections(tmp_path / "t.csv", {"f1": TRUE}, (0.2, 0.2))
    found = evaluate(tmp_path / "f1.mrk.json", truth)
    assert found.unit == "mm"
    assert found.headline["mean"] == pytest.approx(1.0)
    assert found.row("truth", unit="px")["mean"] == pytest.approx(5.0)


def test_one_image_s_markups_match_whatever_their_name(tmp_path):
    save_landmarks(tmp_path / "mine.mrk.json", marks(TRUE + (3, 4)))
    save_landmarks(tmp_path / "true.mrk.json", marks(TRUE))
    for truth in (tmp_path / "true.mrk.json", detections(tmp_path / "t.csv", {"f1": TRUE})):
        found = evaluate(tmp_path / "mine.mrk.json", truth)
        assert found.headline["mean"] == pytest.approx(5.0)
        assert sum("mine is taken for the image of" in note for note in found.notes) == 1
    several = detections(tmp_path / "two.csv", {"f1": TRUE, "f2": TRUE})
    with pytest.raises(FileError, match="shares no image with the truth"):
        evaluate(tmp_path / "mine.mrk.json", several)


def test_each_annotator_their_mean_and_their_own_difference(tmp_path):
    truth = training_set(tmp_path / "set", {n: {"ann": TRUE, "bob": TRUE + (0, 6)} for n in ("f1", "f2")})
    predicted = detections(tmp_path / "p.csv", {"f1": TRUE + (4, 3), "f2": TRUE + (4, 3)})
    found = evaluate(predicted, truth, tmp_path / "out")
    means = {against: found.row(against)["mean"] for against in ("mean of annotators", "ann", "bob")}
    assert means == pytest.approx({"mean of annotators": 4, "ann": 5, "bob": 5})
    assert found.reference == "mean of annotators"
    between = found.annotators[found.annotators["landmark"] == "all"]
    assert between["against"].tolist() == ["ann against bob"]
    assert between["mean"].tolist() == pytest.approx([6])
    assert pd.read_csv(tmp_path / "out" / "annotators.csv")["mean"].tolist() == pytest.approx([6] * 5)


def test_a_table_with_annotators_is_a_truth_too_and_no_prediction(tmp_path):
    lines = ["image,landmark,row_px,column_px,annotator", "f1,a,1,2,x", "f1,a,1,6,y", "f1,b,5,5,x"]
    (tmp_path / "t.csv").write_text("\n".join(lines))
    predicted = detections(tmp_path / "p.csv", {"f1": [[1, 4], [5, 5]]}, names=("a", "b"))
    found = evaluate(predicted, tmp_path / "t.csv")
    assert found.headline["mean"] == 0
    assert found.row("x", "a")["mean"] == 2
    with pytest.raises(FileError, match="t.csv: holds several annotators of f1. Give predictions first"):
        evaluate(tmp_path / "t.csv", predicted)


def test_missing_guessed_and_unmarked_landmarks_are_told_apart(tmp_path):
    known = TRUE.copy()
    known[3] = np.nan
    truth = detections(tmp_path / "t.csv", {"f1.png": known, "f2.png": known, "f3.png": known})
    points = TRUE + (0, 1)
    points[0] = np.nan
    rows = [
        Detections("f1", marks(points, detected=[False, True, False, True])),
        Detections("sub/f2.dcm", marks(TRUE[:2], NAMES[:2])),
        Detections("f9", marks(TRUE)),
    ]
    write_detections(tmp_path / "p.csv", rows)
    found = evaluate(tmp_path / "p.csv", truth)
    assert (found.headline["count"], found.headline["missing"], found.headline["images"]) == (6, 2, 2)
    assert found.headline["mean"] == pytest.approx((1 + 1 + 0 + 0) / 4)
    assert found.headline["within_10_px"] == pytest.approx(4 / 6)
    text = " ".join(found.notes)
    assert "1 of 3 true images have no prediction and are left out: f3.png" in text
    assert "1 of 3 predicted images have no truth and are left out: f9" in text
    assert "2 of 6 true landmarks have no prediction" in text
    assert "1 landmarks count although they were not detected" in text


def test_nothing_in_common_is_said_with_the_names(tmp_path):
    truth = detections(tmp_path / "t.csv", {"f1": TRUE})
    with pytest.raises(FileError, match="shares no image with the truth: its images are g1, and those of .* are f1"):
        evaluate(detections(tmp_path / "p.csv", {"g1": TRUE}), truth)
    other = detections(tmp_path / "q.csv", {"f1": TRUE}, names=("k", "l", "m", "n"))
    with pytest.raises(FileError, match="its landmarks are k, l, m, n, and the true ones are a, b, c, d"):
        evaluate(other, truth)


def test_shapes_are_measured_against_their_outlines(tmp_path):
    angle = np.linspace(0, 2 * np.pi, 720, endpoint=False)
    circle = 25 + 15 * np.stack([np.sin(angle), np.cos(angle)], axis=1)
    on = circle[[0, 200, 450]]
    points = np.vstack([on, [[25, 25]]])
    truth = training_set(tmp_path / "set", {"f": {"": points}}, (0.5, 0.5), (Contour(circle),))
    outward = np.vstack([25 + (on - 25) * 17 / 15, [[40, 25]]])
    found = evaluate(detections(tmp_path / "p.csv", {"f": outward}), truth)
    assert found.point_to_curve.mean == pytest.approx(2 * 0.5, abs=1e-3)
    along = np.vstack([circle[[30, 230, 480]], [[25, 25]]])
    slid = evaluate(detections(tmp_path / "q.csv", {"f": along}), truth)
    assert slid.point_to_curve.mean == pytest.approx(0, abs=1e-9)
    assert slid.headline["max"] > 1.5


def test_two_methods_are_compared_on_the_images_of_both(tmp_path):
    rng = np.random.default_rng(0)
    images = [f"f{i}" for i in range(12)]
    truth = detections(tmp_path / "t.csv", {i: TRUE for i in images})
    good = evaluate(detections(tmp_path / "g.csv", {i: TRUE + rng.normal(0, 1, (4, 2)) for i in images}), truth)
    bad = evaluate(detections(tmp_path / "b.csv", {i: TRUE + rng.normal(0, 5, (4, 2)) for i in images[2:]}), truth)
    found = compare_methods(good, bad)
    assert found.count == 10
    assert found.mean_difference < -2
    assert max(found.wilcoxon_p, found.t_p) < 0.01


def test_copies_of_a_subject_do_not_narrow_the_interval(tmp_path):
    rng = np.random.default_rng(1)
    shifts = {f"s{i}": rng.normal(0, 5, 2) for i in range(6)}
    points = {f"{s}-{k}": TRUE + shift for s, shift in shifts.items() for k in range(10)}
    predicted = detections(tmp_path / "p.csv", points)
    by_image = {name: {"": TRUE} for name in points}
    apart = evaluate(predicted, training_set(tmp_path / "apart", by_image)).headline
    subjects = {name: name.partition("-")[0] for name in points}
    together = evaluate(predicted, training_set(tmp_path / "together", by_image, subjects=subjects)).headline
    assert together["mean"] == apart["mean"]
    assert together["mean_high"] - together["mean_low"] > 2 * (apart["mean_high"] - apart["mean_low"])


class Page(HTMLParser):
    """Collects tags, the values of attributes and the text of a page."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.links, self.text = [], [], ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.links += [value for key, value in attrs if key in ("src", "href", "xlink:href")]

    def handle_data(self, data):
        self.text += data


def test_the_report_needs_nothing_else_and_escapes_every_name(tmp_path):
    names = ("<script>alert(1)</script>", "$\\frac{", "_hidden", "Größe & more")
    image = 'x"><img src=y onerror=z>'
    truth = detections(tmp_path / "t&<b>.csv", {image: TRUE, "f2": TRUE}, names=names)
    predicted = detections(
        tmp_path / "p.csv", {image: TRUE + 1, "f3": TRUE}, names=names, confidence=[0.1, 0.4, 0.4, 0.9]
    )
    evaluate(predicted, truth, tmp_path / "new" / "out")
    folder = tmp_path / "new" / "out"
    page = Page((folder / "report.html").read_text(encoding="utf-8"))
    assert {"script", "link", "iframe", "b>"} & set(page.tags) == set()
    assert all(link.startswith(("#", "data:image/png;base64,")) for link in page.links)
    assert "://" not in (folder / "report.html").read_text(encoding="utf-8")
    assert page.tags.count("svg") == 4
    assert page.tags.count("img") == 2  # the worst case, small and large
    for name in (*names, "t&<b>.csv", "Mean radial error"):
        assert name in page.text
    pictures = ("cumulative_error", "per_landmark", "reliability", "bland_altman")
    assert {p.name for p in folder.iterdir()} == {
        "report.html", "metrics.csv", "metrics.json", "errors.csv", "images.csv",
        *(f"{name}.{kind}" for name in pictures for kind in ("png", "svg")),
    }  # fmt: skip
    for name in pictures:
        assert Image.open(folder / f"{name}.png").width > 500
    assert pd.read_csv(folder / "metrics.csv")["landmark"].tolist() == ["all", *names]


def test_a_second_run_gives_the_same_files(tmp_path):
    truth = detections(tmp_path / "t.csv", {"f1": TRUE, "f2": TRUE})
    predicted = detections(tmp_path / "p.csv", {"f1": TRUE + 1, "f2": TRUE + 2})
    first = evaluate(predicted, truth, tmp_path / "one")
    evaluate(predicted, truth, tmp_path / "two")
    assert first.reliability is None
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes(), path.name


def test_a_report_over_an_older_one_leaves_nothing_of_it(tmp_path):
    truth = detections(tmp_path / "t.csv", {"f1": TRUE, "f2": TRUE})
    evaluate(detections(tmp_path / "p.csv", {"f1": TRUE}, confidence=[0.1, 0.2, 0.3, 0.4]), truth, tmp_path / "out")
    assert (tmp_path / "out" / "reliability.png").exists()
    evaluate(truth, truth, tmp_path / "out")
    assert not (tmp_path / "out" / "reliability.png").exists()


def test_a_target_that_cannot_be_a_folder_is_named(tmp_path):
    truth = detections(tmp_path / "t.csv", {"f1": TRUE})
    with pytest.raises(FileError, match="t.csv: cannot be made a folder"):
        evaluate(truth, truth, truth)
