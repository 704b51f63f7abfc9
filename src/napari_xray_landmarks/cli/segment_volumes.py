"""`segment` with a model of volumes: labels, measures, landmarks and surfaces of bones."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from ..errors import InputError
from .batch import run_batch
from .dicom_objects import sources_for
from .films import search_films
from .inputs import expand, load_volumes
from .jobs import Hands
from .outputs import DICOM_ENDING, TABLE_ENDING, Formats, check_output, is_folder
from .reporting import say
from .tasks import Task, loaded_model

if TYPE_CHECKING:
    from ..imaging import Volume
    from ..shape.volume_measures import VolumeMeasures
    from ..shape.volume_segmentation import VolumeSegmentation

LABELS = Formats("label", (".nii.gz", ".nii", ".nrrd", ".mha", DICOM_ENDING))
MEASURES = "measures.csv"
Measured = "tuple[str, list[VolumeMeasures]]"


def refuse(model: str, **options) -> None:
    """InputError for the first of the options that is given: it does not go with this kind of model."""
    for option, value in options.items():
        if value:
            raise InputError(option, f"does not go with {model}", "Leave it out")


@dataclass(eq=False)
class SegmentedVolume:
    """What was found in one volume: the labels only until they are written."""

    image_name: str
    measures: "list[VolumeMeasures]"
    notes: tuple[str, ...]
    segmentation: "VolumeSegmentation | None"

    def take(self) -> "VolumeSegmentation":
        """The segmentation, which is not kept."""
        taken, self.segmentation = self.segmentation, None
        return taken


@dataclass(frozen=True)
class VolumesTask(Task):
    """How `segment` searches a volume and writes its labels; only the measures are kept once they are written.

    Parameters
    ----------
    surfaces, overlay
        Whether to write the fitted bones, and to draw three planes.
    sources
        Headers of the only series, where its labels become a DICOM SEG.
    """

    surfaces: bool = False
    overlay: bool = False
    sources: Sequence = ()

    formats: ClassVar[Formats] = LABELS
    load: ClassVar[Callable] = staticmethod(load_volumes)

    def search(self, image: "Volume", image_name: str, progress) -> "SegmentedVolume":
        from ..shape.volume_measures import volume_measures

        found = self.loaded.segment(image, self.settings, seed=self.seed, progress=progress)
        return SegmentedVolume(image_name, volume_measures(found), found.notes, found)

    def write(self, stem: str, image: "Volume", one: "SegmentedVolume") -> None:
        segmentation = one.take()
        if self.in_folder:
            write_into(self.output, stem, segmentation, one.measures, one.image_name, surfaces=self.surfaces)
            if self.overlay:
                draw_into(self.output, stem, image, segmentation, one.measures, one.image_name)
        elif self.sources:
            from ..io.dicom.segmentation import write_seg

            self.output.parent.mkdir(parents=True, exist_ok=True)
            write_seg(self.output, segmentation.labels, segmentation.names, self.sources,
                      model=self.loaded.header.name)
        elif not self.output.name.lower().endswith(TABLE_ENDING):
            write_labels(self.output, segmentation)

    def write_tables(self, found: "list[SegmentedVolume]") -> list[Path]:
        return write_table(self.output, [(one.image_name, one.measures) for one in found])

    def lines(self, one: "SegmentedVolume") -> list[str]:
        from ..shape.volume_measures import summary

        return [f"{one.image_name}: {text}" for text in (summary(one.measures), *one.notes)]


def segment_volumes(inputs: Sequence[Path], model: str, output: Path, assignments: Mapping[str, str], *, overlay: bool,
                    surfaces: bool, keep_patient: bool, hands: Hands, quiet: bool, device: str, seed: int) -> int:
    """Segment volumes; the arguments are those of the command. Of several inputs, a bad one is skipped."""
    paths = expand(inputs, volumes=True)
    check_output(output, len(paths), LABELS, overlay=overlay, surfaces=surfaces)
    sources = sources_for(output, paths, keep_patient)
    name, digest, chosen = loaded_model(model, device)
    chosen.require("segment")
    task = VolumesTask(name, digest, chosen.settings(**assignments), output, seed, device, surfaces, overlay, sources)
    if hands.several:
        return run_batch(task, paths, hands=hands, title="Segmenting", quiet=quiet)

    def write(stem: str, volume: "Volume", one: SegmentedVolume) -> None:
        task.write(stem, volume, one)
        for line in task.lines(one):
            say(line, quiet)

    results, whole = search_films(paths, task.search, write, spacing_mm=None, title="Segmenting", quiet=quiet,
                                  load=load_volumes)
    if results:
        tables = task.write_tables(results)
        say(f"Written: {', '.join(map(str, [output, *(tables if task.in_folder else [])]))}", quiet)
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
    return [table]
