"""What a file or folder holds that can be evaluated, by a look at names and first lines."""

from pathlib import Path

from ..errors import FileError, InputError
from ..io.files import VOLUME_SUFFIXES, suffix
from ..io.markups import read_markups
from ..io.tables import columns_of
from .cobb_angles import COLUMNS
from .labels import ENDINGS as LABEL_ENDINGS

KINDS = ("landmarks", "contours", "labels", "angles", "poses")


def kinds_in(path) -> tuple[str, ...]:
    """The kinds that a file or folder holds, the likeliest first; empty where it holds none, or cannot be opened."""
    path = Path(path)
    try:
        return _of_folder(path) if path.is_dir() else _of_file(path)
    except (OSError, InputError):
        return ()


def common_kind(predicted, truth, wanted: str | None = None) -> str:
    """The kind of evaluation that two files or folders allow: the first of the predicted one's that the truth has too.

    What cannot be told is taken for landmarks, whose readers say what is wrong with it.

    Raises
    ------
    FileError
        They are of different kinds.
    """
    if wanted is not None:
        if wanted not in KINDS:
            raise InputError(f"--kind {wanted}", "is none that can be evaluated", f"Use one of {', '.join(KINDS)}")
        return wanted
    found, known = kinds_in(predicted), kinds_in(truth)
    if not found or not known:
        return (*found, *known, "landmarks")[0]
    shared = [kind for kind in found if kind in known]
    if not shared and {("contours", "labels"), ("labels", "contours")} & {(a, b) for a in found for b in known}:
        return "contours"  # of the masks on one side
    if not shared:
        problem = f"holds {' and '.join(found)}, and {truth} {' and '.join(known)}"
        raise FileError(predicted, problem, "Give two of a kind")
    return shared[0]


def _of_folder(path: Path) -> tuple[str, ...]:
    names = sorted(p.name for p in path.iterdir())
    markups = [name for name in names if name.lower().endswith(".mrk.json")]
    found = ["landmarks"] if "landmarks.csv" in names else []
    if "contours.csv" in names or "contours" in names or (markups and "contours" in _of_file(path / markups[0])):
        found.append("contours")
    masks = LABEL_ENDINGS if "images" not in names else ()
    if "masks" in names or any(suffix(name) in masks for name in names):
        found.append("labels")
    if any(suffix(name) == ".json" and name not in ("about.json", "metrics.json") for name in names):
        found.append("poses")
    return tuple(found)


def _of_file(path: Path) -> tuple[str, ...]:
    ending = suffix(path)
    if ending == ".csv":
        columns = columns_of(path)
        if set(COLUMNS.values()) <= columns:
            return ("angles",)
        return ("contours",) if "contour" in columns else ("landmarks",)
    if ending == ".mrk.json":
        kinds = {markup.kind for markup in read_markups(path)}
        curves = ("contours",) if kinds & {"Curve", "ClosedCurve"} else ()
        return curves + (("landmarks",) if "Fiducial" in kinds else ())
    if ending in VOLUME_SUFFIXES or ending in LABEL_ENDINGS:
        return ("labels",)
    return {".fcsv": ("landmarks",), ".json": ("poses",)}.get(ending, ())
