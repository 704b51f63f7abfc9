"""What napari learns from the manifest: the docks, their order, and that looking at them costs no heavy import."""

import subprocess
import sys

import pytest
from npe2 import PluginManifest

DOCKS = ["Annotate and train", "Calibrate spacing", "Detect landmarks", "Evaluate", "Pose and registration",
         "Segment bone", "Simulate C-arm", "Spine curvature", "Tune solver"]
HEAVY = {"torch", "SimpleITK", "sklearn", "pydicom", "monai"}


@pytest.fixture(scope="module")
def manifest():
    return PluginManifest.from_distribution("napari-xray-landmarks")


def test_docks_stand_in_the_order_of_the_work(manifest):
    titles = [w.display_name for w in manifest.contributions.widgets]
    assert titles == DOCKS
    assert sorted(titles) == titles, "napari sorts the menu by title"


def test_everything_that_the_manifest_names_can_be_imported(manifest):
    manifest.validate_imports()


def test_layer_menus_lead_to_docks(manifest):
    commands = {w.command for w in manifest.contributions.widgets}
    for menu, items in manifest.contributions.menus.items():
        assert menu.startswith("napari/layers/")
        assert {item.command for item in items} <= commands


def loaded_by(code: str) -> set[str]:
    done = subprocess.run([sys.executable, "-c", f"{code}\nimport sys; print(*sys.modules)"], capture_output=True,
                          text=True, check=True, env={"QT_QPA_PLATFORM": "offscreen", "HOME": "/nonexistent"})
    return {name.partition(".")[0] for name in done.stdout.split()}


def test_discovery_and_opening_a_picture_import_nothing_heavy(tmp_path):
    import numpy as np
    from PIL import Image

    path = tmp_path / "film.png"
    Image.fromarray(np.zeros((20, 20), np.uint8)).save(path)
    loaded = loaded_by("from npe2 import PluginManager; PluginManager.instance().discover()\n"
                       "from napari.components import ViewerModel; viewer = ViewerModel()\n"
                       f"viewer.open({str(path)!r})\nassert len(viewer.layers) == 1")
    assert not loaded & HEAVY


@pytest.mark.parametrize("dock", ["annotate:AnnotateAndTrain", "calibrate:CalibrateSpacing", "carm:SimulateCArm",
                                  "detect:DetectLandmarks",
                                  "evaluate:Evaluate",
                                  "pose:PoseAndRegistration", "segment:SegmentBone", "spine:SpineCurvature",
                                  "tune:TuneSolver"])
def test_opening_a_dock_imports_nothing_heavy(dock):
    module, _, name = dock.partition(":")
    loaded = loaded_by("from qtpy.QtWidgets import QApplication; app = QApplication([])\n"
                       "from napari.components import ViewerModel\n"
                       f"from napari_xray_landmarks.plugin.widgets.{module} import {name}\n"
                       f"dock = {name}(ViewerModel())")
    assert not loaded & {"torch", "SimpleITK", "sklearn", "monai"}
