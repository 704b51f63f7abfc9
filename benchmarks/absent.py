"""Volumes that show nothing of what a model knows, and those that do: how often structures are found.

    python benchmarks/absent.py [--noise 10] [--knees 10] [--try]

Noise of several grains; hips cut from pelvic MR and parts of a trunk CT with the values of an MR; knee phantoms for
`pelvis-mr`. Real volumes need ../shared/data or $XRAY_LANDMARKS_DATA. Every piece is kept: a run that was
stopped goes on.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter

from _films import CACHE, code
from _page import DATA, Target, arguments, table, write_section
from _runs import model_key
from _volumes import kept
from napari_xray_landmarks.deep_shape.grid import to_working
from napari_xray_landmarks.imaging import Volume
from napari_xray_landmarks.io import load_image
from napari_xray_landmarks.models import load_model
from napari_xray_landmarks.phantoms.knee_images import knee_phantom

FIRST_KNEE, LEFT_OUT = 1100, ("21", "22", "23")
PELVES, TRUNK = DATA / "pelvic-mri", DATA / "ct" / "trunk_ct_3mm.nii.gz"
GRAINS = (0.0, 1.0, 3.0, 6.0)  # voxels
CT_PARTS = 3


def main() -> None:
    parser = arguments(__doc__.partition("\n")[0])
    parser.add_argument("--noise", type=int, default=10, help="volumes of noise")
    parser.add_argument("--knees", type=int, default=10)
    parser.add_argument("--cache", type=Path, default=CACHE / "absent")
    parser.add_argument("--try", dest="trial", action="store_true", help="one volume of each kind that is quickly made")
    options = parser.parse_args()
    rows, wrong, missed = [], 0, 0
    for model, kinds in sources(options).items():
        loaded, key = load_model(model), (model_key(model), code("deep_shape"))
        for kind, (shows, volumes) in kinds.items():
            found = [kept(options.cache, f"{model}-{name}", key,
                          lambda make=make, loaded=loaded: outcome(loaded, make()))
                     for name, make in volumes.items()]
            rows.append([model, kind, str(len(found)), *counts(found, shows)])
            print(*rows[-1], sep=" | ", flush=True)
            wrong += sum(any(one.values()) for one in found) if not shows else 0
            missed += sum(not all(one.values()) for one in found) if shows else 0
    about = ("Hips and parts of a trunk CT, with values as of an MR, are volumes of another anatomy for the model of "
             "knees, knees for that of pelves. Noise is of grains of up to 6 voxels.")
    targets = [Target("volumes without the structures, found", "0", str(wrong), wrong == 0),
               Target("volumes with them, not found", "0", str(missed), missed == 0)]
    columns = ["model", "volumes", "count", "with anything found", "with all found"]
    write_section("absent", "Volumes without the structure", [about, table(columns, rows)], targets,
                  dry=options.dry or options.trial)


def counts(found: list[dict], shows: bool) -> list[str]:
    return [str(sum(any(one.values()) for one in found)), str(sum(all(one.values()) for one in found))]


def outcome(model, volume: Volume) -> dict[str, bool]:
    """Which structures are found."""
    return {structure.name: bool(structure.found) for structure in model.segment(volume).structures}


def sources(options) -> dict[str, dict[str, tuple[bool, dict[str, Callable[[], Volume]]]]]:
    """By model and kind: whether the volumes show what the model knows, and how each is made."""
    few = 1 if options.trial else None
    noises = {f"noise-{n}": lambda n=n: noise(n) for n in range(options.noise)}
    knees = {f"knee-{n}": lambda n=n: knee_phantom(n).volume
             for n in range(FIRST_KNEE, FIRST_KNEE + (1 if options.trial else options.knees))}
    real = sorted(PELVES.glob("[0-9][0-9].nii.gz")) if not options.trial else []
    hips = {f"hip-{path.name[:2]}": lambda path=path: hip(path) for path in real}
    trunk = {f"trunk-{n}": lambda n=n: trunk_part(n) for n in range(CT_PARTS)} if real and TRUNK.is_file() else {}
    left_out = {f"pelvis-{path.name[:2]}": lambda path=path: load_image(path)
                for path in real if path.name[:2] in LEFT_OUT}
    noises = dict(list(noises.items())[:few])
    return {"knee-mr": {"knee phantoms that did not train": (True, knees), "noise": (False, noises),
                        "hips of pelvic MR": (False, hips), "trunk CT with values of an MR": (False, trunk)},
            "pelvis-mr": {"pelvic MR that did not train": (True, left_out), "noise": (False, noises),
                          "knee phantoms": (False, knees)}}


def noise(seed: int) -> Volume:
    """Noise of one of the grains in a volume of about a knee's size."""
    rng = np.random.default_rng([173, seed])
    shape = rng.integers((110, 110, 60), (230, 230, 140))
    values = gaussian_filter(rng.normal(size=shape), GRAINS[seed % len(GRAINS)])
    return Volume((200 + 60 * values / values.std()).astype(np.float32), np.diag([0.7, 0.7, 1.1, 1.0]), f"noise {seed}")


def hip(path: Path) -> Volume:
    """The part of a pelvic MR about the left hip."""
    volume = load_image(path)
    voxels, matrix = to_working(volume, np.sort(volume.spacing_mm)[[0, 2, 1]])
    size, low = np.array(voxels.shape), np.array(voxels.shape) // 3
    low[1], low[2] = 0, size[2] // 2 - 20
    matrix = matrix.copy()
    matrix[:3, 3] += matrix[:3, :3] @ low
    return Volume(voxels[tuple(slice(int(n), None) for n in low)], matrix, f"hip of {path.name}")


def trunk_part(number: int) -> Volume:
    """A part of the trunk CT, without values that only a CT has."""
    volume = load_image(TRUNK)
    voxels, matrix = to_working(volume, (3.0, 3.0, 3.0))
    size = np.array(voxels.shape)
    low = np.array([number * size[0] // CT_PARTS, size[1] // 2 - 30, size[2] // 2 - 45 + 30 * (number % 2)])
    matrix[:3, 3] += matrix[:3, :3] @ low
    part = voxels[tuple(slice(int(a), int(a) + 60) for a in low)]
    return replace(volume, voxels=np.clip(part + 1024, 0, None), world_from_voxel=matrix, modality="MR")


if __name__ == "__main__":
    main()
