"""The program's frame: help, exit codes, one line for what went wrong."""

import resource
import subprocess
import sys

import pytest

COMMANDS = ("demo", "models", "sample", "simulate", "detect", "train", "evaluate", "import")


def test_help_names_every_command(run):
    outcome = run("--help")
    assert outcome.code == 0
    assert all(f" {command} " in outcome.out for command in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_takes_the_common_options(run, command):
    outcome = run(command, "--help")
    assert outcome.code == 0
    assert all(option in outcome.out for option in ("--help", "--quiet", "--device", "--seed"))


def test_help_is_quick(run_program):
    durations = []
    for _ in range(3):
        start = processor_seconds_of_children()
        assert run_program("--help").code == 0
        durations.append(processor_seconds_of_children() - start)
    assert min(durations) < 0.5


def processor_seconds_of_children() -> float:
    """Unlike the clock on the wall, this does not depend on what else the machine does."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def test_version(run):
    from napari_xray_landmarks import __version__

    assert run("--version").out == f"xray-landmarks {__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["frobnicate"], ["frobnicate", "--help"]),
        (["detect"], ["IMAGE", "detect --help"]),
        (["detect", "a.png"], ["--model"]),
        (["models", "--seed", "minus one"], ["minus one"]),
        (["models", "--device", "abacus"], ["abacus"]),
        (["models", "no-such-model"], ["no-such-model", "there is no model"]),
        (["sample", "elephant", "-o", "x"], ["elephant", "pelvis"]),
        (["import", "stone-tablets", "/tmp", "-o", "x"], ["stone-tablets", "isbi-cephalogram"]),
        (["train", "joint-displacement", "--data", "/nowhere", "-o", "m.safetensors"], ["/nowhere"]),
    ],
)
def test_bad_usage_ends_in_one_line(run, arguments, parts):
    run(*arguments).assert_bad_input(*parts)


def test_bad_input_ends_in_one_line_in_a_real_process(run_program, tmp_path):
    outcome = run_program("detect", tmp_path / "no film.png", "--model", "pelvis-ap", "-o", tmp_path / "out.csv")
    outcome.assert_bad_input("xray-landmarks: ")
    assert outcome.out == ""


def test_an_unexpected_error_is_one_line_without_a_traceback(run, monkeypatch):
    monkeypatch.setattr("napari_xray_landmarks.models.list_models", lambda: 1 / 0)
    run("models").assert_bad_input("ZeroDivisionError", "report")


def test_a_closed_pipe_is_no_error():
    command = f"{sys.executable} -m napari_xray_landmarks models | true"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


def test_interrupting_leaves_with_130_and_no_files(tmp_path):
    interrupted = ("import os, signal, sys\n"
                   "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # work in the background ignores it
                   "from napari_xray_landmarks import phantoms\n"
                   "from napari_xray_landmarks.cli import main\n"
                   "make = phantoms.film\n"
                   "def film(*name, **options):\n"  # the key is pressed while the work is under way, not while it loads
                   "    os.kill(os.getpid(), signal.SIGINT)\n"
                   "    return make(*name, **options)\n"
                   "phantoms.film = film\n"
                   "sys.exit(main())")
    command = [sys.executable, "-c", interrupted, "sample", "pelvis", "-o", str(tmp_path / "out")]
    program = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert program.returncode == 130
    assert program.stderr == "xray-landmarks: interrupted; no file was left half-written\n"
    assert not [p for p in tmp_path.rglob("*") if p.is_file()]
