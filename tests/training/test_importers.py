"""Public formats into the training layout."""

import json

import numpy as np
import pytest
from PIL import Image

from napari_xray_landmarks.errors import FileError, InputError
from napari_xray_landmarks.training.importers import ISBI_LANDMARKS, import_training_set


def points_of(film: int, annotator: int) -> np.ndarray:
    """(19, 2) whole x and y that differ for every film, annotator and landmark."""
    return np.stack([np.arange(19) + film, 2 * np.arange(19) + annotator], axis=1)


@pytest.fixture
def isbi(tmp_path):
    """Three films in the challenge's folders, two doctors."""
    source = tmp_path / "isbi"
    for i, part in enumerate(("TrainingData", "Test1Data", "Test2Data"), start=1):
        (source / "RawImage" / part).mkdir(parents=True)
        Image.fromarray(np.full((50, 40, 3), 10 * i, np.uint8)).save(source / "RawImage" / part / f"{i:03d}.bmp")
    for j, doctor in enumerate(("400_junior", "400_senior")):
        (source / "AnnotationsByMD" / doctor).mkdir(parents=True)
        for i in (1, 2, 3, 4):
            lines = [f"{x},{y}" for x, y in points_of(i, j)] + ["1", "2", "3", "1", "1", "1", "2", "3"]
            (source / "AnnotationsByMD" / doctor / f"{i:03d}.txt").write_text("\r\n".join(lines))
    return source


def test_the_challenge_layout_is_imported(isbi, tmp_path):
    dataset = import_training_set("isbi-cephalogram", isbi, tmp_path / "set")
    assert dataset.annotators == ("junior", "senior")
    assert dataset.landmark_names == ISBI_LANDMARKS
    assert [(f.name, f.split, f.spacing_mm) for f in dataset.films] == [
        ("001.png", "train", (0.1, 0.1)), ("002.png", "test1", (0.1, 0.1)), ("003.png", "test2", (0.1, 0.1)),
    ]  # fmt: skip
    for i, film in enumerate(dataset.films, start=1):
        for j, who in enumerate(dataset.annotators):
            np.testing.assert_array_equal(dataset.landmarks(film, who).points, points_of(i, j)[:, ::-1])
        np.testing.assert_array_equal(dataset.radiograph(film).pixels, np.full((50, 40), 10 * i))


def test_damage_is_named_and_nothing_is_left(isbi, tmp_path):
    path = isbi / "AnnotationsByMD" / "400_senior" / "002.txt"
    path.write_text("1,2\n3;4\n")
    with pytest.raises(FileError, match="002.txt: line 2 is '3;4', not x,y"):
        import_training_set("isbi-cephalogram", isbi, tmp_path / "set")
    path.write_text("1,2\n3,4\n")
    with pytest.raises(FileError, match="002.txt: has 2 usable landmarks of 19"):
        import_training_set("isbi-cephalogram", isbi, tmp_path / "set")
    assert [p.name for p in tmp_path.iterdir()] == ["isbi"]


@pytest.fixture
def xy_json(tmp_path):
    source = tmp_path / "films"
    (source / "images").mkdir(parents=True)
    for name in ("001", "002"):
        Image.fromarray(np.arange(1200, dtype=np.uint8).reshape(40, 30)).save(source / "images" / f"{name}.png")
    write = {"ann": {"001": {"l1": [1.5, 2], "l2": [3, 4]}, "002": {"l1": [5, 6]}}, "bob": {"001": {"l1": [7, 8]}}}
    for who, marked in write.items():
        (source / f"landmarks_{who}.json").write_text(json.dumps(marked))
    return source


@pytest.mark.parametrize("name", ["isbi-cephalogram", "xy-json"])
def test_one_json_file_an_annotator_is_imported(xy_json, tmp_path, name):
    dataset = import_training_set(name, xy_json, tmp_path / "set")
    assert dataset.annotators == ("ann", "bob")
    assert dataset.landmark_names == ("l1", "l2")
    np.testing.assert_array_equal(dataset.landmarks("001.png", "ann").points, [[2, 1.5], [4, 3]])
    np.testing.assert_array_equal(dataset.landmarks("001.png", "bob")["l1"], [8, 7])
    np.testing.assert_array_equal(dataset.landmarks("002.png")["l1"], [6, 5])
    assert all(film.spacing_mm is None for film in dataset.films)
    assert (tmp_path / "set/images/001.png").read_bytes() == (xy_json / "images/001.png").read_bytes()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{", "cannot be read"),
        ("[]", r"is not \{image"),
        ('{"001": {"l1": [1, 2], "l1": [3, 4]}}', "'l1' stands there twice"),
        ('{"001": {"l1": [1]}}', r"l1 of 001 is \[1\], not \[x, y\]"),
        ('{"001": {"l1": ["a", 2]}}', "l1 of 001"),
        ('{"001": {"l1": [1' + "0" * 400 + ", 2]}}", "l1 of 001"),
        ('{"001": {}}', "'001' has no landmarks"),
        ('{"009": {"l1": [1, 2]}}', "the image '009' that ann marked is not there"),
    ],
)
def test_wrong_json_is_named(xy_json, tmp_path, text, expected):
    (xy_json / "landmarks_ann.json").write_text(text)
    with pytest.raises(FileError, match=expected):
        import_training_set("xy-json", xy_json, tmp_path / "set")
    assert not (tmp_path / "set").exists()


def test_what_cannot_be_imported_is_said(tmp_path):
    with pytest.raises(InputError, match="aasce9000: is no format that can be imported. Formats are: isbi-ceph"):
        import_training_set("aasce9000", tmp_path, tmp_path / "set")
    with pytest.raises(FileError, match="is no folder"):
        import_training_set("isbi-cephalogram", tmp_path / "none", tmp_path / "set")
    with pytest.raises(FileError, match="has neither AnnotationsByMD/"):
        import_training_set("isbi-cephalogram", tmp_path, tmp_path / "set")
