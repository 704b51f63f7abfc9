"""The second stage: the shape of each bone, regressed from the box round it and moved onto the bone in slices."""

from dataclasses import dataclass

import numpy as np
import torch
from scipy.ndimage import binary_erosion

from .networks import BOX, PCALayer, ShapeNetwork
from .preparation import Cube, cube_of

STEPS = 6
_PLACES = 400  # of the surface, and about as many points, that a shape is moved by
_TRUSTED = 100.0  # one standard deviation of a mode counts as much as a hundredth of a mm²


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
        Mean distance of its points and the surface of the bone in slices from each other.
    """

    points_vox: np.ndarray
    coefficients: np.ndarray
    voxel_from_model: np.ndarray
    mirrored: bool
    distance_mm: float


def fit_bone(network: ShapeNetwork, image: np.ndarray, mask: np.ndarray, spacing_mm, side: str, sides: str,
             steps: int = STEPS) -> BoneFit:
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
    """
    cube = cube_of(mask, spacing_mm)
    half_mm = float(cube.half_vox[0] * np.asarray(spacing_mm)[0])
    tried = [False, True] if sides == "either" else [side == "right"]
    fits = [_fitted(network, image, mask, cube.mirror() if mirrored else cube, half_mm, steps) for mirrored in tried]
    return min(fits, key=lambda fit: fit.distance_mm)


def _fitted(network: ShapeNetwork, image: np.ndarray, mask: np.ndarray, cube: Cube, half_mm: float, steps: int
            ) -> BoneFit:
    device, boxes = next(network.parameters()).device, [cube.sample(image), cube.sample(mask)]
    with torch.no_grad():
        found = network.regress(torch.from_numpy(np.stack(boxes[:network.inputs])[None]).to(device))
    surface = surface_in_box(boxes[1] > 0.5)
    coefficients, pose, points = polished(network.pca, *found, surface.to(device), half_mm, steps)
    linear, shift = (values[0].cpu().numpy().astype(float) for values in network.pca.affine(pose))
    box_from_model = np.eye(4)
    box_from_model[:3, :3], box_from_model[:3, 3] = linear / network.half_mm, shift
    return BoneFit(cube.voxels_of(points[0].cpu().numpy().astype(float)), coefficients[0].cpu().numpy(),
                   cube.voxel_from_box @ box_from_model, cube.mirrored, half_mm * float(_apart(points[0], surface)))


def surface_in_box(mask: np.ndarray, most: int = _PLACES) -> torch.Tensor:
    """(<= most, 3) places on the surface of a mask of the box, drawn at random; where the box ends the bone goes on."""
    places = np.argwhere(mask & ~binary_erosion(mask, border_value=1))
    # not every so many-th: along a row the near and the far side take turns
    places = places[np.random.default_rng(0).permutation(len(places))[:most]]
    return torch.from_numpy(2 * places / (BOX - 1) - 1).float()


def polished(pca: PCALayer, coefficients: torch.Tensor, pose: torch.Tensor, surface: torch.Tensor, half_mm: float,
             steps: int = STEPS) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """A shape moved from where the network put it onto the bone in slices, as far as the shape model goes along.

    Minimises the mean squared distance of points and surface from each other, in mm, plus the squared coefficients over
    `_TRUSTED`, by L-BFGS.

    Returns
    -------
    coefficients, pose, points
        As of `PCALayer`.
    """
    numbers = [values.detach().clone().requires_grad_() for values in (coefficients, pose)]
    every = max(1, len(pca.mean) // _PLACES)
    if steps and len(surface):
        optimiser = torch.optim.LBFGS(numbers, max_iter=steps, line_search_fn="strong_wolfe")

        def objective():
            optimiser.zero_grad()
            points = pca(*numbers)[0, ::every]
            with torch.no_grad():
                apart = torch.cdist(points, surface)
                own, other = apart.argmin(0), apart.argmin(1)
            near = (points[own] - surface).square().sum(1).mean() + (points - surface[other]).square().sum(1).mean()
            value = half_mm**2 * near + numbers[0].square().sum() / _TRUSTED
            value.backward()
            return value

        optimiser.step(objective)
    best = [values.detach() for values in numbers]
    return *best, pca(*best)


def _apart(points: torch.Tensor, surface: torch.Tensor) -> torch.Tensor:
    """Mean distance of points and surface from each other."""
    if not len(surface):
        return torch.tensor(torch.inf)
    apart = torch.cdist(points, surface)
    return (apart.min(0).values.mean() + apart.min(1).values.mean()) / 2
