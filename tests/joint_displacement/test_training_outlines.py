"""Training on a set that says which landmarks make an outline, to a model file that segments."""

import numpy as np
import pytest

import figure
from napari_xray_landmarks.imaging import Radiograph
from napari_xray_landmarks.models import load_model
from napari_xray_landmarks.training import recipes
from napari_xray_landmarks.training.writing import SourceFilm, write_training_set


@pytest.fixture(scope="module")
def trained(tmp_path_factory, about):
    """(header, model) trained on seven films."""
    folder = tmp_path_factory.mktemp("outlined")
    films = []
    for seed in range(7):
        pixels, landmarks = figure.figure(seed)
        radiograph = Radiograph(pixels.clip(0).round().astype(np.uint16), (0.5, 0.5), "calibrated")
        films.append(SourceFilm(f"film-{seed}", radiograph, {"": landmarks}, subject=str(seed)))
    dataset = write_training_set(folder / "set", films, about={"anatomy": "figure"} | about)
    settings = figure.SETTINGS | {"train_patches": 400, "patches": 100}
    header = recipes.train("joint-displacement", dataset, folder / "figure.safetensors", settings=settings)
    return header, load_model(folder / "figure.safetensors")


def test_the_header_says_what_it_segments(trained, about):
    header, model = trained
    assert header.tasks == model.header.tasks == ("detect", "segment")
    assert [dict(c) for c in model.header.extra["circles"]][0]["name"] == "figure-head"
    assert model.header.metrics["outlines_right_within_mm"] == pytest.approx(2.5, abs=0.01)
    assert 0 < model.header.metrics["mean_point_to_curve_mm"] < 2
    assert model.header.accuracy.startswith("mean point to curve")


def test_the_confidence_was_learnt_from_spoilt_films(trained):
    _, model = trained
    reliability = model.detector.outlines.reliability
    assert max(reliability.slopes) > 0 and min(reliability.slopes) >= 0
    pixels, landmarks = figure.figure(400)
    good = model.segment(Radiograph(pixels, (0.5, 0.5), "calibrated")).bones[0]
    wrong = model.segment(Radiograph(pixels.max() - pixels, (0.5, 0.5), "calibrated")).bones[0]
    truth = np.array([landmarks[name] for name in good.names])
    assert np.linalg.norm(good.points_px - truth, axis=1).mean() < 4
    assert good.confidence > 0.5 > wrong.confidence and not wrong.found
