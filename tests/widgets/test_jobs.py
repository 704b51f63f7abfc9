import threading

import pytest

from napari_xray_landmarks.errors import InputError
from napari_xray_landmarks.plugin.widgets.jobs import Job, LiveJob
from napari_xray_landmarks.plugin.widgets.run_row import RunRow


def test_a_job_reports_and_returns(qtbot):
    job = Job()
    stages = []
    job.progressed.connect(lambda fraction, stage: stages.append((fraction, stage)))

    def work(progress):
        progress(0.5, "half way")
        return threading.current_thread()

    with qtbot.waitSignals([job.done, job.ended]):
        job.start(work)
    assert stages == [(0.5, "half way")]
    assert not job.running


def test_work_runs_beside_the_window(qtbot):
    job, here = Job(), threading.current_thread()
    with qtbot.waitSignal(job.done) as done:
        job.start(lambda _: threading.current_thread())
    assert done.args[0] is not here


def test_cancel_ends_the_work_at_its_next_report(qtbot):
    job, go, after = Job(), threading.Event(), []

    def work(progress):
        go.wait(5)
        progress(0.1, "first")
        after.append("went on")

    with qtbot.waitSignal(job.cancelled), qtbot.assertNotEmitted(job.done):
        job.start(work)
        job.cancel()
        go.set()
    assert after == []


def test_a_result_that_comes_after_cancel_is_thrown_away(qtbot):
    job, go = Job(), threading.Event()
    with qtbot.waitSignal(job.cancelled), qtbot.assertNotEmitted(job.done):
        job.start(lambda _: go.wait(5))
        job.cancel()
        go.set()


def test_errors_are_handed_over_not_raised(qtbot):
    job = Job()

    def work(_):
        raise InputError("film.png", "is blank")

    with qtbot.capture_exceptions() as raised, qtbot.waitSignal(job.failed) as failed:
        job.start(work)
    assert str(failed.args[0]) == "film.png: is blank" and raised == []


def test_one_job_at_a_time(qtbot):
    job, go = Job(), threading.Event()
    with qtbot.waitSignal(job.ended):
        job.start(lambda _: go.wait(5))
        with pytest.raises(RuntimeError, match="already running"):
            job.start(lambda _: None)
        go.set()


def test_newest_request_wins_and_older_ones_are_dropped(qtbot):
    go, ran, state = threading.Event(), [], {"value": 0}

    def prepare():
        value = state["value"]

        def work():
            ran.append(value)
            go.wait(5)
            return value * 10

        return value, work

    live, results = LiveJob(prepare), []
    live.done.connect(lambda tag, result: results.append((tag, result)))
    for state["value"] in range(1, 8):
        live.request()
    go.set()
    qtbot.waitUntil(lambda: not live.busy)
    assert ran == [1, 7] and results == [(1, 10), (7, 70)]


def test_run_becomes_cancel_and_names_the_stage(qtbot):
    row, go, told = RunRow("Detect"), threading.Event(), threading.Event()
    qtbot.addWidget(row)

    def work(progress):
        progress(0.25, "features")
        told.set()
        while not go.wait(0.01):
            progress(0.5, "solving")

    row.pressed.connect(lambda: row.start(work))
    row.button.click()
    assert row.button.text() == "Cancel" and not row.bar.isHidden()
    qtbot.waitUntil(lambda: "solving" in row.bar.format())
    with qtbot.waitSignal(row.job.cancelled):
        row.button.click()
    assert row.button.text() == "Detect" and row.bar.isHidden()
