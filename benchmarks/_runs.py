"""Long accuracy runs: several methods on the same films, each piece kept on disk, so that a run can be stopped."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from _films import code
from napari_xray_landmarks.io.files import replacing
from napari_xray_landmarks.joint_displacement.detector import Detector
from napari_xray_landmarks.joint_displacement.pose import find_pose
from napari_xray_landmarks.joint_displacement.settings import AS_PUBLISHED, BEST, JointDisplacementSettings
from napari_xray_landmarks.joint_displacement.training import Example
from napari_xray_landmarks.models.registry import find_model

Methods = Mapping[str, JointDisplacementSettings]

OURS, PUBLISHED = "joint, our default", "joint, as published"
HOW = "two processes of one thread"
FOREST, PUBLISHED_FOREST = "forest, our patches and levels", "forest, the paper's patches"
NEAREST = "nearest neighbours, our patches and levels"

BEST_METHODS: Methods = {
    OURS: BEST, FOREST: replace(BEST, method="forest"), NEAREST: replace(BEST, method="nearest")}
PUBLISHED_METHODS: Methods = {PUBLISHED: AS_PUBLISHED, PUBLISHED_FOREST: replace(AS_PUBLISHED, method="forest")}


def search(detector: Detector, films: Sequence[Example], methods: Methods) -> dict[str, np.ndarray]:
    """(films, landmarks, 2) points that each method finds, with no initial position given.

    The search for the pose does not depend on the method, so each film's is made once.
    """
    found = {name: np.empty((len(films), len(detector.names), 2)) for name in methods}
    for i, film in enumerate(films):
        settings = detector.settings
        pose = find_pose(film.pyramid, detector.model, settings.cell, settings.rotation, film.spacing_mm)
        for name, own in methods.items():
            result = detector.detect_from(film.pyramid, pose.image_from_model, own, lambda fraction, stage: None)
            found[name][i] = result.landmarks.points
    return found


def first_levels(detector: Detector, count: int) -> Detector:
    """The same model without its finest levels."""
    model = replace(detector.model, levels=detector.model.levels[:count],
                    resolutions=detector.model.resolutions[:count])
    return Detector(detector.names, model, replace(detector.settings, levels=count))


def model_key(name: str) -> str:
    """A short hash of a model file: what was found with another one is not used."""
    return hashlib.sha256(find_model(name).read_bytes()).hexdigest()[:8]


def kept(cache: Path, name: str, settings: object, compute: Callable[[], Mapping[str, np.ndarray]],
         room: str = "joint_displacement") -> dict[str, np.ndarray]:
    """The arrays of one piece of a run: those of an earlier attempt with this code and these settings, or new ones."""
    key = hashlib.sha256(repr(settings).encode()).hexdigest()[:8]
    path = cache / f"runs-{code(room)}" / f"{name}-{key}.npz"
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        arrays = compute()
        with replacing(path) as temporary, open(temporary, "wb") as file:
            np.savez(file, **arrays)
    with np.load(path, allow_pickle=False) as arrays:
        return {key: arrays[key] for key in arrays.files}
