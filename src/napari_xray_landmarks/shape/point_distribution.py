"""Point distribution models: a mean shape and its principal modes of variation (Cootes et al. 1995)."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from . import procrustes

CRITERIA = ("mdl", "bic", "aic")


@dataclass(frozen=True, eq=False)
class PointDistributionModel:
    """Shapes x = mean + sum_i b_i modes_i, with independent normal b_i.

    Parameters
    ----------
    mean : (N, D) array
        N points in the model's frame, D = 2 or 3, in the unit of the shapes that it was fitted to.
    modes : (M, N, D) array
        Orthonormal, the one with the largest variance first.
    variances : (M,) array
        Of the coefficients b.
    names
        One a point; may be empty.
    residual
        Variance of a coordinate that the modes leave out.
    """

    mean: np.ndarray
    modes: np.ndarray
    variances: np.ndarray
    names: tuple[str, ...] = ()
    residual: float = 0.0

    def __post_init__(self):
        mean, modes, variances = (np.array(a, float) for a in (self.mean, self.modes, self.variances))
        if mean.ndim != 2 or mean.shape[1] not in (2, 3):
            raise ValueError(f"a mean shape must be (N, 2) or (N, 3), got {mean.shape}")
        if modes.shape[1:] != mean.shape or variances.shape != modes.shape[:1]:
            raise ValueError(f"modes {modes.shape} and variances {variances.shape} do not fit the mean {mean.shape}")
        if not all(np.isfinite(a).all() for a in (mean, modes, variances)) or (variances <= 0).any():
            raise ValueError("mean and modes must be finite, and variances positive")
        if not self.residual >= 0:
            raise ValueError(f"the residual variance must not be negative, got {self.residual}")
        if self.names and len(self.names) != len(mean):
            raise ValueError(f"{len(self.names)} names for {len(mean)} points")
        for key, value in (("mean", mean), ("modes", modes), ("variances", variances)):
            value.flags.writeable = False
            object.__setattr__(self, key, value)
        object.__setattr__(self, "names", tuple(self.names))

    @classmethod
    def fit(cls, shapes, *, retained: float = 0.98, criterion: str | None = None, names=(), aligned: bool = False,
            scaled: bool = True) -> "PointDistributionModel":
        """The model of some shapes.

        Parameters
        ----------
        shapes : (K, N, D) array
            Corresponding points of K >= 2 shapes, brought together by generalised Procrustes analysis.
        retained
            Share of the variance that the modes hold, in (0, 1].
        criterion
            "mdl" or "bic" (which are the same here), or "aic": how many modes the shapes speak for, in place of
            `retained`; see `significant_modes`.
        names
            One a point.
        aligned
            Whether the shapes lie together already.
        scaled
            False lets size count as shape.

        Raises
        ------
        ValueError
            There are fewer than two shapes, all are alike, or an option will not do.
        """
        shapes = np.asarray(shapes, float)
        if shapes.ndim != 3 or len(shapes) < 2:
            raise ValueError(f"a shape model needs at least 2 shapes (K, N, D), got {shapes.shape}")
        if not 0 < retained <= 1:
            raise ValueError(f"the retained share must lie in (0, 1], got {retained}")
        if not aligned:
            _, shapes = procrustes.align(shapes, scaled=scaled)
        mean, variances, modes = _principal(shapes)
        if criterion is None:
            share = np.cumsum(variances) / variances.sum()
            count = min(1 + int(np.searchsorted(share, retained - 1e-12)), len(variances))
        else:
            count = max(significant_modes(variances, len(shapes), criterion), 1)
        left_out = max(variances.sum() - variances[:count].sum(), 0.0) / max(mean.size - count, 1)
        return cls(mean, modes[:count], variances[:count], tuple(names), float(left_out))

    @property
    def deviations(self) -> np.ndarray:
        """(M,) standard deviations of the coefficients."""
        return np.sqrt(self.variances)

    @property
    def size(self) -> float:
        """Root mean square distance of the mean's points from their centroid."""
        return procrustes.rms_radius(self.mean)

    def shape(self, coefficients=()) -> np.ndarray:
        """(N, D) points of the shape with those coefficients; modes beyond the given ones stay at zero."""
        coefficients = np.asarray(coefficients, float)
        return self.mean + np.tensordot(coefficients, self.modes[: len(coefficients)], 1)

    def coefficients(self, points) -> np.ndarray:
        """(M,) coefficients of the shape nearest to (N, D) points in the model's frame (the paper's Eq. 6)."""
        return self._flat @ (np.asarray(points, float) - self.mean).ravel()

    def clip(self, coefficients, limit: float = 3.0) -> np.ndarray:
        """Coefficients held within `limit` standard deviations."""
        bound = limit * self.deviations[: len(coefficients)]
        return np.clip(coefficients, -bound, bound)

    def posterior(self, points, weights=None, noise: float | None = None) -> tuple[np.ndarray, np.ndarray]:
        """What points tell of the coefficients, given how shapes differ: their mean (the MAP estimate) and covariance.

        Parameters
        ----------
        points : (N, D) array
            In the model's frame; NaN where nothing is known.
        weights : (N,) or (N, D, D) array, optional
            Confidence of each point, or a matrix where it is surer in one direction than in another, as n n^T for a
            point of which only the place along its normal n is known.
        noise
            Standard deviation of a coordinate of a point with weight 1; by default that which the modes leave out.

        Returns
        -------
        mean : (M,) array
        covariance : (M, M) array
        """
        points = np.asarray(points, float)
        known = np.isfinite(points).all(1)
        precision = precision_matrices(weights, points.shape) * known[:, None, None] / self._noise(noise) ** 2
        weighed = np.einsum("nde,mne->mnd", precision, self.modes).reshape(len(self.modes), -1)
        information = weighed @ self._flat.T + np.diag(1 / self.variances)
        covariance = np.linalg.inv(information)
        return covariance @ (weighed @ (np.where(known[:, None], points, 0.0) - self.mean).ravel()), covariance

    def sample(self, rng: np.random.Generator, limit: float = 3.0) -> np.ndarray:
        """(N, D) points of a random shape, its coefficients within `limit` standard deviations."""
        return self.shape(np.clip(rng.standard_normal(len(self.modes)), -limit, limit) * self.deviations)

    def with_modes(self, count: int) -> "PointDistributionModel":
        """The same model with its first `count` modes only; what the others held counts as left out."""
        dropped = self.variances[count:].sum() + self.residual * (self.mean.size - len(self.modes))
        return PointDistributionModel(self.mean, self.modes[:count], self.variances[:count], self.names,
                                      float(dropped / max(self.mean.size - min(count, len(self.modes)), 1)))

    def to_tensors(self, prefix: str = "") -> dict[str, np.ndarray]:
        """Arrays for a model file, in single precision; the names stand in its header."""
        arrays = {"mean": self.mean, "modes": self.modes, "variances": self.variances, "residual": self.residual}
        return {prefix + key: np.asarray(value, np.float32) for key, value in arrays.items()}

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, np.ndarray], names=(), prefix: str = "") -> "PointDistributionModel":
        """Inverse of `to_tensors`; ValueError where they are no shape model."""
        if missing := [key for key in ("mean", "modes", "variances", "residual") if prefix + key not in tensors]:
            raise ValueError(f"there is no tensor {prefix + missing[0]!r}")
        mean, modes, variances = (tensors[prefix + key] for key in ("mean", "modes", "variances"))
        return cls(mean, modes, variances, tuple(names), float(tensors[prefix + "residual"]))

    @property
    def _flat(self) -> np.ndarray:
        return self.modes.reshape(len(self.modes), -1)

    def _noise(self, noise: float | None) -> float:
        noise = max(np.sqrt(self.residual), 1e-3 * self.size) if noise is None else noise
        if not noise > 0:
            raise ValueError(f"noise must be positive, got {noise}")
        return noise


def precision_matrices(weights, shape: tuple[int, int]) -> np.ndarray:
    """(N, D, D) matrices for weights that are left out, (N,) or (N, D, D)."""
    count, dimension = shape
    weights = np.ones(count) if weights is None else np.asarray(weights, float)
    if weights.shape == (count,) and (weights >= 0).all():
        return weights[:, None, None] * np.eye(dimension)
    if weights.shape == (count, dimension, dimension) and np.isfinite(weights).all():
        return weights
    raise ValueError(f"weights must be {count} non-negative numbers or {dimension} x {dimension} matrices")


def significant_modes(variances, shapes: int, criterion: str = "mdl") -> int:
    """How many modes stand out of isotropic noise.

    The model with k modes has the likelihood of k free eigenvalues and p - k equal ones, and k (2p - k + 1) / 2 free
    numbers; p is the number of eigenvalues above zero (Wax and Kailath 1985; the BIC of Minka 2000 is the same).

    Parameters
    ----------
    variances : (p,) array
        All of them, the largest first.
    shapes
        How many there were.
    criterion
        "mdl", "bic" or "aic".

    Raises
    ------
    ValueError
        For any other criterion.
    """
    if criterion not in CRITERIA:
        raise ValueError(f"criterion must be one of {', '.join(CRITERIA)}, got {criterion!r}")
    variances = np.asarray(variances, float)
    k, p = np.arange(len(variances)), len(variances)
    tails = np.cumsum(variances[::-1])[::-1] / (p - k)
    logs = np.cumsum(np.log(variances[::-1]))[::-1] / (p - k)
    fit = shapes * (p - k) / 2 * (np.log(tails) - logs)
    numbers = k * (2 * p - k + 1) / 2
    return int(np.argmin(fit + numbers * (1.0 if criterion == "aic" else 0.5 * np.log(shapes))))


def _principal(shapes: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean, variances above zero, and the modes that have them."""
    mean = shapes.mean(0)
    _, sizes, rows = np.linalg.svd((shapes - mean).reshape(len(shapes), -1), full_matrices=False)
    variances = sizes**2 / (len(shapes) - 1)
    kept = variances > 1e-12 * (mean**2).mean()
    kept[len(shapes) - 1:] = False
    if not kept.any():
        raise ValueError("all shapes are alike: there is nothing to learn from them")
    rows = rows[kept]
    rows *= np.sign(rows[np.arange(len(rows)), np.abs(rows).argmax(1)])[:, None]
    return mean, variances[kept], rows.reshape(-1, *mean.shape)
