"""Bones in pelvic MR, subjects left out: slices alone against the whole method, on the same folds.

    python benchmarks/pelvic_mri.py [--folds 5] [--fold 1 --fold 2 ...] [--set DIR] [--try]

Needs the pelvic MRIs in ../shared/data or $XRAY_LANDMARKS_DATA. Each fold trains a model (some ten minutes of processor
time) in --cache and is measured on its own; a run that was stopped goes on. --set writes the volumes as a set to train
on, and no more.
"""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

from _films import CACHE, code
from _page import DATA, Target, arguments, write_section
from _volumes import kept, mean_values, overlap_table, values
from napari_xray_landmarks.cli.train_volumes import without_fold
from napari_xray_landmarks.io import load_image
from napari_xray_landmarks.io.files import stem
from napari_xray_landmarks.models import load_model
from napari_xray_landmarks.training.recipes import train
from napari_xray_landmarks.training.volumes import Scan, VolumeSet, write_volume_set

SOURCE, MARK = DATA / "pelvic-mri", "_labels"
ABOUT = {"name": "13 pelvic MRIs, coronal T1", "anatomy": "pelvis", "modality": "MR",
         "citation": "The Cancer Imaging Archive (TCIA)",
         "structures": {"femurs": 1, "ilium": 2, "spine": 3, "sacrum": 4},
         "shapes": ["femurs", "ilium", "sacrum"]}  # the spine is cut by the field of view, now here, now there
SETTINGS = {"spacing": "1.2,5.2,1.2", "crop": 160, "slice_steps": 2500, "subvolume_mm": 38.0, "shape_steps": 150,
            "local_steps": 5000, "threads": 1}
AIMS = {"femurs": 0.90, "ilium": 0.85}
ALONE, WHOLE = "slices alone (2D U-Net)", "whole method"


def main() -> None:
    parser = arguments(__doc__.partition("\n")[0])
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--fold", type=int, action="append", help="only these; by default all")
    parser.add_argument("--cache", type=Path, default=CACHE / "pelvic-mri")
    parser.add_argument("--set", dest="target", type=Path, help="write the volumes as a training set there")
    parser.add_argument("--try", dest="trial", action="store_true", help="train for a moment")
    options = parser.parse_args()
    if not SOURCE.is_dir():
        print(f"skipped: there is no {SOURCE}. Put the data there or set XRAY_LANDMARKS_DATA", file=sys.stderr)
        return
    if options.target:
        print(f"{len(pelvic_set(options.target))} volumes  {options.target}")
        return
    settings = SETTINGS | ({"slice_steps": 4, "shape_steps": 2, "local_steps": 2} if options.trial else {})
    dataset, chosen = pelvic_set(options.cache / "volumes"), options.fold or range(1, options.folds + 1)
    rows = [row for fold in chosen for row in of_fold(dataset, options.folds, fold, settings, options.cache)]
    methods = {name: [row[name] for row in rows] for name in (ALONE, WHOLE)}
    write_section("pelvic-mri", "Bones in pelvic MR", *section(methods, options.folds, list(chosen)),
                  dry=options.dry or options.trial, how="one thread a fold")


def pelvic_set(folder: Path) -> VolumeSet:
    """The MRIs and their manual labels as a training set, a subject each."""
    names = [stem(path).removesuffix(MARK) for path in sorted(SOURCE.glob(f"*{MARK}.nii.gz"))]
    items = [(Scan(name, subject=name), lambda name=name: (load_image(SOURCE / f"{name}.nii.gz"),
                                                          load_image(SOURCE / f"{name}{MARK}.nii.gz")))
             for name in names]
    return write_volume_set(folder, items, ABOUT, count=len(items))


def of_fold(dataset: VolumeSet, folds: int, fold: int, settings: dict, cache: Path) -> list[dict]:
    """Values of the volumes that the fold left out, by a model that has not seen them."""
    split = without_fold(dataset, folds, fold, seed=0)
    path = cache / f"fold-{fold}-of-{folds}-{settings['slice_steps']}.safetensors"
    if not path.is_file():
        said = [""]

        def report(fraction: float, stage: str = "") -> None:
            if stage and stage != said[0]:
                print(f"fold {fold}: {fraction:.0%} {stage}", flush=True)
                said[0] = stage

        train("deep-shape", split, path, settings=settings, progress=report)
    model, key = load_model(path), (path.stat().st_size, code("deep_shape"), settings)
    rows = []
    for scan in split.of_split("validation").scans:
        rows.append(kept(cache, f"fold-{fold}-{scan.name}", key, lambda scan=scan: of_scan(model, split, scan)))
        print(f"{scan.name}: " + ", ".join(f"{k} {v[0]:.3f}" for k, v in rows[-1][WHOLE].items()), flush=True)
    return rows


def of_scan(model, dataset: VolumeSet, scan: Scan) -> dict:
    """Values of one volume on its own grid."""
    volume, truth, settings = dataset.volume(scan), dataset.labels(scan), model.settings()
    alone = model.segment(volume, replace(settings, local=False, largest=False))
    return {ALONE: values(alone.labels, truth, dataset.structures),
            WHOLE: values(model.segment(volume, settings).labels, truth, dataset.structures)}


def section(methods: dict, folds: int, chosen: list[int]) -> tuple[list[str], list[Target]]:
    """Text, table and targets."""
    names, count = list(ABOUT["structures"]), len(methods[WHOLE])
    how = f"all {folds} folds" if len(chosen) == folds else f"fold {', '.join(map(str, chosen))} of {folds}"
    about = (f"{count} of 13 coronal T1 MRIs of 0.91 × 0.91 × 5.2 mm with manual labels, each segmented by a model "
             f"that has not seen it ({how}). Means over volumes; a missed structure counts with a Dice of 0.")
    targets = [Target(f"pelvic MR, {name}", f"Dice ≥ {aim:.2f}", f"{dice:.3f}", dice >= aim)
               for name, aim in AIMS.items() for dice in [float(mean_values(methods[WHOLE], name)[0])]]
    worst = {name: min(float(np.nan_to_num(row[name][0])) for row in methods[WHOLE]) for name in names}
    lowest = "Lowest Dice of a volume: " + ", ".join(f"{name} {value:.2f}" for name, value in worst.items()) + "."
    return [about, overlap_table(methods, names), lowest], targets


if __name__ == "__main__":
    main()
