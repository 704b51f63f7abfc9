"""Learning on several devices: the same as on one, and clear words where they are not there."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("lightning_fabric")

sys.path.insert(0, str(Path(__file__).parent))

from shared_steps import steps  # noqa: E402

from napari_xray_landmarks.errors import InputError  # noqa: E402
from napari_xray_landmarks.learning.devices import Devices, agreed, processes, training_on  # noqa: E402

NO_GPU = pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")


@pytest.fixture(autouse=True)
def same_threads():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def test_two_processes_learn_as_one_does(tmp_path):
    """Each sees its share of the films, and loss, gradients and batch statistics are those of all films."""
    alone = steps(1)
    program = [sys.executable, str(Path(__file__).with_name("shared_steps.py")), "2", str(tmp_path)]
    done = subprocess.run(program, capture_output=True, text=True, timeout=120,
                          env={**os.environ, "OMP_NUM_THREADS": "1"})
    assert done.returncode == 0, done.stderr
    both = [json.loads((tmp_path / f"{rank}.json").read_text()) for rank in (0, 1)]
    assert [said["seen"] for said in both] == [[3, 2, 1], [2, 2, 1]] and alone["seen"] == [5, 4, 1]
    for said in both:
        assert said["agreed"] == 10
        for key in ("losses", "gradients", "weights"):
            np.testing.assert_allclose(np.ravel(said[key]), np.ravel(alone[key]), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(("given", "parts"), [
    ({"accelerator": "tpu"}, ("--accelerator tpu", "unknown")),
    ({"precision": "64"}, ("--precision 64", "bf16-mixed")),
    ({"count": 0}, ("--devices 0",)),
    ({"nodes": 0}, ("--num-nodes 0",)),
])  # fmt: skip
def test_devices_that_cannot_be_are_refused(given, parts):
    with pytest.raises(InputError) as caught:
        Devices(**given)
    assert all(part in str(caught.value) for part in parts)


@NO_GPU
@pytest.mark.parametrize(("devices", "parts"), [
    (Devices("cuda"), ("--accelerator cuda", "no CUDA device", "--accelerator cpu")),
    (Devices("cpu", precision="16-mixed"), ("--precision 16-mixed", "needs CUDA", "bf16-mixed")),
])  # fmt: skip
def test_devices_that_are_not_there_are_named(devices, parts):
    with pytest.raises(InputError) as caught, training_on(devices):
        raise AssertionError("it began")
    assert all(part in str(caught.value) for part in parts)


def test_nodes_that_do_not_know_each_other_are_refused(monkeypatch):
    for name in ("MASTER_ADDR", "TORCHELASTIC_RUN_ID", "SLURM_NTASKS"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(InputError, match="torchrun or srun"), training_on(Devices("cpu", nodes=2)):
        raise AssertionError("it began")


def test_more_devices_than_there_are_is_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with pytest.raises(InputError, match="there are 2 CUDA devices. Use --devices 2"), training_on(Devices("cuda", 4)):
        raise AssertionError("it began")


def test_a_library_that_is_not_installed_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "lightning_fabric", None)
    with pytest.raises(InputError, match="needs the library lightning_fabric.*torch"), training_on(Devices("cpu")):
        raise AssertionError("it began")


def test_within_it_is_what_was_asked_for_and_afterwards_as_before():
    with training_on(Devices("cpu", precision="32")) as own:
        assert processes() is own and own.count == 1 and own.is_first
        assert processes().fabric._precision.precision == "32-true"
    assert processes() is not own and processes().fabric._precision.precision == "bf16-mixed"
    assert agreed(lambda: 3) == 3
