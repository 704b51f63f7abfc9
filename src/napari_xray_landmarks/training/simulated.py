"""Simulated films with their truth, each made from its own number alone: the same whatever the order."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace

import numpy as np

from ..drr.appearance import random_appearance, vary
from ..drr.collimation import Collimation
from ..drr.exposure import Exposure
from ..drr.projection import outlines, project_landmarks
from ..drr.simulate import GREY_LEVELS, simulate
from ..drr.toolbox import random_tools
from ..geometry.camera import CArm
from ..imaging import Radiograph
from ..landmarks import Contour, LandmarkSet
from .patients import Patient, Patients
from .views import ViewRanges, mirrored_arm, mirrored_landmarks, other_side


@dataclass(frozen=True, eq=False)
class SimulatedFilm:
    """A film and the truth about it.

    Parameters
    ----------
    number
    radiograph
    landmarks
        In px, of the schema's order; `detected` where they lie on the film, the true place where not.
    landmarks_mm
        In space, as the geometry sees them.
    contours
        Outlines of the bones in px.
    arm
        Where it was taken from. A flipped film is the film of the mirrored patient from the mirrored view.
    subject, split
    flipped
    has_metal
        Implants or tools.
    """

    number: int
    radiograph: Radiograph
    landmarks: LandmarkSet
    landmarks_mm: LandmarkSet
    contours: tuple[Contour, ...]
    arm: CArm
    subject: str
    split: str
    flipped: bool
    has_metal: bool


@dataclass(frozen=True)
class Look:
    """What varies from film to film besides patient and view.

    Parameters
    ----------
    exposures
        Whether beam, detector and processing vary; otherwise all films are exposed alike.
    appearance
        Whether they look different too, beyond physics: inverted, warped, noisy, marked, cut out, ...
    tools
        Share of the films with screws, wires, plates and the like about the landmarks.
    exposure
        That of all films, in place of varied ones.
    collimation
        What the beam of all films is narrowed to.
    """

    exposures: bool = True
    appearance: bool = True
    tools: float = 0.25
    exposure: Exposure | None = None
    collimation: Collimation | None = None

    def __post_init__(self):
        if not 0 <= self.tools <= 1:
            raise ValueError(f"tools must be a share, got {self.tools}")

    def describe(self) -> dict:
        """What is given; a set made before there was a further choice can be gone on with."""
        return {key: value for key, value in asdict(self).items() if value is not None}


@dataclass(frozen=True, eq=False)
class FilmPlan:
    """Any number of films of some patients.

    So many successive films share a patient; when all have had their turn, it is that of their next variants.

    Parameters
    ----------
    patients
    views
        What views are drawn from.
    seed
    views_each
        Films of one patient in a row; making a patient takes longer than making a film.
    look
        What else varies.
    outlined
        Whether outlines are made.
    """

    patients: Patients
    views: ViewRanges = field(default_factory=ViewRanges)
    seed: int = 0
    views_each: int = 10
    look: Look = field(default_factory=Look)
    outlined: bool = True
    _last: list = field(default_factory=list, repr=False)

    def __post_init__(self):
        if self.views_each < 1 or not len(self.patients):
            raise ValueError(f"a plan needs patients and views, got {len(self.patients)} and {self.views_each} each")

    def __getstate__(self) -> dict:
        return {**self.__dict__, "_last": []}  # a worker makes its own patients

    def describe(self) -> dict:
        """What makes the films: the same description gives the same films."""
        return {"patients": self.patients.describe(), "views": asdict(self.views), "seed": self.seed,
                "views_each": self.views_each, "look": self.look.describe(), "outlined": self.outlined}

    def place(self, number: int) -> tuple[int, int]:
        """Which patient a film shows, and in which variant."""
        turn = number // self.views_each
        return turn % len(self.patients), turn // len(self.patients)

    def patient_of(self, number: int) -> Patient:
        """The patient in a film; the last one made is kept."""
        place = self.place(number)
        if not self._last or self._last[0] != place:
            self._last[:] = [place, self.patients.patient(*place, outlined=self.outlined)]
        return self._last[1]

    def film(self, number: int) -> SimulatedFilm:
        """The film of a number."""
        patient, rng = self.patient_of(number), np.random.default_rng([103, self.seed, number])
        return film_of(patient, number, self.views, self.look, rng)

    def films(self, numbers) -> Iterator[SimulatedFilm]:
        for number in numbers:
            yield self.film(number)


def film_of(patient: Patient, number: int, views: ViewRanges, look: Look, rng: np.random.Generator) -> SimulatedFilm:
    """A film of a patient from a random view."""
    arm = views.draw(patient.middle_mm, rng)
    flipped, tooled = bool(rng.random() < views.flipped), bool(rng.random() < look.tools)
    scene = patient.scene
    if tooled:
        tools = random_tools(patient.landmarks.points[patient.landmarks.detected], rng)
        scene = replace(scene, tools=scene.tools + tools)
    exposure = look.exposure or (random_exposure(rng) if look.exposures else None)
    radiograph = simulate(scene, arm, exposure, collimation=look.collimation, rng=rng)
    contours, landmarks = outlines(patient.surfaces, arm.camera()), patient.landmarks
    if flipped:
        arm, landmarks = mirrored_arm(arm), mirrored_landmarks(landmarks)
        radiograph = mirrored_film(radiograph, arm)
        contours = [mirrored_contour(c, arm.size_px[1]) for c in contours]
    if look.appearance:
        grey = vary(radiograph.pixels / GREY_LEVELS, random_appearance(rng), rng)
        radiograph = replace(radiograph, pixels=np.round(grey * GREY_LEVELS).astype(np.uint16))
    return SimulatedFilm(number, radiograph, project_landmarks(landmarks, arm.camera()), landmarks, tuple(contours),
                         arm, patient.subject, patient.split, flipped, patient.has_implant or tooled)


def mirrored_film(radiograph: Radiograph, arm: CArm) -> Radiograph:
    """The film seen from behind, with the angles of the arm that takes it so."""
    header = {**radiograph.header, "lao_deg": arm.lao_deg, "roll_deg": arm.roll_deg}
    return replace(radiograph, pixels=np.ascontiguousarray(radiograph.pixels[:, ::-1]), header=header)


def mirrored_contour(contour: Contour, columns: int) -> Contour:
    """An outline on a film seen from behind, of what is then the other side's bone."""
    points = contour.points * (1, -1) + (0, columns - 1)
    return replace(contour, points=points, name=other_side(contour.name))


def random_exposure(rng: np.random.Generator) -> Exposure:
    """A beam, a detector and a processing as they come: from fluoroscopy with few quanta to a good film."""
    return Exposure(photons=10 ** rng.uniform(3.7, 5.8), kvp=rng.uniform(60, 110),
                    copper_mm=float(rng.choice([0.0, 0.1, 0.3])), scatter=rng.uniform(0.1, 0.9),
                    scatter_width_px=rng.uniform(25, 60), blur_px=rng.uniform(0.3, 1.1),
                    electronic_noise=rng.uniform(1, 8), equalisation=rng.uniform(0.0, 0.75),
                    equalisation_width_px=rng.uniform(35, 110), saturated=rng.uniform(0.005, 0.05),
                    gamma=float(np.exp(rng.uniform(-0.45, 0.45))), vignetting=rng.uniform(0, 0.3))
