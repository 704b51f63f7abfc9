"""A training run that can be stopped and taken up again: its finished stages stand in a folder."""

import hashlib
import json
import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from .. import __version__
from ..errors import FileError
from ..io.files import replacing
from .dataset import TrainingSet

RUN_FILE = "run.json"


@dataclass(frozen=True)
class TrainingRun:
    """The folder of one run. Stages are saved whole or not at all, so that a run can stop at any moment.

    Parameters
    ----------
    folder
        Holds `run.json`, which says what is trained, and one `.safetensors` for each finished stage.
    """

    folder: Path

    def stage(self, name: str, compute: Callable[[], Mapping[str, np.ndarray]]) -> dict[str, np.ndarray]:
        """The arrays of one stage: those of an earlier attempt, or computed now and saved.

        Parameters
        ----------
        name
            Unique in the run.
        compute
            Gives the stage's arrays by name; called only where the stage is not finished yet.
        """
        arrays = self.kept(name)
        return self.keep(name, compute()) if arrays is None else arrays

    def kept(self, name: str) -> dict[str, np.ndarray] | None:
        """The arrays that an earlier attempt kept under a name; None where there are none, or damaged ones."""
        path = self._path(name)
        if path.is_file():
            try:
                return load_file(path)
            except SafetensorError:
                path.unlink()
        return None

    def keep(self, name: str, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Save arrays in place of those of that name, as after each epoch; gives them."""
        path = self._path(name)
        arrays = {key: np.asarray(value, order="C") for key, value in arrays.items()}
        with replacing(path) as temporary:
            save_file(arrays, temporary)
        return arrays

    def is_finished(self, name: str) -> bool:
        """Whether an earlier attempt finished that stage."""
        return self._path(name).is_file()

    def remove_if_empty(self) -> None:
        """Delete the folder where no stage is finished: there is nothing to go on from."""
        if not any(self.folder.glob("stage-*")):
            self.remove()

    def remove(self) -> None:
        """Delete the folder, once the model is saved."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _path(self, name: str) -> Path:
        if not re.fullmatch(r"[\w.-]+", name):
            raise ValueError(f"a stage's name has letters, digits, '.', '_' and '-' only, got {name!r}")
        return self.folder / f"stage-{name}.safetensors"


def open_run(folder, *, recipe: str, settings: Mapping, seed: int, dataset, start: str | None = None) -> TrainingRun:
    """Begin a run, or take up one that was stopped.

    Parameters
    ----------
    folder
    recipe, settings, seed
    dataset
        A `dataset.TrainingSet`, or what has a `fingerprint` of its own.
    start
        The model that it begins with, and a hash of it.

    Raises
    ------
    FileError
        If the folder belongs to a run with another recipe, data set, settings, seed, start or version, or is something
        else.
    """
    folder = Path(folder)
    wanted = {
        "recipe": recipe,
        "settings": {key: _text(value) for key, value in settings.items()},
        "seed": seed,
        "data": dataset.fingerprint() if hasattr(dataset, "fingerprint") else fingerprint(dataset),
        "start": start,
        "package_version": __version__,
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        found = _read(folder)
    except OSError as error:
        raise FileError(folder, f"cannot be used for a run ({error.strerror})", "Choose another folder") from error
    if found is None:
        with replacing(folder / RUN_FILE) as temporary:
            temporary.write_text(json.dumps(wanted, indent=1), encoding="utf-8")
    elif changed := [key for key in wanted if found.get(key) != wanted[key]]:
        remedy = "Delete the folder to begin anew, or train as before to go on"
        raise FileError(folder, f"belongs to a run with another {' and '.join(changed).replace('_', ' ')}", remedy)
    return TrainingRun(folder)


def fingerprint(dataset: TrainingSet) -> str:
    """A hash of the films' names, sizes and spacings and of every landmark; equal for the same data anywhere."""
    digest = hashlib.sha256(repr((dataset.landmark_names, dataset.annotators)).encode())
    for film in dataset.films:
        digest.update(repr((film.name, film.path.stat().st_size, film.spacing_mm, film.subject, film.split)).encode())
    digest.update(np.ascontiguousarray(dataset.points_px, dtype="<f8").tobytes())
    return digest.hexdigest()


def _read(folder: Path) -> dict | None:
    """What an earlier attempt wrote into `run.json`; None in an empty folder."""
    if not any(folder.iterdir()):
        return None
    try:
        found = json.loads((folder / RUN_FILE).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise FileError(folder, f"holds files but no readable {RUN_FILE}", "Choose a new or empty folder")
    return found


def _text(value) -> str:
    return repr(value.tolist()) if isinstance(value, np.ndarray) else repr(value)
