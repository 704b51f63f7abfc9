"""What the networks of slices and subvolumes learn by: cross-entropy, and a loss that weighs errors by their distance.

The distance-weighted loss (Eschweiler et al., SASHIMI 2019, as used by Schock et al. 2020) is

    L = mean over voxels x of  sum over classes c of  p_c(x) d_c(x)

with d_c(x) the distance of x from the nearest voxel of class c, as a share of the largest such distance, and -1 inside
the class: a probability costs more the farther it lies from where it belongs.
"""

import numpy as np
import torch
from scipy.ndimage import distance_transform_edt
from torch import Tensor
from torch.nn import functional


def distance_maps(labels: np.ndarray, classes: int, stride: int = 1) -> np.ndarray:
    """How far each pixel is from each class, as a share of the largest distance; -1 inside the class.

    Parameters
    ----------
    labels : (B, rows, columns) or (B, planes, rows, columns) integer array
        Class of each voxel.
    classes
        C; a class that an image does not show is 1 away from all of it.
    stride
        Distances are measured on every so many-th voxel and repeated, for speed.

    Returns
    -------
    (B, C, ...) float32 array
    """
    coarse = labels[(slice(None), *(slice(stride // 2, None, stride) for _ in labels.shape[1:]))]
    maps = np.ones((len(labels), classes, *labels.shape[1:]), np.float32)
    for image, own in enumerate(coarse):
        for number in range(classes):
            inside = own == number
            if inside.any() and not inside.all():
                distance = distance_transform_edt(~inside).astype(np.float32)
                maps[image, number] = _repeated(distance / distance.max(), stride, labels.shape[1:])
    np.put_along_axis(maps, labels[:, None].astype(np.intp), np.float32(-1), axis=1)
    return maps


def _repeated(values: np.ndarray, stride: int, shape: tuple[int, ...]) -> np.ndarray:
    """`values`, each `stride` times along each axis, filled up at the ends to a shape."""
    if stride > 1:
        for axis in range(values.ndim):
            values = values.repeat(stride, axis)
        values = np.pad(values, [(0, max(n - v, 0)) for n, v in zip(shape, values.shape, strict=True)], "edge")
    return values[tuple(slice(n) for n in shape)]


def distance_weighted(logits: Tensor, maps: Tensor) -> Tensor:
    """The distance-weighted loss of (B, C, ...) logits and the `distance_maps` of the truth; between -1 and 1."""
    return (logits.float().softmax(1) * maps).sum(1).mean()


def segmentation_loss(logits: Tensor, labels: Tensor, distance_weight: float = 1.0, stride: int = 4) -> Tensor:
    """Cross-entropy plus the distance-weighted loss.

    Parameters
    ----------
    logits : (B, C, ...) tensor
    labels : (B, ...) integer tensor
        True class of each voxel.
    distance_weight
        Of the latter; 0 leaves it out.
    stride
        Of its `distance_maps`.
    """
    loss = functional.cross_entropy(logits.float(), labels)
    if distance_weight:
        maps = torch.from_numpy(distance_maps(labels.cpu().numpy(), logits.shape[1], stride)).to(logits.device)
        loss = loss + distance_weight * distance_weighted(logits, maps)
    return loss
