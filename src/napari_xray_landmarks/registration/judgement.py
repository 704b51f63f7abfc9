"""Whether a registered pose can be used, and how exactly it is known."""

import numpy as np

from ..drr.projection import misses
from ..geometry.camera import Camera
from ..imaging import Volume
from .climbing import motion_between
from .films import Film
from .levels import Level
from .settings import RegistrationSettings
from .similarities import Likeness

OVERLAP = 4.0  # patches that every pixel is in
INFLATION = 2.0  # of the variance: what it was in films of phantoms, for patches alike in their errors
BEYOND = 2.0  # times the capture range, that a pose may move
LEAST_RELIABLE = 0.3  # a film that is more noisy gains no more
WEAKEST = 1e-9  # least over largest curvature, with all parameters on the scale of their own


def covariance_of(likeness: Likeness) -> np.ndarray | None:
    """(6, 6) covariance of the pose of greatest similarity, or None where the film does not tell it.

    Patches are taken as so many samples: the spread of what each adds to the gradient, between the inverses of the
    curvature (Huber's sandwich estimator). It holds what noise, tools and whatever else is not in the CT do to the
    patches apart, not what they do to all alike.

    Parameters
    ----------
    likeness
        There, with its derivatives.
    """
    scale = np.sqrt(np.maximum(np.diag(likeness.hessian), 0))
    if not (scale > 0).all() or len(likeness.parts) <= len(scale):
        return None
    scaled = likeness.hessian / np.outer(scale, scale)
    curvature = np.linalg.eigvalsh(scaled)
    if curvature[0] < WEAKEST * curvature[-1]:
        return None
    inverse = np.linalg.inv(scaled)
    parts = likeness.parts / scale
    parts = parts - parts.mean(0)
    covariance = inverse @ (parts.T @ parts) @ inverse / np.outer(scale, scale)
    return INFLATION * OVERLAP * (covariance + covariance.T) / 2


def reliability(film: Film, level: Level) -> float:
    """How much of what a level compares is the film's, and not its noise: from `LEAST_RELIABLE` to 1.

    Films of halves of the pixels are correlated with each other by r; the whole one has 2 r / (1 + r) (Spearman, Brit.
    J. Psychology 3:271, and Brown, ibid. 3:296, 1910). Its correlation with anything free of noise is less than
    without its own noise by the square root of that.
    """
    halves = film.halves(level.factor)
    if halves is None:
        return 1.0
    alike = level.similarity.between(*halves)
    return float(np.clip(2 * alike / (1 + max(alike, 0)), LEAST_RELIABLE, 1))


def why_not(volume: Volume, start: Camera, camera: Camera, centre_mm, similarity: float, reliable: float, gained: float,
            settings: RegistrationSettings) -> list[str]:
    """Why a pose cannot be used, one line each; empty where it can.

    Parameters
    ----------
    volume
    start, camera
        Before and after.
    centre_mm : (3,) array
    similarity
        After, at the resolution that is checked.
    reliable
        The film's `reliability` there.
    gained
        How much more it is than before, at the finest.
    settings
    """
    motion = motion_between(start, camera, centre_mm)
    turn, shift = np.rad2deg(np.linalg.norm(motion[:3])), np.linalg.norm(motion[3:])
    wrong = []
    if misses(volume, camera):
        wrong.append("the CT has left the film")
    if (without_noise := similarity / np.sqrt(reliable)) < settings.least_similarity:
        wrong.append(f"a similarity of {without_noise:.2f}, less than {settings.least_similarity:g}: the film does not "
                     "show this CT, or the start is too far off")
    if gained < 0:
        wrong.append(f"the start is more similar, by {-gained:.3f}")
    if turn > BEYOND * settings.capture_deg or shift > BEYOND * settings.capture_mm:
        wrong.append(f"the pose moved by {turn:.1f}° and {shift:.0f} mm, more than {BEYOND:g} times the capture range "
                     f"of {settings.capture_deg:g}° and {settings.capture_mm:g} mm")
    return wrong
