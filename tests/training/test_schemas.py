import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_xray_landmarks.errors import InputError
from napari_xray_landmarks.landmarks import Schema
from napari_xray_landmarks.phantoms import SCHEMAS
from napari_xray_landmarks.training.schemas import about_of_schema, schema_of_about, schema_of_text, text_of_schema


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_phantoms_schemas_survive_as_text_and_in_about(name):
    schema = SCHEMAS[name]
    again = schema_of_text(text_of_schema(schema), anatomy=schema.anatomy, closed=schema.closed)
    assert (again.names, again.subshapes, again.closed) == (schema.names, schema.subshapes, schema.closed)
    assert set(map(frozenset, again.pairs)) == set(map(frozenset, schema.pairs))
    assert schema_of_about(about_of_schema(schema), schema.names) == schema


def test_left_and_right_make_pairs_and_others_are_typed():
    schema = schema_of_text("lip-left\n\n nose \nlip-right\ncanine\nmolar\npair: canine; molar\n"
                            "subshape: nose; canine\n")
    assert schema.names == ("lip-left", "nose", "lip-right", "canine", "molar")
    assert schema.pairs == (("lip-left", "lip-right"), ("canine", "molar"))
    assert schema.subshapes == (("nose", "canine"),)


@pytest.mark.parametrize("text, words", [
    ("", "there are none"), ("a\na", "line 2 gives 'a' a second time"), ("a; b", "line 1 is no name"),
    ("a\npair: a", "a pair has two names"), ("a\npair: a; a", "a pair has two names"),
    ("a\nsubshape: a; b", r"unknown landmarks: \['b'\]"), ("a\npair:", "line 2 names none"), ("a\tb", "is no name"),
    ("x" * 300, "is no name"),
])
def test_what_will_not_do_is_said_in_one_line(text, words):
    with pytest.raises(InputError, match=words) as caught:
        schema_of_text(text)
    assert "\n" not in str(caught.value)


NAMES = st.lists(st.sampled_from(["a", "b left", "b right", "c-left", "c-right", "d", "left", "right"]), min_size=1,
                 unique=True)


@given(NAMES, st.data())
def test_any_schema_survives_as_text(names, data):
    group = st.lists(st.sampled_from(names), min_size=1, unique=True).map(tuple)
    subshapes = tuple(data.draw(st.lists(group, max_size=3)))
    typed = schema_of_text("\n".join(names))
    schema = Schema("x", tuple(names), typed.pairs, subshapes)
    assert schema_of_text(text_of_schema(schema), anatomy="x") == schema


@given(st.text(max_size=200))
def test_any_text_makes_a_schema_or_one_line(text):
    try:
        schema = schema_of_text(text)
    except InputError as error:
        assert "\n" not in str(error)
    else:
        assert schema_of_text(text_of_schema(schema)).names == schema.names
