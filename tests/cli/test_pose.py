"""`pose` as a user runs it."""

import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from landmark_views import SIZE, landmarks, on_film, view
from napari_xray_landmarks.geometry.camera import CArm
from napari_xray_landmarks.geometry.pose_errors import pose_error
from napari_xray_landmarks.imaging import Radiograph
from napari_xray_landmarks.io import save_landmarks, write_detections
from napari_xray_landmarks.io.dicom.writing import write_dx
from napari_xray_landmarks.io.geometry import geometry_document, save_geometry
from napari_xray_landmarks.io.poses import load_pose
from napari_xray_landmarks.io.tables import Detections
from napari_xray_landmarks.landmarks import LandmarkSet

POINTS = landmarks(15)
NAMES = tuple(f"l{i}" for i in range(15))
ARM = view(0)


@pytest.fixture
def files(tmp_path):
    """A table of one film with two wrong landmarks of fifteen, the CT's landmarks, and the geometry."""
    save_landmarks(tmp_path / "ct.mrk.json", LandmarkSet(NAMES, POINTS, unit="mm"))
    save_geometry(tmp_path / "view_000.json", ARM)
    write(tmp_path / "found.csv", {"view_000.dcm": on_film(ARM, POINTS, 1.0, 2)})
    return tmp_path


def write(path, films, confidence=0.9, spacing=None):
    sure = np.broadcast_to(confidence, 15)
    write_detections(path, [Detections(name, LandmarkSet(NAMES, places, sure), spacing)
                            for name, places in films.items()])
    return path


def error_of(path, arm=ARM):
    return pose_error(load_pose(path).arm.camera(), arm.camera(), POINTS.mean(0))


def test_the_pose_with_its_residual_and_inliers(files, run):
    out = run("pose", files / "found.csv", files / "ct.mrk.json", "--geometry", files / "view_000.json", "-o",
              files / "out" / "pose.json")
    assert out.code == 0 and not out.err
    line = out.out.splitlines()[0]
    assert line.startswith("view_000.dcm: 13 of 15 landmarks, residual ") and " px" in line
    assert "left out: l0, l1" in line
    found = load_pose(files / "out" / "pose.json")
    error = error_of(files / "out" / "pose.json")
    assert error.rotation_deg < 1 and error.translation_mm < 5
    assert found.used_landmarks == NAMES[2:] and 0.5 < found.residual_px < 2
    assert found.provenance["method"] == "pnp" and found.provenance["left_out"] == ["l0", "l1"]
    assert np.sqrt(np.diag(found.covariance)[:3]).max() < 0.02
    assert found.arm.source_to_isocentre_mm == 750
    document = json.loads((files / "out" / "pose.json").read_text())
    assert set(geometry_document(ARM)) | {"residual_px", "used_landmarks", "covariance"} <= set(document)


def test_only_the_detector_of_the_geometry_counts(files, run):
    save_geometry(files / "nominal.json", replace(ARM, lao_deg=ARM.lao_deg + 30, isocentre_mm=(100, 50, 70)))
    for name in ("view_000", "nominal"):
        run("pose", files / "found.csv", files / "ct.mrk.json", "--geometry", files / f"{name}.json", "-o",
            files / f"{name}_out.json", "-q")
    one, other = (load_pose(files / f"{name}_out.json").arm for name in ("view_000", "nominal"))
    assert one.lao_deg == pytest.approx(other.lao_deg, abs=1e-4)


def test_a_table_of_several_films_gives_a_folder(files, run):
    arms = {f"view_{i:03d}.dcm": view(i) for i in range(3)}
    table = write(files / "all.csv", {name: on_film(arm, POINTS, 0.5) for name, arm in arms.items()} |
                  {"other.dcm": np.random.default_rng(0).uniform(0, SIZE, (15, 2))})
    out = run("pose", table, files / "ct.mrk.json", "--geometry", files / "view_000.json", "--any-view", "-o",
              files / "poses")
    assert out.code == 1 and len(out.err.splitlines()) == 1
    assert "other.dcm" in out.err and "no pose explains" in out.err and "skipped" in out.err
    assert sorted(p.name for p in (files / "poses").iterdir()) == [f"view_{i:03d}_pose.json" for i in range(3)]
    for i, arm in enumerate(arms.values()):
        assert error_of(files / "poses" / f"view_{i:03d}_pose.json", arm).rotation_deg < 1


def test_a_geometry_for_each_film(files, run):
    arms = {f"view_{i:03d}.dcm": replace(view(i), source_to_detector_mm=1000 + 100 * i) for i in range(2)}
    (files / "views").mkdir()
    for name, arm in arms.items():
        save_geometry(files / "views" / name.replace(".dcm", ".json"), arm)
    table = write(files / "all.csv", {name: on_film(arm, POINTS) for name, arm in arms.items()})
    assert run("pose", table, files / "ct.mrk.json", "--geometry", files / "views", "-o", files / "poses").code == 0
    for i, arm in enumerate(arms.values()):
        assert error_of(files / "poses" / f"view_{i:03d}_pose.json", arm).translation_mm < 1e-3


def test_one_film_of_several_by_name(files, run):
    table = write(files / "all.csv", {"a.png": on_film(view(1), POINTS), "b.png": on_film(ARM, POINTS)})
    command = "pose", table, files / "ct.mrk.json", "--geometry", files / "view_000.json"
    run(*command, "-o", files / "p.json").assert_bad_input("p.json", "2 films", "--image")
    run(*command, "-o", files / "p.json", "--image", "c.png").assert_bad_input("c.png", "a.png")
    assert run(*command, "-o", files / "p.json", "--image", "b.png").code == 0
    assert error_of(files / "p.json").rotation_deg < 1e-4


def test_unknown_intrinsics(files, run):
    write(files / "found.csv", {"f.png": on_film(ARM, POINTS, 0.2)})
    save_geometry(files / "wrong.json", replace(ARM, source_to_detector_mm=900))
    out = run("pose", files / "found.csv", files / "ct.mrk.json", "--geometry", files / "wrong.json", "-o",
              files / "p.json", "--unknown-intrinsics")
    assert out.code == 0 and "15 of 15" in out.out
    found = load_pose(files / "p.json")
    assert found.provenance["method"] == "dlt"
    assert found.arm.source_to_detector_mm == pytest.approx(1200, rel=0.05)
    assert found.arm.pixel_spacing_mm == pytest.approx((0.616, 0.616))
    assert run("pose", files / "found.csv", files / "ct.mrk.json", "--size", "479x615", "-o", files / "q.json",
               "--unknown-intrinsics").code == 0
    assert error_of(files / "q.json").rotation_deg < 3
    Image.new("L", SIZE[::-1]).save(files / "film.png")
    command = "pose", files / "found.csv", files / "ct.mrk.json", "--film", files / "film.png", "-o", files / "r.json"
    run(*command).assert_bad_input("film.png", "DistanceSourceToDetector", "--geometry")
    assert run(*command, "--unknown-intrinsics").code == 0
    assert load_pose(files / "r.json").arm.lao_deg == load_pose(files / "q.json").arm.lao_deg


def film_file(path, arm):
    write_dx(path, Radiograph(np.full(SIZE, 1000, np.uint16), detector_spacing_mm=(0.616, 0.616)), arm)
    return path


def test_the_header_of_the_film(files, run):
    film = film_file(files / "film.dcm", ARM)
    command = "pose", files / "found.csv", files / "ct.mrk.json", "-o", files / "p.json"
    assert run(*command, "--film", film).code == 0
    assert error_of(files / "p.json").rotation_deg < 1
    assert run(*command, "--film", film, "--geometry", files / "view_000.json").code == 0
    save_geometry(files / "wrong.json", replace(ARM, source_to_detector_mm=1000))
    run(*command, "--film", film, "--geometry", files / "wrong.json").assert_bad_input(
        "wrong.json", "film.dcm", "1000 mm", "1200 mm")


@pytest.mark.parametrize(("change", "parts"), [
    (lambda found: found[:5], ("found.csv", "only 5 landmarks", "6 are needed")),
    (lambda found: np.vstack([found[:4], np.full((11, 2), np.nan)]), ("only 4 of 15", "0.7")),
    (lambda found: found * [1, -1] + [0, SIZE[1]], ("mirrored", "flipped")),
    (lambda found: found * 4, ("beyond the film", "479 x 615", "view_000.json")),
    (lambda found: np.random.default_rng(1).uniform(0, SIZE, (15, 2)), ("no pose explains", "of 15")),
])
def test_what_gives_no_pose_is_refused_with_the_reason(files, run, change, parts):
    places = change(on_film(ARM, POINTS))
    write_detections(files / "found.csv", [Detections("f.png", LandmarkSet(NAMES[:len(places)], places), None)])
    out = run("pose", files / "found.csv", files / "ct.mrk.json", "--geometry", files / "view_000.json", "-o",
              files / "p.json")
    out.assert_bad_input(*parts)
    assert not (files / "p.json").exists()


def test_confidence_below_the_limit_does_not_count(files, run):
    write(files / "found.csv", {"f.png": on_film(ARM, POINTS)}, np.r_[np.full(5, 0.9), np.full(10, 0.5)])
    command = "pose", files / "found.csv", files / "ct.mrk.json", "--geometry", files / "view_000.json", "-o", \
        files / "p.json"
    run(*command).assert_bad_input("only 5 of 15", "0.7")
    assert run(*command, "--min-confidence", "0.4").code == 0
    run(*command, "--min-confidence", "7").assert_bad_input("--min-confidence 7")


def test_landmarks_on_a_line_are_refused(files, run):
    line = np.linspace(0, 1, 15)[:, None] * [100.0, 30, -60]
    save_landmarks(files / "ct.mrk.json", LandmarkSet(NAMES, line, unit="mm"))
    write(files / "found.csv", {"f.png": on_film(ARM, line)})
    run("pose", files / "found.csv", files / "ct.mrk.json", "--geometry", files / "view_000.json", "-o",
        files / "p.json").assert_bad_input("on a line")


def test_a_wrong_unit_puts_the_patient_behind_the_detector(files, run):
    save_landmarks(files / "ct.mrk.json", LandmarkSet(NAMES, POINTS * 10, unit="mm"))
    run("pose", files / "found.csv", files / "ct.mrk.json", "--geometry", files / "view_000.json", "-o",
        files / "p.json").assert_bad_input("behind the detector", "unit")


def test_ras_read_as_lps_is_told_and_never_put_right(files, run):
    document = json.loads((files / "ct.mrk.json").read_text())
    document["markups"][0]["coordinateSystem"] = "RAS"
    (files / "ct.mrk.json").write_text(json.dumps(document))
    command = "pose", files / "found.csv", files / "ct.mrk.json", "--geometry", files / "view_000.json", "-o", \
        files / "p.json"
    run(*command).assert_bad_input("ct.mrk.json", "RAS read as LPS", "view_000.json")
    assert not (files / "p.json").exists()
    assert run(*command, "--any-view").code == 0


@pytest.mark.parametrize(("arguments", "part"), [
    ((), "--geometry"),
    (("--size", "479x615"), "--unknown-intrinsics"),
    (("--geometry", "missing.json"), "missing.json"),
    (("--geometry", "view_000.json", "--size", "10x10"), "--size"),
])
def test_what_must_be_known(files, run, arguments, part, monkeypatch):
    monkeypatch.chdir(files)
    run("pose", "found.csv", "ct.mrk.json", "-o", "p.json", *arguments).assert_bad_input(part)


def test_files_of_the_wrong_kind(files, run):
    table, space, geometry = files / "found.csv", files / "ct.mrk.json", files / "view_000.json"
    run("pose", space, space, "--geometry", geometry, "-o", files / "p.json").assert_bad_input("ct.mrk.json", "table")
    run("pose", table, table, "--geometry", geometry, "-o", files / "p.json").assert_bad_input("found.csv", "CT")
    run("pose", table, space, "--geometry", space, "-o", files / "p.json").assert_bad_input("ct.mrk.json")
    save_landmarks(files / "flat.mrk.json", LandmarkSet(NAMES, POINTS[:, 1:], unit="mm"))
    run("pose", table, files / "flat.mrk.json", "--geometry", geometry, "-o",
        files / "p.json").assert_bad_input("flat.mrk.json", "film")


def test_a_geometry_without_an_isocentre(files, run):
    document = geometry_document(ARM)
    few = {key: document[key] for key in ("detector_px_from_world", "size_px", "source_to_detector_mm")}
    (files / "few.json").write_text(json.dumps(few))
    assert run("pose", files / "found.csv", files / "ct.mrk.json", "--geometry", files / "few.json", "-o",
               files / "p.json").code == 0
    assert error_of(files / "p.json").rotation_deg < 1


def test_the_same_seed_gives_the_same_file(files, run):
    for name in ("a", "b"):
        run("pose", files / "found.csv", files / "ct.mrk.json", "--geometry", files / "view_000.json", "--seed", 3,
            "-o", files / f"{name}.json")
    assert (files / "a.json").read_bytes() == (files / "b.json").read_bytes()


def test_the_arm_need_not_stand_square(files, run):
    """A detector off the beam's foot, with its own pixels."""
    arm = CArm(20, 10, 15, 700, 1100, (0.5, 0.7), (300, 400), (5, -6, 7), (140, 210))
    save_geometry(files / "g.json", arm)
    write(files / "found.csv", {"f.png": arm.camera().project(POINTS)})
    assert run("pose", files / "found.csv", files / "ct.mrk.json", "--geometry", files / "g.json", "-o",
               files / "p.json").code == 0
    assert error_of(files / "p.json", arm).rotation_deg < 1e-4
    assert load_pose(files / "p.json").arm.centre_px == pytest.approx((140, 210))


def test_a_cluster_gives_the_same_poses_and_goes_on(files, run, cluster):
    arms = {f"view_{i:03d}.dcm": view(i) for i in range(3)}
    places = {name: on_film(arm, POINTS, 0.5) for name, arm in arms.items()}
    places["other.dcm"] = np.random.default_rng(0).uniform(0, SIZE, (15, 2))
    table = write(files / "all.csv", places)
    command = "pose", table, files / "ct.mrk.json", "--geometry", files / "view_000.json", "--any-view", "-o"
    assert run(*command, files / "here").code == 1
    there = run(*command, files / "there", "--scheduler", cluster)
    assert there.code == 1 and "other.dcm" in there.err and len(there.err.splitlines()) == 1
    poses = {p.name: p.read_bytes() for p in (files / "here").iterdir()}
    assert poses == {p.name: p.read_bytes() for p in (files / "there").glob("*.json")} and len(poses) == 3
    write(files / "all.csv", places | {"view_001.dcm": on_film(arms["view_001.dcm"], POINTS, 0.5, 1)})
    again = run(*command, files / "there", "--scheduler", cluster)
    assert "2 of 4 inputs are done already" in again.out
