"""A small made-up bone in films, and a real model trained on a few of them: what tests of the faces detect."""

from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter
from skimage.draw import disk, polygon

from napari_xray_landmarks.landmarks import LandmarkSet

NAMES = ("head", "neck", "tip", "notch", "shaft-left", "shaft-right", "knob", "foot")
# (row, column) from the middle, in a film of 200 rows
PLACES = np.array([[-60, -25], [-38, -8], [-62, 30], [-30, 24], [5, -14], [5, 16], [45, 28], [62, -18]], dtype=float)
OUTLINE = ("neck", "tip", "notch", "shaft-right", "knob", "foot", "shaft-left")
OUTLINES = {"contours": [{"name": "bone-left", "landmarks": OUTLINE, "open_edges": [["knob", "foot"]]}],
            "circles": [{"name": "head-left", "centre": "head", "rim": ["neck"]}], "view": "ap"}
SETTINGS = {"levels": 2, "resolution": 24.0, "cell": 4, "search_range": 12.0, "train_patches": 1000, "components": 32,
            "patches": 150, "neighbours": 10, "rotation": 10.0}


def figure(seed: int, *, shape=(200, 160), turn_deg: float | None = None) -> tuple[np.ndarray, LandmarkSet]:
    """A film of the bone in a pose and form of its own, and its landmarks in pixels."""
    rng = np.random.default_rng(seed)
    angle = np.deg2rad(rng.normal(0, 4) if turn_deg is None else turn_deg)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    form = PLACES + rng.normal(0, 2.0, PLACES.shape)
    points = form * rng.uniform(0.93, 1.07) @ turn.T + np.array(shape) / 2 + rng.normal(0, 5, 2)
    head, neck, tip, notch, left, right, knob, foot = points
    pixels = np.zeros(shape)
    pixels[polygon(*np.array([neck, left, foot, knob, right, notch]).T, shape=shape)] += 0.6
    pixels[polygon(*np.array([neck, tip, notch]).T, shape=shape)] += 0.5
    for centre, radius, value in ((head, 16, 0.7), (knob, 11, 0.5), (foot, 9, 0.6), (tip, 7, 0.6)):
        pixels[disk(centre, radius, shape=shape)] += value
    haze = gaussian_filter(rng.normal(0, 1, shape), 12)
    pixels = gaussian_filter(pixels, 1.2) + 0.15 * haze / haze.std() + rng.normal(0, 0.03, shape)
    return (1000 + 800 * pixels).astype(np.float32), LandmarkSet(NAMES, points)


def train_model(folder: Path, films: int = 8, **settings) -> Path:
    """Train on made-up films and save "figure.safetensors" in a folder. Its confidence is not calibrated."""
    from napari_xray_landmarks.joint_displacement import outlines
    from napari_xray_landmarks.joint_displacement.patches import to_tensors
    from napari_xray_landmarks.joint_displacement.reliability import Reliability
    from napari_xray_landmarks.joint_displacement.sampling import Pyramid
    from napari_xray_landmarks.joint_displacement.settings import JointDisplacementSettings
    from napari_xray_landmarks.joint_displacement.training import Example, subshapes_of, train
    from napari_xray_landmarks.models import ModelHeader, save_model

    chosen = JointDisplacementSettings(**SETTINGS | settings)
    films = [figure(seed) for seed in range(films)]
    examples = [Example(Pyramid.of(pixels), np.array(landmarks.points)) for pixels, landmarks in films]
    model = replace(train(examples, subshapes_of(NAMES), chosen, 0), confidence=(-1.0, 5.0, 0.0))
    shapes = outlines.learn(OUTLINES, NAMES, model.formation.mean, [example.points_px for example in examples])
    shapes = replace(shapes, reliability=Reliability(2.0))
    header = ModelHeader("joint-displacement", "figure", NAMES, asdict(chosen),
                         {"films": len(films), "data": "made-up bones"}, {"mean_radial_error_px": 1.5}, "CC0-1.0",
                         extra=outlines.header_values(shapes, NAMES))
    save_model(folder / "figure.safetensors", header, to_tensors(model) | outlines.to_tensors(shapes))
    return folder / "figure.safetensors"
