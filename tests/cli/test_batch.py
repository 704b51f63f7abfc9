"""Many films in processes and on a Dask cluster: the same tables as here, done parts remembered, bad films skipped."""

import json
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from napari_xray_landmarks.cli import jobs
from napari_xray_landmarks.cli.manifest import Manifest, Part, joined, key_of

pytest.importorskip("distributed")


@pytest.fixture
def films(tmp_path, write_film):
    folder = tmp_path / "films"
    folder.mkdir()
    for seed in (100, 101, 102):
        write_film(folder / f"new{seed}.png", seed)
    return folder


@pytest.fixture
def searches(monkeypatch):
    """How often an input was searched."""
    counted, made = [], jobs._made

    def count(job, folder):
        counted.append(Path(job.name).name)
        return made(job, folder)

    monkeypatch.setattr(jobs, "_made", count)
    return counted


def contents(folder) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in folder.iterdir() if not p.name.startswith("manifest")}


def test_a_cluster_gives_the_same_files_as_this_process(run, films, model_file, cluster, tmp_path):
    assert run("detect", films, "-m", model_file, "-o", tmp_path / "here", "--overlay").code == 0
    outcome = run("detect", films, "-m", model_file, "-o", tmp_path / "there", "--overlay", "--scheduler", cluster)
    assert outcome.code == 0, outcome
    assert contents(tmp_path / "there") == contents(tmp_path / "here")
    assert outcome.out.count("landmarks detected") == 3


def test_processes_give_the_same_table(run, films, model_file, tmp_path):
    assert run("detect", films, "-m", model_file, "-o", tmp_path / "here.csv").code == 0
    outcome = run("detect", films, "-m", model_file, "-o", tmp_path / "there.csv", "--workers", "2")
    assert outcome.code == 0, outcome
    assert (tmp_path / "there.csv").read_bytes() == (tmp_path / "here.csv").read_bytes()
    assert {p.name for p in tmp_path.glob("there*")} == {"there.csv", "there_manifest.jsonl", "there_manifest.lock"}
    assert not (tmp_path / ".parts").exists()


def test_outlines_and_masks_come_from_a_cluster_too(run, figure_model, figure_film, cluster, tmp_path):
    (tmp_path / "films").mkdir()
    pixels = figure_film[0]
    for name in ("a", "b"):
        Image.fromarray((255 * (pixels - pixels.min()) / np.ptp(pixels)).astype(np.uint8)).save(
            tmp_path / "films" / f"{name}.png")
    command = "segment", tmp_path / "films", "-m", figure_model, "--labels"
    assert run(*command, "-o", tmp_path / "here").code == 0
    outcome = run(*command, "-o", tmp_path / "there", "--scheduler", cluster)
    assert outcome.code == 0, outcome
    here, there = contents(tmp_path / "here"), contents(tmp_path / "there")
    assert set(here) == set(there) and {"contours.csv", "measures.csv", "a_labels.nii.gz"} <= set(there)
    assert all(here[name] == there[name] for name in here if not name.endswith(".gz"))


def test_a_run_that_was_stopped_goes_on(run, films, model_file, cluster, searches, monkeypatch, tmp_path):
    command = "detect", films, "-m", model_file, "-o", tmp_path / "out", "--scheduler", cluster
    add, added = Manifest.add, []

    def interrupted(manifest, part):
        add(manifest, part)
        added.extend(part.files)
        if len(added) == 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Manifest, "add", interrupted)
        assert run(*command).code == 130
    assert not (tmp_path / "out" / "landmarks.csv").exists()
    outcome = run(*command)
    assert outcome.code == 0 and "2 of 3 inputs are done already" in outcome.out
    assert all(searches.count(name.replace(".mrk.json", ".png")) == 1 for name in added)
    assert run("detect", films, "-m", model_file, "-o", tmp_path / "here").code == 0
    assert contents(tmp_path / "out") == contents(tmp_path / "here")


def test_what_changed_is_done_anew(run, films, model_file, write_film, cluster, searches, tmp_path):
    out = tmp_path / "out"
    command = "detect", films, "-m", model_file, "-o", out, "--scheduler", cluster
    run(*command)
    searches.clear()
    time.sleep(0.01)
    write_film(films / "new101.png", 7)
    run(*command)
    assert searches == ["new101.png"]
    (out / "new100.mrk.json").unlink()
    run(*command)
    assert searches == ["new101.png", "new100.png"]
    run(*command, "--set", "method=nearest")
    assert len(searches) == 5
    run(*command, "--overlay")
    assert len(searches) == 8


def test_a_bad_film_is_skipped_and_tried_again(run, films, model_file, cluster, searches, tmp_path):
    (films / "text.png").write_text("this is no picture")
    command = "detect", films, "-m", model_file, "-o", tmp_path / "out", "--scheduler", cluster
    for tries in (1, 2):
        outcome = run(*command)
        (line,) = outcome.err.strip().splitlines()
        assert outcome.code == 1 and "text.png" in line and "skipped" in line
        assert searches.count("text.png") == tries
    assert (tmp_path / "out" / "new102.mrk.json").is_file()


def test_whatever_befalls_a_worker_ends_one_film_only(run, films, model_file, cluster, monkeypatch, tmp_path):
    made, failed = jobs._made, []

    def broken(job, folder):
        if job.name.endswith("new101.png"):
            failed.append(1)
            raise OSError(5, "the share is gone", "new101.png")
        return made(job, folder)

    monkeypatch.setattr(jobs, "_made", broken)
    outcome = run("detect", films, "-m", model_file, "-o", tmp_path / "out", "--scheduler", cluster)
    assert outcome.code == 1 and len(failed) == 1 + jobs.RETRIES
    (line,) = outcome.err.strip().splitlines()
    assert "new101.png" in line and "share is gone" in line
    assert {"new100.mrk.json", "new102.mrk.json"} <= set(contents(tmp_path / "out"))


def test_what_cannot_be_is_refused_in_one_line(run, films, model_file, cluster, tmp_path):
    one = films / "new100.png"
    command = "detect", one, "-m", model_file, "-o"
    run(*command, tmp_path / "o.mrk.json", "--workers", "2").assert_bad_input("o.mrk.json", "--workers")
    run(*command, tmp_path / "out", "--scheduler", "127.0.0.1:9").assert_bad_input("--scheduler", "does not answer")
    (films / "bad.png").write_text("no picture")
    run("detect", films / "bad.png", "-m", model_file, "-o", tmp_path / "out", "--scheduler", cluster
        ).assert_bad_input("bad.png")


def test_two_runs_in_one_folder_are_refused(run, films, model_file, tmp_path):
    from napari_xray_landmarks.training.locks import Lock

    (tmp_path / "out").mkdir()
    lock = Lock(tmp_path / "out" / "manifest.lock")
    run("detect", films, "-m", model_file, "-o", tmp_path / "out", "--workers", "2").assert_bad_input("in use")
    lock.release()


def test_a_torn_or_foreign_line_of_a_manifest_is_passed_over(tmp_path):
    path = tmp_path / "manifest.jsonl"
    (tmp_path / "a.mrk.json").write_text("{}")
    manifest = Manifest(path)
    manifest.add(Part("a", ("a.mrk.json",), {"t.csv": "h\n1\n"}, ("found",)))
    manifest.add(Part("b", skipped=("series 2",)))
    manifest.close()
    foreign = {"key": "c", "files": ["../../etc/passwd"], "tables": {}, "lines": []}
    with open(path, "ab") as file:
        file.write(b"\n" + json.dumps(foreign).encode() + b'\n{"key": "d", "fil')
    again = Manifest(path)
    assert again.part("a") == Part("a", ("a.mrk.json",), {"t.csv": "h\n1\n"}, ("found",))
    assert [again.part(key) for key in "bcd"] == [None] * 3


def test_tables_are_joined_under_one_header():
    assert joined(["h\n1\n2\n", "h\n", "h\n3\n"]) == "h\n1\n2\n3\n"


def test_a_key_tells_inputs_and_settings_apart(tmp_path):
    folder = tmp_path / "series"
    folder.mkdir()
    (folder / "1.dcm").write_bytes(b"1")
    before = key_of(folder, {"a": 1})
    assert key_of(folder, {"a": 1}) == before != key_of(folder, {"a": 2})
    (folder / "2.dcm").write_bytes(b"2")
    assert key_of(folder, {"a": 1}) != before
