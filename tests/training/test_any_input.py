"""Whatever stands in the tables: it is read, or refused in one line."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from napari_xray_landmarks.errors import FileError
from napari_xray_landmarks.training import read_training_set
from napari_xray_landmarks.training.importers import read_xy_json, read_xy_lines

CELLS = st.sampled_from(
    ["one", "one.png", "two", "a", "b", "1", "2.5", "-3", "nan", "inf", "", " ", '"', "1e400", "é", "x\ny", "\x00"]
)
HEADERS = st.sampled_from(
    ["image,landmark,row_px,column_px", "image,landmark,row_px,column_px,annotator", "image,spacing_mm,subject,split"]
)
TABLES = st.text(max_size=80) | st.builds(
    lambda header, rows: "\n".join([header, *(",".join(row) for row in rows)]),
    HEADERS,
    st.lists(st.lists(CELLS, min_size=3, max_size=6), max_size=5),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("set")
    (path / "images").mkdir()
    for name in ("one.png", "two.png"):
        Image.fromarray(np.zeros((9, 9), np.uint8)).save(path / "images" / name)
    return path


def read_or_refuse(read, *arguments):
    try:
        return read(*arguments)
    except FileError as error:
        assert "\n" not in str(error)
        assert "Traceback" not in str(error)
        return None


@settings(max_examples=150, deadline=None)
@given(text=TABLES)
def test_any_landmark_table(folder, text):
    (folder / "images.csv").unlink(missing_ok=True)
    (folder / "landmarks.csv").write_bytes(text.encode("utf-8", "replace"))
    dataset = read_or_refuse(read_training_set, folder)
    if dataset is not None:
        assert not np.isinf(dataset.points_px).any()
        assert len(set(dataset.landmark_names)) == len(dataset.landmark_names)


@settings(max_examples=100, deadline=None)
@given(text=TABLES)
def test_any_image_table(folder, text):
    (folder / "landmarks.csv").write_text("image,landmark,row_px,column_px\none,a,1,2\n")
    (folder / "images.csv").write_bytes(text.encode("utf-8", "replace"))
    dataset = read_or_refuse(read_training_set, folder)
    if dataset is not None:
        assert all(film.subject for film in dataset.films)


@settings(max_examples=100, deadline=None)
@given(content=st.binary(max_size=60) | st.lists(st.sampled_from([b"1,2", b"3", b"a,b", b"nan,1"])).map(b"\n".join))
def test_any_text_file_of_points(folder, content):
    (folder / "p.txt").write_bytes(content)
    read_or_refuse(read_xy_lines, folder / "p.txt")


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["001", "l1", "l2"]), inner),
    max_leaves=8,
)


@settings(max_examples=100, deadline=None)
@given(content=st.binary(max_size=60) | VALUES.map(lambda value: json.dumps(value).encode()))
def test_any_json_of_points(folder, content):
    (folder / "p.json").write_bytes(content)
    read_or_refuse(read_xy_json, folder / "p.json")
