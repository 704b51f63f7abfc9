"""What a command does with each of its inputs, in a form that can travel to another process or machine."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from .. import __version__
from ..errors import ModelError
from .inputs import load_radiographs
from .outputs import LANDMARKS, Formats, is_folder

if TYPE_CHECKING:
    from ..models import Model

_NO_MATTER = {"output", "device", "model"}  # for what the result is


@dataclass(frozen=True)
class Task:
    """A model, and how each input is searched with it and written. A command's own task adds how.

    Parameters
    ----------
    model
        A name, or the absolute path of a file.
    digest
        Of the model's file and this package's version, so that nobody searches with another one.
    settings
        The method's dataclass.
    output
        A file or a folder.
    seed, device
    spacing_mm
        Of films, where the user gives it.
    """

    model: str
    digest: str
    settings: Any
    output: Path
    seed: int = 0
    device: str = "auto"
    spacing_mm: tuple[float, float] | None = field(default=None, kw_only=True)

    formats: ClassVar[Formats] = LANDMARKS
    load: ClassVar[Callable] = staticmethod(load_radiographs)

    @property
    def in_folder(self) -> bool:
        return is_folder(self.output, self.formats)

    @property
    def loaded(self) -> "Model":
        """The model, in memory once a process."""
        return _loaded(self.model, self.digest, str(self.device))

    @property
    def facts(self) -> list[tuple]:
        """All that the result depends on, but the input."""
        own = [(f.name, getattr(self, f.name)) for f in fields(self) if f.name not in _NO_MATTER]
        return [("task", type(self).__name__, self.in_folder), *own]

    def search(self, image, image_name: str, progress: Callable) -> Any:
        """What is found in one image."""
        raise NotImplementedError

    def write(self, stem: str, image, one) -> None:
        """Write the files of one image."""
        raise NotImplementedError

    def write_tables(self, found: Sequence) -> list[Path]:
        """Write what concerns all images; the tables among it."""
        raise NotImplementedError

    def lines(self, one) -> list[str]:
        """What to say about one image."""
        raise NotImplementedError


def loaded_model(model: str, device: str) -> "tuple[str, str, Model]":
    """The model as another process finds it, its digest, and the model itself, which tasks of this process share."""
    path = Path(model).expanduser()
    name = str(path.absolute()) if path.is_file() else model
    digest = _digest_of(name)
    return name, digest, _loaded(name, digest, str(device))


def _digest_of(model: str) -> str:
    """Of the model's file and this package's version."""
    from ..models.registry import find_model

    return hashlib.sha256(Path(find_model(model)).read_bytes() + __version__.encode()).hexdigest()


@lru_cache(maxsize=1)
def _loaded(model: str, digest: str, device: str) -> "Model":
    from ..models import load_model

    if _digest_of(model) != digest:
        raise ModelError(f"model {model}", "is another file on this worker, or the package another version",
                         "Install the same version and models everywhere")
    return load_model(model, device=device)
