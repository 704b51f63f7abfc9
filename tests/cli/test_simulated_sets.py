"""`simulate --dataset` from end to end: films of a user's CT, gone on with, and bad input."""

import numpy as np
import pytest
from PIL import Image

from balls import NAMES, ball_ct
from napari_xray_landmarks.io import save_landmarks, write_volume
from napari_xray_landmarks.training import read_training_set

SMALL = ("--size", "72x96", "--pixel-mm", "3.5", "--no-appearance", "--views-each", "2")


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Two CTs and their landmarks."""
    folder = tmp_path_factory.mktemp("cts")
    for n in (0, 1):
        ct, landmarks = ball_ct(n)
        write_volume(folder / f"ct{n}.nii.gz", ct)
        save_landmarks(folder / f"ct{n}.mrk.json", landmarks)
    return folder


def arguments(files, count):
    for n in (0, 1):
        yield files / f"ct{n}.nii.gz"
    for n in (0, 1):
        yield from ("--landmarks", files / f"ct{n}.mrk.json")
    yield from ("--dataset", count, *SMALL)


def test_films_of_cts_become_a_training_set_that_grows(run, files, tmp_path):
    first = run("simulate", *arguments(files, 3), "-o", tmp_path / "set", "--seed", 5)
    assert first.code == 0, first.err
    assert first.out.startswith("3 films of 2 subjects (")
    more = run("simulate", *arguments(files, 5), "-o", tmp_path / "set", "--seed", 5, "--quiet")
    assert (more.code, more.out, more.err) == (0, "", "")
    made = read_training_set(tmp_path / "set")
    assert len(made) == 5 and made.landmark_names == NAMES and made.subjects == ("ct0", "ct1")
    assert made.film("000000.png").subject == made.film("000004.png").subject == "ct0"


@pytest.mark.parametrize("extra, problem", [
    (("--seed", 6), "seed"), (("--view", "0,0"), "--view"), (("--lao", "9"), "--lao 9"), (("--lao", "9,-9"), "lao_deg"),
    (("--sod", 1100, "--sdd", 1150), "isocentre"), (("--size", "0x9"), "--size"),
    (("--isocentre", "0,0,0"), "--isocentre"), (("--monochrome1",), "--monochrome1"), (("--png",), "--png"),
    (("--exposure", "xerox"), "--exposure"), (("--set", "kvp=0"), "kvp"),
])
def test_what_cannot_be_made_is_said_in_a_line(run, files, tmp_path, extra, problem):
    assert run("simulate", *arguments(files, 1), "-o", tmp_path / "set").code == 0
    outcome = run("simulate", *arguments(files, 2), "-o", tmp_path / "set", *extra)
    assert outcome.code == 2 and problem in outcome.err and outcome.err.count("\n") == 1


def test_exposure_and_collimator_are_those_asked_for(run, files, tmp_path):
    asked = ("--flipped", 0, "--tools", 0, "--collimator", "circle")
    looks = {"none": (), "film": ("--exposure", "film"), "few": ("--set", "photons=200")}
    films = {}
    for name, look in looks.items():
        made = run("simulate", *arguments(files, 1), "-o", tmp_path / name, *asked, *look)
        assert made.code == 0, made.err
        films[name] = np.asarray(Image.open(tmp_path / name / "images" / "000000.png")).astype(float)
    assert not any(film[0, 0] or film[-1, -1] for film in films.values())  # the corners are outside of the circle
    assert (films["few"] != films["film"]).any() and (films["none"] != films["film"]).any()
    rough = {name: np.abs(np.diff(film[26:46, 38:58])).mean() for name, film in films.items()}
    assert rough["few"] > 1.5 * rough["film"]


def test_a_ct_without_landmarks_makes_no_set(run, files, tmp_path):
    outcome = run("simulate", files / "ct0.nii.gz", "-o", tmp_path / "set", "--dataset", 2)
    assert outcome.code == 2 and "ct0.nii.gz" in outcome.err and "--landmarks" in outcome.err
    assert not (tmp_path / "set").exists()


def test_a_cluster_makes_the_same_set_and_goes_on_with_it(run, files, cluster, tmp_path):
    assert run("simulate", *arguments(files, 5), "-o", tmp_path / "here").code == 0
    assert run("simulate", *arguments(files, 2), "-o", tmp_path / "there").code == 0
    outcome = run("simulate", *arguments(files, 5), "-o", tmp_path / "there", "--scheduler", cluster)
    assert outcome.code == 0 and outcome.out.startswith("5 films of 2 subjects (")
    here, there = ({str(p.relative_to(tmp_path / name)): p.read_bytes() for p in (tmp_path / name).rglob("*.*")
                    if p.is_file()} for name in ("here", "there"))
    assert here.keys() == there.keys() and {"landmarks.csv", "images/000004.png"} <= here.keys()
    for name in here:
        if name == "films.jsonl":  # in the order in which they were done
            assert sorted(here[name].splitlines()) == sorted(there[name].splitlines())
        else:
            assert here[name] == there[name], name
