"""Every dock in a small laptop's window: its height, and everything by keyboard. Needs a display (xvfb-run)."""

import numpy as np
import pytest
from npe2 import PluginManifest

from docks import assert_serves_on_a_laptop, assert_works_by_keyboard, on_canvas
from napari_xray_landmarks.joint_displacement.settings import JointDisplacementSettings
from napari_xray_landmarks.landmarks import LandmarkSet
from napari_xray_landmarks.plugin.results import show_landmarks, update_landmarks
from napari_xray_landmarks.plugin.widgets.dock import Fold

pytestmark = pytest.mark.gl
PLUGIN = "napari-xray-landmarks"
LAPTOP = (1280, 768)  # 1280 x 800 without the frame
DOCKS = [widget.display_name for widget in PluginManifest.from_distribution(PLUGIN).contributions.widgets]


def opened(viewer, npe2pm, name):
    npe2pm.register(PluginManifest.from_distribution(PLUGIN))
    widget = next(w for w in npe2pm.get_manifest(PLUGIN).contributions.widgets if w.display_name == name)
    dock = npe2pm.commands.get(widget.command)(viewer)
    viewer.window.add_dock_widget(dock, name=name, area="right")
    return dock


@pytest.mark.parametrize("name", DOCKS)
def test_a_dock_fits_and_works_by_keyboard(viewer, npe2pm, figure_film, qtbot, name):
    viewer.window.resize(*LAPTOP)
    dock = opened(viewer, npe2pm, name)
    qtbot.wait(50)
    assert_works_by_keyboard(viewer.window._qt_window, dock)
    viewer.add_image(figure_film[0], name="film", scale=(0.5, 0.5), units=("mm", "mm"))
    for fold in dock.findChildren(Fold):
        fold.button.setChecked(True)
    qtbot.wait(200)
    assert viewer.window._qt_window.height() <= LAPTOP[1]
    assert_serves_on_a_laptop(viewer, dock)


def test_points_that_are_not_shown_leave_no_trace(viewer, figure_film, qtbot):
    film = viewer.add_image(np.zeros((100, 80)), name="film", contrast_limits=(0, 1))
    found = LandmarkSet(("a", "b"), [[50, 40], [np.nan, np.nan]], [0.9, 0.4], [True, False])
    layer = show_landmarks(viewer, film, found, model="m", version="1", settings=JointDisplacementSettings())
    assert _is_dark(viewer, qtbot)
    update_landmarks(layer, LandmarkSet(("a", "b"), [[50, 40], [2, 2]], [0.9, 0.4], [True, True]))
    assert not _is_dark(viewer, qtbot), "it is found now"
    update_landmarks(layer, found)
    assert _is_dark(viewer, qtbot)


def _is_dark(viewer, qtbot) -> bool:
    """Whether nothing is seen at the film's upper left corner."""
    qtbot.wait(100)
    column, row = np.round(on_canvas(viewer, (0, 0))).astype(int)
    shot = viewer.screenshot(canvas_only=True, flash=False)
    around = shot[max(row - 10, 0):row + 30, max(column - 10, 0):column + 30, :3]
    return bool(around.size and around.max() < 30)
