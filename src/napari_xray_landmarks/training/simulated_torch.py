"""Simulated films for training a network, made while it trains."""

import itertools
from collections.abc import Iterator

import numpy as np
import torch
from torch.utils.data import Dataset, IterableDataset, get_worker_info

from ..drr.simulate import GREY_LEVELS
from .simulated import FilmPlan, SimulatedFilm


def sample_of(film: SimulatedFilm) -> dict:
    """A film as tensors.

    Returns
    -------
    image : (1, rows, columns) float32 tensor
        In [0, 1].
    landmarks_px : (landmarks, 2) float32 tensor
        (row, column), outside of the film too; NaN behind the source.
    visible : (landmarks,) bool tensor
        Whether a landmark lies on the film.
    landmarks_mm : (landmarks, 3) float64 tensor
        In the geometry's world, (superior, posterior, left).
    detector_px_from_world : (3, 4) float64 tensor
        Acts on that world, gives (row, column, 1) times the depth.
    spacing_mm : (2,) float64 tensor
        (row, column) at the isocentre.
    subject, split : str
    number : int
    flipped, has_metal : bool
    """
    return {
        "image": torch.from_numpy(film.radiograph.pixels.astype(np.float32) / GREY_LEVELS)[None],
        "landmarks_px": torch.from_numpy(film.landmarks.points.astype(np.float32)),
        "visible": torch.from_numpy(film.landmarks.detected.copy()),
        "landmarks_mm": torch.from_numpy(film.landmarks_mm.points.copy()),
        "detector_px_from_world": torch.from_numpy(film.arm.camera().detector_px_from_world),
        "spacing_mm": torch.tensor(film.radiograph.spacing_mm, dtype=torch.float64),
        "subject": film.subject, "split": film.split, "number": film.number, "flipped": film.flipped,
        "has_metal": film.has_metal,
    }  # fmt: skip


class SimulatedFilms(Dataset):
    """The first `count` films of a plan: those that `write_simulated_set` writes, by their numbers.

    In order they cost least: successive ones share a patient.
    """

    def __init__(self, plan: FilmPlan, count: int):
        self.plan, self.count = plan, count

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, number: int) -> dict:
        if not 0 <= number < self.count:
            raise IndexError(f"film {number} of {self.count}")
        return sample_of(self.plan.film(number))


class FreshFilms(IterableDataset):
    """Films without end, or `count` an epoch: fresh subjects and views all the time, never the same film twice.

    Workers share the patients among themselves, so that together they give the plan's films, each once; the films do
    not depend on the number of workers. Start workers with "spawn" or "forkserver": compiled code uses threads.

    Parameters
    ----------
    plan
        Of one split: see `patients.OfSplit`.
    count
        Films an epoch, of all workers; None for no end.
    """

    def __init__(self, plan: FilmPlan, count: int | None = None):
        self.plan, self.count, self.epoch = plan, count, 0

    def set_epoch(self, epoch: int) -> None:
        """Go on behind the films of so many epochs; to be called before each pass over the loader."""
        self.epoch = epoch

    def __iter__(self) -> Iterator[dict]:
        worker = get_worker_info()
        own, of = (worker.id, worker.num_workers) if worker else (0, 1)
        first = 0 if self.count is None else self.epoch * self.count
        numbers = itertools.count() if self.count is None else range(first, first + self.count)
        for number in numbers:
            if number // self.plan.views_each % of == own:
                yield sample_of(self.plan.film(number))
