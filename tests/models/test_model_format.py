"""The model file: exact round trips, and one clear line for whatever else is in a file."""

import json
import pickle
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from safetensors.numpy import save_file

from napari_xray_landmarks import __version__
from napari_xray_landmarks.errors import FileError, ModelError
from napari_xray_landmarks.models import ModelHeader, read_model_file, read_model_header, save_model

NAMES = ("left teardrop", "right teardrop", "symphysis", "Größe")
TENSORS = {"features": np.arange(12, dtype=np.float32).reshape(3, 4), "count": np.array(7), "flags": np.ones(3, bool)}


def header(**changes) -> ModelHeader:
    values = {
        "method": "joint-displacement",
        "anatomy": "pelvis",
        "landmarks": NAMES,
        "settings": {"alpha": 0.1, "method": "joint"},
        "training": {"films": 20, "spacing_mm": np.array([0.5, 0.5])},
        "metrics": {"mean_radial_error_px": np.float64(1.25), "median": float("nan")},
        "licence": "CC-BY-4.0",
        "citation": "Somebody,\nsomewhere",
        "extra": {"schema": {"pairs": [NAMES[:2]], "subshapes": [NAMES], "closed": True}, "levels": (1, 2)},
    }
    return ModelHeader(**values | changes)


def file_bytes(table: dict | bytes, payload: bytes = b"") -> bytes:
    text = table if isinstance(table, bytes) else json.dumps(table).encode()
    return struct.pack("<Q", len(text)) + text + payload


def metadata(**changes) -> dict:
    values = {
        "format": "napari-xray-landmarks/1",
        "method": "joint-displacement",
        "anatomy": "pelvis",
        "landmarks": '["a", "b"]',
    }
    return {key: value for key, value in (values | changes).items() if value is not None}


def refusal(path, data: bytes | None = None) -> str:
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(ModelError) as caught:
        read_model_file(path)
    line = str(caught.value)
    assert str(path) in line
    assert "\n" not in line
    return line


def test_a_model_comes_back_as_it_was_saved(tmp_path):
    path = tmp_path / "pelvis-ap.safetensors"
    save_model(path, header(), TENSORS)
    found, tensors = read_model_file(path)
    assert found == header(name="pelvis-ap", package_version=__version__)
    assert found.extra["levels"] == (1, 2)
    assert found.metrics["median"] is None
    assert found.schema.pairs == (NAMES[:2],)
    assert found.schema.closed
    assert tensors.keys() == TENSORS.keys()
    for name, array in TENSORS.items():
        assert tensors[name].dtype == array.dtype
        assert tensors[name].shape == array.shape
        np.testing.assert_array_equal(tensors[name], array)
    assert read_model_header(path) == found


def test_a_header_survives_json():
    assert ModelHeader.from_json(header().to_json()) == header()


def test_the_same_model_gives_the_same_bytes(tmp_path):
    paths = [tmp_path / f"{i}.safetensors" for i in range(4)]
    for path in paths:
        save_model(path, header(), TENSORS)
    assert len({path.read_bytes() for path in paths}) == 1


def test_views_are_stored_as_they_look(tmp_path):
    array = np.arange(24.0).reshape(4, 6).T[::-1, ::2]
    save_model(tmp_path / "m.safetensors", header(), {"x": array})
    np.testing.assert_array_equal(read_model_file(tmp_path / "m.safetensors")[1]["x"], array)


@settings(max_examples=60, deadline=None)
@given(
    array=hnp.arrays(
        st.sampled_from([np.float32, np.float64, np.int8, np.int64, np.uint16, np.bool_]),
        hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4),
        elements={"allow_nan": False, "allow_infinity": False},
    ),
    names=st.lists(st.text(st.characters(categories=["L", "N"]), min_size=1), min_size=1, max_size=5, unique=True),
)
def test_any_arrays_and_names_round_trip(tmp_path_factory, array, names):
    path = tmp_path_factory.mktemp("m") / "m.safetensors"
    save_model(path, header(landmarks=names, extra={}), {"x": array})
    found, tensors = read_model_file(path)
    assert found.landmarks == tuple(names)
    assert tensors["x"].dtype == array.dtype
    np.testing.assert_array_equal(tensors["x"], array)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_tensor_that_is_not_finite_is_neither_written_nor_read(tmp_path, bad):
    path = tmp_path / "m.safetensors"
    with pytest.raises(ModelError, match="'x' holds NaN or infinity"):
        save_model(path, header(), {"x": np.array([1.0, bad])})
    assert not path.exists()
    save_file({"x": np.array([1.0, bad])}, path, metadata())
    assert "'x' holds NaN or infinity" in refusal(path)


def test_objects_and_other_endings_are_not_written(tmp_path):
    with pytest.raises(ModelError, match="type object"):
        save_model(tmp_path / "m.safetensors", header(), {"x": np.array([{}])})
    with pytest.raises(FileError, match="cannot end in '.pt'"):
        save_model(tmp_path / "m.pt", header(), TENSORS)
    assert list(tmp_path.iterdir()) == []


def test_a_failed_save_leaves_the_old_model(tmp_path):
    path = tmp_path / "m.safetensors"
    save_model(path, header(), TENSORS)
    before = path.read_bytes()
    with pytest.raises(ModelError):
        save_model(path, header(anatomy="femur"), {"x": np.array([np.nan])})
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"format": "other/1"}, "its format is 'other/1'"),
        ({"format": None}, "no 'format'"),
        ({"method": "magic"}, "its method is 'magic'; known are: joint-displacement"),
        ({"method": None}, "no 'method'"),
        ({"anatomy": " "}, "its anatomy is empty"),
        ({"landmarks": None}, "no 'landmarks'"),
        ({"landmarks": '["a", "a"]'}, "names the landmark 'a' twice"),
        ({"landmarks": "[]"}, "1 to 10000 landmarks, got 0"),
        ({"landmarks": '"ab"'}, "must be a list of names"),
        ({"landmarks": '["a", 3]'}, "no usable name: '3'"),
        ({"landmarks": '["\\u001b[2J"]'}, "no usable name"),
        ({"landmarks": "['a']"}, "not JSON"),
        ({"landmarks": "[" * 100_000}, "nested too deeply"),
        ({"settings": "[]"}, "its settings must be a mapping"),
        ({"settings": '{"alpha": NaN}'}, "NaN is not a JSON number"),
        ({"settings": '{"alpha": 1, "alpha": 2}'}, "'alpha' stands there twice"),
        ({"settings": '{"deep": ' + "[" * 200 + "]" * 200 + "}"}, "nested too deeply"),
        ({"training": '{"who": "\\ud800"}'}, "no Unicode"),
        ({"citation": "x" * 30_000}, "its citation is too long"),
        ({"schema": '{"pairs": [["a", "c"]]}'}, "groups unknown landmarks: ['c']"),
        ({"schema": '{"pairs": 3}'}, "its schema is damaged"),
        ({"schema": "[1]"}, "its schema must be a mapping"),
        ({"licence": "a\x1b[31m"}, "its licence is too long or holds unprintable"),
    ],
)
def test_a_header_that_will_not_do_is_named(tmp_path, changes, expected):
    assert expected in refusal(tmp_path / "m.safetensors", file_bytes({"__metadata__": metadata(**changes)}))


def tensor(**changes) -> bytes:
    entry = {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]} | changes
    return file_bytes({"__metadata__": metadata(), "x": entry}, bytes(24))


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", "has only 0 bytes"),
        (b"1234567", "has only 7 bytes"),
        (struct.pack("<Q", 2**63) + b"{}", "truncated or no .safetensors file"),
        (struct.pack("<Q", 100) + b"{}", "truncated or no .safetensors file"),
        (pickle.dumps({"weights": list(range(100))}), "is a pickle or zip archive"),
        (b"PK\x03\x04" + bytes(100), "is a pickle or zip archive"),
        (file_bytes(b"not json"), "not JSON"),
        (file_bytes(b"\xff\xfe{}"), "not JSON"),
        (file_bytes(b"[]"), "no JSON object"),
        (file_bytes(b"{}"), "of another program"),
        (file_bytes({"__metadata__": {"format": 3}}), "of another program"),
        (file_bytes(b'{"a": 1, "a": 2}'), "'a' stands there twice"),
        (tensor(shape=[2**40, 2**40]), "has the shape [1099511627776"),
        (tensor(shape=[0, 10**30]), "has the shape"),
        (tensor(shape=[-2, -3]), "has the shape"),
        (tensor(shape=[True, 6]), "has the shape"),
        (tensor(shape=[1] * 60), "has the shape"),
        (tensor(shape=[2, 4]), "stands in 24 bytes"),
        (tensor(dtype="F64"), "stands in 24 bytes"),
        (tensor(dtype="OBJ"), "no usable type"),
        (tensor(data_offsets=[0]), "no usable type"),
        (tensor(data_offsets=[4, 28]), "gap or overlap"),
        (tensor()[:-1], "is truncated"),
        (tensor() + b"x", "is truncated or damaged"),
    ],
)
def test_damaged_and_malicious_files_end_in_one_line(tmp_path, data, expected):
    assert expected in refusal(tmp_path / "m.safetensors", data)


def test_missing_files_and_folders_are_named(tmp_path):
    assert "No such file" in refusal(tmp_path / "none.safetensors")
    assert "is a folder" in refusal(tmp_path)


def test_a_pickle_is_not_run(tmp_path):
    class Trap:
        def __reduce__(self):
            return (open, (str(tmp_path / "sprung"), "w"))

    refusal(tmp_path / "m.safetensors", pickle.dumps(Trap()))
    assert not (tmp_path / "sprung").exists()


def test_a_sparse_giant_is_refused_by_its_size(tmp_path):
    path = tmp_path / "m.safetensors"
    with open(path, "wb") as file:
        file.truncate(5 << 30)
    assert "bytes; a model file has at most" in refusal(path)


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> tuple:
    path = tmp_path_factory.mktemp("fuzz") / "m.safetensors"
    save_model(path, header(), TENSORS)
    return path, path.read_bytes()


def read_or_refuse(path, data: bytes):
    path.write_bytes(data)
    try:
        found, tensors = read_model_file(path)
    except ModelError as error:
        assert "\n" not in str(error)
    else:
        assert sum(array.nbytes for array in tensors.values()) <= len(data)
        assert len(set(found.landmarks)) == len(found.landmarks)


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_any_cut_is_refused(whole, data):
    path, content = whole
    length = data.draw(st.integers(0, len(content) - 1))
    refusal(path.with_name("cut.safetensors"), content[:length])


@settings(max_examples=300, deadline=None)
@given(edits=st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), min_size=1, max_size=8))
def test_any_flipped_bytes_are_read_or_refused(whole, edits):
    path, content = whole
    changed = bytearray(content)
    for at, value in edits:
        changed[at % len(changed)] = value
    read_or_refuse(path.with_name("flipped.safetensors"), bytes(changed))


@settings(max_examples=200, deadline=None)
@given(
    table=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["dtype", "shape", "data_offsets", "__metadata__", "format", "x"]), inner)
        ),
        max_leaves=12,
    )
)
def test_any_table_is_read_or_refused(tmp_path_factory, table):
    path = tmp_path_factory.mktemp("table") / "m.safetensors"
    read_or_refuse(path, file_bytes(json.dumps(table).encode()))


@settings(max_examples=150, deadline=None)
@given(
    key=st.sampled_from(["landmarks", "settings", "training", "metrics", "schema", "anatomy", "levels"]),
    text=st.text()
    | st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
        max_leaves=8,
    ).map(json.dumps),
)
def test_any_header_entry_is_read_or_refused(tmp_path_factory, key, text):
    path = tmp_path_factory.mktemp("entry") / "m.safetensors"
    read_or_refuse(path, file_bytes({"__metadata__": metadata(**{key: text})}))
