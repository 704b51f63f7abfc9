"""Options that every command takes, and how texts from the command line become values."""

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from ..errors import InputError


class Device(StrEnum):
    """Where networks run."""

    auto = "auto"
    cpu = "cpu"
    cuda = "cuda"


QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")]
DeviceOption = Annotated[
    Device,
    typer.Option("--device", help="Where networks run: auto is CUDA where there is some; all else runs on the CPU."),
]
SeedOption = Annotated[int | None, typer.Option("--seed", min=0, help="Same seed, same result.")]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Override a setting of the method; repeat for more."),
]
SpacingOption = Annotated[
    str | None,
    typer.Option(
        "--spacing-mm",
        metavar="MM[,MM]",
        help="Pixel spacing (row,column) for films that do not carry one, such as PNG.",
    ),
]
FolderOption = Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="Folder to write to.")]


def check_device(device: Device) -> None:
    """Refuse a device that is not there.

    Raises
    ------
    InputError
        CUDA is asked for and cannot be used.
    """
    from ..models.devices import device_of

    if device is Device.cuda:
        try:
            device_of(device)
        except InputError as error:
            raise InputError("--device cuda", error.problem, "Use --device cpu") from error


def parse_spacing(text: str | None) -> tuple[float, float] | None:
    """(row, column) spacing in mm from "0.2" or "0.2,0.25"."""
    if text is None:
        return None
    try:
        values = [float(part) for part in text.replace("x", ",").split(",")]
    except ValueError:
        values = []
    values = values * 2 if len(values) == 1 else values
    if len(values) != 2 or not all(0 < v < 1e3 for v in values):
        raise InputError(f"--spacing-mm {text}", "must be one or two positive numbers of mm", "For example 0.143")
    return values[0], values[1]


def parse_assignments(assignments: Sequence[str] | None) -> dict[str, str]:
    """Values by name from "key=value" texts; dashes in a key count as underscores.

    Raises
    ------
    InputError
        For a text without "=", or a key that is given twice.
    """
    values = {}
    for assignment in assignments or ():
        key, equals, text = assignment.partition("=")
        key = key.strip().replace("-", "_")
        if not equals or not key or not text.strip():
            raise InputError(f"--set {assignment}", "is not of the form KEY=VALUE", "For example --set alpha=0.2")
        if key in values:
            raise InputError(f"--set {assignment}", f"{key} is given twice", "Give it once")
        values[key] = text.strip()
    return values
