"""Between the dock and the registration: a CT made ready, a pose refined, and the CT rendered at it."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace

import numpy as np

from .. import __version__
from ..errors import InputError
from ..geometry.camera import CArm
from ..geometry.landmark_pairs import LandmarkPairs
from ..geometry.pose import Pose, covariance_about
from ..geometry.views import arm_from_camera
from ..imaging import Radiograph, Volume
from ..registration.films import coarser_camera
from ..registration.films import film_of as comparable_film
from ..registration.patients import Patient, patient_of
from ..registration.verify import Comparison, compare
from .convert import volume_from_layer
from .posing import with_residual

COARSE = 4


@dataclass(frozen=True, eq=False)
class ReadCT:
    """A CT read from its layer, and made ready for registration."""

    volume: Volume
    patient: Patient


def read_ct(data, attributes: dict) -> ReadCT:
    """A CT from a layer's data tuple.

    Raises
    ------
    InputError
        It is none.
    """
    volume = volume_from_layer(data, attributes)
    return ReadCT(volume, patient_of(volume))


@dataclass(frozen=True, eq=False)
class Refinement:
    """What a refinement starts from.

    Parameters
    ----------
    film
    patient
    pose
    pairs
        Landmarks that its residual is told with; None where there are none.
    settings
        `RegistrationSettings`.
    """

    film: Radiograph
    patient: Patient
    pose: Pose
    pairs: LandmarkPairs | None
    settings: object


def refined(task: Refinement, progress: Callable[[float, str], None], watch: Callable | None = None) -> Pose:
    """The pose after registration of the film with the CT.

    Parameters
    ----------
    task
    progress
        As of a `Job`.
    watch
        Called with each `registration.result.Step`.

    Raises
    ------
    InputError
        It did not converge; with the reason.
    """
    from ..registration.refinement import refine

    arm = task.pose.arm
    found = refine(task.film, task.patient, arm.camera(), task.settings, centre_mm=arm.isocentre_mm,
                   progress=progress, watch=watch)
    if not found.converged:
        raise InputError(task.film.name, f"not refined: {'; '.join(found.notes) or 'it did not converge'}",
                         "The pose stays as it was")
    moved = arm_from_camera(found.camera, arm.source_to_isocentre_mm)
    covariance = found.covariance
    if covariance is not None:
        covariance = covariance_about(covariance, found.centre_mm, moved.isocentre_mm)
    provenance = {**task.pose.provenance, "refined": asdict(found.settings), "notes": list(found.notes),
                  "package_version": __version__}
    pose = replace(task.pose, arm=moved, covariance=covariance, similarity=float(found.similarity),
                   provenance=provenance)
    return with_residual(pose, task.pairs)


@dataclass(frozen=True, eq=False)
class Rendered:
    """Film and rendering at a pose, in pixels `factor` times as large as the film's."""

    comparison: Comparison
    factor: int

    @property
    def film_from_rendered(self) -> np.ndarray:
        """(3, 3) from its pixels to the film's, on (row, column, 1)."""
        matrix = np.diag([float(self.factor), float(self.factor), 1.0])
        matrix[:2, 2] = (self.factor - 1) / 2
        return matrix


def rendered(film: Radiograph, patient: Patient, arm: CArm, factor: int = 1) -> Rendered:
    """The CT as a pose's C-arm sees it, beside the film.

    Raises
    ------
    InputError
        The film is empty.
    """
    camera = arm.camera()
    if factor > 1:
        film = replace(film, pixels=comparable_film(film).coarser(factor)[0])
        camera = coarser_camera(camera, factor)
    return Rendered(compare(film, patient, camera), factor)
