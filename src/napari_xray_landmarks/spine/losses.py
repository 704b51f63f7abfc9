"""Losses on the corners of vertebrae: the bipartite distance of paper 003 and its sum with the squared error."""

import torch
from torch import Tensor

ALPHA = 0.01
"""Weight of the bipartite distance in the paper."""


def bipartite_distance(predicted: Tensor, truth: Tensor) -> Tensor:
    """How much distances between left and right corners differ from the true ones (Imran et al., equation 2).

    The left and the right corners are the two sides of a complete bipartite graph; its edges are the pairs of one left
    and one right corner, of all vertebrae.

    Parameters
    ----------
    predicted, truth : (films, corners, 2) tensors
        Left and right corners take turns, as top-left, top-right, bottom-left, bottom-right of each vertebra do.
        Edges at a corner that is NaN in `truth` do not count.

    Returns
    -------
    () tensor
        Sum over all edges of |d - d_hat|, mean over films.

    Raises
    ------
    ValueError
        If the shapes differ or a corner has no partner.
    """
    if predicted.shape != truth.shape or truth.ndim != 3 or truth.shape[-1] != 2 or truth.shape[1] % 2:
        raise ValueError(f"corners must be (films, 2 n, 2) and alike, got {tuple(predicted.shape)} and "
                         f"{tuple(truth.shape)}")
    known = torch.isfinite(truth).all(-1)
    edges = known[:, 0::2, None] & known[:, None, 1::2]
    difference = _edges(predicted) - _edges(truth.nan_to_num())
    return (difference.abs() * edges).sum((1, 2)).mean()


def squared_error(predicted: Tensor, truth: Tensor) -> Tensor:
    """Squared distance of the landmark vectors (equation 1): sum over corners, mean over films; () tensor.

    Parameters
    ----------
    predicted, truth : (films, corners, 2) tensors
        A corner that is NaN in `truth` does not count.
    """
    known = torch.isfinite(truth)
    return (((predicted - truth.nan_to_num()) ** 2) * known).sum((1, 2)).mean()


def shape_aware_loss(predicted: Tensor, truth: Tensor, alpha: float = ALPHA) -> Tensor:
    """Squared error + alpha x bipartite distance (equation 3), on (films, corners, 2) tensors; () tensor."""
    loss = squared_error(predicted, truth)
    return loss + alpha * bipartite_distance(predicted, truth) if alpha else loss


def _edges(corners: Tensor) -> Tensor:
    """(films, left, right) lengths of all edges."""
    return torch.cdist(corners[:, 0::2], corners[:, 1::2], compute_mode="donot_use_mm_for_euclid_dist")
