"""What a search and its composed shape say of each bone: outline, outliers, head, and whether to believe it."""

from collections.abc import Iterator

import numpy as np

from ..geometry.similarity import apply, decompose, similarity_from_points
from ..landmarks import Contour
from ..shape.conics import fit as fit_conic
from ..shape.fitted import FittedShape, fit
from ..shape.segmentation import BoneContour, HeadCircle, Segmentation
from .composition import LEAST, Composed, composed
from .outlines import Head, Outline, OutlineModel
from .patches import PatchModel
from .search import Search
from .settings import JointDisplacementSettings
from .subshape import calibrated

_ON_FILM = 0.75  # share of the vertices that must lie on the film
_RIM = 5  # vertices of a head's rim from which a circle is fitted through them
_SMALLEST = 1e-3  # units of the model's frame: agreement better than that counts no further


def segment(search: Search, model: PatchModel, outlines: OutlineModel, names: tuple[str, ...],
            settings: JointDisplacementSettings) -> Segmentation:
    """Outlines and heads in a film, each with a confidence that it is right.

    Parameters
    ----------
    search
        From `Detector.search`.
    model
    outlines
        Of the same landmarks.
    names
        Of the landmarks.
    settings
    """
    shape = composed(search, outlines.dictionary, settings)
    bones = tuple(_bone(number, search, shape, model, outlines, names, settings)[0]
                  for number in range(len(outlines.outlines)))
    circles = tuple(_circle(head, search, shape, bones, outlines) for head in outlines.heads)
    maps = {}
    for subshape, densities in zip(search.subshapes, search.densities, strict=True):
        for name, density in zip(subshape.names, densities, strict=True):
            if name not in maps:
                maps[name] = subshape.response(density)
    return Segmentation(bones, circles, maps)


def outlined(search: Search, model: PatchModel, outlines: OutlineModel, names: tuple[str, ...],
             settings: JointDisplacementSettings) -> Iterator[tuple[Outline, BoneContour, np.ndarray]]:
    """Each outline as it was found, with what speaks for it (see `evidence_of`): what its confidence is learnt from."""
    shape = composed(search, outlines.dictionary, settings)
    for number, outline in enumerate(outlines.outlines):
        yield outline, *_bone(number, search, shape, model, outlines, names, settings)


def evidence_of(outline: Outline, search: Search, shape: Composed, fitted: FittedShape, neighbours: int) -> np.ndarray:
    """(5,) what speaks for an outline, as `reliability.EVIDENCE` names it; more of each is better.

    Its vertices' votes, how near the best votes lie to the shape, how alike the film's patches are to those of the
    training films, the votes for the first pose from all over the film, and how common the shape is.
    """
    own = list(outline.numbers)
    support = np.log(shape.mass[own] + 1e-3).mean()
    off = np.linalg.norm(shape.evidence - shape.shape, axis=1)[own].mean() / decompose(shape.level_from_model)[0]
    near = [s for s in search.subshapes if set(s.numbers) & set(own)]
    likeness = -np.median([s.strangeness(neighbours) for s in near])
    pose = np.log(search.pose_score + 1e-3)
    return np.array([support, -np.log(off + _SMALLEST), likeness, pose, -np.sqrt((fitted.deviations**2).mean())])


def _bone(number: int, search: Search, shape: Composed, model: PatchModel, outlines: OutlineModel,
          names: tuple[str, ...], settings: JointDisplacementSettings) -> tuple[BoneContour, np.ndarray]:
    outline = outlines.outlines[number]
    own = list(outline.numbers)
    image_from_level = search.subshapes[0].image_from_level
    scale = decompose(image_from_level)[0]
    points = apply(image_from_level, shape.points[own])
    fitted = _fitted(outlines.distributions[number], points, shape, own)
    evidence = evidence_of(outline, search, shape, fitted, settings.neighbours)
    confidence = float(outlines.reliability.confidence(evidence))
    on_film = ((points >= -0.5) & (points <= np.array(search.film_shape) - 0.5)).all(1)
    each = np.where(on_film, calibrated(shape.mass[own], model.confidence), 0.0)
    reason = _why_not(outline.name, confidence, on_film.mean(), settings)
    contour = Contour(points, outline.name, closed=True, confidence=np.minimum(each, 1.0))
    bone = BoneContour(contour, tuple(names[i] for i in own), points - fitted.mean_px, outline.name, outlines.view,
                       scale * np.linalg.norm(shape.outliers[own], axis=1), np.array(outline.drawn), fitted, confidence,
                       not reason, reason)
    return bone, evidence


def _fitted(distribution, points_px: np.ndarray, shape: Composed, own: list[int]) -> FittedShape:
    """The bone's own shape model on the composed outline, which follows where vertices are corrected."""
    noise = max(float(np.sqrt(distribution.residual)), _SMALLEST) * decompose(
        similarity_from_points(distribution.mean, points_px))[0]
    return fit(distribution, points_px, np.clip(shape.mass[own], 0.05, 1.0), noise_px=noise)


def _why_not(name: str, confidence: float, on_film: float, settings: JointDisplacementSettings) -> str:
    """In a line, or "" where the outline is sure enough."""
    if on_film < _ON_FILM:
        return f"only {100 * on_film:.0f} % of the outline of {name} would lie on the film"
    if confidence < settings.certainty:
        return (f"the confidence of {name} is {confidence:.2f}, below {settings.certainty:g}: the film may not show "
                "it, or be mirrored or inverted")
    return ""


def _circle(head: Head, search: Search, shape: Composed, bones: tuple[BoneContour, ...],
            outlines: OutlineModel) -> HeadCircle:
    """A head's circle through the rim, as sure as the bone that has it; about its landmark where the rim is too short.

    A rim's points are exact across it, the centre's landmark is not: fitted circles are five times nearer.
    """
    image_from_level, rim = search.subshapes[0].image_from_level, list(head.rim)
    places = apply(image_from_level, shape.points[rim])
    if len(rim) >= _RIM:
        circle = fit_conic(places, "circle", weights=np.maximum(shape.mass[rim], LEAST))
        centre, radius = circle.centre, circle.radius
    else:
        centre = apply(image_from_level, shape.points[head.centre])
        radius = float(np.median(np.linalg.norm(places - centre, axis=1)))
    owner = max(range(len(bones)), key=lambda i: len(set(outlines.outlines[i].numbers) & set(head.rim)))
    bone = bones[owner]
    return HeadCircle(head.name, tuple(map(float, centre)), (radius, radius), 0.0, bone.confidence, bone.found,
                      bone.reason)
