"""What a registration gives."""

from dataclasses import dataclass

import numpy as np

from ..geometry.camera import Camera
from .settings import RegistrationSettings


@dataclass(frozen=True)
class Step:
    """One pose on the way, better than those before at its level.

    Parameters
    ----------
    level
        From 0, the coarsest.
    iteration
        From 0, over all levels.
    similarity
        At this level: levels are not to be compared.
    motion
        Turn in rad and shift in mm from the start, as in `Camera.moved` about the centre.
    """

    level: int
    iteration: int
    similarity: float
    motion: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class Registration:
    """A refined pose.

    Parameters
    ----------
    camera, start
        After and before.
    similarity, start_similarity
        At the finest level, after and before.
    history
        Of the pose that was kept, level by level.
    covariance : (6, 6) array or None
        Of turn in rad and shift in mm about the centre; None where the film does not tell the pose.
    centre_mm : (3,) array
    settings
    converged
        Whether the pose can be used.
    notes
        What a user should know, one line each; why not, where it did not converge.
    """

    camera: Camera
    start: Camera
    similarity: float
    start_similarity: float
    history: tuple[Step, ...]
    covariance: np.ndarray | None
    centre_mm: np.ndarray
    settings: RegistrationSettings
    converged: bool
    notes: tuple[str, ...] = ()

    @property
    def motion(self) -> np.ndarray:
        """(6,) turn in rad and shift in mm from the start."""
        from .climbing import motion_between

        return motion_between(self.start, self.camera, self.centre_mm)

    @property
    def sd(self) -> np.ndarray | None:
        """(6,) standard deviations of turn in degrees and shift in mm."""
        if self.covariance is None:
            return None
        return np.sqrt(np.diag(self.covariance)) * np.repeat((180 / np.pi, 1.0), 3)
