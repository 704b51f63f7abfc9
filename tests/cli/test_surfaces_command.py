"""`surfaces` from end to end: a CT that `simulate` takes, and bad input."""

import numpy as np
import pytest
import trimesh

from napari_xray_landmarks.io import load_image
from napari_xray_landmarks.io.meshes import write_mesh
from napari_xray_landmarks.mesh import Mesh


def ball(folder, name: str, centre, radius=18.0):
    made = trimesh.creation.icosphere(3, radius)
    write_mesh(folder / name, Mesh(made.vertices + centre, made.faces))
    return folder / name


def test_a_ct_of_surfaces_can_be_simulated(run, tmp_path):
    files = ball(tmp_path, "one.stl", (0, 0, -25)), ball(tmp_path, "two.ply", (0, 0, 25))
    outcome = run("surfaces", *files, "-o", tmp_path / "bones", "--voxel-mm", 2.5, "--seed", 3)
    assert outcome.code == 0, outcome.err
    assert "1 one, 2 two" in outcome.out
    ct, labels = (load_image(tmp_path / "bones" / f"{n}.nii.gz") for n in ("ct", "labels"))
    assert ct.shape == labels.shape and ct.spacing_mm == pytest.approx((2.5,) * 3)
    for value in (1, 2):
        assert (labels.voxels == value).sum() * 2.5**3 == pytest.approx(4 / 3 * np.pi * 18**3, rel=0.06)
    index = np.argwhere(labels.voxels == 2).mean(0)
    middle = labels.world_from_voxel @ [*index, 1]
    np.testing.assert_allclose(middle[:3], [0, 0, 25], atol=0.5)
    views = run("simulate", tmp_path / "bones" / "ct.nii.gz", "--labels", tmp_path / "bones" / "labels.nii.gz",
                "-o", tmp_path / "views", "--size", "60x80", "--pixel-mm", "3", "--quiet")
    assert views.code == 0 and (tmp_path / "views" / "view_000_contours.mrk.json").exists(), views.err


@pytest.mark.parametrize("extra, part", [
    (("--voxel-mm", 0), "--voxel-mm 0"), (("--voxel-mm", 0.05), "too many voxels"),
    (("--cortex-mm", -1), "--cortex-mm"),
])
def test_sizes_that_make_no_ct_are_refused(run, tmp_path, extra, part):
    run("surfaces", ball(tmp_path, "one.stl", (0, 0, 0)), "-o", tmp_path / "out", *extra).assert_bad_input(part)
    assert not (tmp_path / "out").exists()


def test_what_is_no_solid_is_refused(run, tmp_path):
    half = trimesh.creation.icosphere(3, 20.0)
    kept = half.faces[half.vertices[half.faces].mean(1)[:, 0] > 0]
    write_mesh(tmp_path / "half.stl", Mesh(half.vertices, kept))
    run("surfaces", tmp_path / "half.stl", "-o", tmp_path / "out").assert_bad_input("half", "open")
    run("surfaces", tmp_path / "no.stl", "-o", tmp_path / "out").assert_bad_input("no.stl", "does not exist")
