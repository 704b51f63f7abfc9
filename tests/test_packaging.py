"""The wheel that users install holds what the package needs, and the plugin manifest is sound."""

import re
import subprocess
import sys
import tomllib
import zipfile
from email import message_from_bytes
from pathlib import Path

import pytest
import yaml

from napari_xray_landmarks import __version__

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "napari_xray_landmarks"


@pytest.fixture(scope="module")
def wheel_path(tmp_path_factory) -> Path:
    """A freshly built wheel."""
    folder = tmp_path_factory.mktemp("wheel")
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder)]
    command = [sys.executable, "-m", "pip", "wheel", *options, str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    (wheel,) = folder.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def wheel_files(wheel_path) -> dict[str, int]:
    """Size in bytes of each file in the wheel."""
    with zipfile.ZipFile(wheel_path) as archive:
        return {info.filename: info.file_size for info in archive.infolist()}


@pytest.fixture(scope="module")
def wheel_metadata(wheel_path):
    """What the wheel says of itself."""
    with zipfile.ZipFile(wheel_path) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        return message_from_bytes(archive.read(name))


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


def test_every_bundled_model_has_a_card_and_a_licence():
    from napari_xray_landmarks.models import list_models

    weights = SOURCE / "models" / "weights"
    bundled = [header for header in list_models() if (weights / f"{header.name}.safetensors").is_file()]
    assert len(bundled) == len(list(weights.glob("*.safetensors")))
    for header in bundled:
        card = (weights / f"{header.name}.md").read_text(encoding="utf-8")
        licence = header.licence.partition(";")[0]
        assert licence and licence in card.partition("**Licence**")[2], f"{header.name}: the card tells another licence"
        assert "clinical" in card.lower(), f"{header.name}: the card does not say that it is not for clinical use"


def test_the_citation_file_is_one():
    """By the schema of the Citation File Format 1.2.0: what is required, and no key of another name."""
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert {"cff-version", "message", "title", "authors"} <= set(citation) and citation["cff-version"] == "1.2.0"
    assert set(citation) <= {"cff-version", "message", "title", "authors", "type", "license", "version", "abstract",
                             "keywords", "references", "date-released", "doi", "url", "repository-code"}
    assert citation["version"] == __version__ and citation["type"] == "software"
    assert citation["license"] == project()["license"]
    for reference in citation["references"]:
        assert {"type", "title", "authors"} <= set(reference)
        assert reference["type"] in ("article", "conference-paper", "proceedings", "report", "thesis", "software")
    for person in [*citation["authors"], *(p for reference in citation["references"] for p in reference["authors"])]:
        assert set(person) <= {"name", "family-names", "given-names", "orcid", "affiliation"} and person


def test_the_metadata_say_what_naparis_hub_reads(wheel_metadata):
    given = project()
    assert wheel_metadata["Name"] == given["name"] and wheel_metadata["Version"] == __version__
    assert wheel_metadata["Summary"] == given["description"] and len(given["description"]) < 120
    assert wheel_metadata["License-Expression"] == "BSD-3-Clause" and wheel_metadata["License-File"] == "LICENSE"
    assert wheel_metadata["Description-Content-Type"] == "text/markdown"
    assert wheel_metadata["Requires-Python"] == ">=3.11"
    classifiers = wheel_metadata.get_all("Classifier")
    assert "Framework :: napari" in classifiers and not any(c.startswith("License ::") for c in classifiers)
    assert wheel_metadata.get_payload().startswith("# napari-xray-landmarks")
    assert not any("pyqt" in need.lower() and "extra" not in need for need in wheel_metadata.get_all("Requires-Dist"))


def test_the_workflow_is_sound():
    """What fails there at once: a step that does nothing or two things, a matrix without such a key, no such script."""
    text = (ROOT / ".github" / "workflows" / "test.yml").read_text(encoding="utf-8")
    workflow = yaml.safe_load(text)
    assert {"name", "jobs"} <= set(workflow) and True in workflow, "yaml reads `on` as true"
    for name, job in workflow["jobs"].items():
        assert set(job) <= {"name", "runs-on", "container", "timeout-minutes", "strategy", "steps"}
        assert job["runs-on"] and job["timeout-minutes"] <= 120
        for step in job["steps"]:
            assert ("uses" in step) != ("run" in step), f"{name}: {step}"
            assert set(step) <= {"name", "uses", "run", "with", "if", "env", "shell"}
            assert "uses" not in step or re.fullmatch(r"[\w-]+/[\w-]+@v\d+", step["uses"])
        used = set(re.findall(r"matrix\.(\w+)", yaml.safe_dump(job)))
        known = job.get("strategy", {}).get("matrix", {})
        assert used <= {*known, *(key for one in known.get("include", ()) for key in one)}, f"{name}: {used}"
    systems = workflow["jobs"]["matrix"]["strategy"]["matrix"]["os"]
    assert {"ubuntu-latest", "windows-latest", "macos-latest"} <= set(systems)
    for script in re.findall(r"\bscripts/\w+\.\w+", text):
        assert (ROOT / script).is_file(), f"{script} is not there"


def project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
