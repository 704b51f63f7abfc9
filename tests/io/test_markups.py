import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_xray_landmarks import io
from napari_xray_landmarks.errors import FileError
from napari_xray_landmarks.io import markups
from napari_xray_landmarks.landmarks import Contour, LandmarkSet

names = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=12).filter(str.strip)
numbers = st.floats(-1e4, 1e4)


@st.composite
def landmark_sets(draw):
    found = draw(st.lists(names, min_size=1, max_size=5, unique=True))
    count, ndim = len(found), draw(st.sampled_from([2, 3]))
    points = draw(st.lists(st.tuples(*[numbers] * ndim), min_size=count, max_size=count))
    confidence = draw(st.lists(st.one_of(st.just(float("nan")), st.floats(0, 1)), min_size=count, max_size=count))
    detected = draw(st.lists(st.booleans(), min_size=count, max_size=count))
    return LandmarkSet(found, points, confidence, detected, draw(st.sampled_from(["mm", "px"])))


def same(a: LandmarkSet, b: LandmarkSet) -> bool:
    return (a.names == b.names and a.unit == b.unit and np.array_equal(a.points, b.points, equal_nan=True)
            and np.array_equal(a.confidence, b.confidence, equal_nan=True) and np.array_equal(a.detected, b.detected))


@pytest.mark.parametrize("ending", [".mrk.json", ".fcsv"])
@settings(deadline=None, max_examples=50)
@given(landmarks=landmark_sets())
def test_landmarks_come_back_exactly(tmp_path_factory, ending, landmarks):
    path = tmp_path_factory.mktemp("m") / f"a{ending}"
    io.save_landmarks(path, landmarks)
    assert same(io.load_landmarks(path), landmarks)


def test_points_without_a_position_come_back_unknown(tmp_path):
    marks = LandmarkSet(("a", "b"), [[1, 2], [np.nan, np.nan]], [0.5, np.nan])
    io.save_landmarks(tmp_path / "a.mrk.json", marks)
    assert same(io.load_landmarks(tmp_path / "a.mrk.json"), marks)
    with pytest.raises(FileError, match="without a position: b"):
        io.save_landmarks(tmp_path / "a.fcsv", marks)


def test_a_film_lies_where_slicer_puts_it(tmp_path):
    marks = LandmarkSet(("head",), [[10, 30]], [0.9])
    io.save_landmarks(tmp_path / "a.mrk.json", marks, spacing_mm=(0.5, 0.2))
    entry = json.loads((tmp_path / "a.mrk.json").read_text())["markups"][0]
    assert (entry["type"], entry["coordinateSystem"], entry["coordinateUnits"]) == ("Fiducial", "LPS", "mm")
    assert entry["controlPoints"][0]["position"] == [6.0, 5.0, 0.0]
    assert entry["controlPoints"][0]["label"] == "head" and "0.9" in entry["controlPoints"][0]["description"]


def test_a_volume_is_written_in_lps(tmp_path):
    io.save_landmarks(tmp_path / "a.mrk.json", LandmarkSet(("x",), [[30, 20, 10]], unit="mm"))
    entry = json.loads((tmp_path / "a.mrk.json").read_text())["markups"][0]
    assert entry["controlPoints"][0]["position"] == [10.0, 20.0, 30.0]


def test_unknown_spacing_is_said_in_the_file(tmp_path):
    io.save_landmarks(tmp_path / "a.mrk.json", LandmarkSet(("x",), [[10, 30]]))
    assert json.loads((tmp_path / "a.mrk.json").read_text())["markups"][0]["coordinateUnits"][0] == "{pixels}"


def test_the_file_follows_the_published_shape(tmp_path):
    """The parts of 3D Slicer's markups schema 1.0.3 that Slicer's reader requires."""
    io.save_landmarks(tmp_path / "a.mrk.json", LandmarkSet(("x",), [[10, 30]]))
    document = json.loads((tmp_path / "a.mrk.json").read_text())
    assert document["@schema"].endswith("markups-schema-v1.0.3.json#")
    units = document["markups"][0]["coordinateUnits"]
    assert units in ("mm", "um") or (len(units) == 3 and all(isinstance(u, str) for u in units))
    point = document["markups"][0]["controlPoints"][0]
    assert len(point["position"]) == 3 and point["positionStatus"] == "defined"


def document(system, positions, labels=None, kind="Fiducial", **more):
    labels = labels or [f"P{i}" for i in range(len(positions))]
    points = [{"label": n, "position": p} for n, p in zip(labels, positions, strict=True)]
    return json.dumps({"markups": [{"type": kind, "coordinateSystem": system, "controlPoints": points, **more}]})


def test_ras_and_lps_of_the_same_point_agree(tmp_path):
    (tmp_path / "ras.mrk.json").write_text(document("RAS", [[-1, -2, 3], [-4, -5, 6]]))
    (tmp_path / "lps.mrk.json").write_text(document("LPS", [[1, 2, 3], [4, 5, 6]]))
    (tmp_path / "ras.fcsv").write_text(
        "# Markups fiducial file version = 4.10\n# CoordinateSystem = 0\n"
        "# columns = id,x,y,z,ow,ox,oy,oz,vis,sel,lock,label,desc,associatedNodeID\n"
        "vtkMRMLMarkupsFiducialNode_0,-1,-2,3,0,0,0,1,1,1,0,P0,,\n1,-4,-5,6,0,0,0,1,1,1,0,P1,,vtkMRML,2,0\n")
    (tmp_path / "lps.fcsv").write_text(
        "# Markups fiducial file version = 5.0\n# CoordinateSystem = LPS\n"
        "# columns = id,x,y,z,ow,ox,oy,oz,vis,sel,lock,label,desc,associatedNodeID\n"
        "1,1,2,3,0,0,0,1,1,1,0,P0,,\n2,4,5,6,0,0,0,1,1,1,0,P1,,\n")
    for name in ("ras.mrk.json", "lps.mrk.json", "ras.fcsv", "lps.fcsv"):
        marks = io.load_landmarks(tmp_path / name)
        assert marks.names == ("P0", "P1") and marks.unit == "mm"
        assert np.array_equal(marks.points, [[3, 2, 1], [6, 5, 4]]), name


def test_an_old_point_list_without_a_system_is_ras(tmp_path):
    (tmp_path / "a.fcsv").write_text("# Fiducial List file\n# columns = label,x,y,z,sel,vis\nF1,-1,-2,3,1,1\n")
    assert np.array_equal(io.load_landmarks(tmp_path / "a.fcsv").points, [[3, 2, 1]])


def test_points_drawn_on_a_film_in_slicer_are_flat(tmp_path):
    (tmp_path / "a.mrk.json").write_text(document("RAS", [[-1, -2, 0], [-4, -5, 0]]))
    assert np.array_equal(io.load_landmarks(tmp_path / "a.mrk.json").points, [[2, 1], [5, 4]])


def test_our_own_3d_points_at_height_zero_stay_3d(tmp_path):
    marks = LandmarkSet(("a",), [[0.0, 1, 2]], unit="mm")
    io.save_landmarks(tmp_path / "a.mrk.json", marks)
    assert same(io.load_landmarks(tmp_path / "a.mrk.json"), marks)


def test_contours_come_back(tmp_path):
    closed = Contour([[0, 1], [2, 3], [4, 0.1]], "femur", unit="mm", confidence=np.array([0.25, np.nan, 1]),
                     names=("head", "neck", "shaft"), found=False)
    line = Contour([[0, 1, 5], [2, 3, 4]], "line", closed=False, unit="mm")
    io.write_contours(tmp_path / "c.mrk.json", [closed, line])
    kinds = [m["type"] for m in json.loads((tmp_path / "c.mrk.json").read_text())["markups"]]
    assert kinds == ["ClosedCurve", "Curve"]
    for before, after in zip((closed, line), io.read_contours(tmp_path / "c.mrk.json"), strict=True):
        assert (before.name, before.closed, before.unit) == (after.name, after.closed, after.unit)
        assert np.array_equal(before.points, after.points)
        assert (before.names, before.found) == (after.names, after.found)
    assert np.array_equal(io.read_contours(tmp_path / "c.mrk.json")[0].confidence, closed.confidence, equal_nan=True)


@pytest.mark.parametrize(("text", "problem"), [
    ("hello", "is not JSON"),
    ("[" * 100_000, "is not JSON"),
    ("{}", "no list 'markups'"),
    ('{"markups": [3]}', "no list 'markups'"),
    (document("LPS", [[1, 2]]), r"point 1: position is \[1, 2\]"),
    (document("LPS", [[1, 2, float("nan")]]), "three finite numbers"),
    (document("LPS", [["1", 2, 3]]), "three finite numbers"),
    (document("IJK", [[1, 2, 3]]), "coordinateSystem is 'IJK'"),
    (document("LPS", [[1, 2, 3]], coordinateUnits="inch"), "coordinateUnits is 'inch'"),
    (document("LPS", [[1, 2, 3], [2, 2, 2], [3, 3, 3]], ["a", "b", "a"]), "landmarks twice: a"),
    (document("LPS", [[1, 2, 3], [2, 2, 2]], kind="Line"), "holds no point list"),
])
def test_bad_markups_say_what(tmp_path, text, problem):
    (tmp_path / "bad.mrk.json").write_text(text)
    with pytest.raises(FileError, match=problem) as caught:
        io.load_landmarks(tmp_path / "bad.mrk.json")
    assert "bad.mrk.json" in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(("text", "problem"), [
    ("just text\n", "no header"),
    ("# CoordinateSystem = 2\n1,1,2,3,0,0,0,1,1,1,0,P0,,\n", "CoordinateSystem is '2'"),
    ("# CoordinateSystem = LPS\n1,1,two,3,0,0,0,1,1,1,0,P0,,\n", "point 1 has no position"),
    ("# CoordinateSystem = LPS\n", "holds no point"),
    ("# CoordinateSystem = LPS\n1,1,2,3,0,0,0,1,1,1,0,P,,\n1,1,2,3,0,0,0,1,1,1,0,P,,\n", "twice: P"),
])
def test_bad_point_lists_say_what(tmp_path, text, problem):
    (tmp_path / "bad.fcsv").write_text(text)
    with pytest.raises(FileError, match=problem):
        io.load_landmarks(tmp_path / "bad.fcsv")


@pytest.mark.parametrize("ending", [".mrk.json", ".fcsv"])
@settings(deadline=None, max_examples=100)
@given(junk=st.binary(max_size=40), at=st.integers(0, 900))
def test_mutated_files_raise_nothing_else(tmp_path_factory, ending, junk, at):
    path = tmp_path_factory.mktemp("m") / f"a{ending}"
    io.save_landmarks(path, LandmarkSet(("a", "b"), [[1, 2], [3, 4]], [0.5, 1]), spacing_mm=(0.1, 0.1))
    content = path.read_bytes()
    path.write_bytes(content[:at] + junk + content[at + len(junk):])
    try:
        io.load_landmarks(path)
    except FileError as error:
        assert "\n" not in str(error)


json_values = st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
                           lambda inner: st.lists(inner, max_size=4) | st.dictionaries(
                               st.sampled_from(["position", "label", "description", "positionStatus"]) | st.text(
                                   max_size=3), inner, max_size=4), max_leaves=12)


@settings(deadline=None, max_examples=200)
@given(st.dictionaries(st.sampled_from(["type", "controlPoints", "coordinateUnits", "coordinateSystem", "name",
                                        "xrayLandmarks"]), json_values), st.booleans())
def test_any_json_raises_nothing_else(tmp_path_factory, entry, fiducial):
    path = tmp_path_factory.mktemp("m") / "a.mrk.json"
    path.write_text(json.dumps({"markups": [{**entry, "type": "Fiducial"} if fiducial else entry]}))
    for read in (io.load_landmarks, io.read_contours):
        try:
            read(path)
        except FileError as error:
            assert "\n" not in str(error)


def test_descriptions_are_read_back():
    assert markups.confidence_and_detected(markups.describe(0.125, False)) == (0.125, False)
    confidence, detected = markups.confidence_and_detected("drawn by hand")
    assert np.isnan(confidence) and detected
