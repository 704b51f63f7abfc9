"""`segment`: outlines of bones in radiographs, labels of bones in volumes."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .films import search_films
from .inputs import expand
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
from .outputs import TABLE_ENDING, check_output, is_folder
from .reporting import say
from .segment_volumes import refuse, segment_volumes
from .segmented import CONTOURS, Segmented, refuse_several, write_into, write_single, write_tables

if TYPE_CHECKING:
    from ..imaging import Radiograph

OUTPUT_HELP = (
    "A .csv (and its _measures.csv), a .mrk.json or a mask (.nii.gz, .nrrd, .mha, .png) of one image, or a folder. Of "
    "volumes: labels (.nii.gz, .nrrd, .mha) of one, a .csv of measures, or a folder."
)
INPUT_HELP = "Radiographs (DICOM, PNG, JPEG, TIFF, ...) or volumes (DICOM, NIfTI, NRRD, MHA), as the model takes them."


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
    quiet: QuietOption = False,
    device: DeviceOption = Device.auto,
    seed: SeedOption = None,
) -> int:
    """Outline bones in radiographs, or label those in volumes; of several inputs, a bad one is skipped."""
    from ..models import load_model, read_model_header
    from ..models.registry import find_model
    from ..shape.measures import outliers_in_words, summary

    check_device(device)
    spacing_mm = parse_spacing(spacing)
    if read_model_header(find_model(model)).dimensions == 3:
        refuse("a model of volumes", **{"--spacing-mm": spacing_mm})
        return segment_volumes(inputs, model, output, parse_assignments(assignments), overlay=overlay,
                               surfaces=surfaces, quiet=quiet, device=device, seed=seed or 0)
    refuse("a model of radiographs", **{"--surfaces": surfaces})
    paths = expand(inputs)
    check_output(output, len(paths), CONTOURS, labels=labels, overlay=overlay)
    chosen = load_model(model, device=device)
    chosen.require("segment")
    settings = chosen.settings(**parse_assignments(assignments))
    single: list[tuple[Radiograph, Segmented]] = []

    def search(radiograph: "Radiograph", image_name: str, progress) -> Segmented:
        found = chosen.segment(radiograph, settings, seed=seed or 0, progress=progress)
        return Segmented(image_name, found, radiograph.spacing_mm)

    def write(stem: str, radiograph: "Radiograph", one: Segmented) -> None:
        if is_folder(output, CONTOURS):
            write_into(output, stem, radiograph, one, labels=labels, overlay=overlay)
        elif not output.name.lower().endswith(TABLE_ENDING):
            single.append((radiograph, one))

    found, whole = search_films(paths, search, write, spacing_mm=spacing_mm, title="Segmenting", quiet=quiet)
    written = [output]
    if single:
        refuse_several(output, len(found))
        write_single(output, *single[0])
    elif found:
        tables = write_tables(output, found)
        written = written if is_folder(output, CONTOURS) else tables
    for one in found:
        hint = outliers_in_words(one.segmentation)
        say(f"{one.image_name}: {summary(one.segmentation)}{f'. {hint}' if hint else ''}", quiet)
    if found:
        say(f"Written: {', '.join(map(str, written))}", quiet)
    return 0 if whole else 1
