"""A run that stops goes on where it was, and only with the data and settings that it began with."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from napari_xray_landmarks.errors import FileError, InputError
from napari_xray_landmarks.training import read_training_set
from napari_xray_landmarks.training.recipes import train
from napari_xray_landmarks.training.runs import fingerprint, open_run


@pytest.fixture
def dataset(tmp_path):
    (tmp_path / "set" / "images").mkdir(parents=True)
    for name in ("one.png", "two.png"):
        Image.fromarray(np.arange(600, dtype=np.uint8).reshape(20, 30)).save(tmp_path / "set" / "images" / name)
    (tmp_path / "set" / "landmarks.csv").write_text("image,landmark,row_px,column_px\none,a,1,2\ntwo,a,3,4\n")
    return read_training_set(tmp_path / "set")


def begin(folder, dataset, **changes):
    options = {"recipe": "joint-displacement", "settings": {"alpha": 0.1}, "seed": 3, "dataset": dataset}
    return open_run(folder, **options | changes)


def test_a_finished_stage_is_not_computed_again(tmp_path, dataset):
    arrays = {"x": np.arange(6.0).reshape(2, 3), "n": np.array(4)}
    run = begin(tmp_path / "run", dataset)
    assert not run.is_finished("features")
    run.stage("features", lambda: arrays)
    found = begin(tmp_path / "run", dataset).stage("features", lambda: pytest.fail("computed again"))
    for name, array in arrays.items():
        np.testing.assert_array_equal(found[name], array)
        assert found[name].shape == array.shape
    run.remove()
    assert not (tmp_path / "run").exists()


def test_a_stage_that_fails_or_is_damaged_is_computed_again(tmp_path, dataset):
    run = begin(tmp_path / "run", dataset)
    with pytest.raises(ZeroDivisionError):
        run.stage("features", lambda: {"x": np.array(1 // 0)})
    assert not run.is_finished("features")
    (tmp_path / "run" / "stage-features.safetensors").write_bytes(b"cut")
    assert run.stage("features", lambda: {"x": np.array(5)})["x"] == 5


@pytest.mark.parametrize(
    ("changes", "what"),
    [({"seed": 4}, "seed"), ({"settings": {"alpha": 0.2}}, "settings"), ({"recipe": "other"}, "recipe")],
)
def test_a_run_with_other_choices_is_refused(tmp_path, dataset, changes, what):
    begin(tmp_path / "run", dataset)
    with pytest.raises(FileError, match=f"belongs to a run with another {what}. Delete the folder"):
        begin(tmp_path / "run", dataset, **changes)


def test_a_run_with_other_landmarks_is_refused(tmp_path, dataset):
    begin(tmp_path / "run", dataset)
    moved = replace(dataset, points_px=dataset.points_px + 1e-9)
    assert fingerprint(moved) != fingerprint(dataset) == fingerprint(read_training_set(dataset.folder))
    with pytest.raises(FileError, match="another data"):
        begin(tmp_path / "run", moved)


def test_a_folder_with_other_files_is_left_alone(tmp_path, dataset):
    (tmp_path / "mine.txt").write_text("x")
    with pytest.raises(FileError, match="holds files but no readable run.json"):
        begin(tmp_path, dataset)
    assert (tmp_path / "mine.txt").exists()


def test_training_refuses_what_it_cannot_do(tmp_path, dataset):
    with pytest.raises(InputError, match="magic: is no recipe. Recipes are: joint-displacement"):
        train("magic", dataset, tmp_path / "m.safetensors")
    with pytest.raises(FileError, match="cannot end in '.pt'"):
        train("joint-displacement", dataset, tmp_path / "m.pt")
    with pytest.raises(FileError, match="there is no folder"):
        train("joint-displacement", dataset, tmp_path / "none" / "m.safetensors")
    with pytest.raises(InputError, match="there is no setting 'alfa'"):
        train("joint-displacement", dataset, tmp_path / "m.safetensors", settings={"alfa": 1})
    with pytest.raises(InputError, match="only 1 of 1 films have landmarks"):
        train("joint-displacement", dataset.subset(["one.png"]), tmp_path / "m.safetensors")
    assert not (tmp_path / "m.run").exists()
