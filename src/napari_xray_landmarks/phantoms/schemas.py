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


def _pelvis() -> Schema:
    left, right = (tuple(f"{n}-{side}" for n in PAIRED) for side in ("left", "right"))
    groups = []
    for own in (left, right):
        groups += [own[:4], own[4:8], (own[9], own[8], *MIDLINE[:2])]
    groups.append((right[8], left[8], *MIDLINE[1:]))
    return Schema("pelvis", left + right + MIDLINE, tuple(zip(left, right, strict=True)), tuple(groups))


def _proximal_femur() -> Schema:
    names = []
    for anchor, between in OUTLINE_ANCHORS:
        names += [anchor, *(f"{anchor}-{i + 1}" for i in range(between))]
    groups = [tuple(names[i:i + 4]) for i in range(0, len(names), 4)]
    groups.append(("head-inferior", "head-medial", "head-superior", "head-centre"))
    return Schema("proximal femur", (*names, "head-centre"), (), tuple(groups))


def _spine() -> Schema:
    names = vertebral_corners()
    return Schema("spine", names, tuple(zip(names[::2], names[1::2], strict=True)))


SCHEMAS = {"pelvis": _pelvis(), "proximal-femur": _proximal_femur(), "spine": _spine()}
