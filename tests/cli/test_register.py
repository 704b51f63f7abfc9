"""`register` as a user runs it: a film of a small CT, its pose found again, and what is refused."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from napari_xray_landmarks.drr.scene import scene
from napari_xray_landmarks.drr.simulate import simulate
from napari_xray_landmarks.geometry.camera import CArm
from napari_xray_landmarks.geometry.pose import Pose
from napari_xray_landmarks.geometry.pose_errors import pose_error, target_errors
from napari_xray_landmarks.geometry.views import arm_from_camera
from napari_xray_landmarks.imaging import Volume
from napari_xray_landmarks.io import write_volume
from napari_xray_landmarks.io.dicom.writing import write_dx
from napari_xray_landmarks.io.geometry import load_arm, save_geometry
from napari_xray_landmarks.io.poses import load_pose, save_pose

QUICK = [word for text in ("levels=3", "coarsest-mm=6", "finest_mm=1.6", "starts=16", "kept=2",
                                             "polarity=dense-bright")
         for word in ("--set", text)]
ARM = CArm(20.0, -10.0, pixel_spacing_mm=(2.4, 2.4), size_px=(120, 130))
POINTS = 40 * np.random.default_rng(0).normal(size=(12, 3))


def bones() -> Volume:
    """A CT of soft tissue with balls of bone in it."""
    rng, at = np.random.default_rng(2), np.stack(np.indices((40, 30, 40)), -1) - (19.5, 14.5, 19.5)
    hu = np.where(((at / (30, 13, 17)) ** 2).sum(-1) < 1, 40.0, -1000.0)
    for _ in range(14):
        ball = np.linalg.norm((at - rng.uniform(-9, 9, 3) * (1.2, 0.8, 1.2)) / rng.uniform(1, 3, 3), axis=-1)
        hu[ball < rng.uniform(1.2, 2.5)] = rng.uniform(300, 1200)
    matrix = np.diag([4.0] * 3 + [1.0])
    matrix[:3, 3] = -4 * (np.array(hu.shape) - 1) / 2
    return Volume(hu.astype(np.float32), matrix, "bones", "CT")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A CT, two films with the geometry of one, and a pose some way off."""
    folder, ct = tmp_path_factory.mktemp("register"), bones()
    write_volume(folder / "ct.nii.gz", ct)
    film = simulate(scene(ct), ARM)
    write_dx(folder / "film.dcm", film, ARM)
    grey = Image.fromarray((film.pixels / 16).astype(np.uint8))
    grey.save(folder / "film.png")
    grey.resize((65, 60), Image.Resampling.BOX).save(folder / "half.png")
    save_geometry(folder / "true.json", ARM)
    moved = ARM.camera().moved(np.deg2rad([3.0, -3, 3]), (6, 12, -6), (0, 0, 0))
    off = arm_from_camera(moved, ARM.source_to_isocentre_mm)
    save_pose(folder / "start.json", Pose(off, 2.5, ("a", "b"), None, None, {"method": "pnp"}))
    return folder


def errors(path):
    camera = load_pose(path).arm.camera()
    reference = replace(ARM, size_px=camera.size_px, pixel_spacing_mm=tuple(
        s * n / m for s, n, m in zip(ARM.pixel_spacing_mm, ARM.size_px, camera.size_px, strict=True))).camera()
    return pose_error(camera, reference, (0, 0, 0)).rotation_deg, target_errors(camera, reference, POINTS).mtre_mm


def test_a_pose_is_refined_and_written_with_what_is_known_of_it(run, folder, tmp_path):
    output = tmp_path / "new" / "pose.json"
    outcome = run("register", folder / "film.dcm", folder / "ct.nii.gz", "--pose", folder / "start.json", "-o", output,
                  *QUICK)
    assert outcome.code == 0 and "moved by" in outcome.out and "±" in outcome.out
    before, after = errors(folder / "start.json"), errors(output)
    assert before[0] > 4 and before[1] > 5 and after[0] < 0.5 and after[1] < 0.5
    pose = load_pose(output)
    assert pose.similarity > 0.3 and pose.covariance is not None
    assert pose.residual_px == 2.5 and pose.used_landmarks == ("a", "b")
    assert pose.provenance["settings"]["starts"] == 16 and pose.provenance["before"] == {"method": "pnp"}
    assert load_arm(output).source_to_isocentre_mm == pytest.approx(750)
    assert {"residual_px", "used_landmarks", "covariance", "similarity"} <= json.loads(output.read_text()).keys()


def test_a_geometry_starts_it_and_another_resolution_is_taken(run, folder, tmp_path):
    command = ("register", folder / "half.png", folder / "ct.nii.gz", "--pose", folder / "true.json")
    assert run(*command, "-o", tmp_path / "p.json", *QUICK, "--quiet").out == ""
    pose = load_pose(tmp_path / "p.json")
    assert pose.arm.size_px == (60, 65) and pose.residual_px is None
    assert errors(tmp_path / "p.json")[1] < 1


def test_a_film_of_something_else_is_refused_and_nothing_written(run, folder, tmp_path):
    noise = np.random.default_rng(0).integers(0, 255, ARM.size_px, dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "other.png")
    run("register", tmp_path / "other.png", folder / "ct.nii.gz", "--pose", folder / "start.json", "-o",
        tmp_path / "p.json", *QUICK).assert_bad_input("other.png", "not registered to ct.nii.gz", "similarity")
    assert not (tmp_path / "p.json").exists()


@pytest.mark.parametrize(("film", "ct", "pose", "output", "more", "parts"), [
    ("cut.png", "ct.nii.gz", "start.json", "p.json", [], ["cut.png", "90 x 130", "120 x 130"]),
    ("film.dcm", "ct.nii.gz", "other.json", "p.json", [], ["film.dcm", "2.4 x 2.4 mm", "1.2 x 1.2 mm"]),
    ("film.dcm", "film.png", "start.json", "p.json", [], ["film.png", "not a volume"]),
    ("film.dcm", "labels.nii.gz", "start.json", "p.json", [], ["labels.nii.gz", "labels"]),
    ("film.dcm", "ct.nii.gz", "ct.nii.gz", "p.json", [], ["ct.nii.gz"]),
    ("film.dcm", "ct.nii.gz", "start.json", "p.csv", [], ["p.csv", ".json"]),
    ("film.dcm", "ct.nii.gz", "start.json", "p.json", ["--set", "speed=3"], ["speed", "patch_px"]),
    ("film.dcm", "ct.nii.gz", "start.json", "p.json", ["--set", "levels=0"], ["levels", "1", "8"]),
    ("missing.dcm", "ct.nii.gz", "start.json", "p.json", [], ["missing.dcm"]),
])
def test_what_cannot_be_is_refused(run, folder, tmp_path, film, ct, pose, output, more, parts):
    for name in ("film.dcm", "film.png", "ct.nii.gz", "start.json"):
        shutil.copy(folder / name, tmp_path)
    Image.open(folder / "film.png").crop((0, 0, 130, 90)).save(tmp_path / "cut.png")
    save_geometry(tmp_path / "other.json", replace(ARM, pixel_spacing_mm=(1.2, 1.2)))
    labels = np.random.default_rng(0).integers(0, 5, (20, 20, 20)).astype(np.uint8)
    write_volume(tmp_path / "labels.nii.gz", Volume(labels, modality="labels"))
    run("register", tmp_path / film, tmp_path / ct, "--pose", tmp_path / pose, "-o", tmp_path / output,
        *more).assert_bad_input(*parts)
    assert not (tmp_path / "p.json").exists()


def test_a_folder_of_films_on_a_cluster(run, folder, cluster, tmp_path):
    for place in ("films", "poses"):
        (tmp_path / place).mkdir()
    shutil.copy(folder / "film.dcm", tmp_path / "films" / "a.dcm")
    shutil.copy(folder / "film.dcm", tmp_path / "films" / "b.dcm")
    shutil.copy(folder / "start.json", tmp_path / "poses" / "a_pose.json")
    command = ("register", tmp_path / "films", folder / "ct.nii.gz", "--pose", tmp_path / "poses", "-o",
               tmp_path / "out", *QUICK, "--scheduler", cluster)
    first = run(*command)
    assert first.code == 1 and "b_pose.json" in first.err and len(first.err.splitlines()) == 1
    assert errors(tmp_path / "out" / "a_pose.json")[1] < 0.5 and "a.dcm: similarity" in first.out
    shutil.copy(folder / "true.json", tmp_path / "poses" / "b.json")
    second = run(*command)
    assert second.code == 0 and "1 of 2 inputs are done already" in second.out
    assert errors(tmp_path / "out" / "b_pose.json")[1] < 0.5
    run(*command[:6], tmp_path / "p.json", *QUICK).assert_bad_input("p.json", "2 films")
