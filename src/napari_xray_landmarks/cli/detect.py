"""`detect`: landmarks in radiographs."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .batch import run_batch
from .dicom_objects import KeepPatientOption, sources_for
from .films import search_films
from .inputs import expand
from .jobs import RETRIES, Hands, RetriesOption, SchedulerOption, WorkersOption
from .options import (
    Device,
    DeviceOption,
    QuietOption,
    SeedOption,
    SetOption,
    SpacingOption,
    check_device,
    parse_assignments,
    parse_spacing,
)
from .outputs import Found, check_output, draw_into, write_into, write_together
from .reporting import say
from .tasks import Task, loaded_model

if TYPE_CHECKING:
    from ..imaging import Radiograph


@dataclass(frozen=True)
class DetectTask(Task):
    """How `detect` searches a radiograph and writes its landmarks.

    Parameters
    ----------
    overlay
        Whether to draw each result.
    """

    overlay: bool = False

    def search(self, image: "Radiograph", image_name: str, progress) -> Found:
        detection = self.loaded.detect(image, self.settings, seed=self.seed, progress=progress)
        return Found(image_name, detection.landmarks, image.spacing_mm, detection.doubt)

    def write(self, stem: str, image: "Radiograph", one: Found) -> None:
        if self.in_folder:
            write_into(self.output, stem, one)
            if self.overlay:
                draw_into(self.output, stem, image, one)

    def write_tables(self, found: list[Found]) -> list[Path]:
        return write_together(self.output, found)

    def lines(self, one: Found) -> list[str]:
        from ..landmarks import summary
        from ..spine.vertebrae import shown

        there = shown(one.landmarks)
        return [f"{one.image_name}: {summary(one.landmarks.confidence, one.landmarks.detected)}"
                + (f"; the film shows {there}" if there else "") + (f". Careful: {one.doubt}" if one.doubt else "")]


def detect(
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE...", help="Radiographs: DICOM, PNG, JPEG, TIFF, ...")],
    model: Annotated[str, typer.Option("--model", "-m", help="A name that `models` lists, or a .safetensors file.")],
    output: Annotated[
        Path,
        typer.Option("--output", "-o", metavar="OUT", help="A .csv, a folder, or of one image a .mrk.json, .fcsv or "
                     ".dcm (SR)."),
    ],
    assignments: SetOption = None,
    spacing: SpacingOption = None,
    overlay: Annotated[bool, typer.Option("--overlay", help="Also draw each result as PNG, into the folder.")] = False,
    keep_patient: KeepPatientOption = False,
    workers: WorkersOption = 1,
    scheduler: SchedulerOption = None,
    retries: RetriesOption = RETRIES,
    quiet: QuietOption = False,
    device: DeviceOption = Device.auto,
    seed: SeedOption = None,
) -> int:
    """Detect landmarks in radiographs; of several, a bad one is reported and skipped."""
    check_device(device)
    spacing_mm = parse_spacing(spacing)
    inputs = expand(images)
    check_output(output, len(inputs), overlay=overlay)
    sources = sources_for(output, inputs, keep_patient)
    name, digest, detector = loaded_model(model, device.value)
    detector.require("detect")
    settings = detector.settings(**parse_assignments(assignments))
    task = DetectTask(name, digest, settings, output, seed or 0, device.value, overlay, spacing_mm=spacing_mm)
    if (hands := Hands(workers, scheduler, retries)).several:
        return run_batch(task, inputs, hands=hands, title="Detecting", quiet=quiet)
    found, whole = search_films(inputs, task.search, task.write, spacing_mm=spacing_mm, title="Detecting", quiet=quiet)
    if found:
        write_together(output, found)
        if sources:
            from ..io.dicom.report import write_report

            write_report(output, found[0].landmarks, sources, model=detector.header.name)
        for line in (line for one in found for line in task.lines(one)):
            say(line, quiet)
        say(f"Written: {output}", quiet)
    return 0 if whole else 1
