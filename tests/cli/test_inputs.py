"""Which images a command works on, and how they are called in its output."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from napari_xray_landmarks.cli.inputs import expand, file_stems, load_radiographs, names_in_output, numbered
from napari_xray_landmarks.errors import FileError

part = st.text("abc", min_size=1, max_size=2)


@given(st.lists(st.lists(part, min_size=1, max_size=4), min_size=1, max_size=6, unique_by=tuple))
def test_names_tell_inputs_apart(parts):
    paths = [Path(*p) for p in parts]
    names = names_in_output(paths)
    assert len(set(names)) == len(paths)
    assert all(str(path.absolute()).endswith(name) for path, name in zip(paths, names, strict=True))


def test_a_name_is_the_file_name_where_that_will_do():
    assert names_in_output([Path("x/a.png"), Path("y/b.png")]) == ["a.png", "b.png"]
    assert names_in_output([Path("x/a.png"), Path("y/a.png")]) == ["x/a.png", "y/a.png"]


@given(
    st.lists(st.tuples(part, st.sampled_from([".png", ".dcm", ""])).map("".join), min_size=1, max_size=5, unique=True)
)
def test_files_of_different_images_have_different_names(names):
    assert len(set(file_stems(names))) == len(names)


def test_files_lose_the_ending_where_that_will_do():
    assert file_stems(["a.png", "b.dcm"]) == ["a", "b"]
    assert file_stems(["a.png", "a.dcm"]) == ["a.png", "a.dcm"]
    assert file_stems(["x/a.png", "y/a.png"]) == ["x_a", "y_a"]


def test_images_of_one_input_are_numbered():
    assert numbered("a", 1) == ["a"]
    assert numbered("a", 10)[0] == "a-01"
    assert len(set(numbered("a", 100))) == 100


def test_a_folder_of_pictures_is_its_pictures(tmp_path, picture):
    (tmp_path / "notes.txt").write_text("x")
    second = tmp_path / "b.JPG"
    Image.open(picture).save(second)
    assert expand([tmp_path, picture]) == [second, picture]


def test_a_folder_without_images_stays_one_input(tmp_path):
    (tmp_path / "notes.txt").write_text("x")
    assert expand([tmp_path]) == [tmp_path]


@pytest.fixture
def write_film(write_dicom):
    pixels = np.arange(20, dtype=np.uint16).reshape(4, 5)
    return lambda path, **elements: write_dicom(path, pixels, **elements)


def test_a_folder_of_dicom_films_is_its_films(tmp_path, picture, write_film):
    (tmp_path / "later").mkdir()
    films = [write_film(tmp_path / "b"), write_film(tmp_path / "later" / "a.dcm")]
    assert expand([tmp_path]) == [picture, *films]
    assert expand([tmp_path], volumes=True) == [tmp_path]


def test_a_damaged_film_is_not_passed_over(tmp_path, write_film):
    film, damaged = write_film(tmp_path / "a.dcm"), tmp_path / "b.dcm"
    damaged.write_bytes(b"")
    assert expand([tmp_path]) == [film, damaged]


def test_a_series_stays_one_input(tmp_path, write_film):
    place = {"Modality": "CT", "ImageOrientationPatient": [1, 0, 0, 0, 1, 0], "PixelSpacing": [1, 1]}
    for number in range(3):
        write_film(tmp_path / f"{number}.dcm", ImagePositionPatient=[0, 0, number], **place)
    assert expand([tmp_path]) == [tmp_path] == expand([tmp_path], volumes=True)
    film = write_film(tmp_path / "scout.dcm", Modality="DX")
    assert expand([tmp_path]) == [film]


def test_hidden_files_are_passed_over(tmp_path, picture):
    second = tmp_path / "b.png"
    Image.open(picture).save(second)
    (tmp_path / "._b.png").write_bytes(bytes(8))
    (tmp_path / "._film.dcm").write_bytes(bytes(128) + b"DICM")
    assert expand([tmp_path]) == [second, picture]


def test_spacing_given_by_the_user_is_taken(picture):
    (film,) = load_radiographs(picture, (0.2, 0.3))
    assert film.spacing_mm == (0.2, 0.3)
    (film,) = load_radiographs(picture)
    assert film.unit == "px"


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(FileError, match="no.png"):
        load_radiographs(tmp_path / "no.png")
