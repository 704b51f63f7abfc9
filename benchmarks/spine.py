"""AASCE films: Cobb angles and corners in five folds by patient, the paper's comparison, robustness, speed.

    python benchmarks/spine.py [--only folds|comparison|robustness|speed] [--rows 128] [--epochs 60] [--folds 0,1]

Needs the films in ../shared/data or $XRAY_LANDMARKS_DATA. Training takes hours; a run that was stopped goes on where it
was. Several parts together are written to the page, a single one is only printed. The paper's network is trained on an
input of `--rows` rows: 1024 are the paper's; ten networks of 128 and 60 epochs take about an hour of one core.
"""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from _films import CACHE
from _page import ROOT, Target, arguments, require_quiet, table, write_section
from _spine import FOLDS, aasce, errors_of, fold, found, published_angles, trained
from _spine_angles import PUBLISHED, angle_table, angles_of, coverage_table, errors_row
from _spine_changes import CURVES
from _spine_comparison import comparison_part
from napari_xray_landmarks.evaluation.angles import circular_mean_absolute_error, smape
from napari_xray_landmarks.training.dataset import TrainingSet

PARTS = ("folds", "comparison", "robustness", "speed")
PICTURE = ROOT / "docs" / "images" / "benchmark-spine.png"


def main() -> None:
    parser = arguments(__doc__.splitlines()[0])
    parser.add_argument("--only", choices=PARTS, action="append", help="this part; may be given several times")
    parser.add_argument("--rows", type=int, default=128, help="input rows of the paper's network")
    parser.add_argument("--epochs", type=int, default=60, help="of the paper's network")
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
                "comparison": lambda: comparison_part(dataset, options.rows, options.epochs, options.cache),
                "robustness": lambda: robustness_part(dataset, folds[:1], options.cache, settings),
                "speed": lambda: speed_part(dataset, options.cache, settings)}[part]()
        blocks += more[0]
        targets += more[1]
    write_section("spine", "Spine: the AASCE films", blocks, targets, dry=options.dry or len(parts) == 1)


def folds_part(dataset: TrainingSet, folds: Sequence[int], cache: Path, settings: Mapping
               ) -> tuple[list[str], list[Target]]:
    """Corners and angles of every film, from a model that has not seen its patient."""
    pieces, published = [], published_angles(dataset)
    for number in folds:
        train, test = fold(dataset, number)
        piece = found(trained(train, f"fold{number}", cache, settings), test, f"fold{number}", cache)
        pieces.append({**piece, "true_deg": np.array([published[film.name] for film in test.films]),
                       "own_deg": np.array([angles_of(*film) for film in zip(piece["points"], piece["rows"],
                                                                             strict=True)])})
    everything = {key: np.concatenate([piece[key] for piece in pieces]) for key in pieces[0]}
    searched = np.isfinite(everything["own_deg"]).all((1, 2))
    if searched.sum() < 2:
        return [f"A spine was found in {searched.sum()} of {len(searched)} films."], []
    own, true = everything["own_deg"][searched, 0], everything["true_deg"][searched]
    error, circular = smape(own, true), circular_mean_absolute_error(own, true)
    text = (f"{len(searched)} films in {len(folds)} of {FOLDS} folds by patient, each searched by a model that has not "
            "seen its patient; angles by the data set's own rules, against its own `angles.csv`, which these rules "
            "give from its own corners in all 481 films ([above](#cobb-angles-from-corners)). The data set's corners "
            "are a person's, and its rules jump where an end moves by one vertebra: the angles of the first row are "
            "means over corners drawn about those found, as exactly as people place them (Morrissy et al. 1990; more "
            "and less were worse on the first fold). Published figures are on the challenge's 128 validation films, "
            "which are not public with their angles.")
    blocks = [text, _summary(everything, searched), _fold_table(folds, pieces), angle_table(own, true),
              confidence_table(everything),
              "How often the stated standard deviation of an angle covers its error (which part of it an endplate's "
              "two corners share was learnt on the first fold):", coverage_table(everything)]
    return blocks, [Target("Spine: SMAPE of Cobb angles, AASCE", "≤ 9 %", f"{error:.2f} %", error <= 9),
                    Target("Spine: CMAE of Cobb angles, AASCE", "≤ 3.8°", f"{circular:.2f}°", circular <= 3.8)]


def _summary(piece: Mapping[str, np.ndarray], searched: np.ndarray) -> str:
    diagonal, radial = errors_of(piece)
    corners = [f"{np.nanmean(radial):.1f} / {np.nanmedian(radial):.1f}", f"{np.nanmean(diagonal):.2f}",
               f"{(~searched).sum()} of {len(searched)}"]
    own, true = piece["own_deg"][searched], piece["true_deg"][searched]
    rows = [["this model", *errors_row(own[:, 0], true), *corners],
            ["this model, angles of the corners as they lie", *errors_row(own[:, 1], true), *corners],
            *([*row, "", "", ""] for row in PUBLISHED)]
    return table(["", "SMAPE, %", "CMAE, °", "corner error, mean / median px", "mean, % of diagonal",
                  "no spine found"], rows)


def _fold_table(folds: Sequence[int], pieces: Sequence[Mapping[str, np.ndarray]]) -> str:
    rows = []
    for number, piece in zip(folds, pieces, strict=True):
        known = np.isfinite(piece["own_deg"]).all((1, 2))
        rows.append([str(number), str(len(known)), *errors_row(piece["own_deg"][known, 0], piece["true_deg"][known]),
                     f"{np.nanmedian(errors_of(piece)[1]):.1f}"])
    return table(["fold", "films", "SMAPE, %", "CMAE, °", "median corner error, px"], rows)


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
    first, again = ([_seconds(model, film) for film in radiographs] for _ in range(2))
    text = (f"{len(radiographs)} films of {np.median([f.shape[0] for f in radiographs]):.0f} rows (median): "
            f"median {np.median(first):.2f} s, slowest {max(first):.2f} s a film, the same films once more "
            f"{np.median(again):.2f} and {max(again):.2f} s: the first film that is searched on large canvases waits "
            f"until torch has prepared them. The model file has {model.path.stat().st_size / 1e6:.1f} MB.")
    return [text], [Target("Spine: time a film", "≤ 0.4 s", f"median {np.median(first):.2f} s, slowest "
                           f"{max(first):.2f} s, {max(again):.2f} s once prepared", bool(np.median(first) <= 0.4),
                           bool(max(first) <= 0.4))]


def _seconds(model, film) -> float:
    start = time.perf_counter()
    model.detect(film)
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
