"""Made-up joints of a ball with a cap of cartilage and a block, and a real model that learnt them for seconds."""

from functools import cache

import numpy as np

from napari_xray_landmarks.imaging import Volume
from napari_xray_landmarks.models import ModelHeader, save_model

SPACING_MM = (1.0, 1.0, 1.0)
GREY = {"outside": -900.0, "ball": 800.0, "cap": 450.0, "block": 1200.0}
STRUCTURES = [
    {"name": "ball", "label": 1, "bone": "", "colour": [230, 159, 0]},
    {"name": "cap", "label": 5, "bone": "ball", "colour": [86, 180, 233]},
    {"name": "block", "label": 9, "bone": "", "colour": [0, 158, 115]},
]
BALL_MM, CAP_MM, BLOCK_MM = np.array([8.0, 0.0, 1.0]), 3.0, np.array([-15.0, 2.0, -3.0])
POINTS = 162


def radius_of(seed: int) -> float:
    """Of the ball, in mm."""
    return 9.0 + 0.25 * (seed % 5)


def classes_at(points_mm: np.ndarray, seed: int = 0) -> np.ndarray:
    """0 to 3 (background, ball, cap, block) at (..., 3) places in the world."""
    away, radius = points_mm - BALL_MM, radius_of(seed)
    far, (up, _, _) = np.linalg.norm(away, axis=-1), np.moveaxis(away, -1, 0)
    cap = (far < radius + CAP_MM) & (far >= radius) & (up > 0)
    block = (np.abs(points_mm - BLOCK_MM) < (5, 7, 6)).all(-1)
    return np.select([far < radius, cap, block], [1, 2, 3])


def joint(seed: int = 0, spacing=SPACING_MM, matrix=None, shape=(56, 48, 44)) -> tuple[Volume, np.ndarray]:
    """A CT-like volume on any grid, and its classes."""
    if matrix is None:
        matrix = np.diag([*spacing, 1.0])
        matrix[:3, 3] = -0.5 * (np.array(shape) - 1) * spacing
    at = np.moveaxis(np.indices(shape), 0, -1) @ matrix[:3, :3].T + matrix[:3, 3]
    classes = classes_at(at, seed)
    grey = np.array(list(GREY.values()))[classes] + np.random.default_rng(seed).normal(0, 25, shape)
    return Volume(np.round(grey).astype(np.int16), matrix, f"joint {seed}", "CT"), classes


def ball_model():
    """The shape model of balls of the radii that there are, with triangles and 12 thinned points."""
    import trimesh

    from napari_xray_landmarks.deep_shape.storage import Bone
    from napari_xray_landmarks.deep_shape.subvolumes import thinned
    from napari_xray_landmarks.shape.point_distribution import PointDistributionModel

    ball = trimesh.creation.icosphere(2, 1.0)
    points = np.asarray(ball.vertices)
    stretched = [points * radius_of(k) * (1 + 0.05 * np.array(s)) for k, s in enumerate(np.eye(3))]
    shapes = np.array([points * radius_of(2), *stretched])
    model = PointDistributionModel.fit(shapes - shapes.mean(1, keepdims=True), aligned=True)
    return Bone("ball", "", model, np.asarray(ball.faces), thinned(points, 1.0 + (points[:, 0] > 0), 12))


@cache
def networks():
    """A network of slices that was trained for seconds, and one that gives the mean shape."""
    import torch

    from napari_xray_landmarks.deep_shape.networks import ShapeNetwork, SliceNetwork
    from napari_xray_landmarks.deep_shape.preparation import normalised, slice_stack
    from napari_xray_landmarks.deep_shape.storage import Networks

    torch.manual_seed(0)
    rng, bone = np.random.default_rng(0), ball_model()
    scans = [(normalised(volume.voxels, "CT"), classes) for volume, classes in map(joint, range(4))]
    slices = SliceNetwork(4, neighbours=1, channels=8, stem=1)
    shape = ShapeNetwork(bone.model, bone.half_mm, channels=2, inputs=2)
    torch.nn.init.zeros_(shape.parameters_.weight)

    def of_slices(image, classes):
        numbers = rng.integers(0, image.shape[2], 6)
        return slice_stack(image, 2, numbers, 1), np.moveaxis(classes, 2, 0)[numbers]

    _learn(slices, of_slices, scans, 70)
    return Networks(slices.eval(), (bone,), {"ball": shape.eval()})


def _learn(network, draw, scans, steps: int) -> None:
    import torch

    optimiser = torch.optim.AdamW(network.parameters(), 1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 1e-2, total_steps=steps)
    weights = torch.tensor([0.3, 1.0, 1.5, 1.0])
    for step in range(steps):
        given, wanted = (torch.from_numpy(np.ascontiguousarray(a)) for a in draw(*scans[step % len(scans)]))
        loss = torch.nn.functional.cross_entropy(network(given.float()), wanted.long(), weights)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()


def by_grey():
    """Networks that tell classes by grey value alone, and so are right wherever a joint lies: slices and subvolumes."""
    import torch

    from napari_xray_landmarks.deep_shape.preparation import normalised

    volume, classes = joint(0)
    image = normalised(volume.voxels, "CT")
    centres = torch.tensor([float(np.median(image[classes == k])) for k in range(4)])

    class ByGrey(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.centres = torch.nn.Parameter(centres)

        def forward(self, given):
            away = given[:, given.shape[1] // 2, None].float() - self.centres.reshape(-1, *[1] * (given.ndim - 2))
            return -30 * away**2

    return ByGrey()


def segmenter(**values):
    """A segmenter with those networks, the shape model and settings of `header`, changed where given."""
    from torch import nn

    from napari_xray_landmarks.deep_shape.confidence import known_ranges
    from napari_xray_landmarks.deep_shape.networks import ShapeNetwork
    from napari_xray_landmarks.deep_shape.segmenter import Segmenter
    from napari_xray_landmarks.deep_shape.settings import DeepShapeSettings
    from napari_xray_landmarks.shape.volume_segmentation import Structure

    bone, extra, network = ball_model(), header().extra, by_grey()
    shape = ShapeNetwork(bone.model, bone.half_mm, channels=2, inputs=2).eval()
    nn.init.zeros_(shape.parameters_.weight)
    structures = tuple(Structure(s["name"], s["label"], s["bone"]) for s in STRUCTURES)
    own = {"structures": structures, "spacing_mm": SPACING_MM, "slice_axis": 2, "neighbours": 1, "modality": "CT",
           "subvolume": (16, 16, 16), "known": known_ranges(extra), "landmarks": tuple(bone.landmark_names),
           "bones": (bone,), "slices": network, "shapes": nn.ModuleDict({"ball": shape}), "local": network,
           "settings": DeepShapeSettings()}
    return Segmenter(**own | values)


def header(**extra) -> ModelHeader:
    """Of the model file."""
    bone, known = ball_model(), {"ball": [2.9, 4.4], "cap": [1.0, 3.0], "block": [1.4, 2.0]}
    own = {"dimensions": 3, "tasks": ["segment"], "modality": "CT", "spacing_mm": SPACING_MM, "slice_axis": 2,
           "neighbours": 1, "subvolume": [16, 16, 16], "structures": STRUCTURES, "volume_ml": known,
           "bones": [{"name": "ball", "sides": "", "points": len(bone.model.mean), "modes": len(bone.model.modes)}],
           "networks": {"slices": {"classes": 4, "neighbours": 1, "channels": 8, "stem": 1},
                        "shape": {"channels": 2, "inputs": 2}}}
    return ModelHeader("deep-shape", "ball joint", tuple(bone.landmark_names), licence="CC0-1.0", citation="nobody",
                       extra=own | extra)


def write_model(path, **extra) -> None:
    """Write the model as a file."""
    from napari_xray_landmarks.deep_shape.storage import tensors_of_networks

    save_model(path, header(**extra), tensors_of_networks(networks()))
