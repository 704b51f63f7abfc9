"""Disks that are full, read-only or gone: one line, nothing lost, nothing half-written, and on it goes."""

import numpy as np
import pytest

from napari_xray_landmarks.errors import FileError
from napari_xray_landmarks.imaging import Volume
from napari_xray_landmarks.io import load_image, write_volume

TROUBLES = ("full_disk", "read_only_disk", "vanished_disk", "training_on_full_disk", "full disk, annotating",
            "read_only_set")


@pytest.mark.parametrize("number", range(len(TROUBLES)), ids=TROUBLES)
def test_every_kind_of_output_on_a_disk_in_trouble(benchmarks, tmp_path, number):
    from _fault_disks import DISKS, can_mount

    if not can_mount():
        pytest.skip("small disks can be made by root on Linux only")
    assert len(DISKS) == len(TROUBLES)
    what, came, fine = DISKS[number](tmp_path)
    assert fine, f"{what}: {came}"


@pytest.mark.parametrize("ending", [".nii", ".nii.gz", ".nrrd", ".mha"])
@pytest.mark.parametrize("missing", [1, 5, 300, 10**6])
def test_a_volume_that_did_not_reach_the_disk_whole_is_refused(tmp_path, monkeypatch, ending, missing):
    import SimpleITK as sitk

    volume, write = Volume(np.random.default_rng(0).integers(0, 999, (6, 7, 8)).astype(np.int16)), sitk.WriteImage
    write_volume(tmp_path / f"v{ending}", volume)
    before = (tmp_path / f"v{ending}").read_bytes()

    def cut(image, path, **options):
        write(image, path, **options)
        with open(path, "r+b") as file:
            file.truncate(max(0, len(before) - missing))

    monkeypatch.setattr(sitk, "WriteImage", cut)
    with pytest.raises(FileError, match="the disk is full"):
        write_volume(tmp_path / f"v{ending}", volume)
    assert [path.name for path in tmp_path.iterdir()] == [f"v{ending}"]
    assert np.array_equal(load_image(tmp_path / f"v{ending}").voxels, volume.voxels)
