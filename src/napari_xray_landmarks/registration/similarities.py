"""How alike film and rendering are, how that changes as the rendering does, and about which curvature.

All are normalised cross-correlations (NCC), of whole images or of patches, of grey values or of gradients. Each is
worked out from sums of products within cells of the image, which patches share: with the images f (film), m (rendering)
and J (its derivatives to some parameters), all less their means in the patch, and the norms |f| and |m|,

    NCC = f.m / |f||m|,    dNCC = f.J / |f||m| - NCC m.J / |m|²,

and as 1 - NCC is half the squared distance of f/|f| and m/|m|, its Gauss-Newton Hessian is
NCC (J.J - (m.J)(m.J)' / |m|²) / |m|².

Gradient correlation is that of Penney et al., IEEE Trans. Med. Imaging 17:586, 1998; patches as in Knaan and
Joskowicz, MICCAI 2003, and Grupp et al., Int. J. CARS 15:759, 2020.
"""

from dataclasses import dataclass, replace

import numpy as np

FLAT = 0.05  # of the mean variance: a patch with so little contrast counts half
LEAST_FILLED = 0.3  # share of a patch that must be usable
CURVED = 0.1  # NCC that the curvature is worked out for at least


@dataclass(frozen=True, eq=False)
class Likeness:
    """How alike two images are.

    Parameters
    ----------
    value
        From -1 to 1.
    gradient : (K,) array
        Its change with each parameter.
    hessian : (K, K) array
        The Gauss-Newton approximation of the second derivatives of -value; not negative.
    parts : (P, K) array
        What each patch adds to the gradient.
    """

    value: float
    gradient: np.ndarray
    hessian: np.ndarray
    parts: np.ndarray


@dataclass(frozen=True, eq=False)
class Similarity:
    """The film's side of a comparison, made ready for many renderings; from `similarity_to`.

    Parameters
    ----------
    fixed : (channels, rows, columns) float32 array
        The film or its gradients.
    root_weights : (rows, columns) float32 array
        Square roots of how much each pixel counts.
    gradients
        Whether gradients are compared.
    cell
        Pixels of a cell's side; 0 where the images are compared as a whole.
    """

    fixed: np.ndarray
    root_weights: np.ndarray
    gradients: bool
    cell: int

    def __call__(self, moving: np.ndarray, jacobian: np.ndarray | None = None) -> Likeness:
        """Compare with a rendering.

        Parameters
        ----------
        moving : (rows, columns) array
        jacobian : (K, rows, columns) array, optional
            Its derivatives to K parameters.
        """
        images = moving[None] if jacobian is None else np.concatenate([moving[None], jacobian])
        sums = 0.0
        for fixed, channel in zip(self.fixed, channels_of(images, self.gradients), strict=True):
            sums = sums + scatter(self._sums(np.concatenate([fixed[None], channel])))
        return _likeness(*_flattened(sums))

    def between(self, one: np.ndarray, other: np.ndarray) -> float:
        """How alike two other images are, in the same patches and by the same weights."""
        return replace(self, fixed=channels_of(np.asarray(one, np.float32)[None], self.gradients)[:, 0])(other).value

    def _sums(self, images: np.ndarray) -> np.ndarray:
        return patch_sums(images, self.root_weights, self.cell)


def similarity_to(film: np.ndarray, weights: np.ndarray, *, gradients: bool, patch_px: int) -> Similarity:
    """Make a film ready to be compared.

    Parameters
    ----------
    film : (rows, columns) array
    weights : (rows, columns) array
        How much each pixel counts, from 0 to 1.
    gradients
        Whether to compare gradients, or grey values.
    patch_px
        Side of the patches, which overlap by half; 0 for the whole image.
    """
    fixed = channels_of(np.asarray(film, np.float32)[None], gradients)[:, 0]
    weights = np.asarray(weights, np.float32)
    if gradients:
        weights = _least_around(weights)
    return Similarity(fixed, np.sqrt(weights), gradients, (patch_px + 1) // 2)


def channels_of(images: np.ndarray, gradients: bool) -> np.ndarray:
    """(1, K, rows, columns) images, or (2, K, rows - 2, columns - 2) gradients along rows and columns, by Sobel."""
    if not gradients:
        return images[None]
    down, across = images[:, 2:] - images[:, :-2], images[:, :, 2:] - images[:, :, :-2]
    down = down[:, :, :-2] + 2 * down[:, :, 1:-1] + down[:, :, 2:]
    across = across[:, :-2] + 2 * across[:, 1:-1] + across[:, 2:]
    return np.stack([down, across]) / 8


def _least_around(weights: np.ndarray) -> np.ndarray:
    """The least of each pixel's 3 x 3 weights, without the border."""
    rows = np.minimum(np.minimum(weights[:-2], weights[1:-1]), weights[2:])
    return np.minimum(np.minimum(rows[:, :-2], rows[:, 1:-1]), rows[:, 2:])


def patch_sums(images: np.ndarray, root_weights: np.ndarray, cell: int) -> np.ndarray:
    """(P, K + 1, K + 1) weighted sums of products of K images and 1 (the first) in patches of 2 x 2 cells."""
    stack = np.concatenate([np.ones_like(images[:1]), images]) * root_weights
    count, rows, columns = stack.shape
    if not cell:
        flat = stack.reshape(1, count, -1)
        return (flat @ flat.transpose(0, 2, 1)).astype(float)
    pad = [(0, 0), (0, -rows % cell), (0, -columns % cell)]
    padded = np.pad(stack, pad)
    down, across = padded.shape[1] // cell, padded.shape[2] // cell
    cells = padded.reshape(count, down, cell, across, cell).transpose(1, 3, 0, 2, 4).reshape(down, across, count, -1)
    sums = (cells @ cells.swapaxes(2, 3)).astype(float)
    sums = sums[:-1] + sums[1:] if down > 1 else sums
    sums = sums[:, :-1] + sums[:, 1:] if across > 1 else sums
    return sums.reshape(-1, count, count)


def scatter(sums: np.ndarray) -> np.ndarray:
    """(P, K + 1, K + 1): the weight of each patch in [0, 0], and about the means the sums of products of K images."""
    weight = np.maximum(sums[:, 0, 0], 1e-9)
    means = sums[:, 0] / weight[:, None]
    about = sums - weight[:, None, None] * means[:, :, None] * means[:, None, :]
    about[:, 0, 0] = sums[:, 0, 0]
    return about


def _flattened(about: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of patches that are filled: their weights, and their scatter with some of the whole image's added to it.

    Film and rendering share nothing of what is added, so where either has little contrast they are hardly alike, and
    such a patch of the film counts little.
    """
    full = about[:, 0, 0]
    about = about[full > LEAST_FILLED * full.max(initial=0)] if full.max(initial=0) > 0 else about[:0]
    weight, products = about[:, 0, 0], about[:, 1:, 1:].copy()
    if not len(weight):
        return weight, products
    added = FLAT * weight[:, None, None] * products.sum(0) / weight.sum() + 1e-20 * np.eye(products.shape[1])
    film = products[:, 0, 0].copy()
    products[:, 0, 0] += added[:, 0, 0]
    products[:, 1:, 1:] += added[:, 1:, 1:]
    return weight * film / products[:, 0, 0], products


def _likeness(weight: np.ndarray, products: np.ndarray) -> Likeness:
    """Join the patches; `products` are of film, rendering and its derivatives."""
    count = products.shape[-1] - 2
    if not len(weight) or weight.sum() <= 0:
        return Likeness(0.0, np.zeros(count), np.zeros((count, count)), np.zeros((0, count)))
    share = weight / weight.sum()
    film, moving, both = products[:, 0, 0], products[:, 1, 1], products[:, 0, 1]
    ncc = both / np.sqrt(film * moving)
    with_film, with_moving = products[:, 0, 2:], products[:, 1, 2:]
    parts = with_film / np.sqrt(film * moving)[:, None] - (ncc / moving)[:, None] * with_moving
    curved = share * np.maximum(ncc, CURVED) / moving
    hessian = np.einsum("p,pij->ij", curved, products[:, 2:, 2:])
    hessian -= np.einsum("p,pi,pj->ij", curved / moving, with_moving, with_moving)
    parts *= share[:, None]
    return Likeness(float(share @ ncc), parts.sum(0), hessian, parts)
