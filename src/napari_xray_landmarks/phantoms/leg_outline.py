"""The landmarks all round the outline of a whole femur in an AP film."""

import numpy as np

from ..geometry.camera import Camera
from .complete_femur import SIDE, Leg
from .outline import proximal_anchors
from .polyline import farthest, resampled, spread, started
from .schemas import COMPLETE_ANCHORS
from .silhouette import joint_silhouette

SHAFT_LEVELS = {"distal": 0.22, "proximal": 0.70}  # of the way from the knee to where neck and shaft meet


def complete_outline(leg: Leg, camera: Camera) -> tuple[np.ndarray, np.ndarray]:
    """The closed outline of the left femur, and its 64 landmarks in order, both (N, 2) in px.

    The outline runs from the notch over the medial condyle, the medial side of the shaft, the head and the greater
    trochanter to the lateral condyle. The proximal landmarks are those of `outline.femur_outline`;
    `intercondylar-notch` is the highest point between the condyles, `medial-condyle-distal` and
    `lateral-condyle-distal` their lowest, `medial-epicondyle` and `lateral-epicondyle` farthest to their sides;
    `shaft-medial-distal`, `shaft-lateral-proximal` and so on lie at fixed shares of the shaft's length.

    Raises
    ------
    ValueError
        The femur does not lie on the detector, or its landmarks are not in order.
    """
    lines = joint_silhouette((leg.upper, leg.lower), camera)
    if not lines or not np.allclose(lines[0][0], lines[0][-1]):
        raise ValueError("the femur does not lie on the detector")
    person = leg.person
    middle, above, beside, top = camera.project(np.array([
        leg.in_world(0, 0, 0), leg.in_world(50, 0, 0), leg.in_world(0, 0, 50), leg.femur.shaft_top]))
    line = resampled(lines[0])
    mm = np.linalg.norm(above - middle) / 50 * leg.knee.parameters.size  # px in a mm of the mean knee
    up, lateral = (above - middle) / np.linalg.norm(above - middle), (beside - middle) / np.linalg.norm(beside - middle)
    between = np.abs((line - middle) @ lateral) < 11 * mm
    notch = np.argmax(np.where(between & ((line - middle) @ up < 0), (line - middle) @ up, -np.inf))
    line = started(line, line[notch], middle - 30 * mm * lateral)
    at = {"intercondylar-notch": 0} | _condyles(line, middle, up, lateral, mm)
    at |= _shaft(line, middle, top - middle, at)
    trochanters = [person.landmarks[f"{n}-trochanter-{SIDE}"] for n in ("greater", "lesser")]
    at |= proximal_anchors(line, leg.femur, trochanters, camera, at["shaft-lateral-proximal"])
    return line, spread(line, [at[n] for n, _ in COMPLETE_ANCHORS], [count for _, count in COMPLETE_ANCHORS],
                        len(line) - 1)


def _condyles(line, middle, up, lateral, mm: float) -> dict[str, int]:
    height = (line - middle) @ up
    below = np.flatnonzero(height > 30 * mm)  # of the shaft
    first, last = below[0], below[-1] + 1
    at = {}
    for side, way, ends in (("medial", -lateral, (1, first)), ("lateral", lateral, (last, len(line) - 1))):
        at[f"{side}-condyle-distal"] = farthest(line, 0.2 * way - up, *ends)
        at[f"{side}-epicondyle"] = farthest(line, way + 0.1 * up, *ends)
    return at


def _shaft(line, middle, axis, at) -> dict[str, int]:
    """Where the outline crosses the shaft's levels, first on the medial side."""
    share = (line - middle) @ axis / (axis @ axis)
    found = {}
    for name, level in SHAFT_LEVELS.items():
        above = np.flatnonzero(share > level)
        found[f"shaft-medial-{name}"], found[f"shaft-lateral-{name}"] = int(above[0]), int(above[-1])
    return found
