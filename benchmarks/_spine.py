"""The AASCE films, models trained on folds of them, and what those find: each piece kept on disk."""

import csv
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from _films import code
from _page import DATA
from napari_xray_landmarks.errors import InputError
from napari_xray_landmarks.imaging import Radiograph
from napari_xray_landmarks.io.files import replacing
from napari_xray_landmarks.landmarks import LandmarkSet
from napari_xray_landmarks.models import Model, load_model
from napari_xray_landmarks.spine.aasce import LEVELS
from napari_xray_landmarks.spine.calibration import Calibration
from napari_xray_landmarks.spine.training import measured
from napari_xray_landmarks.spine.training_films import read_films, split
from napari_xray_landmarks.training.dataset import TrainingSet, split_by_subject
from napari_xray_landmarks.training.importers import import_training_set
from napari_xray_landmarks.training.recipes import train
from napari_xray_landmarks.training.tables import read_training_set

FOLDS = 5
SEED = 0
BODIES = len(LEVELS)


def aasce(cache: Path) -> TrainingSet | None:
    """The films in the training layout, or None where they are not on this machine."""
    source = DATA / "aasce"
    folder = cache / "aasce"
    if not (folder / "landmarks.csv").is_file():
        if not source.is_dir():
            return None
        cache.mkdir(parents=True, exist_ok=True)
        import_training_set("aasce", source, folder)
    return read_training_set(folder)


def published_angles(dataset: TrainingSet) -> dict[str, np.ndarray]:
    """(3,) angles in degrees of each film, as the data set gives them."""
    with open(dataset.folder / "angles.csv", newline="", encoding="utf-8") as stream:
        return {row["image"]: np.array([float(row[key]) for key in list(row)[1:]]) for row in csv.DictReader(stream)}


def fold(dataset: TrainingSet, number: int, seed: int = SEED) -> tuple[TrainingSet, TrainingSet]:
    """Films to train with and to test with; no patient is in both."""
    return split_by_subject(dataset, FOLDS, seed)[number]


def trained(dataset: TrainingSet, name: str, cache: Path, settings: Mapping, seed: int = SEED) -> Model:
    """A model on these films: from the disk, or trained from where an earlier attempt was stopped."""
    path = cache / "models" / f"{name}.safetensors"
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.is_file():
        said = ""

        def report(fraction: float, stage: str) -> None:
            nonlocal said
            if stage != said:
                said = stage
                print(f"{name}: {100 * fraction:.0f} %, {stage}", flush=True)

        train("spine", dataset, path, settings=settings, seed=seed, progress=report)
    model = load_model(path)
    return _recalibrated(model, dataset, cache, seed) if hasattr(model.detector, "calibration") else model


def _recalibrated(model: Model, dataset: TrainingSet, cache: Path, seed: int) -> Model:
    """The model with its confidence learnt by today's search, from the same patients held out of its training."""
    path = cache / f"calibration-{code('spine')}" / f"{_key(model)}.npy"
    if not path.is_file():
        _, held = split(dataset.films, model.settings().held_out, seed)
        _, films = read_films(dataset.subset([film.name for film in held]), lambda fraction, stage: None)
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(path, measured(model.detector, films)[0].to_tensor())
    calibration = Calibration(*map(float, np.load(path)))
    return replace(model, detector=replace(model.detector, calibration=calibration))


def _key(model: Model) -> str:
    header = model.path.stat()
    return f"{model.path.stem}-{header.st_size}-{header.st_mtime_ns}"


def found(model: Model, dataset: TrainingSet, name: str, cache: Path,
          change: Callable[[Radiograph, np.ndarray], tuple[Radiograph, np.ndarray]] | None = None
          ) -> dict[str, np.ndarray]:
    """What a model finds in films: `points` and `truth` (films, 17, 4, 2) px, `confidence` (films, 17, 4), `rows`.

    `change` makes another film, and the true corners in it, of each.
    """
    path = cache / f"found-{code('spine')}" / f"{name}-{_key(model)}.npz"
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        rows = [_searched(model, dataset, film.name, change) for film in dataset.films]
        values = dict(zip(("points", "truth", "confidence", "rows", "columns"), map(np.array, zip(*rows, strict=True)),
                          strict=True))
        with replacing(path) as temporary, open(temporary, "wb") as file:
            np.savez(file, **values)
    with np.load(path, allow_pickle=False) as arrays:
        return {key: arrays[key] for key in arrays.files}


def errors_of(piece: Mapping[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """(films, 17, 4) distances from the true corners, in % of the film's diagonal and in px."""
    radial = np.linalg.norm(piece["points"] - piece["truth"], axis=-1)
    return 100 * radial / np.hypot(piece["rows"], piece["columns"])[:, None, None], radial


def _searched(model: Model, dataset: TrainingSet, name: str, change) -> tuple:
    film, truth = dataset.radiograph(name), dataset.landmarks(name).points
    order = [dataset.landmark_names.index(n) for n in model.header.landmarks]
    truth = truth[order].reshape(BODIES, 4, 2)
    if change is not None:
        film, truth = change(film, truth)
    try:
        landmarks = model.detect(film).landmarks
    except InputError:  # no spine
        landmarks = LandmarkSet(model.header.landmarks, np.full((4 * BODIES, 2), np.nan), np.zeros(4 * BODIES))
    return (landmarks.points.reshape(BODIES, 4, 2), truth, landmarks.confidence.reshape(BODIES, 4), *film.shape)
