"""How sure a result is: what the film's map says of it, and a calibrated probability that it is right."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import map_coordinates

from ..geometry.similarity import apply
from ..shape import conics
from ..shape.fitted import FittedShape
from .heads import Head
from .morphing import OutlineModel, normals

BONE_EVIDENCE = ("support", "weakest", "visible", "explained", "strain", "misfit", "head_apart", "head_covered",
                 "size", "ahead")
HEAD_EVIDENCE = ("coverage", "gap", "visible", "level", "scatter", "size", "pixels", "apart", "bone")
_APART = 1.0  # of two heads, in radii: what also stands for there being only one
_NEAR_PX, _ABOUT_PX = 3.0, 12.0
_MEAN_RADIUS_MM = 24.0


@dataclass(frozen=True, eq=False)
class Calibration:
    """A logistic regression: probability = sigmoid(weights @ (evidence - middle) / spread + offset)."""

    names: tuple[str, ...]
    middle: np.ndarray
    spread: np.ndarray
    weights: np.ndarray
    offset: float

    def probability(self, evidence: Mapping[str, float]) -> float:
        values = (np.array([evidence[name] for name in self.names]) - self.middle) / self.spread
        return float(1 / (1 + np.exp(-np.clip(self.weights @ np.clip(values, -5, 5) + self.offset, -30, 30))))

    @classmethod
    def fit(cls, names: Sequence[str], evidence: Sequence[Mapping[str, float]], right: Sequence[bool]) -> "Calibration":
        """Of results of which is known whether they are right; where all are or none is, evidence says nothing."""
        from sklearn.linear_model import LogisticRegression

        right = np.asarray(right, bool)
        if len(set(right)) < 2:
            return cls.constant(names, (right.sum() + 1) / (len(right) + 2))
        table = np.array([[one[name] for name in names] for one in evidence])
        middle, spread = table.mean(0), np.maximum(table.std(0), 1e-6)
        model = LogisticRegression(C=1.0, max_iter=1000).fit(np.clip((table - middle) / spread, -5, 5), right)
        return cls(tuple(names), middle, spread, model.coef_[0], float(model.intercept_[0]))

    @classmethod
    def constant(cls, names: Sequence[str], probability: float = 0.5) -> "Calibration":
        """The same probability whatever the evidence."""
        count = len(names)
        return cls(tuple(names), np.zeros(count), np.ones(count), np.zeros(count),
                   float(np.log(probability / (1 - probability))))

    def to_tensors(self, prefix: str) -> dict[str, np.ndarray]:
        arrays = {"middle": self.middle, "spread": self.spread, "weights": self.weights, "offset": [self.offset]}
        return {prefix + key: np.asarray(value, np.float32) for key, value in arrays.items()}

    @classmethod
    def from_tensors(cls, names: Sequence[str], tensors: Mapping[str, np.ndarray], prefix: str) -> "Calibration":
        """Inverse of `to_tensors`; ValueError where they do not fit."""
        arrays = {key: np.asarray(tensors[prefix + key], float) for key in ("middle", "spread", "weights", "offset")}
        if any(arrays[key].shape != (len(names),) for key in ("middle", "spread", "weights")):
            raise ValueError(f"a calibration of {len(names)} kinds of evidence has other sizes")
        return cls(tuple(names), arrays["middle"], arrays["spread"], arrays["weights"], float(arrays["offset"][0]))


def along(points: np.ndarray, confidence: np.ndarray, inside: np.ndarray, step: float = 1.0
          ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of an open line at equal steps: (S,) greatest confidence within two pixels, on-film flags, and share along it."""
    lengths = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
    at = np.linspace(0, lengths[-1], max(int(lengths[-1] / step), 8))
    line = np.stack([np.interp(at, lengths, points[:, i]) for i in (0, 1)], 1)
    places = line[:, None] + np.arange(-2, 2.1, 0.5)[:, None] * normals(line)[:, None]
    values = map_coordinates(confidence, places.reshape(-1, 2).T, order=1, mode="constant").reshape(len(line), -1)
    seen = map_coordinates(inside.astype(np.float32), line.T, order=0, mode="constant") > 0.5
    return values.max(1), seen, at / lengths[-1]


def bone_evidence(model: OutlineModel, shape: FittedShape, confidence: np.ndarray, inside: np.ndarray,
                  head: Head | None, pixel_mm: float) -> dict[str, float]:
    """What speaks for and against a fitted outline; all of `BONE_EVIDENCE` but "ahead"."""
    points = shape.points_px
    values, seen, share = along(points, confidence, inside)
    parts = [values[seen & (share >= a) & (share < a + 0.125)] for a in np.arange(8) / 8]
    return {
        "support": float(values[seen].mean()) if seen.any() else 0.0,
        "weakest": float(min((part.mean() for part in parts if len(part) > 3), default=0.0)),
        "visible": float(seen.mean()),
        "explained": explained(points, confidence),
        "strain": float(np.sqrt((shape.deviations**2).mean())),
        "misfit": min(shape.rms_px, 10.0),
        "head_apart": _APART if head is None else apart(head, *head_of_shape(model, shape)),
        "head_covered": 0.0 if head is None else head.coverage,
        "size": float(abs(np.log(max(shape.scale * pixel_mm, 1e-3)))),
    }


def explained(points: np.ndarray, confidence: np.ndarray) -> float:
    """Share of the map near an outline that lies on it."""
    from scipy.spatial import cKDTree

    low, high = points.min(0) - _ABOUT_PX, points.max(0) + _ABOUT_PX
    pixels = np.argwhere(confidence > 0.3)
    pixels = pixels[((pixels > low) & (pixels < high)).all(1)]
    if not len(pixels):
        return 0.0
    lengths = np.linalg.norm(np.diff(points, axis=0), axis=1)
    dense = np.concatenate([a + np.linspace(0, 1, int(n) + 2)[:, None] * (b - a)
                            for a, b, n in zip(points[:-1], points[1:], lengths, strict=True)])
    away, _ = cKDTree(dense).query(pixels, distance_upper_bound=_ABOUT_PX)
    weights = confidence[tuple(pixels.T)]
    about = weights[away < _ABOUT_PX].sum()
    return float(weights[away < _NEAR_PX].sum() / about) if about > 0 else 0.0


def merit(model: OutlineModel, shape: FittedShape, confidence: np.ndarray, inside: np.ndarray) -> float:
    """What models and poses compete by: outline that the map confirms, in px, less what it denies, less the strain."""
    values, seen, _ = along(shape.points_px, confidence, inside)
    per_mm = 1.0 / max(shape.scale, 1e-3)
    return float(((values[seen] - 0.4).sum()) * per_mm - 0.5 * (shape.deviations**2).sum()
                 - 0.1 * (~seen).sum() * per_mm)


def head_evidence(head: Head, pixel_mm: float, bones: Sequence[tuple[OutlineModel, FittedShape, float]] = ()
                  ) -> dict[str, float]:
    """What speaks for and against a head's circle: `HEAD_EVIDENCE`.

    Parameters
    ----------
    head
    pixel_mm
    bones
        Outlines that were found, each with its model and probability: a circle where no femur has its head is none.
    """
    seen = np.isfinite(head.confidence_along)
    near = [(apart(head, *head_of_shape(model, shape)), probability) for model, shape, probability in bones]
    off, sure = min(near, default=(_APART, 0.0))
    return {
        "apart": off,
        "bone": sure,
        "coverage": head.coverage,
        "gap": head.gap,
        "visible": float(seen.mean()),
        "level": float(head.confidence_along[seen].mean()) if seen.any() else 0.0,
        "scatter": min(head.scatter, 5.0),
        "size": float(abs(np.log(head.radius * pixel_mm / _MEAN_RADIUS_MM))),
        "pixels": float(np.log(max(head.pixels, 1))),
    }


def apart(head: Head, centre: np.ndarray, radius: float) -> float:
    """How far a head is from another circle, in its radii: places and, by their logarithm, sizes; at most `_APART`."""
    off = np.hypot(*(head.centre - centre)) / radius + abs(np.log(head.radius / radius))
    return float(min(off, _APART))


def head_of_shape(model: OutlineModel, shape: FittedShape) -> tuple[np.ndarray, float]:
    """Centre and radius, px, of the head that a fitted outline has."""
    circle = conics.fit(shape.points_px[model.head])
    return np.array(circle.centre), circle.radius


def in_image(shape: FittedShape, image_from_map: np.ndarray) -> FittedShape:
    """A shape fitted in a map, in the film's pixels."""
    from dataclasses import replace

    scale = float(np.sqrt(abs(np.linalg.det(image_from_map[:2, :2]))))
    return replace(shape, image_from_model=image_from_map @ shape.image_from_model,
                   observed_px=apply(image_from_map, shape.observed_px), noise_px=shape.noise_px * scale)
