"""The wheel that users install holds what the package needs, and the plugin manifest is sound."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "napari_xray_landmarks"


@pytest.fixture(scope="module")
def wheel_files(tmp_path_factory) -> dict[str, int]:
    """Size in bytes of each file in a freshly built wheel."""
    folder = tmp_path_factory.mktemp("wheel")
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder)]
    command = [sys.executable, "-m", "pip", "wheel", *options, str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        return {info.filename: info.file_size for info in archive.infolist()}


def test_the_wheel_holds_manifest_icon_and_weights(wheel_files):
    assert "napari_xray_landmarks/napari.yaml" in wheel_files
    assert "napari_xray_landmarks/icon.svg" in wheel_files
    weights = {p.name: p.stat().st_size for p in (SOURCE / "models" / "weights").glob("*.safetensors")}
    assert weights, "no bundled models in the source tree"
    shipped = {f"napari_xray_landmarks/models/weights/{name}": size for name, size in weights.items()}
    assert shipped.items() <= wheel_files.items()


def test_the_wheel_holds_every_module_and_nothing_foreign(wheel_files):
    ours = {n.removeprefix("napari_xray_landmarks/") for n in wheel_files if n.startswith("napari_xray_landmarks/")}
    modules = {str(p.relative_to(SOURCE)) for p in SOURCE.rglob("*.py")}
    assert {n for n in ours if n.endswith(".py")} == modules
    foreign = {n for n in wheel_files if not n.startswith(("napari_xray_landmarks/", "napari_xray_landmarks-"))}
    assert not foreign
    assert sum(wheel_files.values()) < 60e6, "the wheel grows too large"


def test_the_manifest_is_valid():
    starts = [sys.executable, "-c", "import napari.layers; from qtpy import QtWidgets"]
    if subprocess.run(starts, capture_output=True).returncode:
        pytest.skip("napari does not start here: system libraries are missing")
    done = subprocess.run(
        [sys.executable, "-m", "npe2", "validate", "--imports", "napari_xray_landmarks"],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "valid" in done.stdout


def test_the_manifest_names_its_icon():
    manifest = yaml.safe_load((SOURCE / "napari.yaml").read_text(encoding="utf-8"))
    package, _, resource = manifest["icon"].partition(":")
    assert package == "napari_xray_landmarks"
    assert (SOURCE / resource).is_file()
