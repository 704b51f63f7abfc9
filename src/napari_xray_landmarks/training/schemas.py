"""Landmark schemas as text that a person can write and read, and as `about.json` holds them.

    nasion
    lip-left
    lip-right
    canine
    molar
    pair: canine; molar
    subshape: nasion; lip-left; lip-right

One name a line, in order. Names with left and right in them make pairs by themselves.
"""

from collections.abc import Mapping

from ..errors import InputError
from ..landmarks import Schema, other_side
from ..models.header import MAX_LANDMARKS, schema_from

_PAIR, _SUBSHAPE, _BETWEEN = "pair:", "subshape:", ";"
_LONGEST = 200


def schema_of_text(text: str, *, anatomy: str = "", closed: bool = False) -> Schema:
    """The schema that a text describes; inverse of `text_of_schema`.

    Raises
    ------
    InputError
        Naming the line, if a name is empty or stands twice, or a pair or subshape names an unknown landmark.
    """
    names, pairs, subshapes = [], [], []
    for number, line in enumerate(text.splitlines(), start=1):
        line = line.strip()
        for start, groups in ((_PAIR, pairs), (_SUBSHAPE, subshapes)):
            if line.startswith(start):
                groups.append(_group(line.removeprefix(start), number))
                break
        else:
            if line:
                names.append(_name(line, number, names))
    if not names:
        raise InputError("landmarks", "there are none", "Write one name a line")
    if len(names) > MAX_LANDMARKS:
        raise InputError("landmarks", f"there are {len(names)}", f"Use {MAX_LANDMARKS} at most")
    if bad := next((p for p in pairs if len(p) != 2 or p[0] == p[1]), None):
        raise InputError("landmarks", f"a pair has two names, not {'; '.join(bad)!r}", "Write `pair: left; right`")
    try:
        return Schema(anatomy, tuple(names), _paired(tuple(names), pairs), tuple(subshapes), closed)
    except ValueError as error:
        raise InputError("landmarks", str(error), "Correct the name") from error


def text_of_schema(schema: Schema) -> str:
    """A schema as text, without the pairs that the names tell."""
    told = {frozenset(pair) for pair in _pairs_by_name(schema.names)}
    groups = [_PAIR + " " + f"{_BETWEEN} ".join(pair) for pair in schema.pairs if frozenset(pair) not in told]
    groups += [_SUBSHAPE + " " + f"{_BETWEEN} ".join(group) for group in schema.subshapes]
    return "\n".join([*schema.names, *groups])


def about_of_schema(schema: Schema) -> dict:
    """What `about.json` says of a schema; inverse of `schema_of_about`."""
    groups = {"pairs": [list(p) for p in schema.pairs], "subshapes": [list(s) for s in schema.subshapes]}
    return {"anatomy": schema.anatomy, "landmarks": list(schema.names), "schema": groups | {"closed": schema.closed}}


def schema_of_about(about: Mapping, names: tuple[str, ...]) -> Schema:
    """The schema of a training set's landmarks; ValueError where `about` does not describe one."""
    return schema_from(about.get("schema", {}), about.get("anatomy", ""), names)


def _pairs_by_name(names: tuple[str, ...]) -> list[tuple[str, str]]:
    """(left, right) of the names that are each other's mirror image."""
    known = set(names)
    sides = [(name, other_side(name)) for name in names]
    return [(name, other) for name, other in sides if "left" in name and other != name and other in known
            and other_side(other) == name and "left" not in other]


def _paired(names: tuple[str, ...], typed) -> tuple[tuple[str, str], ...]:
    taken = {name for pair in typed for name in pair}
    return tuple(p for p in _pairs_by_name(names) if not taken & set(p)) + tuple(typed)


def _group(text: str, number: int) -> tuple[str, ...]:
    group = tuple(name.strip() for name in text.split(_BETWEEN) if name.strip())
    if not group:
        raise InputError("landmarks", f"line {number} names none", f"Separate the names by {_BETWEEN!r}")
    return group


def _name(line: str, number: int, names: list[str]) -> str:
    if line in names:
        raise InputError("landmarks", f"line {number} gives {line!r} a second time", "Keep one")
    if _BETWEEN in line or not line.isprintable() or len(line) > _LONGEST:
        problem = f"line {number} is no name: {line[:40]!r}"
        raise InputError("landmarks", problem, f"Use up to {_LONGEST} printable characters without {_BETWEEN!r}")
    return line
