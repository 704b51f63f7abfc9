"""Outlines of femurs and circles of their heads by deep morphing, on simulated fluoroscopy of 448 x 448 px.

    python benchmarks/morphing.py [--model hip-fluoroscopy] [--phantoms 8] [--views 12]

The bundled model on subjects that never trained it: phantoms from 1000 on and, where the data are on this machine, the
people of the pelvis atlas that are put aside for tests. Each film is turned by any angle, mirrored half of the times
and collimated to a circle; some are spoilt, and some show no hip at all. Films are kept for the next run.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from _films import CACHE, code
from _outlined import DATA, foreign_inputs
from _page import ROOT, Target, arguments, require_quiet, table, write_section
from napari_xray_landmarks.deep_morphing.films import HEAD
from napari_xray_landmarks.deep_morphing.heads import find_heads
from napari_xray_landmarks.deep_morphing.maps import maps_of, scales_of
from napari_xray_landmarks.deep_morphing.trials import KINDS, Trial, circle_error, contour_error, trial
from napari_xray_landmarks.evaluation.statistics import bootstrap_interval, reliability
from napari_xray_landmarks.imaging import Radiograph
from napari_xray_landmarks.io import load_image
from napari_xray_landmarks.models import load_model
from napari_xray_landmarks.shape.segmentation import HeadCircle
from napari_xray_landmarks.training.dataset import TrainingSet
from napari_xray_landmarks.training.femurs import VIEWS, FemurPatients
from napari_xray_landmarks.training.patients import OfSplit
from napari_xray_landmarks.training.simulated import FilmPlan, Look
from napari_xray_landmarks.training.simulated_sets import write_simulated_set
from napari_xray_landmarks.training.tables import read_training_set

CIRCLES = ("algebraic", "geometric", "taubin", "pratt", "ransac")
RIGHT_PX = 4.0  # an outline or a circle no farther off is right; what the confidence is held against
SPOIL_EVERY = 3
BINS = 5
LIMIT_S = 1.5
PAPER = {False: ("3.8", "1.6 to 2.3"), True: ("8.5", "")}
AIMS = {False: (2.0, 1.5), True: (4.0, 3.0)}
DIAGRAM = ROOT / "docs" / "images" / "benchmark-morphing.png"


@dataclass
class Outcomes:
    """A row a film: its kind, whether there is metal, the errors in px, and how sure the results are."""

    kind: list[str] = field(default_factory=list)
    metal: list[bool] = field(default_factory=list)
    outline: list[float] = field(default_factory=list)
    sure: list[float] = field(default_factory=list)
    head: list[float] = field(default_factory=list)
    head_sure: list[float] = field(default_factory=list)
    circles: list[tuple[float, ...]] = field(default_factory=list)
    subject: list[str] = field(default_factory=list)

    def of(self, name: str, chosen=slice(None)) -> np.ndarray:
        return np.array(getattr(self, name))[chosen]


def main() -> None:
    parser = arguments(__doc__.partition("\n")[0])
    parser.add_argument("--model", default="hip-fluoroscopy")
    parser.add_argument("--phantoms", type=int, default=8)
    parser.add_argument("--views", type=int, default=12)
    parser.add_argument("--cache", type=Path, default=CACHE)
    options = parser.parse_args()
    model = load_model(options.model)
    sets = film_sets(options.cache, options.phantoms, options.views)
    outcomes = Outcomes()
    for made, metal, subject in _inputs(sets):
        _search(model, made, metal, subject, outcomes)
    accuracy, targets = _accuracy(outcomes)
    sure, sure_targets = _confidence(outcomes)
    speed, speed_targets = _speed(model, sets[0])
    who = "phantoms and people of the pelvis atlas" if len(sets) > 1 else "phantoms"
    intro = (f"Model `{options.model}` on {sum(len(s) for s in sets)} simulated films of "
             f"{sum(len(s.subjects) for s in sets)} {who} that never trained it, 448 × 448 px of about 0.54 mm, each "
             "turned by any angle, mirrored half of the times, in a round field.")
    write_section("morphing", "Deep morphing: femurs and their heads in fluoroscopy",
                  [intro, accuracy, _circles(outcomes), sure, speed], [*targets, *sure_targets, *speed_targets],
                  dry=options.dry)


def film_sets(cache: Path, phantoms: int, views: int) -> list[TrainingSet]:
    """Films of phantoms and of atlas people, made once."""
    sources = {"phantoms": FemurPatients(phantoms, first=1000, implants=0.4, seed=1)}
    if (DATA / "pelvis-atlas").is_dir():
        femurs = DATA / "femur" / "femur_gp_model_100-components.h5"
        sources["atlas"] = OfSplit(FemurPatients(0, str(DATA / "pelvis-atlas"), str(femurs), implants=0.4), "test")
    sets, version = [], code("phantoms", "drr")
    for name, source in sources.items():
        plan = FilmPlan(source, VIEWS, 1, views, Look(appearance=False, tools=0.15))
        folder = cache / f"hips-{name}-{views}-{version}"
        print(f"films of {name}", flush=True)
        write_simulated_set(folder, plan, views * len(source))
        sets.append(read_training_set(folder))
    return sets


def _inputs(sets: list[TrainingSet]) -> Iterator[tuple[Trial, bool, str]]:
    """Every film turned; every third also spoilt in each way; films that show no hip."""
    rng = np.random.default_rng(11)
    for dataset in sets:
        metal = _metal(dataset)
        for i, film in enumerate(dataset.films):
            radiograph, contours = dataset.radiograph(film), dataset.contours(film)
            yield trial(radiograph, contours, "whole", rng), metal[film.name], film.subject
            for kind in KINDS[1:] if i % SPOIL_EVERY == 0 else ():
                yield trial(radiograph, contours, kind, rng), metal[film.name], film.subject
    for other in foreign_inputs():
        yield Trial(other.kind, Radiograph(other.pixels, other.spacing_mm), {}, {}), False, other.kind


def _metal(dataset: TrainingSet) -> dict[str, bool]:
    import json

    lines = (dataset.folder / "films.jsonl").read_text(encoding="utf-8").splitlines()[1:]
    return {line["image"]: line["metal"] for line in map(json.loads, lines)}


def _search(model, made: Trial, metal: bool, subject: str, outcomes: Outcomes) -> None:
    found = model.segment(made.radiograph)
    bone, head = next(iter(found.bones), None), next(iter(found.circles), None)
    row = {
        "kind": made.kind, "metal": metal, "subject": subject,
        "outline": contour_error(bone, made) if bone else np.inf, "sure": bone.confidence if bone else 0.0,
        "head": circle_error(head, made) if head else np.inf, "head_sure": head.confidence if head else 0.0,
        "circles": _by_circle(model, made) if made.kind == "whole" else (np.nan,) * len(CIRCLES),
    }  # fmt: skip
    for name, value in row.items():
        getattr(outcomes, name).append(value)


def _by_circle(model, made: Trial) -> tuple[float, ...]:
    """The error of the head with each kind of fit."""
    pixel = model.settings().pixel_mm
    maps = maps_of(model.detector.network, made.radiograph, scales_of(made.radiograph, pixel)[0], pixel)
    errors = []
    for kind in CIRCLES:
        heads = find_heads(maps.confidence[HEAD], maps.inside, kind, maps.pixel_mm, 1, np.random.default_rng(0))
        scale = maps.image_from_map[0, 0]
        circles = [HeadCircle("head", tuple(scale * h.centre + maps.image_from_map[:2, 2]),
                              (scale * h.radius,) * 2) for h in heads]
        errors.append(circle_error(circles[0], made) if circles else np.inf)
    return tuple(errors)


def _accuracy(outcomes: Outcomes) -> tuple[str, list[Target]]:
    rows, targets, whole = [], [], outcomes.of("kind") == "whole"
    for metal in (False, True):
        own = whole & (outcomes.of("metal") == metal)
        tools = "with metal" if metal else "without metal"
        for what, error, sure, aim, paper in (
                ("head circle", "head", "head_sure", AIMS[metal][0], PAPER[metal][0]),
                ("proximal femur", "outline", "sure", AIMS[metal][1], PAPER[metal][1])):
            errors, found = outcomes.of(error, own), outcomes.of(sure, own) >= 0.5
            kept = errors[found & np.isfinite(errors)]
            low, high = bootstrap_interval(kept, np.mean, clusters=outcomes.of("subject", own)[
                found & np.isfinite(errors)]) if len(kept) else (np.nan, np.nan)
            mean = float(kept.mean()) if len(kept) else np.nan
            rows.append([f"{what}, {tools}", len(errors), f"{100 * found.mean():.0f} %",
                         f"{mean:.2f} ({low:.2f} to {high:.2f})", f"{np.median(kept):.2f}",
                         f"{np.percentile(kept, 95):.1f}", f"{np.isinf(errors[found]).sum()}", paper])
            targets.append(Target(f"Deep morphing, {what}, {tools}: mean error of those found", f"≤ {aim:g} px",
                                  f"{mean:.2f} px, {100 * found.mean():.0f} % found", mean <= aim))
    text = ("Errors in px. Of the head, the distance between (row, column, radius) and the true ones; of the outline, "
            "the root mean square distance from the true one within the round field. A film counts as found from a "
            "confidence of 0.5 on; *other side* counts outlines that were found, but as the other side's.")
    return text + "\n\n" + table(["what", "films", "found", "mean (95 % interval)", "median", "95th percentile",
                                  "other side", "paper 001, on real films"], rows), targets


def _circles(outcomes: Outcomes) -> str:
    whole = (outcomes.of("kind") == "whole") & (outcomes.of("head_sure") >= 0.5)
    errors, metal = outcomes.of("circles", whole), outcomes.of("metal", whole)
    rows = [[kind, *(f"{np.median(own):.2f}, {np.minimum(own, 50).mean():.2f}" for own in
                     (errors[~metal, i], errors[metal, i]))] for i, kind in enumerate(CIRCLES)]
    return ("Fits of the circle to the same maps (median, and mean with failures counted as 50 px); algebraic and "
            "geometric take all pixels above one half, as in the paper.\n\n"
            + table(["fit", "without metal", "with metal"], rows))


def _confidence(outcomes: Outcomes) -> tuple[str, list[Target]]:
    rows, gaps, found = [], [], {}
    for what, sure, error in (("outline", "sure", "outline"), ("head", "head_sure", "head")):
        wrong = np.minimum(outcomes.of(error), 1e6)  # of films without a hip too: those cannot be right
        found[what] = reliability(outcomes.of(sure), wrong, RIGHT_PX, bins=BINS)
        gaps.append(found[what].calibration_error)
        rows += [[what, f"{b.low:.1f} to {b.high:.1f}", b.count, f"{b.mean_confidence:.2f}", f"{b.share_within:.2f}"]
                 for b in found[what].bins]
    _draw(found)
    kinds = [[kind, int(own.sum()), f"{100 * (outcomes.of('sure', own) >= 0.5).mean():.0f} %",
              f"{100 * _confident_and_wrong(outcomes, own):.0f} %"]
             for kind in dict.fromkeys(outcomes.kind) for own in [outcomes.of("kind") == kind]]
    worst = _confident_and_wrong(outcomes, np.ones(len(outcomes.kind), bool))
    text = (f"How sure the results are against how often they are right, no farther off than {RIGHT_PX:g} px, films "
            "that are spoilt or show no hip included.\n\n"
            f"![Confidence against the share that is right](images/{DIAGRAM.name})\n\n")
    return (text + table(["what", "confidence", "films", "mean confidence", "share that is right"], rows) + "\n\n"
            + table(["input", "films", "an outline is called found", "found and wrong"], kinds)), [
        Target("Deep morphing: mean gap of confidence to the share that is right", "≤ 0.1", f"{max(gaps):.3f} at most",
               max(gaps) <= 0.1),
        Target("Deep morphing: outlines called found that are wrong, of all inputs", "≤ 5 %", f"{100 * worst:.1f} %",
               worst <= 0.05)]


def _confident_and_wrong(outcomes: Outcomes, own) -> float:
    return float(((outcomes.of("sure", own) >= 0.5) & (outcomes.of("outline", own) > 2 * RIGHT_PX)).mean())


def _draw(found: dict) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.2, 3.6), layout="constrained")
    axes = figure.add_subplot(xlabel="confidence", ylabel="share that is right", xlim=(0, 1), ylim=(0, 1))
    axes.plot([0, 1], [0, 1], color="0.7", linewidth=1)
    for (what, one), colour in zip(found.items(), ("#0072b2", "#d55e00"), strict=True):
        axes.plot([b.mean_confidence for b in one.bins], [b.share_within for b in one.bins], "o-", color=colour,
                  label=what)
    axes.legend(frameon=False)
    DIAGRAM.parent.mkdir(exist_ok=True)
    figure.savefig(DIAGRAM, dpi=120)


def _speed(model, dataset: TrainingSet) -> tuple[str, list[Target]]:
    """Seconds from a file on disk to the outline; the first film, which loads and compiles, does not count."""
    require_quiet()
    times = []
    for film in dataset.films[:11]:
        start, used = time.perf_counter(), time.process_time()
        found = model.segment(replace(load_image(film.path), spacing_mm=film.spacing_mm))
        times.append((time.perf_counter() - start, time.process_time() - used, len(found.bones)))
    wall, used, _ = np.median(times[1:], axis=0)
    return (f"From a PNG file of 448 × 448 px to outline and circle: {wall:.2f} s (median of {len(times) - 1} films; "
            f"{used:.2f} s of processor time).", [
        Target("Deep morphing: from file to outline, 448 × 448 px", f"≤ {LIMIT_S} s", f"{wall:.2f} s",
               bool(wall <= LIMIT_S))])


if __name__ == "__main__":
    main()
