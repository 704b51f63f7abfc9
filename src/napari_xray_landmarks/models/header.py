"""What a model file says about itself."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from unicodedata import category

import numpy as np

from ..landmarks import Schema
from .methods import METHODS

FORMAT = "napari-xray-landmarks/1"
TEXT_KEYS = ("format", "method", "anatomy", "licence", "citation", "package_version")
MAPPING_KEYS = ("settings", "training", "metrics")
TASKS = ("detect", "segment", "shape")
MAX_LANDMARKS = 10_000
MAX_TEXT = 20_000
MAX_DEPTH = 30
METRIC_UNITS = {"px": "px", "mm": "mm", "deg": "°"}
_PEOPLE = {"dice": "Dice", "cobb": "Cobb"}


@dataclass(frozen=True)
class ModelHeader:
    """What a model file says about itself.

    Parameters
    ----------
    method
        Which method runs it, a name of `methods.METHODS`.
    anatomy
        "pelvis", "proximal femur", ...
    landmarks
        Their names, in the order of every array.
    settings
        Values of the method's settings that the model was made for.
    training
        Data, number of films and subjects, split, seed.
    metrics
        Measured accuracy, with units in the names (`mean_radial_error_px`).
    licence
        Of the weights, an SPDX expression where there is one.
    citation
        Whom to cite.
    package_version
        The version that wrote the file.
    format
        The file format and its version.
    extra
        Keys of the method's own, such as `schema`, and `tasks`.
    name
        What the registry calls the model: the file's name without its ending. It is not stored.
    """

    method: str
    anatomy: str
    landmarks: tuple[str, ...]
    settings: Mapping = field(default_factory=dict)
    training: Mapping = field(default_factory=dict)
    metrics: Mapping = field(default_factory=dict)
    licence: str = ""
    citation: str = ""
    package_version: str = ""
    format: str = FORMAT
    extra: Mapping = field(default_factory=dict)
    name: str = ""

    def __post_init__(self):
        if self.format != FORMAT:
            raise ValueError(f"its format is {self.format!r}, not {FORMAT!r}")
        for key in TEXT_KEYS:
            _check_text(key, getattr(self, key), required=key in ("method", "anatomy"))
        if self.method not in METHODS:
            raise ValueError(f"its method is {self.method!r}; known are: {', '.join(METHODS)}")
        object.__setattr__(self, "landmarks", _landmark_names(self.landmarks))
        for key in (*MAPPING_KEYS, "extra"):
            value = getattr(self, key)
            if not isinstance(value, Mapping):
                raise ValueError(f"its {key} must be a mapping, got {type(value).__name__}")
            object.__setattr__(self, key, _frozen(_plain(value)))
        if taken := set(self.extra) & {*TEXT_KEYS, *MAPPING_KEYS, "landmarks", "name"}:
            raise ValueError(f"its extra keys repeat the header's own: {', '.join(sorted(taken))}")
        if "schema" in self.extra:
            _ = self.schema
        if not self.tasks or set(self.tasks) - set(TASKS):
            raise ValueError(f"its tasks are {list(self.tasks)}; known are: {', '.join(TASKS)}")
        if self.dimensions not in (2, 3) or isinstance(self.dimensions, bool):
            raise ValueError(f"its dimensions are {self.dimensions!r}; 2 is for films, 3 for volumes")

    @property
    def tasks(self) -> tuple[str, ...]:
        """What the model can do with an image, from `extra["tasks"]`: "detect" landmarks, "segment" bones; "shape" is a
        shape model, which takes no image."""
        return tuple(str(task) for task in self.extra.get("tasks", ("detect",)))

    @property
    def dimensions(self) -> int:
        """2 for a model of radiographs, 3 for one of volumes; from `extra["dimensions"]`."""
        return self.extra.get("dimensions", 2)

    @property
    def schema(self) -> Schema:
        """The landmarks' pairs, subshapes and whether they run round a closed contour, from `extra["schema"]`."""
        return schema_from(self.extra.get("schema", {}), self.anatomy, self.landmarks)

    @property
    def accuracy(self) -> str:
        """The first of the mean metrics in words, in mm where one is; "" where there is none."""
        means = [k for k, v in self.metrics.items() if k.startswith("mean") and type(v) in (int, float)]
        best = sorted(means, key=lambda key: not key.endswith("_mm"))
        return metric_in_words(best[0], self.metrics[best[0]]) if best else ""

    def to_json(self) -> str:
        """All of the header but `name` as one JSON object; inverse of `from_json`."""
        return json.dumps(header_values(self), allow_nan=False, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str, name: str = "") -> "ModelHeader":
        """The header in `text`.

        Raises
        ------
        ValueError
            If it is no JSON object, lacks a key, or a value will not do.
        """
        return header_from_values(parse_json(text, "the header"), name)


def metric_in_words(key: str, value: float) -> str:
    """`mean_radial_error_px` of 11.2 as "mean radial error 11.2 px"."""
    *words, suffix = [_PEOPLE.get(word, word) for word in key.split("_")]
    if words and suffix in METRIC_UNITS:
        return f"{' '.join(words)} {value:.3g} {METRIC_UNITS[suffix]}"
    return f"{' '.join([*words, suffix])} {value:.3g}"


def schema_from(given, anatomy: str, landmarks: tuple[str, ...]) -> Schema:
    """The schema that {"pairs": [...], "subshapes": [...], "closed": ...} describes; ValueError where it does not."""
    if not isinstance(given, Mapping):
        raise ValueError(f"its schema must be a mapping, got {type(given).__name__}")
    try:
        groups = {key: tuple(tuple(group) for group in given.get(key, ())) for key in ("pairs", "subshapes")}
        return Schema(anatomy, landmarks, **groups, closed=bool(given.get("closed", False)))
    except TypeError as error:
        raise ValueError(f"its schema is damaged: {error}") from error


def header_values(header: ModelHeader) -> dict:
    """The header as plain lists and dicts, the method's own keys beside the others."""
    keys = (*TEXT_KEYS, "landmarks", *MAPPING_KEYS)
    return {key: _plain(getattr(header, key)) for key in keys} | _plain(header.extra)


def header_from_values(values, name: str = "") -> ModelHeader:
    """The header with those values; inverse of `header_values`."""
    if not isinstance(values, dict):
        raise ValueError(f"the header must be a JSON object, got {type(values).__name__}")
    known = (*TEXT_KEYS, "landmarks", *MAPPING_KEYS)
    if missing := [key for key in ("format", "method", "anatomy", "landmarks") if key not in values]:
        raise ValueError(f"the header has no {missing[0]!r}")
    own = {key: value for key, value in values.items() if key in known}
    extra = {key: value for key, value in values.items() if key not in known}
    return ModelHeader(**own, extra=extra, name=name)


def parse_json(text: str | bytes, what: str):
    """Strict JSON: no repeated key, no NaN, no bottomless nesting, ValueError for anything else."""
    try:
        return json.loads(text, object_pairs_hook=_unique_keys, parse_constant=_no_constant)
    except RecursionError:
        raise ValueError(f"{what} is nested too deeply") from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{what} is not JSON ({error})") from None


def _unique_keys(pairs: list) -> dict:
    values = dict(pairs)
    if len(values) != len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"the key {next(k for k in keys if keys.count(k) > 1)[:80]!r} stands there twice")
    return values


def _no_constant(text: str):
    raise ValueError(f"{text} is not a JSON number")


def _check_text(key: str, value, required: bool = False) -> None:
    if not isinstance(value, str):
        raise ValueError(f"its {key} must be text, got {type(value).__name__}")
    if required and not value.strip():
        raise ValueError(f"its {key} is empty")
    if len(value) > MAX_TEXT or any(category(c) in ("Cc", "Cf", "Cs") and c not in "\n\t" for c in value):
        raise ValueError(f"its {key} is too long or holds unprintable characters: {value[:40]!r}")


def _landmark_names(names) -> tuple[str, ...]:
    if isinstance(names, str) or not isinstance(names, (list, tuple)):
        raise ValueError(f"its landmarks must be a list of names, got {type(names).__name__}")
    if not 0 < len(names) <= MAX_LANDMARKS:
        raise ValueError(f"it must name 1 to {MAX_LANDMARKS} landmarks, got {len(names)}")
    seen = set()
    for name in names:
        if not isinstance(name, str) or not name.strip() or not name.isprintable() or len(name) > 200:
            raise ValueError(f"a landmark has no usable name: {str(name)[:40]!r}")
        if name in seen:
            raise ValueError(f"it names the landmark {name!r} twice")
        seen.add(name)
    return tuple(names)


def _plain(value, depth: int = 0):
    """`value` in JSON's own types: arrays and tuples as lists, numbers that are not finite as None."""
    if depth > MAX_DEPTH:
        raise ValueError("the header is nested too deeply")
    if isinstance(value, Mapping):
        return {_plain_text(str(key)): _plain(item, depth + 1) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item, depth + 1) for item in value]
    if isinstance(value, (np.ndarray, np.generic)):
        return _plain(value.tolist(), depth + 1)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, str):
        return _plain_text(value)
    if value is None or isinstance(value, (bool, int, float)):
        return value
    raise ValueError(f"the header cannot hold a {type(value).__name__}: {str(value)[:80]}")


def _plain_text(text: str) -> str:
    if any(category(character) == "Cs" for character in text):
        raise ValueError(f"the header holds text that is no Unicode: {text[:40]!r}")
    return text


def _frozen(value):
    """Plain values that cannot be changed any more."""
    if isinstance(value, dict):
        return MappingProxyType({key: _frozen(item) for key, item in value.items()})
    return tuple(_frozen(item) for item in value) if isinstance(value, list) else value
