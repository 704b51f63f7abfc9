"""Make the pictures of the documentation from the real window: `make screenshots`.

A phantom's landmarks are detected with the bundled pelvis model, the solver is tuned, a landmark is dragged, a femur is
outlined, and so on; nothing is painted by hand. `--model NAME` takes another model for the pelvis, `--only NAMES` makes
only some of the pictures.
"""

import argparse
import time
from pathlib import Path

import napari
import numpy as np
from qtpy.QtCore import Qt, QThreadPool
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QDialog

from napari_xray_landmarks.plugin.results import names_of
from napari_xray_landmarks.plugin.widgets.dock import Fold

PLUGIN = "napari-xray-landmarks"
FOLDER = Path(__file__).parents[1] / "docs" / "images"
SIZE = (1366, 768)
SAMPLE, CT_SAMPLE = "pelvis", "pelvis-ct"
SPINE_SAMPLE, POSE_SAMPLE = "spine", "pelvis-two-views"
FEMUR_MODEL, FEMUR_SAMPLE = "proximal-femur-ap", "proximal-femur"
KNEE_MODEL, KNEE_SAMPLE = "knee-mr", "knee-mr"
ANY_VIEW_MODEL, BELIEF_IN = "pelvis-any-view", "femoral-head-left"


def settle(seconds: float = 0.4, until=lambda: True) -> None:
    """Let the window live for a while, and on until something holds."""
    end = time.time() + seconds
    while time.time() < end or not until():
        QApplication.processEvents()
        time.sleep(0.01)


def picture(viewer, name: str) -> None:
    """Save the window as it is."""
    settle()
    FOLDER.mkdir(parents=True, exist_ok=True)
    viewer.screenshot(str(FOLDER / f"{name}.png"), canvas_only=False, flash=False)
    print(f"wrote {FOLDER / name}.png")


def dock(viewer, name: str):
    """Open one of our docks alone."""
    for other in list(viewer.window.dock_widgets):
        if PLUGIN in other:
            viewer.window.remove_dock_widget(viewer.window.dock_widgets[other])
    return viewer.window.add_plugin_dock_widget(PLUGIN, name)[1]


def detect(viewer, model: str):
    """Detect in the sample; the landmark layer."""
    widget = dock(viewer, "Detect landmarks")
    viewer.open_sample(PLUGIN, SAMPLE)
    for layer in list(viewer.layers)[1:]:
        layer.visible = False
    widget.model.choose(model)
    widget.run.button.click()
    settle(until=lambda: not widget.run.job.running)
    dismiss(viewer)
    picture(viewer, "detect")
    return viewer.layers[f"{widget.image.value.name} · landmarks"]


def tune(viewer, landmarks) -> None:
    """Move a slider, then drag a landmark."""
    widget = dock(viewer, "Tune solver")
    settle(until=lambda: not (widget.warm_up.running or widget.resolver.busy))
    landmarks.selected_data = {names_of(landmarks).index("asis-left")}
    editor = widget.form.editors["beta"]
    for value in np.geomspace(0.1, 5, 8):
        editor.slider.setValue(editor.position(value))
        settle(0.05, until=lambda: not widget.resolver.busy)
    picture(viewer, "tune")
    index = names_of(landmarks).index("asis-left")
    for _ in range(6):
        moved = np.array(landmarks.data)
        moved[index] += [2.5, -2.0]
        landmarks.data = moved
        settle(0.05, until=lambda: not widget.resolver.busy)
    landmarks.selected_data = set()
    picture(viewer, "drag")


def segment(viewer) -> None:
    """Outline a femur, drag a vertex of it, and move a mode of its shape."""
    viewer.layers.clear()
    widget = dock(viewer, "Segment bone")
    viewer.open_sample(PLUGIN, FEMUR_SAMPLE)
    for layer in list(viewer.layers)[1:]:
        layer.visible = False
    widget.image.set_value(viewer.layers[0])
    widget.model.choose(FEMUR_MODEL)
    widget.run.button.click()
    settle(until=lambda: not widget.run.job.running)
    dismiss(viewer)
    picture(viewer, "segment")
    vertices = widget.reshaper.vertices
    index = names_of(vertices).index("greater-trochanter")
    for _ in range(6):
        moved = np.array(vertices.data)
        moved[index] += [-2.0, 1.5]
        vertices.data = moved
        settle(0.05, until=lambda: not widget.reshaper.busy)
    widget.with_labels.click()
    widget.shape.button.click()
    slider = widget.modes.sliders[0]
    slider.slider.setValue(slider.position(2.0))
    settle(until=lambda: not widget.reshaper.busy)
    vertices.selected_data = set()
    picture(viewer, "reshape")


def calibrate(viewer) -> None:
    """Draw a line of known length."""
    widget = dock(viewer, "Calibrate spacing")
    if not len(viewer.layers):
        viewer.open_sample(PLUGIN, SAMPLE)
    widget.known.setValue(120.0)
    widget.draw_button.click()
    widget.shapes().add_lines(np.array([[400.0, 60.0], [400.0, 223.0]]))
    settle(until=widget.set_button.isEnabled)
    picture(viewer, "calibrate")


def simulate(viewer) -> None:
    """Turn the C-arm about a phantom's CT, seen in space."""
    viewer.layers.clear()
    widget = dock(viewer, "Simulate C-arm")
    viewer.open_sample(PLUGIN, CT_SAMPLE)
    settle(until=lambda: not widget.busy)
    widget.landmarks.value.text.visible = False
    widget.space_button.click()
    widget.form.buttons["obturator-oblique-left"].click()
    settle(until=lambda: not widget.busy)
    dismiss(viewer)
    picture(viewer, "simulate")


def pose(viewer) -> None:
    """Find where a radiograph of a phantom's CT was taken from, refine it, and look at it on the film and in space."""
    viewer.layers.clear()
    viewer.dims.ndisplay = 2
    widget = dock(viewer, "Pose and registration")
    viewer.open_sample(PLUGIN, POSE_SAMPLE)
    settle(1.0, until=lambda: not widget.busy)
    widget.inputs.on_film.value.text.visible = False
    widget.estimate_button.click()
    settle(until=lambda: not widget.busy)
    widget.run.button.click()
    settle(1.0, until=lambda: not widget.busy)
    widget.view.look.setCurrentText("checkerboard")
    widget.view.opacity.setValue(100)
    widget.view.with_edges.click()
    dismiss(viewer)
    picture(viewer, "pose")
    widget.view.space_button.click()
    picture(viewer, "pose-in-space")


def curvature(viewer) -> None:
    """Measure the curves of the phantom spine."""
    viewer.layers.clear()
    widget = dock(viewer, "Spine curvature")
    viewer.open_sample(PLUGIN, SPINE_SAMPLE)
    settle(until=lambda: widget.curvature is not None)
    dismiss(viewer)
    picture(viewer, "spine-curvature")


def volume(viewer) -> None:
    """Segment the phantom knee, look at it in space, and move a mode of the femur's shape."""
    viewer.layers.clear()
    viewer.dims.ndisplay = 2
    widget = dock(viewer, "Segment bone")
    viewer.open_sample(PLUGIN, KNEE_SAMPLE)
    widget.model.choose(KNEE_MODEL)
    widget.run.button.click()
    settle(until=lambda: not widget.run.job.running)
    dismiss(viewer)
    widget.volume.table.table.selectRow(1)
    picture(viewer, "volume")
    widget.volume.space_button.click()
    picture(viewer, "volume-in-space")
    widget.volume.space_button.click()
    next(fold for fold in widget.findChildren(Fold) if fold.inside is widget.explorer).button.click()
    widget.explorer.show_button.click()
    settle(until=lambda: widget.explorer.shown and not widget.explorer.busy)
    slider = widget.explorer.modes.sliders[0]
    slider.slider.setValue(slider.position(2.5))
    widget.scroll.ensureWidgetVisible(widget.explorer.bar)
    picture(viewer, "shape-in-space")


def any_view(viewer) -> None:
    """Detect landmarks in an oblique view, and look at the belief in one of them."""
    viewer.layers.clear()
    viewer.dims.ndisplay = 2
    widget = dock(viewer, "Detect landmarks")
    viewer.open_sample(PLUGIN, POSE_SAMPLE)
    film = next(layer for layer in reversed(widget.image.choices) if layer.visible)
    for layer in [layer for layer in viewer.layers if layer is not film]:
        viewer.layers.remove(layer)
    settle()
    viewer.reset_view()
    widget.model.choose(ANY_VIEW_MODEL)
    widget.run.button.click()
    settle(until=lambda: not widget.run.job.running)
    dismiss(viewer)
    widget.beliefs.choose(BELIEF_IN)
    widget.beliefs.shown.click()
    picture(viewer, "any-view")


def annotate(viewer) -> None:
    """Correct and accept what a model proposes in the sample's films, by keys alone."""
    viewer.layers.clear()
    viewer.dims.ndisplay = 2
    widget = dock(viewer, "Annotate and train")
    widget.annotator.setText("you")
    widget.open_sample()
    settle(until=lambda: widget.work is not None and widget.canvas.ready)
    widget.start.button.click()
    widget.model.model.choose(FEMUR_MODEL)
    widget.model.run.button.click()
    settle(until=lambda: not widget.model.run.job.running)
    dismiss(viewer)
    canvas = viewer.window._qt_viewer.canvas.native
    for key in (Qt.Key.Key_Return, Qt.Key.Key_Return, Qt.Key.Key_Right, Qt.Key.Key_Return):
        QTest.keyClick(canvas, key)
        settle(0.1)
    widget.start.button.click()
    picture(viewer, "annotating")
    widget.close_folder()


def dismiss(viewer) -> None:
    """Close napari's notifications."""
    for dialog in viewer.window._qt_window.findChildren(QDialog):
        if "Notification" in type(dialog).__name__:
            dialog.close()


def main() -> None:
    global FOLDER
    pictures = {"detect": lambda viewer: tune(viewer, detect(viewer, options.model)), "calibrate": calibrate,
                "segment": segment, "spine": curvature, "simulate": simulate, "pose": pose, "any-view": any_view,
                "volume": volume, "annotate": annotate}
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="pelvis-ap", help="a model for the pelvis in an AP film")
    parser.add_argument("--only", nargs="+", default=list(pictures), choices=list(pictures), help="these alone")
    parser.add_argument("-o", "--output", type=Path, default=FOLDER, help="the folder of the pictures")
    options = parser.parse_args()
    FOLDER = options.output
    viewer = napari.Viewer(show=True)
    viewer.window.resize(*SIZE)
    settle(1.0)
    for name in options.only:
        pictures[name](viewer)
    viewer.close()
    QThreadPool.globalInstance().waitForDone()  # napari does so when it ends
    settle(0.5)


if __name__ == "__main__":
    main()
