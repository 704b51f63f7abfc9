"""Films with a known pose, starts about it, and what becomes of them: the pieces of `registration.py`."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
from scipy.stats import special_ortho_group

from _page import DATA
from _runs import kept, model_key
from napari_xray_landmarks.drr.collimation import Collimation
from napari_xray_landmarks.drr.scene import Scene, scene
from napari_xray_landmarks.drr.simulate import simulate
from napari_xray_landmarks.drr.toolbox import random_tools
from napari_xray_landmarks.geometry.camera import Camera, CArm
from napari_xray_landmarks.geometry.pnp import estimate_pose
from napari_xray_landmarks.geometry.pose import DegeneratePose
from napari_xray_landmarks.geometry.pose_errors import pose_error, target_errors
from napari_xray_landmarks.imaging import Radiograph, Volume
from napari_xray_landmarks.io import load_image
from napari_xray_landmarks.landmarks import LandmarkSet
from napari_xray_landmarks.models import load_model
from napari_xray_landmarks.phantoms import SCHEMAS, phantom
from napari_xray_landmarks.registration import RegistrationSettings, refine
from napari_xray_landmarks.registration.climbing import motion_between
from napari_xray_landmarks.registration.patients import Patient, patient_of
from napari_xray_landmarks.training.simulated import random_exposure

TRUNK = "trunk"
CT_DATA = DATA / "ct"
MARKS = Path(__file__).with_name("trunk_ct_landmarks.json")
BONES = (25, 26, 27, 28, 75, 76, 77, 78)  # of the real CT's labels
TARGETS = 200
MODEL = "pelvis-any-view"
POSE_BELIEF, LEAST_BELIEF, FEWEST = 0.7, 0.4, 6  # of landmarks that give a start; the lesser where those are few
TOOLS, COLLIMATED = 1 / 3, 1 / 2
LEAST_PHOTONS, LEAST_KVP = 30000.0, 70.0  # of fluoroscopy: with less, oblique films through a pelvis show noise alone
KINDS = ("detected", "near", "far")  # of starts
REACH = {"near": (10.0, 25.0), "far": (20.0, 50.0)}  # degrees and mm
COLUMNS = ("turn", "shift", "projected", "turn_after", "shift_after", "projected_after", "similarity", "converged",
           "seconds", "mahalanobis", "lao", "cran", "tools")


@dataclass(frozen=True, eq=False)
class Person:
    """A CT, its scene, its landmarks in the model's order, NaN where it has none, and the points whose error counts."""

    ct: Volume
    scene: Scene
    landmarks: LandmarkSet
    points_mm: np.ndarray

    @property
    def middle_mm(self) -> np.ndarray:
        return (self.points_mm.min(0) + self.points_mm.max(0)) / 2


@dataclass(frozen=True, eq=False)
class Shot:
    """A film of a person and where it was taken from."""

    film: Radiograph
    arm: CArm
    has_tools: bool


@lru_cache(maxsize=2)
def person(name: str, spacing_mm: float) -> Person:
    """A phantom pelvis by its subject's number, or the real CT, whose targets are points in its bones."""
    if name != TRUNK:
        made = phantom("pelvis", int(name), spacing_mm=spacing_mm)
        return Person(made.volume, scene(made.volume), made.landmarks, made.landmarks.points)
    ct, labels = (load_image(CT_DATA / f"trunk_ct_3mm{ending}.nii.gz") for ending in ("", "_labels"))
    inside = np.argwhere(np.isin(labels.voxels, BONES))
    chosen = np.random.default_rng(0).choice(inside, TARGETS, replace=False)
    points = chosen @ ct.world_from_voxel[:3, :3].T + ct.world_from_voxel[:3, 3]
    return Person(ct, scene(ct), trunk_landmarks(), points)


@lru_cache(maxsize=1)
def prepared(name: str, spacing_mm: float) -> Patient:
    """A person's CT, ready for any number of registrations."""
    return patient_of(person(name, spacing_mm).ct)


@lru_cache(maxsize=1)
def model():
    return load_model(MODEL)


def trunk_landmarks() -> LandmarkSet:
    """Landmarks of the real CT, in the schema's order; NaN where the CT ends before."""
    marks, names = json.loads(MARKS.read_text(encoding="utf-8"))["landmarks_mm"], SCHEMAS["pelvis"].names
    return LandmarkSet(names, np.array([marks.get(name, (np.nan,) * 3) for name in names]), unit="mm")


def shot(who: Person, number: int, seed: int) -> Shot:
    """A film by the simulator's whole physics, from any of 120 x 90 degrees; each has another beam and processing."""
    rng = np.random.default_rng([seed, number])
    centre = tuple((who.middle_mm + rng.uniform(-1, 1, 3) * (30, 15, 30)).tolist())
    arm = CArm(*rng.uniform([-60, -45, -5], [60, 45, 5]), isocentre_mm=centre)
    tools = rng.random() < TOOLS
    patient = replace(who.scene, tools=random_tools(who.points_mm, rng)) if tools else who.scene
    collimation = None
    if rng.random() < COLLIMATED:
        collimation = Collimation(str(rng.choice(["circle", "rectangle"])), tuple(rng.uniform(0.75, 1.05, 2)))
    exposure = random_exposure(rng)
    exposure = replace(exposure, photons=max(exposure.photons, LEAST_PHOTONS), kvp=max(exposure.kvp, LEAST_KVP))
    film = simulate(patient, arm, exposure, collimation=collimation, rng=rng)
    return Shot(film, arm, bool(tools))


def start_of(kind: str, who: Person, taken: Shot, rng: np.random.Generator) -> Camera | None:
    """Where a registration starts from; None where what is detected gives no pose."""
    camera = taken.arm.camera()
    if kind == "detected":
        return from_detection(model().detect(taken.film), who.landmarks, camera)
    turn, shift = (rng.uniform(0, most) * special_ortho_group.rvs(3, random_state=rng)[0] for most in REACH[kind])
    return camera.moved(np.deg2rad(turn), shift, who.middle_mm)


def from_detection(found, landmarks: LandmarkSet, intrinsics: Camera) -> Camera | None:
    """The pose by what a model found in a film; None where that gives none."""
    for least in (POSE_BELIEF, LEAST_BELIEF):
        chosen = (found.beliefs >= least) & landmarks.detected
        if chosen.sum() >= FEWEST:
            break
    try:
        return estimate_pose(found.landmarks.points[chosen], landmarks.points[chosen], intrinsics,
                             weights=found.landmarks.confidence[chosen], rng=np.random.default_rng(0)).camera
    except DegeneratePose:
        return None


def errors(camera: Camera, truth: Camera, who: Person) -> tuple[float, float, float]:
    """Degrees, mm, and the mean error of the targets in mm at the isocentre's depth."""
    apart = pose_error(camera, truth, who.middle_mm)
    return apart.rotation_deg, apart.translation_mm, target_errors(camera, truth, who.points_mm).mtre_mm


def trial(who: Person, patient: Patient, taken: Shot, start: Camera, settings: RegistrationSettings) -> list[float]:
    """The `COLUMNS` of one registration."""
    truth, centre = taken.arm.camera(), who.middle_mm
    before = errors(start, truth, who)
    clock = time.perf_counter()
    found = refine(taken.film, patient, start, settings, centre_mm=centre)
    seconds = time.perf_counter() - clock
    off, distance = motion_between(truth, found.camera, centre), np.nan
    if found.covariance is not None:
        distance = off @ np.linalg.solve(found.covariance, off)
    return [*before, *errors(found.camera, truth, who), found.similarity, found.converged, seconds, distance,
            taken.arm.lao_deg, taken.arm.cran_deg, taken.has_tools]


def piece(cache: Path, name: str, kind: str, settings: RegistrationSettings, views: int, spacing_mm: float, seed: int
          ) -> Mapping[str, np.ndarray]:
    """The trials of one person from one kind of start: (trials, columns), and how many films gave no start."""
    def compute() -> dict[str, np.ndarray]:
        who, rows = person(name, spacing_mm), []
        for number in range(views):
            taken = shot(who, number, seed)
            start = start_of(kind, who, taken, np.random.default_rng([seed, number, KINDS.index(kind)]))
            if start is not None:
                rows.append(trial(who, prepared(name, spacing_mm), taken, start, settings))
        return {"rows": np.array(rows).reshape(-1, len(COLUMNS)), "without": np.array(views - len(rows))}

    about = (settings, views, spacing_mm, seed, model_key(MODEL) if kind == "detected" else "")
    return kept(cache, f"{name}-{kind}", about, compute, "registration")


def strangers(cache: Path, name: str, other: str, settings: RegistrationSettings, views: int, spacing_mm: float,
              seed: int) -> Mapping[str, np.ndarray]:
    """Whether films of another person are said not to be of this CT, from starts that would be right: (trials,)."""
    def compute() -> dict[str, np.ndarray]:
        who, them, said = person(name, spacing_mm), person(other, spacing_mm), []
        for number in range(views):
            taken = shot(them, number, seed)
            start = replace(taken.arm, isocentre_mm=tuple(who.middle_mm)).camera()
            said.append(not refine(taken.film, prepared(name, spacing_mm), start, settings,
                                   centre_mm=who.middle_mm).converged)
        return {"refused": np.array(said)}

    return kept(cache, f"{name}-not-{other}", (settings, views, spacing_mm, seed), compute, "registration")
