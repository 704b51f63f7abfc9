"""`evaluate`: predicted against true landmarks, contours, labels, angles or poses."""

from pathlib import Path
from typing import Annotated

import typer

from ..errors import InputError
from .jobs import RETRIES, RetriesOption, SchedulerOption, WorkersOption
from .options import Device, DeviceOption, FolderOption, QuietOption, SeedOption
from .reporting import progress_bar, say


def evaluate(
    predicted: Annotated[
        Path, typer.Argument(metavar="PREDICTED", help="What a command wrote: a table, markups, labels, a folder.")
    ],
    truth: Annotated[
        Path, typer.Argument(metavar="TRUTH", help="A training set's folder, or a file or folder of the same kind.")
    ],
    output: FolderOption,
    thresholds: Annotated[
        str | None,
        typer.Option("--within", metavar="N,N,...", help="Distances of the detection rates, in the report's unit."),
    ] = None,
    kind: Annotated[
        str | None,
        typer.Option("--kind", metavar="KIND", help="landmarks, contours, labels, angles or poses, where in doubt."),
    ] = None,
    failure_above: Annotated[
        float | None,
        typer.Option("--failure-above", min=0, help="Mean error of an image, or mTRE of a pose, that is a failure."),
    ] = None,
    annotator: Annotated[
        str | None,
        typer.Option("--annotator", help="Whose landmarks of PREDICTED; against the others where it is the truth."),
    ] = None,
    targets: Annotated[
        Path | None, typer.Option("--targets", metavar="POINTS3D", help="Of poses: points in the patient (.mrk.json).")
    ] = None,
    images: Annotated[
        Path | None,
        typer.Option("--images", metavar="DIR", help="The images, for pictures of the worst cases."),
    ] = None,
    conformal: Annotated[
        float | None,
        typer.Option("--conformal", metavar="COVERAGE", help="Write calibration.json: of landmarks, regions that hold "
                     "the true place with this probability, and the confidence's temperature."),
    ] = None,
    into: Annotated[
        Path | None,
        typer.Option("--into", metavar="MODEL", help="With --conformal: put regions and temperature into a model file, "
                     "which then draws the ones and tempers its confidences by the other."),
    ] = None,
    workers: WorkersOption = 1,
    scheduler: SchedulerOption = None,
    retries: RetriesOption = RETRIES,
    quiet: QuietOption = False,
    device: DeviceOption = Device.auto,
    seed: SeedOption = None,
) -> None:
    """Compare what was predicted with what is true; write report.html, metrics and plots."""
    from ..evaluation import evaluate as compare

    if into is not None and conformal is None:
        raise InputError(f"--into {into}", "needs a coverage", "For example --conformal 0.9")
    distances = _distances(thresholds)
    with progress_bar("Evaluating", quiet) as bar:
        found = compare(
            predicted,
            truth,
            output,
            kind=kind,
            thresholds=None if distances is None else dict.fromkeys(("px", "mm", "°"), distances),
            failure_above=failure_above,
            annotator=annotator,
            targets=targets,
            images=images,
            seed=seed or 0,
            progress=bar,
            workers=workers,
            scheduler=scheduler,
            retries=retries,
        )
    for line in _lines(found):
        say(line, quiet)
    for note in found.notes:
        say(f"Note: {note}", quiet)
    say(f"Written: {output / 'report.html'}", quiet)
    if conformal is not None:
        _calibrate(found, output, conformal, into, seed or 0, quiet)


def _calibrate(found, output: Path, coverage: float, into: Path | None, seed: int, quiet: bool) -> None:
    from ..evaluation import Evaluation
    from ..evaluation.calibration import calibration, write_calibration, write_into_model

    if not isinstance(found, Evaluation):
        raise InputError(f"--conformal {coverage:g}", f"is of landmarks, and these are {found.kind}", "Leave it out")
    values = calibration(found, coverage, seed=seed)
    regions, heat = values["regions"], values["temperature"]
    say(f"Written: {write_calibration(values, output)}", quiet)
    say(f"Regions of {len(regions['landmarks'])} landmarks hold the true place with a probability of "
        f"{100 * coverage:g} % or more, where {regions['assumption']}", quiet)
    if regions["unbounded"]:
        say(f"Note: too few films for regions of {len(regions['unbounded'])} landmarks at this coverage", quiet)
    if heat and heat["before"] is not None:
        say(f"Temperature {heat['temperature']:.2f}: calibration error {heat['before']:.3f} before, "
            f"{heat['after']:.3f} after, on subjects that did not give it", quiet)
    if into is not None:
        heat = write_into_model(values, into)
        say("Note: its confidences are not tempered, since the ± of Cobb angles is computed from them" if heat is None
            else f"Its confidences are tempered by {heat:.2f} where it detects from now on", quiet)
        say(f"Written: {into}", quiet)


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


def _lines(found) -> list[str]:
    from ..evaluation import Evaluation
    from ..evaluation.comparison_page import sentences

    return [_headline(found)] if isinstance(found, Evaluation) else sentences(found)


def _headline(found) -> str:
    row, unit = found.headline, found.unit
    rates = [k for k in row.index if k.startswith("within_") and k.endswith(f"_{unit}")]
    texts = [f"mean radial error {row['mean']:.2f} {unit}", f"median {row['median']:.2f} {unit}"]
    texts += [f"{100 * row[key]:.1f} % {key.replace('_', ' ')}" for key in rates]
    return f"{int(row['count'])} landmarks against {found.reference}: {', '.join(texts)}"
