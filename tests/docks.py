"""Docks driven as a user does."""

import numpy as np
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QAbstractButton, QApplication, QLabel, QMessageBox

from napari_xray_landmarks.plugin.results import names_of

LONG = 60_000  # ms


def run(dock, qtbot, button=None):
    """Press a button, by default the one that runs the model, and wait for the outcome."""
    with qtbot.waitSignal(dock.run.job.done, timeout=LONG):
        (button or dock.run.button).click()


def answer(text):
    """Press a button of the question that comes up next."""
    def press():
        box = next((w for w in QApplication.topLevelWidgets() if isinstance(w, QMessageBox) and w.isVisible()), None)
        if box is None:
            QTimer.singleShot(20, press)
            return
        next(b for b in box.buttons() if b.text().replace("&", "") == text).click()
    QTimer.singleShot(20, press)


def settle(dock, qtbot):
    """Wait until the outlines have followed."""
    qtbot.waitUntil(lambda: not dock.reshaper.busy, timeout=LONG)


def drag(layer, name, by):
    """Move one point as the select mode of napari does: the state before, then many small steps."""
    i = names_of(layer).index(name)
    layer.selected_data = {i}
    for _ in range(4):
        moved = np.array(layer.data)
        moved[i] += np.array(by) / 4
        layer.data = moved


def on_canvas(viewer, world) -> np.ndarray:
    """(x, y) on the canvas of a point in the world."""
    camera, canvas = viewer.scene.camera, viewer.window._qt_viewer.canvas.native
    middle = np.array([canvas.height(), canvas.width()]) / 2
    row, column = (np.asarray(world) - np.array(camera.center)[-2:]) * camera.zoom + middle
    return np.array([column, row])


def assert_fits_a_laptop(viewer, dock):
    """A dock in the real window: no higher than a small screen, nothing sticks out, no label is clipped."""
    assert dock.sizeHint().height() <= 700
    assert viewer.window._qt_window.height() <= 768 and viewer.window._qt_window.width() <= 1366
    assert dock.scroll.widget().width() <= dock.scroll.viewport().width(), "nothing sticks out to the right"
    for widget in [w for w in dock.findChildren(QAbstractButton) if w.isVisible() and w.text()]:
        needed = widget.fontMetrics().horizontalAdvance(widget.text().replace("&", ""))
        assert widget.width() >= needed, f"{widget.text()!r} is clipped"
    for label in [w for w in dock.findChildren(QLabel) if w.isVisible() and not w.wordWrap()]:
        assert label.width() >= label.sizeHint().width(), f"{label.text()!r} is clipped"
