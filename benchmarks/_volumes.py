"""What the benchmarks of volumes share: values of a segmentation, kept pieces, tables, and monai's plain 3D U-Net."""

import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from _page import table
from napari_xray_landmarks.evaluation.volumes import overlaps
from napari_xray_landmarks.imaging import Volume
from napari_xray_landmarks.io.files import replacing

VALUES = ("dice", "assd_mm", "hd95_mm")
PATCH, BATCH, OVERLAP = (96, 96, 64), 2, 0.25


def values(found: Volume, truth: Volume, structures: Mapping[str, int]) -> dict[str, list[float]]:
    """Dice, ASSD and HD95 of each structure; NaN where one of both lacks it."""
    return {own.structure: [float(getattr(own, key)) for key in VALUES] for own in overlaps(found, truth, structures)}


def kept(cache: Path, name: str, key: object, compute: Callable[[], object]):
    """What was computed under a name and key before, or now."""
    text = hashlib.sha256(repr(key).encode()).hexdigest()[:8]
    path = cache / f"{name}-{text}.json"
    if not path.is_file():
        cache.mkdir(parents=True, exist_ok=True)
        made = compute()
        with replacing(path) as temporary:
            temporary.write_text(json.dumps(made), encoding="utf-8")
    return json.loads(path.read_text(encoding="utf-8"))


def mean_values(rows: Sequence[Mapping[str, list[float]]], structure: str) -> np.ndarray:
    """(3,) means over volumes; a structure that was missed counts with a Dice coefficient of 0."""
    own = np.array([row[structure] for row in rows], float)
    own[:, 0] = np.nan_to_num(own[:, 0])
    return np.nanmean(own, axis=0)


def overlap_table(methods: Mapping[str, Sequence[Mapping[str, list[float]]]], structures: Sequence[str]) -> str:
    """Dice in %, ASSD and HD95 in mm, a line a method, a column a structure."""
    lines = []
    for method, rows in methods.items():
        cells = []
        for structure in structures:
            if structure not in rows[0]:
                cells.append("")
                continue
            dice, assd, hd95 = mean_values(rows, structure)
            cells.append(f"{100 * dice:.1f} % · {assd:.2f} · {hd95:.2f} mm")
        lines.append([method, *cells])
    return table(["Dice · ASSD · HD95", *structures], lines)


# ---- monai's plain 3D U-Net


def plain_network(classes: int):
    """The 3D U-Net of monai's tutorials."""
    from monai.networks.nets import UNet

    return UNet(3, 1, classes, channels=(16, 32, 64, 128), strides=(2, 2, 2), num_res_units=2, norm="batch")


def train_plain(scans: Sequence, classes: int, seconds: float, run, seed: int = 0):
    """Train it on patches about labelled voxels for so many seconds of processor time; it goes on where it stopped."""
    import torch
    from monai.losses import DiceCELoss

    from napari_xray_landmarks.learning.learner import Learner

    torch.manual_seed(seed)
    learner = Learner(plain_network(classes).to(memory_format=torch.channels_last_3d), 2e-3, 5.0)
    loss_of, epochs = DiceCELoss(to_onehot_y=True, softmax=True), 40
    shown = [np.argwhere(scan.classes[::4, ::4, ::4]) * 4 for scan in scans]

    def epoch(number: int) -> str:
        rng, end, losses = np.random.default_rng([seed, number]), time.process_time() + seconds / epochs, []
        learner.trained.train()
        while time.process_time() < end:
            images, labels = zip(*(_patch(scans, shown, rng) for _ in range(BATCH)), strict=True)
            given = torch.from_numpy(np.stack(images)).contiguous(memory_format=torch.channels_last_3d)
            logits = learner.trained(given)
            loss = loss_of(logits.float(), torch.from_numpy(np.stack(labels)))
            losses.append(learner.step(loss, (number + 1 - (end - time.process_time()) * epochs / seconds) / epochs))
        return f"{len(losses)} steps, loss {np.mean(losses):.3f}"

    return learner.learn(run, "plain", epochs, epoch, lambda fraction, stage: print(stage, flush=True))


def _patch(scans: Sequence, shown: Sequence[np.ndarray], rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    number = int(rng.integers(len(scans)))
    scan, size = scans[number], np.minimum(PATCH, scans[number].image.shape)
    centre = shown[number][int(rng.integers(len(shown[number])))]
    corner = np.clip(centre - size // 2, 0, np.array(scan.image.shape) - size)
    place = tuple(slice(c, c + s) for c, s in zip(corner, size, strict=True))
    return scan.image[place].astype(np.float32)[None], scan.classes[place].astype(np.int64)[None]


def segment_plain(network, image: np.ndarray) -> np.ndarray:
    """Classes of a prepared volume by a sliding window with Gaussian weights."""
    import torch
    from monai.inferers import sliding_window_inference

    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        given = torch.from_numpy(np.ascontiguousarray(image, np.float32))[None, None]
        found = sliding_window_inference(given, PATCH, 2, network.eval(), overlap=OVERLAP, mode="gaussian")
    return found[0].argmax(0).numpy().astype(np.uint8)
