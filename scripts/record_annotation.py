"""Annotate, train and evaluate in the real window, by simulated clicks:

    sh scripts/with_display.sh .venv/bin/python scripts/record_annotation.py -o runs/annotation

Twenty of the real cephalograms (in ../shared/data or $XRAY_LANDMARKS_DATA) are marked by mouse clicks at the places
where a person marked them, a model is trained on them in the dock, and that model is judged on ten other films by what
the dock Detect landmarks finds. No file is touched by hand. Writes pictures of the window, `log.json` and a report.
"""

import argparse
import json
import os
import shutil
import sys
import time
from dataclasses import replace
from pathlib import Path

import napari
import numpy as np
from qtpy.QtCore import QPoint, Qt, QThreadPool
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QDialog

from napari_xray_landmarks.evaluation import evaluate
from napari_xray_landmarks.io import Detections, write_detections
from napari_xray_landmarks.landmarks import LandmarkSet, Schema
from napari_xray_landmarks.plugin.results import landmarks_of, names_of
from napari_xray_landmarks.training import read_training_set
from napari_xray_landmarks.training.importers import read_xy_json

PLUGIN = "napari-xray-landmarks"
ROOT = Path(__file__).parents[1]
SIZE = (1366, 768)
FILMS, OTHERS = 20, 10
ANNOTATOR, MODEL = "recorded", "cephalograms-recorded"
SETTINGS = {"train_patches": 1500, "components": 32, "patches": 400, "rotation": 20.0}
"""A training of a few minutes; the method's own defaults are several times as large."""


def data_folder() -> Path | None:
    """Where the real cephalograms are, or None."""
    places = [os.environ.get("XRAY_LANDMARKS_DATA"), ROOT.parent / "shared" / "data"]
    folders = [Path(place) / "cephalograms" for place in places if place]
    return next((folder for folder in folders if (folder / "images").is_dir()), None)


class Recorder:
    """The window, and a record of what was done in it."""

    def __init__(self, output: Path):
        self.output, self.log, self._start = output, [], time.time()
        self.viewer = napari.Viewer(show=True)
        self.viewer.window.resize(*SIZE)
        self.settle(1.0)

    def settle(self, seconds: float = 0.3, until=lambda: True) -> None:
        """Let the window live for a while, and on until something holds."""
        end = time.time() + seconds
        while time.time() < end or not until():
            QApplication.processEvents()
            time.sleep(0.005)

    def note(self, what: str, **values) -> None:
        """Say and keep what was done."""
        self.log.append({"after_s": round(time.time() - self._start, 1), "what": what, **values})
        print(json.dumps(self.log[-1]), flush=True)

    def picture(self, name: str) -> None:
        """Save the window as it is."""
        self.settle()
        for dialog in self.viewer.window._qt_window.findChildren(QDialog):
            if "Notification" in type(dialog).__name__:
                dialog.close()
        self.settle(0.2)
        self.viewer.screenshot(str(self.output / f"{name}.png"), canvas_only=False, flash=False)

    def dock(self, name: str):
        """Open one of our docks alone."""
        for other in list(self.viewer.window.dock_widgets):
            if PLUGIN in other:
                self.viewer.window.remove_dock_widget(self.viewer.window.dock_widgets[other])
        return self.viewer.window.add_plugin_dock_widget(PLUGIN, name)[1]

    def on_canvas(self, world) -> QPoint:
        """Where a place of the world is on the canvas."""
        camera, canvas = self.viewer.scene.camera, self.viewer.window._qt_viewer.canvas.native
        middle = np.array([canvas.height(), canvas.width()]) / 2
        row, column = (np.asarray(world) - np.array(camera.center)[-2:]) * camera.zoom + middle
        return QPoint(round(column), round(row))

    def click(self, world) -> None:
        """Click with the mouse on a place of the world."""
        canvas, at = self.viewer.window._qt_viewer.canvas.native, self.on_canvas(world)
        QTest.mouseMove(canvas, at)
        QTest.mouseClick(canvas, Qt.MouseButton.LeftButton, pos=at)
        self.settle(0.02)


def annotate(recorder: Recorder, dock, folder: Path, marked: dict[str, LandmarkSet]) -> None:
    """Mark every landmark of every film by a click, with the next place brought close."""
    dock.annotator.setText(ANNOTATOR)
    dock.open_folder(folder)
    recorder.settle(until=lambda: dock.work is not None)
    first = next(iter(marked.values()))
    dock.set_schema(Schema("skull, lateral", first.names))
    dock.film.zoom.setChecked(True)
    started, missed = time.time(), []
    for number in range(len(dock.work.store.films)):
        recorder.settle(0.05, until=lambda: dock.canvas.ready)
        truth = marked[Path(dock.work.image).stem]
        for name in truth.names:
            assert dock.work.prompted == name, f"{dock.work.prompted} is asked for, not {name}"
            world = dock.canvas.layers.world(truth[name])
            if not recorder.viewer.window._qt_viewer.canvas.native.rect().contains(recorder.on_canvas(world)):
                dock.canvas.layers.look_at(truth[name])  # a person would scroll there
                recorder.settle(0.02)
            recorder.click(world)
            if number == 2 and name == truth.names[9]:
                recorder.picture("annotating")
            missed.append(float(np.linalg.norm(np.subtract(dock.work.marks[name], truth[name]))))
        QTest.keyClick(recorder.viewer.window._qt_viewer.canvas.native, Qt.Key.Key_PageDown)
    recorder.settle(until=lambda: dock.work.store.saved)
    recorder.note("annotated", films=len(dock.work.store.films), landmarks=len(missed),
                  seconds=round(time.time() - started, 1), largest_miss_px=round(max(missed), 2),
                  counts=dock.work.counts())
    recorder.picture("annotated")


def train(recorder: Recorder, dock) -> None:
    """Train joint displacement on them in the dock's own process."""
    dock.tabs.setCurrentIndex(2)
    panel = dock.train
    panel.recipe.setCurrentIndex(panel.recipe.findData("joint-displacement"))
    panel.name.setText(MODEL)
    panel.form.set_value(replace(panel.form.value, **SETTINGS))
    started, slowest, shown = time.time(), 0.0, False
    panel.run.button.click()
    while panel.run.job.running:
        before = time.time()
        QApplication.processEvents()
        slowest = max(slowest, time.time() - before)
        if not shown and len(panel.plot.curves.get("error", ())) > 4:
            recorder.picture("training")
            shown = True
        time.sleep(0.01)
    recorder.note("trained", seconds=round(time.time() - started, 1), said=panel.answer.text(),
                  longest_pause_of_the_window_s=round(slowest, 3))
    recorder.picture("trained")


def detect(recorder: Recorder, images: list[Path]) -> list[Detections]:
    """Search other films in the dock Detect landmarks with the new model."""
    recorder.viewer.layers.clear()
    dock = recorder.dock("Detect landmarks")
    dock.model.choose(MODEL)
    assert dock.model.path == MODEL, "the new model stands in the dock"
    for path in images:
        recorder.viewer.open(str(path))
    started = time.time()
    dock.all_button.click()
    recorder.settle(until=lambda: not dock.run.job.running)
    found = []
    for image in [layer for layer in recorder.viewer.layers if layer in dock.image.choices]:
        layer = landmarks_of(recorder.viewer, image)
        if layer is not None:
            found.append(Detections(image.name, LandmarkSet(names_of(layer), np.array(layer.data))))
    recorder.note("detected", films=len(found), seconds=round(time.time() - started, 1))
    for other in recorder.viewer.layers:
        other.visible = other in (dock.image.value, landmarks_of(recorder.viewer, dock.image.value))
    recorder.picture("detected")
    return found


def judge(recorder: Recorder, found: list[Detections], marked: dict[str, LandmarkSet]) -> None:
    """Compare with where the person marked them, by the package's own evaluation."""
    predicted, truth = recorder.output / "predicted.csv", recorder.output / "truth.csv"
    write_detections(predicted, found)
    write_detections(truth, [Detections(d.image, marked[Path(d.image).stem]) for d in found])
    evaluate(predicted, truth, recorder.output / "evaluation")
    errors = np.array([np.linalg.norm(d.landmarks.points - marked[Path(d.image).stem].points, axis=1) for d in found])
    recorder.note("evaluated", films=len(found), mean_radial_error_px=round(float(errors.mean()), 2),
                  median_px=round(float(np.median(errors)), 2), within_20_px=round(float((errors < 20).mean()), 3))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("-o", "--output", type=Path, default=ROOT / "runs" / "annotation")
    parser.add_argument("--films", type=int, default=FILMS, help="how many are annotated")
    parser.add_argument("--others", type=int, default=OTHERS, help="how many are searched with the new model")
    options = parser.parse_args()
    output = options.output
    source = data_folder()
    if source is None:
        print("The cephalograms are not on this machine: put them in ../shared/data or name it in XRAY_LANDMARKS_DATA")
        return 0
    marked = {Path(str(name)).stem: points
              for name, points in read_xy_json(source / "landmarks_mollabashi.json").items()}
    images = [path for path in sorted((source / "images").iterdir()) if path.stem in marked]
    shutil.rmtree(output, ignore_errors=True)
    folder = output / "films"
    folder.mkdir(parents=True)
    for path in images[:options.films]:
        shutil.copyfile(path, folder / path.name)
    os.environ["XRAY_LANDMARKS_MODELS"] = str(output / "models")
    recorder = Recorder(output)
    dock = recorder.dock("Annotate and train")
    recorder.picture("empty")
    annotate(recorder, dock, folder, marked)
    train(recorder, dock)
    dock.close_folder()
    dataset = read_training_set(output / "films-annotated")
    recorder.note("the set", films=len(dataset), annotators=dataset.annotators)
    judge(recorder, detect(recorder, images[options.films:options.films + options.others]), marked)
    (output / "log.json").write_text(json.dumps(recorder.log, indent=1))
    recorder.viewer.close()
    QThreadPool.globalInstance().waitForDone()
    recorder.settle(0.5)
    return 0


if __name__ == "__main__":
    sys.exit(main())
