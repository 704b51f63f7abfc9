"""Segment bone on a volume in the real window: labels over slices, bones lit in space, a dock that fits."""

import numpy as np
import pytest

import knees
from docks import assert_serves_on_a_laptop
from napari_xray_landmarks.models import ModelHeader
from napari_xray_landmarks.models.registry import Model
from napari_xray_landmarks.plugin.convert import image_layer
from napari_xray_landmarks.plugin.solving import Search
from napari_xray_landmarks.plugin.volumes import segmented_volume, volume_of
from napari_xray_landmarks.plugin.widgets.segment import SegmentBone
from napari_xray_landmarks.shape.settings import ShapeModelSettings

pytestmark = pytest.mark.gl
LONG = 120_000


@pytest.fixture
def dock(viewer, qtbot):
    labels = knees.knee_labels(knees.grid())
    dock = SegmentBone(viewer)
    viewer.window.add_dock_widget(dock, name="Segment bone", area="right")
    data, attributes, _ = image_layer(knees.knee_volume(labels))
    image = viewer.add_image(data, **attributes)
    model = Model(ModelHeader("shape-model", "knee", ("a",), name="made-up"), None, None)
    segmented = segmented_volume(Search(image, volume_of(image)), model, knees.knee_segmentation(labels),
                                 ShapeModelSettings())
    dock._on_found(([segmented], []))
    qtbot.wait(300)
    return dock


def shot(viewer) -> np.ndarray:
    return viewer.screenshot(canvas_only=True, flash=False)[..., :3].astype(float)


def test_labels_lie_over_the_slices_and_bones_are_lit_in_space(viewer, dock, qtbot):
    viewer.dims.set_point(range(3), knees.CENTRES["tibia"])
    qtbot.wait(200)
    flat = shot(viewer)
    middle = flat[flat.shape[0] // 2, flat.shape[1] // 2]
    assert middle[0] > middle[2] + 60, "the tibia's vermilion in the middle of its slice"

    dock.volume.by.setCurrentText("structure")
    dock.volume.by.activated.emit(1)
    viewer.layers["knee · shape landmarks"].visible = False
    dock.volume.space_button.click()
    qtbot.wait(400)
    space = shot(viewer)
    blue = space[..., 2] > space[..., 0] + 20
    red = space[..., 0] > space[..., 2] + 20
    rows = np.arange(space.shape[0])
    assert blue.sum() > 2000 and red.sum() > 2000, "both bones are seen"
    assert (rows @ blue.sum(1)) / blue.sum() < (rows @ red.sum(1)) / red.sum(), "the femur above the tibia"
    lit = space[blue].max(1)
    assert np.median(lit) > 90, "light comes from the viewer's side"
    dock.volume.space_button.click()
    qtbot.wait(200)
    assert viewer.dims.ndisplay == 2 and np.abs(shot(viewer) - flat).mean() < 20, "the slices are back"


def test_the_mode_sliders_move_the_bone_in_space(viewer, dock, qtbot):
    dock.explorer.show_button.click()
    qtbot.waitUntil(lambda: dock.explorer.shown and not dock.explorer.busy, timeout=LONG)
    qtbot.wait(300)
    before = shot(viewer)
    dock.explorer.modes.sliders[0].slider.setValue(dock.explorer.modes.sliders[0].position(3.0))
    qtbot.wait(300)
    assert np.abs(shot(viewer) - before).max(-1).mean() > 1.0


def test_the_dock_fits_a_laptop_and_clips_no_label(viewer, dock, qtbot):
    assert dock.minimumSizeHint().height() <= 300
    assert_serves_on_a_laptop(viewer, dock)
    table = dock.volume.table.table
    longest = max(table.fontMetrics().horizontalAdvance(name) for name in knees.NAMES)
    assert table.columnWidth(0) >= longest + 26, "a structure's name is clipped"
