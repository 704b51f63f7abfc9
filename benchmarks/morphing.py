"""Outlines of femurs and circles of their heads by deep morphing, on simulated fluoroscopy of 448 x 448 px.

    python benchmarks/morphing.py [--model hip-fluoroscopy] [--phantoms 8] [--views 12] [--no-times]

The bundled model on subjects that never trained it: phantoms from 1000 on and, where the data are on this machine, the
people of the pelvis atlas that are put aside for tests. Each film is turned by any angle, mirrored half of the times
and collimated to a circle; some are spoilt, and some show no hip at all. Films and what is found in them are kept: a
run that was stopped goes on where it was.
"""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from functools import partial
from pathlib import Path

import numpy as np

from _diagram import draw_reliability
from _films import CACHE, code
from _outlined import foreign_inputs, foreign_kinds
from _page import DATA, ROOT, Target, arguments, require_quiet, table, write_section
from _runs import kept, model_key
from napari_xray_landmarks.deep_morphing.films import HEAD
from napari_xray_landmarks.deep_morphing.heads import find_heads
from napari_xray_landmarks.deep_morphing.trials import (
    KINDS,
    RIGHT_HEAD_MM,
    RIGHT_MM,
    Trial,
    circle_error,
    contour_error,
    trial,
)
from napari_xray_landmarks.evaluation.statistics import bootstrap_interval, reliability
from napari_xray_landmarks.imaging import Radiograph
from napari_xray_landmarks.io import load_image
from napari_xray_landmarks.models import load_model
from napari_xray_landmarks.shape.segmentation import HeadCircle
from napari_xray_landmarks.training.dataset import TrainingSet
from napari_xray_landmarks.training.femurs import VIEWS, FemurPatients
from napari_xray_landmarks.training.patients import OfSplit
from napari_xray_landmarks.training.simulated import FilmPlan, Look
from napari_xray_landmarks.training.simulated_sets import MANIFEST, write_simulated_set
from napari_xray_landmarks.training.tables import read_training_set

CIRCLES = ("algebraic", "geometric", "taubin", "pratt", "ransac")
FAILED_PX = 50.0  # what a circle that was not found counts
SPOIL_EVERY = 5
BINS = 5
LIMIT_S = 1.5
PAPER = {False: ("3.8", "1.6 to 2.3"), True: ("8.5", "")}
AIMS = {False: (2.0, 1.5), True: (4.0, 3.0)}
DIAGRAM = ROOT / "docs" / "images" / "benchmark-morphing.png"


@dataclass(frozen=True, eq=False)
class Outcomes:
    """What was found: a row a film.

    Parameters
    ----------
    kind : (N,) text array
        One of `trials.KINDS`, or what other films.
    subject : (N,) text array
    metal : (N,) bool array
    pixel_mm : (N,) array
        NaN where unknown.
    outline, head : (N,) arrays
        Errors in px; infinite where nothing was found, or nothing that is there.
    sure, head_sure : (N,) arrays
        Confidences; 0 where nothing was found.
    circles : (N, fits) array
        Errors of the head in px by each fit of `CIRCLES`; NaN in films that are not whole.
    """

    kind: np.ndarray
    subject: np.ndarray
    metal: np.ndarray
    pixel_mm: np.ndarray
    outline: np.ndarray
    sure: np.ndarray
    head: np.ndarray
    head_sure: np.ndarray
    circles: np.ndarray

    def of(self, chosen: np.ndarray) -> "Outcomes":
        """Some of the rows."""
        return Outcomes(**{name: values[chosen] for name, values in vars(self).items()})

    @property
    def far(self) -> dict[str, np.ndarray]:
        """Errors of outline and head by what counts as right, which their confidences speak of: 1 is just right."""
        return {"outline": self.outline * self.pixel_mm / RIGHT_MM, "head": self.head * self.pixel_mm / RIGHT_HEAD_MM}

    @property
    def found(self) -> dict[str, np.ndarray]:
        """Whether outline and head are called found."""
        return {"outline": self.sure >= 0.5, "head": self.head_sure >= 0.5}


def main() -> None:
    parser = arguments(__doc__.partition("\n")[0])
    parser.add_argument("--model", default="hip-fluoroscopy")
    parser.add_argument("--phantoms", type=int, default=8)
    parser.add_argument("--views", type=int, default=12)
    parser.add_argument("--cache", type=Path, default=CACHE)
    parser.add_argument("--no-times", action="store_true", help="leave the time for a film out")
    options = parser.parse_args()
    model = load_model(options.model)
    sets = film_sets(options.cache, options.phantoms, options.views)
    outcomes = _outcomes(model, options, sets)
    accuracy, targets = _accuracy(outcomes)
    sure, sure_targets = _confidence(outcomes, draw=not options.dry)
    speed, speed_targets = ("", []) if options.no_times else _speed(model, sets[0])
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


def _outcomes(model, options, sets: list[TrainingSet]) -> Outcomes:
    """What is found in every film; each is kept, so that a run that was stopped goes on where it was."""
    about = code("shape", "geometry", "drr"), model_key(options.model), SPOIL_EVERY
    jobs = [(f"{dataset.folder.name}-{number}", partial(_in_film, model, dataset, number))
            for dataset in sets for number in range(len(dataset))]
    jobs += [(f"hips-none-{kind}".replace(", ", "-"), partial(_in_others, model, kind)) for kind in foreign_kinds()]
    pieces = []
    for name, search in jobs:
        pieces.append(kept(options.cache, name, about, search, "deep_morphing"))
        print(f"{name}: {len(pieces)} of {len(jobs)}", flush=True)
    return Outcomes(**{f.name: np.concatenate([piece[f.name] for piece in pieces]) for f in fields(Outcomes)})


def _in_film(model, dataset: TrainingSet, number: int) -> dict[str, np.ndarray]:
    film = dataset.films[number]
    return _searched(model, _trials(dataset, number), film.subject, _metal(dataset)[film.name])


def _in_others(model, kind: str) -> dict[str, np.ndarray]:
    films = (Trial(kind, Radiograph(film.pixels, film.spacing_mm), {}, {}) for film in foreign_inputs(kind))
    return _searched(model, films, kind, False)


def _trials(dataset: TrainingSet, number: int) -> Iterator[Trial]:
    """A film turned; every fifth also spoilt in each way."""
    film, rng = dataset.films[number], np.random.default_rng([11, number])
    for kind in KINDS if number % SPOIL_EVERY == 0 else KINDS[:1]:
        yield trial(dataset.radiograph(film), dataset.contours(film), kind, rng)


def _metal(dataset: TrainingSet) -> dict[str, bool]:
    lines = (dataset.folder / MANIFEST).read_text(encoding="utf-8").splitlines()[1:]
    return {line["image"]: line["metal"] for line in map(json.loads, lines)}


def _searched(model, trials, subject: str, metal: bool) -> dict[str, np.ndarray]:
    """Rows as in `Outcomes`."""
    rows: dict[str, list] = {f.name: [] for f in fields(Outcomes)}
    for made in trials:
        for key, value in (_row(model, made) | {"subject": subject, "metal": metal}).items():
            rows[key].append(value)
    return {key: np.array(values) for key, values in rows.items()}


def _row(model, made: Trial) -> dict:
    found = model.segment(made.radiograph)
    bone, head = next(iter(found.bones), None), next(iter(found.circles), None)
    spacing = made.radiograph.spacing_mm
    return {
        "kind": made.kind, "pixel_mm": float(np.sqrt(np.prod(spacing))) if spacing else np.nan,
        "outline": contour_error(bone, made) if bone else np.inf, "sure": bone.confidence if bone else 0.0,
        "head": circle_error(head, made) if head else np.inf, "head_sure": head.confidence if head else 0.0,
        "circles": _by_circle(found, made) if made.kind == KINDS[0] else (np.nan,) * len(CIRCLES),
    }  # fmt: skip


def _by_circle(found, made: Trial) -> tuple[float, ...]:
    """The error of the head with each kind of fit to the same map."""
    response = found.maps[f"{HEAD} outline"]
    scale, shift = response.image_from_response[0, 0], response.image_from_response[:2, 2]
    pixel_mm, errors = scale * float(np.mean(made.radiograph.spacing_mm)), []
    for kind in CIRCLES:
        heads = find_heads(response.values, np.ones(response.values.shape, bool), kind, pixel_mm, 1,
                           np.random.default_rng(0))
        circles = [HeadCircle(HEAD, tuple(scale * h.centre + shift), (scale * h.radius,) * 2) for h in heads]
        errors.append(circle_error(circles[0], made) if circles else np.inf)
    return tuple(errors)


def _accuracy(outcomes: Outcomes) -> tuple[str, list[Target]]:
    rows, targets, whole = [], [], outcomes.of(outcomes.kind == KINDS[0])
    for metal in (False, True):
        own, tools = whole.of(whole.metal == metal), "with metal" if metal else "without metal"
        for what, name, aim, paper in zip(("head circle", "proximal femur"), ("head", "outline"), AIMS[metal],
                                          PAPER[metal], strict=True):
            errors, found = getattr(own, name), own.found[name]
            row, mean = _accuracy_row(errors, found, own.subject)
            rows.append([f"{what}, {tools}", *row, paper])
            targets.append(Target(f"Deep morphing, {what}, {tools}: mean error of those found", f"≤ {aim:g} px",
                                  f"{mean:.2f} px, {100 * np.mean(found):.0f} % found", bool(mean <= aim)))
    text = ("Errors in px. Of the head, the distance between (row, column, radius) and the true ones; of the outline, "
            "the root mean square distance from the true one within the round field. A film counts as found from a "
            "confidence of 0.5 on; *not there* counts outlines that were found, but as the other side's, and heads "
            "of which nothing lies in the field: these have no error, and are not in the means.")
    return text + "\n\n" + table(["what", "films", "found", "mean (95 % interval)", "median", "95th percentile",
                                  "not there", "paper 001, on real films"], rows), targets


def _accuracy_row(errors: np.ndarray, found: np.ndarray, subject: np.ndarray) -> tuple[list, float]:
    """Cells of those that were found, and their mean."""
    there = found & np.isfinite(errors)
    if not there.any():
        return [len(errors), f"{100 * found.sum() / max(len(found), 1):.0f} %", "", "", "", int(found.sum())], np.nan
    own = errors[there]
    low, high = bootstrap_interval(own, clusters=subject[there])
    return [len(errors), f"{100 * found.mean():.0f} %", f"{own.mean():.2f} ({low:.2f} to {high:.2f})",
            f"{np.median(own):.2f}", f"{np.percentile(own, 95):.1f}", int((found & ~there).sum())], float(own.mean())


def _circles(outcomes: Outcomes) -> str:
    own = outcomes.of((outcomes.kind == KINDS[0]) & outcomes.found["head"] & np.isfinite(outcomes.head))
    rows = [[kind, *(f"{np.median(errors):.2f}, {np.minimum(errors, FAILED_PX).mean():.2f}" if len(errors) else ""
                     for errors in (own.circles[~own.metal, i], own.circles[own.metal, i]))]
            for i, kind in enumerate(CIRCLES)]
    return ("Fits of the circle to the same maps, in films whose head was found (median, and mean with no error above "
            f"{FAILED_PX:g} px); algebraic and geometric take all pixels above one half, as in the paper.\n\n"
            + table(["fit", "without metal", "with metal"], rows))


def _confidence(outcomes: Outcomes, *, draw: bool) -> tuple[str, list[Target]]:
    """What the confidences are worth in all films, also spoilt ones and such that show no hip."""
    worth = {what: reliability(sure, np.nan_to_num(outcomes.far[what], nan=1e6, posinf=1e6), 1.0, bins=BINS)
             for what, sure in (("outline", outcomes.sure), ("head", outcomes.head_sure))}
    if draw:
        draw_reliability(worth, "share that is right", DIAGRAM)
    rows = [[what, f"{b.low:.1f} to {b.high:.1f}", b.count, f"{b.mean_confidence:.2f}", f"{b.share_within:.2f}"]
            for what, own in worth.items() for b in own.bins]
    gap = max(own.calibration_error for own in worth.values())
    text = (f"How sure the results are against how often they are right: an outline within {RIGHT_MM:g} mm, a head "
            f"within {RIGHT_HEAD_MM:g} mm (its centre and radius together); films that are spoilt or show no hip "
            f"included.\n\n![Confidence against the share that is right](images/{DIAGRAM.name})\n\n")
    kinds, targets = _kinds(outcomes)
    return (text + table(["what", "confidence", "films", "mean confidence", "share that is right"], rows) + "\n\n"
            + kinds), [Target("Deep morphing: mean gap of confidence to the share that is right", "≤ 0.1",
                              f"{gap:.3f} at most", gap <= 0.1), *targets]


def _kinds(outcomes: Outcomes) -> tuple[str, list[Target]]:
    """How often what is called found is wrong, by kind of film."""
    rows, wrong = [], {"outline": 0, "head": 0}
    for kind in dict.fromkeys(outcomes.kind.tolist()):
        own, cells = outcomes.of(outcomes.kind == kind), []
        for what, far in own.far.items():
            off = ~(far <= 2.0) & own.found[what]
            wrong[what] += int(off.sum())
            cells += [int(own.found[what].sum()), int((~(far <= 1.0) & own.found[what]).sum()), int(off.sum())]
        rows.append([kind, len(own.kind), *cells])
    head = ["input", "films", *(f"{what}{words}" for what in wrong for words in (
        "s called found", ": of these not right", ": more than twice as far off, or not there"))]
    targets = [Target(f"Deep morphing: {what}s called found that are far off or not there, in all inputs", "none",
                      f"{count} of {len(outcomes.kind)}", count == 0) for what, count in wrong.items()]
    return "By kind of film:\n\n" + table(head, rows), targets


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
