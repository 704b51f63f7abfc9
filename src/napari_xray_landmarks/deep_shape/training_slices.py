"""How the network of slices learns."""

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from ..learning.learner import Learner
from .augmentation import Motion, moved, varied
from .losses import segmentation_loss
from .networks import SliceNetwork
from .preparation import resampled, slice_stack
from .scans import Layout, Scan
from .settings import DeepShapeSettings
from .slices import classified

LARGEST_GRADIENT = 5.0
_MOTION = Motion(turn_deg=8.0, zoom=0.12, shift=0.0)
_ANYWHERE = 0.15  # share of parts that may show none of the structures
_PLACES = 2000  # voxels of each structure of a scan that parts are taken about
_MOST_VALIDATED, _EVERY = 3, 6


def learn_slices(scans: Sequence[Scan], validation: Sequence[Scan], layout: Layout, settings: DeepShapeSettings,
                 seed: int, run, report: Callable[[float, str], None]) -> SliceNetwork:
    """The network of slices, trained.

    Parameters
    ----------
    scans
    validation
        Scans of other subjects; how well their slices are segmented is reported after each epoch.
    layout, settings, seed
    run
        A `training.runs.TrainingRun`, or None.
    report
        Called as `report(fraction, stage)`; may raise `errors.Cancelled`.
    """
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = SliceNetwork(1 + len(layout.structures), settings.neighbours, settings.channels, settings.stem)
    learner = Learner(network.to(memory_format=torch.channels_last), settings.learning_rate, LARGEST_GRADIENT)
    shown = [_places(scan, len(layout.structures), np.random.default_rng([139, seed])) for scan in scans]

    def draw(rng: np.random.Generator) -> tuple[Tensor, float]:
        batch = _batch(scans, shown, layout, settings, rng)
        return classification(learner, *batch, settings.distance_weight, torch.channels_last)

    def said(loss: float) -> str:
        return f"loss {loss:.3f}{_judged(learner.mean.module, validation, layout, settings)}"

    return learner.learn_in_steps(run, "slices", settings.slice_steps, settings.steps_an_epoch, (139, seed), draw, said,
                                  report)


def classification(learner: Learner, images: Tensor, classes: Tensor, distance_weight: float,
                   memory_format: torch.memory_format) -> tuple[Tensor, float]:
    """The `segmentation_loss` of a batch, and its value."""
    device = learner.fabric.device
    logits = learner.trained(images.to(device).contiguous(memory_format=memory_format))
    loss = segmentation_loss(logits, classes.to(device), distance_weight)
    return loss, float(loss.detach())


def _places(scan: Scan, structures: int, rng: np.random.Generator) -> list[np.ndarray]:
    """(n, 3) voxels of each structure that the scan shows."""
    every = [np.flatnonzero(scan.classes == k) for k in range(1, structures + 1)]
    drawn = [rng.choice(found, min(len(found), _PLACES), replace=False) for found in every if len(found)]
    return [np.stack(np.unravel_index(found, scan.classes.shape), 1) for found in drawn]


def _batch(scans: Sequence[Scan], shown: Sequence[Sequence[np.ndarray]], layout: Layout, settings: DeepShapeSettings,
           rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Parts of slices (B, 1 + 2 neighbours, crop, crop), and their classes."""
    images, classes = [], []
    for _ in range(settings.slice_batch):
        own = int(rng.integers(len(scans)))
        image, drawn = _part(scans[own], shown[own], layout, settings, rng)
        images.append(image)
        classes.append(drawn)
    return varied(torch.stack(images), rng, shown=1 + 2 * settings.neighbours), torch.stack(classes)


def _part(scan: Scan, shown: Sequence[np.ndarray], layout: Layout, settings: DeepShapeSettings,
          rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """A part of a slice, mostly about a voxel of a structure, all of them equally often."""
    axis, shape, wide = layout.slice_axis, np.array(scan.image.shape), settings.neighbours
    half = np.full(3, (settings.crop - 1) / 2)
    centre = rng.uniform(0, shape - 1)
    if len(shown) and rng.random() > _ANYWHERE:
        own = shown[int(rng.integers(len(shown)))]
        centre = own[int(rng.integers(len(own)))] + rng.uniform(-0.6, 0.6, 3) * half * (np.arange(3) != axis)
    at, low = round(centre[axis]), np.minimum(half, (shape - 1) / 2)
    half[axis] = 1.0
    box = np.diag([*half, 1.0])
    box[:3, 3] = np.clip(centre, low, np.maximum(shape - 1 - low, low))
    box = moved(box, scan.spacing_mm, _MOTION, rng, axes=(axis,))
    box[axis] = np.eye(4)[axis] * wide
    box[axis, 3] = at
    if layout.mirrors and rng.random() < 0.5:
        box[:, 2] *= -1
    size = [1 + 2 * wide if a == axis else settings.crop for a in range(3)]
    image = resampled(torch.from_numpy(scan.image)[None], box, size)[0]
    drawn = resampled(torch.from_numpy(scan.classes)[None], box, size, "nearest")[0]
    return image.movedim(axis, 0), drawn.movedim(axis, 0)[wide].long()


def _judged(network: SliceNetwork, scans: Sequence[Scan], layout: Layout, settings: DeepShapeSettings) -> str:
    """In words: Dice coefficients of the structures in a few scans of other subjects."""
    if not scans:
        return ""
    network.eval()
    shared, sizes = (np.zeros(len(layout.structures)) for _ in range(2))
    for scan in scans[::math.ceil(len(scans) / _MOST_VALIDATED)]:
        numbers = np.arange(0, scan.image.shape[layout.slice_axis], _EVERY)
        found = classified(network, slice_stack(scan.image, layout.slice_axis, numbers, settings.neighbours)).argmax(1)
        drawn = np.moveaxis(scan.classes, layout.slice_axis, 0)[numbers]
        for k in range(len(shared)):
            shared[k] += 2 * ((found == k + 1) & (drawn == k + 1)).sum()
            sizes[k] += (found == k + 1).sum() + (drawn == k + 1).sum()
    return "; Dice " + ", ".join(f"{v:.3f}" for v in shared / np.maximum(sizes, 1))
