"""The run of a training by several processes: the first of them reads and writes it, all see the same."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from ..learning.devices import agreed, is_first
from .runs import TrainingRun


@dataclass(frozen=True)
class SharedRun:
    """A `runs.TrainingRun` as each process sees it; only the first has the folder.

    Parameters
    ----------
    run
        None in all but the first.
    """

    run: TrainingRun | None

    def stage(self, name: str, compute: Callable[[], Mapping[str, np.ndarray]]) -> dict[str, np.ndarray]:
        """Of `TrainingRun`; the first process computes for all."""
        return agreed(lambda: self.run.stage(name, compute))

    def kept(self, name: str) -> dict[str, np.ndarray] | None:
        return agreed(lambda: self.run.kept(name))

    def keep(self, name: str, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Of `TrainingRun`; all processes have the same arrays, and the first saves them."""
        if self.run is not None:
            return self.run.keep(name, arrays)
        return {key: np.asarray(value, order="C") for key, value in arrays.items()}

    def is_finished(self, name: str) -> bool:
        return agreed(lambda: self.run.is_finished(name))

    def remove_if_empty(self) -> None:
        if self.run is not None:
            self.run.remove_if_empty()

    def remove(self) -> None:
        if self.run is not None:
            self.run.remove()


def opened_by_first(open_run: Callable[[], TrainingRun]) -> SharedRun:
    """A run that the first process opens."""
    opened: list[TrainingRun] = []
    agreed(lambda: opened.append(open_run()))
    return SharedRun(opened[0] if is_first() else None)
