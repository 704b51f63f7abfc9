"""The networks: U-Nets (monai) of slices and of subvolumes, and one that regresses a shape (Schock et al. 2020)."""

from collections.abc import Sequence

import numpy as np
import torch
from monai.networks.nets import BasicUNet, DynUNet
from torch import Tensor, nn
from torch.nn import functional

from ..shape.point_distribution import PointDistributionModel

BOX = 88  # voxels along a side of the shape network's input
MARGIN = 1.25  # side of the box round a bone, as a multiple of its longest extent
GLOBALS = {"euler": 9, "6d": 12}  # scales, rotation, translation
_GENTLE = 0.1  # what the network's numbers for scale, rotation and translation are multiplied by
_SQUARED = 1.5  # spacings that differ by more are not halved together


class SliceNetwork(nn.Module):
    """A 2D U-Net of slices.

    Parameters
    ----------
    classes
        C, with the background.
    neighbours
        Slices on either side that are shown beside each.
    channels
        Of the finest level.
    stem
        Pixels along a side that it takes as one, by exchange of space for channels at its two ends.
    """

    def __init__(self, classes: int, neighbours: int = 1, channels: int = 32, stem: int = 2):
        super().__init__()
        self.stem, self.step = stem, 16 * stem
        widths = (channels, channels, 2 * channels, 4 * channels, 4 * channels, channels)
        self.unet = BasicUNet(2, (1 + 2 * neighbours) * stem**2, classes * stem**2, widths, norm="batch")

    def forward(self, slices: Tensor) -> Tensor:
        """(B, C, rows, columns) logits of (B, 1 + 2 neighbours, rows, columns) slices of any size."""
        rows, columns = slices.shape[-2:]
        padded = functional.pad(slices, (0, -columns % self.step, 0, -rows % self.step), mode="replicate")
        logits = functional.pixel_shuffle(self.unet(functional.pixel_unshuffle(padded, self.stem)), self.stem)
        return logits[..., :rows, :columns]


class LocalNetwork(nn.Module):
    """A 3D U-Net of subvolumes, which halves only those axes that are about as finely spaced as the finest.

    Parameters
    ----------
    classes
        C, with the background.
    spacing_mm
        Of its voxels.
    channels
        Of the finest level; twice as many at the second, four times at deeper ones.
    levels
    """

    def __init__(self, classes: int, spacing_mm: Sequence[float], channels: int = 8, levels: int = 4):
        super().__init__()
        kernels, strides = pyramid(spacing_mm, levels)
        widths = [channels * min(2**level, 4) for level in range(levels)]
        self.step = tuple(int(n) for n in np.prod(strides, axis=0))
        self.unet = DynUNet(3, 1, classes, kernels, strides, strides[1:], widths, norm_name="batch")

    def forward(self, subvolumes: Tensor) -> Tensor:
        """(B, C, ...) logits of (B, 1, ...) subvolumes, whose sides are multiples of `step`."""
        return self.unet(subvolumes)


def pyramid(spacing_mm: Sequence[float], levels: int) -> tuple[list[list[int]], list[list[int]]]:
    """Kernels and strides of each level of a U-Net of anisotropic voxels.

    Axes are halved together with the finest one where they are at most half as coarse again; kernels reach no farther
    along axes that are more than twice as coarse.
    """
    spacing = np.array(spacing_mm, float)
    kernels, strides = [], [[1, 1, 1]]
    for level in range(levels):
        if level:
            halved = spacing < _SQUARED * spacing.min()
            strides.append([2 if h else 1 for h in halved])
            spacing = spacing * np.where(halved, 2, 1)
        kernels.append([3 if s <= 2 * spacing.min() else 1 for s in spacing])
    return kernels, strides


class PCALayer(nn.Module):
    """Points of a shape: the mean, plus modes by their coefficients, then scaled, turned and moved.

    x = R diag(exp(s)) (mean + sum_i c_i sqrt(variance_i) modes_i) + t

    Parameters
    ----------
    mean : (N, 3) array
        In units of half the box, whose coordinates run from -1 to 1.
    modes : (M, N, 3) array
    variances : (M,) array
    rotation
        "euler", or "6d": the first two columns of the matrix, made orthonormal (Zhou et al., CVPR 2019).
    """

    def __init__(self, mean, modes, variances, rotation: str = "euler"):
        super().__init__()
        self.rotation = rotation
        scaled = np.asarray(modes, float) * np.sqrt(np.asarray(variances, float))[:, None, None]
        self.register_buffer("mean", torch.as_tensor(np.array(mean), dtype=torch.float32), persistent=False)
        self.register_buffer("modes", torch.as_tensor(scaled, dtype=torch.float32), persistent=False)

    def forward(self, coefficients: Tensor, pose: Tensor) -> Tensor:
        """(B, N, 3) points.

        Parameters
        ----------
        coefficients : (B, M) tensor
            In standard deviations.
        pose : (B, 9) or (B, 12) tensor
            Logarithms of three scales, the rotation, three shifts; zeros leave the shape as it is.
        """
        linear, shift = self.affine(pose)
        shape = self.mean.to(pose.dtype) + torch.einsum("bm,mnd->bnd", coefficients, self.modes.to(pose.dtype))
        return shape @ linear.transpose(1, 2) + shift[:, None]

    def affine(self, pose: Tensor) -> tuple[Tensor, Tensor]:
        """(B, 3, 3) matrices R diag(exp(s)) and (B, 3) shifts of those parameters."""
        turn = euler_matrix if self.rotation == "euler" else six_matrix
        return turn(pose[:, 3:-3]) * pose[:, None, :3].exp(), pose[:, -3:]


def euler_matrix(angles: Tensor) -> Tensor:
    """(B, 3, 3) rotations about the first, then the second, then the third axis, by (B, 3) angles in rad."""
    turns = []
    for axis, angle in enumerate(angles.unbind(1)):
        a, b = (i for i in range(3) if i != axis)
        cos, sin, zero, one = angle.cos(), angle.sin(), torch.zeros_like(angle), torch.ones_like(angle)
        rows = [[one if i == j == axis else zero for j in range(3)] for i in range(3)]
        rows[a][a] = rows[b][b] = cos
        rows[a][b], rows[b][a] = (sin, -sin) if axis == 1 else (-sin, sin)
        turns.append(torch.stack([torch.stack(row, 1) for row in rows], 1))
    return turns[2] @ turns[1] @ turns[0]


def six_matrix(numbers: Tensor) -> Tensor:
    """(B, 3, 3) rotations of (B, 6) numbers: what the first two columns differ by from those of the identity."""
    first = functional.normalize(numbers[:, :3] + numbers.new_tensor([1, 0, 0]), dim=1)
    second = numbers[:, 3:] + numbers.new_tensor([0, 1, 0])
    second = functional.normalize(second - (first * second).sum(1, keepdim=True) * first, dim=1)
    return torch.stack([first, second, torch.linalg.cross(first, second)], 2)


class ShapeNetwork(nn.Module):
    """Regresses coefficients and pose of a shape model from 88 x 88 x 88 voxels.

    Three layers of separable 5 x 5 x 5 and strided convolutions with instance normalisation, two of separable
    3 x 3 x 3 ones, and one of 1 x 1 x 1. Nothing is padded: 88 voxels become 41, 17, 5, 3 and then one.

    Parameters
    ----------
    model
        In mm, its box in the middle.
    half_mm
        Half a side of the box, in mm of the model.
    rotation
        "euler" or "6d".
    channels
        Of the first layer; twice and four times as many in the next ones.
    inputs
        1 for the image alone, 2 with the bone in slices.
    """

    def __init__(self, model: PointDistributionModel, half_mm: float, rotation: str = "euler", channels: int = 8,
                 inputs: int = 1):
        super().__init__()
        self.modes, self.half_mm, self.inputs = len(model.modes), half_mm, inputs
        self.pca = PCALayer(model.mean / half_mm, model.modes, model.variances / half_mm**2, rotation)
        widths = (inputs, channels, 2 * channels, 4 * channels)
        layers = []
        for own, out in zip(widths, widths[1:], strict=False):
            layers += [*_separable(own, out, 5), nn.Conv3d(out, out, 4, stride=2),
                       nn.InstanceNorm3d(out, affine=True), nn.LeakyReLU(0.1, inplace=True)]
        deepest = widths[-1]
        self.features = nn.Sequential(*layers, *_separable(deepest, 2 * deepest, 3),
                                      *_separable(2 * deepest, 2 * deepest, 3))
        self.parameters_ = nn.Conv3d(2 * deepest, self.modes + GLOBALS[rotation], 1)
        nn.init.normal_(self.parameters_.weight, std=1e-3)
        nn.init.zeros_(self.parameters_.bias)

    def regress(self, boxes: Tensor) -> tuple[Tensor, Tensor]:
        """Coefficients in standard deviations (B, M) and pose of `PCALayer`, of (B, inputs, 88, 88, 88) boxes."""
        with torch.autocast(boxes.device.type, enabled=False):  # depth-wise convolutions are slower in half precision
            numbers = self.parameters_(self.features(boxes.float())).flatten(1)
        return numbers[:, :self.modes], _GENTLE * numbers[:, self.modes:]

    def forward(self, boxes: Tensor) -> Tensor:
        """(B, N, 3) points in the box, from -1 to 1."""
        return self.pca(*self.regress(boxes))


def _separable(own: int, out: int, size: int) -> list[nn.Module]:
    """A depth-wise and then a point-wise convolution."""
    return [nn.Conv3d(own, own, size, groups=own), nn.Conv3d(own, out, 1), nn.LeakyReLU(0.1, inplace=True)]
