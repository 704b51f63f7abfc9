"""One subshape in one film: everything that tuning needs to estimate its landmarks again in an instant."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from ..geometry.similarity import apply, invert
from ..imaging import Response
from . import kernels
from .baselines import forest_displacements, nearest_displacements
from .formation import Formation
from .graph import PatchGraph, patch_graph
from .patches import PatchModel, PatchSet
from .robust import agreement, consensus, solve_robustly
from .settings import JointDisplacementSettings
from .solver import JointProblem, Weights
from .threads import one_thread
from .votes import Density, density

_FOLLOW = 2.0  # bandwidths within which a landmark that follows a corrected one looks for its own evidence
_WINDOW = 1.5  # search ranges around the expected places that a response image covers


@dataclass(frozen=True, eq=False)
class Estimate:
    """The landmarks of one subshape.

    Parameters
    ----------
    points_px : (L, 2) array
        (row, column) in pixels of the film.
    confidence : (L,) array
        Calibrated, in [0, 1]; NaN for a corrected landmark.
    responses
        One a landmark.
    terms
        Value of each weighted term of the objective; empty for the baselines.
    residual
        Relative residual of the solver; 0 for the baselines.
    isolated_share
        Part of the patches that no other patch resembles.
    """

    points_px: np.ndarray
    confidence: np.ndarray
    responses: tuple[Response, ...]
    terms: Mapping[str, float]
    residual: float
    isolated_share: float


@dataclass(frozen=True, eq=False)
class Votes:
    """Votes of all patches: (K, V, L, 2) level pixels and (K, V, L) weights, with what the solver says.

    `agreed` holds the (L, 2) places that the jointly solved patches agree on; None for the baselines.
    """

    positions: np.ndarray
    weights: np.ndarray
    terms: Mapping[str, float] = field(default_factory=dict)
    residual: float = 0.0
    agreed: np.ndarray | None = None


@dataclass(eq=False)
class Subshape:
    """A subshape's patches in one film at one level. Holds the last solution, to start the next from.

    Parameters
    ----------
    names
        Of its landmarks.
    numbers
        Of its landmarks in the model.
    model
        The trained model, for the formation and the calibration.
    patches
        Training patches.
    features : (K, p) array
        Of the test patches, in the patch set's space.
    centres : (K, 2) array
        Of the test patches in level pixels.
    expected : (L, 2) array
        Where the landmarks were expected, in level pixels.
    shape : (all landmarks, 2) array
        Where all landmarks of the model are believed to be, in level pixels.
    image_from_level, level_from_model : (3, 3) arrays
    search_range
        Of the patches, in level pixels.
    """

    names: tuple[str, ...]
    numbers: tuple[int, ...]
    model: PatchModel
    patches: PatchSet
    features: np.ndarray
    centres: np.ndarray
    expected: np.ndarray
    shape: np.ndarray
    image_from_level: np.ndarray
    level_from_model: np.ndarray
    search_range: float
    _start: np.ndarray | None = field(default=None, init=False)
    _free: tuple | None = field(default=None, init=False)

    def __post_init__(self):
        self._graph = lru_cache(maxsize=4)(self._build_graph)

    @property
    def formation(self) -> Formation:
        return self.model.formation

    def graph(self, neighbours: int) -> PatchGraph:
        """The patches' mutual neighbours; kept for the last few values of k."""
        return self._graph(neighbours)

    def strangeness(self, neighbours: int) -> float:
        """Median distance of the film's patches from the training patch most like each, where 1 is that of training."""
        nearest = np.median(self.graph(neighbours).nearest_distance[:, 0])
        return float(nearest / np.sqrt(max(self.patches.typical_distance2, 1e-12)))

    def _build_graph(self, neighbours: int) -> PatchGraph:
        return patch_graph(self.patches.features, self.features, neighbours, self.patches.table(neighbours))

    @one_thread()
    def estimate(self, settings: JointDisplacementSettings,
                 corrections: Mapping[str, tuple[float, float]] | None = None) -> Estimate:
        """Place the landmarks with these settings.

        Parameters
        ----------
        settings
            Of these, only the solver's and `method`, `locality` matter here.
        corrections
            Landmark name -> (row, column) in pixels of the film, where a person put it. It becomes a constraint of the
            convex problem, and the others follow.

        Raises
        ------
        ValueError
            If a correction names a landmark of another subshape.
        """
        held = self._held(corrections or {})
        votes = self.votes(settings, held)
        densities = self.densities(votes, settings)
        if held and votes.agreed is not None:
            densities = self._following(densities, votes.agreed, held, settings)
        shape = self.shape.copy()
        for landmark, point in held.items():
            shape[self.numbers[landmark]] = point
        by_number = {n: densities[i] for i, n in enumerate(self.numbers)}
        shape = self.formation.choose(by_number, shape, self.level_from_model, settings.shape,
                                      frozenset(self.numbers[i] for i in held))
        found = shape[list(self.numbers)]
        confidence = self.confidence(densities, found)
        confidence[list(held)] = np.nan
        responses = tuple(self.response(d) for d in densities)
        return Estimate(apply(self.image_from_level, found), confidence, responses, votes.terms, votes.residual,
                        self.graph(settings.neighbours).isolated_share if settings.method == "joint" else 0.0)

    def votes(self, settings: JointDisplacementSettings, held: Mapping[int, np.ndarray] | None = None) -> Votes:
        """All patches' votes by the chosen method; `held` gives landmarks (by position here) in level pixels."""
        trust = self._trust(settings)
        if settings.method == "forest":
            given = forest_displacements(self.patches, self.features)
            return self._cast(given, trust, settings.locality)
        graph = self.graph(settings.neighbours)
        if settings.method == "nearest":
            return self._cast(nearest_displacements(self.patches, graph.nearest), trust, settings.locality)
        weights = Weights(settings.alpha, settings.beta, settings.gamma, settings.delta)
        problem = JointProblem(graph, self.patches.displacements.astype(float), self.centres.astype(float), trust)
        problem, solution = solve_robustly(problem, weights, settings.robustness, start=self._start, corrections=held)
        self._start = solution.displacements
        joint = solution.displacements[graph.train_count:]
        if settings.votes == "one":
            by_degree = trust * graph.degree[graph.train_count:]
            cast = self._cast(joint[:, None], by_degree, settings.locality)
        else:
            cast = self._agreeing(problem, joint, trust, settings, bool(held))
        agreed = consensus(problem, solution.displacements)
        return Votes(cast.positions, cast.weights, solution.terms, solution.residual, agreed)

    def densities(self, votes: Votes, settings: JointDisplacementSettings) -> list[Density]:
        """Response images of the landmarks in level pixels."""
        reach = _WINDOW * self.search_range
        out = []
        for i, place in enumerate(self.expected):
            low, high = np.floor(place - reach).astype(int), np.ceil(place + reach).astype(int)
            out.append(density(votes.positions[:, :, i].reshape(-1, 2), votes.weights[:, :, i].ravel(), low, high,
                               settings.bandwidth))
        return out

    def _following(self, densities: list[Density], agreed: np.ndarray, held, settings) -> list[Density]:
        """Response images drawn to where the corrected problem moves each landmark, and to evidence near there.

        The move is that of the agreed places from the problem with the same landmarks held where they were found.
        """
        alone = settings, frozenset(held)
        if self._free is None or self._free[0] != alone:
            found = apply(invert(self.image_from_level), self.estimate(settings).points_px)
            unmoved = self.votes(settings, {i: found[i] for i in held})
            self._free = alone, found - unmoved.agreed
        expected = agreed + self._free[1]
        return [d.towards(place, _FOLLOW * settings.bandwidth) for d, place in zip(densities, expected, strict=True)]

    def response(self, found: Density) -> Response:
        """A density as an image on the film."""
        shift = np.eye(3)
        shift[:2, 2] = found.origin_px
        return Response(found.values, self.image_from_level @ shift)

    def confidence(self, densities: list[Density], found: np.ndarray) -> np.ndarray:
        """(L,) probability that each landmark is within the model's tolerance, from the mass of its peak."""
        mass = np.array([d.mass(p) for d, p in zip(densities, found, strict=True)])
        return calibrated(mass, self.model.confidence)

    def _agreeing(self, problem, joint, trust, settings, corrected) -> Votes:
        """Every neighbour's displacement is a vote; it counts as far as it agrees with the joint estimate."""
        given = nearest_displacements(self.patches, problem.graph.nearest)
        cast = self._cast(given, trust, settings.locality)
        if settings.robustness <= 0:
            return cast
        off = kernels.spread_from(self.patches.displacements, problem.graph.nearest, joint)
        weights = cast.weights * agreement(off, settings.robustness)
        return Votes(cast.positions, weights)

    def _cast(self, displacements: np.ndarray, trust: np.ndarray, locality: float) -> Votes:
        """(K, V, L, 2) displacements as votes."""
        weights = np.broadcast_to(trust[:, None, None], displacements.shape[:3])
        if locality > 0:
            weights = weights * np.exp(-(displacements**2).sum(-1) / (2 * (locality * self.search_range) ** 2))
        return Votes(self.centres[:, None, None] + displacements, weights)

    def _trust(self, settings: JointDisplacementSettings) -> np.ndarray:
        """(K,) 1 for patches within the part of the search range that votes, otherwise 0."""
        reach = settings.patch_range * self.search_range + 1e-9
        near = np.abs(self.centres[:, None] - self.expected).max(-1).min(-1) <= reach
        return near.astype(float) if near.sum() >= 2 else np.ones(len(near))

    def _held(self, corrections: Mapping[str, tuple[float, float]]) -> dict[int, np.ndarray]:
        level_from_image = invert(self.image_from_level)
        held = {}
        for name, point in corrections.items():
            if name not in self.names:
                raise ValueError(f"the subshape {', '.join(self.names)} has no landmark {name!r}")
            held[self.names.index(name)] = apply(level_from_image, np.asarray(point, dtype=float))
        return held


def calibrated(mass: np.ndarray, parameters: tuple[float, ...]) -> np.ndarray:
    """Logistic function of a peak's mass and its logarithm."""
    intercept, slope, log_slope = parameters
    score = intercept + slope * mass + log_slope * np.log(mass + 1e-3)
    return 1.0 / (1.0 + np.exp(-np.clip(score, -30, 30)))
