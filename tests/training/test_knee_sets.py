"""Volumes of knee phantoms to train on."""

import numpy as np

from napari_xray_landmarks.training.knee_sets import STRUCTURES, write_knee_set


def test_knees_come_with_their_labels_sides_and_splits(tmp_path):
    knees = write_knee_set(tmp_path / "knees", 8, spacing_mm=4.0)
    assert [knees.of_split(split).subjects for split in ("validation", "test")] == [("200",), ("1000",)]
    assert len(knees.of_split("train")) == 6 and {scan.side for scan in knees.scans} == {"left", "right"}
    image, labels = knees.volume(knees.scans[0]), knees.labels(knees.scans[0])
    assert set(np.unique(labels.voxels)) == {0, *STRUCTURES.values()} and knees.structures == STRUCTURES
    assert image.shape == labels.shape and image.voxels[labels.voxels == 1].mean() > 0


def test_processes_make_the_same_knees(tmp_path):
    here, there = (write_knee_set(tmp_path / name, 2, spacing_mm=6.0, workers=count)
                   for name, count in (("here", 1), ("there", 2)))
    assert [scan.name for scan in here.scans] == [scan.name for scan in there.scans]
    for one, other in zip(here.scans, there.scans, strict=True):
        assert np.array_equal(here.volume(one).voxels, there.volume(other).voxels)
        assert np.array_equal(here.labels(one).voxels, there.labels(other).voxels)
