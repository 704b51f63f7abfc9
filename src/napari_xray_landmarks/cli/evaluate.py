"""`evaluate`: predicted against true landmarks."""

from pathlib import Path
from typing import Annotated

import typer

from ..errors import InputError
from .options import Device, DeviceOption, FolderOption, QuietOption, SeedOption
from .reporting import say


def evaluate(
    predicted: Annotated[
        Path, typer.Argument(metavar="PREDICTED", help="What `detect` wrote: a table, markups, a folder.")
    ],
    truth: Annotated[Path, typer.Argument(metavar="TRUTH", help="A training set's folder, a table or markups.")],
    output: FolderOption,
    thresholds: Annotated[
        str | None,
        typer.Option("--within", metavar="N,N,...", help="Distances of the detection rates, in the report's unit."),
    ] = None,
    quiet: QuietOption = False,
    device: DeviceOption = Device.auto,
    seed: SeedOption = None,
) -> None:
    """Compare predicted landmarks with true ones; write report.html, metrics and plots."""
    from ..evaluation import evaluate as compare

    table = predicted / "landmarks.csv"
    distances = _distances(thresholds)
    found = compare(
        table if predicted.is_dir() and table.is_file() else predicted,
        truth,
        output,
        thresholds=None if distances is None else {"px": distances, "mm": distances},
        seed=seed or 0,
    )
    say(_headline(found), quiet)
    for note in found.notes:
        say(f"Note: {note}", quiet)
    say(f"Written: {output / 'report.html'}", quiet)


def _distances(text: str | None) -> tuple[float, ...] | None:
    if text is None:
        return None
    try:
        distances = tuple(sorted(float(part) for part in text.split(",")))
    except ValueError:
        distances = ()
    if not distances or not all(0 < d < float("inf") for d in distances):
        raise InputError(f"--within {text}", "must be positive numbers with commas between", "For example 2,2.5,3,4")
    return distances


def _headline(found) -> str:
    row, unit = found.headline, found.unit
    rates = [k for k in row.index if k.startswith("within_") and k.endswith(f"_{unit}")]
    texts = [f"mean radial error {row['mean']:.2f} {unit}", f"median {row['median']:.2f} {unit}"]
    texts += [f"{100 * row[key]:.1f} % {key.replace('_', ' ')}" for key in rates]
    return f"{int(row['count'])} landmarks against {found.reference}: {', '.join(texts)}"
