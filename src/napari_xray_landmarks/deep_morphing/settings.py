"""Settings of deep morphing: the one source for the form, the command line and the defaults."""

from dataclasses import dataclass

from ..options import check_options, option

CIRCLES = ("taubin", "pratt", "algebraic", "geometric", "ransac", "ellipse")
STARTS = ("both", "head", "drift")
CONSTRAINTS = ("map", "clip")


@dataclass(frozen=True)
class DeepMorphingSettings:
    """Options of deep morphing, with the best settings found as defaults; those of training are the paper's.

    Each field's metadata holds help, unit, low, high, log (slider scale), choices and group: "method" (how a film is
    searched), "shape" (how a shape is fitted) or "training" (fixed once a model is trained). Pixels of the network are
    `pixel_mm` wide where the film's spacing is known. `AS_PUBLISHED` holds the paper's values.
    """

    circle: str = option("taubin", "How the circle of the head is fitted to the map", choices=CIRCLES)
    head_pixels: int = option(100, "Pixels above one half that a head must have", low=10, high=2000,
                              unit="network px")
    bones: int = option(1, "How many femurs to look for", low=1, high=2)
    threshold: float = option(0.5, "Confidence from which a bone or head counts as found", low=0.0, high=1.0)
    start: str = option("both", "Where shapes start: about the head that was found, by coherent point drift, or both",
                        choices=STARTS)
    rotations: int = option(36, "Rotations that the shape starts from, each also mirrored", low=1, high=72)
    constraint: str = option("map", "Hold the shape by the most probable estimate, or by clipping",
                             choices=CONSTRAINTS, group="shape")
    deviations: float = option(3.0, "Standard deviations that a mode may reach", low=0.5, high=6.0, group="shape")
    noise: float = option(0.5, "Expected error of the evidence at a vertex, for the most probable estimate",
                          low=0.1, high=10.0, unit="network px", group="shape")
    reach: float = option(10.0, "How far along its normal a vertex looks for evidence, at first", low=2.0, high=40.0,
                          unit="network px", group="shape")
    rounds: int = option(20, "Rounds of looking and fitting, at most", low=1, high=100, group="shape")
    pixel_mm: float = option(0.8, "Pixel of the network", low=0.2, high=3.0, unit="mm", group="training")
    crop: int = option(192, "Side of the pictures that train", low=64, high=1024, unit="network px", group="training")
    channels: int = option(16, "Channels of the finest level; each coarser one has twice as many", low=4, high=128,
                           group="training")
    levels: int = option(4, "Levels of the network", low=2, high=6, group="training")
    retained: float = option(0.995, "Share of the variance that the shape models keep", low=0.5, high=1.0,
                             group="training")
    epochs: int = option(80, "Times that each film is seen", low=1, high=1000, group="training")
    decay_after: int = option(60, "Epochs after which the learning rate falls to a tenth", low=1, high=1000,
                              group="training")
    learning_rate: float = option(2e-3, "Of AdamW, at first", low=1e-5, high=1e-1, log=True, group="training")
    batch: int = option(8, "Pictures a step", low=1, high=256, group="training")
    threads: int = option(2, "Processor threads that train", low=1, high=64, group="training")

    def __post_init__(self):
        check_options(self)


AS_PUBLISHED = DeepMorphingSettings(circle="algebraic", start="drift", constraint="clip")
