"""Correspondences from masks: knee phantoms, whose landmarks are known, and pelvic MR.

    python benchmarks/correspondences.py

Pelvic MR needs ../shared/data or $XRAY_LANDMARKS_DATA; without it the phantoms alone are measured. One process, some
ten minutes of it. What is registered is kept in --cache: a run that was stopped goes on.
"""

import hashlib
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from _films import code
from _page import DATA, Target, arguments, require_quiet, table, write_section
from _volumes import kept
from napari_xray_landmarks.imaging import Volume
from napari_xray_landmarks.phantoms.knee_images import knee_phantom
from napari_xray_landmarks.shape.bone_masks import bone_mask, mirrored
from napari_xray_landmarks.shape.correspondence import Correspondences, correspond
from napari_xray_landmarks.shape.correspondence_settings import CorrespondenceSettings
from napari_xray_landmarks.shape.mask_registration import affine, demons, moved_by, spacing_for
from napari_xray_landmarks.shape.quality import quality
from napari_xray_landmarks.training.mask_sets import bone_masks, read_mask_set
from napari_xray_landmarks.training.runs import TrainingRun

KNEE = {"femur": 1, "tibia": 3}
PELVIS = {"femurs": "1", "ilia": "2"}
NEAR_MM = 2.0  # landmarks this near to the bone's surface are points of it
AIM_VOXELS = 0.5
SHOWN = (1, 5, 10)  # modes


@dataclass(frozen=True, eq=False)
class Made:
    """Correspondences of one structure, whose they are, and how long they took."""

    name: str
    found: Correspondences
    subjects: tuple[str, ...]
    seconds: float


def main() -> None:
    parser = arguments(__doc__.partition("\n")[0])
    parser.add_argument("--subjects", type=int, default=20, help="knee phantoms")
    parser.add_argument("--points", type=int, default=2000)
    parser.add_argument("--scans", type=int, default=13, help="pelvic MRs, at most")
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "xray-landmarks-knees")
    options = parser.parse_args()
    require_quiet()
    settings = CorrespondenceSettings(points=options.points)
    with threadpool_limits(1):
        knees = [knee(number, options.cache) for number in range(options.subjects)]
        made = [of_knees(bone, knees, settings, options.cache) for bone in KNEE]
        made += of_pelves(options.scans, settings, options.cache)
        landmarks = [landmark_row(bone, knees, one.found, settings, options.cache)
                     for bone, one in zip(KNEE, made, strict=False)]
    blocks = [table(["bone", "bones registered", "surface distance, median", "95 %", "in voxels, median",
                     "worst median", "smallest Jacobian", "folds", "Dice", "time a bone"],
                    [registration_row(one) for one in made]),
              "Distances between the reference's surface as the registration carries it over and each subject's own, "
              "both ways; a voxel is its smallest side (knees 1 mm, pelves 0.9 x 0.9 x 5.2 mm).",
              table(["knee phantoms", "landmarks", "affine", "and demons", "from the mean place"], landmarks),
              "Exact landmarks on the reference's surface carried to each subject, mean distance from the subject's "
              "own; beside it that from their mean place after the affine map, by which they scatter.",
              table(["bone", "shapes", "modes for 90 %", "for 98 %", *(f"generalisation, {m} modes" for m in SHOWN),
                     *(f"specificity, {m} modes" for m in SHOWN)], [quality_row(one) for one in made]),
              "Generalisation: mean distance of a subject left out (both its sides) from the nearest shape of the "
              "model; specificity: of random shapes from the nearest subject. Sizes are taken out."]
    write_section("correspondences", "Correspondences from masks", blocks, targets(made), dry=options.dry,
                  how="one process, one thread")


def knee(number: int, cache: Path) -> tuple[Volume, np.ndarray, bool]:
    """Labels, landmarks, and whether it is a right one; drawn once."""
    path = cache / f"knee-{number}.npz"
    if not path.is_file():
        phantom = knee_phantom(number, spacing_mm=1.0)
        cache.mkdir(parents=True, exist_ok=True)
        place = dict(zip(phantom.landmarks.names, phantom.landmarks.points, strict=True))
        lateral = next(name for name in place if "lateral" in name)
        medial = lateral.replace("lateral", "medial")
        np.savez_compressed(path, labels=phantom.labels.voxels, world=phantom.labels.world_from_voxel,
                            points=phantom.landmarks.points, right=place[lateral][2] < place[medial][2])
    stored = np.load(path)
    return Volume(stored["labels"], stored["world"], f"knee {number}"), stored["points"], bool(stored["right"])


def of_knees(bone: str, knees, settings: CorrespondenceSettings, cache: Path) -> Made:
    """Correspondences of one bone of all knees, right ones mirrored."""
    masks = [Volume(labels.voxels == KNEE[bone], labels.world_from_voxel, labels.name) for labels, _, _ in knees]
    return timed(f"knee phantoms, {bone}", masks, [m.name for m in masks], [m.name for m in masks],
                 [right for _, _, right in knees], settings, cache)


def of_pelves(scans: int, settings: CorrespondenceSettings, cache: Path) -> list[Made]:
    """Both sides of the bones of the pelvic MRs."""
    if not (DATA / "pelvic-mri").is_dir():
        print(f"skipped: there is no {DATA}/pelvic-mri. Put the data there or set XRAY_LANDMARKS_DATA", flush=True)
        return []
    dataset = read_mask_set(DATA / "pelvic-mri")
    dataset = dataset.subset([scan.name for scan in dataset.scans[:scans]])
    made = []
    for name, label in PELVIS.items():
        masks = bone_masks(dataset, label, "both")
        made.append(timed(f"pelvic MR, {name}", masks.sources, masks.names, masks.subjects, masks.mirrored, settings,
                          cache))
    return made


def timed(name: str, masks, names, subjects, flags, settings: CorrespondenceSettings, cache: Path) -> Made:
    """Correspondences, and the processor time of all attempts at them."""
    key = hashlib.sha256(repr((name, list(names), list(flags), settings, code("shape"))).encode()).hexdigest()[:8]
    run, start = TrainingRun(cache / key), time.process_time()
    run.folder.mkdir(parents=True, exist_ok=True)
    spent = run.kept("seconds") or {"seconds": np.array(0.0)}

    def report(fraction: float, stage: str = "") -> None:
        run.keep("seconds", {"seconds": spent["seconds"] + time.process_time() - start})
        print(f"{name}: {stage} {fraction:.0%}", flush=True)

    found = correspond(masks, names, settings=settings, mirrored=flags, run=run, progress=report)
    for own in found.report:
        if not own.used:
            print(f"{name}: {own.name} is left out: {own.notes[-1]}", flush=True)
    seconds = float(run.kept("seconds")["seconds"])
    return Made(name, found, tuple(subjects[i] for i in found.kept), seconds)


def registration_row(made: Made) -> list[str]:
    used = [r for r in made.found.report if r.used and not r.is_reference]
    medians, tails = ([getattr(r, f"registered_{k}_mm") for r in used] for k in ("median", "p95"))
    voxels = [r.registered_median_mm / r.voxel_mm for r in used]
    return [made.name, f"{len(used) + 1} of {len(made.found.report)}", f"{np.median(medians):.2f} mm",
            f"{np.median(tails):.2f} mm", f"{np.median(voxels):.2f}", f"{max(voxels):.2f}",
            f"{min(r.smallest_jacobian for r in used):.2f}", str(sum(r.folds for r in used)),
            f"{np.median([r.overlap for r in used]):.3f}", f"{made.seconds / len(made.found.report):.1f} s"]


def landmark_row(bone: str, knees, found: Correspondences, settings: CorrespondenceSettings, cache: Path) -> list[str]:
    """How far the reference's landmarks are from each subject's own, when the registration carries them over."""
    reference = int(found.kept[found.reference])
    fixed, places = placed(bone, knees[reference])
    on_bone = np.abs(fixed.distances.at(places)) < NEAR_MM
    rows = []
    for i in (i for i in found.kept if i != reference):
        key = (bone, reference, int(i), len(knees), settings, code("shape", "phantoms"))
        rows.append(kept(cache, f"landmarks-{bone}-{i}", key,
                         lambda i=i: carried(bone, fixed, places[on_bone], knees[i], on_bone, settings)))
    rough, whole, own = (np.array([row[k] for row in rows]) for k in range(3))
    lengths = [np.linalg.norm(d, axis=-1).mean() for d in (rough, whole, own - own.mean(axis=0))]
    return [bone, str(int(on_bone.sum())), *(f"{length:.2f} mm" for length in lengths)]


def carried(bone: str, fixed, places: np.ndarray, subject, on_bone: np.ndarray, settings: CorrespondenceSettings
            ) -> list[list]:
    """Offsets from a subject's landmarks after the affine map, after demons too, and its own in the reference."""
    moving, points = placed(bone, subject)
    matrix = affine(fixed.continued, moving.continued, box_mm=fixed.distances.bounds_mm)
    spacing = settings.spacing_mm or spacing_for(fixed.distances)
    warp = demons(fixed.distances, moving.distances, matrix, spacing, settings)
    wanted = points[on_bone]
    own = moved_by(np.linalg.inv(matrix), wanted)
    return [(moved_by(matrix, places) - wanted).tolist(), (warp(places) - wanted).tolist(), own.tolist()]


def placed(bone: str, own):
    """A bone and the landmarks of one knee, as a left one."""
    labels, points, right = own
    mask = Volume(labels.voxels == KNEE[bone], labels.world_from_voxel, labels.name)
    return bone_mask(mirrored(mask) if right else mask), points * ((1, 1, -1) if right else (1, 1, 1))


def quality_row(made: Made) -> list[str]:
    measured = quality(made.found.shapes, groups=made.subjects)
    counts = [int(np.searchsorted(measured.compactness, share)) for share in (0.9, 0.98)]
    values = [f"{v[m]:.2f} mm" if m < len(v) else "" for v in (measured.generalisation, measured.specificity)
              for m in SHOWN]
    return [made.name, str(len(made.found.names)), *map(str, counts), *values]


def targets(made: list[Made]) -> list[Target]:
    """Surfaces within half a voxel, and no folds."""
    aims = []
    for one in made:
        used = [r for r in one.found.report if r.used and not r.is_reference]
        voxels = [r.registered_median_mm / r.voxel_mm for r in used]
        aims.append(Target(f"Correspondences of {one.name}: surface distance, median", f"≤ {AIM_VOXELS} voxel",
                           f"{np.median(voxels):.2f} voxel, {sum(r.folds for r in used)} folds",
                           float(np.median(voxels)) <= AIM_VOXELS, max(voxels) <= AIM_VOXELS))
    return aims


if __name__ == "__main__":
    main()
