"""Bones and cartilages of unseen knee phantoms: stage by stage, against the paper and monai's plain 3D U-Net.

    python benchmarks/knee.py [--model knee-mr] [--subjects 10] [--only ours|plain] [--try]

The plain network is trained on the knees that trained the model (made once, in --cache), for as many minutes of
processor time; --only plain trains and measures it alone. Every piece is kept: a run that was stopped goes on.
"""

import json
import resource
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from _films import CACHE, code
from _page import Target, arguments, require_quiet, table, write_section
from _runs import model_key
from _volumes import kept, mean_values, overlap_table, segment_plain, train_plain, values
from napari_xray_landmarks.imaging import Volume
from napari_xray_landmarks.models import load_model
from napari_xray_landmarks.phantoms.knee_images import knee_phantom
from napari_xray_landmarks.training.knee_sets import STRUCTURES, write_knee_set

FIRST, OAI_MM, OAI_SHAPE = 1100, (0.365, 0.365, 0.7), (384, 384, 160)
PAPER = {"femur": (98.5, 98.5), "tibia": (98.5, 98.5), "femoral-cartilage": (89.0, 89.9),
         "tibial-cartilage": (84.9, 85.9)}
AIMS = {"femur": 0.985, "tibia": 0.985, "femoral-cartilage": 0.90, "tibial-cartilage": 0.86}
AIM_SECONDS, AIM_FIT_SECONDS, AIM_GIB = 90.0, 1.0, 6.0
ALONE, LARGEST, LOCAL, WHOLE = "slices alone", "+ shape, its bone alone", "+ subvolumes, deciding alone", "+ ensemble"
SHAPE, PLAIN = "the fitted shape itself", "plain 3D U-Net (monai)"
PLAIN_LARGEST = "plain 3D U-Net, largest parts of bones"


def main() -> None:
    parser = arguments(__doc__.partition("\n")[0])
    parser.add_argument("--model", default="knee-mr")
    parser.add_argument("--subjects", type=int, default=10)
    parser.add_argument("--only", choices=("ours", "plain"))
    parser.add_argument("--minutes", type=float, default=25.0, help="processor time that the plain network learns")
    parser.add_argument("--knees", type=int, default=52, help="of the training set, as for the model")
    parser.add_argument("--cache", type=Path, default=CACHE)
    parser.add_argument("--no-times", action="store_true", help="leave times and memory out")
    parser.add_argument("--memory", action="store_true", help="segment one volume of 160 x 384 x 384, print the peak")
    parser.add_argument("--try", dest="trial", action="store_true", help="one subject, the plain network for a moment")
    options = parser.parse_args()
    if options.trial:
        options.subjects, options.minutes, options.knees, options.dry = 1, 0.2, 9, True
    if options.memory:
        print(json.dumps(large_volume(options.model)))
        return
    numbers = range(FIRST, FIRST + options.subjects)
    methods = ours(options, numbers) if options.only != "plain" else {}
    seconds = {}
    if options.only != "ours":
        found = plain(options, numbers)
        methods |= {name: [row[key] for row in found] for name, key in ((PLAIN, "values"), (PLAIN_LARGEST, "largest"))}
        seconds[PLAIN] = float(np.median([row["seconds"] for row in found]))
    blocks, targets = accuracy(methods, len(numbers))
    if not options.no_times and options.only != "plain":
        more = speed(options, seconds)
        blocks, targets = blocks + more[0], targets + more[1]
    dry = options.dry or options.only == "plain"
    write_section("knee", "Bones and cartilages of the knee", blocks, targets, dry=dry, how="two threads")



# ---- accuracy


def ours(options, numbers) -> dict[str, list]:
    """Values of each stage in each knee."""
    model, key = load_model(options.model), (model_key(options.model), code("deep_shape", "phantoms"))
    rows = []
    for number in numbers:
        rows.append(kept(options.cache, f"knee-{number}", key, lambda number=number: stages_of(model, number)))
        print(f"knee {number}: " + ", ".join(f"{k} {v[0]:.3f}" for k, v in rows[-1][WHOLE].items()), flush=True)
    return {name: [row[name] for row in rows] for name in (ALONE, SHAPE, LARGEST, LOCAL, WHOLE)}


def stages_of(model, number: int) -> dict:
    """Values after each stage."""
    made, settings = knee(number), model.settings()
    found = {}
    for name, own in ((ALONE, replace(settings, local=False, largest=False)), (LARGEST, replace(settings, local=False)),
                      (LOCAL, replace(settings, ensemble=False)), (WHOLE, settings)):
        result = model.segment(made.volume, own)
        found[name] = values(result.labels, made.labels, STRUCTURES)
    found[SHAPE] = of_shapes(result, made.labels)
    return found


def knee(number: int):
    """A knee that did not train, with the labels that the model knows."""
    made = knee_phantom(number)
    known = made.labels.voxels * (made.labels.voxels <= max(STRUCTURES.values()))
    return replace(made, labels=replace(made.labels, voxels=known))


def of_shapes(result, truth: Volume) -> dict[str, list[float]]:
    """Values of the fitted bones' insides."""
    from napari_xray_landmarks.phantoms.distance import distance_field

    spacing, found = np.array(truth.spacing_mm), {}
    for name, mesh in result.surfaces.items():
        field = distance_field(mesh, truth.world_from_voxel[:3, 3], spacing, truth.shape, depth_mm=2.0)
        inside = np.zeros(truth.shape, np.uint8)
        end = field.first + field.distance_mm.shape
        inside[tuple(slice(i, j) for i, j in zip(field.first, end, strict=True))] = field.distance_mm < 0
        labels = replace(truth, voxels=inside)
        bone = replace(truth, voxels=(truth.voxels == STRUCTURES[name]).astype(np.uint8))
        found[name] = values(labels, bone, {name: 1})[name]
    return found


def plain(options, numbers) -> list[dict]:
    """Values and seconds of the plain network, trained on the same knees for the same time."""
    from napari_xray_landmarks.deep_shape.scans import layout_of, read_scans
    from napari_xray_landmarks.deep_shape.settings import DeepShapeSettings
    from napari_xray_landmarks.training.runs import open_run

    knees = write_knee_set(options.cache / f"knees-{options.knees}", options.knees).of_split("train")
    layout = layout_of(knees, DeepShapeSettings())
    run = open_run(options.cache / f"plain-{options.knees}-{options.minutes:g}.run", recipe="plain", settings={},
                   seed=0, dataset=knees)
    network = train_plain(read_scans(knees, layout), 1 + len(STRUCTURES), 60 * options.minutes, run)
    key = (options.minutes, options.knees, code("phantoms"), "largest")
    return [kept(options.cache, f"plain-{number}", key, lambda number=number: plain_of(network, number, layout))
            for number in numbers]


def plain_of(network, number: int, layout) -> dict:
    """What the plain network finds in a knee, and that without bones' smaller parts."""
    from napari_xray_landmarks.deep_shape.bones import largest_component
    from napari_xray_landmarks.deep_shape.grid import to_working
    from napari_xray_landmarks.deep_shape.preparation import normalised

    made, start = knee(number), time.perf_counter()
    classes = segment_plain(network, normalised(to_working(made.volume, layout.spacing_mm)[0]))
    seconds = time.perf_counter() - start
    labels = np.array([0, *STRUCTURES.values()], np.uint8)[classes]
    found = {"values": values(replace(made.labels, voxels=labels), made.labels, STRUCTURES), "seconds": seconds}
    for bone in ("femur", "tibia"):
        own = labels == STRUCTURES[bone]
        labels[own & ~largest_component(own)] = 0
    return found | {"largest": values(replace(made.labels, voxels=labels), made.labels, STRUCTURES)}


def accuracy(methods: dict, count: int) -> tuple[list[str], list[Target]]:
    """Tables and targets."""
    names = list(STRUCTURES)
    paper = table(["paper, on the OAI-ZIB knees: Dice", *names],
                  [[row, *(f"{PAPER[n][k]} %" for n in names)] for k, row in enumerate(("2D U-Net", "whole method"))])
    blocks = [f"{count} phantoms that did not train, 0.55 × 0.55 × 0.9 mm. Means over knees.",
              overlap_table(methods, names), paper]
    targets = [Target(f"knee phantoms, {name}", f"Dice ≥ {100 * AIMS[name]:.1f} %", f"{100 * dice:.1f} %",
                      dice >= AIMS[name]) for name in names if WHOLE in methods
               for dice in [mean_values(methods[WHOLE], name)[0]]]
    if {WHOLE, PLAIN_LARGEST} <= set(methods):
        both = [np.mean([mean_values(methods[m], n)[0] for n in names]) for m in (WHOLE, PLAIN_LARGEST)]
        targets.append(Target("knee phantoms, mean Dice", "> plain 3D U-Net, same data and time",
                              f"{100 * both[0]:.1f} against {100 * both[1]:.1f} %", both[0] > both[1]))
    return blocks, targets


# ---- time and memory


def large_volume(model: str) -> dict:
    """Seconds of each stage, and the peak of memory, of one volume of the OAI's size."""
    made = knee_phantom(FIRST, spacing_mm=OAI_MM)
    voxels = made.volume.voxels[:OAI_SHAPE[0], :OAI_SHAPE[1], :OAI_SHAPE[2]]
    volume, loaded, marks = replace(made.volume, voxels=voxels.copy()), load_model(model), []
    del made
    before, start = peak_gib(), time.perf_counter()
    loaded.segment(volume, progress=lambda f, stage: marks.append((time.perf_counter() - start, stage)))
    end = time.perf_counter() - start
    starts: dict[str, float] = {}
    for at, stage in marks:
        starts.setdefault(stage, at)
    ends = [*list(starts.values())[1:], end]
    stages = {stage: until - at for (stage, at), until in zip(starts.items(), ends, strict=True)}
    return {"seconds": end, "stages": stages, "before_gib": before, "peak_gib": peak_gib(), "shape": volume.shape}


def peak_gib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def speed(options, others: dict[str, float]) -> tuple[list[str], list[Target]]:
    """Times and memory, in a process of its own."""
    require_quiet()
    command = [sys.executable, __file__, "--memory", "--model", options.model]
    found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1])
    fit = found["stages"].get("shapes", 0.0)
    rows = [[stage, f"{seconds:.1f} s"] for stage, seconds in found["stages"].items()]
    rows += [["all", f"{found['seconds']:.1f} s"], ["peak memory", f"{found['peak_gib']:.2f} GiB"]]
    rows += [[f"{name}, a phantom of 0.55 × 0.55 × 0.9 mm", f"{seconds:.1f} s"] for name, seconds in others.items()]
    size = " × ".join(map(str, sorted(found["shape"])))
    targets = [Target(f"a volume of {size} voxels", f"≤ {AIM_SECONDS:.0f} s on 2 cores", f"{found['seconds']:.0f} s",
                      found["seconds"] <= AIM_SECONDS),
               Target("of that, the shapes", f"≤ {AIM_FIT_SECONDS:.0f} s", f"{fit:.2f} s", fit <= AIM_FIT_SECONDS),
               Target("its peak of memory", f"≤ {AIM_GIB:.0f} GiB", f"{found['peak_gib']:.1f} GiB",
                      found["peak_gib"] <= AIM_GIB)]
    about = f"One volume of {size} voxels; the paper's method takes 8 s a volume and 0.1 s for the shapes on a GPU."
    return [about, table(["stage", "time"], rows)], targets


if __name__ == "__main__":
    main()
