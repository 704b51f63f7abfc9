"""Corners of vertebrae in a whole film, with how sure each is."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch

from ..errors import InputError
from ..imaging import Radiograph, Response, check_film
from ..landmarks import LandmarkSet
from ..learning.weights import filled
from ..options import from_known
from .calibration import Calibration
from .chain import Chain
from .networks import CornerNetwork, PublishedNetwork, VertebraNetwork
from .sampling import FilmPyramid
from .search import Corners, find_corners, find_vertebrae, found_or_put_in
from .settings import NETWORKS, SpineSettings
from .training_films import levels_of

MIN_SIDE_PX = 64


@dataclass(frozen=True, eq=False)
class Detection:
    """What was found in one film.

    Parameters
    ----------
    landmarks
        Corners in pixels. Those of vertebrae that the film does not show are put in from their neighbours, with
        confidence 0.
    responses
        Where else each corner may be, by name; of the vertebrae that were found.
    subshapes
        None: this method has nothing to solve again.
    shown
        The vertebrae that were found.
    doubt
        Why the film may not show what the model looks for; "" where nothing speaks for that.
    """

    landmarks: LandmarkSet
    responses: Mapping[str, Response]
    subshapes: tuple = ()
    shown: tuple[str, ...] = ()
    doubt: str = ""


@dataclass(frozen=True, eq=False)
class Detector:
    """A trained model of two networks, ready to search films.

    Parameters
    ----------
    names
        Of the corners, four a level.
    levels
        Of the vertebrae, from above.
    vertebrae, corners
        The networks.
    spacing : (levels - 1,) array
        Of `chain.spacing_of`.
    calibration
        From what the networks say to a probability.
    settings
        What it was trained with, and the defaults for detection.
    """

    names: tuple[str, ...]
    levels: tuple[str, ...]
    vertebrae: VertebraNetwork
    corners: CornerNetwork
    spacing: np.ndarray
    calibration: Calibration
    settings: SpineSettings

    def detect(self, radiograph: Radiograph, settings: SpineSettings | None = None, *, seed: int = 0,
               progress=None) -> Detection:
        """Find the corners in a film of any size, aspect and contrast, inverted or not.

        Parameters
        ----------
        radiograph
            The film.
        settings
            Other than the model's own; those of the group "training" are fixed.
        seed
            Not used: nothing is drawn at random.
        progress
            Called as `progress(fraction, stage)`; may raise `errors.Cancelled`.

        Raises
        ------
        InputError
            If the film is too small, constant or not finite, or not even two vertebrae are found in it.
        """
        settings, report = settings or self.settings, progress or (lambda fraction, stage: None)
        check_film(radiograph, MIN_SIDE_PX, "a spine")
        report(0.0, "finding vertebrae")
        pyramid = FilmPyramid.of(radiograph.pixels)
        chain, found = self.search(pyramid, settings, lambda: report(0.3, "finding corners"))
        if found is None:
            problem = f"shows no spine: {chain.found.sum()} vertebrae were found"
            raise InputError(radiograph.name, problem, "Choose a film of the spine from the front or the back")
        return self._detection(chain, found, settings)

    def search(self, pyramid: FilmPyramid, settings: SpineSettings, between=lambda: None
               ) -> tuple[Chain, Corners | None]:
        """The chain of vertebrae, and the corners of those levels that it found; None if they are fewer than two."""
        chain = find_vertebrae(pyramid, self.vertebrae, self.spacing, self.settings.rows, settings.mirrored)
        if chain.found.sum() < 2:
            return chain, None
        between()
        first, last = np.flatnonzero(chain.found)[[0, -1]]
        around = torch.from_numpy(chain.corners[first:last + 1])
        return chain, find_corners(pyramid, around, self.corners, self.settings.crop, settings.mirrored,
                                   settings.refinements, settings.crops)

    def _detection(self, chain: Chain, found: Corners, settings: SpineSettings) -> Detection:
        first, last = np.flatnonzero(chain.found)[[0, -1]]
        there = np.arange(first, last + 1)
        points = found_or_put_in(chain, there, found.points.numpy())
        confidence = np.zeros((len(self.levels), 4))
        confidence[there] = self.calibration.confidence(chain, found)
        landmarks = LandmarkSet(self.names, points.reshape(-1, 2), confidence.ravel(),
                                confidence.ravel() >= settings.threshold)
        responses = {self.names[4 * level + corner]: Response(found.maps[i, corner].numpy(),
                                                              found.film_from_map[i].numpy())
                     for i, level in enumerate(there) for corner in range(4)}
        return Detection(landmarks, responses, shown=tuple(self.levels[i] for i in there))


def load(header, tensors: Mapping[str, np.ndarray]):
    """The detector of a model file; ValueError or KeyError where its landmarks or arrays do not fit together."""
    settings = from_known(SpineSettings, header.settings)
    names = tuple(header.landmarks)
    levels, index = levels_of(names, "the model")
    if (index.ravel() != np.arange(len(names))).any():
        raise ValueError("its landmarks are not in the order of the vertebrae and their corners")
    if settings.network == NETWORKS[1]:
        from .published import PublishedDetector

        network = PublishedNetwork(len(names), (settings.rows, settings.rows // 2))
        return PublishedDetector(names, filled(network, "published", tensors), settings)
    if tensors["spacing"].shape != (len(levels) - 1,):
        raise ValueError(f"spacing must have shape ({len(levels) - 1},), got {tensors['spacing'].shape}")
    return Detector(names, levels, filled(VertebraNetwork(len(levels)), "vertebrae", tensors),
                    filled(CornerNetwork(), "corners", tensors), np.asarray(tensors["spacing"], float),
                    Calibration(*map(float, tensors["calibration"])), settings)
