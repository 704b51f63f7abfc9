"""The second stage: the shape of each bone, regressed from the box round it."""

from dataclasses import dataclass

import numpy as np
import torch
from scipy.ndimage import binary_erosion, distance_transform_edt

from .networks import BOX, ShapeNetwork
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
        Mean distance of its points from the surface of the mask that it was started from.
    """

    points_vox: np.ndarray
    coefficients: np.ndarray
    voxel_from_model: np.ndarray
    mirrored: bool
    distance_mm: float


def fit_bone(network: ShapeNetwork, image: np.ndarray, mask: np.ndarray, spacing_mm, side: str, sides: str) -> BoneFit:
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
    """
    cube = cube_of(mask, spacing_mm)
    side_mm = float(2 * cube.half_vox[0] * np.asarray(spacing_mm)[0])
    tried = [False, True] if sides == "either" else [side == "right"]
    fits = [_fitted(network, image, mask, cube.mirror() if mirrored else cube, side_mm) for mirrored in tried]
    return min(fits, key=lambda fit: fit.distance_mm)


@torch.no_grad()
def _fitted(network: ShapeNetwork, image: np.ndarray, mask: np.ndarray, cube: Cube, side_mm: float) -> BoneFit:
    device, boxes = next(network.parameters()).device, [cube.sample(image), cube.sample(mask)]
    given = torch.from_numpy(np.stack(boxes[:network.inputs])[None]).to(device)
    coefficients, pose = network.regress(given)
    linear, shift = (values[0].cpu().numpy().astype(float) for values in network.pca.affine(pose))
    box_from_model = np.eye(4)
    box_from_model[:3, :3], box_from_model[:3, 3] = linear / network.half_mm, shift
    points = network.pca(coefficients, pose)[0].cpu().numpy().astype(float)
    return BoneFit(cube.voxels_of(points), coefficients[0].cpu().numpy(), cube.voxel_from_box @ box_from_model,
                   cube.mirrored, _distance(points, boxes[1] > 0.5) * side_mm / (BOX - 1))


def _distance(points: np.ndarray, mask: np.ndarray) -> float:
    """Mean distance of points in the box from the surface of what it shows of a mask, in its voxels."""
    shell = mask & ~binary_erosion(mask, border_value=1)
    near = np.clip(np.round((points + 1) / 2 * (BOX - 1)).astype(int), 0, BOX - 1)
    return float(distance_transform_edt(~shell)[tuple(near.T)].mean()) if shell.any() else np.inf
