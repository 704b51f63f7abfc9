"""What a trained model knows: patches with their features and displacements, per level and subshape."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from .features import FEATURE_LENGTH
from .formation import Formation
from .graph import NeighbourTable, neighbour_table

_LEVELS = 127  # of 8 bits, on each side of zero


@dataclass(frozen=True, eq=False)
class PatchSet:
    """Training patches around one group of landmarks at one resolution.

    Parameters
    ----------
    features : (K̃, p) float array
        As `describe` gives them.
    displacements : (K̃, L, 2) float array
        From each patch's centre to each landmark, in level pixels.
    mean, basis : (360,) and (360, p) arrays
        Principal components of the features; the basis is empty, (360, 0), where all 360 values are kept.
    film : (K̃,) integer array
        Which film each patch is from; empty in a model that was read from a file.
    """

    features: np.ndarray
    displacements: np.ndarray
    mean: np.ndarray
    basis: np.ndarray
    film: np.ndarray = field(default_factory=lambda: np.empty(0, int))

    def __post_init__(self):
        count, length = self.features.shape
        if self.displacements.ndim != 3 or self.displacements.shape[0] != count or self.displacements.shape[2] != 2:
            raise ValueError(f"{count} features but displacements of shape {self.displacements.shape}")
        if self.mean.shape != (FEATURE_LENGTH,) or self.basis.shape[0] != FEATURE_LENGTH:
            raise ValueError(f"the basis must have {FEATURE_LENGTH} rows, got {self.basis.shape}")
        if length != (self.basis.shape[1] or FEATURE_LENGTH):
            raise ValueError(f"features of length {length} do not fit a basis of {self.basis.shape[1]} components")
        if count < 2:
            raise ValueError(f"a patch set needs two patches, got {count}")

    def table(self, neighbours: int) -> NeighbourTable:
        """At least that many nearest neighbours among the training patches; kept for the next film."""
        kept = self.__dict__.get("_table")
        if kept is None or kept.index.shape[1] < min(neighbours, len(self.features) - 1):
            kept = neighbour_table(self.features, neighbours)
            object.__setattr__(self, "_table", kept)
        return kept

    @cached_property
    def typical_distance2(self) -> float:
        """Median squared distance to the nearest other patch."""
        return float(np.median(self.table(1).distance2[:, 0]))

    def describe(self, features: np.ndarray) -> np.ndarray:
        """(K, p) features in this set's space, from (K, 360)."""
        if not self.basis.shape[1]:
            return features
        return (features - self.mean) @ self.basis

    def without_films(self, films: Collection[int]) -> "PatchSet":
        """The set without some films' patches, for honest figures while training."""
        keep = ~np.isin(self.film, list(films))
        return replace(self, features=self.features[keep], displacements=self.displacements[keep], film=self.film[keep])


def patch_set(features, displacements, film, components: int) -> PatchSet:
    """Gather (K̃, 360) features and their displacements, and reduce the features to their principal components."""
    mean, basis = np.zeros(FEATURE_LENGTH, np.float32), np.empty((FEATURE_LENGTH, 0), np.float32)
    if components:
        mean = features.mean(0)
        covariance = np.cov(features - mean, rowvar=False)
        basis = np.linalg.eigh(covariance)[1][:, ::-1][:, :components].astype(np.float32)
        features = (features - mean) @ basis
    return PatchSet(np.ascontiguousarray(features, np.float32), np.asarray(displacements, np.float32), mean, basis,
                    np.asarray(film))


@dataclass(frozen=True, eq=False)
class PatchModel:
    """A trained joint displacement model.

    The model's frame has its origin at the landmarks' mean and a root mean square radius of 1.

    Parameters
    ----------
    formation
        Mean shape and its variation.
    subshapes
        Landmark numbers that are solved together.
    resolutions
        Level pixels per unit of the model's frame, coarse to fine.
    levels
        One tuple a level, one patch set a subshape.
    pose
        Patches over the whole film at a low resolution, which find the first pose; displacements to all landmarks.
    pose_resolution
        Its level pixels per unit.
    scales
        (low, high) model units' size as a part of the film's diagonal.
    scales_mm
        (low, high) model unit in mm; empty where the training films have no spacing.
    confidence
        (intercept, slope on the peak's mass, slope on its logarithm): logistic calibration of the confidence.
    tolerance
        The error, in units of the frame, within which the confidence promises the landmark to be.
    """

    formation: Formation
    subshapes: tuple[tuple[int, ...], ...]
    resolutions: tuple[float, ...]
    levels: tuple[tuple[PatchSet, ...], ...]
    pose: PatchSet
    pose_resolution: float
    scales: tuple[float, float]
    scales_mm: tuple[float, ...] = ()
    confidence: tuple[float, ...] = (0.0, 0.0, 0.0)
    tolerance: float = 0.03

    def without_films(self, films: Collection[int]) -> "PatchModel":
        """The model without some films' patches."""
        levels = tuple(tuple(s.without_films(films) for s in level) for level in self.levels)
        return replace(self, levels=levels, pose=self.pose.without_films(films))


def to_tensors(model: PatchModel) -> dict[str, np.ndarray]:
    """Arrays of a model file; inverse of `from_tensors`.

    Displacements are in half precision (near ones to 0.01 px), principal components of the features in 8 bits: the
    rounding is a hundredth of the distance between neighbours.
    """
    tensors = {
        "mean_shape": model.formation.mean.astype(np.float32),
        "covariance": model.formation.covariance.astype(np.float64),
        "resolutions": np.array(model.resolutions, np.float64),
        "scales": np.array(model.scales, np.float64),
        "scales_mm": np.array(model.scales_mm, np.float64),
        "pose_resolution": np.array([model.pose_resolution], np.float64),
        "confidence": np.array(model.confidence, np.float64),
        "tolerance": np.array([model.tolerance], np.float64),
    }
    tensors |= _set_tensors("pose", model.pose)
    for i, level in enumerate(model.levels):
        for j, patches in enumerate(level):
            tensors |= _set_tensors(f"level{i}.subshape{j}", patches)
    for j, group in enumerate(model.subshapes):
        tensors[f"subshape{j}"] = np.array(group, np.int32)
    return tensors


def from_tensors(tensors: Mapping[str, np.ndarray]) -> PatchModel:
    """The model in a file's arrays; ValueError or KeyError where they do not fit together."""
    mean = np.asarray(tensors["mean_shape"], float)
    covariance = np.asarray(tensors["covariance"], float)
    if mean.ndim != 2 or mean.shape[1] != 2 or covariance.shape != (mean.size, mean.size):
        raise ValueError(f"mean shape {mean.shape} does not fit covariance {covariance.shape}")
    if np.linalg.eigvalsh(covariance)[0] <= 0:
        raise ValueError("the covariance is not positive definite")
    resolutions = tuple(_positive(tensors["resolutions"], "resolutions"))
    subshapes = []
    while f"subshape{len(subshapes)}" in tensors:
        group = tuple(int(i) for i in tensors[f"subshape{len(subshapes)}"])
        if not group or not all(0 <= i < len(mean) for i in group):
            raise ValueError(f"subshape {len(subshapes)} names landmarks {group} of {len(mean)}")
        subshapes.append(group)
    if {i for group in subshapes for i in group} != set(range(len(mean))):
        raise ValueError("the subshapes do not hold every landmark")
    levels = tuple(tuple(_read_set(tensors, f"level{i}.subshape{j}", len(group)) for j, group in enumerate(subshapes))
                   for i in range(len(resolutions)))
    return PatchModel(Formation(mean, covariance), tuple(subshapes), resolutions, levels,
                      _read_set(tensors, "pose", len(mean)),
                      _positive(tensors["pose_resolution"], "pose_resolution")[0],
                      tuple(_positive(tensors["scales"], "scales", 2)),
                      tuple(_positive(tensors["scales_mm"], "scales_mm")),
                      tuple(float(v) for v in tensors["confidence"]), _positive(tensors["tolerance"], "tolerance")[0])


def _set_tensors(prefix: str, patches: PatchSet) -> dict[str, np.ndarray]:
    tensors = {
        f"{prefix}.displacements": patches.displacements.astype(np.float16),
        f"{prefix}.mean": patches.mean.astype(np.float32),
        f"{prefix}.basis": patches.basis.astype(np.float16),
    }
    if not patches.basis.shape[1]:
        return tensors | {f"{prefix}.features": patches.features.astype(np.float16)}
    largest = np.maximum(np.abs(patches.features).max(0), 1e-6)
    step = 2.0 ** np.ceil(np.log2(largest / _LEVELS))  # a power of two, so that rounding again changes nothing
    return tensors | {f"{prefix}.features": np.round(patches.features / step).astype(np.int8),
                      f"{prefix}.step": step.astype(np.float32)}


def _read_set(tensors, prefix: str, landmarks: int) -> PatchSet:
    features, displacements, mean, basis = (
        np.ascontiguousarray(tensors[f"{prefix}.{name}"], dtype=np.float32)
        for name in ("features", "displacements", "mean", "basis"))
    if np.asarray(tensors[f"{prefix}.features"]).dtype == np.int8:
        step = np.asarray(tensors[f"{prefix}.step"], np.float32)
        if step.shape != features.shape[1:] or not (step > 0).all():
            raise ValueError(f"{prefix} has steps of shape {step.shape}, or not above zero")
        features = features * step
    if displacements.ndim != 3 or displacements.shape[1] != landmarks:
        raise ValueError(f"{prefix} has displacements of shape {displacements.shape} for {landmarks} landmarks")
    return PatchSet(features, displacements, mean, basis)


def _positive(values, what: str, count: int | None = None) -> list[float]:
    values = [float(v) for v in np.asarray(values).ravel()]
    if not all(np.isfinite(v) and v > 0 for v in values) or (count is not None and len(values) != count):
        raise ValueError(f"{what} must be {count or 'some'} positive numbers, got {values}")
    return values
