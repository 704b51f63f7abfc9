"""Files of strangers: nothing in them is run, and no name in them leads out of their folder."""

import ast
import json
import pickle
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import napari_xray_landmarks
from napari_xray_landmarks.cli.cobb import marked_in
from napari_xray_landmarks.cli.manifest import Manifest
from napari_xray_landmarks.errors import FileError, InputError, ModelError
from napari_xray_landmarks.models import load_model
from napari_xray_landmarks.training import read_training_set
from napari_xray_landmarks.training.annotations import open_annotations
from napari_xray_landmarks.training.runs import TrainingRun
from napari_xray_landmarks.training.volumes import read_volume_set

SOURCE = Path(napari_xray_landmarks.__file__).parent
MODULES = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal", "yaml", "imp", "code", "runpy"}
NAMES = {"eval", "exec", "compile", "__import__"}
CALLS = {("np", "load"), ("numpy", "load"), ("torch", "load"), ("torch", "save"), ("pd", "read_pickle"),
         ("os", "system"), ("os", "popen"), ("np", "fromregex"), ("torch", "jit"), ("torch", "hub")}
SUSPECT = re.compile("|".join(sorted({rf"\\b{word}\\b" for word in (
    *MODULES - {"code"}, *NAMES, "allow_pickle", "shell", "import code", *(call for _, call in CALLS))})))
LEADING_OUT = ("../images/film.png", "/etc/passwd", "..\\film.png", "C:\\film.png", "../../etc/passwd", "sub/film.png")


def parsed():
    for path in sorted(SOURCE.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        for node in ast.walk(ast.parse(text)) if SUSPECT.search(text) else ():
            yield f"{path.relative_to(SOURCE)}:{getattr(node, 'lineno', 0)}", node


def test_nothing_unpickles_or_runs_text():
    wrong = []
    for where, node in parsed():
        if isinstance(node, ast.Import) and MODULES & {name.name.partition(".")[0] for name in node.names}:
            wrong.append(where)
        elif isinstance(node, ast.ImportFrom) and not node.level and (node.module or "").partition(".")[0] in MODULES:
            wrong.append(where)
        elif isinstance(node, ast.Call):
            called = node.func
            if isinstance(called, ast.Name) and called.id in NAMES:
                wrong.append(where)
            if isinstance(called, ast.Attribute) and isinstance(called.value, ast.Name):
                wrong += [where] if (called.value.id, called.attr) in CALLS else []
            wrong += [where for word in node.keywords if word.arg in ("allow_pickle", "shell")
                      and not (isinstance(word.value, ast.Constant) and word.value.value is False)]
    assert wrong == []


def test_a_pickle_is_not_opened(tmp_path):
    class Evil:
        def __reduce__(self):
            return Path.touch, (tmp_path / "pwned",)

    (tmp_path / "m.safetensors").write_bytes(pickle.dumps(Evil()))
    with pytest.raises(ModelError, match="pickle"):
        load_model(tmp_path / "m.safetensors")
    assert not (tmp_path / "pwned").exists()


@pytest.fixture
def dataset(tmp_path):
    folder = tmp_path / "set"
    (folder / "images").mkdir(parents=True)
    for place in (folder / "images", tmp_path):
        Image.fromarray(np.eye(9, dtype=np.uint8)).save(place / "film.png")
    (folder / "landmarks.csv").write_text("image,landmark,row_px,column_px\nfilm.png,tip,1,2\n")
    return folder


@pytest.mark.parametrize("name", LEADING_OUT)
def test_tables_cannot_name_images_elsewhere(dataset, name):
    good = (dataset / "landmarks.csv").read_text()
    for table, text in (("landmarks.csv", f'image,landmark,row_px,column_px\n"{name}",tip,1,2\n'),
                        ("images.csv", f'image,subject\n"{name}",x\n')):
        (dataset / "landmarks.csv").write_text(good)
        (dataset / table).write_text(text)
        with pytest.raises(FileError, match=r"not in images/|several"):
            read_training_set(dataset)
        (dataset / table).unlink()


@pytest.mark.parametrize("name", LEADING_OUT[:-1])
def test_volume_tables_cannot_name_images_elsewhere(tmp_path, name):
    from napari_xray_landmarks.imaging import Volume
    from napari_xray_landmarks.io import write_volume

    (tmp_path / "masks").mkdir()
    write_volume(tmp_path / "masks" / "a.nii.gz", Volume(np.ones((4, 4, 4), np.uint8)))
    (tmp_path / "images.csv").write_text(f'image,subject\n"{name}",x\n')
    with pytest.raises(FileError, match="not in images/"):
        read_volume_set(tmp_path)


@pytest.mark.parametrize("about", ['{"structures": {"a": 1}, "shapes": [["a"]]}', '{"structures": {"a": [1]}}', "[[]]"])
def test_a_set_of_volumes_whose_about_makes_no_sense(tmp_path, about):
    (tmp_path / "masks").mkdir()
    (tmp_path / "masks" / "a.nii").touch()
    (tmp_path / "about.json").write_text(about)
    with pytest.raises(FileError, match="about.json"):
        read_volume_set(tmp_path)


@pytest.mark.parametrize("name", LEADING_OUT[:-1])
def test_a_manifest_cannot_name_files_elsewhere(tmp_path, name):
    part = {"key": "k", "files": [name], "tables": {}, "lines": [], "skipped": []}
    (tmp_path / "manifest.jsonl").write_text("\n" + json.dumps(part))
    manifest = Manifest(tmp_path / "manifest.jsonl")
    assert manifest.part("k") is None
    manifest.close()


def test_a_table_of_corners_opens_no_film_elsewhere(dataset, tmp_path):
    rows = "".join(f"{name},tip,1,2\n" for name in ("film.png", "../film.png", str(tmp_path / "film.png")))
    (dataset / "marks.csv").write_text("image,landmark,row_px,column_px\n" + rows)
    assert [film.shape for film in marked_in(dataset / "marks.csv", None, None)] == [(9, 9), None, None]


@pytest.mark.parametrize("name", ["../evil", "/tmp/evil", "a/b", "..", "\x00", "CON/../x"])
def test_an_annotators_name_makes_no_file_elsewhere(dataset, tmp_path, name):
    before = {path for path in tmp_path.rglob("*") if dataset not in path.parents}
    try:
        opened = open_annotations(dataset, name)
        opened.mark("film.png", "tip", (1.0, 1.0))
        opened.close()
    except InputError:
        pass
    assert {path for path in tmp_path.rglob("*") if dataset not in path.parents} == before
    assert all(path.parent == dataset / ".annotating" for path in dataset.rglob("by-*"))


@pytest.mark.parametrize("name", ["../evil", "/tmp/evil", "a/b", ""])
def test_a_stage_of_a_run_makes_no_file_elsewhere(tmp_path, name):
    with pytest.raises(ValueError, match="stage's name"):
        TrainingRun(tmp_path).keep(name, {"a": np.zeros(1)})
    assert not list(tmp_path.iterdir())
