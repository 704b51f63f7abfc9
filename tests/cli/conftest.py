"""The program as a user runs it, in this process or as a program of its own."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

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


# a plate with a hole and a notch: (row, column) corners about its centre
PLATE = np.array([(-20, -30), (-20, 30), (4, 30), (4, 8), (20, 8), (20, -30)], float)
NAMES = ("upper-left", "upper-right", "notch", "lower-right", "lower-left")
MARKED = PLATE[[0, 1, 3, 4, 5]]


def plate_film(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Grey values of 120 x 160 pixels, and the (5, 2) landmarks of the plate in them."""
    rng = np.random.default_rng(seed)
    angle, size = rng.normal(0, 0.05), rng.normal(1.2, 0.05)
    turn = size * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    centre = np.array([60.0, 80.0]) + rng.uniform(-8, 8, 2)
    image = Image.new("L", (160, 120), 60)
    draw = ImageDraw.Draw(image)
    draw.polygon([tuple(p) for p in (PLATE @ turn.T + centre)[:, ::-1]], fill=170)
    row, column = (np.array([-8.0, -15.0]) @ turn.T) + centre
    draw.ellipse([column - 6, row - 6, column + 6, row + 6], fill=110)
    grey = np.asarray(image.filter(ImageFilter.GaussianBlur(1.2)), float) + rng.normal(0, 3, (120, 160))
    return np.clip(grey, 0, 255).astype(np.uint8), MARKED @ turn.T + centre


def write_plate(path: Path, seed: int) -> np.ndarray:
    """Write a film as PNG; gives its landmarks in pixels."""
    grey, points = plate_film(seed)
    Image.fromarray(grey).save(path)
    return points


@pytest.fixture
def write_film():
    """`write_plate`."""
    return write_plate


@pytest.fixture(scope="session")
def training_folder(tmp_path_factory) -> Path:
    """Ten films of plates with their landmarks in the training layout."""
    folder = tmp_path_factory.mktemp("plates")
    (folder / "images").mkdir()
    rows = ["image,landmark,row_px,column_px"]
    for seed in range(10):
        points = write_plate(folder / "images" / f"{seed:03d}.png", seed)
        rows += [f"{seed:03d}.png,{name},{r!r},{c!r}" for name, (r, c) in zip(NAMES, points.tolist(), strict=True)]
    (folder / "landmarks.csv").write_text("\n".join(rows) + "\n")
    return folder


@pytest.fixture(scope="session")
def model_file(training_folder, tmp_path_factory) -> Path:
    """A model that the command line trained on these films."""
    path = tmp_path_factory.mktemp("model") / "plate.safetensors"
    small = {"levels": 2, "resolution": 16, "search_range": 8, "rotation": 10}
    small |= {"train_patches": 600, "patches": 200, "components": 32}
    command = ["train", "joint-displacement", "--data", str(training_folder), "-o", str(path), "--anatomy", "plate"]
    with pytest.raises(SystemExit) as left:
        main([*command, *(part for key, value in small.items() for part in ("--set", f"{key}={value}"))])
    assert left.value.code == 0
    return path


@pytest.fixture(scope="session")
def cluster():
    """HOST:PORT of a scheduler with two workers that are threads of this process."""
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, processes=False, protocol="tcp",
                                  dashboard_address=":0") as cluster:
        yield cluster.scheduler_address.removeprefix("tcp://")
