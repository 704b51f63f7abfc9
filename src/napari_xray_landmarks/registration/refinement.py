"""Refine a pose: from many poses about the start at the coarsest resolution to the best one at the finest."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from ..drr.prepared import PreparedVolume
from ..drr.projection import misses
from ..errors import InputError
from ..geometry.camera import Camera
from ..imaging import Radiograph, Volume
from .climbing import climb, image_motion, motion_between
from .films import Film, film_of
from .judgement import covariance_of, reliability, why_not
from .levels import Level, factors_of, level_at
from .patients import Patient, patient_of
from .result import Registration, Step
from .settings import RegistrationSettings
from .similarities import Likeness

SPREAD = 0.4  # standard deviation of the poses that are tried, as a share of how far they are to reach
SHARE_KEPT = 0.35  # of the poses of a level, how many go on to the next
LEAST_KEPT = 0.6  # of the best one's similarity, that these must have
PREPARED, SAMPLED, CLIMBED = 0.05, 0.2, 0.95  # of the progress, where these end
SAME_PX = 0.5  # of the level: poses nearer to each other count as one
CHECKED = 1  # the level whose similarity tells whether the film shows the CT: at finer ones noise counts too much


def refine(radiograph: Radiograph, ct: Volume | PreparedVolume | Patient, camera: Camera,
           settings: RegistrationSettings | None = None, *, centre_mm=None, seed: int = 0, progress=None,
           watch: Callable[[Step], None] | None = None) -> Registration:
    """The pose near a first one at which a rendering of the CT is most like the film.

    Parameters
    ----------
    radiograph
        Of the size that the camera has.
    ct
        In HU; or its attenuation per mm, prepared; or from `patient_of`, for several films of one CT.
    camera
        Where the film was taken from, roughly.
    settings
    centre_mm : (3,) array, optional
        What the camera turns about: the isocentre, or the middle of the landmarks. By default the point of the central
        ray that is next to the middle of the CT.
    seed
        Of the poses that are tried about the start.
    progress
        Called with the fraction that is done and the stage; may raise `errors.Cancelled`.
    watch
        Called with each step that is better than all before it at its level, whichever pose it started from.

    Raises
    ------
    InputError
        The CT is none, or the film is empty, or shows nothing of the CT from there.
    ValueError
        Film and camera are not of one size.
    """
    settings, tell = settings or RegistrationSettings(), progress or (lambda fraction, stage: None)
    if tuple(radiograph.shape) != tuple(camera.size_px):
        raise ValueError(f"the film has {radiograph.shape} pixels, the camera {camera.size_px}")
    tell(0.0, "preparing")
    patient, film = patient_of(ct), film_of(radiograph)
    centre = next_to(patient.middle_mm, camera) if centre_mm is None else np.asarray(centre_mm, float)
    if misses(patient.attenuation, camera):
        raise InputError(radiograph.name, "from the start nothing of the CT would be on it", "Give a nearer start")
    return _Search(film, patient, camera, centre, settings, seed, tell, watch or (lambda step: None)).run()


def next_to(point_mm, camera: Camera) -> np.ndarray:
    """(3,) the point of a camera's central ray that is next to a point."""
    beam = camera.ray_from_px @ [*(np.array(camera.size_px) - 1) / 2, 1.0]
    beam /= np.linalg.norm(beam)
    return camera.source_mm + beam * (beam @ (np.asarray(point_mm, float) - camera.source_mm))


def poses_about(camera: Camera, centre_mm, settings: RegistrationSettings, seed: int) -> list[Camera]:
    """The start, and poses about it, spread evenly over a normal distribution."""
    from scipy.stats import norm, qmc

    if not settings.starts:
        return [camera]
    drawn = norm.ppf(qmc.Halton(6, seed=seed).random(settings.starts).clip(1e-6, 1 - 1e-6))
    spread = SPREAD * np.repeat((np.deg2rad(settings.capture_deg), settings.capture_mm), 3)
    return [camera, *(camera.moved(m[:3], m[3:], centre_mm) for m in drawn * spread)]


@dataclass(frozen=True, eq=False)
class Candidate:
    """A pose on its way up.

    Parameters
    ----------
    camera
    sign
        Of the film's grey values: -1 where dense parts are dark.
    value
        Its similarity at the last level.
    steps
    """

    camera: Camera
    sign: float
    value: float
    steps: tuple[Step, ...] = ()


def distinct(candidates: Sequence[Candidate], centre_mm, same_px: float) -> list[Candidate]:
    """Candidates from the best on, without those that fall far behind it or look like a better one.

    Parameters
    ----------
    same_px
        How far the image of one may be from that of another that it looks like.
    """
    ordered = sorted(candidates, key=lambda c: -c.value)
    found = ordered[:1]
    for candidate in ordered[1:]:
        if candidate.value < LEAST_KEPT * found[0].value:
            break
        away = (image_motion(motion_between(c.camera, candidate.camera, centre_mm), c.camera, centre_mm)
                for c in found if c.sign == candidate.sign)
        if all(px > same_px for px in away):
            found.append(candidate)
    return found


@dataclass(eq=False)
class _Search:
    """What a registration works on, and its stages."""

    film: Film
    patient: Patient
    start: Camera
    centre_mm: np.ndarray
    settings: RegistrationSettings
    seed: int
    tell: Callable[[float, str], None]
    watch: Callable[[Step], None]

    def run(self) -> Registration:
        factors = factors_of(self.start, self.centre_mm, self.settings)
        candidates = self.first(factors[0])
        for number, factor in enumerate(factors):
            levels = {s: self.level(factor, candidates[0].camera, s) for s in {c.sign for c in candidates}}
            climbed: list[Candidate] = []
            for candidate in candidates:
                share = (number + len(climbed) / len(candidates)) / len(factors)
                tell = partial(self.tell, SAMPLED + (CLIMBED - SAMPLED) * share,
                               f"resolution {number + 1} of {len(factors)}")
                best = max((c.value for c in climbed), default=-np.inf)
                climbed.append(self.climbed(levels[candidate.sign], number, candidate, best, tell))
            kept = max(1, round(SHARE_KEPT * len(climbed)))
            candidates = distinct(climbed, self.centre_mm, SAME_PX * factor)[:kept]
        self.tell(CLIMBED, "checking")
        checked = self.level(factors[min(CHECKED, len(factors) - 1)], candidates[0].camera, candidates[0].sign)
        return self.judged(levels[candidates[0].sign], checked, candidates[0])

    def level(self, factor: int, camera: Camera, sign: float) -> Level:
        return level_at(factor, self.film, self.patient, camera, self.centre_mm, self.settings, sign)

    def first(self, factor: int) -> list[Candidate]:
        """The start, and of the poses about it those that are best at the coarsest resolution."""
        level = self.level(factor, self.start, 1.0)
        poses, values = poses_about(self.start, self.centre_mm, self.settings, self.seed), []
        for i, pose in enumerate(poses):
            self.tell(PREPARED + (SAMPLED - PREPARED) * i / len(poses), "poses about the start")
            values.append(level.value(pose))
        signs = {"auto": (1.0, -1.0), "dense-bright": (1.0,), "dense-dark": (-1.0,)}[self.settings.polarity]
        found = []
        for sign in signs:
            signed = sign * np.array(values)
            best = np.argsort(-signed[1:])[:self.settings.kept] + 1
            found += [Candidate(poses[i], sign, signed[i]) for i in (0, *best)]
        return found

    def climbed(self, level: Level, number: int, candidate: Candidate, best: float, tell: Callable[[], None]
                ) -> Candidate:
        """The candidate at the top of its hill; `best` is what others reached there, `tell` may stop it at any step."""
        steps = list(candidate.steps)

        def visit(camera: Camera, likeness: Likeness) -> None:
            tell()
            motion = motion_between(self.start, camera, self.centre_mm)
            steps.append(Step(number, len(steps), likeness.value, tuple(motion.tolist())))
            if likeness.value > best:
                self.watch(steps[-1])

        end = climb(level.likeness, candidate.camera, self.centre_mm, iterations=self.settings.iterations,
                    tolerance_px=self.settings.tolerance_px * level.factor, visit=visit)
        return Candidate(end.camera, candidate.sign, end.likeness.value, tuple(steps))

    def judged(self, finest: Level, checked: Level, best: Candidate) -> Registration:
        at_start, end = finest.value(self.start), finest.likeness(best.camera)
        wrong = why_not(self.patient.attenuation, self.start, best.camera, self.centre_mm, checked.value(best.camera),
                        reliability(self.film, checked), end.value - at_start, self.settings)
        covariance = None if wrong else covariance_of(end)
        notes = wrong + (["dense parts are dark on the film"] if best.sign < 0 else [])
        if not wrong and covariance is None:
            notes.append("the film does not tell how exact the pose is")
        self.tell(1.0, "done")
        return Registration(best.camera, self.start, end.value, at_start, best.steps, covariance, self.centre_mm,
                            self.settings, not wrong, tuple(notes))
