"""Which predicted file or image belongs to which true one."""

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

from ..errors import FileError, listed
from ..io.files import stem, suffix

_ENDINGS = ("_labels", "_seg", "_segmentation", "_mask", "_pose")


def short_name(name) -> str:
    """A file's or image's name without folders, ending, and what programs append to say that it holds labels."""
    short = stem(name)
    return next((short.removesuffix(e) for e in _ENDINGS if short.endswith(e) and short != e), short)


def match_names(predicted: Iterable[str], truth: Iterable[str]) -> dict[str, str]:
    """The predicted name of each true one: the same, or the same but for folders, endings and `_labels`.

    Where there is one on either side they belong together, whatever they are called.
    """
    predicted, truth = list(predicted), list(truth)
    if len(predicted) == len(truth) == 1:
        return {truth[0]: predicted[0]}
    counts = Counter(map(short_name, predicted)), Counter(map(short_name, truth))
    by_short = {short_name(name): name for name in predicted if counts[0][short_name(name)] == 1}
    pairs = {}
    for name in truth:
        if name in predicted:
            pairs[name] = name
        elif counts[1][short_name(name)] == 1 and short_name(name) in by_short:
            pairs[name] = by_short[short_name(name)]
    return pairs


def matched(path, predicted: Mapping[str, object], truth: Mapping[str, object]) -> tuple[dict[str, str], list[str]]:
    """`match_names`, and notes on what is left out.

    Raises
    ------
    FileError
        Nothing belongs together.
    """
    pairs = match_names(predicted, truth)
    if not pairs:
        problem = f"shares no image with the truth: {listed(predicted)} against {listed(truth)}"
        raise FileError(path, problem, "Give the truth of the same images, under the same names")
    taken = [(name, other) for name, other in pairs.items() if short_name(name) != short_name(other)]
    notes = [f"{other} is taken for {name}: there is one on either side" for name, other in taken]
    if left := [name for name in truth if name not in pairs]:
        notes.append(f"{len(left)} of {len(truth)} true images have no prediction and are left out: {listed(left)}")
    if left := [name for name in predicted if name not in pairs.values()]:
        notes.append(f"{len(left)} of {len(predicted)} predicted images have no truth and are left out: "
                     f"{listed(left)}")
    return pairs, notes


def files_in(path: Path, endings: tuple[str, ...], subfolder: str = "") -> dict[str, Path]:
    """The files of these endings in a folder (or a subfolder of it, where there is one), or the one file, by name."""
    if path.is_file():
        return {path.name: path} if suffix(path) in endings else {}
    folder = path / subfolder if subfolder and (path / subfolder).is_dir() else path
    try:
        return {p.name: p for p in sorted(folder.iterdir()) if p.is_file() and suffix(p) in endings}
    except OSError as error:
        raise FileError(path, f"cannot be listed ({error.strerror})", "Check the path") from error
