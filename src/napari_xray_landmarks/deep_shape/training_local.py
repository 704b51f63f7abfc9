"""How the local network learns: in subvolumes at landmarks, turned, scaled and moved a little."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from ..learning.learner import Learner
from .augmentation import Motion, moved, varied
from .networks import LocalNetwork
from .preparation import resampled
from .scans import Layout
from .settings import DeepShapeSettings
from .storage import Bone
from .training_shapes import Instance
from .training_slices import LARGEST_GRADIENT, classification

_MOTION = Motion(turn_deg=6.0, zoom=0.06, shift=0.06)


def subvolume_size(network: LocalNetwork, layout: Layout, settings: DeepShapeSettings) -> tuple[int, int, int]:
    """Voxels along the sides of a subvolume: about as long as asked for, and what the network can halve."""
    return tuple(step * max(round(settings.subvolume_mm / spacing / step), 1)
                 for spacing, step in zip(layout.spacing_mm, network.step, strict=True))


def learn_local(bones: Sequence[tuple[Bone, Sequence[Instance]]], layout: Layout, settings: DeepShapeSettings,
                seed: int, run, report: Callable[[float, str], None]) -> LocalNetwork:
    """The local network, trained on subvolumes of all bones.

    Parameters
    ----------
    bones
        Shape models, and bones with points in correspondence; a bone with more thinned points is drawn more often.
    layout, settings, seed
    run
        A `training.runs.TrainingRun`, or None.
    report
        Called as `report(fraction, stage)`; may raise `errors.Cancelled`.
    """
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = LocalNetwork(1 + len(layout.structures), layout.spacing_mm, settings.local_channels)
    size = subvolume_size(network, layout, settings)
    learner = Learner(network.to(memory_format=torch.channels_last_3d), settings.learning_rate, LARGEST_GRADIENT)
    places = [(one, one.points_vox[bone.thinned]) for bone, found in bones for one in found]
    shares = np.array([len(centres) for _, centres in places], float)

    def draw(rng: np.random.Generator) -> tuple[Tensor, float]:
        chosen = [places[i] for i in rng.choice(len(places), settings.local_batch, p=shares / shares.sum())]
        batch = _batch(chosen, size, layout.mirrors, rng)
        return classification(learner, *batch, settings.distance_weight, torch.channels_last_3d)

    return learner.learn_in_steps(run, "local", settings.local_steps, settings.steps_an_epoch, (157, seed), draw,
                                  lambda loss: f"loss {loss:.3f}", report)


def _batch(chosen: Sequence[tuple[Instance, np.ndarray]], size: Sequence[int], mirrors: bool,
           rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    images, classes = [], []
    for one, centres in chosen:
        box = np.diag([*(np.array(size) - 1) / 2, 1.0])
        box[:3, 3] = centres[int(rng.integers(len(centres)))]
        box = moved(box, one.scan.spacing_mm, _MOTION, rng)
        if mirrors and rng.random() < 0.5:
            box[:, 2] *= -1
        images.append(resampled(torch.from_numpy(one.scan.image)[None], box, size))
        classes.append(resampled(torch.from_numpy(one.scan.classes)[None], box, size, "nearest")[0].long())
    return varied(torch.stack(images), rng), torch.stack(classes)
