"""Two processes of the command line train the model that one trains, from where one was stopped."""

import os
import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("lightning_fabric")

from napari_xray_landmarks.errors import Cancelled  # noqa: E402
from napari_xray_landmarks.learning.devices import Devices, training_on  # noqa: E402
from napari_xray_landmarks.models.format import read_model_file  # noqa: E402
from napari_xray_landmarks.training.recipes import train  # noqa: E402

QUICK = {"rows": 64, "columns": 64, "pixel_mm": 1.5, "epochs": 2, "batch": 8, "stages": 2, "channels": 4, "threads": 1}


def test_two_processes_go_on_with_a_run_and_end_as_one_does(drawn_set, tmp_path):
    whole, parts = tmp_path / "whole.safetensors", tmp_path / "parts.safetensors"

    def stop(fraction, stage):
        if "epoch 2" in stage:
            raise Cancelled

    with training_on(Devices("cpu", precision="32")):
        train("view-invariant", drawn_set, whole, settings=QUICK, seed=3)
        with pytest.raises(Cancelled):
            train("view-invariant", drawn_set, parts, settings=QUICK, seed=3, progress=stop)
    command = [sys.executable, "-m", "napari_xray_landmarks", "train", "view-invariant", "--data", drawn_set.folder,
               "-o", parts, "--seed", "3", "--devices", "2", "--accelerator", "cpu", "--precision", "32"]
    command += [part for key, value in QUICK.items() for part in ("--set", f"{key}={value}")]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=200,
                          env={**os.environ, "OMP_NUM_THREADS": "1"})
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("Written:") == 1 and not done.stderr
    assert not parts.with_suffix(".run").exists()
    (one, arrays), (other, others) = read_model_file(whole), read_model_file(parts)
    assert one.training == other.training and one.landmarks == other.landmarks
    for name, values in arrays.items():
        if name != "calibration":
            np.testing.assert_allclose(others[name].astype(float), values.astype(float), atol=4e-3, err_msg=name)
