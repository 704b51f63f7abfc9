"""Options of a settings dataclass: what they take, and what they refuse."""

from dataclasses import dataclass, fields

import pytest

from napari_xray_landmarks.options import check_options, option


@dataclass(frozen=True)
class Some:
    weight: float = option(0.1, "Weight", low=1e-3, high=10.0, log=True)
    count: int = option(3, "Count", low=1, high=9, group="training")
    kind: str = option("a", "Kind", choices=("a", "b"))
    flag: bool = option(True, "Flag")
    name: str = option("", "Name")

    def __post_init__(self):
        check_options(self)


def test_defaults_and_what_lies_in_range_are_taken():
    assert Some(weight=0.0, count=9, kind="b", flag=False, name="x").count == 9


@pytest.mark.parametrize(("wrong", "message"), [
    ({"weight": 11.0}, "weight must lie between 0.001 and 10, got 11.0"),
    ({"weight": True}, "weight must be a number"),
    ({"weight": float("nan")}, "weight must lie between"),
    ({"count": 0}, "count must lie between 1 and 9"),
    ({"count": 2.5}, "count must be a whole number"),
    ({"kind": "c"}, "kind must be one of a, b, got 'c'"),
    ({"flag": 1}, "flag must be true or false"),
    ({"name": 3}, "name must be text"),
])  # fmt: skip
def test_a_value_out_of_range_is_named(wrong, message):
    with pytest.raises(ValueError, match=message):
        Some(**wrong)


def test_a_field_knows_its_help_and_group():
    assert {own.name: own.metadata["group"] for own in fields(Some)}["count"] == "training"
