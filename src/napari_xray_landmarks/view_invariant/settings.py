"""Settings of view-invariant landmarks: the one source for the form, the command line and the defaults."""

from dataclasses import dataclass

from ..options import check_options, option

NETWORKS = ("light", "as published")


@dataclass(frozen=True)
class ViewInvariantSettings:
    """Options of the view-invariant network, with the best settings found as defaults.

    Each field's metadata holds help, unit, low, high, log (slider scale), choices and group: "method" (how a film is
    searched) or "training" (fixed once a model is trained). `AS_PUBLISHED` holds the paper's values.
    """

    threshold: float = option(0.4, "Belief from which a landmark counts as detected", low=0.0, high=1.0)
    averaging: bool = option(False, "Average the belief of all stages, as published; otherwise the last stage's")
    mirrored: bool = option(True, "Search the mirrored film too, and take the mean of both beliefs")
    tolerance: float = option(4.0, "Places nearer to each other than this are no doubt about a landmark: the standard "
                              "deviation of the belief's bells; 0 for that of training", low=0.0, high=50.0, unit="mm")
    stages_shown: bool = option(False, "Keep the belief of every stage, to look at")
    network: str = option("light", "The light network, or the published one of six stages, which was trained with "
                          "learning_rate=1e-5, batch=1, epochs=30", choices=NETWORKS, group="training")
    stages: int = option(3, "Stages of the network; six as published", low=2, high=8, group="training")
    channels: int = option(16, "Channels of the network's finest level; the published one has eight times as many",
                           low=2, high=128, group="training")
    pixel_mm: float = option(0.77, "Pixel of the network at the patient", low=0.2, high=3.0, unit="mm",
                             group="training")
    rows: int = option(240, "Rows of the pictures that train", low=64, high=1024, unit="network px", group="training")
    columns: int = option(304, "Columns of the pictures that train", low=64, high=1024, unit="network px",
                          group="training")
    epochs: int = option(60, "How often the films are gone through", low=1, high=2000, group="training")
    films: int = option(3000, "Films rendered from CTs, all in all", low=8, high=1_000_000, group="training")
    fresh: int = option(250, "Of these, rendered before each epoch until all are there", low=1, high=100_000,
                        group="training")
    learning_rate: float = option(2e-3, "Of AdamW, at its highest", low=1e-6, high=1e-1, log=True, group="training")
    batch: int = option(16, "Pictures a step", low=1, high=256, group="training")
    threads: int = option(2, "Processor threads that train", low=1, high=64, group="training")

    def __post_init__(self):
        check_options(self)


AS_PUBLISHED = ViewInvariantSettings(averaging=True, mirrored=False, tolerance=0.0, network="as published", stages=6,
                                     epochs=30, films=20_000, learning_rate=1e-5, batch=1)
