"""Landmarks in a film from any view, with the belief in each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from ..imaging import Radiograph, Response, check_film
from ..landmarks import LandmarkSet, other_side
from ..learning.weights import filled
from ..options import from_known
from .beliefs import peaks, widened
from .calibration import Calibration
from .films import MIN_SIDE_PX, resampled, spacing_of, standard
from .learning import network_of
from .settings import ViewInvariantSettings

_MULTIPLE = 16  # px: what the sides of the network's input are rounded up to
_MOST_PX = 900  # longest side that is searched
_FIELDS = (1.0, 0.7, 1.4)  # of what a C-arm shows, tried where the spacing is unknown


@dataclass(frozen=True, eq=False)
class Detection:
    """What was found in one film.

    Parameters
    ----------
    landmarks
        In pixels. Those with less belief than the threshold are not detected, and a best guess.
    responses
        The belief maps by name.
    subshapes
        None: this method has nothing to solve again.
    beliefs : (N,) array
        The highest value of each landmark's map.
    stages
        The belief maps of each stage by name, where they were asked for.
    doubt
        Why the film may not show what the model looks for; "" where nothing speaks for that.
    """

    landmarks: LandmarkSet
    responses: Mapping[str, Response]
    subshapes: tuple = ()
    beliefs: np.ndarray | None = None
    stages: tuple[Mapping[str, Response], ...] = ()
    doubt: str = ""


@dataclass(frozen=True, eq=False)
class Detector:
    """A trained network, ready to search films.

    Parameters
    ----------
    names
        Of the landmarks.
    network
    calibration
        From belief to a probability.
    settings
        What it was trained with, and the defaults for detection.
    """

    names: tuple[str, ...]
    network: nn.Module
    calibration: Calibration
    settings: ViewInvariantSettings

    def detect(self, radiograph: Radiograph, settings: ViewInvariantSettings | None = None, *, seed: int = 0,
               progress=None) -> Detection:
        """Find the landmarks in a film of any size, aspect and contrast, inverted or not.

        Parameters
        ----------
        radiograph
            The film. Without a spacing, that of a C-arm's field is assumed, and a few others tried.
        settings
            Other than the model's own; those of the group "training" are fixed.
        seed
            Not used: nothing is drawn at random.
        progress
            Called as `progress(fraction, stage)`; may raise `errors.Cancelled`.

        Raises
        ------
        InputError
            If the film is too small, constant or not finite.
        """
        settings, report = settings or self.settings, progress or (lambda fraction, stage: None)
        check_film(radiograph, MIN_SIDE_PX, "landmarks")
        fields = _FIELDS if radiograph.spacing_mm is None else _FIELDS[:1]
        best = None
        for number, field in enumerate(fields):
            report(number / len(fields), "finding landmarks")
            found = self._search(radiograph, field, settings)
            if best is None or found[1].mean() > best[1].mean():
                best = found
        return self._detection(*best, settings)

    def believe(self, image: np.ndarray, settings: ViewInvariantSettings | None = None) -> Tensor:
        """(T, P, h, w) belief maps, stage after stage, of a (rows, columns) film of the network's pixels."""
        settings, network = settings or self.settings, self.network
        padding = [(0, 0), *((0, -n % _MULTIPLE) for n in image.shape)]
        films = torch.from_numpy(np.pad(standard(image), padding, mode="edge"))[None]
        if settings.mirrored:
            films = torch.cat([films, films.flip(-1)])
        with torch.inference_mode():
            with torch.autocast("cpu", torch.bfloat16):
                out = network(films.contiguous(memory_format=torch.channels_last))
            maps = network.beliefs(out)
            if settings.mirrored:
                maps = (maps[:, :1] + maps[:, 1:, self._other_side].flip(-1)) / 2
            maps = maps[:, 0, :, :-(-image.shape[0] // network.stride), :-(-image.shape[1] // network.stride)]
            return widened(maps, network.sigma, settings.tolerance / self.settings.pixel_mm, network.stride)

    @property
    def _other_side(self) -> np.ndarray:
        return mirrored_order(self.names)

    def _search(self, radiograph: Radiograph, field: float, settings: ViewInvariantSettings):
        """Places in pixels of the film, beliefs, belief maps (T, P, h, w), and pixels of the film to a cell."""
        longest = max(n * s for n, s in zip(radiograph.shape, spacing_of(radiograph), strict=True))
        pixel_mm = max(self.settings.pixel_mm, longest / _MOST_PX)
        image, film_px = resampled(radiograph, pixel_mm / field)
        stages = self.believe(image, settings)
        points, belief = peaks(stages.mean(0) if settings.averaging else stages[-1], self.network.stride)
        points = (points.numpy() + 0.5) * film_px - 0.5
        return points, belief.numpy().astype(float), stages, film_px * self.network.stride

    def _detection(self, points, beliefs, stages: Tensor, cell_px, settings: ViewInvariantSettings) -> Detection:
        shown = stages.mean(0) if settings.averaging else stages[-1]
        landmarks = LandmarkSet(self.names, points, self.calibration.confidence(beliefs),
                                beliefs >= settings.threshold)
        each = tuple(self._responses(s, cell_px) for s in stages) if settings.stages_shown else ()
        return Detection(landmarks, self._responses(shown, cell_px), beliefs=beliefs, stages=each)

    def _responses(self, maps: Tensor, cell_px) -> dict[str, Response]:
        row, column = cell_px
        film_from_map = np.array([[row, 0, (row - 1) / 2], [0, column, (column - 1) / 2], [0, 0, 1]])
        return {name: Response(values, film_from_map) for name, values in zip(self.names, maps.numpy(), strict=True)}


def mirrored_order(names: Sequence[str]) -> np.ndarray:
    """(P,) the number of the landmark that a mirror shows in the place of each; its own where it has no other side."""
    return np.array([names.index(other_side(n)) if other_side(n) in names else i for i, n in enumerate(names)])


def load(header, tensors: Mapping[str, np.ndarray]) -> Detector:
    """The detector of a model file; ValueError or KeyError where its landmarks or arrays do not fit together."""
    settings = from_known(ViewInvariantSettings, header.settings)
    names = tuple(header.landmarks)
    network = filled(network_of(settings, len(names)), "network", tensors)
    return Detector(names, network, Calibration(*map(float, tensors["calibration"])), settings)
