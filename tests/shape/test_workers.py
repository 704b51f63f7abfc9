import os
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import pytest

from napari_xray_landmarks.errors import InputError
from napari_xray_landmarks.shape.workers import outcomes, results


def double(number: int) -> int:
    if number < 0:
        error = InputError(f"number {number}", "is negative")
        raise error from error  # as where an error is told again that names the file already
    return 2 * number


JOBS = {"a": (1,), "b": (2,), "c": (3,)}


@pytest.mark.parametrize("workers", [1, 2])
def test_results_come_with_their_keys(workers):
    assert dict(results(double, JOBS, workers=workers)) == {"a": 2, "b": 4, "c": 6}
    assert dict(results(double, {}, workers=workers)) == {}


def test_errors_of_other_processes_reach_the_caller():
    with pytest.raises(InputError, match="number -1: is negative"):
        list(results(double, {"a": (-1,), "b": (1,)}, workers=2))


def test_a_dask_cluster_does_the_same():
    distributed = pytest.importorskip("distributed", reason="the extra `distributed` is not installed")
    options = {"n_workers": 1, "threads_per_worker": 1, "processes": False, "dashboard_address": None}
    with distributed.LocalCluster(**options) as cluster:
        found = dict(results(double, JOBS, scheduler=cluster.scheduler_address))
        with pytest.raises(InputError, match="number -1: is negative"):
            list(results(double, {"a": (-1,)}, scheduler=cluster.scheduler_address))
    assert found == {"a": 2, "b": 4, "c": 6}


def test_a_scheduler_that_does_not_answer_is_said(monkeypatch):
    pytest.importorskip("distributed", reason="the extra `distributed` is not installed")
    monkeypatch.setattr("napari_xray_landmarks.shape.workers.PATIENCE", "1s")
    with pytest.raises(InputError, match="--scheduler localhost:1: does not answer"):
        list(results(double, JOBS, scheduler="localhost:1"))


def test_without_dask_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "distributed", None)
    with pytest.raises(InputError, match=r"pip install napari-xray-landmarks\[distributed\]"):
        list(results(double, JOBS, scheduler="localhost:8786"))


def unlucky(folder: str, number: int) -> int:
    """Fails once for 1, kills its process for 2, and each time it is tried it leaves a file."""
    tries = len(list(Path(folder).glob(f"{number}-*")))
    Path(folder, f"{number}-{tries}").touch()
    if number == 1 and not tries:
        raise OSError(5, "the share is gone")
    if number == 2:
        os._exit(1)
    return double(number)


def test_what_befell_a_process_is_tried_again_and_ends_one_job_only(tmp_path):
    jobs = {number: (str(tmp_path), number) for number in (*range(6), -1)}
    found = dict(outcomes(unlucky, jobs, workers=2, retries=1))
    assert found.keys() == jobs.keys()
    assert [found[n]() for n in (0, 1, 3, 4, 5)] == [0, 2, 6, 8, 10]
    with pytest.raises(BrokenProcessPool):
        found[2]()
    with pytest.raises(InputError, match="negative"):
        found[-1]()
    assert len(list(tmp_path.glob("2-*"))) == 3 and len(list(tmp_path.glob("-1-*"))) <= 2
