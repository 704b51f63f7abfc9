import threading
import time

import numba
import pytest
from threadpoolctl import threadpool_info

from napari_xray_landmarks.errors import Cancelled
from napari_xray_landmarks.joint_displacement.threads import one_thread, side_by_side


def blas_threads():
    return [library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"]


@pytest.fixture(scope="module", autouse=True)
def as_a_detection_runs_it():
    """Here the threads are as the user has them."""


@pytest.fixture
def run_in_a_thread():
    """A function that runs another one in a thread of its own, as a worker of the viewer does."""

    def run(function):
        results = []
        worker = threading.Thread(target=lambda: results.append(function()))
        worker.start()
        worker.join(20)
        return results[0]

    return run


def inside_and_after():
    before = numba.get_num_threads(), blas_threads()
    with one_thread():
        with one_thread():
            pass
        inside = numba.get_num_threads(), set(blas_threads())
    return inside, before, (numba.get_num_threads(), blas_threads())


@pytest.mark.parametrize("workers", [1, 2])
def test_threads_are_limited_within_and_given_back(run_in_a_thread, workers):
    for run in (lambda f: f(), *[run_in_a_thread] * workers):
        inside, before, after = run(inside_and_after)
        assert inside == (1, {1}) and after == before


def test_threads_are_given_back_after_an_error():
    before = numba.get_num_threads(), blas_threads()

    @one_thread()
    def fail():
        raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert (numba.get_num_threads(), blas_threads()) == before


def test_workers_that_overlap_leave_blas_as_it_was(run_in_a_thread):
    before = blas_threads()
    inside, leave = threading.Event(), threading.Event()

    @one_thread()
    def work():
        inside.set()
        leave.wait(10)

    worker = threading.Thread(target=work)
    with one_thread():
        worker.start()
        assert inside.wait(10)
    leave.set()
    worker.join(10)
    assert blas_threads() == before
    assert run_in_a_thread(inside_and_after)[0] == (1, {1})


def test_work_side_by_side_comes_back_in_order_and_is_told():
    told = []
    assert side_by_side(lambda n: n * n, range(20), told.append) == [n * n for n in range(20)]
    assert told == list(range(1, 21))


def test_what_the_report_raises_ends_the_work():
    begun = []

    def stop(done):
        raise Cancelled

    with pytest.raises(Cancelled):
        side_by_side(lambda n: begun.append(n) or time.sleep(0.01), range(200), stop)
    assert len(begun) < 200
