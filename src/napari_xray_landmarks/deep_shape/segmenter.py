"""Deep shape fitting: slices, shapes, subvolumes, their sum, and back to the volume's own grid (Schock et al. 2020)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from ..errors import InputError
from ..imaging import Volume, check_volume
from ..options import from_known
from ..shape.volume_segmentation import SIDES, Structure, VolumeSegmentation
from .components import keep_parts, winners
from .confidence import known_ranges
from .grid import Grid, back_to, onto, seen, working_grid
from .preparation import normalised
from .region import Cut, region
from .results import evidence_of, found_structures, landmarks_of, model_fits, surfaces_of, thickness_of, with_volumes
from .settings import DeepShapeSettings
from .slices import slice_probabilities
from .stages import centres_of, class_weights, fit_shapes, in_subvolumes
from .storage import Bone, networks_of
from .subvolumes import join

LEAST_VOXELS = 8  # along an axis of the working grid
_HOUNSFIELD = -300.0  # no MR has values so low
SHARES = {"slices": (0.05, 0.5), "shapes": (0.5, 0.55), "subvolumes": (0.55, 0.9), "labels": (0.9, 1.0)}


@dataclass(frozen=True, eq=False)
class Segmenter:
    """A trained model, ready to segment volumes.

    Parameters
    ----------
    structures
        In the order of the networks' classes, which begin with the background.
    spacing_mm
        (superior, posterior, left) that the networks work at.
    slice_axis
        That slices are perpendicular to.
    neighbours
        Slices on either side that the network is shown too.
    subvolume
        Sides in voxels.
    modality
        "MR" or "CT".
    known
        Of a structure and each kind of `confidence.KINDS`, least and most in the training.
    landmarks
        Names, of the header.
    bones
        Those with a shape model.
    slices, shapes, local
        The networks; `shapes` by bone.
    settings
        The model's own.
    weights
        What subvolumes count for a structure beside slices, from 0 to 1; a half where it is not said.
    """

    structures: tuple[Structure, ...]
    spacing_mm: tuple[float, float, float]
    slice_axis: int
    neighbours: int
    subvolume: tuple[int, int, int]
    modality: str
    known: Mapping[str, Mapping[str, Sequence[float]]]
    landmarks: tuple[str, ...]
    bones: tuple[Bone, ...]
    slices: object
    shapes: object
    local: object
    settings: DeepShapeSettings
    weights: Mapping[str, float] = field(default_factory=dict)

    @property
    def numbers(self) -> dict[str, int]:
        """Class of each structure."""
        return {structure.name: k for k, structure in enumerate(self.structures, 1)}

    @property
    def sides(self) -> dict[str, str]:
        """Of the bones with a shape model."""
        return {bone.name: bone.sides for bone in self.bones}

    def segment(self, volume: Volume, settings: DeepShapeSettings | None = None, *, seed: int = 0, progress=None,
                watch: Callable[[str, Volume], None] | None = None) -> VolumeSegmentation:
        """Segment a volume of any orientation, spacing and size.

        Parameters
        ----------
        volume
        settings
            Other than the model's own; those of the group "training" are fixed.
        seed
            Not used: nothing is drawn at random.
        progress
            Called as `progress(fraction, stage)`; may raise `errors.Cancelled`.
        watch
            Called with each stage's name and labels as soon as they are there.

        Raises
        ------
        InputError
            If the volume shows nothing, holds labels, is too thin, or too large for the memory; that is told before
            anything of its size is allocated.
        """
        settings, report = settings or self.settings, progress or (lambda fraction, stage: None)
        check_volume(volume, "bones")
        report(0.0, "resampling")
        cut = self._region(volume)
        looked = self._look(cut.grid, volume, _part(report, "slices"))
        stages = _Stages(cut.grid, volume.name, np.array([0, *(s.label for s in self.structures)]), watch)
        probabilities, fits, evidence = self._refined(*looked, cut.grid, settings, report, stages)
        cut.close(probabilities)
        classes = stages.add("merged", winners(probabilities))
        stages.keep("probability", 1 - probabilities[0])
        return self._result(volume, cut, probabilities, classes, (fits, evidence), settings, report, stages)

    def _region(self, volume: Volume) -> Cut:
        """The grid to work on: the whole volume, or a part of one that is too large."""
        grid = working_grid(volume, self.spacing_mm)
        if min(grid.shape) < LEAST_VOXELS:
            size = " x ".join(f"{n * s:.0f}" for n, s in zip(grid.shape, grid.spacing_mm, strict=True))
            raise InputError(volume.name, f"covers only {size} mm", "Use a volume that shows the whole bone")

        def look(at: Grid) -> np.ndarray:
            return winners(self._look(at, volume)[1])

        return region(grid, 1 + len(self.structures), self.slice_axis, look, volume.name,
                      volume.voxels.nbytes + volume.voxels.size)

    def _look(self, grid: Grid, volume: Volume, report: Callable[[float], None] = lambda fraction: None):
        """On a grid: the image, the slices' class probabilities, and what of it lies inside the volume (None: all)."""
        inside = seen(grid, volume)
        image = normalised(onto(grid, volume), self.modality, inside)
        probabilities = slice_probabilities(self.slices, image, self.slice_axis, self.neighbours, report=report)
        if inside is not None:
            _clear(probabilities, ~inside)
        return image, probabilities, inside

    def _refined(self, image, probabilities, inside, grid: Grid, settings, report, stages: "_Stages"):
        """Class probabilities after all stages, the fits in voxels, and what they say for the structures."""
        classes = stages.add("slices", winners(probabilities))
        stages.keep("slices probability", 1 - probabilities[0])
        least_ml = {name: float(own["volume_ml"][0]) for name, own in self.known.items() if "volume_ml" in own}
        fits = fit_shapes(self.shapes, self.bones, self.numbers, image, classes, grid.spacing_mm, least_ml,
                          _part(report, "shapes"), inside)
        centres, agreements = centres_of(self.bones, fits, settings.subvolumes), None
        if settings.local and self.local is not None and len(centres):
            local = in_subvolumes(self.local, image, len(probabilities), centres, self.subvolume,
                                  _part(report, "subvolumes"), inside)
            stages.add("local", local.classes(image.shape))
            agreements = local.agreement(classes)
            weights = class_weights(self.numbers, self.weights, settings.ensemble)
            join(probabilities[(slice(None), *local.box)], local.probabilities, local.covered, weights)
        return probabilities, fits, evidence_of(self.structures, self.sides, fits, agreements)

    def _result(self, volume, cut: Cut, probabilities, classes, fitted, settings, report, stages) -> VolumeSegmentation:
        """What is left of classes, and where it lies in the world."""
        grid, kept, (fits, evidence) = cut.grid, classes.copy(), fitted
        if settings.largest:
            keep_parts(kept, self.structures, self.sides, grid.spacing_mm)
        structures = found_structures(self.structures, self.sides, self.known, evidence, probabilities, kept,
                                      grid.spacing_mm, settings.threshold, self._against(volume))
        kept[np.isin(kept, [k for k, s in enumerate(structures, 1) if not s.found])] = 0
        _clear(probabilities, classes != kept)
        values = np.append(0, [structure.label for structure in structures])
        voxels = back_to(volume, grid, probabilities, kept, values.astype(np.min_scalar_type(int(values.max()))),
                         _part(report, "labels"))
        labels = Volume(voxels, volume.world_from_voxel, volume.name, "labels")
        fits = {name: fit for name, fit in fits.items() if any(s.found and _is_of(name, s) for s in structures)}
        surfaces = surfaces_of(self.bones, fits, grid)
        thickness = thickness_of(structures, surfaces, labels) if settings.thickness else {}
        landmarks = landmarks_of(self.landmarks, self.bones, fits, grid, structures)
        return VolumeSegmentation(labels, tuple(with_volumes(structures, labels)), landmarks, surfaces,
                                  model_fits(self.bones, fits, grid), thickness, stages.volumes,
                                  tuple(self._notes(cut, structures, fits)))

    def _against(self, volume: Volume) -> str:
        """Why a volume cannot show what the model knows; "" where nothing speaks against it."""
        if self.modality == "MR" and volume.modality != "MR" and float(volume.voxels.min()) < _HOUNSFIELD:
            return f"values down to {volume.voxels.min():g} are a CT's, and the model is for MR"
        if self.modality == "CT" and volume.modality != "CT" and float(volume.voxels.min()) > _HOUNSFIELD:
            return f"there are no values below {volume.voxels.min():g} as a CT has, and the model is for CT"
        return ""

    def _notes(self, cut: Cut, structures, fits):
        if any(cut.low + cut.high):
            yield "The volume was too large to be looked at whole: only the part round what a first look found was used"
        for structure in structures:
            own = [name for name in fits if _is_of(name, structure)]
            if not structure.found:
                yield f"{structure.name} was not found: {structure.reason}"
            elif structure.name in self.sides and not own:
                yield f"No shape could be fitted to {structure.name}"
            elif self.sides.get(structure.name) == "pair" and len(own) == 1:
                yield f"Only one side of {structure.name} was found: {own[0]}"


class _Stages:
    """Collects the labels after each stage, on the working grid."""

    def __init__(self, grid: Grid, name: str, values: np.ndarray, watch):
        self.grid, self.name, self.watch, self.volumes = grid, name, watch, {}
        self.values = values.astype(np.min_scalar_type(int(values.max())))

    def add(self, stage: str, classes: np.ndarray) -> np.ndarray:
        self.keep(stage, self.values[classes], "labels")
        return classes

    def keep(self, stage: str, voxels: np.ndarray, modality: str = "") -> None:
        volume = Volume(voxels, self.grid.world_from_voxel, f"{self.name} {stage}", modality)
        self.volumes[stage] = volume
        if self.watch:
            self.watch(stage, volume)


def _clear(probabilities: np.ndarray, where: np.ndarray) -> None:
    """Make background, in place."""
    probabilities[:, where] = 0
    probabilities[0][where] = 1


def _part(report, stage: str) -> Callable[[float], None]:
    low, high = SHARES[stage]
    return lambda fraction: report(low + fraction * (high - low), stage)


def _is_of(fit: str, structure: Structure) -> bool:
    return fit in [structure.name + side for side in SIDES]


def load(header, tensors: Mapping[str, np.ndarray]) -> Segmenter:
    """The segmenter of a model file; ValueError or KeyError where its values and arrays do not fit together."""
    from torch import nn

    networks, extra = networks_of(header, tensors), header.extra
    structures = tuple(Structure(s["name"], s["label"], s.get("bone", ""), tuple(c / 255 for c in s["colour"]))
                       for s in extra["structures"])
    names = [structure.name for structure in structures]
    if unknown := [bone.name for bone in networks.bones if bone.name not in names]:
        raise ValueError(f"the shape model of {unknown[0]!r} belongs to no structure")
    spacing_mm = tuple(float(s) for s in extra["spacing_mm"])
    if len(spacing_mm) != 3 or not min(spacing_mm) > 0 or extra["slice_axis"] not in (0, 1, 2):
        raise ValueError(f"cannot work at {spacing_mm} mm in slices along axis {extra['slice_axis']}")
    if len(extra["subvolume"]) != 3 or not min(extra["subvolume"]) > 0:
        raise ValueError(f"a subvolume has three sides, got {extra['subvolume']}")
    return Segmenter(
        structures, spacing_mm, int(extra["slice_axis"]), int(extra["neighbours"]),
        tuple(int(n) for n in extra["subvolume"]), str(extra.get("modality", "MR")), known_ranges(extra),
        tuple(header.landmarks), networks.bones, networks.slices, nn.ModuleDict(dict(networks.shapes)), networks.local,
        from_known(DeepShapeSettings, header.settings), _weights(extra.get("local_weights", {})))


def _weights(given: Mapping[str, float]) -> dict[str, float]:
    weights = {name: float(weight) for name, weight in given.items()}
    if bad := [name for name, weight in weights.items() if not 0 <= weight <= 1]:
        raise ValueError(f"the subvolumes' weight for {bad[0]!r} is not between 0 and 1")
    return weights
