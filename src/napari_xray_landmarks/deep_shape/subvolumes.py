"""The third stage: subvolumes at landmarks, their class probabilities merged, and summed with those of the slices."""

from collections.abc import Callable, Sequence

import numpy as np
import torch

from .networks import LocalNetwork

_WIDTH = 0.25  # standard deviation of a subvolume's weights, as a share of its sides
_LEAST_WEIGHT = 1e-3
_SEARCHES = 24


def thinned(points: np.ndarray, scores: np.ndarray, count: int) -> np.ndarray:
    """Points of a surface about equally far from each other, by distance-based non-maximum suppression.

    The best point suppresses those nearer than a radius, then the best of the rest, and so on. The radius is the
    largest that leaves `count` points.

    Parameters
    ----------
    points : (N, 3) array
    scores : (N,) array
        The higher the better; only points with a positive one count.
    count
        How many to keep; all where there are no more.

    Returns
    -------
    (<= count,) int array
        The best first.
    """
    order = np.flatnonzero(scores > 0)
    order = order[np.argsort(-scores[order], kind="stable")]
    if len(order) <= count:
        return order
    low, high = 0.0, float(np.linalg.norm(np.ptp(points[order], axis=0)))
    for _ in range(_SEARCHES):
        radius = (low + high) / 2
        low, high = (radius, high) if len(suppressed(points[order], radius)) >= count else (low, radius)
    return order[suppressed(points[order], low)[:count]]


def suppressed(points: np.ndarray, radius: float) -> np.ndarray:
    """Indices of the points, best first, that no better kept point is nearer to than `radius`."""
    kept, open_ = [], np.ones(len(points), bool)
    while open_.any():
        best = int(np.argmax(open_))
        kept.append(best)
        open_ &= ((points - points[best]) ** 2).sum(1) >= radius**2
        open_[best] = False
    return np.array(kept, int)


def starts(centres_vox: np.ndarray, size: Sequence[int], shape: Sequence[int]) -> np.ndarray:
    """(n, 3) first voxels of subvolumes that lie wholly in the array, where it is no smaller than they are.

    Parameters
    ----------
    centres_vox : (n, 3) array
    size
        Of a subvolume.
    shape
        Of the array.
    """
    room = np.maximum(np.array(shape) - np.array(size), 0)
    return np.clip(np.round(np.asarray(centres_vox) - (np.array(size) - 1) / 2).astype(int), 0, room)


def weights_of(size: Sequence[int]) -> np.ndarray:
    """Gaussian weights of a subvolume's voxels, 1 in the middle."""
    weights = np.ones(tuple(size), np.float32)
    for axis, count in enumerate(size):
        x = (np.arange(count) - (count - 1) / 2) / (_WIDTH * count)
        weights *= np.exp(-0.5 * x**2).astype(np.float32).reshape([-1 if a == axis else 1 for a in range(3)])
    return np.maximum(weights / weights.max(), _LEAST_WEIGHT)


def merged(predict: Callable[[np.ndarray], np.ndarray], image: np.ndarray, corners: np.ndarray, size: Sequence[int],
           classes: int, *, batch: int = 4, report: Callable[[float], None] = lambda fraction: None
           ) -> tuple[np.ndarray, np.ndarray]:
    """Class probabilities of subvolumes, merged with Gaussian weights.

    Parameters
    ----------
    predict
        Gives (B, C, *size) probabilities of (B, 1, *size) subvolumes.
    image
        An array that is smaller than a subvolume is continued by its edge.
    corners : (n, 3) int array
        Of `starts`.
    size, classes
    batch
        Subvolumes at a time.
    report
        Called as `report(fraction)`; may raise `errors.Cancelled`.

    Returns
    -------
    probabilities : (C, planes, rows, columns) float16 array
        0 where there is no subvolume.
    weight : (planes, rows, columns) float32 array
        Sum of the weights; 0 there.
    """
    shape = np.array(image.shape)
    padded = np.pad(image, [(0, max(s - n, 0)) for s, n in zip(size, shape, strict=True)], "edge")
    own, total = weights_of(size), np.zeros(padded.shape, np.float32)
    summed_ = np.zeros((classes, *padded.shape), np.float32)
    for start in range(0, len(corners), batch):
        report(start / len(corners))
        places = [tuple(slice(c, c + s) for c, s in zip(corner, size, strict=True))
                  for corner in corners[start:start + batch]]
        for place, values in zip(places, predict(np.stack([padded[p] for p in places])[:, None]), strict=True):
            summed_[(slice(None), *place)] += own * values
            total[place] += own
    inside = tuple(slice(n) for n in shape)
    total = total[inside]
    probabilities = np.empty((classes, *shape), np.float16)
    for number in range(classes):
        np.divide(summed_[number][inside], np.where(total > 0, total, 1), out=probabilities[number], casting="unsafe")
    return probabilities, total


def local_probabilities(network: LocalNetwork, image: np.ndarray, corners: np.ndarray, size: Sequence[int],
                        classes: int, **how) -> tuple[np.ndarray, np.ndarray]:
    """`merged` probabilities of the local network."""
    device = next(network.parameters()).device

    @torch.no_grad()
    def predict(subvolumes: np.ndarray) -> np.ndarray:
        with torch.autocast(device.type, torch.bfloat16):
            given = torch.from_numpy(subvolumes).float().to(device)
            logits = network(given.contiguous(memory_format=torch.channels_last_3d))
        return logits.float().softmax(1).cpu().numpy()

    return merged(predict, image, corners, size, classes, **how)


def join(slices: np.ndarray, local: np.ndarray, covered: np.ndarray, weights: np.ndarray) -> None:
    """Join class probabilities of subvolumes to those of the slices, in place, where there are subvolumes.

    p = (1 - w) slices + w local, where w is the mean of the structures' weights by how probable each of them is there.
    With weights of a half the same classes win as by the paper's sums.

    Parameters
    ----------
    slices, local : (C, planes, rows, columns) arrays
        Class 0 is the background.
    covered : (planes, rows, columns) bool array
    weights : (C,) array
        What the subvolumes count for a class, from 0 to 1; that of the background does not matter.
    """
    for plane in np.flatnonzero(covered.any((1, 2))):  # one at a time, for the memory
        own, other = slices[:, plane].astype(np.float32), local[:, plane].astype(np.float32)
        probable = own[1:] + other[1:]
        share = np.tensordot(np.asarray(weights[1:], np.float32), probable, 1) / np.maximum(probable.sum(0), 1e-6)
        np.copyto(slices[:, plane], own + share * (other - own), where=covered[plane], casting="same_kind")
