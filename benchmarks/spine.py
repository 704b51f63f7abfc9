"""AASCE films: Cobb angles and corners in five folds by patient, the paper's comparison, robustness, speed.

    python benchmarks/spine.py [--only folds|comparison|robustness|speed] [--rows 256] [--epochs 100] [--folds 0,1]

Needs the films in ../shared/data or $XRAY_LANDMARKS_DATA. Training takes hours; a run that was stopped goes on where it
was. Several parts together are written to the page, a single one is only printed. The paper's network is trained on an
input of `--rows` rows: 1024 are the paper's, 256 are what two cores can do.
"""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from _films import CACHE
from _page import ROOT, Target, arguments, p_value, require_quiet, table, write_section
from _spine import FOLDS, aasce, fold, found, published_angles, trained
from _spine_changes import CURVES
from napari_xray_landmarks.evaluation.agreement import agreement, equivalence
from napari_xray_landmarks.evaluation.angles import circular_mean_absolute_error, smape
from napari_xray_landmarks.evaluation.statistics import bootstrap_interval, paired_test
from napari_xray_landmarks.spine.aasce import aasce_angles
from napari_xray_landmarks.training.dataset import TrainingSet

PARTS = ("folds", "comparison", "robustness", "speed")
SEEDS = range(5)
PICTURE = ROOT / "docs" / "images" / "benchmark-spine.png"
MARGIN = 0.005  # of the film's diagonal, of the mean place of a film's corners
ANGLES = ("first (largest)", "second", "third")
PUBLISHED = (("RouterNet", "6.24", "2.69"), ("Seg4Reg+", "7.32", "3.73"), ("Yi et al.", "8.21", "3.55"))


def main() -> None:
    parser = arguments(__doc__.splitlines()[0])
    parser.add_argument("--only", choices=PARTS, action="append", help="this part; may be given several times")
    parser.add_argument("--rows", type=int, default=256, help="input rows of the paper's network")
    parser.add_argument("--epochs", type=int, default=100, help="of the paper's network")
    parser.add_argument("--folds", default=",".join(map(str, range(FOLDS))), help="which folds, such as 0,1")
    parser.add_argument("--try", dest="trying", action="store_true", help="few films and epochs: does it all run?")
    parser.add_argument("--cache", type=Path, default=CACHE / "spine", help="where models and results are kept")
    options = parser.parse_args()
    dataset = aasce(options.cache)
    if dataset is None:
        print("The AASCE films are not on this machine: nothing is measured")
        return
    settings = {}
    if options.trying:
        dataset = dataset.subset([film.name for film in dataset.films[::16]])
        options.cache, options.epochs, options.dry = options.cache / "try", 2, True
        settings = {"vertebra_epochs": 1, "corner_epochs": 1}
    parts = options.only or PARTS
    blocks, targets = [], []
    folds = [int(n) for n in options.folds.split(",")]
    for part in parts:
        more = {"folds": lambda: folds_part(dataset, folds, options.cache, settings),
                "comparison": lambda: comparison_part(dataset, options),
                "robustness": lambda: robustness_part(dataset, folds[:1], options.cache, settings),
                "speed": lambda: speed_part(dataset, options.cache, settings)}[part]()
        blocks += more[0]
        targets += more[1]
    write_section("spine", "Spine: the AASCE films", blocks, targets, dry=options.dry or len(parts) == 1)


def folds_part(dataset: TrainingSet, folds: Sequence[int], cache: Path, settings: Mapping
               ) -> tuple[list[str], list[Target]]:
    """Corners and angles of every film, from a model that has not seen its patient."""
    pieces, angles = [], []
    published = published_angles(dataset)
    for number in folds:
        train, test = fold(dataset, number)
        model = trained(train, f"fold{number}", cache, settings)
        pieces.append(found(model, test, f"fold{number}", cache))
        angles.append(np.array([published[film.name] for film in test.films]))
    everything = {key: np.concatenate([piece[key] for piece in pieces]) for key in pieces[0]}
    true = np.concatenate(angles)
    own = np.array([angles_of(p, r) for p, r in zip(everything["points"], everything["rows"], strict=True)])
    searched = np.isfinite(own).all(1)
    if searched.sum() < 2:
        return [f"A spine was found in {searched.sum()} of {len(searched)} films."], []
    error, circular = smape(own[searched], true[searched]), circular_mean_absolute_error(own[searched], true[searched])
    diagonal, radial = errors_of(everything)
    rows = [["this model", f"{error:.2f}", f"{circular:.2f}", f"{np.nanmean(radial):.1f} / {np.nanmedian(radial):.1f}",
             f"{np.nanmean(diagonal):.2f}", f"{(~searched).sum()} of {len(searched)}"],
            *([*row, "", "", ""] for row in PUBLISHED)]
    text = (f"{len(true)} films in {len(folds)} of {FOLDS} folds by patient; angles as the data set takes them from "
            "corners, against its own `angles.csv`. Published figures are on the challenge's 128 validation films, "
            "which are not public with their angles.")
    head = ["", "SMAPE, %", "CMAE, °", "corner error, mean / median px", "mean, % of diagonal", "no spine found"]
    blocks = [text, table(head, rows), angle_table(own[searched], true[searched]), confidence_table(everything)]
    return blocks, [Target("Spine: SMAPE of Cobb angles, AASCE", "≤ 9 %", f"{error:.2f} %", error <= 9),
                    Target("Spine: CMAE of Cobb angles, AASCE", "≤ 3.8°", f"{circular:.2f}°", circular <= 3.8)]


def angles_of(corners: np.ndarray, rows: int) -> np.ndarray:
    """(3,) angles in degrees as the data set takes them; NaN where a corner has no place."""
    return np.array(aasce_angles(corners, int(rows)).angles_deg if np.isfinite(corners).all() else [np.nan] * 3)


def errors_of(piece: Mapping[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """(films, 17, 4) distances from the true corners, in % of the film's diagonal and in px."""
    radial = np.linalg.norm(piece["points"] - piece["truth"], axis=-1)
    return 100 * radial / np.hypot(piece["rows"], piece["columns"])[:, None, None], radial


def angle_table(own: np.ndarray, true: np.ndarray) -> str:
    rows = []
    for name, a, b in zip(ANGLES, own.T, true.T, strict=True):
        fit = agreement(a, b)
        rows.append([name, f"{fit.correlation:.3f}", f"{np.abs(a - b).mean():.2f}", f"{fit.bias:+.2f}",
                     f"{fit.low:.1f} to {fit.high:.1f}"])
    return table(["angle", "Pearson r", "mean absolute error, °", "bias, °", "95 % limits of agreement, °"], rows)


def confidence_table(piece: Mapping[str, np.ndarray]) -> str:
    """How often corners of each confidence lie within a tenth of the mean width of the film's vertebrae."""
    widths = np.linalg.norm(piece["truth"][:, :, [1, 3]] - piece["truth"][:, :, [0, 2]], axis=-1)
    right = errors_of(piece)[1] < 0.1 * np.nanmean(widths, axis=(1, 2))[:, None, None]
    known = np.isfinite(piece["truth"]).all(-1)
    rows = []
    for low in np.arange(0, 1, 0.2):
        chosen = known & (piece["confidence"] >= low) & (piece["confidence"] < low + 0.2 + (low > 0.7))
        if chosen.any():
            rows.append([f"{low:.1f} to {low + 0.2:.1f}", int(chosen.sum()),
                         f"{piece['confidence'][chosen].mean():.2f}", f"{right[chosen].mean():.2f}"])
    return table(["confidence", "corners", "mean confidence", "share within a tenth of a width"], rows)


def comparison_part(dataset: TrainingSet, options) -> tuple[list[str], list[Target]]:
    """The paper's network with and without the bipartite distance, five seeds, another split by patient each."""
    rows, means, correlations = [], {}, {}
    for name, alpha in (("MSE", 0.0), ("MSE + 0.01 BPD", 0.01)):
        pieces = []
        for seed in SEEDS:
            train, test = fold(dataset, 0, seed)
            settings = {"network": "as published", "rows": options.rows, "corner_epochs": options.epochs,
                        "alpha": alpha, "learning_rate": 1e-4, "held_out": 0.0}
            model = trained(train, f"published-{options.rows}-{options.epochs}-{alpha:g}-{seed}", options.cache,
                            settings, seed)
            pieces.append(found(model, test, f"published-{options.rows}-{options.epochs}-{alpha:g}-{seed}",
                                options.cache))
        rows.append([name, *_comparison_row(pieces)])
        means[name] = np.concatenate([np.nanmean(errors_of(p)[1], axis=(1, 2)) for p in pieces])
        correlations[name] = [_correlation(p) for p in pieces]
    test = paired_test(*reversed(list(means.values())))
    text = (f"The paper's network at {options.rows} × {options.rows // 2} (the paper: 1024 × 512), {options.epochs} "
            f"epochs, {len(SEEDS)} seeds with a split by patient each, {len(means['MSE'])} test films. The paper gives "
            "r = 0.92 and 0.95 on its own 15. r is over all coordinates in parts of the film, and high for the mean "
            "spine too. Equivalence: the mean place of a film's corners lies within "
            f"{100 * MARGIN:g} % of the diagonal of the true one (two one-sided tests).")
    more = (f"With the bipartite distance: {test.mean_difference:+.1f} px a film, "
            f"p = {p_value(test.wilcoxon_p)} (Wilcoxon).")
    head = ["loss", "Pearson r (five seeds)", "mean corner error, px [95 %]", "% of diagonal", "bias rows, columns, %",
            "95 % limits, rows; columns, %", "equivalence, p rows; columns"]
    better = np.mean(correlations["MSE + 0.01 BPD"]) > np.mean(correlations["MSE"])
    return [text, table(head, rows), more, loss_cost()], [
        Target("Spine: bipartite distance helps the paper's network", "higher r, p < 0.05 for the corner error",
               f"{test.mean_difference:+.1f} px, p = {p_value(test.wilcoxon_p)}",
               bool(better and test.mean_difference < 0 and test.wilcoxon_p < 0.05))]


def _relative(piece: Mapping[str, np.ndarray], key: str) -> np.ndarray:
    return piece[key] / np.stack([piece["rows"], piece["columns"]], -1)[:, None, None]


def _correlation(piece: Mapping[str, np.ndarray]) -> float:
    return agreement(_relative(piece, "points"), _relative(piece, "truth")).correlation


def _comparison_row(pieces: Sequence[Mapping[str, np.ndarray]]) -> list[str]:
    every = {key: np.concatenate([p[key] for p in pieces]) for key in pieces[0]}
    diagonal, radial = errors_of(every)
    films = np.repeat(np.arange(len(radial)), radial[0].size)
    low, high = bootstrap_interval(radial.ravel(), clusters=films)
    size = np.hypot(every["rows"], every["columns"])[:, None]
    own, true = (np.nanmean(np.where(np.isfinite(every["truth"]), every[key], np.nan), axis=(1, 2)) / size
                 for key in ("points", "truth"))
    fits = [agreement(a, b) for a, b in zip(own.T, true.T, strict=True)]
    tests = [equivalence(a, b, MARGIN) for a, b in zip(own.T, true.T, strict=True)]
    r = [_correlation(p) for p in pieces]
    return [f"{np.mean(r):.3f} ({min(r):.3f} to {max(r):.3f})", f"{np.nanmean(radial):.1f} [{low:.1f}, {high:.1f}]",
            f"{np.nanmean(diagonal):.2f}", ", ".join(f"{100 * f.bias:+.2f}" for f in fits),
            "; ".join(f"{100 * f.low:.1f} to {100 * f.high:.1f}" for f in fits),
            "; ".join(p_value(t.p) for t in tests)]


def loss_cost(repeats: int = 200) -> str:
    """Time of both losses, forwards and backwards, for a batch of four films of 72 corners."""
    import torch

    from napari_xray_landmarks.spine.losses import shape_aware_loss

    truth = torch.rand(4, 72, 2, generator=torch.Generator().manual_seed(0))
    cells = []
    for alpha in (0.0, 0.01):
        times = []
        for _ in range(repeats):
            found_points = (truth + 0.1).requires_grad_()
            start = time.perf_counter()
            shape_aware_loss(found_points, truth, alpha).backward()
            times.append(time.perf_counter() - start)
        cells.append(f"{1e3 * np.median(times):.2f} ms")
    return f"Cost of a step's loss and its gradient (four films, 72 corners): MSE {cells[0]}, MSE + BPD {cells[1]}."


def robustness_part(dataset: TrainingSet, folds: Sequence[int], cache: Path, settings: Mapping
               ) -> tuple[list[str], list[Target]]:
    """Errors on the test films of some folds, made harder."""
    series: dict[str, dict[str, tuple[float, float]]] = {}
    for what, changes in {"as they are": {"": None}, **CURVES}.items():
        for value, change in changes.items():
            pieces = []
            for number in folds:
                train, test = fold(dataset, number)
                model = trained(train, f"fold{number}", cache, settings)
                pieces.append(found(model, test, f"fold{number}-{what[:8]}-{value}", cache, change))
            series.setdefault(what, {})[value] = _hardness(pieces)
    rows = [[what, value, f"{100 * median:.1f}", f"{100 * within:.0f}"] for what, values in series.items()
            for value, (median, within) in values.items()]
    draw(series, cache / PICTURE.name if settings else PICTURE)
    text = (f"The test films of {len(folds)} fold(s), made harder; errors in % of the mean width of the film's "
            "vertebrae.")
    head = ["change", "", "median corner error, % of a width", "corners within a fifth of a width, %"]
    return [text, table(head, rows),
            f"![Error against what was done to the films](images/{PICTURE.name})"], []


def _hardness(pieces: Sequence[Mapping[str, np.ndarray]]) -> tuple[float, float]:
    """Median error in widths, and the share of corners within a fifth of one; not found counts as far off."""
    every = []
    for piece in pieces:
        widths = np.linalg.norm(piece["truth"][:, :, [1, 3]] - piece["truth"][:, :, [0, 2]], axis=-1)
        error = errors_of(piece)[1] / np.nanmean(widths, axis=(1, 2))[:, None, None]
        every.append(np.nan_to_num(error, nan=np.inf)[np.isfinite(piece["truth"]).all(-1)])
    errors = np.concatenate(every)
    return float(np.median(errors)), float((errors < 0.2).mean())


def draw(series: Mapping[str, Mapping[str, tuple[float, float]]], path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    plain = next(iter(series["as they are"].values()))[0]
    figure, axes = pyplot.subplots(1, len(series) - 1, figsize=(2.9 * (len(series) - 1), 2.8), sharey=True)
    for axis, (what, values) in zip(axes, list(series.items())[1:], strict=True):
        axis.axhline(100 * plain, color="grey", lw=1, label="as they are")
        axis.plot(list(values), [100 * median for median, _ in values.values()], "o-", color="tab:blue")
        axis.set_xlabel(what)
        axis.grid(alpha=0.3)
    axes[0].set_ylabel("median corner error,\n% of a width")
    axes[0].set_ylim(bottom=0)
    axes[0].legend(frameon=False, fontsize=8)
    figure.tight_layout()
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(PICTURE, dpi=110)


def speed_part(dataset: TrainingSet, cache: Path, settings: Mapping, films: int = 20
               ) -> tuple[list[str], list[Target]]:
    """Seconds a film, once the model is loaded."""
    require_quiet()
    train, test = fold(dataset, 0)
    model = trained(train, "fold0", cache, settings)
    radiographs = [test.radiograph(film) for film in test.films[:films]]
    model.detect(radiographs[0])
    times = []
    for film in radiographs:
        start = time.perf_counter()
        model.detect(film)
        times.append(time.perf_counter() - start)
    text = (f"{len(times)} films of {np.median([f.shape[0] for f in radiographs]):.0f} rows (median): "
            f"median {np.median(times):.2f} s, slowest {max(times):.2f} s a film; the model file has "
            f"{model.path.stat().st_size / 1e6:.1f} MB.")
    return [text], [Target("Spine: time a film", "≤ 0.4 s", f"median {np.median(times):.2f} s, slowest "
                           f"{max(times):.2f} s", bool(np.median(times) <= 0.4), bool(max(times) <= 0.4))]


if __name__ == "__main__":
    main()
