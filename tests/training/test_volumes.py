"""Sets of volumes with labels."""

import json

import numpy as np
import pytest

from napari_xray_landmarks.errors import FileError, InputError
from napari_xray_landmarks.imaging import Volume
from napari_xray_landmarks.io import write_volume
from napari_xray_landmarks.training.dataset import split_by_subject
from napari_xray_landmarks.training.volumes import Scan, read_volume_set, write_volume_set

ABOUT = {"name": "balls", "anatomy": "ball", "modality": "MR", "structures": {"bone": 1, "shell": 2},
         "cartilages": {"shell": "bone"}}
MATRIX = np.array([[0.0, 2, 0, 5], [1, 0, 0, 6], [0, 0, -1, 7], [0, 0, 0, 1]])


def pair(number=0):
    labels = np.zeros((6, 7, 8), np.uint8)
    labels[1:4, 1:4, 1:5] = 1
    labels[4, 1:4, 1:5] = 2
    return Volume(labels * 100.0 + number, MATRIX, "image", "MR"), Volume(labels, MATRIX, "labels", "labels")


@pytest.fixture
def balls(tmp_path):
    items = [(Scan(f"ball-{n}", subject=f"s{n // 2}", split="test" if n > 5 else "train", side="left"),
              lambda n=n: pair(n)) for n in range(8)]
    return write_volume_set(tmp_path / "balls", items, ABOUT, count=8)


def test_what_was_written_is_read(balls):
    assert len(balls) == 8 and balls.subjects == ("s0", "s1", "s2", "s3")
    assert {scan.side for scan in balls.scans} == {"left"}
    assert balls.structures == {"bone": 1, "shell": 2} and balls.cartilages == {"shell": "bone"}
    image, labels = balls.volume(balls.scans[3]), balls.labels(balls.scans[3])
    np.testing.assert_allclose(labels.world_from_voxel, MATRIX, atol=1e-5)
    np.testing.assert_array_equal(image.voxels, labels.voxels * 100.0 + 3)


def test_a_set_that_was_begun_goes_on_and_makes_nothing_twice(balls):
    def make():
        raise AssertionError("it is there already")

    items = [(scan, make) for scan in balls.scans] + [(Scan("ball-8", subject="s4"), pair)]
    assert len(write_volume_set(balls.folder, items, ABOUT)) == 9
    with pytest.raises(FileError, match="another set"):
        write_volume_set(balls.folder, [], {**ABOUT, "name": "cubes"})


def test_splits_and_folds_keep_subjects_together(balls):
    assert {s.subject for s in balls.of_split("test").scans} == {"s3"}
    with pytest.raises(InputError, match="validation"):
        balls.of_split("validation")
    for train, test in split_by_subject(balls, 4):
        assert len(train) == 6 and not set(train.subjects) & set(test.subjects)


def test_the_fingerprint_tells_sets_apart(balls):
    assert balls.fingerprint() == read_volume_set(balls.folder).fingerprint() != balls.of_split("test").fingerprint()


def test_masks_alone_are_a_set_and_name_their_labels(tmp_path):
    (tmp_path / "masks").mkdir()
    write_volume(tmp_path / "masks" / "one.nrrd", pair()[1])
    alone = read_volume_set(tmp_path)
    assert alone.structures == {"label-1": 1, "label-2": 2} and alone.labels(alone.scans[0]).shape == (6, 7, 8)
    with pytest.raises(FileError, match="no images"):
        alone.volume(alone.scans[0])


def moved(volume):
    matrix = volume.world_from_voxel.copy()
    matrix[0, 3] += 1
    return Volume(volume.voxels, matrix)


@pytest.mark.parametrize(("change", "problem"), [
    (moved, "elsewhere"),
    (lambda v: Volume(v.voxels[:5], v.world_from_voxel), r"\(5, 7, 8\)"),
    (lambda v: Volume(v.voxels + 0.5, v.world_from_voxel), "no labels"),
    (lambda v: Volume(v.voxels * 3, v.world_from_voxel), "label 3"),
    (lambda v: Volume(v.voxels.astype(np.int16) - 1, v.world_from_voxel), "from -1"),
], ids=["moved", "smaller", "fractions", "unknown", "negative"])
def test_masks_that_do_not_fit_are_refused(balls, change, problem):
    write_volume(balls.scans[0].mask_path, change(pair()[1]))
    with pytest.raises(FileError, match=problem):
        balls.labels(balls.scans[0])


def test_whole_numbers_stored_as_floats_are_labels(balls):
    write_volume(balls.scans[0].mask_path, Volume(pair()[1].voxels.astype(np.float32), MATRIX))
    assert balls.labels(balls.scans[0]).voxels.dtype == np.uint8


def test_four_axes_are_refused(balls):
    import SimpleITK as sitk

    four = sitk.JoinSeries([sitk.GetImageFromArray(np.zeros((6, 7, 8), np.int16))] * 3)
    sitk.WriteImage(four, str(balls.scans[0].path))
    with pytest.raises(FileError):
        balls.volume(balls.scans[0])


@pytest.mark.parametrize(("table", "problem"), [
    ("image,split\nball-0,train\nball-1,trial\n", "trial"), ("image,side\nball-0,up\n", "up"),
    ("image,subject\nball-9,s1\n", "ball-9"),
    ("image,subject,split\nball-0,a,train\nball-1,a,test\n", "several splits")])
def test_damaged_tables_are_refused(balls, table, problem):
    (balls.folder / "images.csv").write_text(table)
    with pytest.raises(FileError, match=problem):
        read_volume_set(balls.folder)


@pytest.mark.parametrize(("about", "problem"), [
    ({"structures": {"bone": "1"}}, "structures"), ({"structures": {"bone": 0}}, "1 to 65535"),
    ({"structures": {"bone": 1, "shell": 1}}, "same label"), ({"name": 3}, "name"),
    ({"structures": {"bone": 1}, "shapes": ["shell"]}, "shapes"),
    ({"structures": {"bone": 1}, "cartilages": {"shell": "bone"}}, "shell")])
def test_damaged_facts_are_refused(balls, about, problem):
    (balls.folder / "about.json").write_text(json.dumps(about))
    with pytest.raises(FileError, match=problem):
        read_volume_set(balls.folder)


def test_an_image_without_a_mask_is_refused(balls):
    balls.scans[2].mask_path.unlink()
    with pytest.raises(FileError, match="no fellow in masks"):
        read_volume_set(balls.folder)
