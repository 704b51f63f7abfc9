"""Label volumes and masks against true ones: files, or folders of them."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from ..errors import FileError, InputError
from ..imaging import Radiograph, Volume
from ..io import load_image
from ..io.files import PICTURE_SUFFIXES, VOLUME_SUFFIXES, stem
from ..shape.workers import outcomes
from .cases import Case, ImageSource, image_source
from .comparison import Comparison, Measure, Pairs
from .matched import files_in, matched
from .volumes import check_one_grid, check_whole, dice, mask_distances

ENDINGS = VOLUME_SUFFIXES + PICTURE_SUFFIXES
Labels = Volume | Radiograph


def compare_label_files(predicted, truth, *, thresholds=None, images=None, seed: int = 0, progress=None,
                        **hands) -> Comparison:
    """Compare a label file with another, or those of a folder (or of its `masks/`) with those of another.

    Structures are named as the truth's `about.json` says ("structures": {"femur": 1, ...}), otherwise by their numbers.

    Raises
    ------
    FileError
        There is no label file, no two belong together, or one cannot be read.
    InputError
        Two that belong together are on different grids, or hold no whole numbers.
    """
    predicted, truth = Path(predicted), Path(truth)
    found, known = (label_files(path) for path in (predicted, truth))
    for path, files in ((predicted, found), (truth, known)):
        if not files:
            raise FileError(path, "holds no label files", f"Give {', '.join(ENDINGS[:4])} or pictures of masks")
    names = {**structures_of(predicted), **structures_of(truth)}
    source = image_source(images, truth if (truth / "images").is_dir() else None)  # otherwise masks would be found
    return compare_labels(found, known, names=names, predicted=predicted, truth=truth, thresholds=thresholds, seed=seed,
                          source=source, progress=progress, **hands)


def label_files(path: Path) -> dict[str, Path]:
    """The label files by name; where some are called `..._labels`, only these: pictures may lie beside them."""
    files = files_in(path, ENDINGS, "masks")
    return {name: file for name, file in files.items() if stem(name).endswith("_labels")} or files


def compare_labels(found: Mapping[str, Path | Labels], known: Mapping[str, Path | Labels], *, predicted: Path,
                   truth: Path, names: Mapping[int, str] | None = None, thresholds=None,
                   source: ImageSource = lambda _: None, seed: int = 0, progress=None, **hands) -> Comparison:
    """Compare labels, in memory or read one pair at a time, by image and structure.

    `hands` are `workers`, `scheduler` and `retries` of `shape.workers.outcomes`, over images.
    """
    pairs, notes = matched(predicted, found, known)
    jobs = {name: (found[other], known[name], names or {}) for name, other in pairs.items()}
    compared: dict[str, tuple] = {}
    for name, outcome in outcomes(_compared, jobs, **hands):
        if progress is not None:
            progress(len(compared) / len(pairs), name)
        compared[name] = outcome()
    units = {unit for unit, _ in compared.values()}
    rows = [{"image": name, "subject": name, **row} for name in pairs for row in compared[name][1]]
    if not rows:
        raise FileError(predicted, "and the truth hold nothing but background", "Give labels of structures")
    if len(units) > 1:
        raise FileError(predicted, "mixes images with and without a spacing, or films and volumes",
                        "Evaluate them apart")
    unit, size, scale = units.pop()
    table = pd.DataFrame(rows)
    sizes = Pairs("volume" if size == "ml" else "area", size, *(table.pop(f"{who}_size").to_numpy() * scale
                                                                for who in ("predicted", "true")))
    if unit == "px":
        notes.append("no pixel spacing is known: results are in pixels")
    measures = (Measure("dice", "Dice", more_is_better=True),
                Measure("assd", "ASSD", unit), Measure("hd95", "HD95", unit))
    return Comparison("labels", predicted.name, truth.resolve().name, "structure", measures, table, (), (sizes,),
                      tuple(notes), **({} if thresholds is None else {"thresholds": thresholds}),
                      case=_cases(found, known, pairs, source), seed=seed)


def _compared(predicted: Path | Labels, truth: Path | Labels, names: Mapping[int, str]) -> tuple[tuple, list[dict]]:
    """The units of one image, and a row for each of its structures."""
    one, reference = _read(predicted), _read(truth)
    matrix, unit = check_pair(one, reference)
    return unit, _rows(_array(one), _array(reference), matrix, names)


def check_pair(predicted: Labels, truth: Labels) -> tuple[np.ndarray, tuple[str, str, float]]:
    """The affine of two label images of one grid, and the units of distances and sizes (and the factor to the latter).

    Raises
    ------
    InputError
        The grids differ, or the numbers are not whole.
    """
    for labels in (predicted, truth):
        check_whole(_array(labels), labels.name)
    if isinstance(predicted, Volume) and isinstance(truth, Volume):
        check_one_grid(predicted, truth)
        return truth.world_from_voxel, ("mm", "ml", 1e-3)
    if isinstance(predicted, Volume) or isinstance(truth, Volume):
        raise InputError(predicted.name, f"and {truth.name} are a volume and a film", "Give two of a kind")
    if predicted.shape != truth.shape:
        sizes = [" x ".join(map(str, one.shape)) for one in (predicted, truth)]
        raise InputError(predicted.name, f"has {sizes[0]} pixels, and {truth.name} {sizes[1]}", "Give one grid")
    spacing = truth.spacing_mm or predicted.spacing_mm
    unit = ("px", "px²", 1.0) if spacing is None else ("mm", "mm²", 1.0)
    return np.diag([*(spacing or (1.0, 1.0)), 1.0]), unit


def _rows(found: np.ndarray, known: np.ndarray, matrix: np.ndarray, names: Mapping[int, str]) -> list[dict]:
    cell, rows = abs(np.linalg.det(matrix[:-1, :-1])), []
    for label in np.union1d(np.unique(found), np.unique(known)):
        if label == 0:
            continue
        one, other = found == label, known == label
        distances = mask_distances(one, other, matrix)
        missed = np.inf if other.any() else np.nan
        rows.append({
            "item": names.get(int(label), str(int(label))), "failed": distances is None, "dice": dice(one, other),
            "assd": missed if distances is None else distances.mean,
            "hd95": missed if distances is None else distances.percentile95,
            "predicted_size": np.count_nonzero(one) * cell, "true_size": np.count_nonzero(other) * cell})  # fmt: skip
    return rows


def _read(labels: Path | Labels) -> Labels:
    return load_image(labels) if isinstance(labels, Path) else labels


def _array(labels: Labels) -> np.ndarray:
    return labels.voxels if isinstance(labels, Volume) else labels.pixels


def structures_of(path: Path) -> dict[int, str]:
    """Names by number, as a data set's `about.json` says; empty where there is none."""
    about = path / "about.json"
    if not about.is_file():
        return {}
    try:
        structures = json.loads(about.read_text(encoding="utf-8-sig")).get("structures", {})
        return {int(label): str(name) for name, label in structures.items()}
    except (OSError, ValueError, AttributeError, TypeError, RecursionError) as error:
        raise FileError(about, "cannot be read as names of structures", 'Write "structures": {"femur": 1}') from error


def _cases(found, known, pairs, source: ImageSource) -> Callable[[str], Case]:
    def case(name: str) -> Case:
        one, reference = _read(found[pairs[name]]), _read(known[name])
        labels, true, picture = _array(one), _array(reference), source(name)
        aspect, place = 1.0, ()
        if isinstance(reference, Volume):
            wrong = (labels != true).sum(axis=tuple(range(1, true.ndim)))
            place = (int(np.argmax(wrong)) if wrong.any() else true.shape[0] // 2,)
            aspect = reference.spacing_mm[1] / reference.spacing_mm[2]
        background = None if picture is None else _array(picture)
        if background is not None and background.shape != true.shape:
            background = None
        pixels = background[place] if background is not None else np.zeros(true[place].shape)
        return Case(name, pixels, true_curves=_outlines(true[place]), predicted_curves=_outlines(labels[place]),
                    aspect=aspect)

    return case


def _outlines(labels: np.ndarray) -> tuple[np.ndarray, ...]:
    """Where each label of a slice ends, as lines half-way between pixels."""
    from skimage.measure import find_contours

    return tuple(line - 1 for label in np.unique(labels) if label
                 for line in find_contours(np.pad(labels == label, 1).astype(float), 0.5))
