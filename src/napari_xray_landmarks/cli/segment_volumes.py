"""`segment` with a model of volumes: labels, measures, landmarks and surfaces of bones."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import InputError
from .films import search_films
from .inputs import expand, load_volumes
from .outputs import TABLE_ENDING, Formats, check_output, is_folder
from .reporting import say

if TYPE_CHECKING:
    from ..imaging import Volume
    from ..shape.volume_measures import VolumeMeasures
    from ..shape.volume_segmentation import VolumeSegmentation

LABELS = Formats("label", (".nii.gz", ".nii", ".nrrd", ".mha"))
MEASURES = "measures.csv"
Measured = "tuple[str, list[VolumeMeasures]]"


def refuse(model: str, **options) -> None:
    """InputError for the first of the options that is given: it does not go with this kind of model."""
    for option, value in options.items():
        if value:
            raise InputError(option, f"does not go with {model}", "Leave it out")


def segment_volumes(inputs: Sequence[Path], model: str, output: Path, assignments: Mapping[str, str], *, overlay: bool,
                    surfaces: bool, quiet: bool, device: str, seed: int) -> int:
    """Segment volumes; the arguments are those of the command. Of several inputs, a bad one is skipped.

    Nothing but the measures of a volume is kept when its files are written.
    """
    from ..models import load_model
    from ..shape.volume_measures import summary, volume_measures

    paths = expand(inputs, volumes=True)
    check_output(output, len(paths), LABELS, overlay=overlay, surfaces=surfaces)
    chosen = load_model(model, device=device)
    chosen.require("segment")
    settings, found = chosen.settings(**assignments), {}

    def search(volume: "Volume", image_name: str, progress) -> Measured:
        found[image_name] = chosen.segment(volume, settings, seed=seed, progress=progress)
        return image_name, volume_measures(found[image_name])

    def write(stem: str, volume: "Volume", one: Measured) -> None:
        image_name, measures = one
        segmentation = found.pop(image_name)
        if is_folder(output, LABELS):
            write_into(output, stem, segmentation, measures, image_name, surfaces=surfaces)
            if overlay:
                draw_into(output, stem, volume, segmentation, measures, image_name)
        elif not output.name.lower().endswith(TABLE_ENDING):
            write_labels(output, segmentation)
        say(f"{image_name}: {summary(measures)}", quiet)
        for note in segmentation.notes:
            say(f"{image_name}: {note}", quiet)

    results, whole = search_films(paths, search, write, spacing_mm=None, title="Segmenting", quiet=quiet,
                                  load=load_volumes)
    if results:
        say(f"Written: {', '.join(map(str, [output, *write_table(output, results)]))}", quiet)
    return 0 if whole else 1


def write_labels(path: Path, segmentation: "VolumeSegmentation") -> None:
    """Write labels on the source's grid."""
    from ..io import write_volume

    path.parent.mkdir(parents=True, exist_ok=True)
    write_volume(path, segmentation.labels)


def write_into(folder: Path, stem: str, segmentation: "VolumeSegmentation", measures: "list[VolumeMeasures]",
               image_name: str, *, surfaces: bool) -> None:
    """Write one volume's own files into a folder."""
    from dataclasses import replace

    from ..io import save_landmarks
    from ..io.meshes import write_mesh
    from ..shape.volume_measures import write_volume_measures

    write_labels(folder / f"{stem}_labels.nii.gz", segmentation)
    write_volume_measures(folder / f"{stem}_{MEASURES}", [(image_name, measures)])
    marks = segmentation.landmarks
    there = marks.detected
    names = tuple(name for name, found in zip(marks.names, there, strict=True) if found)
    known = replace(marks, names=names, points=marks.points[there], confidence=marks.confidence[there],
                    detected=there[there])
    save_landmarks(folder / f"{stem}.mrk.json", known)
    for name, surface in segmentation.surfaces.items() if surfaces else ():
        write_mesh(folder / f"{stem}_{name}.ply", surface)


def draw_into(folder: Path, stem: str, volume: "Volume", segmentation: "VolumeSegmentation",
              measures: "list[VolumeMeasures]", image_name: str) -> None:
    """Draw three planes of one volume with the outlines into a folder."""
    from .overlay_planes import write_planes

    write_planes(folder / f"{stem}_planes.png", volume, segmentation, measures, image_name)


def write_table(output: Path, several: "list[Measured]") -> list[Path]:
    """Write the table of all volumes' measures, where the output has one; its path."""
    from ..shape.volume_measures import write_volume_measures

    in_folder = is_folder(output, LABELS)
    if not in_folder and not output.name.lower().endswith(TABLE_ENDING):
        return []
    table = output / MEASURES if in_folder else output
    table.parent.mkdir(parents=True, exist_ok=True)
    write_volume_measures(table, several)
    return [table] if in_folder else []
