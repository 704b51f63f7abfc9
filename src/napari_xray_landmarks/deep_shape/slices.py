"""The first stage: class probabilities by the network of slices."""

from collections.abc import Callable

import numpy as np
import torch

from .networks import SliceNetwork
from .preparation import slice_stack

_PIXELS = 1 << 20  # of all slices at a time


def slice_probabilities(network: SliceNetwork, image: np.ndarray, axis: int, neighbours: int, *, batch: int = 8,
                        report: Callable[[float], None] = lambda fraction: None) -> np.ndarray:
    """Class probabilities of each voxel, slice by slice.

    Parameters
    ----------
    network
    image
        `preparation.normalised`.
    axis
        That the slices are perpendicular to.
    neighbours
        Slices on either side that the network is shown too.
    batch
        Slices at a time; fewer where they are large.
    report
        Called as `report(fraction)`; may raise `errors.Cancelled`.

    Returns
    -------
    (C, planes, rows, columns) float16 array
    """
    count, found = image.shape[axis], None
    batch = int(np.clip(_PIXELS // (image.size // count), 1, batch))
    for start in range(0, count, batch):
        report(start / count)
        numbers = np.arange(start, min(start + batch, count))
        values = classified(network, slice_stack(image, axis, numbers, neighbours))
        if found is None:
            found = np.empty((values.shape[1], *image.shape), np.float16)
        np.moveaxis(found, axis + 1, 1)[:, numbers] = values.swapaxes(0, 1)
    return found


@torch.no_grad()
def classified(network: SliceNetwork, slices: np.ndarray) -> np.ndarray:
    """(B, C, rows, columns) float16 class probabilities of (B, 1 + 2 neighbours, rows, columns) slices."""
    device = next(network.parameters()).device
    given = torch.from_numpy(slices).float().to(device)
    with torch.autocast(device.type, torch.bfloat16):
        logits = network(given.contiguous(memory_format=torch.channels_last))
    return logits.float().softmax(1).half().cpu().numpy()
