"""What a command tells the person at the terminal: lines, error lines and a progress bar."""

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager

from ..errors import InputError

PROGRAM = "xray-landmarks"


def say(text: str, quiet: bool = False) -> None:
    """Print a line, unless asked to be quiet."""
    if not quiet:
        print(text, flush=True)


def complain(text: object) -> None:
    """Print an error as one line on standard error."""
    print(f"{PROGRAM}: {' '.join(str(text).split())}", file=sys.stderr, flush=True)


def one_line(error: BaseException) -> str:
    """An exception as one line that a user can act on."""
    if isinstance(error, OSError) and error.strerror:
        subject = error.filename or "file system"
        return f"{subject}: {error.strerror.lower()}"
    return " ".join(str(error).split()) or type(error).__name__


def aligned(rows: Sequence[Sequence[str]], header: Sequence[str] | None = None) -> str:
    """Rows of texts in aligned columns."""
    rows = [[str(cell) for cell in row] for row in ([header] if header else []) + list(rows)]
    if not rows:
        return ""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join("  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows)


@contextmanager
def progress_bar(title: str, quiet: bool = False) -> Iterator[Callable[[float, str], None]]:
    """A bar on standard error; gives `progress(fraction, stage)`. Silent where there is no terminal."""
    if quiet or not sys.stderr.isatty():
        yield lambda fraction, stage="": None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[stage]}"), TimeElapsedColumn()
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(title, total=1.0, stage="")
        yield lambda fraction, stage="": bar.update(task, completed=fraction, stage=stage)


def for_each(inputs: Iterable, work: Callable, *, title: str, quiet: bool = False) -> tuple[list, int]:
    """`work(input, progress)` for every input: (results, number of failures).

    A single input that fails raises; of several, a bad one is reported and skipped.
    """
    inputs, results, failures = list(inputs), [], 0
    with progress_bar(title, quiet) as progress:
        for i, item in enumerate(inputs):
            label = getattr(item, "name", str(item))

            def report(fraction: float, stage: str = "", i=i, label=label):
                progress((i + fraction) / len(inputs), f"{label} ({i + 1}/{len(inputs)}) {stage}")

            report(0.0)
            try:
                results.append(work(item, report))
            except (InputError, OSError, MemoryError) as error:
                if len(inputs) == 1:
                    raise
                complain(f"{one_line(error)} (skipped)")
                failures += 1
    return results, failures
