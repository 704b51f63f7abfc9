"""Simulated films: the truth they come with, mirrors, seeds, splits, sets that go on where they stopped."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from balls import NAMES, VIEWS, Balls, ball_ct
from napari_xray_landmarks.drr.render import render
from napari_xray_landmarks.errors import Cancelled, FileError, InputError
from napari_xray_landmarks.geometry.camera import CArm
from napari_xray_landmarks.imaging import Volume
from napari_xray_landmarks.io import load_landmarks, read_detections, save_landmarks, write_volume
from napari_xray_landmarks.io.geometry import load_geometry
from napari_xray_landmarks.landmarks import LandmarkSet
from napari_xray_landmarks.phantoms import SCHEMAS
from napari_xray_landmarks.training.films import validate
from napari_xray_landmarks.training.patients import (
    SPLITS,
    AtlasPatients,
    CTFiles,
    CTPatients,
    OfSplit,
    PhantomPatients,
    splits_of,
)
from napari_xray_landmarks.training.simulated import FilmPlan, Look, film_of
from napari_xray_landmarks.training.simulated_sets import MANIFEST, write_simulated_set
from napari_xray_landmarks.training.views import (
    ViewRanges,
    mirrored_arm,
    mirrored_landmarks,
    other_side,
    without_lone_sides,
)

PLAIN = Look(exposures=False, appearance=False, tools=0)


def plan(**changes) -> FilmPlan:
    return FilmPlan(Balls([]), **{"views": VIEWS, "views_each": 2, **changes})


def test_views_lie_in_their_ranges_and_fill_them():
    rng = np.random.default_rng(0)
    arms = [ViewRanges().draw((5, 6, 7), rng) for _ in range(300)]
    for key, low, high in (("lao_deg", -60, 60), ("cran_deg", -45, 45), ("roll_deg", -5, 5)):
        values = np.array([getattr(arm, key) for arm in arms])
        assert values.min() >= low and values.max() <= high
        assert values.min() < low + 0.05 * (high - low) and values.max() > high - 0.05 * (high - low)
    offsets = np.array([arm.isocentre_mm for arm in arms]) - (5, 6, 7)
    assert (np.abs(offsets).max(0) <= (40, 20, 40)).all() and (np.abs(offsets).max(0) > (36, 18, 36)).all()


@pytest.mark.parametrize("wrong", [
    {"lao_deg": (10, -10)}, {"source_to_isocentre_mm": (700, 1300)}, {"flipped": 1.5}, {"cran_deg": (0, np.nan)},
    {"source_to_isocentre_mm": (0, 10)},
])
def test_impossible_views_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong)).split("_to")[0].split("_deg")[0][:9]):
        ViewRanges(**wrong)


def test_a_mirror_swaps_the_sides_of_the_schema():
    schema = SCHEMAS["pelvis"]
    swap = dict(schema.pairs) | {b: a for a, b in schema.pairs}
    assert {n: other_side(n) for n in schema.names} == {n: swap.get(n, n) for n in schema.names}
    assert other_side("leftover") == "leftover"
    lone = LandmarkSet(("head-left", "tip-left"), np.zeros((2, 3)), unit="mm")
    with pytest.raises(InputError, match="'head-left': has no partner 'head-right'"):
        mirrored_landmarks(lone)
    assert without_lone_sides(lone).names == mirrored_landmarks(without_lone_sides(lone)).names == ("head", "tip")
    assert without_lone_sides(ball_ct(0)[1]).names == NAMES


@pytest.mark.parametrize("centre_px", [None, (20.0, 31.0)])
def test_the_mirrored_patients_view_gives_the_mirrored_film(centre_px):
    arm = CArm(35, -20, 4, 700, 1150, (2, 1.5), (60, 80), (3, -5, 11), centre_px)
    landmarks = ball_ct(1)[1]
    mirrored = mirrored_landmarks(landmarks)
    here, there = arm.camera().project(landmarks.points), mirrored_arm(arm).camera().project(mirrored.points)
    there = there[[mirrored.names.index(other_side(n)) for n in landmarks.names]]
    np.testing.assert_allclose(there[:, 0], here[:, 0])
    np.testing.assert_allclose(there[:, 1], 79 - here[:, 1])
    assert mirrored_arm(mirrored_arm(arm)) == arm


def test_landmarks_lie_on_the_rendered_balls():
    """The middle of each ball's shadow, in films flipped or not, is where the landmark of its name is said to be."""
    flips, checked = set(), 0
    for number in range(12):
        film = plan(look=PLAIN).film(number)
        flips.add(film.flipped)
        ct, truth = ball_ct(int(film.subject))
        grid = np.stack(np.meshgrid(*map(np.arange, ct.shape), indexing="ij"), -1) * 3 + ct.world_from_voxel[:3, 3]
        for name, point, seen in zip(NAMES, film.landmarks.points, film.landmarks.detected, strict=True):
            centre = truth[other_side(name) if film.flipped else name]
            ball = Volume(np.clip((9 - np.linalg.norm(grid - centre, axis=-1)) / 3 + 0.5, 0, 1), ct.world_from_voxel)
            shadow = render(ball, (mirrored_arm(film.arm) if film.flipped else film.arm).camera())
            shadow = shadow[:, ::-1] if film.flipped else shadow
            assert seen == (-0.5 <= point[0] <= 71.5 and -0.5 <= point[1] <= 95.5)
            if 6 < point[0] < 65 and 6 < point[1] < 89:
                rows, columns = np.indices(shadow.shape)
                middle = (rows * shadow).sum() / shadow.sum(), (columns * shadow).sum() / shadow.sum()
                np.testing.assert_allclose(middle, point, atol=0.1)
                checked += 1
    assert flips == {True, False} and checked > 15


def test_a_film_depends_on_its_number_alone():
    there, back = plan(seed=3), plan(seed=3)
    forward = [there.film(n) for n in range(6)]
    backward = [back.film(n) for n in range(5, -1, -1)][::-1]
    for a, b in zip(forward, backward, strict=True):
        np.testing.assert_array_equal(a.radiograph.pixels, b.radiograph.pixels)
        np.testing.assert_array_equal(a.landmarks.points, b.landmarks.points)
        assert (a.arm, a.subject, a.flipped) == (b.arm, b.subject, b.flipped)
    other = plan(seed=4).film(0)
    assert other.arm != forward[0].arm
    assert forward[0].arm != forward[1].arm and forward[0].subject == forward[1].subject


def test_patients_take_turns_and_are_made_once_a_turn():
    mine = plan()
    subjects = [mine.film(n).subject for n in range(6)]
    assert subjects == ["0", "0", "1", "1", "2", "2"]
    assert mine.patients.made == [(0, 0), (1, 0), (2, 0)]
    assert mine.place(12) == (0, 1)


def test_flipped_films_are_mirrors():
    patient = Balls([]).patient(0, 0)
    straight, flipped = (film_of(patient, 0, replace(VIEWS, flipped=share), PLAIN, np.random.default_rng(5))
                         for share in (0, 1))
    np.testing.assert_array_equal(flipped.radiograph.pixels, straight.radiograph.pixels[:, ::-1])
    assert flipped.radiograph.header["lao_deg"] == -straight.radiograph.header["lao_deg"]
    np.testing.assert_allclose(flipped.landmarks["ball-left"], straight.landmarks["ball-right"] * (1, -1) + (0, 95))
    np.testing.assert_allclose(flipped.landmarks["top"], straight.landmarks["top"] * (1, -1) + (0, 95))


def test_looks_vary_and_truth_stays():
    patient = Balls([]).patient(0, 0)
    looks = PLAIN, replace(PLAIN, exposures=True), replace(PLAIN, appearance=True), replace(PLAIN, tools=1)
    films = [film_of(patient, 0, VIEWS, look, np.random.default_rng(1)) for look in looks]
    for film in films[1:]:
        np.testing.assert_array_equal(film.landmarks.points, films[0].landmarks.points)
        assert (film.radiograph.pixels != films[0].radiograph.pixels).mean() > 0.1
        assert film.radiograph.pixels.max() <= 4095
    assert [f.has_metal for f in films] == [False, False, False, True]
    with pytest.raises(ValueError, match="tools must be a share"):
        Look(tools=2)


def test_subjects_never_cross_splits():
    splits = splits_of([str(n) for n in range(40)], 7)
    assert list(splits) == [str(n) for n in range(40)]
    assert {s: list(splits.values()).count(s) for s in SPLITS} == {"train": 28, "validation": 4, "test": 8}
    assert splits != splits_of([str(n) for n in range(40)], 8)
    with pytest.raises(ValueError, match="add up to 1"):
        splits_of(["a"], 0, (0.5, 0.5, 0.5))
    for split in SPLITS:
        some = OfSplit(PhantomPatients(count=40), split)
        assert all(some.patients.split_of(n) == split for n in some.numbers)
        assert some.describe()["split"] == split
    with pytest.raises(ValueError, match="none of the 1 patients"):
        OfSplit(PhantomPatients(count=1), "validation")


DATA = Path(os.environ.get("XRAY_LANDMARKS_DATA", Path(__file__).parents[3] / "shared" / "data"))


@pytest.mark.realdata
@pytest.mark.skipif(not (DATA / "pelvis-atlas").is_dir(), reason="the pelvis atlas is not there")
def test_people_of_the_atlas_are_split_and_sampled_from_those_that_train():
    patients = AtlasPatients(str(DATA / "pelvis-atlas"), sampled=3, spacing_mm=4.0)
    splits = [patients.split_of(n) for n in range(len(patients))]
    assert len(splits) == 33 and [splits.count(s) for s in SPLITS] == [24, 3, 6] and splits[30:] == ["train"] * 3
    test = OfSplit(patients, "test")
    assert len(test) == 6
    patient = test.patient(0, 1, outlined=False)
    assert patient.split == "test" and patient.landmarks.names == SCHEMAS["pelvis"].names and not patient.surfaces
    films = [film_of(patient, 0, VIEWS, PLAIN, np.random.default_rng(n)) for n in range(2)]
    assert all(film.landmarks.detected.any() and film.subject.startswith("atlas-") for film in films)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sets") / "whole"
    return write_simulated_set(folder, plan(), 7, about={"name": "balls"})


def test_a_set_is_a_training_set(whole):
    assert len(whole) == 7 and whole.landmark_names == NAMES
    assert validate(whole) is not None
    by_subject = {}
    for film in whole.films:
        by_subject.setdefault(film.subject, set()).add(film.split)
    assert len(by_subject) == 4 and all(len(splits) == 1 for splits in by_subject.values())
    film = plan().film(3)
    np.testing.assert_array_equal(whole.radiograph("000003.png").pixels, film.radiograph.pixels)
    assert whole.film("000003.png").spacing_mm == pytest.approx(film.radiograph.spacing_mm)
    seen = np.where(film.landmarks.detected[:, None], film.landmarks.points, np.nan)
    np.testing.assert_allclose(whole.landmarks("000003.png").points, seen)


def test_a_set_tells_where_landmarks_outside_of_a_film_are(whole):
    projected = read_detections(whole.folder / "projected.csv")
    outside = 0
    for n, name in enumerate(f"{n:06d}.png" for n in range(7)):
        film = plan().film(n)
        np.testing.assert_allclose(projected[name].landmarks.points, film.landmarks.points, atol=1e-6)
        np.testing.assert_array_equal(projected[name].landmarks.detected, film.landmarks.detected)
        outside += (~film.landmarks.detected).sum()
        camera = load_geometry(whole.folder / "geometry" / f"{n:06d}.json")
        np.testing.assert_allclose(camera.project(film.landmarks_mm.points), film.landmarks.points, atol=1e-6)
    assert outside


def test_a_run_that_was_stopped_goes_on(tmp_path, whole):
    def stop(fraction, stage):
        if "film 4" in stage:
            raise Cancelled

    folder = tmp_path / "set"
    with pytest.raises(Cancelled):
        write_simulated_set(folder, plan(), 7, progress=stop)
    with open(folder / MANIFEST, "a", encoding="utf-8") as manifest:
        manifest.write('{"number": 3, "ima')  # as a killed run leaves it
    again = plan()
    write_simulated_set(folder, again, 7)
    assert again.patients.made == [(1, 0), (2, 0), (3, 0)]
    same_files(folder, whole.folder)


def same_files(one, other):
    names = sorted(str(p.relative_to(other)) for p in other.rglob("*") if p.is_file() and p.name != "about.json")
    assert names == sorted(str(p.relative_to(one)) for p in one.rglob("*") if p.is_file())
    for name in names:
        assert (one / name).read_bytes() == (other / name).read_bytes(), name


def test_a_set_grows(tmp_path, whole):
    write_simulated_set(tmp_path / "set", plan(), 2)
    grown = write_simulated_set(tmp_path / "set", plan(), 7)
    assert len(grown) == 7
    same_files(grown.folder, whole.folder)


def test_a_set_keeps_its_films_and_drops_what_is_not_whole(tmp_path, whole):
    folder = tmp_path / "set"
    write_simulated_set(folder, plan(), 7)
    (folder / "images" / "000009.png").write_bytes(b"half a film")
    assert len(write_simulated_set(folder, plan(), 2)) == 7
    same_files(folder, whole.folder)


def test_a_lost_film_is_made_again(tmp_path):
    folder = tmp_path / "set"
    write_simulated_set(folder, plan(), 3)
    path = folder / "images" / "000001.png"
    before = path.read_bytes()
    path.unlink()
    write_simulated_set(folder, plan(), 3)
    assert path.read_bytes() == before


def test_films_of_another_plan_are_not_mixed_in(tmp_path):
    write_simulated_set(tmp_path / "set", plan(), 1)
    with pytest.raises(FileError, match="made otherwise: seed"):
        write_simulated_set(tmp_path / "set", plan(seed=9), 2)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.docx").write_text("")
    with pytest.raises(FileError, match="no simulated set"):
        write_simulated_set(tmp_path / "full", plan(), 1)


def test_a_users_cts_become_patients(tmp_path):
    ct, landmarks = ball_ct(0)
    labels = Volume((ct.voxels > 500).astype(np.uint8), ct.world_from_voxel)
    write_volume(tmp_path / "ct.nii.gz", ct)
    write_volume(tmp_path / "labels.nii.gz", labels)
    save_landmarks(tmp_path / "m.mrk.json", landmarks)
    files = CTFiles("anna", *(str(tmp_path / n) for n in ("ct.nii.gz", "m.mrk.json", "labels.nii.gz")))
    patient = CTPatients((files,)).patient(0, 0)
    assert patient.subject == "anna" and patient.split in SPLITS and patient.landmarks.names == NAMES
    assert len(patient.surfaces) == 1
    film = film_of(patient, 0, VIEWS, PLAIN, np.random.default_rng(0))
    assert film.contours and all(c.name == "label-1" for c in film.contours)
    np.testing.assert_allclose(load_landmarks(tmp_path / "m.mrk.json").points, landmarks.points, atol=1e-3)
    save_landmarks(tmp_path / "far.mrk.json", replace(landmarks, points=landmarks.points + 5000))
    with pytest.raises(InputError, match="far.mrk.json"):
        CTPatients((replace(files, landmarks=str(tmp_path / "far.mrk.json")),)).patient(0, 0)


def test_a_phantoms_hip_is_shown_with_its_pelvis():
    patient = PhantomPatients("proximal-femur", spacing_mm=4.0).patient(1, 0)
    assert patient.subject == "proximal-femur-1"
    assert patient.landmarks.names == ("femoral-head", "greater-trochanter", "lesser-trochanter")
    assert {"hip-left", "hip-right", "femur-left"} <= {mesh.name for mesh in patient.surfaces}
    assert abs(patient.middle_mm[2]) > 60


def test_no_atlas_is_said_so(tmp_path):
    with pytest.raises(ValueError, match="anatomy"):
        AtlasPatients(str(tmp_path), anatomy="skull")
    with pytest.raises(FileError, match="no pelvis atlas"):
        len(AtlasPatients(str(tmp_path)))


def test_planning_imports_no_torch():
    code = ("import sys, napari_xray_landmarks.training.simulated_sets, napari_xray_landmarks.training.patients; "
            "print(json.dumps(sorted({'torch', 'trimesh', 'h5py'} & set(sys.modules))))")
    done = subprocess.run([sys.executable, "-c", "import json\n" + code], capture_output=True, text=True,
                          env=dict(os.environ), timeout=120)
    assert json.loads(done.stdout) == [], done.stderr
