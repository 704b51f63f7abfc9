"""Settings of the joint displacement method: the one source for the form, the command line and the defaults.

Lengths are in level pixels: the film is resampled so that the root mean square distance of the landmarks from their
centre is `resolution` pixels at the first level and twice as many at each one after it. So they mean the same for every
film.
"""

from dataclasses import dataclass, fields

from ..options import check_options, option

METHODS = ("joint", "forest", "nearest")
VOTES = ("all", "one")
MAX_SIZE = 10**6


@dataclass(frozen=True)
class JointDisplacementSettings:
    """Options of the joint displacement method (Chen et al.), with the best settings found as defaults.

    Each field's metadata holds help, unit, low, high, log (slider scale), choices and group: "method" (how a film is
    searched), "solver" (what tuning changes without new features), "segmentation" (how outlines are composed) or
    "training" (fixed once a model is trained). A weight of zero is always allowed, also where the slider starts above
    it. `AS_PUBLISHED` holds the paper's values.
    """

    method: str = option("joint", "How patches vote: jointly, by a random forest, or by nearest neighbours",
                         choices=METHODS)
    alpha: float = option(0.1, "Weight of smooth mapping: like patches point to like places",
                          low=1e-4, high=1e2, log=True, group="solver")
    beta: float = option(0.1, "Weight of patch offsets: two patches agree on where a landmark is",
                         low=1e-4, high=1e2, log=True, group="solver")
    gamma: float = option(0.1, "Weight of landmark offsets: every patch sees the landmarks in the same formation",
                          low=1e-4, high=1e2, log=True, group="solver")
    delta: float = option(0.1, "Weight of the formation seen in training; it makes landmarks follow a corrected one",
                          low=1e-4, high=1e2, log=True, group="solver")
    neighbours: int = option(10, "Nearest neighbours that a patch is compared with (k)",
                             low=2, high=50, group="solver")
    robustness: float = option(0.1, "How strongly votes that disagree with the joint estimate lose weight",
                               low=1e-2, high=1e1, log=True, group="solver")
    bandwidth: float = option(4.0, "Width of the kernel that turns votes into a response image",
                              low=0.5, high=10.0, log=True, unit="level px", group="solver")
    patch_range: float = option(1.0, "Only patches within this part of the search range vote",
                                low=0.1, high=1.0, log=True, group="solver")
    shape: float = option(0.1, "Weight of the whole shape when the peak of a response image is chosen",
                          low=1e-3, high=1e1, log=True, group="solver")
    votes: str = option("all", "Each of a patch's neighbours votes, or the joint estimate does once",
                        choices=VOTES, group="solver")
    locality: float = option(0.8, "Reach of a patch as a part of the search range (0: near and far alike)",
                             low=0.0, high=5.0, group="method")
    patches: int = option(2000, "Patches sampled in a film for each subshape", low=100, high=10000)
    rotation: float = option(180.0, "How far a film may be turned from upright", low=0.0, high=180.0, unit="degrees")
    threshold: float = option(0.2, "Confidence from which a landmark counts as detected", low=0.0, high=1.0)
    reach: float = option(6.0, "How far from the composed shape a landmark looks for its best response", low=0.5,
                          high=50.0, log=True, unit="level px", group="segmentation")
    sparsity: float = option(0.001, "Weight of few training shapes in the composed shape (λ₁)", low=1e-4, high=1.0,
                             log=True, group="segmentation")
    outliers: float = option(0.02, "Weight of outliers: the smaller, the sooner evidence off the shape is one (λ₂)",
                             low=1e-4, high=1.0, log=True, group="segmentation")
    compositions: int = option(10, "How often landmarks move and the shape is composed again, at most", low=1,
                               high=50, group="segmentation")
    certainty: float = option(0.5, "Confidence from which an outline counts as found", low=0.0, high=1.0,
                              group="segmentation")
    levels: int = option(3, "Resolutions, from coarse to fine", low=1, high=6, group="training")
    resolution: float = option(48.0, "Root mean square radius of the shape at the first level", low=8.0, high=500.0,
                               unit="level px", group="training")
    cell: int = option(6, "Side of the smallest cell; a patch is four cells wide", low=2, high=64, unit="level px",
                       group="training")
    search_range: float = option(20.0, "Patches lie within this distance of a landmark's expected place", low=2.0,
                                 high=500.0, unit="level px", group="training")
    train_patches: int = option(8000, "Training patches of a subshape at the finest level, half as many before",
                                low=100, high=100000, group="training")
    components: int = option(96, "Principal components kept of the 360 feature values (0: all of them)", low=0,
                             high=360, group="training")

    def __post_init__(self):
        check_options(self)


def names_of_group(group: str) -> tuple[str, ...]:
    """The settings of one group, in their order."""
    return tuple(f.name for f in fields(JointDisplacementSettings) if f.metadata["group"] == group)


BEST = JointDisplacementSettings()
AS_PUBLISHED = JointDisplacementSettings(
    delta=0.0, neighbours=20, robustness=0.0, bandwidth=2.0, shape=0.0, votes="one", locality=0.0, levels=1,
    resolution=96.0, search_range=40.0, cell=12, train_patches=2000, components=0)
PRESETS = {"best": BEST, "as published": AS_PUBLISHED}
