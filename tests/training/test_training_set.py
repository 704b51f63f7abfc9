"""The training layout: exact round trips, mean of annotators, folds without leaks, and clear errors."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from napari_xray_landmarks.errors import Cancelled, FileError, InputError
from napari_xray_landmarks.imaging import Radiograph
from napari_xray_landmarks.landmarks import Contour, LandmarkSet
from napari_xray_landmarks.training import read_training_set, split_by_subject
from napari_xray_landmarks.training.films import find_problems, validate
from napari_xray_landmarks.training.writing import SourceFilm, write_training_set

HEADER = "image,landmark,row_px,column_px\n"


def pixels(rows=20, columns=30, dtype=np.uint8) -> np.ndarray:
    return (np.arange(rows * columns).reshape(rows, columns) % 250).astype(dtype)


def marks(*points, names=("a", "b")) -> LandmarkSet:
    return LandmarkSet(names[: len(points)], np.array(points, dtype=float))


@pytest.fixture
def folder(tmp_path):
    """Two films, two landmarks, as a user would prepare them."""
    (tmp_path / "images").mkdir()
    for name in ("one.png", "two.png"):
        Image.fromarray(pixels()).save(tmp_path / "images" / name)
    (tmp_path / "landmarks.csv").write_text(
        HEADER + "one.png,a,1.5,2\none.png,b,3,4\ntwo.png,a,5,6\ntwo.png,b,7,8.25\n"
    )
    return tmp_path


def refusal(folder) -> str:
    with pytest.raises(FileError) as caught:
        read_training_set(folder)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_prepared_folder_is_read(folder):
    dataset = read_training_set(folder)
    assert dataset.landmark_names == ("a", "b")
    assert dataset.annotators == ("",)
    assert [film.name for film in dataset.films] == ["one.png", "two.png"]
    np.testing.assert_array_equal(dataset.landmarks("two.png")["b"], [7, 8.25])
    film, radiograph, landmarks = next(iter(dataset))
    np.testing.assert_array_equal(radiograph.pixels, pixels())
    assert (film.name, radiograph.name, radiograph.unit) == ("one.png", "one.png", "px")
    assert landmarks.names == ("a", "b")


def test_a_name_without_its_ending_and_a_byte_order_mark_will_do(folder):
    (folder / "landmarks.csv").write_text(HEADER + "one, a ,1,2\n", encoding="utf-8-sig")
    np.testing.assert_array_equal(read_training_set(folder).landmarks("one.png")["a"], [1, 2])


def test_blank_lines_and_trailing_commas_do_no_harm(folder):
    (folder / "landmarks.csv").write_text(HEADER + "\none,a,1,2,\n,,,\n\n")
    np.testing.assert_array_equal(read_training_set(folder).landmarks("one.png")["a"], [1, 2])


def test_a_landmark_called_NA_or_1_is_a_name(folder):
    (folder / "landmarks.csv").write_text(HEADER + "one,NA,1,2\none,1,3,4\n")
    assert read_training_set(folder).landmark_names == ("NA", "1")


def test_spacing_comes_from_the_table(folder):
    (folder / "images.csv").write_text("image,spacing_mm,subject,split\none,0.2,s1,train\ntwo,0.2 0.3,s2,test\n")
    dataset = read_training_set(folder)
    assert dataset.film("one.png").spacing_mm == (0.2, 0.2)
    found = dataset.radiograph("two.png")
    assert (found.spacing_mm, found.spacing_source) == ((0.2, 0.3), "images.csv")
    assert [f.name for f in dataset.of_split("test").films] == ["two.png"]
    with pytest.raises(InputError, match="no film is of the split 'val'. Splits in images.csv: 'test', 'train'"):
        dataset.of_split("val")


def test_the_mean_takes_those_who_marked_a_landmark(folder):
    (folder / "landmarks.csv").write_text(
        "image,landmark,row_px,column_px,annotator\none,a,1,2,x\none,a,3,6,y\none,b,5,5,x\none,b,,,y\ntwo,a,9,9,y\n"
    )
    dataset = read_training_set(folder)
    assert dataset.annotators == ("x", "y")
    np.testing.assert_array_equal(dataset.landmarks("one.png").points, [[2, 4], [5, 5]])
    np.testing.assert_array_equal(dataset.landmarks("one.png", "y").points, [[3, 6], [np.nan, np.nan]])
    np.testing.assert_array_equal(dataset.landmarks("two.png").points, [[9, 9], [np.nan, np.nan]])
    with pytest.raises(InputError, match="no annotator 'z'. Annotators are: 'x', 'y'"):
        dataset.points_of("z")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "is empty"),
        (HEADER, "has no rows"),
        ("image,landmark,row_px\none,a,1\n", "has no column 'column_px'"),
        (HEADER + "three,a,1,2\n", "line 2 names the image 'three', which is not in images/"),
        (HEADER + "one,a,1,2\none.png,a,3,4\n", "line 3 gives 'a' in one.png a second time"),
        (HEADER + "one,a,1,2\none,b,wide,4\n", "line 3: row_px of 'b' in one is 'wide'"),
        (HEADER + "one,a,inf,2\n", "row_px of 'a' in one is 'inf'"),
        (HEADER + "one,a,,2\n", "row_px of 'a' in one is ''"),
        (HEADER + "one,,1,2\n", "line 2 names no landmark"),
        (HEADER + "one,a,1,2,3,4\n", "line 2 has 6 cells, the first line 4"),
        (HEADER + "one,a,1\n", "line 2 has 3 cells"),
        (HEADER + 'one,"a,1,2\n', "line 2: unexpected end of data"),
        (HEADER.replace("landmark", "image", 1), "has no column 'landmark'"),
        (HEADER.replace("\n", ",image\n") + "one,a,1,2,one\n", "has a column twice"),
    ],
)
def test_a_wrong_landmark_table_is_named_with_its_line(folder, text, expected):
    (folder / "landmarks.csv").write_text(text)
    assert expected in refusal(folder)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "image,subject,split\none,s,train\ntwo,s,test\n",
            "the subject 's' has films in the splits 'test' and 'train'",
        ),
        ("image,spacing_mm\none,-1\n", "the spacing of one.png is '-1'"),
        ("image,spacing_mm\none,wide\n", "the spacing of one.png is 'wide'"),
        ("image\none\none.png\n", "line 3 names 'one.png' a second time"),
        ("picture\none\n", "has no column 'image'"),
    ],
)
def test_a_wrong_image_table_is_named(folder, text, expected):
    (folder / "images.csv").write_text(text)
    assert expected in refusal(folder)


def test_missing_parts_are_named(tmp_path, folder):
    (folder / "landmarks.csv").unlink()
    assert "landmarks.csv: there is no such file" in refusal(folder)
    assert "images: there is no such folder" in refusal(folder / "nowhere")
    (folder / "empty" / "images").mkdir(parents=True)
    assert "it holds no images" in refusal(folder / "empty")


@pytest.mark.parametrize("text", ["[1]", "{", '{"anatomy": 3}', '{"schema": {"pairs": [["a", "zz"]]}}'])
def test_a_wrong_about_file_is_named(folder, text):
    (folder / "about.json").write_text(text)
    assert "about.json: cannot be used" in refusal(folder)


def test_every_kind_of_problem_is_found_and_says_which(folder):
    for name in ("three.png", "four.png"):
        Image.fromarray(pixels()).save(folder / "images" / name)
    (folder / "images" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing")
    (folder / "landmarks.csv").write_text(
        HEADER + "one,a,19.5,29.5\none,b,-0.5,-0.5\ntwo,a,19.51,3\ntwo,b,2,-4\nthree,a,1,1\n"
        "broken,a,1,1\nbroken,b,1,1\n"
    )
    dataset = read_training_set(folder)
    found = {(p.kind, p.film): p.line for p in find_problems(dataset)}
    assert set(found) == {
        ("outside", "two.png"), ("missing", "three.png"), ("unmarked", "four.png"), ("unreadable", "broken.png"),
    }  # fmt: skip
    assert found["outside", "two.png"] == (
        "a at row 19.51, column 3; b at row 2, column -4 outside the image of 20 rows and 30 columns"
    )
    assert found["missing", "three.png"] == "lacks b"
    with pytest.raises(FileError, match=r"broken.png: .*\(and 1 more problem in this set\)"):
        validate(dataset)
    with pytest.raises(FileError, match="two.png: a at row 19.51"):
        validate(dataset, allow=("missing", "unmarked", "unreadable"))
    assert len(validate(dataset, allow=("missing", "unmarked", "unreadable", "outside"))) == 4


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32, np.float32])
def test_a_written_set_reads_back_exactly(tmp_path, dtype):
    names = ("α", "b, with a comma")
    films = [
        SourceFilm(
            f"f{i}",
            Radiograph(pixels(dtype=dtype) + dtype(300 if dtype is not np.uint8 else 0), (0.1, 0.25)),
            {"x": marks((1 / 3, 2), (np.nan, np.nan), names=names), "y": marks((i, 4), (5, 1e-17), names=names)},
            subject=f"s{i // 2}",
            split="train",
            contours=(Contour([[1, 2], [3, 4.5], [5, 1]], "rim"),),
        )
        for i in range(3)
    ]
    about = {"anatomy": "pelvis", "schema": {"pairs": [list(names)]}}
    dataset = write_training_set(tmp_path / "set", films, about=about)
    assert dataset.about == about
    assert dataset.landmark_names == names
    assert dataset.annotators == ("x", "y")
    for i, (film, source) in enumerate(zip(dataset.films, films, strict=True)):
        for annotator, landmarks in source.landmarks.items():
            np.testing.assert_array_equal(dataset.landmarks(film, annotator).points, landmarks.points)
        radiograph = dataset.radiograph(film)
        np.testing.assert_array_equal(radiograph.pixels, source.image.pixels)
        assert radiograph.spacing_mm == (0.1, 0.25)
        assert (film.subject, film.split) == (f"s{i // 2}", "train")
        (contour,) = dataset.contours(film)
        np.testing.assert_allclose(contour.points, source.contours[0].points, atol=1e-9)
        assert (contour.name, contour.unit, contour.closed) == ("rim", "px", True)
    assert validate(dataset)[0].kind == "missing"


def test_a_cancelled_or_failed_write_leaves_nothing(tmp_path):
    def cancel(fraction, stage):
        raise Cancelled

    film = SourceFilm("f", Radiograph(pixels()), {"": marks((1, 2))})
    with pytest.raises(Cancelled):
        write_training_set(tmp_path / "set", [film], progress=cancel)
    with pytest.raises(FileError, match="two films are called 'f'"):
        write_training_set(tmp_path / "set", [film, film])
    with pytest.raises(FileError, match="no films to write"):
        write_training_set(tmp_path / "set", [])
    assert list(tmp_path.iterdir()) == []
    write_training_set(tmp_path / "set", [film])
    with pytest.raises(FileError, match="is there already"):
        write_training_set(tmp_path / "set", [film])


@settings(max_examples=40, deadline=None)
@given(
    subjects=st.lists(st.integers(0, 12), min_size=4, max_size=40),
    folds=st.integers(2, 4),
    seed=st.integers(0, 2**31),
)
def test_folds_test_every_film_once_and_share_no_subject(subjects, folds, seed):
    dataset = bare(subjects)
    if len(set(subjects)) < folds:
        with pytest.raises(InputError, match="cannot be split"):
            split_by_subject(dataset, folds, seed)
        return
    pairs = split_by_subject(dataset, folds, seed)
    tested = sorted(film.name for _, test in pairs for film in test.films)
    assert tested == sorted(film.name for film in dataset.films)
    for training, test in pairs:
        assert not set(training.subjects) & set(test.subjects)
        assert len(training) + len(test) == len(dataset)
        for film in test.films:
            np.testing.assert_array_equal(test.landmarks(film).points, dataset.landmarks(film).points)
    again = split_by_subject(dataset, folds, seed)
    assert [[f.name for f in test.films] for _, test in again] == [[f.name for f in test.films] for _, test in pairs]


def bare(subjects):
    """A training set without files: one film for each entry, with points that tell the films apart."""
    from pathlib import Path

    from napari_xray_landmarks.training import Film, TrainingSet

    films = tuple(Film(f"{i:03d}.png", Path(f"{i:03d}.png"), subject=f"s{s}") for i, s in enumerate(subjects))
    points = np.arange(len(films) * 4.0).reshape(1, len(films), 2, 2)
    return TrainingSet(Path("set"), films, ("a", "b"), ("",), points)
