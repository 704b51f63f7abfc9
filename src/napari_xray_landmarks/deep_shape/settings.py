"""Settings of deep shape fitting: the one source for the form, the command line and the defaults."""

from dataclasses import dataclass

from ..options import check_options, option

ROTATIONS = ("euler", "6d")


@dataclass(frozen=True)
class DeepShapeSettings:
    """Options of deep shape fitting, with the best settings found as defaults.

    Each field's metadata holds help, unit, low, high, log (slider scale), choices and group: "method" (how a volume is
    segmented) or "training" (fixed once a model is trained). `AS_PUBLISHED` holds the paper's values.
    """

    local: bool = option(True, "Segment again in 3D, in subvolumes at the landmarks of the fitted shapes")
    ensemble: bool = option(True, "Join the class probabilities of slices and subvolumes, by the weights that training "
                            "chose for each structure; otherwise subvolumes alone decide where there are any")
    largest: bool = option(True, "Keep the largest connected part of each bone")
    subvolumes: float = option(1.0, "Share of the landmarks that subvolumes are centred at", low=0.05, high=1.0)
    threshold: float = option(0.5, "Confidence below which a structure counts as not found", low=0.0, high=1.0)
    thickness: bool = option(True, "Measure the thickness of cartilage on the bone's surface")
    spacing: str = option("", "Spacing that the networks work at, as superior,posterior,left; left out: the median of "
                          "the training volumes", unit="mm", group="training")
    neighbours: int = option(1, "Slices on either side that the network of slices is shown too; none as published",
                             low=0, high=3, group="training")
    stem: int = option(2, "Pixels along a side that the network of slices takes as one; 1 as published", low=1, high=4,
                       group="training")
    channels: int = option(32, "Channels of the finest level of the network of slices", low=4, high=64,
                           group="training")
    crop: int = option(192, "Sides of the parts of slices that train", low=32, high=1024, unit="px", group="training")
    slice_steps: int = option(2000, "Steps that the network of slices learns", low=1, high=1_000_000, group="training")
    slice_batch: int = option(8, "Slices a step", low=1, high=256, group="training")
    distance_weight: float = option(1.0, "Weight of the distance-weighted loss beside the cross-entropy", low=0.0,
                                    high=10.0, group="training")
    points: int = option(2000, "Points on the surface of each bone", low=50, high=10_000, group="training")
    retained: float = option(0.95, "Share of the variance of shape that the modes hold", low=0.5, high=1.0,
                             group="training")
    rotation: str = option("euler", "Parameters of rotation: three angles as published, or six numbers without jumps",
                           choices=ROTATIONS, group="training")
    guided: bool = option(True, "Show the shape network the bone in slices beside the image; as published the image "
                          "alone", group="training")
    shape_channels: int = option(8, "Channels of the first layer of the shape network", low=2, high=64,
                                 group="training")
    shape_steps: int = option(1000, "Steps that each shape network learns", low=1, high=1_000_000, group="training")
    shape_batch: int = option(2, "Volumes a step", low=1, high=64, group="training")
    centres: int = option(60, "Subvolumes a bone, where about.json does not say", low=1, high=1000, group="training")
    subvolume_mm: float = option(26.0, "Sides of the subvolumes", low=4.0, high=200.0, unit="mm", group="training")
    local_channels: int = option(8, "Channels of the finest level of the local network", low=2, high=64,
                                 group="training")
    local_steps: int = option(2000, "Steps that the local network learns", low=1, high=1_000_000, group="training")
    local_batch: int = option(4, "Subvolumes a step", low=1, high=64, group="training")
    learning_rate: float = option(3e-3, "Of AdamW, at its highest", low=1e-6, high=1e-1, log=True, group="training")
    steps_an_epoch: int = option(100, "Steps between two states that are kept", low=1, high=100_000, group="training")
    threads: int = option(2, "Processor threads that train", low=1, high=64, group="training")

    def __post_init__(self):
        check_options(self)


AS_PUBLISHED = DeepShapeSettings(neighbours=0, stem=1, guided=False)
