"""The shape models of bones, and how the networks that regress them learn."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from scipy.spatial import cKDTree
from torch import Tensor

from ..errors import InputError
from ..imaging import Volume
from ..learning.learner import Learner
from ..shape.point_distribution import PointDistributionModel
from .augmentation import Motion, blurred_mask, moved, varied
from .bones import instances, sides_of
from .networks import BOX, ShapeNetwork
from .preparation import bounds, cube_of, resampled
from .scans import Layout, Scan
from .settings import DeepShapeSettings
from .storage import Bone
from .subvolumes import thinned
from .training_slices import LARGEST_GRADIENT

_MOTION = Motion(turn_deg=6.0, zoom=0.06, shift=0.02)
_NEAR_MM = 4.0  # of cartilage, in half of the subjects: where its landmarks are
_LEAST_SUBJECTS, _LEAST_VOXELS = 3, 200


@dataclass(frozen=True, eq=False)
class Instance:
    """One bone in one scan.

    Parameters
    ----------
    scan
    mirrored
        Whether it is a right one, which the model shows mirrored.
    corner : (3,) int array
        First voxel of `mask`.
    mask : bool array
        The bone and a rim of one voxel.
    points_vox : (N, 3) array, optional
        In correspondence, in voxels.
    """

    scan: Scan
    mirrored: bool
    corner: np.ndarray
    mask: np.ndarray
    points_vox: np.ndarray | None = None

    @property
    def volume(self) -> Volume:
        """The mask in a world of its own: voxels of the scan times their spacing."""
        matrix = np.diag([*self.scan.spacing_mm, 1.0])
        matrix[:3, 3] = self.corner * self.scan.spacing_mm
        return Volume(self.mask.astype(np.uint8), matrix, self.scan.name, "labels")


def instances_of(scans: Sequence[Scan], number: int) -> tuple[str, list[Instance]]:
    """How a structure occurs, one of `bones.SIDES`, and its bones in all scans."""
    masks = [scan.classes == number for scan in scans]
    sides = sides_of(masks) or ("either" if any(scan.side for scan in scans) else "")
    found = []
    for scan, mask in zip(scans, masks, strict=True):
        for side, own in instances(mask, sides):
            if own.sum() >= _LEAST_VOXELS:
                low, high = bounds(own)
                low = np.maximum(low.astype(int) - 1, 0)
                part = own[tuple(slice(a, int(b) + 2) for a, b in zip(low, high, strict=True))]
                found.append(Instance(scan, (side or scan.side) == "right", low, part))
    return sides, found


def bone_of(scans: Sequence[Scan], name: str, layout: Layout, settings: DeepShapeSettings, seed: int, run,
            report: Callable[[float, str], None]) -> tuple[Bone, list[Instance]] | None:
    """The shape model of a bone, and the bones that it is made of; None where there are too few or they are too unlike.

    Cartilage decides where the points lie that are thinned to centres of subvolumes; without it they lie all over.
    """
    from ..shape.correspondence import CorrespondenceSettings, correspond

    sides, found = instances_of(scans, layout.class_of(name))
    if len(found) < _LEAST_SUBJECTS:
        return None
    try:
        same = correspond([one.volume for one in found], [one.scan.name for one in found],
                          settings=CorrespondenceSettings(points=settings.points),
                          mirrored=[one.mirrored for one in found], rng=np.random.default_rng([149, seed]),
                          progress=report, run=run, stage=f"points-{name}")
    except InputError as error:
        report(1.0, f"no shape model of {name}: {error.problem}")
        return None
    if len(same.kept) < _LEAST_SUBJECTS:
        return None
    kept = [_with_points(found[i], points) for i, points in zip(same.kept, same.points, strict=True)]
    model = PointDistributionModel.fit(same.shapes, retained=settings.retained)
    middle = (model.mean.min(0) + model.mean.max(0)) / 2
    model = PointDistributionModel(model.mean - middle, model.modes, model.variances, residual=model.residual)
    count = layout.centres.get(name, settings.centres)
    chosen = thinned(model.mean, _scores(kept, name, layout), count)
    return Bone(name, sides, model, same.faces, chosen), kept


def _with_points(one: Instance, points_mm: np.ndarray) -> Instance:
    return Instance(one.scan, one.mirrored, one.corner, one.mask, points_mm / one.scan.spacing_mm)


def _scores(found: Sequence[Instance], bone: str, layout: Layout) -> np.ndarray:
    """(N,) how near to cartilage each point lies, 0 for those that mostly are not; ones where there is no cartilage."""
    numbers = [layout.class_of(name) for name, own in layout.cartilages.items() if own == bone]
    distances = []
    for one in found if numbers else ():
        spacing, near = one.scan.spacing_mm, np.argwhere(np.isin(one.scan.classes, numbers))
        if len(near):
            distances.append(cKDTree(near * spacing).query(one.points_vox * spacing)[0])
    if not distances:
        return np.ones(len(found[0].points_vox))
    return np.maximum(1 - np.median(distances, axis=0) / _NEAR_MM, 0)


def learn_shape(bone: Bone, found: Sequence[Instance], settings: DeepShapeSettings, seed: int, run,
                report: Callable[[float, str], None]) -> ShapeNetwork:
    """The network that regresses the shape of a bone, trained by the mean squared distance of points.

    Parameters
    ----------
    bone
    found
        With points.
    settings, seed
    run
        A `training.runs.TrainingRun`, or None.
    report
        Called as `report(fraction, stage)`; may raise `errors.Cancelled`.
    """
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = ShapeNetwork(bone.model, bone.half_mm, settings.rotation, settings.shape_channels,
                               2 if settings.guided else 1)
    learner = Learner(network.to(memory_format=torch.channels_last_3d), settings.learning_rate, LARGEST_GRADIENT)

    def draw(rng: np.random.Generator) -> tuple[Tensor, float]:
        boxes, points = _batch(found, settings, rng)
        placed = learner.trained(boxes.to(learner.fabric.device))
        error = (placed.float() - points.to(placed.device)).square().sum(-1)
        return error.mean(), float(error.detach().sqrt().mean()) * bone.half_mm

    return learner.learn_in_steps(run, f"shape-{bone.name}", settings.shape_steps, settings.steps_an_epoch, (151, seed),
                                  draw, lambda error: f"points {error:.2f} mm off", report)


def _batch(found: Sequence[Instance], settings: DeepShapeSettings, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Boxes (B, inputs, 88, 88, 88) about bones, as inexact as those of slices, and their points (B, N, 3) there."""
    drawn = [_box(found[int(rng.integers(len(found)))], rng) for _ in range(settings.shape_batch)]
    images, masks, points = (torch.stack(values) for values in zip(*drawn, strict=True))
    shown = varied(images, rng)
    return torch.cat([shown, blurred_mask(masks, rng)], 1) if settings.guided else shown, points


def _box(one: Instance, rng: np.random.Generator) -> tuple[Tensor, Tensor, Tensor]:
    cube = cube_of(one.mask, one.scan.spacing_mm)
    cube = cube.mirror() if one.mirrored else cube
    box = cube.voxel_from_box
    box[:3, 3] += one.corner
    box = moved(box, one.scan.spacing_mm, _MOTION, rng)
    in_mask = box.copy()
    in_mask[:3, 3] -= one.corner
    points = (one.points_vox - box[:3, 3]) @ np.linalg.inv(box[:3, :3]).T
    return (resampled(torch.from_numpy(one.scan.image)[None], box, (BOX,) * 3),
            resampled(torch.from_numpy(one.mask)[None], in_mask, (BOX,) * 3),
            torch.from_numpy(points.astype(np.float32)))
