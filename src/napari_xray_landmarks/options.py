"""Options of a method as fields of a frozen dataclass: the one source for the form, the command line and the checks."""

from collections.abc import Mapping
from dataclasses import field, fields


def option(default, help: str, *, label="", low=None, high=None, log=False, unit="", group="method", choices=None):
    """A field of a settings dataclass.

    Parameters
    ----------
    default
        Its type is the option's: a number, a flag, or text.
    help
        In plain words, as in tooltips and `--help`.
    label
        What the form calls it, where that is not the field's name.
    low, high
        Range of a number.
    log
        Whether a slider is logarithmic; zero is then allowed too.
    unit
        Of a number, where it has one.
    group
        Which part of the form it stands in; "training" is fixed once a model is trained.
    choices
        Values of an option that is one of several.
    """
    metadata = {"help": help, "label": label, "low": low, "high": high, "log": log, "unit": unit, "group": group,
                "choices": choices}
    return field(default=default, metadata=metadata)


def from_known(kind: type, values: Mapping):
    """Settings of a dataclass from those values that are options of it; others, as of other versions, do not count."""
    known = {own.name for own in fields(kind)}
    return kind(**{name: value for name, value in values.items() if name in known})


def check_options(settings) -> None:
    """Refuse what an option does not take; for `__post_init__` of a settings dataclass.

    Raises
    ------
    ValueError
        Naming the option, what it takes, and the value.
    """
    for own in fields(settings):
        _check(own.name, getattr(settings, own.name), own.default, own.metadata)


def _check(name: str, value, default, meta) -> None:
    if meta["choices"]:
        if value not in meta["choices"]:
            raise ValueError(f"{name} must be one of {', '.join(meta['choices'])}, got {value!r}")
    elif isinstance(default, (bool, str)):
        if not isinstance(value, type(default)):
            kind = "true or false" if isinstance(default, bool) else "text"
            raise ValueError(f"{name} must be {kind}, got {value!r}")
    elif isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError(f"{name} must be a number, got {value!r}")
    elif not (0 if meta["log"] else meta["low"]) <= value <= meta["high"]:
        raise ValueError(f"{name} must lie between {meta['low']:g} and {meta['high']:g}, got {value!r}")
    elif isinstance(default, int) and value != int(value):
        raise ValueError(f"{name} must be a whole number, got {value!r}")
