"""Where outlines of bones go: a table with its table of measures, one image's file, or a folder with all of it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from .outputs import DICOM_ENDING, TABLE_ENDING, Formats, is_folder

if TYPE_CHECKING:
    from ..imaging import Radiograph
    from ..landmarks import Contour
    from ..shape.segmentation import Segmentation

MARKUP_ENDING = ".mrk.json"
LABEL_ENDINGS = (".nii.gz", ".nii", ".nrrd", ".mha", ".png")
CONTOURS = Formats("contour", (MARKUP_ENDING, *LABEL_ENDINGS, DICOM_ENDING))
TABLE_IN_FOLDER, MEASURES = "contours.csv", "measures.csv"


@dataclass(frozen=True, eq=False)
class Segmented:
    """What was found in one radiograph.

    Parameters
    ----------
    image_name
        What the tables call the image.
    segmentation
    spacing_mm
        (row, column), or None where it is unknown.
    """

    image_name: str
    segmentation: "Segmentation"
    spacing_mm: tuple[float, float] | None

    @property
    def contours(self) -> "list[Contour]":
        """All outlines in px, those of circles too; vertices that are landmarks keep their names."""
        from ..landmarks import Contour

        bones = [replace(b.contour, names=b.names, found=b.found) for b in self.segmentation.bones]
        circles = [Contour(c.outline_px(), found=c.found) for c in self.segmentation.circles]
        return [replace(c, name=n) for c, n in zip([*bones, *circles], self.segmentation.names, strict=True)]


def write_markups(path: Path, one: Segmented) -> None:
    """Write an image's outlines as closed curves, and the centres of its circles as points that tell the radius."""
    from ..io.markups import write_outlines
    from ..shape.measures import centres, measures

    points, remarks = centres(measures(one.segmentation, one.spacing_mm))
    write_outlines(path, one.contours, points, remarks, spacing_mm=one.spacing_mm)


def write_labels(path: Path, radiograph: "Radiograph", one: Segmented) -> None:
    """Write the label image of one radiograph, in its frame."""
    from ..io import write_labels
    from ..shape.measures import label_image

    write_labels(path, label_image(one.segmentation, radiograph.shape)[0], radiograph)


def write_into(folder: Path, file_stem: str, radiograph: "Radiograph", one: Segmented, *, labels: bool,
               overlay: bool) -> None:
    """Write one image's own files into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    write_markups(folder / f"{file_stem}{MARKUP_ENDING}", one)
    if labels:
        write_labels(folder / f"{file_stem}_labels.nii.gz", radiograph, one)
    if overlay:
        from .overlay import write_overlay

        write_overlay(folder / f"{file_stem}_contours.png", radiograph, title=one.image_name,
                      segmentation=one.segmentation)


def write_single(path: Path, radiograph: "Radiograph", one: Segmented, sources: Sequence = (), model: str = "") -> None:
    """Write one image's markups or labels, as the ending says; the model and the headers of the film are for DICOM."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if sources:
        from ..io.dicom.segmentation import write_seg
        from ..shape.measures import label_image

        labels, names = label_image(one.segmentation, radiograph.shape)
        write_seg(path, labels, dict(enumerate(names, start=1)), sources, model=model)
        return
    if path.name.lower().endswith(MARKUP_ENDING):
        write_markups(path, one)
    else:
        write_labels(path, radiograph, one)


def write_tables(output: Path, several: Sequence[Segmented]) -> list[Path]:
    """Write the table of vertices and that of measures of all images; their paths."""
    from ..io.tables import write_contours_of_all
    from ..shape.measures import write_measures

    in_folder = is_folder(output, CONTOURS)
    table = output / TABLE_IN_FOLDER if in_folder else output
    measured = output / MEASURES if in_folder else output.with_name(f"{output.name[:-len(TABLE_ENDING)]}_{MEASURES}")
    table.parent.mkdir(parents=True, exist_ok=True)
    write_contours_of_all(table, [(one.image_name, one.contours, one.spacing_mm) for one in several])
    write_measures(measured, [(one.image_name, one.segmentation, one.spacing_mm) for one in several])
    return [table, measured]
