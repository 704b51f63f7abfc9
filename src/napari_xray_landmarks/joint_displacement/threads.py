"""One thread for the many small computations of the method.

Each product and each compiled loop here takes milliseconds. Shared between threads, they end in a barrier at which BLAS
and OpenMP spin: on a machine that is busy otherwise, whoever waits burns the time that the other thread needs. On two
busy cores the search for a pose took 5 to 50 s so, and 2 s in one thread.
"""

import threading
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
