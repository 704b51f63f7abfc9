"""`segment`: outlines of bones in radiographs, labels of bones in volumes."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

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
from .outputs import TABLE_ENDING, Formats, check_output, refuse_several
from .reporting import say
from .segment_volumes import refuse, segment_volumes
from .segmented import CONTOURS, Segmented, write_into, write_single, write_tables
from .tasks import Task, loaded_model

if TYPE_CHECKING:
    from ..imaging import Radiograph

OUTPUT_HELP = (
    "A .csv (and its _measures.csv), .mrk.json or a mask (.nii.gz, .nrrd, .mha, .png, .dcm) of one image, or a folder. "
    "Volumes: labels (.nii.gz, .nrrd, .mha, .dcm) of one, a .csv of measures, or a folder."
)
INPUT_HELP = "Radiographs (DICOM, PNG, JPEG, TIFF, ...) or volumes (DICOM, NIfTI, NRRD, MHA), as the model takes them."


@dataclass(frozen=True)
class SegmentTask(Task):
    """How `segment` searches a radiograph and writes its outlines.

    Parameters
    ----------
    labels, overlay
        Whether to write a mask, and to draw each result.
    """

    labels: bool = False
    overlay: bool = False

    formats: ClassVar[Formats] = CONTOURS

    def search(self, image: "Radiograph", image_name: str, progress) -> Segmented:
        found = self.loaded.segment(image, self.settings, seed=self.seed, progress=progress)
        return Segmented(image_name, found, image.spacing_mm)

    def write(self, stem: str, image: "Radiograph", one: Segmented) -> None:
        if self.in_folder:
            write_into(self.output, stem, image, one, labels=self.labels, overlay=self.overlay)

    def write_tables(self, found: list[Segmented]) -> list[Path]:
        return write_tables(self.output, found)

    def lines(self, one: Segmented) -> list[str]:
        from ..shape.measures import outliers_in_words, summary

        hint = outliers_in_words(one.segmentation)
        return [f"{one.image_name}: {summary(one.segmentation)}{f'. {hint}' if hint else ''}"]


def segment(
    inputs: Annotated[list[Path], typer.Argument(metavar="INPUT...", help=INPUT_HELP)],
    model: Annotated[str, typer.Option("--model", "-m", help="A name that `models` lists, or a .safetensors file.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="OUT", help=OUTPUT_HELP)],
    assignments: SetOption = None,
    spacing: SpacingOption = None,
    labels: Annotated[bool, typer.Option("--labels", help="Also write masks (.nii.gz) of films into the folder.")
                      ] = False,
    overlay: Annotated[bool, typer.Option("--overlay", help="Also draw each result as PNG, into the folder.")] = False,
    surfaces: Annotated[bool, typer.Option("--surfaces", help="Also write the bones fitted to a volume (.ply).")
                        ] = False,
    keep_patient: KeepPatientOption = False,
    workers: WorkersOption = 1,
    scheduler: SchedulerOption = None,
    retries: RetriesOption = RETRIES,
    quiet: QuietOption = False,
    device: DeviceOption = Device.auto,
    seed: SeedOption = None,
) -> int:
    """Outline bones in radiographs, or label those in volumes; of several inputs, a bad one is skipped."""
    from ..models import read_model_header
    from ..models.registry import find_model

    check_device(device)
    spacing_mm, hands = parse_spacing(spacing), Hands(workers, scheduler, retries)
    if read_model_header(find_model(model)).dimensions == 3:
        refuse("a model of volumes", **{"--spacing-mm": spacing_mm})
        return segment_volumes(inputs, model, output, parse_assignments(assignments), overlay=overlay,
                               surfaces=surfaces, keep_patient=keep_patient, hands=hands, quiet=quiet,
                               device=device.value, seed=seed or 0)
    refuse("a model of radiographs", **{"--surfaces": surfaces})
    paths = expand(inputs)
    check_output(output, len(paths), CONTOURS, labels=labels, overlay=overlay)
    sources = sources_for(output, paths, keep_patient)
    name, digest, chosen = loaded_model(model, device.value)
    chosen.require("segment")
    settings = chosen.settings(**parse_assignments(assignments))
    task = SegmentTask(name, digest, settings, output, seed or 0, device.value, labels, overlay, spacing_mm=spacing_mm)
    if hands.several:
        return run_batch(task, paths, hands=hands, title="Segmenting", quiet=quiet)
    single: list[tuple[Radiograph, Segmented]] = []

    def write(stem: str, radiograph: "Radiograph", one: Segmented) -> None:
        task.write(stem, radiograph, one)
        if not task.in_folder and not output.name.lower().endswith(TABLE_ENDING):
            single.append((radiograph, one))

    found, whole = search_films(paths, task.search, write, spacing_mm=spacing_mm, title="Segmenting", quiet=quiet)
    written = [output]
    if single:
        refuse_several(output, len(found), CONTOURS)
        write_single(output, *single[0], sources, chosen.header.name)
    elif found:
        tables = write_tables(output, found)
        written = written if task.in_folder else tables
    for line in (line for one in found for line in task.lines(one)):
        say(line, quiet)
    if found:
        say(f"Written: {', '.join(map(str, written))}", quiet)
    return 0 if whole else 1
