"""The exact solver against the paper's gradient descent and other solvers, and how fast tuning is.

    python benchmarks/solver.py [--repeats 7]

Real cephalograms where they are on this machine, otherwise phantom pelvis films. All timings are medians of interleaved
runs in one process.
"""

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np

from _films import CACHE, cephalograms, examples, phantom_examples, phantom_films, trained
from _memory import peaks
from _page import Target, arguments, require_quiet, table, write_section
from _reference import factorised
from napari_xray_landmarks.geometry.similarity import apply, decompose
from napari_xray_landmarks.joint_displacement.graph import patch_graph
from napari_xray_landmarks.joint_displacement.settings import AS_PUBLISHED, BEST
from napari_xray_landmarks.joint_displacement.solver import JointProblem, Weights
from napari_xray_landmarks.joint_displacement.subshape import Subshape
from napari_xray_landmarks.joint_displacement.threads import one_thread
from napari_xray_landmarks.phantoms import SCHEMAS

TRAIN_FILMS = 20
RESIDUALS = (1e-8, 1e-9, 1e-10, 1e-11, 1e-12)
CLOSE_PX = 1e-5
SLIDER_STEPS = 7


@dataclass(frozen=True, eq=False)
class Bench:
    """One subshape of a film that the model has not seen, with what it was cut from."""

    subshape: Subshape
    problem: JointProblem
    level_image: object
    cell: int


def main() -> None:
    parser = arguments(__doc__.partition("\n")[0])
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--cache", type=Path, default=CACHE)
    options = parser.parse_args()
    require_quiet()
    source, films, names = _films(options.cache)
    published, best = (_bench(films, names, s) for s in (AS_PUBLISHED, BEST))
    both = {"best": best, "as published": published}
    parts = [(_solvers, published), (_agreement, published), (_weight_changes, published), (_updates, both),
             (_preparation, both)]
    blocks, targets = [_problem_line(source, published)], []
    for part, given in parts:
        block, found = part(given, options.repeats)
        print(block, flush=True)
        blocks.append(block)
        targets += found
    block, found = peaks(options.cache)
    write_section("solver", "Solver and live tuning", [*blocks, block], [*targets, *found], dry=options.dry,
                  how="one thread, as the package runs")
    require_quiet()


def _films(cache: Path):
    """What it is, training examples and one more, and the landmarks' names."""
    dataset = cephalograms(cache)
    if dataset is not None:
        chosen = dataset.subset([film.name for film in dataset.films[: TRAIN_FILMS + 1]])
        return "a real cephalogram", examples(chosen), dataset.landmark_names
    found = phantom_examples(phantom_films("pelvis", range(TRAIN_FILMS + 1), cache))
    return "a phantom pelvis film", found, SCHEMAS["pelvis"].names


def _bench(films, names, settings) -> Bench:
    detector = trained(films[:TRAIN_FILMS], names, settings)
    found = detector.detect_in(films[TRAIN_FILMS].pyramid, None, settings)
    subshape = found.subshapes[0]
    problem = JointProblem(subshape.graph(settings.neighbours), subshape.patches.displacements.astype(float),
                           subshape.centres.astype(float))
    level = len(detector.model.levels) - 1
    image = detector._level_image(films[TRAIN_FILMS].pyramid, found.image_from_model, detector.model.formation.mean,
                                  level, settings)
    return Bench(subshape, problem, image, settings.cell)


def _problem_line(source: str, bench: Bench) -> str:
    problem = bench.problem
    length = bench.subshape.features.shape[1]
    return (f"The problem: {source}, K̃ = {problem.graph.train_count}, K = {problem.graph.test_count}, "
            f"L = {problem.landmark_count}, {length} feature values, k = {AS_PUBLISHED.neighbours}, "
            f"α = β = γ = {AS_PUBLISHED.alpha:g}, {len(problem.graph.other)} links; unknowns: "
            f"{problem.train_displacements.size + problem.graph.test_count * problem.landmark_count * 2}.")


def interleaved(runs: Mapping[str, Callable[[], object]], repeats: int) -> dict[str, list[float]]:
    """Seconds of each, in turns, so that a busy moment strikes all; each runs once uncounted before, as in tuning."""
    seconds = {name: [] for name in runs}
    for _ in range(repeats):
        for name, run in runs.items():
            run()
            begin = time.perf_counter()
            run()
            seconds[name].append(time.perf_counter() - begin)
    return seconds


def _solvers(bench: Bench, repeats: int) -> tuple[str, list[Target]]:
    problem = bench.problem
    solvers = {
        "exact: conjugate gradients, chain preconditioner": lambda: problem.solve(tolerance=1e-8),
        "conjugate gradients, Jacobi": lambda: problem.solve(tolerance=1e-8, preconditioner="diagonal"),
        "gradient descent (the paper's)": lambda: problem.descend(tolerance=1e-8),
        "sparse LU (scipy `splu`), one factor for each λ": lambda: factorised(problem, Weights()),
    }
    exact, descent = list(solvers)[0], list(solvers)[2]
    seconds = interleaved(solvers, repeats)
    ratio = statistics.median(d / e for d, e in zip(seconds[descent], seconds[exact], strict=True))
    rows = []
    for name, run in solvers.items():
        solution = run()
        median = statistics.median(seconds[name])
        rows.append([name, f"{1e3 * median:.1f} ms", f"{median / statistics.median(seconds[exact]):.1f}",
                     getattr(solution, "iterations", ""), f"{residual_of(problem, solution):.1e}"])
    head = ["solver, to a relative residual of 1e-8", f"median of {repeats}", "times the exact", "iterations",
            "residual"]
    target = Target("Exact solver against gradient descent, to 1e-8, same run", "≥ 20 times faster",
                    f"{ratio:.0f} times ({1e3 * statistics.median(seconds[exact]):.0f} ms, "
                    f"{1e3 * statistics.median(seconds[descent]):.0f} ms)", ratio >= 20)
    return table(head, rows), [target]


def residual_of(problem: JointProblem, solution) -> float:
    """What the solver says, or what a factorisation leaves."""
    return getattr(solution, "residual", float("nan"))


def _agreement(bench: Bench, _repeats: int) -> tuple[str, list[Target]]:
    """How far the two answers are apart, in film pixels, against the residual that both stop at."""
    problem, train = bench.problem, bench.problem.graph.train_count
    scale = decompose(bench.subshape.image_from_level)[0]
    direct = factorised(problem, Weights()).displacements
    rows, enough = [], None
    for residual in RESIDUALS:
        exact, descent = problem.solve(tolerance=residual), problem.descend(tolerance=residual)
        apart = [scale * np.abs(a - b)[train:].max() for a, b in (
            (exact.displacements, descent.displacements), (exact.displacements, direct),
            (descent.displacements, direct))]
        means = scale * np.abs((exact.displacements - descent.displacements)[train:].mean(0)).max()
        enough = residual if enough is None and apart[0] <= CLOSE_PX else enough
        rows.append([f"{residual:.0e}", *(f"{value:.1e} px" for value in (*apart, means)), descent.iterations,
                     exact.iterations])
    head = ["both stop at", "exact − descent, largest of all votes", "exact − LU", "descent − LU",
            "exact − descent, mean vote", "steps of descent", "steps of exact"]
    met = enough is not None
    at = f"{rows[0][1]} at 1e-8; " + (f"1e-5 px from {enough:.0e} on" if met else f"{rows[-1][1]} at the last")
    target = Target("Both solvers agree, largest difference of all patches' votes", "1e-5 px, both stopped at 1e-8", at,
                    met, always=enough == RESIDUALS[0])
    return table(head, rows), [target]


def _moves(settings) -> list[Weights]:
    """Each weight moved along its slider in turn, the others as they are."""
    start = {name: getattr(settings, name) for name in ("alpha", "beta", "gamma", "delta")}
    metadata = {f.name: f.metadata for f in fields(settings)}
    moves = []
    for name in start:
        for value in np.geomspace(metadata[name]["low"], metadata[name]["high"], SLIDER_STEPS):
            moves.append(Weights(**start | {name: float(value)}))
    return moves


def _weight_changes(bench: Bench, repeats: int) -> tuple[str, list[Target]]:
    """Re-solve to the solver's own tolerance after a weight has moved, from the last solution."""
    rows, everything = [], []
    moves = _moves(AS_PUBLISHED)
    for number, name in enumerate(("α", "β", "γ", "δ")):
        own = moves[number * SLIDER_STEPS:(number + 1) * SLIDER_STEPS]
        seconds, steps = [], []
        for _ in range(max(1, repeats // 2)):
            last = bench.problem.solve(own[0])
            for weights in own[1:]:
                begin = time.perf_counter()
                last = bench.problem.solve(weights, start=last.displacements)
                seconds.append(time.perf_counter() - begin)
                steps.append(last.iterations)
        everything += seconds
        rows.append([name, f"{1e3 * np.median(seconds):.1f} ms", f"{1e3 * max(seconds):.1f} ms", max(steps)])
    rows.append(["all", f"{1e3 * np.median(everything):.1f} ms", f"{1e3 * max(everything):.1f} ms", ""])
    head = [f"re-solve to 1e-10 after a weight moved by a factor of {_factor():.0f}", "median", "largest", "most steps"]
    target = Target("Re-solve after a weight's change", "≤ 50 ms",
                    f"{1e3 * np.median(everything):.0f} ms (largest {1e3 * max(everything):.0f} ms)",
                    bool(np.median(everything) <= 0.05), bool(max(everything) <= 0.05))
    return table(head, rows), [target]


def _factor() -> float:
    metadata = {f.name: f.metadata for f in fields(AS_PUBLISHED)}["alpha"]
    return (metadata["high"] / metadata["low"]) ** (1 / (SLIDER_STEPS - 1))


def _updates(benches: Mapping[str, Bench], repeats: int) -> tuple[str, list[Target]]:
    """What a slider's or a landmark's move costs: solve, response images, points."""
    rows, targets = [], []
    for name, settings in (("best", BEST), ("as published", AS_PUBLISHED)):
        subshape = benches[name].subshape
        for what, run in (("slider", _slider), ("drag", _drag)):
            seconds = run(subshape, settings, repeats)
            median, largest = (1e3 * f(seconds) for f in (np.median, max))
            rows.append([name, what, len(subshape.patches.features), f"{median:.0f} ms", f"{largest:.0f} ms"])
            targets.append(Target(f"Whole update of a subshape, {name}, {what}", "≤ 150 ms",
                                  f"{median:.0f} ms (largest {largest:.0f} ms)", bool(median <= 150),
                                  bool(largest <= 150)))
    head = ["settings", "move", "K̃", "median", "largest"]
    return table(head, rows), targets


def _slider(subshape: Subshape, settings, repeats: int) -> list[float]:
    """Moves of the weights, the bandwidth, the robustness and the patch range, one after the other."""
    base = {name: getattr(settings, name) for name in ("alpha", "beta", "gamma", "delta", "bandwidth", "patch_range")}
    moves = [replace(settings, **{name: value * factor}) for name, value in base.items() for factor in (0.5, 0.8)]
    if settings.robustness:
        moves += [replace(settings, robustness=settings.robustness * factor) for factor in (0.5, 2.0)]
    subshape.estimate(settings)
    return _timed(lambda moved: subshape.estimate(moved), moves, repeats)


def _drag(subshape: Subshape, settings, repeats: int) -> list[float]:
    """A landmark drawn away from where it was found, a little further each time."""
    found = subshape.estimate(settings).points_px[0]
    step = apply(subshape.image_from_level, np.array([1.0, 1.0])) - apply(subshape.image_from_level, np.zeros(2))
    places = [{subshape.names[0]: tuple(found + i * step)} for i in range(1, 13)]
    subshape.estimate(settings, places[0])
    return _timed(lambda held: subshape.estimate(settings, held), places, repeats)


def _timed(run: Callable, values, repeats: int) -> list[float]:
    seconds = []
    for _ in range(max(1, repeats // 2)):
        for value in values:
            begin = time.perf_counter()
            run(value)
            seconds.append(time.perf_counter() - begin)
    return seconds


def _preparation(benches: Mapping[str, Bench], repeats: int) -> tuple[str, list[Target]]:
    """Everything before the first solve of a subshape."""
    rows, targets = [], []
    for name, settings in (("best", BEST), ("as published", AS_PUBLISHED)):
        bench = benches[name]
        cold = statistics.median(interleaved({"": lambda b=bench, s=settings: _prepare(b, s, False)}, repeats)[""])
        warm = statistics.median(interleaved({"": lambda b=bench, s=settings: _prepare(b, s, True)}, repeats)[""])
        rows.append([name, len(bench.subshape.patches.features), len(bench.subshape.features),
                     f"{1e3 * cold:.0f} ms", f"{1e3 * warm:.0f} ms"])
        targets.append(Target(f"Features and graph of a subshape, {name}", "≤ 0.4 s", f"{cold:.2f} s first, "
                              f"{warm:.2f} s once the training patches' own neighbours are known", cold <= 0.4))
    head = ["settings", "K̃", "K", "features and graph, nothing known",
            "with the training patches' own neighbours kept in the model"]
    return table(head, rows) + ("\n\nFeatures include the integral histograms of the whole level image, which all "
                                "subshapes share."), targets


@one_thread()
def _prepare(bench: Bench, settings, known: bool):
    """As a detection does it."""
    image = replace(bench.level_image)
    features = bench.subshape.patches.describe(image.features(bench.subshape.centres, bench.cell))
    own = bench.subshape.patches.table(settings.neighbours) if known else None
    return patch_graph(bench.subshape.patches.features, features, settings.neighbours, own)


if __name__ == "__main__":
    main()
