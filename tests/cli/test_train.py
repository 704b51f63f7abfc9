"""What `train` says of the model that it wrote."""

from pathlib import Path

import pytest

from napari_xray_landmarks.cli.train import how_to_use
from napari_xray_landmarks.models.format import read_model_header
from napari_xray_landmarks.models.registry import find_model


@pytest.mark.parametrize(("model", "command"), [("pelvis-ap", "detect"), ("hip-fluoroscopy", "segment"),
                                                ("complete-femur-ap", "segment")])
def test_a_model_is_used_for_what_it_was_trained_for(model, command):
    header = read_model_header(find_model(model))
    assert how_to_use(header, Path("my.safetensors")) == f"xray-landmarks {command} FILM --model my.safetensors -o OUT"


@pytest.mark.parametrize(("options", "parts"), [
    (("--devices", "2"), ("--devices 2", "does not go with joint-displacement", "no network")),
    (("--precision", "32"), ("--precision 32", "no network")),
    (("--devices", "two"), ("--devices two", "1 or more, or auto")),
    (("--device", "cpu", "--accelerator", "cuda"), ("--accelerator cuda", "contradicts --device cpu")),
    (("--precision", "64"), ("64", "--help")),
])  # fmt: skip
def test_devices_that_do_not_go_with_it_are_refused_in_a_line(run, training_folder, tmp_path, options, parts):
    outcome = run("train", "joint-displacement", "--data", training_folder, "-o", tmp_path / "m.safetensors", *options)
    outcome.assert_bad_input(*parts)
    assert not list(tmp_path.iterdir())


def test_precision_that_is_not_there_is_refused_before_anything_is_made(run, training_folder, tmp_path):
    torch = pytest.importorskip("torch")
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    run("train", "view-invariant", "--data", training_folder, "-o", tmp_path / "m.safetensors", "--precision",
        "16-mixed").assert_bad_input("--precision 16-mixed", "needs CUDA")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("recipe", "start", "parts"), [
    ("shape-model", "pelvis-ap", ("--start", "does not go with shape-model")),
    ("deep-shape", "pelvis-ap", ("--start", "does not go with deep-shape")),
    ("joint-displacement", "pelvis-ap", ("joint-displacement", "begins with no other model", "view-invariant")),
    ("view-invariant", "pelvis-ap", ("pelvis-ap", "is one of joint-displacement, not of view-invariant")),
    ("view-invariant", "pelvis-any-view", ("pelvis-any-view", "has 23 landmarks")),
    ("view-invariant", "no-such-model", ("no-such-model",)),
])  # fmt: skip
def test_a_start_that_does_not_fit_is_refused_in_a_line(run, training_folder, tmp_path, recipe, start, parts):
    outcome = run("train", recipe, "--data", training_folder, "-o", tmp_path / "m.safetensors", "--start", start)
    outcome.assert_bad_input(*parts)
    assert not list(tmp_path.iterdir())


def test_the_models_folder_is_made(run, training_folder, tmp_path):
    model = tmp_path / "mine" / "today" / "m.safetensors"
    small = ("--set", "levels=1", "--set", "resolution=16", "--set", "train_patches=200", "--set", "components=16")
    assert run("train", "joint-displacement", "--data", training_folder, "-o", model, *small).code == 0
    assert read_model_header(model).name == "m"


def test_no_folder_is_made_for_a_file_that_is_no_model(run, training_folder, tmp_path):
    run("train", "joint-displacement", "--data", training_folder, "-o", tmp_path / "mine" / "m.csv").assert_bad_input(
        "m.csv", "cannot end in '.csv'")
    assert not list(tmp_path.iterdir())
