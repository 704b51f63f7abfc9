"""Annotate, train and evaluate in the real window, by simulated clicks:

    sh scripts/with_display.sh .venv/bin/python scripts/record_annotation.py -o runs/annotation

Twenty of the real cephalograms (in ../shared/data or $XRAY_LANDMARKS_DATA) are marked by mouse clicks at the places
where a person marked them, a model is trained on them in the dock, and that model searches ten other films in the dock
Detect landmarks; the dock Evaluate compares what the window saved with the published marks and shows the worst case. No
file is touched by hand. Writes pictures of the window, `log.json` and a report.
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

from napari_xray_landmarks.io import read_detections
from napari_xray_landmarks.landmarks import LandmarkSet, Schema
from napari_xray_landmarks.plugin.results import landmarks_of
from napari_xray_landmarks.training import read_training_set
from napari_xray_landmarks.training.importers import import_training_set, read_xy_json

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


def detect(recorder: Recorder, images: list[Path]) -> Path:
    """Search other films in the dock Detect landmarks with the new model; the table that the window saves of it."""
    recorder.viewer.layers.clear()
    dock = recorder.dock("Detect landmarks")
    dock.model.choose(MODEL)
    assert dock.model.path == MODEL, "the new model stands in the dock"
    for path in images:
        recorder.viewer.open(str(path))
    started = time.time()
    dock.all_button.click()
    recorder.settle(until=lambda: not dock.run.job.running)
    layers = [landmarks_of(recorder.viewer, image) for image in dock.image.choices]
    found = [layer for layer in layers if layer is not None]
    recorder.note("detected", films=len(found), seconds=round(time.time() - started, 1))
    for other in recorder.viewer.layers:
        other.visible = other in (dock.image.value, landmarks_of(recorder.viewer, dock.image.value))
    recorder.picture("detected")
    recorder.viewer.layers.selection = set(found)
    table = recorder.output / "predicted.csv"
    assert recorder.viewer.layers.save(str(table), selected=True, plugin=PLUGIN), "File > Save selected layers"
    return table


def evaluate(recorder: Recorder, predicted: Path, truth: Path) -> None:
    """Compare with where the person marked them in the dock Evaluate, open the worst case, and save the report."""
    recorder.viewer.layers.clear()
    dock = recorder.dock("Evaluate")
    dock.where.setCurrentText("files or folders")
    dock.predicted_path.line.setText(str(predicted))
    dock.true_path.line.setText(str(truth))
    dock.run.button.click()
    recorder.settle(until=lambda: not dock.run.job.running)
    errors = np.asarray(dock.comparison.values[dock.comparison.measures[0].key])
    recorder.note("evaluated", films=len(read_detections(predicted)), said=dock.said.text(),
                  mean_radial_error_px=round(float(np.nanmean(errors)), 2),
                  median_px=round(float(np.nanmedian(errors)), 2), within_20_px=round(float((errors < 20).mean()), 3))
    worst = dock.gallery.list.visualItemRect(dock.gallery.list.item(0)).center()
    QTest.mouseClick(dock.gallery.list.viewport(), Qt.MouseButton.LeftButton, pos=worst)
    recorder.settle(until=lambda: len(recorder.viewer.layers))
    recorder.picture("evaluated")
    page = dock.export(str(recorder.output / "report"))
    recorder.note("reported", page=page.name, bytes=page.stat().st_size)


def published(output: Path, images: list[Path], marked: dict[str, LandmarkSet]) -> Path:
    """A training set of these films as a person marked them, imported from what was published."""
    source = output / "published"
    (source / "images").mkdir(parents=True)
    for path in images:
        shutil.copyfile(path, source / "images" / path.name)
    xy = {path.stem: {name: point[::-1].tolist() for name, point in zip(marks.names, marks.points, strict=True)}
          for path in images for marks in [marked[path.stem]]}
    (source / "landmarks_person.json").write_text(json.dumps(xy))
    return import_training_set("xy-json", source, output / "truth").folder


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
    others = images[options.films:options.films + options.others]
    evaluate(recorder, detect(recorder, others), published(output, others, marked))
    (output / "log.json").write_text(json.dumps(recorder.log, indent=1))
    recorder.viewer.close()
    QThreadPool.globalInstance().waitForDone()
    recorder.settle(0.5)
    return 0


if __name__ == "__main__":
    sys.exit(main())
