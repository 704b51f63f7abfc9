"""What the benchmarks work on: real cephalograms, phantom films kept on disk, and models trained on either."""

import hashlib
import os
import tempfile
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np

import napari_xray_landmarks
from _page import DATA
from napari_xray_landmarks.io.files import replacing
from napari_xray_landmarks.joint_displacement.detector import Detector
from napari_xray_landmarks.joint_displacement.sampling import Pyramid
from napari_xray_landmarks.joint_displacement.settings import JointDisplacementSettings
from napari_xray_landmarks.joint_displacement.training import Example, subshapes_of, train
from napari_xray_landmarks.phantoms import SCHEMAS
from napari_xray_landmarks.training.dataset import TrainingSet
from napari_xray_landmarks.training.importers import import_training_set
from napari_xray_landmarks.training.tables import read_training_set

CACHE = Path(tempfile.gettempdir()) / "xray-landmarks-benchmarks"
WORKERS = 2


@dataclass(frozen=True, eq=False)
class Film:
    """A phantom film as it is kept on disk: grey values, spacing, (L, 2) landmarks and (M, 2) outline in pixels.

    The outline is that of the femur; empty for the pelvis.
    """

    pixels: np.ndarray
    spacing_mm: tuple[float, float]
    points_px: np.ndarray
    outline_px: np.ndarray
    has_implant: bool


def workers(count: int = WORKERS) -> ProcessPoolExecutor:
    """A pool of fresh processes of one thread each: on all cores the threads of several would only wait in turns."""
    os.environ |= {name: "1" for name in ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")}
    return ProcessPoolExecutor(count, mp_context=get_context("spawn"))


def code(*rooms: str) -> str:
    """A short hash of the source files of some rooms: what was kept for other code is not used."""
    digest = hashlib.sha256()
    for room in rooms:
        for path in sorted((Path(napari_xray_landmarks.__file__).parent / room).glob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()[:8]


def cephalograms(cache: Path) -> TrainingSet | None:
    """The real films in the training layout, or None where they are not on this machine."""
    source = DATA / "cephalograms"
    if not source.is_dir():
        return None
    folder = cache / "cephalograms"
    if (folder / "landmarks.csv").is_file():
        return read_training_set(folder)
    cache.mkdir(parents=True, exist_ok=True)
    return import_training_set("isbi-cephalogram", source, folder)


def examples(dataset: TrainingSet) -> list[Example]:
    """Every film of a training set, read, with the mean of its annotators."""
    return [Example(Pyramid.of(np.asarray(radiograph.pixels, np.float32)), landmarks.points, radiograph.spacing_mm)
            for _, radiograph, landmarks in dataset]


def phantom_films(name: str, subjects: Sequence[int], cache: Path) -> list[Film]:
    """Phantom films of these subjects, made once with all cores and then read from the disk."""
    folder = cache / f"films-{code('phantoms', 'drr', 'geometry')}" / name
    folder.mkdir(parents=True, exist_ok=True)
    missing = [s for s in subjects if not _film_path(folder, s).is_file()]
    if missing:
        with workers() as pool:
            for done, _ in enumerate(pool.map(_make_film, [(folder, name, s) for s in missing]), start=1):
                if done % 20 == 0 or done == len(missing):
                    print(f"{name} films: {done} of {len(missing)}", flush=True)
    return [_read_film(_film_path(folder, s)) for s in subjects]


def phantom_examples(films: Sequence[Film]) -> list[Example]:
    """What training takes."""
    return [Example(Pyramid.of(f.pixels.astype(np.float32)), f.points_px, f.spacing_mm) for f in films]


def trained(found: Sequence[Example], names: Sequence[str], settings: JointDisplacementSettings,
            groups: Sequence[Sequence[str]] = (), seed: int = 0) -> Detector:
    """A detector trained on these films; its confidence is not calibrated, which moves no landmark."""
    return Detector(tuple(names), train(found, subshapes_of(names, groups), settings, seed), settings)


def _film_path(folder: Path, subject: int) -> Path:
    return folder / f"{subject:05d}.npz"


def _make_film(job: tuple[Path, str, int]) -> None:
    from napari_xray_landmarks.phantoms import film

    folder, name, subject = job
    made = film(name, subject)
    outline = made.contours[0].points if name == "proximal-femur" else np.empty((0, 2))
    points = np.array([made.landmarks[n] for n in SCHEMAS[name].names])
    with replacing(_film_path(folder, subject)) as temporary, open(temporary, "wb") as file:
        np.savez_compressed(file, pixels=made.radiograph.pixels, spacing_mm=made.radiograph.spacing_mm,
                            points_px=points, outline_px=outline, has_implant=made.has_implant)


def _read_film(path: Path) -> Film:
    with np.load(path, allow_pickle=False) as kept:
        return Film(kept["pixels"], tuple(float(v) for v in kept["spacing_mm"]), kept["points_px"],
                    kept["outline_px"], bool(kept["has_implant"]))
