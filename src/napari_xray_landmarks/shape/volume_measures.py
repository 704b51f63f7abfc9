"""A segmented volume in numbers: volumes in mm³ and ml, thickness of cartilage in mm."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from .thickness import ThicknessMeasures, thickness_measures, vertex_areas
from .volume_segmentation import SIDES, Structure, VolumeSegmentation

COLUMNS = ("image", "structure", "label", "bone", "found", "reason", "confidence", "volume_mm3", "volume_ml",
           "thickness_mean_mm", "thickness_median_mm", "thickness_p95_mm", "thickness_area_mm2")


@dataclass(frozen=True)
class VolumeMeasures:
    """What can be said about one structure in a volume.

    Parameters
    ----------
    structure
    thickness
        Of a cartilage, of both sides together; None for a bone, or where it was not measured.
    """

    structure: Structure
    thickness: ThicknessMeasures | None = None

    @property
    def volume_mm3(self) -> float:
        return 1000 * self.structure.volume_ml

    def in_words(self) -> str:
        """In a line."""
        own, thick = self.structure, self.thickness
        if not own.found:
            return f"{own.name} not found: {own.reason}"
        sure = f", confidence {own.confidence:.2f}" if np.isfinite(own.confidence) else ""
        layer = f", {thick.mean_mm:.2f} mm thick on {thick.area_mm2:.0f} mm²" if thick and thick.area_mm2 else ""
        return f"{own.name} {own.volume_ml:.3g} ml{layer}{sure}"


def volume_measures(segmentation: VolumeSegmentation) -> list[VolumeMeasures]:
    """The numbers of every structure."""
    return [VolumeMeasures(structure, _thickness(segmentation, structure)) for structure in segmentation.structures]


def _thickness(segmentation: VolumeSegmentation, structure: Structure) -> ThicknessMeasures | None:
    names = [structure.name + side for side in SIDES if structure.name + side in segmentation.thickness]
    if not names:
        return None
    areas = [vertex_areas(segmentation.surfaces[segmentation.surface_under(name)]) for name in names]
    return thickness_measures(np.concatenate([segmentation.thickness[name] for name in names]), np.concatenate(areas))


def summary(measures: Iterable[VolumeMeasures]) -> str:
    """All structures in one line."""
    return "; ".join(one.in_words() for one in measures)


def write_volume_measures(path, images: Iterable[tuple[str, Iterable[VolumeMeasures]]]) -> None:
    """Write a `.csv` with one row a structure, of (image name, measures); `COLUMNS` names its cells."""
    from ..io.tables import write_table

    write_table(path, COLUMNS, [_line(image, one) for image, measures in images for one in measures])


def _line(image: str, one: VolumeMeasures) -> list[str]:
    from ..io.tables import number, truth

    own, thick = one.structure, one.thickness
    layer = [""] * 4 if thick is None else map(number, (thick.mean_mm, thick.median_mm, thick.percentile95_mm,
                                                        thick.area_mm2))
    return [image, own.name, str(own.label), own.bone, truth(own.found), own.reason, number(own.confidence),
            number(one.volume_mm3), number(own.volume_ml), *layer]
