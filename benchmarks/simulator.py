"""The C-arm simulator as a user feels it: how many films a second follow a slider in the dock, and how soon the whole
film stands.

    python benchmarks/simulator.py [--seconds 10]

Runs the dock without a display, over a phantom pelvis with its bones' outlines and landmarks.
"""

import os
import time

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import numpy as np
from napari.components import ViewerModel
from napari.layers import Layer
from qtpy.QtWidgets import QApplication

from _page import Target, arguments, require_quiet, table, write_section
from napari_xray_landmarks.plugin.samples import pelvis_ct
from napari_xray_landmarks.plugin.widgets.carm import SimulateCArm

AIM = 15.0


def main() -> None:
    parser = arguments(__doc__.partition("\n\n")[0].replace("\n", " "))
    parser.add_argument("--seconds", type=float, default=10.0, help="how long the slider is moved")
    options = parser.parse_args()
    require_quiet()
    application = QApplication.instance() or QApplication([])
    dock = _dock(application)
    ct = dock.patient.ct.shape
    rows, worst = [], np.inf
    for outlined in (True, False):
        dock.with_outlines.setChecked(outlined)
        _wait(application, dock)
        _slide(application, dock, 1.0)  # compiles what is not compiled yet
        rate, whole_s = _slide(application, dock, options.seconds), _whole(application, dock)
        worst = min(worst, rate)
        what = "landmarks and outlines of 8 bones" if outlined else "landmarks"
        rows.append([what, f"{rate:.0f} images/s", f"{1e3 * whole_s:.0f} ms"])
    cores = len(os.sched_getaffinity(0))
    target = Target(f"simulator's films while a slider moves, at most 192 pixels wide, {cores} cores", "≥ 15 images/s",
                    f"{worst:.0f} images/s", worst >= AIM and cores <= 2)
    text = (f"A CT of {' × '.join(map(str, ct))} voxels; the dock's own loop: slider, film, painting, C-arm in space. "
            "A film of 479 × 615 pixels with tissues, spectrum, scatter and noise follows when the slider is let go.")
    write_section("simulator", "The C-arm simulator", [
        text, table(["painted on the film", "while the slider moves", "whole film after letting go"], rows)], [target],
        dry=options.dry)
    require_quiet()


def _dock(application) -> SimulateCArm:
    viewer = ViewerModel()
    dock = SimulateCArm(viewer)
    for data in pelvis_ct():
        viewer.add_layer(Layer.create(*data))
    dock.resize(350, 700)
    dock.show()
    _wait(application, dock)
    return dock


def _wait(application, dock) -> None:
    while dock.busy:
        application.processEvents()
        time.sleep(1e-3)


def _slide(application, dock, seconds: float) -> float:
    """Pictures a second while LAO goes to and fro."""
    shown, start = [], time.perf_counter()
    count = lambda *_: shown.append(1)  # noqa: E731
    dock._filming.done.connect(count)
    while (gone := time.perf_counter() - start) < seconds:
        dock.form.set_view(lao_deg=float(40 * np.sin(gone)))
        application.processEvents()
        time.sleep(1e-3)
    dock._filming.done.disconnect(count)
    rate = len(shown) / gone
    _wait(application, dock)
    return rate


def _whole(application, dock, repeats: int = 5) -> float:
    """Median seconds from letting go to the whole film."""
    taken = []
    for i in range(repeats):
        dock.form.set_view(lao_deg=10.0 * i)
        start = time.perf_counter()
        dock.settle()
        _wait(application, dock)
        taken.append(time.perf_counter() - start)
    return float(np.median(taken))


if __name__ == "__main__":
    main()
