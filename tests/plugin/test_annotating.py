"""The way through a folder of films, without a window."""

import math
import os

import numpy as np
import pytest
from PIL import Image

import figure
from napari_xray_landmarks.errors import Cancelled, InputError
from napari_xray_landmarks.imaging import Radiograph
from napari_xray_landmarks.io import write_volume
from napari_xray_landmarks.landmarks import Schema
from napari_xray_landmarks.plugin.annotating import DONE, PARTLY, UNTOUCHED, Annotating, paces, paces_in_words
from napari_xray_landmarks.plugin.annotating_films import known_schemas, prepare, propose, schema_of_set, set_folder
from napari_xray_landmarks.plugin.annotating_hints import expected_place, nearest_edge
from napari_xray_landmarks.plugin.annotating_training import Training, fitting, values_in
from napari_xray_landmarks.training import read_training_set
from napari_xray_landmarks.training.annotations import open_annotations

NAMES = ("tip", "knuckle", "wrist")
QUICK = {"levels": 1, "train_patches": 200, "patches": 100, "components": 8}


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "images").mkdir()
    for name in ("a.png", "b.png"):
        Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8)).save(tmp_path / "images" / name)
    return tmp_path


@pytest.fixture
def work(folder, clock):
    store = open_annotations(folder, "anna")
    store.set_schema(Schema("hand", NAMES))
    work = Annotating(store, clock)
    yield work
    store.close()


def test_landmarks_are_asked_for_in_order_and_films_count_as_done(work):
    asked = []
    work.prompts.connect(lambda: asked.append(work.prompted))
    assert work.prompted == "tip" and work.counts() == {DONE: 0, PARTLY: 0, UNTOUCHED: 2}
    work.place((1, 2))
    assert work.state("a.png") == PARTLY
    work.skip()
    work.place((3, 4))
    assert asked == ["knuckle", "wrist", None] and work.state("a.png") == DONE
    assert work.marks["tip"] == (1, 2) and math.isnan(work.marks["knuckle"][0])
    work.go(1)
    assert work.image == "b.png" and work.prompted == "tip"
    work.go(2), work.go(-1)
    assert work.image == "b.png"


def test_an_annotator_goes_on_at_the_first_film_that_is_not_done(work, folder):
    for _ in NAMES:
        work.place((1, 1))
    work.close()
    again = Annotating(open_annotations(folder, "anna"))
    assert again.image == "b.png"
    again.close()


def test_a_landmark_out_of_turn_and_round_the_end(work):
    work.choose("wrist")
    work.place((1, 1))
    assert work.prompted == "tip"
    work.step(-1)
    assert work.prompted == "wrist"
    work.step(1)
    assert work.prompted == "tip"
    work.place((math.nan, 1))
    assert "tip" not in work.marks, "a click outside the film's plane marks nothing"


def test_take_back_undo_and_redo_across_films(work):
    work.place((1, 2))
    work.place((3, 4))
    work.go(1)
    work.place((5, 6))
    work.take_back()
    assert not work.marks and work.prompted == "tip"
    work.undo()
    assert work.marks == {"tip": (5, 6)}
    work.undo()
    assert not work.marks
    work.undo()
    assert work.image == "a.png" and work.marks == {"tip": (1, 2)} and work.prompted == "knuckle"
    for _ in range(3):
        work.redo()
    assert work.image == "b.png" and not work.marks and not work.can_redo
    work.take_back()
    assert work.can_undo, "nothing to take back here, and nothing else is touched"
    work.go(0)
    work.place((9, 9), "tip")
    work.take_back()
    assert work.marks == {"knuckle": (3, 4)} and work.prompted == "tip"


def test_a_models_landmarks_become_marks_only_when_accepted(work):
    work.propose({"a.png": {"tip": (1, 1), "wrist": (2, 2), "other": (3, 3)}}, "figure")
    assert not work.marks and set(work.open_proposals) == {"tip", "wrist"}
    work.accept()
    assert work.marks == {"tip": (1, 1)} and work.prompted == "knuckle"
    work.accept()
    assert work.marks == {"tip": (1, 1)}, "nothing is proposed for it"
    work.accept_all()
    assert work.marks == {"tip": (1, 1), "wrist": (2, 2)} and work.prompted == "knuckle"
    work.undo()
    assert work.marks == {"tip": (1, 1)}


def test_seconds_by_hand_and_from_a_model(work, clock):
    for seconds in (4, 5, 60):
        clock.now += seconds
        work.place((1, 1))
    clock.now += 1000
    work.go(1)
    work.propose({"b.png": dict.fromkeys(NAMES, (2.0, 2.0))}, "figure")
    clock.now += 6
    work.accept_all()
    found = paces(work)
    assert found[""].seconds == 39 and found["figure"].seconds == 6, "a pause counts as half a minute"
    assert paces_in_words(found) == "39 s a film by hand (1); 6 s from figure (1): 33 s saved."
    assert paces_in_words({}) == ""


def test_the_expected_place_follows_size_turn_and_what_is_marked_near_by():
    shape = {"a": (10.0, 10.0), "b": (10.0, 30.0), "c": (40.0, 20.0)}
    moved = {name: (2 * c + 5, -2 * r + 300) for name, (r, c) in shape.items()}  # turned by 90 degrees
    others = [(shape, (50, 50))]
    place = expected_place("c", {"a": moved["a"], "b": moved["b"]}, others, (400, 400))
    assert not np.allclose(place, moved["c"]), "no film is turned that far"
    turned = {name: (1.5 * r + 7, 1.5 * c - 3) for name, (r, c) in shape.items()}
    assert np.allclose(expected_place("c", {k: turned[k] for k in "ab"}, others, (400, 400)), turned["c"])
    assert np.allclose(expected_place("c", {"a": (20, 20)}, others, (400, 400)), (50, 30)), "one mark moves it"
    assert np.allclose(expected_place("c", {}, others, (100, 200)), (80, 80)), "none: the same part of the film"
    assert np.allclose(expected_place("c", {"a": (math.nan, math.nan)}, others, (50, 50)), (40, 20))
    assert expected_place("c", {}, [({"a": (1, 1)}, None)], (50, 50)) is None
    assert np.allclose(expected_place("c", {}, others, (30, 30)), (24, 12))


@pytest.mark.parametrize("angle", [0, 30, 77, 120])
def test_a_click_snaps_to_the_nearest_edge(angle):
    rows, columns = np.indices((80, 90)).astype(float)
    normal = np.array([np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))])
    middle = np.array([40.3, 44.6])
    away = (rows - middle[0]) * normal[0] + (columns - middle[1]) * normal[1]
    pixels = 100 / (1 + np.exp(-away / 0.8)) + np.random.default_rng(0).normal(0, 0.5, rows.shape)
    click = middle + 4.2 * normal
    found = nearest_edge(pixels, click, 6)
    assert abs((found - middle) @ normal) < 0.3 and np.linalg.norm(found - click) < 5
    assert np.array_equal(nearest_edge(pixels, click, 3), click), "too far"
    assert np.array_equal(nearest_edge(np.ones((80, 90)), click, 6), click), "no edge"
    assert np.array_equal(nearest_edge(pixels[:3, :3], (1, 1), 6), (1, 1)), "no room"


def test_films_of_any_kind_become_a_set_beside_their_folder(tmp_path):
    films = tmp_path / "films"
    films.mkdir()
    Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8)).save(films / "one.png")
    write_volume(films / "two.nii.gz", Radiograph(np.arange(64, dtype=np.int16).reshape(8, 8), (0.5, 0.25), "given"))
    (films / "notes.txt").write_text("no film")
    (films / "bad.png").write_bytes(b"no picture")
    (films / "below").mkdir()
    folder, failures = prepare(films, lambda *_: None)
    assert folder == set_folder(films) == tmp_path / "films-annotated"
    assert [p.name for p in sorted(films.iterdir())] == ["bad.png", "below", "notes.txt", "one.png", "two.nii.gz"]
    assert len(failures) == 1 and "bad.png" in str(failures[0])
    assert prepare(folder, lambda *_: None) == (folder, [])
    store = open_annotations(folder, "anna")
    assert [f.name for f in store.films][0] == "one.png" and not store.schema.names
    store.close()


def test_new_films_join_a_set_that_is_there(tmp_path):
    films = tmp_path / "films"
    films.mkdir()
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(films / "one.png")
    folder, _ = prepare(films, lambda *_: None)
    store = open_annotations(folder, "anna")
    store.set_schema(Schema("hand", NAMES))
    store.mark("one.png", "tip", (1, 2))
    store.close()
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(films / "two.png")
    prepare(films, lambda *_: None)
    store = open_annotations(folder, "anna")
    assert [f.name for f in store.films] == ["one.png", "two.png"] and store.marks("one.png") == {"tip": (1, 2)}
    store.close()


def test_a_cancelled_copy_and_an_empty_folder_leave_nothing(tmp_path):
    films = tmp_path / "films"
    films.mkdir()
    with pytest.raises(InputError, match="holds no films"):
        prepare(films, lambda *_: None)
    for name in ("one.png", "two.png"):
        Image.fromarray(np.zeros((8, 8), np.uint8)).save(films / name)

    def cancel(fraction, stage):
        if "two" in stage:
            raise Cancelled

    with pytest.raises(Cancelled):
        prepare(films, cancel)
    assert [p.name for p in tmp_path.iterdir()] == ["films"]


def test_schemas_to_start_from(figure_model, folder, work):
    found = known_schemas()
    assert found["model figure"].names == figure.NAMES and "pelvis (phantom)" in found
    assert schema_of_set(folder).names == NAMES


def test_a_model_proposes_in_films_and_a_bad_film_stops_nothing(figure_model, tmp_path, figure_film):
    (tmp_path / "images").mkdir()
    Image.fromarray(np.asarray(figure_film[0], np.uint16)).save(tmp_path / "images" / "a.png")
    Image.fromarray(np.zeros((200, 160), np.uint8)).save(tmp_path / "images" / "blank.png")
    store = open_annotations(tmp_path, "anna")
    store.set_schema(Schema("figure", ("tip", "knob", "other")))
    found, model, failures = propose(store.films, store.schema.names, "figure", lambda *_: None)
    assert model == "figure" and set(found) == {"a.png"} and len(failures) == 1
    for name, point in found["a.png"].items():
        assert name in ("tip", "knob") and np.linalg.norm(np.subtract(point, figure_film[1][name])) < 8
    with pytest.raises(InputError, match="has none of these landmarks by name"):
        propose(store.films, ("wrist",), "figure", lambda *_: None)
    store.close()


@pytest.fixture(scope="module")
def figures(tmp_path_factory):
    """A set of made-up films, fully marked."""
    folder = tmp_path_factory.mktemp("figures")
    (folder / "images").mkdir()
    store = None
    for seed in range(5):
        pixels, landmarks = figure.figure(seed)
        Image.fromarray(np.asarray(pixels, np.uint16)).save(folder / "images" / f"{seed}.png")
    store = open_annotations(folder, "anna")
    store.set_schema(Schema("figure", figure.NAMES))
    for seed in range(5):
        for name, point in zip(figure.NAMES, figure.figure(seed)[1].points, strict=True):
            store.mark(f"{seed}.png", name, tuple(point))
    store.close()
    return folder


def test_which_recipes_fit(figures, work):
    reasons = fitting(read_training_set(figures))
    assert list(reasons)[0] == "joint-displacement" and reasons["joint-displacement"] == ""
    assert "deep-shape" not in reasons, "takes volumes"
    assert "corners of vertebrae" in reasons["spine"] and "outlines" in reasons["deep-morphing"]
    work.place((1, 1))
    work.store.save()
    assert "needs 3 films with every landmark; there are 0" in fitting(read_training_set(work.store.folder)).values()


def test_a_training_in_its_own_process_is_ended_at_once_and_goes_on(figures, tmp_path):
    output = tmp_path / "mine.safetensors"
    training = Training({"recipe": "joint-displacement", "data": str(figures), "output": str(output),
                         "settings": figure.SETTINGS | QUICK})
    stages, priorities = [], []

    def cancel(fraction, stage):
        if hasattr(os, "getpriority"):
            mine, its = (os.getpriority(os.PRIO_PROCESS, number) for number in (0, training._process.pid))
            priorities.append(its - mine)
        if training.run_folder.is_dir() and list(training.run_folder.glob("stage-level0*")):
            raise Cancelled

    with pytest.raises(Cancelled):
        training.run(cancel, stages.append)
    assert training._process.poll() is not None and not output.exists()
    assert all(priority > 0 for priority in priorities), "the window goes first"
    before = list(stages)
    stages.clear()
    metrics = training.run(lambda *_: None, stages.append)
    assert before[-1] in stages, "what was said before the stop is told again"
    assert output.exists() and not training.run_folder.exists()
    assert metrics["mean_radial_error_px"] < 30
    assert any("error" in values_in(stage) for stage in stages)


def test_what_a_training_refuses_is_said_in_its_words(figures, tmp_path):
    training = Training({"recipe": "magic", "data": str(figures), "output": str(tmp_path / "a.safetensors")})
    with pytest.raises(InputError, match="magic: is no recipe"):
        training.run(lambda *_: None)


def test_values_in_a_stage():
    assert values_in("network, epoch 3 of 60 (loss 0.12; validation 5.10 mm, median 4.0)") == {
        "loss": (0.12, ""), "validation": (5.1, "mm")}
    assert values_in("epoch 3 of 80, loss 1.2e-4") == {"loss": (1.2e-4, "")}
    assert values_in("level 2 of 3") == {}
