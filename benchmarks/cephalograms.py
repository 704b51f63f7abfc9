"""Real cephalograms: 60 films, two annotators, five folds by film, with no initial position given.

    python benchmarks/cephalograms.py [--no-curves]

Needs the films in ../shared/data or $XRAY_LANDMARKS_DATA. A run that was stopped goes on where it was.
"""

import functools
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from _films import CACHE, cephalograms, examples, trained, workers
from _page import ROOT, Target, arguments, p_value, table, write_section
from _runs import (
    BEST_METHODS,
    FOREST,
    HOW,
    NEAREST,
    OURS,
    PUBLISHED,
    PUBLISHED_FOREST,
    PUBLISHED_METHODS,
    first_levels,
    kept,
    search,
)
from napari_xray_landmarks.evaluation.metrics import detection_rate, radial_error
from napari_xray_landmarks.evaluation.statistics import bootstrap_interval, paired_test
from napari_xray_landmarks.joint_displacement.settings import AS_PUBLISHED, BEST
from napari_xray_landmarks.training.dataset import TrainingSet, split_by_subject

FOLDS = 5
SEED = 1
WITHIN_PX = (10, 20, 30)
CURVE_FOLDS = (0,)
PICTURE = ROOT / "docs" / "images" / "benchmark-cephalograms.png"
RIVALS = {
    f"{NEAREST}, shape off": replace(BEST, method="nearest", shape=0.0),
    **{f"{NEAREST}, k = {k}": replace(BEST, method="nearest", neighbours=k) for k in (5, 20)},
    f"{NEAREST}, k = 5, bandwidth 5, locality 0.5": replace(BEST, method="nearest", neighbours=5, bandwidth=5.0,
                                                            locality=0.5),
}
GROUPS = {"best": (BEST, BEST_METHODS | RIVALS), "published": (AS_PUBLISHED, PUBLISHED_METHODS)}
PATCHES = (250, 500, 1000, 2000, 4000)
TRAINING_PATCHES = (1000, 2000, 4000, 8000)
TRAINING_FILMS = (6, 12, 24, 48)


@dataclass(frozen=True, eq=False)
class Truth:
    """(films, landmarks, 2) points of each annotator, and the mean of those who marked them; in the order searched."""

    mean: np.ndarray
    annotators: Mapping[str, np.ndarray]


def main() -> None:
    parser = arguments(__doc__.partition("\n")[0])
    parser.add_argument("--no-curves", action="store_true")
    parser.add_argument("--cache", type=Path, default=CACHE)
    options = parser.parse_args()
    dataset = cephalograms(options.cache)
    if dataset is None:
        print("The cephalograms are not on this machine: put them in ../shared/data or name it in "
              "XRAY_LANDMARKS_DATA", file=sys.stderr)
        return
    folds = split_by_subject(dataset, FOLDS, SEED)
    with workers() as pool:
        jobs = [(options.cache, group, fold) for fold in range(FOLDS) for group in GROUPS]
        pieces = list(zip(jobs, pool.map(_fold, jobs), strict=True))
        curve_jobs = [] if options.no_curves else [(options.cache, kind, fold) for fold in CURVE_FOLDS
                                                   for kind in ("detection", "patches", "films")]
        curve_pieces = list(pool.map(_curve, curve_jobs))
    found = {name: np.concatenate([piece[name] for (_, g, _), piece in pieces if g == group])
             for group, (_, methods) in GROUPS.items() for name in methods}
    truth = _truth([test for _, test in folds])
    blocks, targets = _report(found, truth)
    if curve_pieces:
        blocks += _curves(curve_pieces, _truth([folds[f][1] for f in CURVE_FOLDS]))
    write_section("cephalograms", "Real cephalograms", blocks, targets, dry=options.dry, how=HOW)


@functools.lru_cache(maxsize=1)
def _films(cache: Path, fold: int):
    """(training examples, test examples, landmark names) of one fold."""
    train, test = split_by_subject(cephalograms(cache), FOLDS, SEED)[fold]
    return examples(train), examples(test), train.landmark_names


def _fold(job: tuple[Path, str, int]) -> dict[str, np.ndarray]:
    """Points of every method of one group in the test films of one fold."""
    cache, group, fold = job
    settings, methods = GROUPS[group]

    def compute():
        train, test, names = _films(cache, fold)
        return search(trained(train, names, settings), test, methods)

    result = kept(cache, f"cephalograms-{group}-{SEED}.{fold}", methods, compute)
    print(f"fold {fold + 1}, {group}", flush=True)
    return result


def _curve(job: tuple[Path, str, int]) -> dict[str, np.ndarray]:
    """Points of our default with one thing changed at a time, in one fold."""
    cache, kind, fold = job
    compute = {"detection": _detection_curves, "patches": _training_patches_curve, "films": _films_curve}[kind]
    result = kept(cache, f"cephalograms-curve-{kind}-{SEED}.{fold}", BEST, lambda: compute(*_films(cache, fold)))
    print(f"curve over {kind}, fold {fold + 1}", flush=True)
    return result


def _detection_curves(train, test, names) -> dict[str, np.ndarray]:
    detector = trained(train, names, BEST)
    found = search(detector, test, {f"patches/{n}": replace(BEST, patches=n) for n in PATCHES})
    for count in range(1, len(detector.model.levels) + 1):
        fewer = first_levels(detector, count)
        found |= search(fewer, test, {f"levels/{count}": fewer.settings})
    return found


def _training_patches_curve(train, test, names) -> dict[str, np.ndarray]:
    found = {}
    for count in TRAINING_PATCHES:
        settings = replace(BEST, train_patches=count)
        found |= search(trained(train, names, settings), test, {f"training patches/{count}": settings})
    return found


def _films_curve(train, test, names) -> dict[str, np.ndarray]:
    found = {}
    for count in TRAINING_FILMS:
        found |= search(trained(train[:count], names, BEST), test, {f"training films/{count}": BEST})
    return found


def _truth(tests: Sequence[TrainingSet]) -> Truth:
    who = tests[0].annotators
    return Truth(np.concatenate([t.points_of() for t in tests]),
                 {name: np.concatenate([t.points_of(name) for t in tests]) for name in who})


def _report(found: Mapping[str, np.ndarray], truth: Truth) -> tuple[list[str], list[Target]]:
    errors = {name: radial_error(points, truth.mean) for name, points in found.items()}
    first, second = truth.annotators.values()
    own = radial_error(first, second)
    own[np.isinf(own)] = np.nan  # a landmark that only one of them marked
    rows = [_row(name, e, [radial_error(found[name], t) for t in truth.annotators.values()], _against(errors, name))
            for name, e in errors.items()]
    between = ["the two annotators, one from the other", *_figures(own), "", "", ""]
    head = ["method", "mean radial error, px [95 %]", "median", *(f"within {t} px" for t in WITHIN_PX),
            *(f"mean error from annotator {i + 1}" for i in range(len(truth.annotators))),
            "default − this: mean of films, p (Wilcoxon)"]
    text = (f"{len(truth.mean)} films of 1671 × 1340 px, 19 landmarks by each of two annotators, {FOLDS} folds; "
            "errors are from the mean of the two (from the one who marked it, where the other did not). All methods "
            "with our patches share one model a fold and its search for the pose, those with the paper's another. "
            "The defaults were chosen by cross-validation on these films and folds, so their figure is "
            "a little too good; nearest neighbours are given in several forms and the best of them counts.")
    return [text, table(head, [*rows, between])], _targets(errors, float(np.nanmean(own)))


def _figures(errors: np.ndarray) -> list[str]:
    """Mean with its interval over films, median, shares."""
    films = np.repeat(np.arange(len(errors)), errors.shape[1])
    low, high = bootstrap_interval(errors.ravel(), clusters=films)
    shares = detection_rate(errors, WITHIN_PX)
    return [f"{np.nanmean(errors):.1f} [{low:.1f}, {high:.1f}]", f"{np.nanmedian(errors):.1f}",
            *(f"{100 * share:.0f} %" for share in shares)]


def _row(name: str, errors, from_annotators, against: str) -> list[str]:
    return [name, *_figures(errors), *(f"{np.nanmean(e):.1f}" for e in from_annotators), against]


def _test(errors: Mapping[str, np.ndarray], name: str):
    return paired_test(np.nanmean(errors[OURS], axis=1), np.nanmean(errors[name], axis=1))


def _against(errors: Mapping[str, np.ndarray], name: str) -> str:
    if name == OURS:
        return ""
    test = _test(errors, name)
    return f"{test.mean_difference:+.2f} px, p = {p_value(test.wilcoxon_p)}"


def _targets(errors: Mapping[str, np.ndarray], own: float) -> list[Target]:
    mean = {name: float(np.nanmean(e)) for name, e in errors.items()}
    targets = []
    for name in (PUBLISHED, PUBLISHED_FOREST, FOREST):
        test = _test(errors, name)
        targets.append(Target(f"Cephalograms: our default beats {name}", "smaller mean, p < 0.05",
                              f"{mean[OURS]:.1f} against {mean[name]:.1f} px, p = {p_value(test.wilcoxon_p)}",
                              test.mean_difference < 0 and test.wilcoxon_p < 0.05))
    best = min((name for name in mean if name.startswith(NEAREST)), key=mean.get)
    test = _test(errors, best)
    targets.append(Target("Cephalograms: no worse than nearest neighbours in their best form",
                          "mean no larger, or no significant difference",
                          f"{mean[OURS]:.2f} against {mean[best]:.2f} px ({best.removeprefix(NEAREST + ', ')}), "
                          f"p = {p_value(test.wilcoxon_p)}",
                          test.mean_difference <= 0 or test.wilcoxon_p >= 0.05, test.mean_difference <= 0))
    low, high = bootstrap_interval(errors[OURS].ravel(),
                                   clusters=np.repeat(np.arange(len(errors[OURS])), errors[OURS].shape[1]))
    targets.append(Target("Cephalograms: mean radial error", f"the annotators' own difference, {own:.1f} px",
                          f"{mean[OURS]:.1f} px [{low:.1f}, {high:.1f}]", mean[OURS] <= own))
    return targets


def _curves(pieces: Sequence[Mapping[str, np.ndarray]], truth: Truth) -> list[str]:
    names = sorted({name for piece in pieces for name in piece}, key=lambda n: (n.split("/")[0], int(n.split("/")[1])))
    series: dict[str, dict[int, float]] = {}
    for name in names:
        found = np.concatenate([piece[name] for piece in pieces if name in piece])
        what, value = name.split("/")
        series.setdefault(what, {})[int(value)] = float(np.nanmean(radial_error(found, truth.mean)))
    rows = [[what, ", ".join(f"{value}: {error:.1f}" for value, error in points.items())]
            for what, points in series.items()]
    _draw(series)
    text = (f"What the error depends on, one thing changed at a time from the default, {len(CURVE_FOLDS)} of the "
            f"{FOLDS} folds ({len(truth.mean)} films). Levels are those of the default without the finest ones.")
    return [text, table(["changed", "value: mean radial error, px"], rows),
            f"![Error against patches, films and levels](images/{PICTURE.name})"]


def _draw(series: Mapping[str, Mapping[int, float]]) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, len(series), figsize=(3.2 * len(series), 2.8), sharey=True, squeeze=False)
    for axis, (what, points) in zip(axes[0], series.items(), strict=True):
        axis.plot(list(points), list(points.values()), "o-", color="tab:blue")
        if max(points) > 8 * min(points):
            axis.set_xscale("log")
        axis.set_xticks(list(points), [str(value) for value in points])
        axis.minorticks_off()
        axis.set_xlabel(what)
        axis.grid(alpha=0.3)
    axes[0, 0].set_ylabel("mean radial error, px")
    axes[0, 0].set_ylim(bottom=0)
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    figure.tight_layout()
    figure.savefig(PICTURE, dpi=110)


if __name__ == "__main__":
    main()
