"""The second stage: the shape of each bone, regressed from the box round it and moved onto the bone in slices."""

from dataclasses import dataclass

import numpy as np
import torch

from .networks import ShapeNetwork
from .polishing import STEPS, Shape, apart, polished, surface_in_box
from .preparation import Cube, cube_of


@dataclass(frozen=True, eq=False)
class BoneFit:
    """A fitted shape.

    Parameters
    ----------
    points_vox : (N, 3) array
        In voxels of the working grid: `voxel_from_model` applied to the model's shape.
    coefficients : (M,) array
        In standard deviations.
    voxel_from_model : (4, 4) array
        Takes points of the model, in mm, to voxels of the working grid.
    mirrored
        Whether the model was mirrored: a right bone of a model of left ones.
    distance_mm
        Mean distance of its points and the surface of the bone in slices from each other, across the surface.
    size
        How many times as large as the model it is.
    """

    points_vox: np.ndarray
    coefficients: np.ndarray
    voxel_from_model: np.ndarray
    mirrored: bool
    distance_mm: float
    size: float


def fit_bone(network: ShapeNetwork, image: np.ndarray, mask: np.ndarray, spacing_mm, side: str, sides: str,
             steps: int = STEPS, inside: np.ndarray | None = None) -> BoneFit:
    """The shape of one bone.

    Parameters
    ----------
    network
    image
        `preparation.normalised`, on the working grid.
    mask : bool array
        The bone in slices; not empty.
    spacing_mm
        Of the grid.
    side
        "left", "right" or "", of `bones.instances`.
    sides
        Of the bone's model: "", "pair", or "either", whose side is that on which the fitted points lie nearer to the
        mask's surface.
    steps
        Of `polished`; 0 takes what the network regresses, as published.
    inside : bool array, optional
        What of the grid lies inside the volume: where a bone ends with it there is no surface.
    """
    cube = cube_of(mask, spacing_mm)
    half_mm = float(cube.half_vox[0] * np.asarray(spacing_mm)[0])
    tried = [False, True] if sides == "either" else [side == "right"]
    boxes = np.stack([cube.sample(array) for array in (image, mask, inside) if array is not None])
    fits = [_fitted(network, boxes, cube, mirrored, half_mm, steps) for mirrored in tried]
    return min(fits, key=lambda fit: fit.distance_mm)


def _fitted(network: ShapeNetwork, boxes: np.ndarray, cube: Cube, mirrored: bool, half_mm: float, steps: int
            ) -> BoneFit:
    """The fit as one side; `boxes` are of the image, of the bone, and maybe of what is inside."""
    if mirrored:
        cube, boxes = cube.mirror(), boxes[..., ::-1].copy()
    surface = surface_in_box(*boxes[1:])
    shape = polished(regressed(network, boxes[:network.inputs]), surface, half_mm, steps)
    box_from_model = np.eye(4)
    box_from_model[:3, :3], box_from_model[:3, 3] = shape.linear / network.half_mm, shape.shift
    size = float(np.cbrt(np.prod(shape.scales))) * half_mm / network.half_mm
    return BoneFit(cube.voxels_of(shape.points), shape.coefficients, cube.voxel_from_box @ box_from_model,
                   cube.mirrored, half_mm * apart(shape.points, surface), size)


@torch.no_grad()
def regressed(network: ShapeNetwork, boxes: np.ndarray) -> Shape:
    """The shape that the network sees in (inputs, 88, 88, 88) boxes."""
    device = next(network.parameters()).device
    coefficients, pose = network.regress(torch.from_numpy(boxes[None]).to(device))
    arrays = (network.pca.mean, network.pca.modes, coefficients[0], *(v[0] for v in network.pca.affine(pose)))
    mean, modes, coefficients, linear, shift = (values.cpu().numpy().astype(float) for values in arrays)
    scales = np.linalg.norm(linear, axis=0)
    return Shape(mean, modes, coefficients, linear / scales, scales, shift)
