"""The same work for many subjects: here, in processes of its own, or on the machines of a Dask cluster."""

import threading
from collections import Counter, deque
from collections.abc import Callable, Hashable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, as_completed, wait
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from multiprocessing import get_context

from ..errors import InputError

PATIENCE = "10s"
_TURN = threading.Lock()
_AHEAD = 2  # jobs that a process has before it, so that it never waits


def results(function: Callable, jobs: Mapping, *, workers: int = 1, scheduler: str | None = None, retries: int = 0
            ) -> Iterator[tuple]:
    """Yields (key, function(*arguments)) as they are done; the parameters and errors are those of `outcomes`."""
    for key, outcome in outcomes(function, jobs, workers=workers, scheduler=scheduler, retries=retries):
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
        How often a job is tried again, in another process or by another worker, where something befell it: its disk,
        its memory, its machine. An InputError is no such thing.

    Raises
    ------
    InputError
        The scheduler does not answer, or `distributed` is not installed.
    """
    if scheduler is not None:
        yield from _by_cluster(function, jobs, scheduler, retries)
    elif min(workers, len(jobs)) <= 1:
        for key, arguments in jobs.items():
            yield key, partial(function, *arguments)
    else:
        yield from _by_processes(function, jobs, min(workers, len(jobs)), retries)


def _by_processes(function: Callable, jobs: Mapping, workers: int, retries: int) -> Iterator[tuple[Hashable, Callable]]:
    """Where a process dies, those jobs that it may have had are tried one by one; the others go on in new ones."""
    waiting, failed = deque(jobs), Counter()
    while waiting:
        running: dict = {}
        with _pool(workers) as pool:
            try:
                while waiting or running:
                    while waiting and len(running) < _AHEAD * workers:
                        future = pool.submit(function, *jobs[waiting[0]])
                        running[future] = waiting.popleft()
                    for future in wait(running, return_when=FIRST_COMPLETED).done:
                        if isinstance(future.exception(), BrokenProcessPool):
                            raise future.exception()
                        key = running.pop(future)
                        if _befell(future.exception()) and failed[key] < retries:
                            failed[key] += 1
                            waiting.append(key)
                        else:
                            yield key, future.result
            except BrokenProcessPool:
                pass
            finally:
                for future in running:
                    future.cancel()
        for key in running.values():
            yield key, _alone(function, jobs[key], retries)


def _alone(function: Callable, arguments, retries: int) -> Callable:
    """The outcome of a job in a process of its own, the last one of several tries."""
    for _ in range(retries + 1):
        with _pool(1) as pool:
            future = pool.submit(function, *arguments)
        if not _befell(future.exception()):
            break
    return future.result


def _befell(error: BaseException | None) -> bool:
    """Whether another try may do better."""
    return error is not None and not isinstance(error, InputError)


def _pool(workers: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(workers, mp_context=get_context("spawn"))


def one_at_a_time(function: Callable, *arguments):
    """A worker's threads share its models and kernels, which are not for several: the others wait."""
    with _TURN:
        try:
            return function(*arguments)
        except InputError as error:
            told = bare(error)
    raise told


def bare(error: InputError) -> InputError:
    """An error without those that led to it: `distributed` sends these too, and never ends where one is its own cause.
    """
    kind, values = error.__reduce__()
    return kind(*values)


def _by_cluster(function: Callable, jobs: Mapping, scheduler: str, retries: int) -> Iterator[tuple[Hashable, Callable]]:
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
        executor = client.get_executor(pure=False, retries=retries)
        futures = {executor.submit(one_at_a_time, function, *arguments): key for key, arguments in jobs.items()}
        try:
            for future in as_completed(futures):
                yield futures[future], future.result
        finally:
            for future in futures:
                future.cancel()
