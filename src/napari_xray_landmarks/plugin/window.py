"""Open napari from a script or the command line, with files in it."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from . import PLUGIN


def has_display() -> bool:
    """Whether a window can be seen by somebody."""
    if os.environ.get("QT_QPA_PLATFORM") in ("offscreen", "minimal"):
        return False
    if sys.platform in ("darwin", "win32"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def open_files(paths: Sequence[Path], title: str) -> None:
    """Show files in a napari window, each through our own readers, and return when the window is closed.

    Raises
    ------
    ImportError
        There is no Qt, or a system library that it needs is missing.
    """
    import napari

    viewer = napari.Viewer(title=title)
    for path in paths:
        viewer.open(str(path), plugin=PLUGIN)
    napari.run()
