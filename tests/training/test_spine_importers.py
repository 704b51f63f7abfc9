"""The AASCE data set and films with masks of vertebrae, into the training layout."""

import csv

import numpy as np
import pytest
from PIL import Image
from skimage.draw import polygon2mask

from napari_xray_landmarks.errors import FileError
from napari_xray_landmarks.landmarks import vertebral_corners
from napari_xray_landmarks.spine.vertebrae import RING
from napari_xray_landmarks.training.aasce import patient_of
from napari_xray_landmarks.training.importers import import_training_set
from spines import three_curves

SPINE = np.round(three_curves(20, 40, 30).corners_px)
SIZE = (700, 760)  # columns, rows
NAMES = ("sunhl-1th-02-Jan-2017-162 A AP.jpg", "sunhl-1th-03-Jan-2017-162 B AP.jpg",
         "sunhl-1th-20-Jul-2016-coronal1.jpg")


def fractions(corners) -> list[str]:
    return [f"{v:.5f}" for v in np.concatenate([corners[..., 1].ravel() / SIZE[0], corners[..., 0].ravel() / SIZE[1]])]


@pytest.fixture
def aasce(tmp_path):
    """Three films of two patients; the last one has its first vertebra at the end and a corner outside."""
    source = tmp_path / "aasce"
    (source / "images").mkdir(parents=True)
    for name in NAMES:
        Image.new("L", SIZE, 90).save(source / "images" / name)
    wrong = np.roll(SPINE, -1, axis=0)
    wrong[8, 3] = (800, 20)
    (source / "filenames.csv").write_text("\n".join(NAMES))
    lines = [",".join(fractions(c)) for c in (SPINE, SPINE, wrong)]
    (source / "landmarks.csv").write_text("\n".join(lines))
    (source / "angles.csv").write_text("40.1,20,30.05\n1,2,3\n4,5,6\n")
    return source


def test_aasce_is_imported(aasce, tmp_path):
    dataset = import_training_set("aasce", aasce, tmp_path / "set")
    assert dataset.landmark_names == vertebral_corners()[4:] and dataset.about["anatomy"] == "spine"
    assert [(f.name, f.subject) for f in dataset.films] == [(NAMES[0], "162"), (NAMES[1], "162"),
                                                            (NAMES[2], NAMES[2].removesuffix(".jpg"))]
    assert np.array_equal(dataset.landmarks(NAMES[0]).points, SPINE.reshape(-1, 2))
    assert (tmp_path / "set/images" / NAMES[0]).read_bytes() == (aasce / "images" / NAMES[0]).read_bytes()
    with open(tmp_path / "set/angles.csv") as file:
        assert list(next(csv.DictReader(file)).values()) == [NAMES[0], "40.1", "20", "30.05"]


def test_what_the_annotators_got_wrong_is_told(aasce, tmp_path):
    dataset = import_training_set("aasce", aasce, tmp_path / "set")
    points = dataset.landmarks(NAMES[2]).points.reshape(17, 4, 2)
    assert np.argwhere(np.isnan(points).any(-1)).tolist() == [[9, 3]]
    assert np.array_equal(np.delete(points, 9, 0), np.delete(SPINE, 9, 0))
    with open(tmp_path / "set/corrections.csv") as file:
        notes = [(row["image"], row["correction"]) for row in csv.DictReader(file)]
    assert notes == [(NAMES[2], "the last vertebra lay above the first: all moved down by one"),
                     (NAMES[2], "T10-bottom-right left out: outside the film at row 800, column 20")]


@pytest.mark.parametrize(("file", "text", "expected"), [
    ("landmarks.csv", "1,2\n3,4\n5,6", "line 1 has not 136 numbers"),
    ("landmarks.csv", "1,2", "has 1 rows and filenames.csv 3"),
    ("filenames.csv", "a.jpg\nb.jpg\nc.jpg", "line 1 names 'a.jpg', which is not there"),
    ("angles.csv", "1,2,3\n1,x,3\n1,2,3", "line 2 has not 3 numbers"),
    ("images/" + NAMES[1], "not a film", "is no image"),
])  # fmt: skip
def test_damage_is_named_and_nothing_is_left(aasce, tmp_path, file, text, expected):
    (aasce / file).write_text(text)
    with pytest.raises(FileError, match=expected):
        import_training_set("aasce", aasce, tmp_path / "set")
    assert not (tmp_path / "set").exists()


def test_another_folder_is_no_aasce(tmp_path):
    with pytest.raises(FileError, match=r"has no landmarks.csv with filenames.csv"):
        import_training_set("aasce", tmp_path, tmp_path / "set")


@pytest.mark.parametrize(("name", "patient"), [("sunhl-1th-30-Dec-2016-159 A AP2.jpg", "159"), ("a-7C.jpg", "7"),
                                               ("sunhl-1th-20-Jul-2016-coronal1.jpg", ""), ("x.jpg", "")])
def test_a_patient_is_the_number_before_the_letter(name, patient):
    assert patient_of(name) == patient


def test_masks_of_vertebrae_are_imported(tmp_path):
    labels = np.zeros(SIZE[::-1], np.uint8)
    for i, body in enumerate(SPINE):
        labels[polygon2mask(labels.shape, body[list(RING)])] = 10 * (i + 1)
    for folder, image in (("images", np.full_like(labels, 80)), ("masks", labels)):
        (tmp_path / "source" / folder).mkdir(parents=True)
        Image.fromarray(image).save(tmp_path / "source" / folder / "film.png")
    dataset = import_training_set("spine-masks", tmp_path / "source", tmp_path / "set")
    assert dataset.landmark_names == vertebral_corners()[4:]
    away = np.linalg.norm(dataset.landmarks("film.png").points - SPINE.reshape(-1, 2), axis=1)
    assert away.mean() < 1.5
    labels[labels > 40] = 0
    labels[labels == 20] = 7
    Image.fromarray((labels > 0).astype(np.uint8)[:-1]).save(tmp_path / "source/masks/film.png")
    with pytest.raises(FileError, match="its size and its film's differ: 759 x 700 and 760 x 700"):
        import_training_set("spine-masks", tmp_path / "source", tmp_path / "other")
    (tmp_path / "source/masks/film.png").unlink()
    with pytest.raises(FileError, match="no film in images/ has a label image"):
        import_training_set("spine-masks", tmp_path / "source", tmp_path / "other")
