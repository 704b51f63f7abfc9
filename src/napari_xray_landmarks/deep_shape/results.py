"""From classes and fits on the working grid to structures, landmarks and surfaces in the world."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from ..imaging import Volume
from ..landmarks import LandmarkSet
from ..mesh import Mesh
from ..shape.thickness import cartilage_thickness
from ..shape.volume_segmentation import SIDES, Structure, VolumeFit
from .bones import pieces
from .components import box_of
from .confidence import expected_overlap, fit_evidence, judged
from .fitting import BoneFit
from .grid import Grid
from .storage import Bone


def found_structures(structures: Sequence[Structure], sides: Mapping[str, str], known: Mapping[str, Mapping],
                     evidence: Mapping[str, Mapping], probabilities: np.ndarray, classes: np.ndarray, spacing_mm,
                     threshold: float, against: str) -> list[Structure]:
    """The structures with volume, confidence, and whether they were found.

    Parameters
    ----------
    structures
    sides
        Of the bones with a shape model.
    known, evidence
        Of `confidence.judged` by structure: ranges in the training, values here; volumes are added.
    probabilities, classes
        On the working grid.
    spacing_mm
        Of it.
    threshold
        Less confidence than this is not found.
    against
        Why nothing can be found at all; or "".
    """
    voxel_ml, judgements = float(np.prod(spacing_mm)) / 1000, {}
    for number, structure in enumerate(structures, 1):
        mask = classes == number
        box = box_of(mask)
        parts = pieces(mask[box], sides.get(structure.name)) if box else ()
        volumes = [float(part.sum()) * voxel_ml for part in parts] or [0.0]
        overlap = expected_overlap(probabilities[number], mask)
        values = {"volume_ml": volumes} | dict(evidence.get(structure.name, {}))
        confidence, reason = judged(values, overlap, known.get(structure.name, {}), threshold)
        judgements[structure.name] = sum(volumes), confidence if not against else 0.0, against or reason
    return [_judged(structure, judgements) for structure in structures]


def evidence_of(structures: Sequence[Structure], sides: Mapping[str, str], fits: Mapping[str, BoneFit],
                agreements: np.ndarray | None) -> dict[str, dict[str, list[float]]]:
    """What fitted shapes, and slices and subvolumes together, say for each structure that there is a shape for.

    Parameters
    ----------
    structures
    sides
        Of the bones with a shape model.
    fits
        By bone and side.
    agreements : (C,) array, optional
        Of `confidence.agreement`.
    """
    found = {}
    for number, structure in enumerate(structures, 1):
        own = [fits[structure.name + side] for side in SIDES if structure.name + side in fits]
        found[structure.name] = fit_evidence(own)
        if agreements is not None and (structure.bone or structure.name) in sides:
            found[structure.name]["agreement"] = [float(agreements[number])]
    return found


def _judged(structure: Structure, judgements: Mapping[str, tuple[float, float, str]]) -> Structure:
    volume_ml, confidence, reason = judgements[structure.name]
    if structure.bone and judgements[structure.bone][2] and not reason:
        reason, confidence = f"its bone, {structure.bone}, was not found", 0.0
    return replace(structure, volume_ml=0.0 if reason else volume_ml, confidence=float(np.clip(confidence, 0, 1)),
                   found=not reason, reason=reason)


def with_volumes(structures: Sequence[Structure], labels: Volume) -> list[Structure]:
    """The structures with the volume of their voxels on the source's grid."""
    counts = np.zeros(1 + max(structure.label for structure in structures), np.int64)
    for plane in labels.voxels:
        counts += np.bincount(plane.ravel(), minlength=len(counts))
    voxel_ml = abs(np.linalg.det(labels.world_from_voxel[:3, :3])) / 1000
    return [replace(structure, volume_ml=float(counts[structure.label] * voxel_ml)) for structure in structures]


def model_fits(bones: Sequence[Bone], fits: Mapping[str, BoneFit], grid: Grid) -> dict[str, VolumeFit]:
    """The shape models in the world, by bone and side."""
    return {name: VolumeFit(bone.model, fit.coefficients * bone.model.deviations,
                            grid.world_from_voxel @ fit.voxel_from_model)
            for bone, name, fit in _fitted(bones, fits)}


def surfaces_of(bones: Sequence[Bone], fits: Mapping[str, BoneFit], grid: Grid) -> dict[str, Mesh]:
    """The fitted shapes as surfaces in the world, by bone and side."""
    own = model_fits(bones, fits, grid)
    return {name: _surface(bone, own[name], name) for bone, name, _ in _fitted(bones, fits) if len(bone.faces)}


def _surface(bone: Bone, fit: VolumeFit, name: str) -> Mesh:
    mirrored = np.linalg.det(fit.world_from_model[:3, :3]) < 0
    return Mesh(fit.points_mm, bone.faces[:, ::-1] if mirrored else bone.faces, name)


def landmarks_of(names: Sequence[str], bones: Sequence[Bone], fits: Mapping[str, BoneFit], grid: Grid,
                 structures: Sequence[Structure]) -> LandmarkSet:
    """The thinned points of all fitted shapes; NaN and not detected where a bone was not found."""
    own, places = model_fits(bones, fits, grid), {}
    sure = {structure.name: structure.confidence for structure in structures}
    for bone, name, _ in _fitted(bones, fits):
        for i, point in enumerate(own[name].points_mm[bone.thinned]):
            places[f"{name}-{i + 1}"] = point, sure[bone.name]
    missing = np.full(3, np.nan), 0.0
    found = [places.get(name, missing) for name in names]
    return LandmarkSet(tuple(names), np.array([point for point, _ in found]), np.array([value for _, value in found]),
                       unit="mm")


def thickness_of(structures: Sequence[Structure], surfaces: Mapping[str, Mesh], labels: Volume
                 ) -> dict[str, np.ndarray]:
    """Thickness of each cartilage that was found, at the vertices of its bone's surface."""
    label_of, thickness = {structure.name: structure.label for structure in structures}, {}
    for structure in structures:
        for side in SIDES:
            if structure.bone and structure.found and (mesh := surfaces.get(structure.bone + side)):
                thickness[structure.name + side] = cartilage_thickness(labels, label_of[structure.bone],
                                                                       structure.label, mesh)
    return thickness


def _fitted(bones: Sequence[Bone], fits: Mapping[str, BoneFit]):
    """(bone, name with its side, fit) of all fits."""
    return [(bone, bone.name + side, fits[bone.name + side]) for bone in bones for side in SIDES
            if bone.name + side in fits]
