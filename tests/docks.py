"""Docks driven as a user does."""

import numpy as np
from qtpy.QtCore import QPoint, Qt, QTimer
from qtpy.QtTest import QTest
from qtpy.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSlider,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QLabel,
    QLineEdit,
    QMessageBox,
    QScrollBar,
    QTabBar,
    QWidget,
)

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


def assert_serves_on_a_laptop(viewer, dock):
    """A dock in the real window: it fits, and can be used without a mouse."""
    assert_fits_a_laptop(viewer, dock)
    assert_works_by_keyboard(viewer.window._qt_window, dock)


def assert_fits_a_laptop(viewer, dock):
    """No higher than a small screen, nothing sticks out, no label is clipped."""
    assert dock.sizeHint().height() <= 700
    assert viewer.window._qt_window.height() <= 768 and viewer.window._qt_window.width() <= 1366
    assert dock.scroll.widget().width() <= dock.scroll.viewport().width(), "nothing sticks out to the right"
    for widget in [w for w in dock.findChildren(QAbstractButton) if w.isVisible() and w.text()]:
        needed = widget.fontMetrics().horizontalAdvance(widget.text().replace("&", ""))
        assert widget.width() >= needed, f"{widget.text()!r} is clipped"
    for label in [w for w in dock.findChildren(QLabel) if w.isVisible() and not w.wordWrap()]:
        assert label.width() >= label.sizeHint().width(), f"{label.text()!r} is clipped"


CONTROLS = (QAbstractButton, QComboBox, QAbstractSpinBox, QAbstractSlider, QLineEdit, QAbstractItemView, QTabBar)


def controls_of(dock) -> list:
    """What a user can operate in a dock as it stands: visible, enabled, and no part of another control."""
    def is_part(widget) -> bool:
        while (widget := widget.parent()) is not dock:
            if isinstance(widget, CONTROLS):
                return True
        return False
    return [w for w in dock.findChildren(QWidget) if isinstance(w, CONTROLS) and w.isVisible() and w.isEnabled()
            and not isinstance(w, QScrollBar) and not is_part(w)]


def walk_by_tab(window, dock) -> list:
    """The controls of a dock in the order in which Tab, pressed in its window, comes to them."""
    order, controls = [], controls_of(dock)
    dock.setFocus()
    for _ in range(4 * len(controls) + 40):
        focused = window.focusWidget()
        QTest.keyClick(focused, Qt.Key.Key_Tab)
        here = window.focusWidget()
        while here is not None and here not in controls:
            here = here.parent()
        if here is not None and here not in order:
            order.append(here)
        if len(order) == len(controls):
            break
    return order


def assert_works_by_keyboard(window, dock):
    """Tab comes to every control, from top to bottom, and a screen reader can say what each is."""
    order = walk_by_tab(window, dock)
    missed = [said_of(w) for w in controls_of(dock) if w not in order]
    assert not missed, f"Tab does not come to {missed}"
    nameless = [w for w in order if not name_for_readers(w, dock)]
    assert not nameless, f"without a name: {[said_of(w) for w in nameless]}"
    tops = [w.mapTo(dock.scroll.widget(), QPoint(0, 0)).y() for w in order]
    for before, after, top, below in zip(order[:-1], order[1:], tops[:-1], tops[1:], strict=True):
        assert below + after.height() > top, f"Tab goes up from {said_of(before)} to {said_of(after)}"


def name_for_readers(widget, dock) -> str:
    """What Qt tells a screen reader: the name it was given, else its own text, else its label's."""
    labels = [label.text() for label in dock.findChildren(QLabel) if label.buddy() is widget]
    own = [widget.text()] if isinstance(widget, QAbstractButton) else []
    tabs = [widget.tabText(widget.currentIndex())] if isinstance(widget, QTabBar) else []
    return next((text for text in (widget.accessibleName(), *own, *tabs, *labels) if text.strip()), "")


def said_of(widget) -> str:
    """A widget in words, for a failed test."""
    words = widget.accessibleName() or widget.toolTip()
    return f"{type(widget).__name__} {words!r} in {type(widget.parent()).__name__}"
