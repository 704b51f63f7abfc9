"""What `startup.py` measures inside a process of its own, with a display: napari's start, or the opening of docks.

    python benchmarks/_window.py start [--without]
    python benchmarks/_window.py docks NAME...
"""

import importlib.metadata
import json
import sys
import time

PLUGIN = "napari-xray-landmarks"
ROOM = "napari_xray_landmarks"
LAPTOP = (1280, 768)
"""A screen of 1280 x 800 pixels, without the window's frame."""


def main() -> None:
    what, *names = sys.argv[1:]
    print(json.dumps(start("--without" in names) if what == "start" else docks(names)))


def start(without: bool) -> dict:
    """Seconds until napari's window is drawn, by clock and processor, and how many of our modules that loads."""
    if without:
        _hide()
    clock, work = time.perf_counter(), time.process_time()
    import napari
    from qtpy.QtWidgets import QApplication

    viewer = napari.Viewer(show=True)
    QApplication.processEvents()
    spent = {"seconds": time.perf_counter() - clock, "processor": time.process_time() - work,
             "modules": sum(name.startswith(ROOM) for name in sys.modules), "known": _known()}
    viewer.close()
    return spent


def docks(names: list[str]) -> dict:
    """For each dock, opened by its name as the menu does: seconds, first and second time, and heights in px."""
    import napari
    from qtpy.QtWidgets import QApplication

    viewer = napari.Viewer(show=True)
    viewer.window.resize(*LAPTOP)
    QApplication.processEvents()
    found = {name: _opened_twice(viewer, name) for name in names}
    viewer.close()
    return found


def _opened_twice(viewer, name: str) -> dict:
    from qtpy.QtWidgets import QApplication

    spent = []
    for _ in range(2):
        clock = time.perf_counter()
        dock, widget = viewer.window.add_plugin_dock_widget(PLUGIN, name)
        QApplication.processEvents()
        spent.append(time.perf_counter() - clock)
        heights = {"wanted": widget.sizeHint().height(), "least": widget.minimumSizeHint().height(),
                   "window": viewer.window._qt_window.height()}
        viewer.window.remove_dock_widget(dock)
        QApplication.processEvents()
    return {"first": spent[0], "second": spent[1], **heights}


def _hide() -> None:
    """Let nobody find the plugin, as where it is not installed."""
    every = importlib.metadata.distributions
    importlib.metadata.distributions = lambda **context: (
        found for found in every(**context) if found.metadata["Name"] != PLUGIN)


def _known() -> bool:
    """Whether napari knows the plugin."""
    from npe2 import PluginManager

    return PLUGIN in PluginManager.instance()._manifests


if __name__ == "__main__":
    main()
