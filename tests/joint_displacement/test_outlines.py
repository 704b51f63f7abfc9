from dataclasses import replace

import numpy as np
import pytest

from napari_xray_landmarks.geometry.similarity import apply, similarity
from napari_xray_landmarks.joint_displacement.outlines import (
    described,
    from_tensors,
    header_values,
    learn,
    to_tensors,
)
from napari_xray_landmarks.joint_displacement.reliability import Reliability

NAMES = ("a", "b", "c", "d", "centre")
SQUARE = np.array([[-1, -1], [-1, 1], [1, 1], [1, -1], [0, 0]], float)
ABOUT = {"contours": [{"name": "bone", "landmarks": ["a", "b", "c", "d"], "open_edges": [["c", "d"]]}],
         "circles": [{"name": "head", "centre": "centre", "rim": ["a", "b"]}], "view": "ap"}


def shapes(count=6):
    rng = np.random.default_rng(0)
    return [apply(similarity(rng.uniform(20, 60), rng.uniform(-30, 30), rng.uniform(50, 90, 2)),
                  SQUARE + rng.normal(0, 0.03, SQUARE.shape)) for _ in range(count)]


@pytest.fixture(scope="module")
def model():
    return learn(ABOUT, NAMES, SQUARE, shapes())


def test_outlines_are_learnt_as_the_training_set_names_them(model):
    (bone,), (head,) = model.outlines, model.heads
    assert (bone.name, bone.numbers, bone.drawn) == ("bone", (0, 1, 2, 3), (True, True, False, True))
    assert (head.name, head.centre, head.rim) == ("head", 4, (0, 1)) and model.view == "ap"
    assert np.abs(model.dictionary - SQUARE).max() < 0.2  # brought onto the mean shape


def test_films_without_all_landmarks_give_no_shape():
    points = shapes()
    points[2] = points[2].copy()
    points[2][1] = np.nan
    model = learn(ABOUT, NAMES, SQUARE, points)
    assert len(model.dictionary) == 5 and model.film.tolist() == [0, 1, 3, 4, 5]


def test_shapes_of_films_left_out_are_gone(model):
    rest = model.without_films([1, 4])
    assert rest.film.tolist() == [0, 2, 3, 5]
    np.testing.assert_array_equal(rest.dictionary, model.dictionary[[0, 2, 3, 5]])


def test_a_training_set_that_tells_of_no_outline_trains_a_model_that_only_detects():
    assert learn({}, NAMES, SQUARE, shapes()) is None
    assert learn({"schema": {"closed": False}}, NAMES, SQUARE, shapes()) is None
    assert from_tensors({}, {}, NAMES) is None


def test_sides_swap_in_a_mirrored_film_where_the_schema_has_pairs():
    model = learn(ABOUT | {"schema": {"pairs": [["a", "b"], ["d", "c"]]}}, NAMES, SQUARE, shapes())
    assert model.partner.tolist() == [1, 0, 3, 2, 4]


def test_a_closed_schema_is_one_outline():
    model = learn({"schema": {"closed": True}, "anatomy": "vertebra"}, NAMES, SQUARE, shapes())
    assert model.outlines[0].name == "vertebra" and model.outlines[0].numbers == (0, 1, 2, 3, 4)


def test_header_and_tensors_bring_everything_back(model):
    known = replace(model, reliability=Reliability(-1.0, (0.5, 0.0, 2.0, 1.0, 3.0), 0.04))
    back = from_tensors(to_tensors(known), header_values(known, NAMES), NAMES)
    assert (back.outlines, back.heads, back.view, back.reliability) == (
        known.outlines, known.heads, known.view, known.reliability)
    np.testing.assert_allclose(back.dictionary, known.dictionary, atol=1e-6)
    assert header_values(known, NAMES)["tasks"] == ["detect", "segment"]


@pytest.mark.parametrize(("change", "problem"), [
    ({"contours": [{"name": "bone", "landmarks": ["a", "b", "elbow"]}]}, "elbow"),
    ({"contours": [{"name": "bone", "landmarks": ["a", "b"]}]}, "three different landmarks"),
    ({"contours": [{"name": "bone", "landmarks": ["a", "b", "c", "a"]}]}, "three different landmarks"),
    ({"contours": []}, "no outline"),
    ({"circles": [{"name": "head", "centre": "knee", "rim": ["a"]}]}, "knee"),
])
def test_a_header_that_does_not_fit_is_refused(model, change, problem):
    with pytest.raises(ValueError, match=problem):
        described(ABOUT | change, NAMES, model.dictionary, Reliability())


@pytest.mark.parametrize(("name", "value", "problem"), [
    ("outlines.dictionary", np.zeros((6, 4, 2), np.float32), "for 5 landmarks"),
    ("outlines.dictionary", np.full((6, 5, 2), np.nan, np.float32), "finite"),
    ("outlines.dictionary", np.zeros((1, 5, 2), np.float32), "at least 2"),
    ("outlines.reliability", np.zeros(3), "slopes"),
    ("outlines.reliability", np.array([0.0, -1, 0, 0, 0, 0]), "zero or more"),
    ("outlines.reliability", np.array([np.nan, 1, 0, 0, 0, 0]), "zero or more"),
    ("outlines.tolerance", np.array([0.0]), "tolerance"),
])
def test_tensors_that_no_training_gives_are_refused(model, name, value, problem):
    with pytest.raises(ValueError, match=problem):
        from_tensors(to_tensors(model) | {name: value}, header_values(model, NAMES), NAMES)
