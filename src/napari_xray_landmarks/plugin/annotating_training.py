"""Training beside the window: what fits a set, a process that can be ended at once, and the values that it tells."""

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..errors import InputError
from ..spine.vertebrae import corner_of

if TYPE_CHECKING:
    from ..training.dataset import TrainingSet

LEAST_FILMS = 3
_VALUE = re.compile(r"\b(loss|validation|error) (\d+(?:\.\d+)?(?:e[-+]?\d+)?)\s?(mm|px|%)?")
_STOP_S = 3.0
_NICE = 5
_BEHIND = getattr(subprocess, "BELOW_NORMAL_PRIORITY_CLASS", 0)  # on Windows


def why_not(recipe: str, dataset: "TrainingSet") -> str:
    """Why a recipe cannot be trained on a set, in a few words; "" where it can."""
    whole = int(np.isfinite(dataset.points_of()).all(axis=-1).all(axis=-1).sum())
    marked = int(np.isfinite(dataset.points_of()).all(axis=-1).any(axis=-1).sum())
    if recipe == "joint-displacement" and whole < LEAST_FILMS:
        return f"needs {LEAST_FILMS} films with every landmark; there are {whole}"
    if marked < LEAST_FILMS:
        return f"needs {LEAST_FILMS} films with landmarks; there are {marked}"
    if recipe == "spine" and not all(corner_of(name) for name in dataset.landmark_names):
        return "needs the corners of vertebrae, named as in T1-top-left"
    if recipe == "deep-morphing" and not (dataset.folder / "contours").is_dir():
        return "needs outlines of femurs in contours/"
    if recipe == "view-invariant" and len(dataset.subjects) < 2:
        return "needs films of two subjects or more"
    return ""


def of_films() -> tuple[str, ...]:
    """The recipes that take films."""
    from ..training.recipes import RECIPES

    return tuple(name for name, recipe in RECIPES.items() if not recipe.volumes)


def fitting(dataset: "TrainingSet") -> dict[str, str]:
    """Every recipe for films, and why it cannot be trained on a set; those that can come first."""
    reasons = {name: why_not(name, dataset) for name in of_films()}
    return dict(sorted(reasons.items(), key=lambda item: bool(item[1])))


def values_in(stage: str) -> dict[str, tuple[float, str]]:
    """The values that a stage tells: name to (value, unit), as in "epoch 3 of 60 (loss 0.12; validation 5.1 mm)"."""
    return {name: (float(value), unit) for name, value, unit in _VALUE.findall(stage)}


class Training:
    """A training in a process of its own.

    Parameters
    ----------
    request
        As `training.worker` takes it.
    """

    def __init__(self, request: dict):
        self._request = request
        self._process: subprocess.Popen | None = None

    def run(self, progress: Callable[[float, str], None], said: Callable[[str], None] = lambda stage: None) -> dict:
        """Train, and wait for it: the metrics. For a `jobs.Job`, whose `progress` raises `errors.Cancelled`.

        Parameters
        ----------
        progress
            Called several times a second.
        said
            Called with every stage that is new, also those of an earlier attempt.

        Raises
        ------
        InputError
            In the words of whatever the training refused, or with the last line of a process that died.
        """
        from ..training.worker import history

        for line in history(self.run_folder):
            said(str(line.get("stage", "")))
        lines, self._last = [], {"fraction": 0.0, "stage": "starting"}
        command = [sys.executable, "-m", "napari_xray_landmarks.training.worker", json.dumps(self._request)]
        process = self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                                   stderr=subprocess.PIPE, text=True, encoding="utf-8",
                                                   creationflags=_BEHIND)
        _let_others_go_first(process)
        errors: list[str] = []
        readers = [threading.Thread(target=self._listen, args=(process.stdout, lines, said), daemon=True),
                   threading.Thread(target=lambda: errors.extend(process.stderr), daemon=True)]
        for reader in readers:
            reader.start()
        try:
            while readers[0].is_alive():
                progress(self._last["fraction"], self._last["stage"])
                readers[0].join(0.1)
        finally:
            self.stop()
            for reader in readers:
                reader.join(_STOP_S)
        return self._outcome(lines, errors)

    @property
    def run_folder(self) -> Path:
        """Where its finished stages are."""
        return Path(self._request.get("run") or Path(self._request["output"]).with_suffix(".run"))

    def stop(self) -> None:
        """End the process; its finished stages stay, and the next training goes on from them."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
        if self._process is not None:
            self._process.wait(_STOP_S)

    def _listen(self, stream, lines: list[dict], said: Callable[[str], None]) -> None:
        for text in stream:
            try:
                line = json.loads(text)
            except ValueError:  # a library's own words
                continue
            if not isinstance(line, dict):
                continue
            if "stage" in line:
                self._last = line
                said(line["stage"])
            else:
                lines.append(line)

    def _outcome(self, lines: list[dict], errors: list[str]) -> dict:
        last = lines[-1] if lines else {}
        if "metrics" in last:
            return last["metrics"]
        problem = last.get("error") or (errors[-1].strip() if errors else "its process ended")
        raise InputError(f"training {self._request['recipe']}", problem)


def _let_others_go_first(process: subprocess.Popen) -> None:
    """A training takes every core: the window, which needs little, must not wait for one."""
    if hasattr(os, "setpriority"):
        try:
            os.setpriority(os.PRIO_PROCESS, process.pid, os.getpriority(os.PRIO_PROCESS, process.pid) + _NICE)
        except OSError:  # it has ended already, or may not be changed
            return


def request_for(recipe: str, store, output: Path, settings) -> dict:
    """What `training.worker` is asked for: a model of a training set that is being annotated."""
    return {"recipe": recipe, "data": str(store.folder), "output": str(output), "settings": asdict(settings),
            "anatomy": store.schema.anatomy}
