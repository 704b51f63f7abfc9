"""What an installed package must do, far from its repository: `try_packages.sh` runs this in an empty environment.

The manifest names things that are there, every dock opens, a sample opens as layers and comes back from files.
"""

import os
import subprocess
import sys
import tempfile
from importlib.metadata import metadata, version
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

NAME = "napari-xray-landmarks"
FIELDS = ("Name", "Version", "Summary", "License-Expression", "Requires-Python", "Keywords", "Description-Content-Type")


def main() -> None:
    import napari_xray_landmarks

    assert "site-packages" in napari_xray_landmarks.__file__, f"not installed: {napari_xray_landmarks.__file__}"
    facts = metadata(NAME)
    missing = [field for field in FIELDS if not facts.get(field)]
    assert not missing, f"the package's metadata lack {missing}"
    assert "Framework :: napari" in facts.get_all("Classifier"), "napari's hub lists packages with this classifier only"
    subprocess.run([sys.executable, "-m", "npe2", "validate", "--imports", NAME], check=True, stdout=subprocess.DEVNULL)
    versions = ", ".join(f"{name} {version(name)}" for name in (NAME, "napari", "numpy"))
    print(f"Python {sys.version.split()[0]}, {versions}: {_docks()} docks, {_samples()} layers of a sample")


def _docks() -> int:
    """Open every dock over a viewer without a window."""
    from napari.components import ViewerModel
    from npe2 import PluginManager
    from qtpy.QtWidgets import QApplication

    app = QApplication.instance() or QApplication([])
    manager = PluginManager.instance()
    manager.discover()
    widgets = manager.get_manifest(NAME).contributions.widgets
    opened = [manager.commands.get(widget.command)(ViewerModel()) for widget in widgets]
    app.processEvents()
    return len(opened)


def _samples() -> int:
    """Open the sample, save what can be saved, and open that again."""
    from napari.components import ViewerModel

    viewer = ViewerModel()
    viewer.open_sample(NAME, "pelvis")
    with tempfile.TemporaryDirectory() as folder:
        for layer, ending in zip(viewer.layers, (".nii.gz", ".mrk.json"), strict=False):
            (path,) = layer.save(str(Path(folder) / f"saved{ending}"), plugin=NAME)
            ViewerModel().open(path, plugin=NAME)
    return len(viewer.layers)


if __name__ == "__main__":
    main()
