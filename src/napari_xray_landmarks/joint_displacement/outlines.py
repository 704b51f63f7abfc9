"""What a model knows of bones' outlines: which landmarks make them, the shapes seen in training, and when to trust one.

`header.extra` names them: "contours", [{"name", "landmarks", "open_edges"}] with the vertices in order, the last one
joining the first; "circles", [{"name", "centre", "rim"}], a head's centre and vertices on it; "view".
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from ..geometry.similarity import apply, similarity_from_points
from ..shape.point_distribution import PointDistributionModel
from .reliability import EVIDENCE, Reliability

RETAINED = 0.99  # share of the variance in the modes of a bone
_PREFIX = "outlines."


@dataclass(frozen=True)
class Outline:
    """One bone's outline.

    Parameters
    ----------
    name
        "femur-left", ...
    numbers
        Landmark of each of its N vertices, in order.
    drawn
        Whether the edge from each vertex to the next is bone; False where it only closes the outline.
    """

    name: str
    numbers: tuple[int, ...]
    drawn: tuple[bool, ...]


@dataclass(frozen=True)
class Head:
    """A head whose outline is nearly a circle: the landmark at its centre, and those on its rim."""

    name: str
    centre: int
    rim: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class OutlineModel:
    """Outlines of bones over the landmarks of a joint displacement model.

    Parameters
    ----------
    outlines, heads
    dictionary : (K, L, 2) array
        All landmarks of K training films, brought onto the mean shape: the columns of sparse composition.
    reliability
        From what speaks for an outline to the probability that it is right.
    view
        "ap", ...; "" where the films do not say.
    film : (K,) integer array
        Which film each shape is from; empty in a model that was read from a file.
    partner : (L,) integer array, optional
        In a mirrored film, the landmark of the other side that each becomes; not in a model that was read from a file.
    """

    outlines: tuple[Outline, ...]
    heads: tuple[Head, ...]
    dictionary: np.ndarray
    reliability: Reliability = Reliability()
    view: str = ""
    film: np.ndarray = field(default_factory=lambda: np.empty(0, int))
    partner: np.ndarray | None = None

    def __post_init__(self):
        dictionary = np.asarray(self.dictionary, float)
        if dictionary.ndim != 3 or dictionary.shape[2] != 2 or len(dictionary) < 2:
            raise ValueError(f"a dictionary of shapes must be (K, L, 2) with K at least 2, got {dictionary.shape}")
        if not np.isfinite(dictionary).all() or np.abs(dictionary).max() > 100:
            raise ValueError("the shapes of the dictionary must be finite, and about as large as the mean shape")
        if not self.outlines:
            raise ValueError("it names no outline")
        numbers = {n for part in (*self.outlines, *self.heads) for n in _numbers(part)}
        if min(numbers) < 0 or max(numbers) >= dictionary.shape[1]:
            raise ValueError(f"the outlines name landmarks {min(numbers)} to {max(numbers)} of {dictionary.shape[1]}")
        object.__setattr__(self, "dictionary", dictionary)

    @cached_property
    def distributions(self) -> tuple[PointDistributionModel, ...]:
        """The point distribution model of each outline's training shapes, for sliders and corrections."""
        return tuple(PointDistributionModel.fit(self.dictionary[:, list(o.numbers)], retained=RETAINED)
                     for o in self.outlines)

    def without_films(self, films: Collection[int]) -> "OutlineModel":
        """The model without some films' shapes, for honest figures while training."""
        keep = ~np.isin(self.film, list(films))
        return replace(self, dictionary=self.dictionary[keep], film=self.film[keep])


def _numbers(part: Outline | Head) -> tuple[int, ...]:
    return part.numbers if isinstance(part, Outline) else (part.centre, *part.rim)


def learn(about: Mapping, names: Sequence[str], mean: np.ndarray, points_px: Sequence[np.ndarray]
          ) -> OutlineModel | None:
    """The outlines that a training set tells of; None where it tells of none.

    Parameters
    ----------
    about
        Of the training set; without "contours", a schema that says "closed" is one outline of all landmarks.
    names
        Of the L landmarks.
    mean : (L, 2) array
        The model's mean shape.
    points_px : (L, 2) arrays
        The landmarks of each film; only films that show all of them count.
    """
    contours = about.get("contours", ())
    if not contours and about.get("schema", {}).get("closed"):
        contours = [{"name": about.get("anatomy", "outline"), "landmarks": names}]
    whole = [i for i, points in enumerate(points_px) if np.isfinite(points).all()]
    if not contours or len(whole) < 2:
        return None
    shapes = [apply(similarity_from_points(points_px[i], mean), points_px[i]) for i in whole]
    model = described({"contours": contours, "circles": about.get("circles", ()), "view": about.get("view", "")},
                      names, np.array(shapes), Reliability())
    return replace(model, film=np.array(whole), partner=_partners(names, about.get("schema", {}).get("pairs", ())))


def _partners(names: Sequence[str], pairs: Sequence[Sequence[str]]) -> np.ndarray:
    """Which landmark each becomes in a mirrored film, from (left, right) names."""
    other = {a: b for pair in pairs for a, b in (pair, reversed(pair))}
    return np.array([names.index(other.get(name, name)) for name in names])


def described(extra: Mapping, names: Sequence[str], dictionary: np.ndarray, reliability: Reliability) -> OutlineModel:
    """The model that a header's keys describe; ValueError or KeyError where they do not fit the landmarks' names."""
    index = {name: i for i, name in enumerate(names)}

    def number(name: str) -> int:
        if name not in index:
            raise ValueError(f"an outline names the landmark {name!r}, which the model does not have")
        return index[name]

    outlines = []
    for contour in extra["contours"]:
        numbers = tuple(number(name) for name in contour["landmarks"])
        if len(numbers) < 3 or len(set(numbers)) < len(numbers):
            raise ValueError(f"the outline {contour['name']!r} needs three different landmarks or more")
        edges = {tuple(sorted(map(number, edge))) for edge in contour.get("open_edges", ())}
        drawn = tuple(tuple(sorted(edge)) not in edges for edge in zip(numbers, numbers[1:] + numbers[:1], strict=True))
        outlines.append(Outline(str(contour["name"]), numbers, drawn))
    heads = tuple(Head(str(circle["name"]), number(circle["centre"]), tuple(map(number, circle["rim"])))
                  for circle in extra.get("circles", ()))
    return OutlineModel(tuple(outlines), heads, dictionary, reliability, str(extra.get("view", "")))


def header_values(model: OutlineModel, names: Sequence[str]) -> dict:
    """What the header says of the outlines; inverse of `described`."""
    contours = []
    for outline in model.outlines:
        own = [names[i] for i in outline.numbers]
        edges = [[a, b] for a, b, bone in zip(own, own[1:] + own[:1], outline.drawn, strict=True) if not bone]
        contours.append({"name": outline.name, "landmarks": own, "closed": True, "open_edges": edges})
    circles = [{"name": h.name, "centre": names[h.centre], "rim": [names[i] for i in h.rim]} for h in model.heads]
    return {"tasks": ["detect", "segment"], "contours": contours, "circles": circles, "view": model.view}


def to_tensors(model: OutlineModel) -> dict[str, np.ndarray]:
    """Arrays of a model file; inverse of `from_tensors`."""
    return {f"{_PREFIX}dictionary": model.dictionary.astype(np.float32),
            f"{_PREFIX}reliability": np.array([model.reliability.intercept, *model.reliability.slopes], np.float64),
            f"{_PREFIX}tolerance": np.array([model.reliability.tolerance], np.float64)}


def from_tensors(tensors: Mapping[str, np.ndarray], extra: Mapping, names: Sequence[str]) -> OutlineModel | None:
    """The outlines in a model file, or None where it only detects; ValueError or KeyError where they do not fit."""
    if f"{_PREFIX}dictionary" not in tensors:
        return None
    dictionary = np.asarray(tensors[f"{_PREFIX}dictionary"], float)
    if dictionary.ndim != 3 or dictionary.shape[1] != len(names):
        raise ValueError(f"a dictionary of shapes {dictionary.shape} for {len(names)} landmarks")
    intercept, *slopes = (float(v) for v in tensors[f"{_PREFIX}reliability"])
    if len(slopes) != len(EVIDENCE):
        raise ValueError(f"its outlines' reliability has {len(slopes)} slopes, not {len(EVIDENCE)}")
    tolerance = float(np.asarray(tensors[f"{_PREFIX}tolerance"]).ravel()[0])
    return described(extra, names, dictionary, Reliability(intercept, tuple(slopes), tolerance))
