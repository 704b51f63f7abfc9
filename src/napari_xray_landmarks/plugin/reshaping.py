"""Outlines that a user corrects: vertices that are held, and modes of the shape that are moved by hand."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from ..imaging import Radiograph
from ..shape.segmentation import BoneContour, HeadCircle, Segmentation
from .corrections import Corrections


@dataclass
class LiveSegmentation:
    """The state of one image's outlines while napari runs.

    Parameters
    ----------
    model
        The loaded model.
    film
        The radiograph that was segmented.
    found
        What the method found.
    settings
        With which settings.
    corrections
        Vertices that a user placed, (row, column) in the image's pixels, by name.
    deviations
        Coefficients of the shapes that a user moved by hand, in standard deviations, by the bone's number.
    """

    model: object
    film: Radiograph
    found: Segmentation
    settings: object
    corrections: dict[str, tuple[float, float]] = field(default_factory=dict)
    deviations: dict[int, tuple[float, ...]] = field(default_factory=dict)

    @property
    def now(self) -> Segmentation:
        """What was found, with the user's corrections."""
        return reshaped(self.found, self.corrections, self.deviations)

    @property
    def changed(self) -> bool:
        """Whether a user changed anything."""
        return bool(self.corrections or self.deviations)


def vertex_names(segmentation: Segmentation) -> tuple[str, ...]:
    """One name a vertex of all bones, in order; with the bone's where two bones share a name."""
    names = [name for bone in segmentation.bones for name in bone.names]
    if len(set(names)) == len(names):
        return tuple(names)
    return tuple(f"{bone.bone}: {name}" for bone in segmentation.bones for name in bone.names)


def vertices_of(segmentation: Segmentation, number: int) -> slice:
    """Where the vertices of a bone stand among those of all."""
    counts = [len(bone.names) for bone in segmentation.bones]
    return slice(sum(counts[:number]), sum(counts[:number + 1]))


def reshaped(found: Segmentation, corrections: Mapping[str, tuple[float, float]],
             deviations: Mapping[int, tuple[float, ...]]) -> Segmentation:
    """What was found, with vertices held where a user put them and modes as the user set them; circles follow.

    A shape whose modes were moved by hand keeps them and is only bent to its held vertices; any other one is fitted
    to the film again around them.
    """
    names, bones = vertex_names(found), []
    for number, bone in enumerate(found.bones):
        own = names[vertices_of(found, number)]
        held = {i: corrections[name] for i, name in enumerate(own) if name in corrections}
        bones.append(_by_hand(_reshaped_bone(bone, held, deviations.get(number)), held))
    circles = [_following(circle, found.bones, bones) for circle in found.circles]
    return replace(found, bones=tuple(bones), circles=tuple(circles))


def _reshaped_bone(bone: BoneContour, held: dict[int, tuple[float, float]], deviations) -> BoneContour:
    fitted = bone.fitted
    if fitted is None or not (held or deviations is not None):
        return _with_vertices(bone, held)
    if deviations is None:
        return bone.with_shape(fitted.refit(held))
    return bone.with_shape(replace(fitted, held=held).with_coefficients(deviations))


def _by_hand(bone: BoneContour, held: dict[int, tuple[float, float]]) -> BoneContour:
    """The bone without a confidence for vertices that a person placed."""
    if not held or bone.contour.confidence is None:
        return bone
    confidence = np.array(bone.contour.confidence)
    confidence[list(held)] = np.nan
    return replace(bone, contour=replace(bone.contour, confidence=confidence))


def _with_vertices(bone: BoneContour, held: dict[int, tuple[float, float]]) -> BoneContour:
    """The bone with single vertices moved, where no shape model is there to follow them."""
    if not held:
        return bone
    points = np.array(bone.points_px)
    points[list(held)] = list(held.values())
    moved = points - bone.points_px
    return replace(bone, contour=replace(bone.contour, points=points), displacement_px=bone.displacement_px + moved)


def _following(circle: HeadCircle, before: tuple[BoneContour, ...], after: list[BoneContour]) -> HeadCircle:
    """The circle moved with the vertices around it, of the bone that is nearest."""
    if not before:
        return circle
    distances = [np.sort(np.linalg.norm(bone.points_px - circle.centre_px, axis=1))[:4].mean() for bone in before]
    nearest = int(np.argmin(distances))
    if before[nearest] is after[nearest]:
        return circle
    return circle.following(before[nearest].points_px, after[nearest].points_px)


class ShapeCorrections(Corrections):
    """Watches the vertices of an image's outlines; undo takes back dragged vertices and moved modes alike."""

    def explore(self, number: int, deviations) -> None:
        """Set the modes of a bone's shape by hand."""
        self.live.deviations = {**self.live.deviations, number: tuple(float(d) for d in deviations)}
        self._on_change(set())

    def reset(self, number: int) -> None:
        """Let a bone's shape fit the film again; its held vertices stay held."""
        if number in self.live.deviations:
            self.keep_state()
            self.live.deviations = {n: d for n, d in self.live.deviations.items() if n != number}
            self._on_change(set())

    def _state(self):
        return dict(self.live.corrections), dict(self.live.deviations)

    def _restore(self, state) -> None:
        corrections, self.live.deviations = state
        self._become(corrections)
