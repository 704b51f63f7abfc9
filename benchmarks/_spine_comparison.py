"""The paper's comparison: its network trained with the squared error alone, and with the bipartite distance too."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from _page import Target, p_value, table
from _spine import errors_of, fold, found, trained
from napari_xray_landmarks.evaluation.agreement import agreement, equivalence
from napari_xray_landmarks.evaluation.statistics import bootstrap_interval, paired_test
from napari_xray_landmarks.training.dataset import TrainingSet

SEEDS = range(5)
MARGIN = 0.005  # of the film's diagonal, of the mean place of a film's corners


def comparison_part(dataset: TrainingSet, size: int, epochs: int, cache: Path) -> tuple[list[str], list[Target]]:
    """The paper's network with and without the bipartite distance, five seeds, another split by patient each."""
    rows, means, correlations, same = [], {}, {}, []
    for name, alpha in (("MSE", 0.0), ("MSE + 0.01 BPD", 0.01)):
        pieces = []
        for seed in SEEDS:
            train, test = fold(dataset, 0, seed)
            settings = {"network": "as published", "rows": size, "corner_epochs": epochs, "alpha": alpha,
                        "learning_rate": 1e-4, "held_out": 0.0}
            key = f"published-{size}-{epochs}-{alpha:g}-{seed}"
            pieces.append(found(trained(train, key, cache, settings, seed), test, key, cache))
        rows.append([name, *_comparison_row(pieces)])
        means[name] = np.concatenate([np.nanmean(errors_of(p)[1], axis=(1, 2)) for p in pieces])
        correlations[name] = [_correlation(p) for p in pieces]
        same = [_correlation(_mean_spine(p)) for p in pieces]
    test = paired_test(*reversed(list(means.values())))
    text = (f"The paper's network at {size} × {size // 2} (the paper: 1024 × 512), {epochs} epochs, {len(SEEDS)} seeds "
            f"with a split by patient each, {len(means['MSE'])} test films. The paper gives r = 0.92 and 0.95 on its "
            "own 15, at its full size; this compares the losses, at a size that two cores can train ten times. r is "
            "over all coordinates in parts of the film; the mean spine of the test films, found everywhere, would have "
            f"{np.mean(same):.3f}. Equivalence: the mean place of a film's corners lies within {100 * MARGIN:g} % of "
            "the diagonal of the true one (two one-sided tests).")
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


def _mean_spine(piece: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """As if the mean spine, in parts of the film, had been found in every film."""
    size = np.stack([piece["rows"], piece["columns"]], -1)[:, None, None]
    return {**piece, "points": np.nanmean(_relative(piece, "truth"), axis=0) * size}


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
