"""Conformal regions hold what they promise, and temperatures come back."""

import json

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from marked_films import NAMES, TRUE, detections, marks, training_set
from napari_xray_landmarks.cli import app
from napari_xray_landmarks.errors import InputError
from napari_xray_landmarks.evaluation import evaluate
from napari_xray_landmarks.evaluation.calibration import calibration, regions_in, write_into_model
from napari_xray_landmarks.evaluation.conformal import Regions, calibrate, quantile, regions_of, temperature
from napari_xray_landmarks.evaluation.statistics import reliability
from napari_xray_landmarks.io import Detections, write_detections
from napari_xray_landmarks.models import ModelHeader, read_model_file, read_model_header, save_model
from napari_xray_landmarks.models.confidence import calibrated, temperature_of, tempered

WIDE = np.array([[9.0, 5.0], [5.0, 4.0]])


def test_the_quantile_is_that_of_finite_samples():
    scores = np.arange(1, 20)
    assert quantile(scores, 0.9) == 18 and quantile(scores, 0.95) == 19
    assert quantile(scores, 0.96) == np.inf
    assert quantile([*scores[:-1], np.inf], 0.9) == 18 and quantile(np.r_[scores[:-2], np.inf, np.inf], 0.9) == np.inf
    with pytest.raises(ValueError, match="between 0 and 1"):
        quantile(scores, 1.0)


@pytest.mark.parametrize(("count", "coverage"), [(9, 0.9), (30, 0.8), (99, 0.95)])
def test_regions_hold_new_films_as_often_as_promised(count, coverage):
    """Coverage over many calibrations lies between the promise and 1 / (n + 1) above it, whatever the distribution."""
    rng, held = np.random.default_rng(0), []
    for _ in range(1500):
        both = rng.standard_cauchy((count + 1, 2)) @ np.linalg.cholesky(WIDE).T
        matrix = calibrate(both[:count], coverage, shape=WIDE)
        held.append(both[-1] @ np.linalg.solve(matrix, both[-1]) <= 1)
    noise = 3 * np.sqrt(coverage * (1 - coverage) / len(held))
    assert coverage - noise <= np.mean(held) <= coverage + 1 / (count + 1) + noise


def test_regions_widen_with_the_scale_that_a_prediction_gives():
    rng = np.random.default_rng(1)
    scale = np.exp(rng.normal(size=500))
    matrix = calibrate(scale[:, None] * rng.normal(size=(500, 2)), 0.9, scale=scale)
    assert np.sqrt(matrix[0, 0]) == pytest.approx(np.sqrt(-2 * np.log(0.1)), rel=0.1)


def table(count: int, rng, subjects=None) -> pd.DataFrame:
    offsets = rng.normal(size=(count, 2)) @ np.linalg.cholesky(WIDE).T
    return pd.DataFrame({"image": [f"f{i}" for i in range(count)], "landmark": "a",
                         "subject": subjects or [f"s{i}" for i in range(count)],
                         "off_row_mm": offsets[:, 0], "off_column_mm": offsets[:, 1]})


def test_the_ellipse_is_that_of_the_errors():
    regions = regions_of(table(4000, np.random.default_rng(2)), "mm", 0.9)
    np.testing.assert_allclose(regions.matrices["a"], WIDE * -2 * np.log(0.1), rtol=0.15)
    assert regions.films == 2000 and regions.holds("a", (0, 0)) and not regions.holds("a", (0, 30))


def test_too_few_films_give_no_region_and_films_of_a_subject_count_once():
    rng = np.random.default_rng(3)
    assert regions_of(table(8, rng), "mm", 0.9).unbounded == ("a",)
    assert regions_of(table(9, rng), "mm", 0.9).films == 9
    copies = regions_of(table(90, rng, [f"s{i % 8}" for i in range(90)]), "mm", 0.9)
    assert copies.unbounded == ("a",) and copies.holds("a", (1e9, 0))


def test_regions_come_back_from_a_header():
    one = Regions(0.9, "mm", 40, {"a": WIDE}, ("b",))
    again = Regions.from_header(json.loads(json.dumps(one.to_header())))
    assert (again.coverage, again.unit, again.films, again.unbounded) == (0.9, "mm", 40, ("b",))
    np.testing.assert_array_equal(again.matrices["a"], WIDE)
    for broken in ({}, {**one.to_header(), "landmarks": {"a": [[1, 2], [2, 1]]}}):
        with pytest.raises(ValueError, match="header"):
            Regions.from_header(broken)


@pytest.mark.parametrize("truth", [0.5, 1.0, 2.5])
def test_a_temperature_comes_back(truth):
    rng = np.random.default_rng(4)
    honest = rng.uniform(0.02, 0.98, 20_000)
    right = rng.random(honest.size) < honest
    assert temperature(tempered(honest, 1 / truth), right) == pytest.approx(truth, rel=0.06)
    np.testing.assert_allclose(tempered(tempered(honest, 3), 1 / 3), honest)
    assert temperature(honest, np.ones(honest.size, bool)) == 1


@pytest.fixture
def validated(tmp_path):
    rng = np.random.default_rng(5)
    films = [f"f{i}" for i in range(24)]
    truth = training_set(tmp_path / "set", {name: {"": TRUE} for name in films}, (0.5, 0.5))
    rows = [Detections(n, marks(TRUE + rng.normal(0, 2, TRUE.shape), confidence=rng.random(4))) for n in films]
    write_detections(tmp_path / "p.csv", rows)
    return tmp_path / "p.csv", truth


def model_file(path, names=NAMES):
    header = ModelHeader("joint-displacement", "pelvis", names, {}, {}, {}, "CC0-1.0", "none")
    save_model(path, header, {"x": np.zeros(2, np.float32)})
    return path


def test_the_command_writes_regions_into_a_model(validated, tmp_path):
    model = model_file(tmp_path / "m.safetensors")
    call = ["evaluate", *map(str, validated), "-o", str(tmp_path / "out"), "--conformal", "0.9", "--into", str(model)]
    done = CliRunner().invoke(app, call)
    assert done.exit_code == 0, done.output
    assert "same population" in done.output and "calibration error" in done.output
    header, tensors = read_model_file(model)
    regions = regions_in(header)
    assert set(regions.matrices) == set(NAMES) and (regions.unit, regions.films) == ("mm", 12)
    assert tensors["x"].shape == (2,)
    values = json.loads((tmp_path / "out" / "calibration.json").read_text())
    assert values["temperature"]["before"] >= 0 and values["regions"] == regions.to_header()


def overconfident(folder, count: int, seed: int, heat: float = 2.5):
    """A table of films whose confidences are too extreme by a temperature, their truth, and (confidences, errors)."""
    rng = np.random.default_rng(seed)
    films = {f"f{i}": rng.uniform(0.02, 0.98, 4) for i in range(count)}
    off = {name: np.where(rng.random(4) < honest, 1.0, 30.0) for name, honest in films.items()}  # px of 0.5 mm
    truth = training_set(folder / "set", {name: {"": TRUE} for name in films}, (0.5, 0.5))
    said = {name: tempered(honest, 1 / heat) for name, honest in films.items()}
    write_detections(folder / "p.csv", [Detections(n, marks(TRUE + np.outer(off[n], (0.0, 1.0)), confidence=said[n]))
                                        for n in films])
    return (folder / "p.csv", truth), (np.concatenate(list(said.values())), np.concatenate(list(off.values())) / 2)


def test_a_calibrated_model_tells_honest_confidences_on_films_held_out(tmp_path):
    model = model_file(tmp_path / "m.safetensors")
    files, _ = overconfident(tmp_path, 80, 0)
    write_into_model(calibration(evaluate(*files), 0.9), model)
    header = read_model_header(model)
    assert temperature_of(header) == pytest.approx(2.5, rel=0.25)
    (tmp_path / "held").mkdir()
    _, (said, errors) = overconfident(tmp_path / "held", 200, 1)
    before, after = (reliability(c, errors, 2.0).calibration_error for c in (said, calibrated(header, said)))
    assert before > 0.1 and after < before / 3


def test_the_same_films_calibrate_once_and_others_on_top(tmp_path):
    model = model_file(tmp_path / "m.safetensors")
    files, _ = overconfident(tmp_path, 40, 0)
    values = calibration(evaluate(*files), 0.9)
    for _ in range(2):
        write_into_model(values, model)
    first = temperature_of(read_model_header(model))
    assert first == pytest.approx(values["temperature"]["temperature"])
    (tmp_path / "other").mkdir()
    more = calibration(evaluate(*overconfident(tmp_path / "other", 40, 1, heat=1.5)[0]), 0.9)
    write_into_model(more, model)
    assert temperature_of(read_model_header(model)) == pytest.approx(first * more["temperature"]["temperature"])


@pytest.mark.parametrize("broken", ["hot", {"temperature": "2"}, {"temperature": -1}, {"temperature": True}, {}])
def test_a_temperature_that_cannot_be_changes_nothing(broken):
    header = ModelHeader("joint-displacement", "pelvis", NAMES, extra={"temperature": broken})
    assert temperature_of(header) == 1.0 and list(calibrated(header, [0.3])) == [0.3]
    spine = ModelHeader("bipartite-spine", "spine", NAMES, extra={"temperature": {"temperature": 2.0}})
    assert temperature_of(spine) == 1.0  # Cobb angles' uncertainty is computed from its confidences


def test_what_cannot_be_calibrated_is_told(validated, tmp_path):
    found = evaluate(*validated)
    with pytest.raises(InputError, match="no probability"):
        calibration(found, 1.5)
    with pytest.raises(InputError, match="none of the evaluated landmarks"):
        write_into_model(calibration(found, 0.9), model_file(tmp_path / "m.safetensors", ("other",)))
    alone = detections(tmp_path / "one.csv", {"f1": TRUE})
    assert calibration(evaluate(alone, alone), 0.9)["temperature"] is None
