"""Deep morphing: the network's maps of a film, the head's circle, and the shape that fits the outline best."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..imaging import Radiograph
from ..landmarks import Contour
from ..shape.segmentation import BoneContour, HeadCircle, Segmentation
from .evidence import (
    BONE_EVIDENCE,
    HEAD_EVIDENCE,
    Calibration,
    bone_evidence,
    head_evidence,
    head_of_shape,
    in_image,
    merit,
)
from .films import BONE, HEAD
from .heads import Head, find_heads
from .maps import Maps, maps_of, scales_of
from .morphing import OutlineModel, morph, observe
from .settings import DeepMorphingSettings
from .starts import Start, about_head, by_drift

FIRST_ROUNDS = 6
STARTS = 4  # poses that are tried with one model each, then the best of them with every model
APART_DEG = 40.0
_ERASED_PX = 5.0


@dataclass(frozen=True, eq=False)
class FoundBone:
    """An outline in a map, with what speaks for it."""

    model: OutlineModel
    shape: object
    evidence: dict[str, float]
    probability: float
    head: Head | None

    @property
    def side(self) -> str:
        return "right" if np.linalg.det(self.shape.image_from_model[:2, :2]) < 0 else "left"


@dataclass(frozen=True, eq=False)
class Segmenter:
    """A trained network with shape models of the views it may see.

    Parameters
    ----------
    network
        From `learning.network_of`.
    models
    of_bone, of_head
        How sure results are, by their evidence.
    bone
        What the outlines are called, before their side.
    """

    network: object
    models: tuple[OutlineModel, ...]
    of_bone: Calibration
    of_head: Calibration
    bone: str = BONE

    def segment(self, radiograph: Radiograph, settings: DeepMorphingSettings | None = None, *, seed: int = 0,
                progress=None) -> Segmentation:
        """Outline the femurs in a film and their heads.

        Parameters
        ----------
        radiograph
            Of any size; without a spacing it is searched at several scales.
        settings
        seed
            Of the random samples.
        progress
            Called as `progress(fraction, stage)`.
        """
        settings, report = settings or DeepMorphingSettings(), progress or (lambda fraction, stage: None)
        best = None
        scales = scales_of(radiograph, settings.pixel_mm)
        for i, scale in enumerate(scales):
            report(i / len(scales), "looking for outlines")
            maps = maps_of(self.network, radiograph, scale, settings.pixel_mm)
            report((i + 0.4) / len(scales), "morphing shapes")
            heads, bones = self.search(maps, settings, seed)
            of_heads = [0.5 * self._head_probability(head, bones, maps) for head in heads]
            sure = max([bone.probability for bone in bones] + of_heads + [0.0])
            if best is None or sure > best[0]:
                best = sure, maps, heads, bones
        return self.segmentation(*best[1:], settings)

    def segmentation(self, maps: Maps, heads: list[Head], bones: list["FoundBone"],
                     settings: DeepMorphingSettings) -> Segmentation:
        """What was found in a film's maps, in its pixels."""
        return Segmentation(tuple(self._contour(bone, maps, settings) for bone in bones),
                            self._circles(heads, bones, maps, settings), maps.responses)

    def search(self, maps: Maps, settings: DeepMorphingSettings, seed: int = 0
               ) -> tuple[list[Head], list[FoundBone]]:
        """Heads and outlines in a film's maps."""
        heads = find_heads(maps.confidence[HEAD], maps.inside, settings.circle, maps.pixel_mm, 2,
                           np.random.default_rng(seed))
        confidence, bones, free = maps.confidence[BONE], [], heads
        for _ in range(settings.bones):
            found = self._bone(confidence, free, maps, settings, seed)
            if found is None:
                break
            bones.append(found)
            free = [head for head in free if head is not found.head]
            confidence = erased(confidence, found.shape.points_px)
        return [b.head for b in bones if b.head is not None] + free, bones

    def _bone(self, confidence, heads, maps: Maps, settings, seed: int) -> FoundBone | None:
        """The outline that fits best."""
        starts = self._starts(confidence, heads, maps, settings, seed)
        tried = [self._tried(start.model, start.pose, confidence, maps, settings) for start in _different(starts)]
        if not tried:
            return None
        merits, found = self._with_every_model(tried, confidence, maps, settings)
        best = int(np.argmax(merits))
        model, shape = found[best]
        shape = morph(model, shape.image_from_model, confidence, replace(settings, reach=4.0))
        mirrored = [np.linalg.det(s.image_from_model[:2, :2]) < 0 for _, s in found]
        others = [m for m, other in zip(merits, mirrored, strict=True) if other != mirrored[best]]
        ahead = merits[best] - max(others, default=merits[best] - 100.0)
        head = _head_of(model, shape, heads)
        evidence = bone_evidence(model, shape, confidence, maps.inside, head, maps.pixel_mm)
        evidence["ahead"] = float(np.clip(ahead, 0.0, 100.0))
        return FoundBone(model, shape, evidence, self.of_bone.probability(evidence), head)

    def _starts(self, confidence, heads, maps: Maps, settings, seed: int) -> list[Start]:
        """First poses about the heads that were found, and by coherent point drift: of all models without a head."""
        starts = []
        if settings.start != "drift":
            starts = [start for head in heads
                      for start in about_head(self.models, confidence, maps.inside, head.centre, head.radius)]
        if settings.start == "head" and starts:
            return starts
        some = [model for model in self.models if model.view == "ap"] if starts else self.models
        return starts + by_drift(some or self.models, confidence, maps.inside, settings.rotations, seed)

    def _tried(self, model: OutlineModel, pose, confidence, maps: Maps, settings):
        shape = morph(model, pose, confidence, settings, FIRST_ROUNDS)
        return merit(model, shape, confidence, maps.inside), model, shape

    def _with_every_model(self, tried, confidence, maps: Maps, settings) -> tuple[list[float], list]:
        """Merits and fits of every model from the best pose of either handedness."""
        merits, found = [m for m, _, _ in tried], [(model, shape) for _, model, shape in tried]
        for mirrored in (False, True):
            own = [t for t in tried if (np.linalg.det(t[2].image_from_model[:2, :2]) < 0) == mirrored]
            if not own or max(own, key=_first)[0] < 0.5 * max(merits):
                continue
            _, first, shape = max(own, key=_first)
            for model in self.models:
                if model is not first:
                    pose = _carried(first, shape, model)
                    value, _, fit = self._tried(model, pose, confidence, maps, settings)
                    merits.append(value)
                    found.append((model, fit))
        return merits, found

    def _contour(self, found: FoundBone, maps: Maps, settings) -> BoneContour:
        shape = in_image(found.shape, maps.image_from_map)
        points, names = shape.points_px, found.model.shapes.names
        observed, height = observe(found.shape.points_px, maps.confidence[BONE], 3.0)
        drawn = np.ones(len(points), bool)
        drawn[-1] = False
        sure = found.probability >= settings.threshold
        reason = "" if sure else _why_not(found.evidence)
        name = f"{self.bone}-{found.side}"
        contour = Contour(points, name, True, "px", np.clip(height, 0, 1), names, sure)
        off = np.linalg.norm(shape.observed_px - points, axis=1)
        return BoneContour(contour, names, points - shape.mean_px, name, found.model.view, off, drawn, shape,
                           found.probability, sure, reason)

    def _circles(self, heads, bones, maps: Maps, settings) -> tuple[HeadCircle, ...]:
        circles = []
        for head in heads:
            owner = next((b for b in bones if b.head is head and b.probability >= settings.threshold), None)
            probability = self._head_probability(head, bones, maps)
            enough = head.pixels >= settings.head_pixels
            reason = "" if enough else f"only {head.pixels} pixels show its outline, {settings.head_pixels} are needed"
            if enough and probability < settings.threshold:
                reason = _why_no_head(evidence_of_head(head, bones, maps.pixel_mm))
            pixel = np.sqrt(abs(np.linalg.det(maps.image_from_map[:2, :2])))
            centre = maps.image_from_map[:2, :2] @ head.centre + maps.image_from_map[:2, 2]
            circles.append(HeadCircle(
                f"{HEAD}-{owner.side}" if owner else HEAD, tuple(centre.tolist()),
                tuple((pixel * np.array(head.semi_axes)).tolist()), head.angle_deg, probability if enough else
                min(probability, settings.threshold / 2), not reason, reason))
        kept = [c for c in circles if c.found][: settings.bones]
        return tuple(kept or circles[:1])

    def _head_probability(self, head: Head, bones: Sequence[FoundBone], maps: Maps) -> float:
        return self.of_head.probability(evidence_of_head(head, bones, maps.pixel_mm))


def evidence_of_head(head: Head, bones: Sequence[FoundBone], pixel_mm: float) -> dict[str, float]:
    """What speaks for and against a head in a map of such pixels, beside the outlines that were found there."""
    return head_evidence(head, pixel_mm, [(bone.model, bone.shape, bone.probability) for bone in bones])


def _first(item) -> float:
    return item[0]


def _different(starts: list[Start]) -> list[Start]:
    """The best starts of either handedness whose rotations differ much."""
    kept: list[Start] = []
    for start in sorted(starts, key=lambda s: -s.score):
        angle = _angle(start.pose)
        same = [k for k in kept if k.mirrored == start.mirrored]
        near = [k for k in same if abs((angle - _angle(k.pose) + 180) % 360 - 180) < APART_DEG
                and np.hypot(*(k.pose[:2, 2] - start.pose[:2, 2])) < 40]
        if not near and len(same) < STARTS // 2:
            kept.append(start)
    return kept


def _angle(pose: np.ndarray) -> float:
    return float(np.rad2deg(np.arctan2(pose[1, 0], pose[0, 0])))


def _carried(first: OutlineModel, shape, model: OutlineModel) -> np.ndarray:
    """The pose of another model that lays its head and upper parts where the first one has them."""
    from ..geometry.similarity import similarity_from_points

    common = [n for n in model.shapes.names if n in first.shapes.names]
    source = model.shapes.mean[[model.shapes.names.index(n) for n in common]]
    target = shape.points_px[[first.shapes.names.index(n) for n in common]]
    return similarity_from_points(source, target, reflect=True)


def _head_of(model: OutlineModel, shape, heads: list[Head]) -> Head | None:
    """The head among those found that an outline has."""
    centre, radius = head_of_shape(model, shape)
    near = [h for h in heads if np.hypot(*(h.centre - centre)) < 0.5 * radius]
    return min(near, key=lambda h: np.hypot(*(h.centre - centre)), default=None)


def _why_not(evidence: Mapping[str, float]) -> str:
    if evidence["support"] < 0.35:
        return f"the film shows {100 * evidence['support']:.0f} % of such an outline only"
    if evidence["visible"] < 0.6:
        return f"only {100 * evidence['visible']:.0f} % of the outline would lie on the film"
    if evidence["weakest"] < 0.15:
        return "a part of the outline is not to be seen"
    if evidence["ahead"] < 5:
        return "the mirrored outline fits as well"
    return "the outline's parts do not fit together as those of a femur do"


def _why_no_head(evidence: Mapping[str, float]) -> str:
    if evidence["coverage"] < 0.6:
        return f"its outline shows on {100 * evidence['coverage']:.0f} % of the circle only"
    return "no femur that fits the film has its head there"


def erased(confidence: np.ndarray, points: np.ndarray) -> np.ndarray:
    """A map without what lies near an outline."""
    from scipy.spatial import cKDTree

    lengths = np.linalg.norm(np.diff(points, axis=0), axis=1)
    dense = np.concatenate([a + np.linspace(0, 1, int(n) + 2)[:, None] * (b - a)
                            for a, b, n in zip(points[:-1], points[1:], lengths, strict=True)])
    pixels = np.argwhere(confidence > 0.02)
    away, _ = cKDTree(dense).query(pixels)
    left = confidence.copy()
    left[tuple(pixels[away < _ERASED_PX].T)] = 0.0
    return left


def load(header, tensors: Mapping[str, np.ndarray]) -> Segmenter:
    """A segmenter from a model file.

    Raises
    ------
    KeyError, ValueError
        The tensors are not those of this method.
    """
    from .storage import from_tensors

    network, models, of_bone, of_head = from_tensors(header.extra, tensors)
    if not set(of_bone.names) <= set(BONE_EVIDENCE) or not set(of_head.names) <= set(HEAD_EVIDENCE):
        raise ValueError("its evidence is of another version")
    return Segmenter(network, models, of_bone, of_head)
