"""Which landmarks of a phantom's films run round its bones: what a training set says for models that segment."""

from .schemas import SCHEMAS

VIEW = "ap"
HEAD_CENTRE = "head-centre"
_RIM = "head-inferior", "head-superior"  # the first and the last landmark on the head's circle
_SIDES = "left", "right"


def outlined(name: str) -> dict:
    """Contours, circles and view of a phantom's films, as `about.json` holds them; {} where its landmarks make none."""
    names = SCHEMAS[name].names
    if name == "pelvis-outline":
        return {"contours": [_contour(f"hip-{side}", [n for n in names if n.endswith(side)]) for side in _SIDES],
                "view": VIEW}
    if HEAD_CENTRE not in names:
        return {}
    outline = [n for n in names if n != HEAD_CENTRE]
    cut = [] if name == "complete-femur" else [[outline[-1], outline[0]]]
    first, last = map(outline.index, _RIM)
    circle = {"name": "femoral-head-left", "centre": HEAD_CENTRE, "rim": outline[first:last + 1]}
    return {"contours": [_contour("femur-left", outline, cut)], "circles": [circle], "view": VIEW}


def _contour(name: str, landmarks: list[str], open_edges=()) -> dict:
    return {"name": name, "landmarks": landmarks, "closed": True, "open_edges": list(open_edges)}
