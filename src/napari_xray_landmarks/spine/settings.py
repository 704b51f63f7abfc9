"""Settings of the spine method: the one source for the form, the command line and the defaults."""

from dataclasses import dataclass

from ..options import check_options, option

NETWORKS = ("vertebrae, then corners", "as published")


@dataclass(frozen=True)
class SpineSettings:
    """Options of the spine method, with the best settings found as defaults.

    Each field's metadata holds help, unit, low, high, log (slider scale), choices and group: "method" (how a film is
    searched) or "training" (fixed once a model is trained). `AS_PUBLISHED` holds the paper's values.
    """

    network: str = option(NETWORKS[0], "Find vertebrae and then their corners, or the published network, which was "
                          "trained with rows=1024, learning_rate=1e-4", choices=NETWORKS, group="training")
    threshold: float = option(0.3, "Confidence from which a corner counts as detected", low=0.0, high=1.0)
    mirrored: bool = option(True, "Search the mirrored film too and take the mean")
    refinements: int = option(2, "How often corners are sought again in crops around those found before", low=1,
                              high=5)
    crops: int = option(1, "Crops of each vertebra, a little turned and moved, over which its corners are averaged at "
                        "last", low=1, high=33)
    alpha: float = option(0.01, "Weight of the bipartite distance in training (0: none)", low=1e-4, high=10.0,
                          log=True, group="training")
    vertebra_epochs: int = option(60, "Passes through the films to learn to find vertebrae", low=1, high=1000,
                                  group="training")
    corner_epochs: int = option(60, "Passes through the films to learn corners (or the published network's)", low=1,
                                high=1000, group="training")
    batch: int = option(4, "Films a training step", low=1, high=64, group="training")
    learning_rate: float = option(1e-3, "Largest step size of the optimiser", low=1e-6, high=1e-1, log=True,
                                  group="training")
    rows: int = option(512, "Height of the film that is searched; the published network's is 1024", low=128, high=2048,
                       unit="px", group="training")
    crop: int = option(96, "Side of the crop in which a vertebra's corners are sought", low=32, high=256, unit="px",
                       group="training")
    held_out: float = option(0.05, "Part of the patients kept for the measure of accuracy and confidence", low=0.0,
                             high=0.5, group="training")

    def __post_init__(self):
        check_options(self)
        for name in ("rows", "crop"):
            if getattr(self, name) % 32:
                raise ValueError(f"{name} must be a multiple of 32, got {getattr(self, name)}")


BEST = SpineSettings()
AS_PUBLISHED = SpineSettings(network=NETWORKS[1], mirrored=False, corner_epochs=100, learning_rate=1e-4, rows=1024)
