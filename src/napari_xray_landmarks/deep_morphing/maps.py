"""The network's maps of a film."""

from dataclasses import dataclass

import numpy as np

from ..imaging import Radiograph, Response
from .films import FIELD_MM, MAPS, resampled, stretched

GUESSES = (1.0, 0.62, 1.6)  # of the pixel that an unknown spacing is first taken for
MOST_PX = 720  # sides of a map are no longer: larger films are taken for smaller bones
DARK_SHARE = 0.002  # a collimator's outside has one grey value over more of the film than this


@dataclass(frozen=True, eq=False)
class Maps:
    """What the network sees in a film at one scale.

    Parameters
    ----------
    confidence
        (rows, columns) array of each of `films.MAPS`.
    inside : (rows, columns) bool array
        Where there is film within its collimator.
    image_from_map : (3, 3) array
    pixel_mm
        Of the maps, as far as the spacing is known.
    """

    confidence: dict[str, np.ndarray]
    inside: np.ndarray
    image_from_map: np.ndarray
    pixel_mm: float

    @property
    def responses(self) -> dict[str, Response]:
        """The maps for show."""
        return {f"{name} outline": Response(values, self.image_from_map) for name, values in self.confidence.items()}


def scales_of(radiograph: Radiograph, pixel_mm: float) -> list[np.ndarray]:
    """(2,) map pixels in a film's pixel along rows and columns: what the spacing says; several without one."""
    if radiograph.spacing_mm is not None:
        return [np.array(radiograph.spacing_mm) / pixel_mm]
    first = FIELD_MM / max(radiograph.shape) / pixel_mm
    return [np.full(2, first * guess) for guess in GUESSES]


def maps_of(network, radiograph: Radiograph, scale: np.ndarray, pixel_mm: float) -> Maps:
    """Run the network on a film.

    Parameters
    ----------
    network
        From `learning.network_of`, trained.
    radiograph
    scale : (2,) array
        Map pixels in a film's pixel.
    pixel_mm
        What a map's pixel is for the network.
    """
    import torch

    from .augmentation import standard
    from .network import GIVEN

    size = np.array(radiograph.shape)
    scale = scale * min(1.0, MOST_PX / (size * scale).max())
    shape = tuple(int(n) for n in np.maximum(np.round(size * scale), 16))
    grey = resampled(stretched(radiograph.pixels), shape)
    padded = [-(-n // network.multiple) * network.multiple for n in shape]
    picture = torch.zeros(1, GIVEN, *padded)
    picture[..., : shape[0], : shape[1]] = standard(torch.from_numpy(grey)[None, None])
    with torch.inference_mode():
        logits = network(picture.contiguous(memory_format=torch.channels_last))
    values = logits.sigmoid()[0, :, : shape[0], : shape[1]].numpy()
    image_from_map = np.diag([*size / shape, 1.0])
    image_from_map[:2, 2] = 0.5 * size / shape - 0.5
    found = pixel_mm if radiograph.spacing_mm is None else float(np.sqrt(np.prod(
        np.array(radiograph.spacing_mm) * size / shape)))
    return Maps(dict(zip(MAPS, values, strict=True)), _inside(grey), image_from_map, found)


def _inside(grey: np.ndarray) -> np.ndarray:
    """Where a film is not blanked by a collimator: all but large pieces of its very lowest or highest grey value."""
    from skimage.measure import label

    inside = np.ones(grey.shape, bool)
    for blank in (grey <= 1e-4, grey >= 1 - 1e-4):
        pieces = label(blank, connectivity=1)
        counts = np.bincount(pieces.ravel())
        counts[0] = 0
        edge = np.unique(np.concatenate([pieces[0], pieces[-1], pieces[:, 0], pieces[:, -1]]))
        large = np.intersect1d(np.flatnonzero(counts > DARK_SHARE * grey.size), edge)
        inside &= ~np.isin(pieces, large)
    return inside
