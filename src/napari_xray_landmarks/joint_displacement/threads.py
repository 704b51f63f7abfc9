"""One thread for each of the many small computations of the method, and several of those at once.

Each product and each compiled loop here takes milliseconds. Shared between threads, they end in a barrier at which BLAS
and OpenMP spin: on a machine that is busy otherwise, whoever waits burns the time that the other thread needs. On two
busy cores the search for a pose took 5 to 50 s so, and 2 s in one thread. What is independent, such as the subshapes
of a level, runs side by side instead: the compiled loops and BLAS let go of the interpreter.
"""

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache

import numba

_lock = threading.Lock()
_inside = 0  # how many threads hold BLAS to one thread now
_counts: dict = {}  # what each BLAS library had before the first of them


@contextmanager
def one_thread():
    """numba in this thread, and BLAS in the whole process, take one thread within; nests; also a decorator.

    BLAS has one pool a process: it gets its threads back when the last one is out.
    """
    before = numba.get_num_threads()
    numba.set_num_threads(1)
    _enter()
    try:
        yield
    finally:
        _leave()
        numba.set_num_threads(before)


def side_by_side(work: Callable, items: Iterable, done: Callable[[int], None] = lambda count: None) -> list:
    """`work` of every item, as many at once as numba may use threads (all cores, or NUMBA_NUM_THREADS); in order.

    `done(count)` is called in this thread after each; what it raises ends the rest.
    """
    items, results = list(items), []
    with ThreadPoolExecutor(min(numba.config.NUMBA_NUM_THREADS, max(1, len(items)))) as pool:
        try:
            for result in pool.map(work, items):
                results.append(result)
                done(len(results))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return results


def _enter() -> None:
    global _inside
    with _lock:
        if not _inside:
            _counts.update({library: library.num_threads for library in _blas_libraries()})
            _set({library: 1 for library in _counts})
        _inside += 1


def _leave() -> None:
    global _inside
    with _lock:
        _inside -= 1
        if not _inside:
            _set(_counts)


def _set(counts: dict) -> None:
    for library, count in counts.items():
        release = getattr(library, "clear_controlling_thread", None)  # whichever thread set a limit last may be another
        if release:
            release(force=True)
        library.set_num_threads(count)
        if release:
            release(force=True)


@cache
def _blas_libraries() -> tuple:
    from threadpoolctl import ThreadpoolController

    return tuple(ThreadpoolController().select(user_api="blas").lib_controllers)
