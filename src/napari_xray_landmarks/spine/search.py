"""Search a film: the chain of its vertebrae, then the corners of each, sought again in upright crops."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from .chain import Chain, best_chain, candidates, completed
from .frames import MIRRORED, film_from_crop, frames
from .networks import STRIDE, CornerNetwork, VertebraNetwork, expectation, probabilities
from .sampling import FilmPyramid, canvas_shape, film_from_canvas, standardised, transformed, with_local_contrast

ZOOMS = (1.0, 0.75, 0.625, 0.5, 1.6, 2.5)
CLEAR = 1.75  # score a level from which no other canvas is searched: 95 % of whole spines
SOME = 0.5  # that no film without a spine reaches
JITTER = (5.0, 0.08, 0.08, 0.08)  # spread of several crops: degrees, widths down and across, logarithm of the scale


@dataclass(frozen=True, eq=False)
class Corners:
    """Corners in a film, and where else they may be.

    Parameters
    ----------
    points : (vertebrae, 4, 2) tensor
        In film px.
    maps : (vertebrae, 4, h, w) tensor
        Probability of each corner's place in its crop; sums to 1.
    film_from_map : (vertebrae, 3, 3) tensor
        Takes (row, column, 1) of a map to film px.
    """

    points: Tensor
    maps: Tensor
    film_from_map: Tensor

    def mass_within(self, radius_px: float) -> Tensor:
        """(vertebrae, 4) probability that a corner lies within so many film px of its point."""
        h, w = self.maps.shape[2:]
        cells = torch.stack(torch.meshgrid(torch.arange(h), torch.arange(w), indexing="ij"), -1).double().flatten(0, 1)
        places = transformed(self.film_from_map, cells.expand(len(self.maps), -1, -1))
        cell = self.film_from_map[:, :2, :2].det().abs().sqrt()[:, None, None]
        away = (places[:, None] - self.points[:, :, None]).norm(dim=-1)
        near = ((radius_px - away) / cell + 0.5).clamp(0, 1)
        return (self.maps.flatten(2) * near).sum(-1)


def find_vertebrae(pyramid: FilmPyramid, network: VertebraNetwork, spacing: np.ndarray, rows: int, mirrored: bool
                   ) -> Chain:
    """The chain of a film's vertebrae, its corners in film px.

    Where the film shows a part of the spine only, or the spine does not fill it, so that its vertebrae are large or
    small, smaller and larger canvases are searched too; the highest score counts. Where there is some spine already,
    and a larger canvas shows less of it than the first, still larger ones are left out.

    Parameters
    ----------
    spacing : (levels - 1,) array
        Of `chain.spacing_of`.
    rows
        Height of the canvas that the film is searched on first.
    mirrored
        Search the mirrored film too and take the mean.
    """
    chains = []
    for zoom in ZOOMS:
        chains.append(_chain_on(pyramid, network, spacing, rows, round(zoom * rows / 64) * 64, mirrored))
        best = max(chains, key=lambda chain: chain.score)
        falls = zoom > 1 and chains[-1].score < chains[0].score and best.score > SOME * network.levels
        if best.score > CLEAR * network.levels or falls:
            break
    return best


@torch.no_grad()
def _chain_on(pyramid: FilmPyramid, network: VertebraNetwork, spacing: np.ndarray, rows: int, height: int,
              mirrored: bool) -> Chain:
    """The best chain on a canvas that is `height` px high."""
    shape = canvas_shape(pyramid.shape, height)
    matrix = film_from_canvas(pyramid.shape, shape)
    images = with_local_contrast(pyramid.sample(matrix[None], shape), rows)
    centre, offsets, levels = _maps(network, torch.cat([images, images.flip(-1)]) if mirrored else images)
    if mirrored:
        centre, levels = ((m[:1] + m[1:].flip(-1)) / 2 for m in (centre, levels))
        turned = offsets[1:, list(MIRRORED)].flip(-1) * torch.tensor([1.0, -1.0])[:, None, None]
        offsets = (offsets[:1] + turned) / 2
    chain = best_chain(*candidates(centre[0, 0].numpy(), offsets[0].numpy(), levels[0].numpy(), STRIDE), spacing)
    corners = transformed(matrix, torch.from_numpy(chain.corners)).numpy()
    return Chain(corners, chain.found, chain.sureness, chain.score)


def _maps(network: VertebraNetwork, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Probability of a centre, offsets of corners, probability of each level."""
    with torch.autocast("cpu", torch.bfloat16):
        centre, offsets, levels = network(images.contiguous(memory_format=torch.channels_last))
    return centre.sigmoid(), offsets, levels.softmax(1)


@torch.no_grad()
def find_corners(pyramid: FilmPyramid, around: Tensor, network: CornerNetwork, side: int, mirrored: bool, times: int,
                 crops: int = 1) -> Corners:
    """The corners of vertebrae, sought `times` times in crops around those known so far.

    Parameters
    ----------
    around : (vertebrae, 4, 2) tensor
        In film px, none NaN; put right by the first search.
    side
        Of a crop in px.
    crops
        Of each vertebra in the last search; the corners are the means of theirs, the maps the upright one's.
    """
    for time in range(times):
        found = _corners_around(pyramid, around, network, side, mirrored, crops if time == times - 1 else 1)
        around = found.points
    return found


def jitter(count: int) -> Tensor:
    """(4, count, 1) how crops of a vertebra differ: turn in degrees, down and across in widths, logarithm of the scale.

    The first is none; the others come in pairs that are each other's mirror image, so a mirrored film gives the same.
    """
    drawn = np.random.default_rng(0).standard_normal((count // 2, 1, 4)).clip(-1.5, 1.5) * JITTER
    pairs = (drawn * np.array([[1, 1, 1, 1], [-1, 1, -1, 1]])).reshape(-1, 4)
    return torch.from_numpy(np.concatenate([np.zeros((1, 4)), pairs])[:count].T)[..., None]


def _corners_around(pyramid: FilmPyramid, around: Tensor, network: CornerNetwork, side: int, mirrored: bool,
                    count: int) -> Corners:
    centre, angle, width = frames(around)
    turn, down, across, stretch = jitter(count)
    centre = centre + width[:, None] * torch.stack([down, across], -1)
    no = torch.zeros(count * len(width), dtype=torch.bool)
    film_from_crops = film_from_crop(centre.flatten(0, 1), (angle + turn).flatten(), (width * stretch.exp()).flatten(),
                                     side, no)
    crops = standardised(pyramid.sample(film_from_crops, (side, side)))
    images = torch.cat([crops, crops.flip(-1)]) if mirrored else crops
    with torch.autocast("cpu", torch.bfloat16):
        maps = probabilities(network(images.contiguous(memory_format=torch.channels_last)))
    if mirrored:
        own, other = maps.chunk(2)
        maps = (own + other[:, list(MIRRORED)].flip(-1)) / 2
    points = transformed(film_from_crops, expectation(maps).double()).unflatten(0, (count, -1)).mean(0)
    crop_from_map = torch.tensor([[STRIDE, 0, (STRIDE - 1) / 2], [0, STRIDE, (STRIDE - 1) / 2],
                                  [0, 0, 1]], dtype=torch.float64)
    upright = slice(len(width))
    return Corners(points, maps[upright], film_from_crops[upright] @ crop_from_map)


def found_or_put_in(chain: Chain, levels: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """(levels, 4, 2) corners: `corners` at `levels`, and the rest of the chain put in from them."""
    whole = np.full_like(chain.corners, np.nan)
    whole[levels] = corners
    return completed(whole)
