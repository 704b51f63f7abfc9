"""Which devices and processes learn together, through lightning-fabric: one by default, any number where asked for.

Every process runs the same program on the same data. What they share is the work of the networks (`sharing`), and what
the first of them alone reads, keeps and writes (`Processes.agreed`).
"""

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeVar

from ..errors import Cancelled, FileError, InputError

ACCELERATORS = ("auto", "cpu", "cuda", "mps")
PRECISIONS = ("32", "bf16-mixed", "16-mixed")
AUTO = "auto"
_PATIENCE = timedelta(hours=6)  # of one process for another, which may be rendering films
_LAUNCHERS = ("MASTER_ADDR", "TORCHELASTIC_RUN_ID", "SLURM_NTASKS")

Result = TypeVar("Result")


@dataclass(frozen=True)
class Devices:
    """What to train on.

    Parameters
    ----------
    accelerator
        One of `ACCELERATORS`; "auto" is CUDA, else Apple's MPS, else the CPU.
    count
        Devices of each node, with one process each; on the CPU processes. "auto" takes all GPUs, or one CPU process.
    nodes
        Machines; more than one are started by torchrun or SLURM.
    precision
        One of `PRECISIONS`.
    """

    accelerator: str = AUTO
    count: int | str = 1
    nodes: int = 1
    precision: str = "bf16-mixed"

    def __post_init__(self):
        if self.accelerator not in ACCELERATORS:
            raise InputError(f"--accelerator {self.accelerator}", "is unknown", f"Choose: {', '.join(ACCELERATORS)}")
        if self.precision not in PRECISIONS:
            raise InputError(f"--precision {self.precision}", "is unknown", f"Choose: {', '.join(PRECISIONS)}")
        if self.count != AUTO and (not isinstance(self.count, int) or self.count < 1):
            raise InputError(f"--devices {self.count}", "is no number of devices", "Give 1 or more, or auto")
        if self.nodes < 1:
            raise InputError(f"--num-nodes {self.nodes}", "is no number of nodes", "Give 1 or more")

    @property
    def several(self) -> bool:
        """Whether more than one process is asked for; "auto" may find one device only."""
        return self.count != 1 or self.nodes > 1


@dataclass(frozen=True, eq=False)
class Processes:
    """The processes that train together, as one of them sees them.

    Parameters
    ----------
    fabric
        A launched `lightning_fabric.Fabric`.
    devices
        What was asked for.
    """

    fabric: Any
    devices: Devices = field(default_factory=Devices)

    @property
    def count(self) -> int:
        return self.fabric.world_size

    @property
    def rank(self) -> int:
        return self.fabric.global_rank

    @property
    def is_first(self) -> bool:
        """Whether this one reads, keeps and writes what is there once."""
        return self.rank == 0

    def agreed(self, compute: Callable[[], Result]) -> Result:
        """What the first process computes, in all of them; its error too."""
        if self.count == 1:
            return compute()
        result, error = None, None
        if self.is_first:
            try:
                result = compute()
            except (InputError, Cancelled, OSError, MemoryError) as raised:
                error = raised
        result, error = self.fabric.broadcast((result, error))
        if error is not None:
            raise error
        return result


_current: list[Processes] = []


def processes() -> Processes:
    """Those that `training_on` started; this one alone on the device that Fabric finds where nobody did."""
    return _current[-1] if _current else _alone()


def agreed(compute: Callable[[], Result]) -> Result:
    """`Processes.agreed` of those that `training_on` started; computed here where nobody did."""
    return _current[-1].agreed(compute) if _current else compute()


def is_first() -> bool:
    """`Processes.is_first`, true where `training_on` did not start any."""
    return not _current or _current[-1].is_first


def _alone() -> Processes:
    from lightning_fabric import Fabric

    _quiet()
    return Processes(Fabric(accelerator=AUTO, devices=1, precision=Devices().precision))


@contextmanager
def training_on(devices: Devices) -> Iterator[Processes]:
    """Train on these devices within; of several, this program is started once more for each of the others.

    Programs that torchrun or SLURM started find each other. Only the first process tells what went wrong with the
    user's input; another one that cannot go on says which it is.

    Raises
    ------
    InputError
        Devices or precision are not there, or another process ended.
    """
    own = _launched(devices)
    _current.append(own)
    try:
        yield own
        if own.count > 1:
            own.fabric.barrier()
    except (Exception, KeyboardInterrupt) as error:
        if own.count == 1 or (told := _told(error, own)) is error:
            raise
        raise told from error
    finally:
        _current.pop()


def _launched(devices: Devices) -> Processes:
    try:
        from lightning_fabric import Fabric
        from lightning_fabric.strategies import DDPStrategy
        from lightning_fabric.utilities.exceptions import MisconfigurationException
    except ModuleNotFoundError as error:
        raise InputError("training a network", f"needs the library {error.name}",
                         "Install napari-xray-landmarks[torch]") from error
    _quiet()
    kind = _available(devices)
    count = _counted(devices, kind)
    strategy = DDPStrategy(timeout=_PATIENCE) if count * devices.nodes > 1 else AUTO
    try:
        fabric = Fabric(accelerator=kind, strategy=strategy, devices=count, num_nodes=devices.nodes,
                        precision=devices.precision)
        fabric.launch()
    except (RuntimeError, ValueError, OSError, MisconfigurationException) as error:
        raise InputError(f"--devices {devices.count} --num-nodes {devices.nodes}", f"cannot be had ({error})",
                         "Give what this machine, torchrun or SLURM has") from error
    return Processes(fabric, devices)


def _available(devices: Devices) -> str:
    """The accelerator, where it is there and can do what is asked for."""
    from torch import backends, cuda

    there = {"cuda": cuda.is_available(), "mps": backends.mps.is_available(), "cpu": True}
    kind = next(k for k, found in there.items() if found) if devices.accelerator == AUTO else devices.accelerator
    if not there[kind]:
        raise InputError(f"--accelerator {kind}", f"there is no {kind.upper()} device", "Use --accelerator cpu")
    if devices.precision == "16-mixed" and kind != "cuda":
        raise InputError("--precision 16-mixed", f"needs CUDA, and this is {kind.upper()}", "Use 32 or bf16-mixed")
    if devices.nodes > 1 and not any(name in os.environ for name in _LAUNCHERS):
        raise InputError(f"--num-nodes {devices.nodes}", "nothing tells the nodes of each other",
                         "Start the command with torchrun or srun on every node")
    return kind


def _counted(devices: Devices, kind: str) -> int:
    """Devices of a node."""
    from torch import cuda

    found = {"cuda": cuda.device_count(), "mps": 1}.get(kind)
    count = (found or 1) if devices.count == AUTO else int(devices.count)
    if found is not None and count > found:
        raise InputError(f"--devices {count}", f"there {'is' if found == 1 else 'are'} {found} {kind.upper()} device"
                         f"{'' if found == 1 else 's'}", f"Use --devices {found}")
    return count


def _told(error: BaseException, own: Processes) -> BaseException:
    """What a process tells of an error that may be another one's."""
    lost = isinstance(error, RuntimeError) and any(word in str(error) for word in ("onnection", "gloo", "NCCL"))
    if own.is_first:
        problem = "another process of this training ended"
        return InputError(f"--devices {own.devices.count}", problem, "Give the same command again") if lost else error
    if isinstance(error, KeyboardInterrupt):
        return SystemExit(130)
    if lost or isinstance(error, Cancelled) or (isinstance(error, InputError) and not isinstance(error, FileError)):
        return SystemExit(2)
    return InputError(f"process {own.rank} of the training", f"{type(error).__name__}: {error}")


def _quiet() -> None:
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)
