"""The landmarks of each phantom: their names, mirror pairs and subshapes.

Pelvis, left and right: `iliac-crest`, its highest point straight above the head's centre; `iliac-tubercle`, its most
lateral point; `asis` and `aiis`, the tips of the iliac spines, farthest forwards, downwards and outwards
(`pelvis.HIP_LANDMARKS` has the directions); `femoral-head`, its centre; `greater-trochanter`, its tip along the shaft;
`lesser-trochanter`, its most medial point; `ischial-tuberosity`, the ischium's lowest point; `ischial-spine`, its tip,
which points into the pelvic inlet; `pubic-tubercle`, its point farthest upwards and forwards. In the midline:
`symphysis-superior` and `symphysis-inferior`, between the upper and the lower medial corners of the pubic bones;
`sacral-promontory`, the anterior edge of S1's base.

Proximal femur: 32 points of the outline in the AP view from the medial to the lateral side of the shaft, ten of them
anatomical (see `phantoms.outline`), the others at equal distances between; and the centre of the head.

Complete femur: 64 points round the shadow of a left one from the intercondylar notch over the medial side, 17 of them
anatomical (see `phantoms.leg_outline`), the others at equal distances between; and the centre of the head.

Pelvis outline: 40 points round the shadow of each hip bone from the iliac crest over the lateral side, 15 of them
anatomical (see `phantoms.hip_outline`), the others at equal distances between.

Spine: the four corners of each vertebral body from C7 to L5 as an AP film shows them, left and right as on the film
(see `phantoms.thoracolumbar_landmarks`), in the order of the AASCE data.
"""

from ..landmarks import Schema, vertebral_corners

PAIRED = ("iliac-crest", "iliac-tubercle", "asis", "aiis", "femoral-head", "greater-trochanter", "lesser-trochanter",
          "ischial-tuberosity", "ischial-spine", "pubic-tubercle")
MIDLINE = ("symphysis-superior", "symphysis-inferior", "sacral-promontory")

# Anatomical points of the femur's outline and how many points lie between each and the next.
OUTLINE_ANCHORS = (("shaft-medial", 3), ("lesser-trochanter", 2), ("neck-inferior", 1), ("head-inferior", 3),
                   ("head-medial", 3), ("head-superior", 1), ("neck-superior", 3), ("greater-trochanter", 2),
                   ("trochanter-lateral", 4), ("shaft-lateral", 0))

# The same, round the closed outline of a whole femur, from the notch over the medial side (see `phantoms.leg_outline`).
COMPLETE_ANCHORS = (("intercondylar-notch", 2), ("medial-condyle-distal", 3), ("medial-epicondyle", 3),
                    ("shaft-medial-distal", 6), ("shaft-medial-proximal", 3), ("lesser-trochanter", 2),
                    ("neck-inferior", 1), ("head-inferior", 3), ("head-medial", 3), ("head-superior", 1),
                    ("neck-superior", 3), ("greater-trochanter", 2), ("trochanter-lateral", 3),
                    ("shaft-lateral-proximal", 6), ("shaft-lateral-distal", 3), ("lateral-epicondyle", 3),
                    ("lateral-condyle-distal", 2))
# The same, round the closed outline of a hip bone, from the crest over the lateral side (see `phantoms.hip_outline`).
HIP_ANCHORS = (("iliac-crest", 4), ("iliac-tubercle", 1), ("asis", 2), ("aiis", 1), ("acetabular-edge", 2),
               ("acetabulum-ischium", 3), ("ischial-tuberosity", 3), ("symphysis-inferior", 1),
               ("symphysis-superior", 1), ("pubic-tubercle", 2), ("ischial-spine", 1), ("sciatic-notch", 1),
               ("sciatic-ilium", 1), ("posterior-ilium", 0), ("posterior-crest", 2))


def _pelvis() -> Schema:
    left, right = (tuple(f"{n}-{side}" for n in PAIRED) for side in ("left", "right"))
    groups = []
    for own in (left, right):
        groups += [own[:4], own[4:8], (own[9], own[8], *MIDLINE[:2])]
    groups.append((right[8], left[8], *MIDLINE[1:]))
    return Schema("pelvis", left + right + MIDLINE, tuple(zip(left, right, strict=True)), tuple(groups))


def outline_names(anchors, suffix: str = "") -> tuple[str, ...]:
    """Names of the landmarks along an outline: of each anchor, and those between it and the next with a number."""
    return tuple(f"{name}{number}{suffix}" for name, between in anchors
                 for number in ("", *(f"-{i + 1}" for i in range(between))))


def _fours(names: tuple[str, ...]) -> list[tuple[str, ...]]:
    return [names[i:i + 4] for i in range(0, len(names), 4)]


def _proximal_femur() -> Schema:
    names = outline_names(OUTLINE_ANCHORS)
    groups = _fours(names)
    groups.append(("head-inferior", "head-medial", "head-superior", "head-centre"))
    return Schema("proximal femur", (*names, "head-centre"), (), tuple(groups))


def _spine() -> Schema:
    names = vertebral_corners()
    return Schema("spine", names, tuple(zip(names[::2], names[1::2], strict=True)))


def _complete_femur() -> Schema:
    names = outline_names(COMPLETE_ANCHORS)
    head = ("head-inferior", "head-medial", "head-superior", "head-centre")
    return Schema("complete femur", (*names, "head-centre"), (), (*_fours(names), head))


def _pelvis_outline() -> Schema:
    left, right = (outline_names(HIP_ANCHORS, f"-{side}") for side in ("left", "right"))
    groups = (*_fours(left), *_fours(right))
    return Schema("pelvis outline", left + right, tuple(zip(left, right, strict=True)), groups)


SCHEMAS = {"pelvis": _pelvis(), "proximal-femur": _proximal_femur(), "spine": _spine(),
           "pelvis-outline": _pelvis_outline(), "complete-femur": _complete_femur()}
