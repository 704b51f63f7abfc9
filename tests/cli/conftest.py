"""The program as a user runs it, in this process or as a program of its own."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from napari_xray_landmarks.cli import main


@dataclass(frozen=True)
class Outcome:
    """What a run left behind."""

    code: int
    out: str
    err: str

    def assert_bad_input(self, *parts: str) -> None:
        """Exit code 2 and one line on standard error that holds all parts."""
        assert self.code == 2, self
        assert "Traceback" not in self.err
        (line,) = self.err.strip().splitlines()
        for part in parts:
            assert part in line, line


@pytest.fixture
def run(capfd):
    """Run the program with these arguments."""

    def run(*arguments: str | Path) -> Outcome:
        capfd.readouterr()
        with pytest.raises(SystemExit) as caught:
            main([str(a) for a in arguments])
        out, err = capfd.readouterr()
        return Outcome(caught.value.code, out, err)

    return run


@pytest.fixture
def run_program():
    """Run it as a process of its own."""

    def run(*arguments: str | Path, **options) -> Outcome:
        command = [sys.executable, "-m", "napari_xray_landmarks", *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, **options)
        return Outcome(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture
def picture(tmp_path) -> Path:
    """A PNG of 60 x 80 pixels."""
    path = tmp_path / "film.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (60, 80), dtype=np.uint8)).save(path)
    return path
