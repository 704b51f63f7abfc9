"""Valid texts spoilt: numbers, cells, lines, columns, JSON's values and keys; hostile names, wrong encodings."""

import json
import re
from collections.abc import Callable, Sequence

import numpy as np

NUMBERS = ("NaN", "nan", "Infinity", "-Infinity", "-inf", "1e999", "-1e999", "1e308", "1e-320", "-1", "0", "-0.0", "2",
           "2147483648", "-2147483649", "4294967295", "99999999999999999999", "9" * 5000, "0x10", "1_000", "١٢", "1,5",
           "1e", "", "true", "null", "1.0.0", "--1", "65536")
TEXTS = ("../../../../etc/passwd", "/etc/passwd", "..\\..\\evil", "C:\\evil", "/dev/zero", "a\x00b", "\x1b[31mred",
         "\u202eabc", "\ud800", "<script>alert(1)</script>", "=1+cmd|' /C calc'!A0", "x" * 20_000, "", " ", "\n", "\r",
         '"', "\\", ",", "%s%n", "${HOME}", "`id`", "__import__('os').system('id')", "é", "\ufeff", "None", "🦴", "a/b",
         ".", "..", "CON", "image")
LETTERS = ('"', ",", ";", "\t", "[", "{", "}", "]", ":", "#", "\x00", "\r\n", "'", "\x1a")
ENDS = (("\n", "\r\n"), ("\n", "\r"), (",", ";"), (",", "\t"), (".", ","), (" ", "  "), ("\n", ""))
ENCODINGS = ("utf-16", "utf-8-sig", "cp1252", "utf-32")
_NUMBER = re.compile(r"[-+]?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?")


def choice(rng: np.random.Generator, items: Sequence):
    """One of some items."""
    return items[int(rng.integers(len(items)))]


def spoilt_text(name: str, data: bytes, rng: np.random.Generator) -> bytes:
    """A text, or the text in front of bytes, with one thing changed."""
    text = data.decode("utf-8", "surrogateescape")
    spoil = _json if name.endswith(".json") and rng.random() < 0.6 else choice(rng, _SPOILS)
    text = spoil(text, rng)
    if rng.random() < 0.04:
        return text.encode(choice(rng, ENCODINGS), "replace")
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")


def _other_number(text: str, rng) -> str:
    found = list(_NUMBER.finditer(text))
    if not found:
        return text + choice(rng, NUMBERS)
    hit = choice(rng, found)
    return text[:hit.start()] + choice(rng, NUMBERS) + text[hit.end():]


def _other_cell(text: str, rng) -> str:
    cells = re.split(r"([,\n\t ])", text)
    at = 2 * int(rng.integers((len(cells) + 1) // 2))
    cells[at] = choice(rng, TEXTS)
    return "".join(cells)


def _other_lines(text: str, rng) -> str:
    lines = text.split("\n")
    one, other = (int(rng.integers(len(lines))) for _ in range(2))
    kind = int(rng.integers(5))
    if kind == 0:
        del lines[one]
    elif kind == 1:
        lines.insert(other, lines[one])
    elif kind == 2:
        lines[one], lines[other] = lines[other], lines[one]
    elif kind == 3:
        lines = lines[:one + 1]
    else:
        lines[one] = lines[one] * int(rng.integers(2, 5))
    return "\n".join(lines)


def _other_column(text: str, rng) -> str:
    """A table without one of its columns, with one twice, or with a cell more or less in one line."""
    rows = [line.split(",") for line in text.split("\n")]
    column, row, kind = int(rng.integers(max(1, len(rows[0])))), int(rng.integers(len(rows))), int(rng.integers(4))
    for i, cells in enumerate(rows):
        if (kind < 2 or i == row) and column < len(cells):
            if kind in (0, 2):
                del cells[column]
            else:
                cells.insert(column, cells[column])
    return "\n".join(",".join(cells) for cells in rows)


def _other_letters(text: str, rng) -> str:
    at, length = int(rng.integers(len(text) + 1)), int(rng.integers(1, 12))
    kind = int(rng.integers(4))
    if kind == 0:
        return text[:at] + text[at + length:]
    if kind == 1:
        return text[:at] + choice(rng, TEXTS) + text[at:]
    if kind == 2:
        return text[:at]
    return text[:at] + choice(rng, LETTERS) + text[at:]


def _other_ends(text: str, rng) -> str:
    one, other = choice(rng, ENDS)
    return text.replace(one, other)


_SPOILS: tuple[Callable, ...] = (_other_number, _other_number, _other_cell, _other_cell, _other_lines, _other_column,
                                 _other_letters, _other_letters, _other_ends)


def _json(text: str, rng) -> str:
    """A document with one value, key or list changed; any text where it is no JSON (any more)."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return _other_letters(text, rng)
    places = list(_places(document))
    holder, key = choice(rng, places) if places else (None, None)
    if holder is None:
        return _strange_value(rng)
    kind = int(rng.integers(6))
    if kind == 0:
        del holder[key]
    elif kind == 1 and isinstance(holder, dict):
        holder[choice(rng, TEXTS)] = holder.pop(key)
    elif kind == 2 and isinstance(holder, list):
        holder.insert(int(key), holder[key])
    else:
        holder[key] = "@@"
        value = _strange_value(rng)
        if kind == 3 and isinstance(holder, dict):  # the key twice
            value = f"{value}, {json.dumps(key)}: {_strange_value(rng)}"
        return json.dumps(document).replace('"@@"', value, 1)
    return json.dumps(document)


def _places(document):
    """(holder, key) of every value in a document."""
    stack = [document]
    while stack:
        holder = stack.pop()
        keys = list(holder) if isinstance(holder, dict) else range(len(holder)) if isinstance(holder, list) else ()
        for key in keys:
            yield holder, key
            stack.append(holder[key])


def _strange_value(rng) -> str:
    kind = int(rng.integers(6))
    if kind == 0:
        depth = choice(rng, (40, 5000, 200_000))
        return "[" * depth + "]" * depth
    if kind == 1:
        return choice(rng, ("null", "true", "[]", "{}", '""', "[[]]", "[null]", '{"a": 1}', "[1, 2]", "[[1, 2], [3]]"))
    return choice(rng, NUMBERS) or "0" if kind < 4 else json.dumps(choice(rng, TEXTS))
