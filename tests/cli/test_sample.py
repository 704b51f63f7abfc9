"""`sample` writes phantoms that have no film too."""

import numpy as np

from napari_xray_landmarks.io import load_image, load_landmarks


def test_a_knee_is_an_mr_with_labels_and_landmarks(run, tmp_path):
    assert run("sample", "knee", "-o", tmp_path, "--subject", "1").code == 0
    assert {p.name for p in tmp_path.iterdir()} == {"image.nii.gz", "labels.nii.gz", "landmarks.mrk.json"}
    image, labels = load_image(tmp_path / "image.nii.gz"), load_image(tmp_path / "labels.nii.gz")
    np.testing.assert_allclose(image.world_from_voxel, labels.world_from_voxel)
    assert set(np.unique(labels.voxels)) == set(range(10))
    inside = np.linalg.inv(image.world_from_voxel) @ np.c_[load_landmarks(tmp_path / "landmarks.mrk.json").points,
                                                         np.ones(24)].T
    assert (inside[:3].T > 0).all() and (inside[:3].T < image.shape).all()


def test_a_knee_has_neither_films_nor_implants(run, tmp_path):
    for option in (("--films", "2"), ("--implant",)):
        run("sample", "knee", "-o", tmp_path / "out", *option).assert_bad_input("neither films nor implants")
    assert not (tmp_path / "out").exists()
