"""Options of `train` for the devices and processes that its networks learn on."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import InputError
from .options import Device
from .reporting import progress_bar

if TYPE_CHECKING:
    from ..learning.devices import Devices

PANEL = "Devices"


class Accelerator(StrEnum):
    """What networks learn on."""

    auto = "auto"
    cpu = "cpu"
    cuda = "cuda"
    mps = "mps"


class Precision(StrEnum):
    """Of the numbers in networks while they learn."""

    single = "32"
    bf16 = "bf16-mixed"
    half = "16-mixed"


AcceleratorOption = Annotated[
    Accelerator | None,
    typer.Option("--accelerator", rich_help_panel=PANEL, help="What networks learn on; by default what --device says."),
]
DevicesOption = Annotated[
    str, typer.Option("--devices", metavar="N|auto", rich_help_panel=PANEL, help="Devices of each node that learn "
                      "together, on the CPU processes; auto takes all GPUs.")
]  # fmt: skip
NodesOption = Annotated[
    int, typer.Option("--num-nodes", metavar="N", min=1, rich_help_panel=PANEL, help="Machines; torchrun or srun "
                      "starts the same command on each.")
]  # fmt: skip
PrecisionOption = Annotated[
    Precision, typer.Option("--precision", rich_help_panel=PANEL, help="Of the numbers in networks; 16-mixed needs "
                            "CUDA.")
]  # fmt: skip


def devices_of(recipe: str, device: Device, accelerator: Accelerator | None, count: str, nodes: int,
               precision: Precision) -> "Devices | None":
    """What was asked for; None for a recipe without networks.

    Raises
    ------
    InputError
        The recipe has no networks and devices are given, or they contradict --device.
    """
    from ..learning.devices import AUTO, Devices
    from ..training.recipes import RECIPES

    if count != AUTO and not count.isdecimal():
        raise InputError(f"--devices {count}", "is no number of devices", "Give 1 or more, or auto")
    if accelerator and device is not Device.auto and str(accelerator) != str(device):
        raise InputError(f"--accelerator {accelerator}", f"contradicts --device {device}", "Leave one of them out")
    wanted = Devices(str(accelerator or device), AUTO if count == AUTO else int(count), nodes, str(precision))
    if recipe in RECIPES and RECIPES[recipe].learns:
        return wanted
    if given := [text for text, is_given in (
            (f"--accelerator {accelerator}", accelerator), (f"--devices {count}", wanted.count != 1),
            (f"--num-nodes {nodes}", nodes > 1), (f"--precision {precision}", precision is not Precision.bf16),
    ) if is_given]:
        raise InputError(given[0], f"does not go with {recipe}", "It has no network")
    return None


@contextmanager
def learning_on(devices: "Devices | None", quiet: bool) -> Iterator[tuple]:
    """Start the processes; gives a progress function and whether this one is to be quiet, as all but the first."""
    from ..learning.devices import training_on

    with training_on(devices) if devices else nullcontext() as own:
        quiet = quiet or (own is not None and not own.is_first)
        with progress_bar("Training", quiet) as progress:
            yield progress, quiet
