"""The same work for many subjects: here, in processes of its own, or on the machines of a Dask cluster."""

from collections.abc import Callable, Hashable, Iterator, Mapping
from concurrent.futures import Executor, ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from functools import partial
from multiprocessing import get_context

from ..errors import InputError

PATIENCE = "10s"


def results(function: Callable, jobs: Mapping, *, workers: int = 1, scheduler: str | None = None) -> Iterator[tuple]:
    """Yields (key, function(*arguments)) as they are done; the parameters and errors are those of `outcomes`."""
    for key, outcome in outcomes(function, jobs, workers=workers, scheduler=scheduler):
        yield key, outcome()


def outcomes(function: Callable, jobs: Mapping, *, workers: int = 1, scheduler: str | None = None, retries: int = 0
             ) -> Iterator[tuple[Hashable, Callable]]:
    """Yields (key, outcome) as they are done; what is not begun is dropped when the caller stops.

    `outcome()` is the function's result, or raises what the function raised, or what befell its process.

    Parameters
    ----------
    function
        At the top of a module, so that other processes find it.
    jobs
        Arguments by key.
    workers
        Processes; 1 for this one.
    scheduler
        HOST:PORT of a Dask scheduler, in place of processes here.
    retries
        How often a scheduler tries again where the function raises.

    Raises
    ------
    InputError
        The scheduler does not answer, or `distributed` is not installed.
    """
    if scheduler is None and min(workers, len(jobs)) <= 1:
        for key, arguments in jobs.items():
            yield key, partial(function, *arguments)
        return
    with _executor(min(workers, len(jobs)), scheduler, retries) as executor:
        futures = {executor.submit(function, *arguments): key for key, arguments in jobs.items()}
        try:
            for future in as_completed(futures):
                yield futures[future], future.result
        finally:
            for future in futures:
                future.cancel()


@contextmanager
def _executor(workers: int, scheduler: str | None, retries: int) -> Iterator[Executor]:
    if scheduler is None:
        with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as executor:
            yield executor
        return
    try:
        from distributed import Client
    except ImportError as error:
        raise InputError(f"--scheduler {scheduler}", "needs dask.distributed, which is not installed",
                         "pip install napari-xray-landmarks[distributed]") from error
    try:
        client = Client(scheduler, timeout=PATIENCE, set_as_default=False)
    except (OSError, ValueError) as error:
        raise InputError(f"--scheduler {scheduler}", f"does not answer ({error})",
                         "Start `dask scheduler` and workers first") from error
    with client:
        yield client.get_executor(pure=False, retries=retries)
