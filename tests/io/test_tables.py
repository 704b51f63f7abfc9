import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_xray_landmarks import io
from napari_xray_landmarks.errors import FileError
from napari_xray_landmarks.io import tables
from napari_xray_landmarks.io.tables import Detections
from napari_xray_landmarks.landmarks import Contour, LandmarkSet

names = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=12)
numbers = st.floats(-1e5, 1e5)
confidences = st.one_of(st.just(float("nan")), st.floats(0, 1))
spacings = st.one_of(st.none(), st.tuples(st.floats(0.01, 5), st.floats(0.01, 5)))


@st.composite
def landmark_sets(draw, ndim=2):
    found = draw(st.lists(names, min_size=1, max_size=5, unique=True))
    points = draw(st.lists(st.tuples(*[numbers] * ndim), min_size=len(found), max_size=len(found)))
    confidence = draw(st.lists(confidences, min_size=len(found), max_size=len(found)))
    detected = draw(st.lists(st.booleans(), min_size=len(found), max_size=len(found)))
    return LandmarkSet(found, points, confidence, detected)


def same(a: LandmarkSet, b: LandmarkSet) -> bool:
    return (a.names == b.names and a.unit == b.unit and np.array_equal(a.points, b.points, equal_nan=True)
            and np.array_equal(a.confidence, b.confidence, equal_nan=True) and np.array_equal(a.detected, b.detected))


@settings(deadline=None, max_examples=50)
@given(st.dictionaries(names, st.tuples(landmark_sets(), spacings), min_size=1, max_size=3))
def test_detections_come_back_exactly(tmp_path_factory, images):
    path = tmp_path_factory.mktemp("t") / "d.csv"
    io.write_detections(path, [Detections(image, marks, spacing) for image, (marks, spacing) in images.items()])
    found = io.read_detections(path)
    assert list(found) == list(images)
    for image, (marks, spacing) in images.items():
        assert same(found[image].landmarks, marks)
        if spacing is None:
            assert found[image].spacing_mm is None
        elif (np.abs(marks.points) > 1e-3).any(0).all():
            assert np.allclose(found[image].spacing_mm, spacing, rtol=1e-9)


def test_the_columns_are_those_of_the_contract(tmp_path):
    marks = LandmarkSet(("head", "guess"), [[10.5, 20], [1, 2]], [0.75, np.nan], [True, False])
    io.write_detections(tmp_path / "d.csv", [Detections("a", marks, (0.2, 0.5)), Detections("b", marks)])
    assert (tmp_path / "d.csv").read_text().splitlines() == [
        "image,landmark,row_px,column_px,row_mm,column_mm,confidence,detected",
        "a,head,10.5,20.0,2.1,10.0,0.75,true",
        "a,guess,1.0,2.0,0.2,1.0,,false",
        "b,head,10.5,20.0,,,0.75,true",
        "b,guess,1.0,2.0,,,,false",
    ]
    assert io.read_detections(tmp_path / "d.csv")["a"].spacing_mm == (0.2, 0.5)


def test_a_training_table_reads_too(tmp_path):
    (tmp_path / "l.csv").write_text("\ufeffimage,landmark,row_px,column_px\nx.png,A,1,2\nx.png,B,3,4\n")
    marks = io.load_landmarks(tmp_path / "l.csv")
    assert marks.names == ("A", "B") and marks.detected.all() and np.isnan(marks.confidence).all()


def test_one_image_must_be_named_where_there_are_several(tmp_path):
    marks = LandmarkSet(("A",), [[1, 2]])
    io.write_detections(tmp_path / "d.csv", {"x": Detections("x", marks), "y": Detections("y", marks)})
    with pytest.raises(FileError, match=r"landmarks of 2 images \(x, y\)"):
        io.load_landmarks(tmp_path / "d.csv")
    assert same(io.load_landmarks(tmp_path / "d.csv", image="y"), marks)


@pytest.mark.parametrize(("text", "problem"), [
    ("a,b\n1,2\n", "has no column"),
    ("image,landmark,row_px,column_px\nx,A,1\n", "line 2 has no column_px"),
    ("image,landmark,row_px,column_px\nx,A,1,2,3\n", "too many cells"),
    ("image,landmark,row_px,column_px\nx,A,one,2\n", "row_px is 'one', not a number"),
    ("image,landmark,row_px,column_px\nx,A,inf,2\n", "row_px is 'inf'"),
    ("image,landmark,row_px,column_px\nx,A,1,2\nx,A,3,4\nx,B,1,1\n", "landmarks twice: A"),
    ("image,landmark,row_px,column_px,confidence\nx,A,1,2,1.5\n", "confidence must lie in"),
    ("image,landmark,row_px,column_px,detected\nx,A,1,2,maybe\n", "detected is 'maybe'"),
    ('image,landmark,row_px,column_px\nx,"A,1,2\n', "line"),
])
def test_bad_tables_say_where_and_what(tmp_path, text, problem):
    (tmp_path / "bad.csv").write_text(text)
    with pytest.raises(FileError, match=problem) as caught:
        io.read_detections(tmp_path / "bad.csv")
    assert "bad.csv" in str(caught.value) and "\n" not in str(caught.value)


@settings(deadline=None, max_examples=100)
@given(st.binary(max_size=200), st.integers(0, 150))
def test_mutated_tables_raise_nothing_else(tmp_path_factory, junk, at):
    path = tmp_path_factory.mktemp("t") / "m.csv"
    marks = LandmarkSet(("A", "B"), [[1, 2], [3, 4]], [0.5, 1])
    io.save_landmarks(path, marks, spacing_mm=(0.1, 0.1))
    content = path.read_bytes()
    path.write_bytes(content[:at] + junk + content[at + len(junk):])
    try:
        io.load_landmarks(path)
    except FileError as error:
        assert "\n" not in str(error)


def test_points_that_a_table_cannot_hold_are_refused(tmp_path):
    with pytest.raises(FileError, match="3D"):
        io.save_landmarks(tmp_path / "a.csv", LandmarkSet(("A",), [[1, 2, 3]], unit="mm"), spacing_mm=(1, 1))
    with pytest.raises(FileError, match="spacing is not known"):
        io.save_landmarks(tmp_path / "a.csv", LandmarkSet(("A",), [[1, 2]], unit="mm"))
    assert list(tmp_path.iterdir()) == []


def test_contours_come_back_by_image(tmp_path):
    closed = Contour([[0, 1], [2, 3], [4, 0.1]], "femur, left", confidence=np.array([0.1, np.nan, 1]),
                     names=("head", "neck, inferior", "shaft"), found=False)
    open_ = Contour([[7, 1], [2, 3]], "line", closed=False)
    tables.write_contours(tmp_path / "c.csv", [closed, open_], image_name="x", spacing_mm=(0.2, 0.3))
    found = tables.read_contours(tmp_path / "c.csv")
    assert list(found) == ["x"] and tables.contour_spacings(tmp_path / "c.csv") == {"x": (0.2, 0.3)}
    for before, after in zip((closed, open_), found["x"], strict=True):
        assert (before.name, before.closed, after.unit) == (after.name, after.closed, "px")
        assert (before.names, before.found) == (after.names, after.found)
        assert np.array_equal(before.points, after.points)
    assert np.array_equal(found["x"][0].confidence, closed.confidence, equal_nan=True)
    assert found["x"][1].confidence is None
