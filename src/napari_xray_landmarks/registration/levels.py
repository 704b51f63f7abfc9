"""Film and CT at one resolution, and which resolutions there are."""

from dataclasses import dataclass

import numpy as np

from ..drr.prepared import PreparedVolume
from ..drr.render import render, render_with_jacobian
from ..geometry.camera import Camera
from .films import Film, coarser_camera
from .patients import Patient
from .settings import RegistrationSettings
from .similarities import Likeness, Similarity, similarity_to

VOXELS_PER_PIXEL = 1.3  # the most
LEAST_SIDE_PX = 24
LEAST_WHOLE = 0.3  # of the usable pixels, that lie where the CT is not cut off


@dataclass(frozen=True, eq=False)
class Level:
    """Film and CT at one resolution.

    Parameters
    ----------
    factor
        Pixels of the film along a side of one here.
    volume
    similarity
        To the film.
    centre_mm
    """

    factor: int
    volume: PreparedVolume
    similarity: Similarity
    centre_mm: np.ndarray

    def value(self, camera: Camera) -> float:
        """The similarity at a pose."""
        return self.similarity(render(self.volume, coarser_camera(camera, self.factor))).value

    def likeness(self, camera: Camera) -> Likeness:
        """The similarity at a pose, with its derivatives to turn and shift."""
        small = coarser_camera(camera, self.factor)
        return self.similarity(*render_with_jacobian(self.volume, small, self.centre_mm))


def level_at(factor: int, film: Film, patient: Patient, camera: Camera, centre_mm, settings: RegistrationSettings,
             sign: float = 1.0) -> Level:
    """Film and CT with pixels `factor` times as large, for poses near that of `camera`.

    Parameters
    ----------
    sign
        -1 for a film on which dense parts are dark.
    """
    small = coarser_camera(camera, factor)
    grey, weights = film.coarser(factor)
    whole = weights * patient.whole(small)
    if whole.sum() > LEAST_WHOLE * weights.sum():
        weights = whole
    similarity = similarity_to(sign * grey, weights, gradients=settings.similarity == "gradient-ncc",
                               patch_px=settings.patch_px)
    volume = patient.level(VOXELS_PER_PIXEL * factor * pixel_mm(camera, centre_mm))
    return Level(factor, volume, similarity, np.asarray(centre_mm, float))


def pixel_mm(camera: Camera, centre_mm) -> float:
    """The mean side of what a pixel sees at the depth of a point."""
    sides = np.linalg.norm(camera.row_step_mm), np.linalg.norm(camera.column_step_mm)
    return float(np.sqrt(np.prod(sides))) / camera.magnification(centre_mm)


def factors_of(camera: Camera, centre_mm, settings: RegistrationSettings) -> list[int]:
    """How many of the film's pixels make one of each level's, from the coarsest to the finest."""
    own = pixel_mm(camera, centre_mm)
    wanted = np.geomspace(settings.coarsest_mm, settings.finest_mm, settings.levels) / own
    if settings.levels == 1:
        wanted = np.array([settings.finest_mm / own])
    most = max(1, min(camera.size_px) // LEAST_SIDE_PX)
    factors = np.clip(np.round(wanted), 1, most).astype(int)
    return list(dict.fromkeys(factors.tolist()))
