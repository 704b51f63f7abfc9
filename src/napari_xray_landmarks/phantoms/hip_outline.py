"""The landmarks on the outline of a hip bone's shadow in an AP film.

Edges that lie before or behind another part of the same bone are none of it. Nor is that of the obturator foramen,
which shuts in a film of a pelvis that leans far back. All directions are those of the film, lateral along the line
between the heads of the two femurs.
"""

import numpy as np

from ..geometry.camera import Camera
from .pelvis import SIDES, Individual
from .polyline import farthest, nearest, resampled, spread, started
from .schemas import HIP_ANCHORS
from .silhouette import silhouette

MARGIN_PX = 40  # round the film, so that a bone that leaves it has a whole outline
NEAREST = ("iliac-crest", "iliac-tubercle", "asis", "aiis", "ischial-tuberosity", "pubic-tubercle", "ischial-spine")


def hip_outline(person: Individual, side: str, camera: Camera) -> tuple[np.ndarray, np.ndarray]:
    """The closed outline of a hip bone, and its landmarks in order, both (N, 2) in px; some may lie beyond the film.

    Raises
    ------
    ValueError
        There is no whole outline, or its landmarks are not in order.
    """
    lines = silhouette(person.bone(f"hip-{side}").solid, _wider(camera, MARGIN_PX))
    if not lines or not np.allclose(lines[0][0], lines[0][-1]):
        raise ValueError(f"the {side} hip bone does not lie on the detector")
    heads = camera.project([person.landmarks[f"femoral-head-{s}"] for s in SIDES])
    across = (heads[0] - heads[1]) / np.linalg.norm(heads[0] - heads[1])
    down, lateral = np.array([across[1], -across[0]]), SIDES[side] * across
    points = {n: camera.project(person.landmarks[f"{n}-{side}"][None])[0] for n in NEAREST}
    line = started(resampled(lines[0] - MARGIN_PX), points["iliac-crest"], points["asis"])
    at = _anchors(line, points, down, lateral)
    return line, spread(line, [at[n] for n, _ in HIP_ANCHORS], [count for _, count in HIP_ANCHORS], len(line) - 1)


def _anchors(line, points, down, lateral) -> dict[str, int]:
    """Index of each anatomical landmark on a line from the crest's top over the lateral side and back.

    Those of `NEAREST` are nearest to the pelvis' landmarks; `acetabular-edge` is farthest out and down below the lower
    spine, `acetabulum-ischium`, where the posterior edge of the acetabulum meets the ischium, farthest inwards from the
    chord between its neighbours; `symphysis-inferior` and `symphysis-superior` are the corners of the pubic body;
    `posterior-crest` and `posterior-ilium` the upper and the medial end of the posterior ilium; `sciatic-notch` the
    most lateral point of the greater sciatic notch, `sciatic-ilium` farthest inwards from the chord between the two.
    """
    at = {"iliac-crest": 0}
    tubercle = nearest(line, points["pubic-tubercle"])
    for name, last in (("iliac-tubercle", "iliac-crest"), ("asis", "iliac-tubercle"), ("ischial-tuberosity", "asis")):
        at[name] = nearest(line, points[name], at[last] + 1, tubercle)
    between_spines = nearest(line, 0.5 * (points["asis"] + points["aiis"]), at["asis"] + 1, at["ischial-tuberosity"])
    at["acetabular-edge"] = farthest(line, lateral + 0.25 * down, between_spines + 1, at["ischial-tuberosity"])
    at["aiis"] = nearest(line, points["aiis"], between_spines, at["acetabular-edge"])
    inwards = _beside(line[at["ischial-tuberosity"]] - line[at["acetabular-edge"]], down, lateral)
    at["acetabulum-ischium"] = farthest(line, inwards, at["acetabular-edge"] + 1, at["ischial-tuberosity"])
    at["symphysis-inferior"] = farthest(line, 0.5 * down - lateral, at["ischial-tuberosity"] + 1, tubercle)
    at["symphysis-superior"] = farthest(line, -0.7 * down - lateral, at["symphysis-inferior"] + 1, tubercle)
    at["pubic-tubercle"] = tubercle
    at["posterior-crest"] = farthest(line, -down - lateral, tubercle)
    at["posterior-ilium"] = farthest(line, -0.4 * down - lateral, tubercle, at["posterior-crest"])
    at["sciatic-notch"] = farthest(line, lateral, tubercle, at["posterior-ilium"])
    at["ischial-spine"] = nearest(line, points["ischial-spine"], tubercle + 1, at["sciatic-notch"])
    inwards = _beside(line[at["sciatic-notch"]] - line[at["posterior-ilium"]], down, lateral)
    at["sciatic-ilium"] = farthest(line, inwards, at["sciatic-notch"] + 1, at["posterior-ilium"])
    return at


def _beside(chord, down, lateral) -> np.ndarray:
    """The direction across a chord that runs down, towards the midline."""
    return (chord @ lateral) * down - (chord @ down) * lateral


def _wider(camera: Camera, margin_px: int) -> Camera:
    """The camera with so many more pixels on every side."""
    corner = camera.corner_mm - margin_px * (camera.row_step_mm + camera.column_step_mm)
    rows, columns = camera.size_px
    return Camera(camera.source_mm, corner, camera.row_step_mm, camera.column_step_mm,
                  (rows + 2 * margin_px, columns + 2 * margin_px))
