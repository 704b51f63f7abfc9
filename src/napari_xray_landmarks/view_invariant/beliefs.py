"""Belief maps: what they should be, and where their peaks are.

Maps are (..., rows, columns) tensors of cells; a cell is `stride` pixels of the network's input wide, and the centre of
the first cell lies `(stride - 1) / 2` pixels from that of the first pixel.
"""

import math

import torch
from torch import Tensor
from torch.nn import functional


def profiles(points: Tensor, shape: tuple[int, int], sigma: float, stride: int) -> tuple[Tensor, Tensor]:
    """The factors of `bells`: (..., rows) and (..., columns) normal distributions of height 1 about each landmark.

    Parameters
    ----------
    points : (..., 2) tensor
        (row, column) in pixels of the input.
    shape
        (rows, columns) of the maps.
    sigma
        Standard deviation in pixels of the input.
    stride
    """
    cells, width = torch.nan_to_num((points + 0.5) / stride - 0.5, nan=-1e4), sigma / stride
    return tuple(torch.exp(-0.5 * ((torch.arange(n, device=points.device) - cells[..., axis, None]) / width) ** 2)
                 for axis, n in enumerate(shape))


def bells(points: Tensor, visible: Tensor, shape: tuple[int, int], sigma: float, stride: int) -> Tensor:
    """(..., rows, columns) true belief maps: a bell of height 1 about each landmark, nothing for one that is absent."""
    rows, columns = profiles(points, shape, sigma, stride)
    return rows[..., :, None] * columns[..., None, :] * visible[..., None, None]


def summed_squares(stages: Tensor, truth: Tensor) -> Tensor:
    """The paper's loss: squared distances of belief maps from the truth, summed over stages and landmarks.

    `stages` is (T, B, P, rows, columns), `truth` (B, P, rows, columns); the mean over the B films.
    """
    return (stages - truth).square().sum() / stages.shape[1]


def place_loss(logits: Tensor, absent: Tensor, points: Tensor, visible: Tensor, sigma: float, stride: int) -> Tensor:
    """Cross-entropy of where each landmark is, blurred by the bell, or that it is absent; the mean.

    What minimises it is what minimises `summed_squares` (the mean of the bells that the film leaves possible), but its
    gradient does not vanish where a map is nearly all zero.

    Parameters
    ----------
    logits : (B, P, rows, columns) tensor
    absent : (P,) tensor
        Logits of being absent.
    points, visible
        (B, P, 2) in pixels of the input, and (B, P) flags from 0 to 1.
    sigma, stride
    """
    rows, columns = (p / p.sum(-1, keepdim=True).clamp(min=1e-6)
                     for p in profiles(points, logits.shape[-2:], sigma, stride))
    at_truth = (logits @ columns[..., None])[..., 0].mul(rows).sum(-1)
    normaliser = torch.logaddexp(logits.flatten(2).logsumexp(-1), absent)
    return (normaliser - torch.where(visible > 0, at_truth, absent)).mean()


def beliefs_of(logits: Tensor, absent: Tensor, sigma: float, stride: int) -> Tensor:
    """(B, P, rows, columns) belief maps of logits: probabilities in units of the height of a bell, at most 1.

    A landmark whose place is known exactly has a belief of 1 there; one that may be in two places 0.5 in each.
    """
    normaliser = torch.logaddexp(logits.flatten(2).logsumexp(-1), absent)
    height = math.log(2 * math.pi * (sigma / stride) ** 2)
    return torch.exp(logits - (normaliser - height)[..., None, None]).clamp(max=1.0)


def widened(maps: Tensor, sigma: float, wider: float, stride: int) -> Tensor:
    """Belief maps as bells of another width would give them: smoothed, and as high as before where there is no doubt.

    Places that are nearer to each other than the bell is wide then no longer count as doubt about where a landmark is.

    Parameters
    ----------
    maps : (..., rows, columns) tensor
    sigma, wider
        Standard deviation of their bells, and of those to come, in pixels of the input.
    stride
    """
    if wider <= sigma:
        return maps
    sd = math.sqrt(wider**2 - sigma**2) / stride
    reach = math.ceil(3 * sd)
    kernel = torch.exp(-0.5 * (torch.arange(-reach, reach + 1) / sd) ** 2)
    kernel = (kernel / kernel.sum()).to(maps)
    flat = maps.flatten(0, -3)[:, None]
    flat = functional.conv2d(flat, kernel[None, None, :, None], padding=(reach, 0))
    flat = functional.conv2d(flat, kernel[None, None, None, :], padding=(0, reach))
    return (flat.view(maps.shape) * (wider / sigma) ** 2).clamp(max=1.0)


def peaks(maps: Tensor, stride: int) -> tuple[Tensor, Tensor]:
    """Where maps are highest, between cells too: the top of the bell through the highest cell and its neighbours.

    Parameters
    ----------
    maps : (..., rows, columns) tensor
    stride

    Returns
    -------
    (..., 2) tensor
        (row, column) in pixels of the input.
    (...) tensor
        The highest values.
    """
    rows, columns = maps.shape[-2:]
    padded = functional.pad(maps.flatten(0, -3)[:, None], (1, 1, 1, 1), mode="replicate")[:, 0]
    best, at = maps.flatten(0, -3).flatten(1).max(1)
    row, column = at // columns, at % columns
    number = torch.arange(len(at), device=maps.device)
    tops = []
    for axis, place, count in ((0, row, rows), (1, column, columns)):
        step = (1, 0) if axis == 0 else (0, 1)
        before, after = (padded[number, row + 1 + s * step[0], column + 1 + s * step[1]] for s in (-1, 1))
        low, middle, high = (v.clamp(min=1e-12).log() for v in (before, best, after))
        bend = 2 * middle - low - high
        shift = torch.where(bend > 1e-6, 0.5 * (high - low) / bend.clamp(min=1e-6), 0.0).clamp(-0.5, 0.5)
        inside = (place > 0) & (place < count - 1)
        tops.append(place + torch.where(inside, shift, 0.0))
    points = (torch.stack(tops, -1) + 0.5) * stride - 0.5
    return points.view(*maps.shape[:-2], 2), best.view(maps.shape[:-2])
