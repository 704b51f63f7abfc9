"""Train deep shape fitting on volumes with labels: slices, shape models, shape networks, local network."""

from collections.abc import Callable, Sequence
from itertools import cycle

import numpy as np
import torch

from ..errors import InputError
from .bones import pieces
from .calibration import calibrated
from .measured import measured
from .scans import Layout, Scan, layout_of, read_scans
from .settings import DeepShapeSettings
from .storage import COLOURS, Bone, Networks, bones_in_header, tensors_of_networks
from .training_local import learn_local, subvolume_size
from .training_shapes import Instance, bone_of, learn_shape
from .training_slices import learn_slices


def fit(dataset, *, settings: DeepShapeSettings, seed: int = 0, progress=None, run=None) -> tuple[dict, dict]:
    """The recipe `deep-shape`: tensors and header values.

    Parameters
    ----------
    dataset
        A `training.volumes.VolumeSet`. Scans of the split "validation" do not train, those of "test" are not read.
    settings
    seed
        The same seed gives the same model on the same processor.
    progress
        Called as `progress(fraction, stage)`.
    run
        A `training.runs.TrainingRun`, or None; finished stages and epochs are taken from it.

    Raises
    ------
    InputError
        There is but one subject, or nothing is drawn.
    """
    report = progress or (lambda fraction, stage: None)
    kept = [scan.name for scan in dataset.scans if scan.split not in ("validation", "test")]
    own = dataset.subset(kept)
    if len(own.subjects) < 2:
        raise InputError(dataset.folder, f"{len(own.subjects)} subject trains", "Shapes need at least two subjects")
    layout = layout_of(own, settings)
    scans = read_scans(own, layout, lambda f: report(0.02 * f, "reading volumes"))
    held = dataset.subset([scan.name for scan in dataset.scans if scan.split == "validation"])
    validation = read_scans(held, layout)
    threads = torch.get_num_threads()
    torch.set_num_threads(settings.threads)
    try:
        networks, notes = learn(scans, validation, layout, settings, seed, run, _part(report, 0.02, 0.98))
        values = _header(networks, layout, settings, scans)
        values |= calibrated(networks, scans, layout, settings, values["subvolume"], notes["shapes"],
                             lambda f: report(0.98 + 0.01 * f, "calibrating"))
        metrics = measured(networks, validation, layout, settings, values["subvolume"], values["local_weights"],
                           lambda f: report(0.99 + 0.01 * f, "measuring on subjects held out"))
    finally:
        torch.set_num_threads(threads)
    return tensors_of_networks(networks), values | {
        "metrics": metrics,
        "training": {"volumes": len(scans), "subjects": len(own.subjects)} | notes,
    }


def learn(scans: Sequence[Scan], validation: Sequence[Scan], layout: Layout, settings: DeepShapeSettings, seed: int,
          run, report: Callable[[float, str], None]) -> tuple[Networks, dict]:
    """All networks, stage by stage, and what to note of the training."""
    slices = learn_slices(scans, validation, layout, settings, seed, run, _part(report, 0.0, 0.4))
    made: list[tuple[Bone, list[Instance]]] = []
    for number, name in enumerate(layout.bones):
        step = 0.2 / len(layout.bones)
        found = bone_of(scans, name, layout, settings, seed, run,
                        _part(report, 0.4 + step * number, 0.4 + step * (number + 1)))
        made += [found] if found else []
    shapes = {}
    for number, (bone, found) in enumerate(made):
        step = 0.2 / len(made)
        shapes[bone.name] = learn_shape(bone, found, settings, seed, run,
                                        _part(report, 0.6 + step * number, 0.6 + step * (number + 1)))
    local = learn_local(made, layout, settings, seed, run, _part(report, 0.8, 1.0)) if made else None
    notes = {"shapes": {bone.name: len(found) for bone, found in made},
             "without_shape": [name for name in layout.bones if name not in shapes]}
    return Networks(slices, tuple(bone for bone, _ in made), shapes, local), notes


def _header(networks: Networks, layout: Layout, settings: DeepShapeSettings, scans: Sequence[Scan]) -> dict:
    """Values of the model file's header."""
    classes = 1 + len(layout.structures)
    kinds = {
        "slices": {"classes": classes, "neighbours": settings.neighbours, "channels": settings.channels,
                   "stem": settings.stem},
        "shape": {"rotation": settings.rotation, "channels": settings.shape_channels,
                  "inputs": 2 if settings.guided else 1},
    }
    subvolume = (1, 1, 1)
    if networks.local:
        kinds["local"] = {"classes": classes, "spacing_mm": layout.spacing_mm, "channels": settings.local_channels}
        subvolume = subvolume_size(networks.local, layout, settings)
    structures = [{"name": name, "label": label, "bone": layout.cartilages.get(name, ""), "colour": colour}
                  for (name, label), colour in zip(layout.structures.items(), cycle(COLOURS), strict=False)]
    return {
        "dimensions": 3, "tasks": ["segment"], "modality": layout.modality, "spacing_mm": layout.spacing_mm,
        "subvolume": subvolume, "slice_axis": layout.slice_axis, "neighbours": settings.neighbours,
        "structures": structures, "bones": bones_in_header(networks.bones), "networks": kinds,
        "volume_ml": volumes_ml(scans, networks, layout),
        "landmarks": [name for bone in networks.bones for name in bone.landmark_names] or list(layout.structures),
    }


def volumes_ml(scans: Sequence[Scan], networks: Networks, layout: Layout) -> dict[str, list[float]]:
    """Least and most ml that each structure takes in the scans; of a bone its largest piece, a side of pairs."""
    sides, found = {bone.name: bone.sides for bone in networks.bones}, {}
    for name in layout.structures:
        own = [mask.sum() * np.prod(scan.spacing_mm) / 1000 for scan in scans
               for mask in pieces(scan.classes == layout.class_of(name), sides.get(name))]
        if own:
            found[name] = [round(float(min(own)), 2), round(float(max(own)), 2)]
    return found


def _part(report: Callable[[float, str], None], first: float, last: float) -> Callable[..., None]:
    """A stage's share of the whole progress."""
    return lambda fraction, stage="": report(first + (last - first) * fraction, stage)
